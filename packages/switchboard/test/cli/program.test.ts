/** Which commands are loaded. The built command itself is tried in the other files of this folder. */
import { expect, it } from 'vitest';

import { loadProgram } from '../../src/cli/program.ts';

const namesOf = async (words?: readonly string[]): Promise<string[]> =>
  (await loadProgram(words)).commands.map((command) => command.name());

const all = await namesOf();

it('loads every command for a help text, and where none or an unknown one is called', async () => {
  expect(all).toContain('serve');
  expect(new Set(all).size).toBe(all.length);
  for (const words of [['--help'], ['help', 'serve'], ['completion', 'bash'], ['serv'], ['toString']]) {
    expect(await namesOf(words), words.join(' ')).toEqual(all);
  }
});

it('loads no other command than the one that is called', async () => {
  for (const name of all) {
    if (!['help', 'completion'].includes(name)) expect(await namesOf([name, '--json'])).toEqual([name]);
  }
});
