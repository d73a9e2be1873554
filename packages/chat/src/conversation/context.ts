/**
 * What of a conversation the model is given: as much of its end as fits. What belongs to one query stays together, and so do calls
 * with their results; a provider refuses one without the other.
 */
import type { PromptMessage } from '../models/model.ts';

/** Text in languages like English has about four characters a token, JSON about three. */
const CHARACTERS_PER_TOKEN = 3.5;
/** About what providers count for an image of the size that they scale to. */
const TOKENS_PER_IMAGE = 1600;
const TOKENS_PER_MESSAGE = 4;
const LEFT_OUT = '[left out, as the conversation has become long]';

export const estimateTokens = (text: string): number => Math.ceil(text.length / CHARACTERS_PER_TOKEN);

export function tokensOf(message: PromptMessage): number {
  if (message.role === 'tool') {
    const each = message.results.map(
      ({ text, images }) => estimateTokens(text) + images.length * TOKENS_PER_IMAGE + TOKENS_PER_MESSAGE,
    );
    return sum(each);
  }
  const calls = message.role === 'assistant' ? message.calls : [];
  const written = calls.map((call) => estimateTokens(call.name + JSON.stringify(call.arguments)) + TOKENS_PER_MESSAGE);
  return TOKENS_PER_MESSAGE + estimateTokens(message.text) + sum(written);
}

/** The newest messages that fit into so many tokens, beginning with one of a person. The last query stays, even if it alone is too long. */
export function fitContext(messages: readonly PromptMessage[], maxTokens: number): PromptMessage[] {
  const blocks = blocksOf(messages);
  const kept: PromptMessage[][] = [];
  let left = maxTokens;
  for (const block of blocks.toReversed()) {
    const tokens = sum(block.map(tokensOf));
    if (tokens > left && kept.length > 0) break;
    kept.unshift(tokens > left ? thinned(block, left) : block);
    left -= tokens;
  }
  return kept.flat();
}

/** What belongs together: what people said, and all that the model did about it. */
function blocksOf(messages: readonly PromptMessage[]): PromptMessage[][] {
  const blocks: PromptMessage[][] = [];
  let previous: PromptMessage | undefined;
  for (const message of messages) {
    if (message.role === 'user' && previous?.role !== 'user') blocks.push([]);
    // Before the first query there is nothing that could be answered.
    blocks.at(-1)?.push(message);
    previous = message;
  }
  return blocks;
}

/** One query with more results than fit: the oldest results are emptied, and no call loses its own. */
function thinned(block: readonly PromptMessage[], maxTokens: number): PromptMessage[] {
  let over = sum(block.map(tokensOf)) - maxTokens;
  return block.map((message, index) => {
    if (over <= 0 || message.role !== 'tool' || index === block.length - 1) return message;
    const thin = { ...message, results: message.results.map((each) => ({ ...each, text: LEFT_OUT, images: [] })) };
    over -= tokensOf(message) - tokensOf(thin);
    return thin;
  });
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);
