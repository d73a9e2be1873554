/** `switchboard connect-client` and `switchboard export`: the entry for one client, put into its file or printed. */
import { Command } from 'commander';

import { thisSituation } from './adopt.ts';
import type { ConnectClientFlags, EntryFlags } from './adopt/connect-client.ts';

const withEntryFlags = (command: Command): Command =>
  command
    .option(
      '--url <url>',
      'the address. Default: that of the Switchboard that runs here, else http://127.0.0.1:8765/mcp',
    )
    .option('--token-variable <name>', 'the environment variable from which the client takes its key or token')
    .option('--token-file <file>', 'a file that only you can read, with the key or token; the client starts connect')
    .option('--cert <file>', 'client certificate (PEM); the client starts connect')
    .option('--key <file>', 'its private key, as PEM')
    .option('--ca <file>', 'CA to trust instead of those of the system (PEM); the client starts connect')
    .option('--name <name>', 'the name of the entry', 'switchboard');

export const connectClientCommand = (): Command =>
  withEntryFlags(new Command('connect-client').argument('<client>', 'such as cursor or codex'))
    .description('Add Switchboard to the file of one MCP client.')
    .option('--project <folder>', "the client's file in this project, not that of its user")
    .option('--yes', 'do it without asking')
    .action(async (client: string, flags: ConnectClientFlags) => {
      const { connectClient } = await import('./adopt/connect-client.ts');
      await connectClient(client, flags, thisSituation());
    });

export const exportCommand = (): Command =>
  withEntryFlags(new Command('export').requiredOption('--for <client>', 'such as zed or codex'))
    .description('Print the entry for the file of one MCP client.')
    .action(async ({ for: client, ...flags }: EntryFlags & { for: string }) => {
      const { exportFor } = await import('./adopt/connect-client.ts');
      await exportFor(client, flags, thisSituation());
    });
