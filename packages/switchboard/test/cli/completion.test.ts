/** Completion in real shells, as far as they are there. */
import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';

import { loadProgram } from '../../src/cli/program.ts';
import { ended, run } from '../support/command.ts';

const program = await loadProgram();

/** What bash offers for words, of which the last is being typed. */
async function offered(script: string, words: readonly string[]): Promise<string[]> {
  const set = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}`;
  const asked = `${script}\n${set}\n_switchboard\nprintf '%s\\n' "\${COMPREPLY[@]}"\n`;
  const { code, stdout, stderr } = await ended(spawn('bash', ['--norc']), asked);
  expect([code, stderr]).toEqual([0, '']);
  return stdout.split('\n').filter((line) => line !== '');
}

it('is offered by bash: commands, those below them, flags, and words that a flag takes', async () => {
  const { stdout: script } = await run(['completion', 'bash']);
  const commands = program.commands.map((command) => command.name());
  expect(await offered(script, ['switchboard', ''])).toEqual([...commands, '--version', '--help']);
  expect(await offered(script, ['switchboard', 'keys', 'c'])).toEqual(['create']);
  expect(await offered(script, ['switchboard', 'serve', '--tls-cl'])).toEqual(['--tls-client-ca', '--tls-client-crl']);
  expect(await offered(script, ['switchboard', 'serve', '--isolation', 's'])).toEqual(['session', 'shared']);
  expect(await offered(script, ['switchboard', 'completion', 'b'])).toEqual(['bash']);
  expect(await offered(script, ['switchboard', 'serve', '--port', ''])).toEqual([]);
  expect(await offered(script, ['switchboard', 'serve', '--config', '/etc/host'])).toContain('/etc/hosts');
  expect(await offered(script, ['switchboard', 'serve', '--', '/etc/host'])).toContain('/etc/hosts');
});

it('has every command and every flag for fish and zsh too', async () => {
  const { stdout: fish } = await run(['completion', 'fish']);
  const { stdout: zsh } = await run(['completion', 'zsh']);
  expect(zsh).toContain('bashcompinit');
  for (const command of program.commands) {
    expect(fish).toContain(` -a ${command.name()} `);
    for (const { long } of command.options.filter(({ hidden }) => !hidden)) {
      expect(fish).toContain(`__fish_seen_subcommand_from ${command.name()}' -l ${long!.slice(2)} `);
      expect(zsh).toMatch(new RegExp(`[' ]${long} `));
    }
  }
});
