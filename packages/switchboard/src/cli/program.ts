/** The `switchboard` command with all that belong to it. */
import { Command } from 'commander';

import { PRODUCT } from '../gateway/product.ts';
import { callCommand } from './call.ts';
import { certsCommand } from './certs.ts';
import { chatCommand } from './chat.ts';
import { completionCommand } from './completion.ts';
import { connectCommand } from './connect.ts';
import { broadcastCommand, drainCommand, eventsCommand, reloadCommand } from './control.ts';
import { doctorCommand } from './doctor.ts';
import { EXIT, complain, usageError } from './exit.ts';
import { helpCommand } from './help.ts';
import { logsCommand } from './logs.ts';
import { keysCommand } from './keys.ts';
import { cancelCommand, requestsCommand } from './requests.ts';
import { serveCommand } from './serve.ts';
import { simulateCommand } from './simulate.ts';
import { kickCommand, sessionsCommand } from './sessions.ts';
import { checkCommand, restartCommand, statusCommand, upstreamsCommand } from './status.ts';

export const program: Command = new Command('switchboard')
  .description('One MCP server, many clients: shares MCP servers over WebSocket, HTTP and stdio.')
  .enablePositionalOptions()
  .helpCommand(false)
  .version(PRODUCT.version, '-V, --version')
  .addCommand(serveCommand())
  .addCommand(connectCommand())
  .addCommand(callCommand())
  .addCommand(chatCommand())
  .addCommand(simulateCommand())
  .addCommand(completionCommand())
  .addCommand(helpCommand())
  .commandsGroup('Authentication:')
  .addCommand(keysCommand())
  .addCommand(certsCommand())
  .commandsGroup('Operate a running Switchboard:')
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
  .addCommand(logsCommand())
  .commandsGroup('Troubleshooting:')
  .addCommand(doctorCommand())
  .addHelpText(
    'after',
    `\nExit codes: ${Object.entries(EXIT)
      .map(([name, { code }]) => `${code} ${name}`)
      .join(', ')}.`,
  );

/** Lets a command and those below it say what is wrong as every other error is said. */
function prepare(command: Command): void {
  command
    .exitOverride()
    .showHelpAfterError('(add --help for the options)')
    .configureOutput({
      outputError: (text) => complain(usageError(text.trim().replace('error: ', '').replaceAll('\n', ' '))),
    });
  for (const each of command.commands) prepare(each);
}
prepare(program);
