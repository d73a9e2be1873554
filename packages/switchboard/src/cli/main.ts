/** The `switchboard` command. */
import { Command, CommanderError } from 'commander';

import { PRODUCT } from '../gateway/product.ts';
import { callCommand } from './call.ts';
import { connectCommand } from './connect.ts';
import { EXIT, complain } from './exit.ts';
import { keysCommand } from './keys.ts';
import { serveCommand } from './serve.ts';
import { simulateCommand } from './simulate.ts';

const program = new Command('switchboard')
  .description('One MCP server, many clients: shares MCP servers over WebSocket, HTTP and stdio.')
  .enablePositionalOptions()
  .version(PRODUCT.version, '-V, --version')
  .addCommand(serveCommand())
  .addCommand(connectCommand())
  .addCommand(callCommand())
  .addCommand(simulateCommand())
  .addCommand(keysCommand())
  .showHelpAfterError('(add --help for the options)')
  .exitOverride()
  .addHelpText(
    'after',
    `\nExit codes: ${Object.entries(EXIT)
      .map(([name, { code }]) => `${code} ${name}`)
      .join(', ')}.`,
  );

for (const command of program.commands) {
  for (const each of [command, ...command.commands]) {
    each.exitOverride().showHelpAfterError('(add --help for the options)');
  }
}

// Whoever reads our output may stop before its end, as `head` does.
process.stdout.on('error', () => {});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : EXIT.usage.code) : complain(error);
}
