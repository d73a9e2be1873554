/** Runs the `switchboard` command. */
import { CommanderError } from 'commander';

import { EXIT, complain } from './exit.ts';
import { program } from './program.ts';

// Whoever reads our output may stop before its end, as `head` does.
process.stdout.on('error', () => {});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : EXIT.usage.code) : complain(error);
}
