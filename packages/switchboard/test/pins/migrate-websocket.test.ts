/** Every program of the migration guide runs as it stands there, and prints what the page says. */
import { expect, it } from 'vitest';

import { blocksOf, promised, runModule } from '../support/blocks.ts';

const blocks = blocksOf('migrate-websocket.md', ['js']);

it.each(blocks.map(({ heading, text }, at) => ({ heading, text, at })))(
  'the program $at, under $heading, prints what the page says',
  async ({ text }) => {
    expect(promised(text)).not.toBe('');
    expect(await runModule(text, 3001)).toBe(promised(text));
  },
);

it.each(['Server and client', 'Handler', 'Broadcast'])('"%s" prints the same before and after', (heading) => {
  const [before, after, ...others] = blocks
    .filter((block) => block.heading === heading)
    .map(({ text }) => promised(text));
  expect(others).toEqual([]);
  expect(after).toBe(before);
});
