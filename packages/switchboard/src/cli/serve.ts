import { Command, Option } from 'commander';

import { createGateway } from '../gateway/gateway.ts';
import type { Address, Gateway } from '../gateway/gateway.ts';
import { OPTIONS, OPTION_NAMES } from '../gateway/options.ts';
import type { UpstreamOptions } from '../gateway/upstream-options.ts';
import { createLog } from '../observe/log.ts';
import type { Emit } from '../observe/events.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { PipeChannel } from '../transports/stdio/pipes.ts';
import { readConfigFile } from './config.ts';
import { settingsFromEnvironment } from './environment.ts';
import { watchFile } from './watch.ts';
import { startTracing } from './tracing.ts';

const EXAMPLES = `
Examples:
  switchboard serve -- npx -y @modelcontextprotocol/server-everything
  switchboard serve --isolation shared --warm 2 -- node server.js
  switchboard serve --config switchboard.json

Every option can also stand in the configuration file (by the name without dashes, as in maxConnections) and in the
environment (SWITCHBOARD_MAX_CONNECTIONS). A flag counts more than the environment, and that more than the file.`;

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('Share MCP servers: one given as a command after --, or those of a configuration file.')
    .argument('[command...]', 'the command of a stdio MCP server, after --')
    .option('--config <file>', 'a configuration file; mcpServers and servers blocks of other programs are understood')
    .passThroughOptions()
    .addHelpText('after', EXAMPLES);
  for (const name of OPTION_NAMES) command.addOption(flagFor(name));
  return command.action((words: string[], flags: JsonObject & { config?: string }) => serve(words, flags));
}

function flagFor(name: (typeof OPTION_NAMES)[number]): Option {
  const { value, fallback, describe } = OPTIONS[name];
  const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const shown = fallback === '' || fallback === false ? '' : ` (default: ${fallback})`;
  return new Option(value === undefined ? flag : `${flag} <${value}>`, describe + shown);
}

/** What was said on the command line, which counts more than the file. */
interface Given {
  words: readonly string[];
  flags: JsonObject;
}

async function serve(words: string[], { config, ...flags }: JsonObject & { config?: string }): Promise<void> {
  const file = config ?? process.env['SWITCHBOARD_CONFIG'];
  const fromFile = file === undefined ? undefined : readConfigFile(file, process.env, flags);
  const upstreams: Record<string, UpstreamOptions> = { ...fromFile?.upstreams };
  const [command, ...args] = words;
  if (command !== undefined) upstreams['default'] = { command, args };
  if (Object.keys(upstreams).length === 0) {
    const detail = 'there is no server to share: give its command after --, or a file with --config';
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail });
  }
  if (flags['token'] !== undefined && flags['token'] !== 'auto') {
    const detail = '--token: only auto can be said here, as others see the flags of a process; set SWITCHBOARD_TOKEN';
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail });
  }
  const input = { ...fromFile?.settings, ...settingsFromEnvironment(process.env), ...flags };

  let log: ReturnType<typeof createLog> = () => {};
  const tracing = await startTracing(process.env, (line) => process.stderr.write(`switchboard: ${line}\n`));
  const gateway = createGateway({
    ...input,
    ...fromFile?.access,
    upstreams,
    environment: process.env,
    onEvent: (event) => log(event),
    ...(tracing !== undefined && { tracer: tracing.tracer }),
  });
  log = createLog({ level: gateway.settings.logLevel });
  for (const note of fromFile?.notes ?? []) process.stderr.write(`switchboard: ${file}: ${note}\n`);

  const reload = file === undefined ? undefined : (): void => reloadFrom(file, gateway, log, { words, flags });
  const stopWatching = file === undefined ? undefined : watchFile(file, reload!);
  const ended = endOnSignal(gateway, reload);
  try {
    const addresses = await gateway.listen();
    const { newToken } = gateway;
    if (newToken !== undefined) process.stderr.write(`switchboard: the token of this start, shown once: ${newToken}\n`);
    if (gateway.settings.transport.includes('stdio')) serveStdio(gateway);
    else process.stdout.write(banner(addresses, gateway.settings.maxConnections));
  } catch (error) {
    await gateway.close();
    throw error;
  }
  await ended;
  stopWatching?.();
  await tracing?.end();
}

/** Reads the file again; what is wrong with it is told, and nothing changes then. */
function reloadFrom(file: string, gateway: Gateway, log: Emit, { words, flags }: Given): void {
  try {
    const { settings, access, upstreams } = readConfigFile(file, process.env, flags);
    const [command, ...args] = words;
    const all = command === undefined ? upstreams : { ...upstreams, default: { command, args } };
    gateway.reload({ ...settings, ...access, ...settingsFromEnvironment(process.env), ...flags, upstreams: all });
  } catch (error) {
    log({ type: 'reload.failed', reason: asSwitchboardError(error).message });
  }
  gateway.reopenAuditLog();
}

/** The client on stdin and stdout; where it is the only way in, Switchboard ends with it. */
function serveStdio(gateway: Gateway): void {
  const { maxMessageSize, maxQueueSize, transport } = gateway.settings;
  const channel = new PipeChannel(process.stdin, process.stdout, {
    maxMessageBytes: maxMessageSize,
    maxQueueBytes: maxQueueSize,
  });
  gateway.attach(channel, 'stdio', undefined, () => {
    if (transport.length === 1) process.emit('SIGTERM');
  });
}

/**
 * Resolves when everything has ended after the first signal: what is under way may finish, for `drainTimeout`. A second signal does
 * not wait. SIGHUP reads the configuration file again, where there is one.
 */
function endOnSignal(gateway: Gateway, reload: (() => void) | undefined): Promise<void> {
  return new Promise((resolve) => {
    let ending = false;
    const end = (): void => {
      if (ending) process.exit(1);
      ending = true;
      void gateway.drain().then(() => {
        process.stdin.destroy();
        resolve();
      });
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);
    process.on('SIGHUP', reload ?? end);
  });
}

function banner(addresses: readonly Address[], maxConnections: number): string {
  const lines = addresses.flatMap(({ upstream, websocket, http, sse }) => [
    ...(addresses.length > 1 ? [`  ${upstream === '*' ? 'all of them as one' : upstream}`] : []),
    ...(websocket === undefined ? [] : [`  WebSocket  ${websocket}`]),
    ...(http === undefined ? [] : [`  HTTP       ${http}`]),
    ...(sse === undefined ? [] : [`  SSE        ${sse}`]),
  ]);
  // All servers as one, or the only one.
  const first = addresses.at(-1);
  const name = first?.upstream === '*' ? 'switchboard' : (first?.upstream ?? 'default');
  const url = first?.http ?? first?.websocket ?? '';
  const entry = JSON.stringify(
    first?.http === undefined ? { command: 'npx', args: ['mcp-switchboard', 'connect', url] } : { type: 'http', url },
  );
  return `Switchboard is serving, for up to ${maxConnections} clients:

${lines.join('\n')}

Try it:             npx mcp-switchboard call ${url}
In a client's file: { "mcpServers": { "${name}": ${entry} } }
For a client that only speaks stdio: npx mcp-switchboard connect ${first?.websocket ?? url}

Ctrl-C ends it.
`;
}
