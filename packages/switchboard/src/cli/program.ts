/**
 * The `switchboard` command with those below it. Only the one that is called is loaded: most need none of the gateway, whose modules take
 * longer to load than the command takes to run.
 */
import { Command } from 'commander';

import { PRODUCT } from '../gateway/product.ts';
import { EXIT, complain, usageError } from './exit.ts';

type Load = () => Promise<Command>;

/** By the heading of the help that they stand under, in its order. */
const COMMANDS: Readonly<Record<string, Readonly<Record<string, Load>>>> = {
  'Commands:': {
    serve: async () => (await import('./serve.ts')).serveCommand(),
    connect: async () => (await import('./connect.ts')).connectCommand(),
    call: async () => (await import('./call.ts')).callCommand(),
    adopt: async () => (await import('./adopt.ts')).adoptCommand(),
    'connect-client': async () => (await import('./connect-client.ts')).connectClientCommand(),
    export: async () => (await import('./connect-client.ts')).exportCommand(),
    add: async () => (await import('./add.ts')).addCommand(),
    remove: async () => (await import('./add.ts')).removeCommand(),
    enable: async () => (await import('./add.ts')).enableCommand(),
    disable: async () => (await import('./add.ts')).disableCommand(),
    service: async () => (await import('./service.ts')).serviceCommand(),
    chat: async () => (await import('./chat.ts')).chatCommand(),
    cluster: async () => (await import('./cluster.ts')).clusterCommand(),
    simulate: async () => (await import('./simulate.ts')).simulateCommand(),
    completion: async () => (await import('./completion.ts')).completionCommand(),
    help: async () => (await import('./help.ts')).helpCommand(),
  },
  'Authentication:': {
    keys: async () => (await import('./keys.ts')).keysCommand(),
    certs: async () => (await import('./certs.ts')).certsCommand(),
  },
  'Operate a running Switchboard:': {
    status: async () => (await import('./status.ts')).statusCommand(),
    console: async () => (await import('./console.ts')).consoleCommand(),
    sessions: async () => (await import('./sessions.ts')).sessionsCommand(),
    requests: async () => (await import('./requests.ts')).requestsCommand(),
    upstreams: async () => (await import('./status.ts')).upstreamsCommand(),
    tools: async () => (await import('./tools.ts')).toolsCommand(),
    check: async () => (await import('./status.ts')).checkCommand(),
    restart: async () => (await import('./status.ts')).restartCommand(),
    cancel: async () => (await import('./requests.ts')).cancelCommand(),
    kick: async () => (await import('./sessions.ts')).kickCommand(),
    broadcast: async () => (await import('./control.ts')).broadcastCommand(),
    reload: async () => (await import('./control.ts')).reloadCommand(),
    drain: async () => (await import('./control.ts')).drainCommand(),
    people: async () => (await import('./people.ts')).peopleCommand(),
    audit: async () => (await import('./audit.ts')).auditCommand(),
    configuration: async () => (await import('./configuration.ts')).configurationCommand(),
    simulations: async () => (await import('./simulations.ts')).simulationsCommand(),
    history: async () => (await import('./history.ts')).historyCommand(),
    events: async () => (await import('./control.ts')).eventsCommand(),
    logs: async () => (await import('./logs.ts')).logsCommand(),
  },
  'Troubleshooting:': {
    doctor: async () => (await import('./doctor.ts')).doctorCommand(),
  },
};

/** These speak of all the others. */
const NEED_ALL: ReadonlySet<string> = new Set(['help', 'completion']);

/**
 * The program, ready to parse.
 *
 * @param words what it will be given to parse, without the names of Node and of the file. Where the first is a command, only that one is
 *   there; with none, as for a help text, all are.
 */
export async function loadProgram(words: readonly string[] = []): Promise<Command> {
  const program = new Command('switchboard')
    .description('One MCP server, many clients: shares MCP servers over WebSocket, HTTP and stdio.')
    .enablePositionalOptions()
    .helpCommand(false)
    .version(PRODUCT.version, '-V, --version');
  const [first = ''] = words;
  const isOne = !NEED_ALL.has(first) && Object.values(COMMANDS).some((group) => Object.hasOwn(group, first));
  for (const [heading, group] of Object.entries(COMMANDS)) {
    program.commandsGroup(heading);
    for (const [name, load] of Object.entries(group)) {
      if (!isOne || name === first) program.addCommand(await load());
    }
  }
  program.addHelpText(
    'after',
    `\nExit codes: ${Object.entries(EXIT)
      .map(([name, { code }]) => `${code} ${name}`)
      .join(', ')}.`,
  );
  prepare(program);
  return program;
}

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
