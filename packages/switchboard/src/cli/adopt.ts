/** `switchboard adopt`: from the files of MCP clients to one Switchboard, and back. */
import { homedir } from 'node:os';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';

import type { AdoptFlags, Situation } from './adopt/adopt.ts';
import { print } from './table.ts';
import { TerminalLines } from './terminal-lines.ts';

const HELP = `
Examples:
  switchboard adopt --dry-run             show what it finds and would change
  switchboard adopt                       show it, ask, and do it
  switchboard adopt --only cursor,codex   only the files of these clients
  switchboard adopt --undo                give every file back, byte for byte`;

export const adoptCommand = (): Command =>
  new Command('adopt')
    .description('Move the servers of your MCP clients to one Switchboard, and back.')
    .option('--dry-run', 'show what would change, and change nothing')
    .option('--yes', 'do it without asking')
    .option('--only <clients>', 'only these clients, with commas')
    .option('--keep', 'leave old entries switched off beside the new one, where the client can do that')
    .option('--undo', 'give back every file, or its servers where it has changed since')
    .option('--status', 'list the files that adopt has written')
    .option('--project <folder>', 'the project whose files are looked at too. Default: the current folder')
    .option(
      '--config <file>',
      "the configuration to write. Default: switchboard.json in your user's configuration folder",
    )
    .addHelpText('after', HELP)
    .action(async (flags: AdoptFlags) => {
      const { adopt } = await import('./adopt/adopt.ts');
      await adopt(flags, thisSituation());
    });

/** This machine, this person, and whoever sits at the terminal. */
export function thisSituation(): Situation {
  const program = fileURLToPath(new URL('../../bin/switchboard.js', import.meta.url));
  const anywhere = ['npx', '-y', 'mcp-switchboard'] as const;
  return {
    home: homedir(),
    platform: process.platform,
    environment: process.env,
    folder: process.cwd(),
    say: print,
    ask: questions(),
    // What npx keeps for a while may be gone tomorrow.
    bridges: { anywhere, here: program.includes(`${sep}_npx${sep}`) ? anywhere : [process.execPath, program] },
    now: new Date(),
  };
}

/** Yes or no, on the terminal. */
function questions(): (question: string) => Promise<boolean | undefined> {
  let terminal: TerminalLines | undefined;
  return async (question) => {
    if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
    terminal ??= new TerminalLines(process.stdin, process.stderr);
    const [, before = '', words = ''] = /^(\n*)(.*)$/s.exec(question) ?? [];
    process.stderr.write(before);
    const answer = await terminal.ask(`${words} [y/N] `);
    terminal.pause();
    return /^y(?:es)?$/i.test(answer?.trim() ?? '');
  };
}
