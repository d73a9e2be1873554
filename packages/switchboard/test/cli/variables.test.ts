/** Variables in the strings of a configuration file. */
import { describe, expect, it } from 'vitest';

import { expandVariables } from '../../src/cli/variables.ts';

const environment = { X: 'x', COST: '$5' };

describe('a variable in a string', () => {
  it.each([
    ['${X}', 'x'],
    ['a ${env:X} b', 'a x b'],
    ['${COST}', '$5'],
    ['${MISSING:-${X}', '${X'],
    ['$X', '$X'],
    ['$', '$'],
    ['$$', '$$'],
    ['$${X}', '${X}'],
    ['$${X} ${X}', '${X} x'],
    ['$$${X}', '$${X}'],
    [
      '$${input:key} $${anything at all} $${caller.header:X-Key}',
      '${input:key} ${anything at all} ${caller.header:X-Key}',
    ],
  ])('is filled in: %j gives %j', (text, expected) => {
    expect(expandVariables({ args: [text] }, environment)).toEqual({ value: { args: [expected] }, problems: [] });
  });

  it('cannot be literal where a value of the caller would be put in its place', () => {
    const { problems } = expandVariables({ env: { KEY: '$${caller.header:X-Key}' } }, environment);
    expect(problems).toEqual([
      { path: ['env', 'KEY'], message: expect.stringContaining('$${caller.header:X-Key} cannot be written here') },
    ]);
  });
});
