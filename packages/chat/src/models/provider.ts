/** A language model through the Vercel AI SDK: Claude, or whatever speaks the protocol of OpenAI's chat completions. */
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { dynamicTool, jsonSchema, streamText } from 'ai';
import type { LanguageModel, ModelMessage, ToolSet } from 'ai';

import { BROKE_OFF, modelFailure } from './failure.ts';
import { ModelFailure } from './model.ts';
import type { Model, ModelCall, ModelPart, ModelRequest, ModelResult, PromptMessage } from './model.ts';

export const DEFAULT_MODEL = 'claude-sonnet-4-5';

export interface ProviderOptions {
  /** @default 'claude-sonnet-4-5' */
  model?: string;
  /**
   * Where the provider is. With `url` it is taken for one that speaks OpenAI's protocol, unless `provider` says `anthropic`.
   *
   * @default Anthropic's own
   */
  url?: string;
  /** @default 'openai-compatible' where there is a `url`, else 'anthropic' */
  provider?: 'anthropic' | 'openai-compatible';
  /** The provider's key; local ones need none. */
  apiKey?: string;
  /** The longest answer, in tokens. @default 4096 */
  maxOutputTokens?: number;
  /** How often a request is repeated that was refused for load (429, 5xx) before anything was answered. @default 2 */
  maxRetries?: number;
}

/** @throws {ModelFailure} when there is neither a key nor a URL. */
export function providerModel(options: ProviderOptions): Model {
  const { url, apiKey } = options;
  const isAnthropic = (options.provider ?? (url === undefined ? 'anthropic' : 'openai-compatible')) === 'anthropic';
  const name = options.model ?? DEFAULT_MODEL;
  if (isAnthropic) {
    if (apiKey === undefined) throw new ModelFailure('Claude needs a key: set ANTHROPIC_API_KEY, or use --offline.');
    const provider = createAnthropic({ apiKey, ...(url !== undefined && { baseURL: url }) });
    return new ProviderModel(name, provider(name), true, options);
  }
  if (url === undefined) throw new ModelFailure('A provider that is not Anthropic needs its address: --model-url.');
  const provider = createOpenAICompatible({
    name: 'openai-compatible',
    baseURL: url,
    includeUsage: true,
    ...(apiKey !== undefined && { apiKey }),
  });
  return new ProviderModel(name, provider(name), false, options);
}

const LINE_END = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/g;

class ProviderModel implements Model {
  readonly name: string;
  readonly #model: LanguageModel;
  /** Whether images may be part of a tool's result; else they follow it. */
  readonly #imagesInResults: boolean;
  readonly #maxOutputTokens: number;
  readonly #maxRetries: number;

  constructor(name: string, model: LanguageModel, imagesInResults: boolean, options: ProviderOptions) {
    this.name = name;
    this.#model = model;
    this.#imagesInResults = imagesInResults;
    this.#maxOutputTokens = options.maxOutputTokens ?? 4096;
    this.#maxRetries = options.maxRetries ?? 2;
  }

  async *answer({ system, messages, tools, signal }: ModelRequest): AsyncIterable<ModelPart> {
    // The SDK writes its warnings to the console otherwise.
    globalThis.AI_SDK_LOG_WARNINGS = false;
    const stream = streamText({
      model: this.#model,
      system,
      messages: messages.flatMap((message) => this.#write(message)),
      tools: toolSet(tools),
      maxOutputTokens: this.#maxOutputTokens,
      maxRetries: this.#maxRetries,
      abortSignal: signal,
      // It is in the stream too; without this it is written to the console.
      onError: () => {},
    });
    let ended = false;
    try {
      for await (const part of stream.fullStream) {
        if (part.type === 'text-delta') yield { type: 'text', text: part.text };
        else if (part.type === 'tool-call') yield { type: 'call', call: readCall(part) };
        else if (part.type === 'error') throw part.error;
        else if (part.type === 'abort') signal.throwIfAborted();
        else if (part.type === 'finish') {
          // A stream that simply ends has no reason of its own for it.
          if (part.rawFinishReason === undefined) throw new ModelFailure(BROKE_OFF);
          ended = true;
          const { inputTokens, outputTokens } = part.totalUsage;
          yield {
            type: 'end',
            cut: part.finishReason === 'length',
            ...(inputTokens !== undefined &&
              outputTokens !== undefined && { usage: { input_tokens: inputTokens, output_tokens: outputTokens } }),
          };
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      throw modelFailure(error, this.name);
    }
    signal.throwIfAborted();
    if (!ended) throw new ModelFailure(BROKE_OFF);
  }

  #write(message: PromptMessage): ModelMessage[] {
    if (message.role === 'user') {
      const { from, text } = message;
      // No line of a text can pass for the beginning of what somebody else says.
      return [{ role: 'user', content: from === undefined ? text : `${from}: ${text.replaceAll(LINE_END, '$&  ')}` }];
    }
    if (message.role === 'assistant') {
      const calls = message.calls.map(({ id, name, arguments: input }) => {
        return { type: 'tool-call' as const, toolCallId: id, toolName: name, input };
      });
      // Providers refuse blank texts.
      const text = message.text.trim() === '' ? [] : [{ type: 'text' as const, text: message.text }];
      return [{ role: 'assistant', content: [...text, ...calls] }];
    }
    const results: ModelMessage = {
      role: 'tool',
      content: message.results.map((result) => {
        return { type: 'tool-result', toolCallId: result.id, toolName: result.name, output: this.#output(result) };
      }),
    };
    const images = this.#imagesInResults ? [] : message.results.flatMap(({ images }) => images);
    if (images.length === 0) return [results];
    const content = images.map(({ data, mime_type }) => ({
      type: 'image' as const,
      image: data,
      mediaType: mime_type,
    }));
    return [results, { role: 'user', content: [{ type: 'text', text: 'The images of these results:' }, ...content] }];
  }

  #output({ text, images, isError }: ModelResult): ToolOutput {
    if (isError) return { type: 'error-text', value: text };
    if (images.length === 0 || !this.#imagesInResults) return { type: 'text', value: text };
    return {
      type: 'content',
      value: [
        ...(text === '' ? [] : [{ type: 'text' as const, text }]),
        ...images.map(({ data, mime_type }) => ({ type: 'image-data' as const, data, mediaType: mime_type })),
      ],
    };
  }
}

type ToolOutput = Extract<
  Extract<ModelMessage, { role: 'tool' }>['content'][number],
  { type: 'tool-result' }
>['output'];

/** Tools without an `execute`: the chat runs them itself. */
function toolSet(tools: ModelRequest['tools']): ToolSet {
  return Object.fromEntries(
    tools.map(({ name, description, inputSchema }) => {
      const { execute: _, ...tool } = dynamicTool({
        description,
        inputSchema: jsonSchema(inputSchema as never),
        execute: async () => undefined,
      });
      return [name, tool];
    }),
  );
}

function readCall(part: {
  toolCallId: string;
  toolName: string;
  input: unknown;
  invalid?: boolean | undefined;
  error?: unknown;
}): ModelCall {
  const { toolCallId: id, toolName: name, input } = part;
  const isObject = typeof input === 'object' && input !== null && !Array.isArray(input);
  const call = { id, name, arguments: isObject ? (input as Record<string, unknown>) : {} };
  if (isObject && part.invalid !== true) return call;
  return { ...call, unreadable: 'The arguments are no JSON object, or there is no such tool.' };
}
