/**
 * A model that needs no account and no network, and always answers the same to the same: it lists tools, and uses those that it is
 * told to by name. So the whole chat can be tried and tested without a language model, and it says that it is none.
 */
import type { Model, ModelCall, ModelPart, ModelRequest, PromptMessage, ToolOffer } from './model.ts';

const HELP = `I am the offline model: no language model is configured, so I understand only these commands.

- \`tools\` lists the tools
- \`add a=1 b=2\` uses the tool \`add\`
- \`call add {"a": 1, "b": 2}\` does the same, with JSON

Several lines use several tools at once.`;

/** Texts are given out in pieces of this many characters, so that streaming can be seen. */
const PIECE = 24;

/** A model that needs no network: it understands a few commands, such as `tools`, and calls tools by their name. */
export class OfflineModel implements Model {
  readonly name = 'offline';
  readonly takesEveryTool = true;

  async *answer({ messages, tools, signal }: ModelRequest): AsyncIterable<ModelPart> {
    const last = messages.at(-1);
    const reply = last?.role === 'tool' ? sumUp(last) : decide(wordsOf(last), tools, messages.length);
    for (let at = 0; at < reply.text.length; at += PIECE) {
      signal.throwIfAborted();
      yield { type: 'text', text: reply.text.slice(at, at + PIECE) };
      // Whoever listens gets a turn of the event loop for each piece, as with a model that is elsewhere.
      await new Promise(setImmediate);
    }
    for (const call of reply.calls) yield { type: 'call', call };
    yield { type: 'end', cut: false };
  }
}

interface Reply {
  text: string;
  calls: ModelCall[];
}

const say = (text: string): Reply => ({ text, calls: [] });

function sumUp({ results }: PromptMessage & { role: 'tool' }): Reply {
  const lines = results.map(({ name, text, images, isError }) => {
    const shown = images.length === 0 ? text : `${text}\n\n(${images.length} images)`.trim();
    return `${isError ? 'Failed' : 'Done'}: \`${name}\` says:\n\n${shown}`;
  });
  return say(lines.join('\n\n'));
}

/** What was said, without the name of the model that a room begins it with. */
function wordsOf(message: PromptMessage | undefined): string {
  return message?.role === 'user' ? message.text.replaceAll(/(^|\s)@[\w-]+[,:]?/g, '$1').trim() : '';
}

function decide(text: string, tools: readonly ToolOffer[], at: number): Reply {
  if (/^(tools|list tools|help tools)$/i.test(text)) return say(listOf(tools));
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const read = lines.map((line, index) => commandIn(line.trim(), tools, `offline_${at}_${index}`));
  const wrong = read.find((command) => typeof command === 'string');
  if (read.length === 0 || wrong !== undefined) return say(wrong ?? HELP);
  return { text: '', calls: read as ModelCall[] };
}

function listOf(tools: readonly ToolOffer[]): string {
  if (tools.length === 0) return 'There are no tools.';
  const lines = tools.map(({ name, description, inputSchema }) => {
    const names = Object.keys((inputSchema['properties'] as object | undefined) ?? {});
    return `- \`${[name, ...names.map((each) => `${each}=…`)].join(' ')}\` ${description.split('\n', 1)[0]}`;
  });
  return `I can use these tools:\n\n${lines.join('\n')}`;
}

/** @returns the call that a line asks for, or what is wrong with it. */
function commandIn(line: string, tools: readonly ToolOffer[], id: string): ModelCall | string {
  const [, name = '', rest = ''] = /^(?:call\s+)?(\S+)\s*([^]*)$/i.exec(line) ?? [];
  const tool = tools.find((each) => each.name === name);
  if (tool === undefined) return HELP;
  try {
    return { id, name, arguments: argumentsIn(rest.trim(), tool) };
  } catch (error) {
    return `The arguments of \`${name}\` cannot be read: ${(error as Error).message}`;
  }
}

function argumentsIn(text: string, { inputSchema }: ToolOffer): Record<string, unknown> {
  if (text === '') return {};
  if (text.startsWith('{')) return JSON.parse(text) as Record<string, unknown>;
  const properties = (inputSchema['properties'] ?? {}) as Record<string, { type?: unknown }>;
  const pairs = [...text.matchAll(/([\w.-]{1,64})=("(?:[^"\\]|\\.)*"|\[[^\]]*\]|\{[^}]*\}|\S+)/g)];
  if (pairs.length === 0) {
    const [first] = Object.keys(properties);
    if (first === undefined) throw new Error('it takes none');
    return { [first]: text };
  }
  return Object.fromEntries(
    pairs.map(([, name = '', value = '']) => [name, readValue(value, properties[name]?.type === 'string')]),
  );
}

function readValue(text: string, asText: boolean): unknown {
  if (asText && !text.startsWith('"')) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
