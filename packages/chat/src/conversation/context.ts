/**
 * What of a conversation the model is given: as much of its end as fits. What belongs to one query stays together, and so do calls
 * with their results; a provider refuses one without the other.
 */
import type { PromptMessage } from '../models/model.ts';
import { cut } from '../tools/result.ts';

/** Text in languages like English has about four characters a token, JSON about three. */
const TOKENS_PER_ASCII = 1 / 3.5;
/** Accented Latin, Greek, Cyrillic, Hebrew, Arabic: some words are tokens, others are spelt. */
const TOKENS_PER_ALPHABETIC = 0.6;
/** Chinese, Japanese, Korean, and the scripts of South Asia: about a token for each character, some need two. */
const TOKENS_PER_OTHER = 1.2;
/** Emoji and rare characters, spelt byte by byte; a pair of UTF-16 units each. */
const TOKENS_PER_UNIT_OF_PAIR = 1.5;
/** About what providers count for an image of the size that they scale to. */
const TOKENS_PER_IMAGE = 1600;
const TOKENS_PER_MESSAGE = 4;
/** A text is never cut to less, and this is left for the word of what is missing, in tokens. */
const LEAST_TEXT = 50;
const TOKENS_FOR_NOTE = 20;
const LEFT_OUT = '[left out, as the conversation has become long]';

/** About how many tokens a text has; rather too many than too few. */
export function estimateTokens(text: string): number {
  let tokens = 0;
  for (let at = 0; at < text.length; at++) tokens += weightOf(text.charCodeAt(at));
  return Math.ceil(tokens);
}

function weightOf(unit: number): number {
  if (unit < 0x80) return TOKENS_PER_ASCII;
  if (unit < 0x800) return TOKENS_PER_ALPHABETIC;
  return unit >= 0xd800 && unit < 0xe000 ? TOKENS_PER_UNIT_OF_PAIR : TOKENS_PER_OTHER;
}

/** The beginning of a text that has so many tokens, with a word of what is missing. */
function cutToTokens(text: string, maxTokens: number): string {
  let tokens = 0;
  for (let at = 0; at < text.length; at++) {
    tokens += weightOf(text.charCodeAt(at));
    if (tokens > maxTokens) return cut(text, at);
  }
  return text;
}

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

/**
 * The newest messages that fit into so many tokens, beginning with one of a person. The last query stays, shortened if it alone is too
 * long.
 */
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

/** One query that does not fit with its results: the oldest are emptied, and no call loses its own; then the longest texts are cut. */
function thinned(block: readonly PromptMessage[], maxTokens: number): PromptMessage[] {
  const emptied = withoutOldResults(block, maxTokens);
  let over = sum(emptied.map(tokensOf)) - maxTokens;
  const sizes = emptied.flatMap((message) => textsOf(message).map(estimateTokens)).toSorted((a, b) => b - a);
  // From all that are longer than some length, what is beyond it is taken.
  let most = sizes[0] ?? 0;
  for (const [index, size] of sizes.entries()) {
    if (over <= 0) break;
    const next = Math.max(LEAST_TEXT, sizes[index + 1] ?? 0);
    const taken = Math.min(over, (size - next) * (index + 1));
    if (taken <= 0) break;
    most = size - taken / (index + 1);
    over -= taken;
  }
  return emptied.map((message) => cutTexts(message, Math.max(LEAST_TEXT, Math.floor(most) - TOKENS_FOR_NOTE)));
}

const textsOf = (message: PromptMessage): string[] =>
  message.role === 'tool' ? message.results.map(({ text }) => text) : message.role === 'user' ? [message.text] : [];

function cutTexts(message: PromptMessage, maxTokens: number): PromptMessage {
  if (textsOf(message).every((text) => estimateTokens(text) <= maxTokens + TOKENS_FOR_NOTE)) return message;
  if (message.role === 'user') return { ...message, text: cutToTokens(message.text, maxTokens) };
  if (message.role !== 'tool') return message;
  return { ...message, results: message.results.map((each) => ({ ...each, text: cutToTokens(each.text, maxTokens) })) };
}

function withoutOldResults(block: readonly PromptMessage[], maxTokens: number): PromptMessage[] {
  let over = sum(block.map(tokensOf)) - maxTokens;
  return block.map((message, index) => {
    if (over <= 0 || message.role !== 'tool' || index === block.length - 1) return message;
    const thin = { ...message, results: message.results.map((each) => ({ ...each, text: LEFT_OUT, images: [] })) };
    over -= tokensOf(message) - tokensOf(thin);
    return thin;
  });
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);
