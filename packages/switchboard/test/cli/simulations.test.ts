/** What `simulations start` reads before it asks a Switchboard. */
import { expect, it } from 'vitest';

import { simulationsCommand } from '../../src/cli/simulations.ts';
import { file } from '../support/command.ts';

const start = (...args: string[]): Promise<unknown> =>
  simulationsCommand().parseAsync(['start', 'demo', ...args], { from: 'user' });

it.each(['{"step": [{"do": "list"}]}', '{"steps": {"do": "list"}}', '{}'])(
  'refuses a scenario without a list of steps, and starts no other load: %s',
  async (text) => {
    const path = file(text);
    await expect(start('--scenario', path)).rejects.toThrow(`${path}: expected {"steps": [`);
  },
);

it('takes a rate as the admin API does, from 0.01', async () => {
  for (const rate of ['0', '0.001', '-1', '1e3', 'x']) {
    await expect(start('--rate', rate)).rejects.toThrow('--rate: expected a number from 0.01');
  }
  // What comes next is refused: the rate was taken.
  await expect(start('--rate', '0.5', '--args', '[]')).rejects.toThrow('--args: expected a JSON object');
});
