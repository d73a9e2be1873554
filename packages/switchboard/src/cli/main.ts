/** The `switchboard` command. */
import { Command, CommanderError } from 'commander';

import { PRODUCT } from '../gateway/product.ts';
import { callCommand } from './call.ts';
import { connectCommand } from './connect.ts';
import { broadcastCommand, drainCommand, eventsCommand, reloadCommand } from './control.ts';
import { doctorCommand } from './doctor.ts';
import { EXIT, complain } from './exit.ts';
import { cancelCommand, requestsCommand } from './requests.ts';
import { serveCommand } from './serve.ts';
import { kickCommand, sessionsCommand } from './sessions.ts';
import { checkCommand, restartCommand, statusCommand, upstreamsCommand } from './status.ts';

const program = new Command('switchboard')
  .description('One MCP server, many clients: shares MCP servers over WebSocket, HTTP and stdio.')
  .enablePositionalOptions()
  .version(PRODUCT.version, '-V, --version')
  .addCommand(serveCommand())
  .addCommand(connectCommand())
  .addCommand(callCommand())
  .commandsGroup('To operate one that runs:')
  .addCommand(statusCommand())
  .addCommand(sessionsCommand())
  .addCommand(requestsCommand())
  .addCommand(upstreamsCommand())
  .addCommand(checkCommand())
  .addCommand(restartCommand())
  .addCommand(cancelCommand())
  .addCommand(kickCommand())
  .addCommand(broadcastCommand())
  .addCommand(reloadCommand())
  .addCommand(drainCommand())
  .addCommand(eventsCommand())
  .commandsGroup('To find what is wrong:')
  .addCommand(doctorCommand())
  .showHelpAfterError('(add --help for the options)')
  .exitOverride()
  .addHelpText(
    'after',
    `\nExit codes: ${Object.entries(EXIT)
      .map(([name, { code }]) => `${code} ${name}`)
      .join(', ')}.`,
  );

for (const command of program.commands) command.exitOverride().showHelpAfterError('(add --help for the options)');

// Whoever reads our output may stop before its end, as `head` does.
process.stdout.on('error', () => {});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : EXIT.usage.code) : complain(error);
}
