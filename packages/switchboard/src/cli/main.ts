/** Runs the `switchboard` command. */
import { CommanderError } from 'commander';

import { EXIT, complain } from './exit.ts';
import { loadProgram } from './program.ts';

// Whoever reads our output may stop before its end, as `head` does.
process.stdout.on('error', () => {});

try {
  const program = await loadProgram(process.argv.slice(2));
  await program.parseAsync();
} catch (error) {
  process.exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : EXIT.usage.code) : complain(error);
}
