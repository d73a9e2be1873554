/** The `switchboard` command with all that belong to it. */
import { Command } from 'commander';

import { PRODUCT } from '../gateway/product.ts';
import { callCommand } from './call.ts';
import { certsCommand } from './certs.ts';
import { chatCommand } from './chat.ts';
import { connectCommand } from './connect.ts';
import { broadcastCommand, drainCommand, eventsCommand, reloadCommand } from './control.ts';
import { doctorCommand } from './doctor.ts';
import { EXIT } from './exit.ts';
import { keysCommand } from './keys.ts';
import { cancelCommand, requestsCommand } from './requests.ts';
import { serveCommand } from './serve.ts';
import { simulateCommand } from './simulate.ts';
import { kickCommand, sessionsCommand } from './sessions.ts';
import { checkCommand, restartCommand, statusCommand, upstreamsCommand } from './status.ts';

export const program: Command = new Command('switchboard')
  .description('One MCP server, many clients: shares MCP servers over WebSocket, HTTP and stdio.')
  .enablePositionalOptions()
  .version(PRODUCT.version, '-V, --version')
  .addCommand(serveCommand())
  .addCommand(connectCommand())
  .addCommand(callCommand())
  .addCommand(chatCommand())
  .addCommand(simulateCommand())
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
  .commandsGroup('Troubleshooting:')
  .addCommand(doctorCommand())
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
