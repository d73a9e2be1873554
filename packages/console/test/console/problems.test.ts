import { expect, it } from 'vitest';
import type { Problem } from '../../src/pages/console/facts.ts';
import { withKeys } from '../../src/pages/console/problems.ts';

const problem = (text: string, id?: string): Problem => ({
  level: 'warn',
  text,
  advice: '',
  ...(id !== undefined && { about: { kind: 'upstream', id } }),
});

it('is the same problem while its counts change, and another where it is about something else', () => {
  const keys = (...problems: Problem[]): string[] => withKeys(problems).map(({ key }) => key);
  const before = keys(problem('12 of 40 calls to demo failed', 'demo'), problem('a'), problem('b'));
  expect(keys(problem('13 of 41 calls to demo failed', 'demo'), problem('a'), problem('c'))).toEqual(before);
  const both = keys(problem('x', 'demo'), problem('y', 'demo'), problem('z', 'demo2'));
  expect(new Set([...before, ...both]).size).toBe(5);
});
