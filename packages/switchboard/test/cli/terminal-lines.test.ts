/** Questions on a terminal. */
import { PassThrough } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';

import { TerminalLines } from '../../src/cli/terminal-lines.ts';

it('answers each question with a line, also where lines were typed ahead, and with none when no more come', async () => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const terminal = new TerminalLines(input, output);
  onTestFinished(() => terminal.close());
  input.write('yes\nno\n');
  expect(await terminal.ask('One? ')).toBe('yes');
  terminal.pause();
  expect(await terminal.ask('Two? ')).toBe('no');
  input.end();
  expect(await terminal.ask('Three? ')).toBeUndefined();
  expect(String(output.read())).toMatch(/^One\? .*Two\? /s);
});
