import { describe, expect, it } from 'vitest';

import { matchesPattern } from '../../src/util/pattern.ts';

describe('a pattern', () => {
  it.each([
    ['abc', 'abc', true],
    ['abc', 'abcd', false],
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'anything', true],
    ['a*', 'a', true],
    ['a*', 'ba', false],
    ['*a', 'ba', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*b*c', 'a-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['*ab*ab', 'ab', false],
    ['**', 'x', true],
    ['a.c', 'abc', false],
    ['A*', 'ab', false],
  ])('%j on %j gives %s', (pattern, text, expected) => {
    expect(matchesPattern(pattern, text)).toBe(expected);
  });

  it('with many stars is decided quickly, however long the text is', () => {
    const startedAt = performance.now();
    expect(matchesPattern('*a'.repeat(50) + 'b', 'a'.repeat(100_000))).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });
});
