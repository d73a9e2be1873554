import { Command, Option } from 'commander';

import { createGateway } from '../gateway/gateway.ts';
import type { Settings, SettingsInput } from '../gateway/settings.ts';
import { createLog } from '../observe/log.ts';
import { PipeChannel } from '../transports/stdio/pipes.ts';
import { readHeaders, readTls, withClientFlags } from './client-flags.ts';
import type { ClientFlags } from './client-flags.ts';
import { leave, reportCut, usageError } from './exit.ts';
import { endOnFault } from './last-resort.ts';
import { logOptions } from './logs.ts';

const HELP = `
Put it into the configuration of a client that only speaks stdio:
  { "mcpServers": { "shared": { "command": "npx", "args": ["mcp-switchboard", "connect", "ws://127.0.0.1:8765/mcp"] } } }

It is a small Switchboard of its own, with one client on stdin and stdout and the address as its upstream: when the server behind
the address restarts, the session continues.`;

interface Flags extends ClientFlags {
  logLevel: string;
  logFormat: string;
}

export function connectCommand(): Command {
  const command = new Command('connect')
    .description('Bridge a stdio client to an MCP endpoint (ws, wss, http or https).')
    .argument('<url>', 'the address, such as ws://127.0.0.1:8765/mcp');
  return withClientFlags(command)
    .addOption(
      new Option('--log-level <level>', 'the log goes to stderr')
        .choices(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
        .default('warn'),
    )
    .addOption(
      new Option('--log-format <format>', 'auto is text where stderr is a terminal')
        .choices(['auto', 'json', 'text'])
        .default('auto'),
    )
    .addHelpText('after', HELP)
    .action(connect);
}

async function connect(url: string, flags: Flags): Promise<void> {
  const headers = readHeaders(flags);
  if (!URL.canParse(url))
    throw usageError(`expected a URL such as ws://127.0.0.1:8765/mcp, got ${JSON.stringify(url)}`);
  const shown = readTls(new URL(url), flags);
  const settings: SettingsInput = {
    transport: 'stdio',
    isolation: 'session',
    rateLimit: 'unlimited',
    // The far side decides when a client has been quiet for too long; nothing must be said in its name.
    livenessInterval: 'never',
    // Two may be missed: a server that is gone is noticed within 30 s.
    pingInterval: '10s',
    maxMessageSize: '64MiB',
    // Whether they are, createGateway checks.
    logLevel: flags.logLevel as Settings['logLevel'],
    logFormat: flags.logFormat as Settings['logFormat'],
  };
  let log: ReturnType<typeof createLog> = () => {};
  const gateway = createGateway({
    ...settings,
    upstreams: { default: { url, headers, ...(shown !== undefined && { tls: shown.files }) } },
    onEvent: (event) => log(event),
  });
  log = createLog(logOptions(gateway.settings));
  endOnFault({ drain: () => gateway.drain(), report: (where, error) => log({ type: 'failed', where, error }) });
  const limits = { maxMessageBytes: gateway.settings.maxMessageSize, maxQueueBytes: gateway.settings.maxQueueSize };
  const channel = new PipeChannel(process.stdin, process.stdout, limits);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
    gateway.attach(channel, 'stdio', undefined, resolve);
  });
  reportCut(channel);
  await gateway.close();
  leave(channel);
}
