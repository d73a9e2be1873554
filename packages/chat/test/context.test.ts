/** What the model is given of a long conversation. */
import { describe, expect, it } from 'vitest';

import { estimateTokens, fitContext, tokensOf } from '../src/conversation/context.ts';
import type { PromptMessage } from '../src/models/model.ts';

const said = (text: string): PromptMessage => ({ role: 'user', text });
const answered = (text: string): PromptMessage => ({ role: 'assistant', text, calls: [] });
const called = (id: string): PromptMessage => ({
  role: 'assistant',
  text: '',
  calls: [{ id, name: 'x', arguments: {} }],
});
const resulted = (id: string, length: number): PromptMessage => ({
  role: 'tool',
  results: [{ id, name: 'x', text: 'r'.repeat(length), images: [], isError: false }],
});

const tokens = (messages: readonly PromptMessage[]): number => messages.reduce((all, each) => all + tokensOf(each), 0);

/** Whether each call is followed by its result, and each result preceded by its call. */
function pairsAreWhole(messages: readonly PromptMessage[]): boolean {
  return messages.every((message, index) => {
    const [before, after] = [messages[index - 1], messages[index + 1]];
    if (message.role === 'tool') {
      return before?.role === 'assistant' && before.calls.every(({ id }, n) => id === message.results[n]?.id);
    }
    return message.role !== 'assistant' || message.calls.length === 0 || after?.role === 'tool';
  });
}

describe('the context', () => {
  it('is all of a short conversation', () => {
    const messages = [said('a'), called('1'), resulted('1', 10), answered('b')];
    expect(fitContext(messages, 1000)).toEqual(messages);
  });

  it('is the newest queries that fit, each with all that belongs to it, whatever the limit', () => {
    const messages = Array.from({ length: 30 }, (_, n) => [
      said(`query ${n}`),
      called(`${n}a`),
      resulted(`${n}a`, 100 + n * 20),
      called(`${n}b`),
      resulted(`${n}b`, 300),
      answered('done'),
    ]).flat();
    for (let limit = 50; limit < tokens(messages); limit += 97) {
      const fitted = fitContext(messages, limit);
      expect(pairsAreWhole(fitted)).toBe(true);
      expect(fitted[0]).toMatchObject({ role: 'user' });
      expect(fitted.at(-1)).toEqual(messages.at(-1));
      if (fitted.length > 6) expect(tokens(fitted)).toBeLessThanOrEqual(limit);
    }
  });

  it('keeps the last query even where its results alone are too long: the older ones are emptied, and none is lost', () => {
    const messages = [said('a'), called('1'), resulted('1', 50_000), called('2'), resulted('2', 1000)];
    const fitted = fitContext(messages, 1000);
    expect(pairsAreWhole(fitted)).toBe(true);
    expect(fitted).toHaveLength(5);
    expect(tokens(fitted)).toBeLessThan(1000);
    expect(fitted[4]).toEqual(messages[4]);
  });

  it('is cut where the last query alone is too long, so that it always fits', () => {
    for (const text of ['x'.repeat(50_000), '漢字'.repeat(10_000), '😀'.repeat(5000)]) {
      const fitted = fitContext([said('before'), answered('b'), said(text)], 1000);
      expect(fitted).toHaveLength(1);
      expect(tokens(fitted)).toBeLessThanOrEqual(1000);
      expect(fitted[0]).toMatchObject({ text: expect.stringContaining('more characters were left out') });
      const both = fitContext([said(text), called('1'), resulted('1', 20_000)], 1000);
      expect(tokens(both)).toBeLessThanOrEqual(1000);
      expect(pairsAreWhole(both)).toBe(true);
    }
  });

  it.each([
    // At least about a token for each character of scripts without spaces; for others less.
    ['The quick brown fox jumps over the lazy dog. '.repeat(20), 200],
    ['敏捷的棕色狐狸跳过了懒狗。'.repeat(20), 260],
    ['素早い茶色の狐がのろまな犬を飛び越える。'.repeat(20), 400],
    ['빠른 갈색 여우가 게으른 개를 뛰어넘는다. '.repeat(20), 400],
    ['Съешь же ещё этих мягких французских булок. '.repeat(20), 400],
    ['🙂🚀🎉'.repeat(20), 120],
  ])('counts the tokens of %j as what they are', (text, least) => {
    const counted = estimateTokens(text);
    expect(counted).toBeGreaterThanOrEqual(least);
    expect(counted).toBeLessThan(least * 2);
  });

  it('counts more than 1,500 tokens for each image', () => {
    const image = { mime_type: 'image/png', data: 'x' };
    const result = { id: '1', name: 'x', text: '', images: [image, image], isError: false };
    expect(tokensOf({ role: 'tool', results: [result] })).toBeGreaterThan(3000);
  });
});
