/** A language model through the Vercel AI SDK: Claude, or whatever speaks the protocol of OpenAI's chat completions. */
import { setTimeout as sleep } from 'node:timers/promises';

import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { dynamicTool, jsonSchema, streamText } from 'ai';
import type { LanguageModel, LanguageModelUsage, ModelMessage, ToolSet } from 'ai';

import type { Usage } from '../protocol/history.ts';
import { BROKE_OFF, modelFailure } from './failure.ts';
import type { Asked } from './failure.ts';
import { ModelFailure } from './model.ts';
import type { Model, ModelCall, ModelPart, ModelRequest, ModelResult, PromptMessage } from './model.ts';

/** The newest of its line that the installed provider knows; a test notices when it is not. */
export const DEFAULT_MODEL = 'claude-sonnet-5-5';

/** Which model is asked, and where. */
export interface ProviderOptions {
  /** The provider's name for the model. @default {@link DEFAULT_MODEL} */
  model?: string;
  /**
   * Where the provider is. With `url` it is taken for one that speaks OpenAI's protocol, unless `provider` says `anthropic`.
   *
   * @default Anthropic's own
   */
  url?: string;
  /** The protocol that the provider speaks. @default 'openai-compatible' where there is a `url`, else 'anthropic' */
  provider?: 'anthropic' | 'openai-compatible';
  /** The provider's key; local ones need none. */
  apiKey?: string;
  /** The variable that the key was read from, for errors. @default 'ANTHROPIC_API_KEY', with `url` 'SWITCHBOARD_MODEL_KEY' */
  keyVariable?: string;
  /** The longest answer, in tokens. @default 4096 */
  maxOutputTokens?: number;
  /** How often a request is repeated that failed for load (429, 5xx) before anything was answered. @default 2 */
  maxRetries?: number;
}

/**
 * A model of Anthropic, or of any provider that speaks OpenAI's protocol, by the AI SDK.
 *
 * @throws {ModelFailure} when there is neither a key nor a URL.
 */
