import { describe, expect, it } from 'vitest';

import { cut } from '../../src/util/cut.ts';

describe('a text that is cut', () => {
  it.each([
    ['short', 10, 'short'],
    ['abc', 2, 'ab'],
    ['a\u{1F600}', 2, 'a'],
    ['a\u{1F600}', 3, 'a\u{1F600}'],
    ['e\u0301e\u0301', 3, 'e\u0301'],
    ['\u{1F1E9}\u{1F1EA}', 2, ''],
  ])('%j at %i ends between two characters', (text, max, expected) => {
    expect(cut(text, max)).toBe(expected);
  });

  it('is cut somewhere though one character goes on for ever', () => {
    const endless = `a${'\u0301'.repeat(1_000_000)}`;
    expect(cut(endless, 64).length).toBeLessThanOrEqual(64);
  });
});
