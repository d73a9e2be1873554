import { Command, Option } from 'commander';

import { createGateway } from '../gateway/gateway.ts';
import type { Address, Gateway } from '../gateway/gateway.ts';
import { OPTIONS, OPTION_NAMES } from '../gateway/options.ts';
import { createLog } from '../observe/log.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { PipeChannel } from '../transports/stdio/pipes.ts';
import { endOnSignal } from './signals.ts';
import { startTracing } from './tracing.ts';
import { readSources } from './sources.ts';

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

/** The flag of an option, with its description and default. */
export function flagFor(name: (typeof OPTION_NAMES)[number]): Option {
  const { value, fallback, describe } = OPTIONS[name];
  const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const shown = fallback === '' || fallback === false ? '' : ` (default: ${fallback})`;
  return new Option(value === undefined ? flag : `${flag} <${value}>`, describe + shown);
}

async function serve(words: string[], { config, ...flags }: JsonObject & { config?: string }): Promise<void> {
  const { upstreams, settings, notes } = readSources({ words, config, flags, environment: process.env });

  let log: ReturnType<typeof createLog> = () => {};
  const tracing = await startTracing(process.env, (line) => process.stderr.write(`switchboard: ${line}\n`));
  const gateway = createGateway({
    ...settings,
    upstreams,
    environment: process.env,
    onEvent: (event) => log(event),
    ...(tracing !== undefined && { tracer: tracing.tracer }),
  });
  log = createLog({ level: gateway.settings.logLevel });
  for (const note of notes) process.stderr.write(`switchboard: ${note}\n`);

  const ended = endOnSignal(gateway);
  try {
    const addresses = await gateway.listen();
    if (gateway.settings.transport.includes('stdio')) serveStdio(gateway);
    else process.stdout.write(banner(addresses, gateway.settings.maxConnections));
  } catch (error) {
    await gateway.close();
    throw error;
  }
  await ended;
  await tracing?.end();
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