export function providerModel(options: ProviderOptions): Model {
  const { url, apiKey } = options;
  const isAnthropic = (options.provider ?? (url === undefined ? 'anthropic' : 'openai-compatible')) === 'anthropic';
  const name = options.model ?? DEFAULT_MODEL;
  if (isAnthropic) {
    if (apiKey === undefined)
      throw new ModelFailure(`Claude needs a key: set ${keyVariableOf(options)}, or use --offline.`);
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

/** How long is waited before the first retry where the provider does not say, doubled each time, in ms. */
const FIRST_WAIT_MS = 2000;
/** A person does not wait longer than this for the provider to have room; then the failure is told. */
const MAX_WAIT_MS = 30_000;
const KEPT = { anthropic: { cacheControl: { type: 'ephemeral' } } } as const;
const LINE_END = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/g;

class ProviderModel implements Model {
  readonly name: string;
  readonly #model: LanguageModel;
  /** Claude takes images in a tool's result, where they follow it elsewhere, and keeps what is marked for the next request. */
  readonly #isAnthropic: boolean;
  readonly #asked: Asked;
  readonly #maxOutputTokens: number;
  readonly #maxRetries: number;

  constructor(name: string, model: LanguageModel, isAnthropic: boolean, options: ProviderOptions) {
    this.name = name;
    this.#model = model;
    this.#isAnthropic = isAnthropic;
    this.#asked = { model: name, keyVariable: keyVariableOf(options), hasKey: options.apiKey !== undefined };
    this.#maxOutputTokens = options.maxOutputTokens ?? 4096;
    this.#maxRetries = options.maxRetries ?? 2;
  }

  async *answer(request: ModelRequest): AsyncIterable<ModelPart> {
    for (let retries = 0; ; retries++) {
      let hasBegun = false;
      try {
        for await (const part of this.#answerOnce(request)) {
          hasBegun = true;
          yield part;
        }
        return;
      } catch (error) {
        request.signal.throwIfAborted();
        const failure = modelFailure(error, this.#asked);
        const { retryAfterMs } = failure;
        const waitMs = retryAfterMs === 0 ? FIRST_WAIT_MS * 2 ** retries : retryAfterMs;
        const isOver = hasBegun || retries >= this.#maxRetries;
        if (isOver || waitMs === undefined || waitMs > MAX_WAIT_MS) throw failure;
        yield { type: 'retry', message: retrying(failure, waitMs, retries + 1, this.#maxRetries) };
        await sleep(waitMs, undefined, { signal: request.signal });
      }
    }
  }

  /** @throws whatever the SDK or the provider does. */
  async *#answerOnce({ system, messages, tools, signal }: ModelRequest): AsyncIterable<ModelPart> {
    // The SDK writes its warnings to the console otherwise.
    globalThis.AI_SDK_LOG_WARNINGS = false;
    const stream = streamText({
      model: this.#model,
      system: { role: 'system', content: system, ...this.#kept },
      messages: this.#writeAll(messages),
      tools: this.#toolSet(tools),
      maxOutputTokens: this.#maxOutputTokens,
      maxRetries: 0,
      abortSignal: signal,
      // It is in the stream too; without this it is written to the console.
      onError: () => {},
    });
    let ended = false;
    for await (const part of stream.fullStream) {
      if (part.type === 'text-delta') yield { type: 'text', text: part.text };
      else if (part.type === 'tool-call') yield { type: 'call', call: readCall(part) };
      else if (part.type === 'error') throw part.error;
      else if (part.type === 'abort') signal.throwIfAborted();
      else if (part.type === 'finish') {
        // A stream that simply ends has no reason of its own for it.
        if (part.rawFinishReason === undefined) throw new ModelFailure(BROKE_OFF);
        ended = true;
        const usage = usageOf(part.totalUsage);
        yield { type: 'end', cut: part.finishReason === 'length', ...(usage !== undefined && { usage }) };
      }
    }
    signal.throwIfAborted();
    if (!ended) throw new ModelFailure(BROKE_OFF);
  }

  /** Marks the end of what the provider should keep, for the next request that begins alike. */
  get #kept(): { providerOptions?: typeof KEPT } {
    return this.#isAnthropic ? { providerOptions: KEPT } : {};
  }

  #writeAll(messages: readonly PromptMessage[]): ModelMessage[] {
    const written = messages.flatMap((message) => this.#write(message));
    return written.map((message, index) => (index === written.length - 1 ? { ...message, ...this.#kept } : message));
  }

  /** Tools without an `execute`: the chat runs them itself. */
  #toolSet(tools: ModelRequest['tools']): ToolSet {
    return Object.fromEntries(
      tools.map(({ name, description, inputSchema }, index) => {
        const { execute: _, ...tool } = dynamicTool({
          description,
          inputSchema: jsonSchema(inputSchema as never),
          execute: async () => undefined,
        });
        return [name, index === tools.length - 1 ? { ...tool, ...this.#kept } : tool];
      }),
    );
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
    const images = this.#isAnthropic ? [] : message.results.flatMap(({ images }) => images);
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
    if (images.length === 0 || !this.#isAnthropic) return { type: 'text', value: text };
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

function usageOf({ inputTokens, outputTokens, inputTokenDetails }: LanguageModelUsage): Usage | undefined {
  if (inputTokens === undefined || outputTokens === undefined) return undefined;
  const cached = inputTokenDetails.cacheReadTokens ?? 0;
  return { input_tokens: inputTokens, output_tokens: outputTokens, ...(cached > 0 && { cached_tokens: cached }) };
}

/** The reason, without what to do about it: that is done here. */
function retrying({ message }: ModelFailure, waitMs: number, retry: number, maxRetries: number): string {
  const [reason = message] = message.split(/\. Please/, 1);
  return `${reason}. Trying again in ${Math.ceil(waitMs / 1000)} s (${retry} of ${maxRetries}).`;
}

const keyVariableOf = ({ keyVariable, url }: ProviderOptions): string =>
  keyVariable ?? (url === undefined ? 'ANTHROPIC_API_KEY' : 'SWITCHBOARD_MODEL_KEY');

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
