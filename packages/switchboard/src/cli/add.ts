/** `switchboard add`, `remove`, `enable` and `disable`: the servers of the configuration. */
import { Command, Option } from 'commander';

import { thisSituation } from './adopt.ts';
import type { AddFlags } from './add/add.ts';
import type { EditFlags, Verb } from './add/edit-config.ts';
import type { AddSituation } from './add/finish.ts';

const CONFIG = "the configuration. Default: switchboard.json in your user's configuration folder";

const HELP = `
Examples:
  switchboard add io.github.somebody/something     a server of the registry of MCP
  switchboard add server.json                      one that is described in a file
  switchboard add something.mcpb --set token=…     a bundle, with a value that it asks for
  switchboard add https://mcp.example.com/mcp      a remote server`;

export const addCommand = (): Command =>
  new Command('add')
    .description('Add a server to the configuration: from the registry of MCP, a file, or an address.')
    .argument('<name|file|url>', 'a name of the registry, a server.json, an .mcpb bundle, or an address')
    .option('--name <name>', 'what the server is called here. Default: the last part of its own name')
    .addOption(
      new Option('--via <way>', 'which of several ways to have it').choices([
        'npm',
        'pypi',
        'oci',
        'nuget',
        'mcpb',
        'remote',
      ]),
    )
    .option(
      '--set <name=value>',
      'a value that the server asks for; may be repeated',
      (each: string, all: string[]) => [...all, each],
      [],
    )
    .option('--registry <url>', 'the registry that is asked for a name', 'https://registry.modelcontextprotocol.io')
    .option('--config <file>', CONFIG)
    .option('--yes', 'do it without asking')
    .addHelpText('after', HELP)
    .action(async (source: string, flags: AddFlags) => {
      const { add } = await import('./add/add.ts');
      await add(source, flags, await addSituation());
    });

export const removeCommand = (): Command => editCommand('remove', 'Remove a server from the configuration.');
export const enableCommand = (): Command => editCommand('enable', 'Enable a server of the configuration.');
export const disableCommand = (): Command =>
  editCommand('disable', 'Disable a server of the configuration, which keeps its entry.');

const editCommand = (verb: Verb, description: string): Command =>
  new Command(verb)
    .description(description)
    .argument('<server>', 'its name in the configuration')
    .option('--config <file>', CONFIG)
    .option('--yes', 'do it without asking')
    .action(async (name: string, flags: EditFlags) => {
      const { editConfig } = await import('./add/edit-config.ts');
      await editConfig(verb, name, flags, await addSituation());
    });

async function addSituation(): Promise<AddSituation> {
  const { reloadRunning, serveAgain } = await import('./add/reload.ts');
  return {
    ...thisSituation(),
    fetch,
    reload: () => reloadRunning(process.env),
    serveAgain: (server) => serveAgain(server, process.env),
  };
}
