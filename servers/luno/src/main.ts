import { parseArgs } from 'node:util';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { ListeningStdio, Subscriptions } from 'mcp-switchboard-demo/subscriptions';
import { LunoError } from './errors.ts';
import { Luno } from './luno.ts';
import { createLunoServer } from './server.ts';
import { version } from './version.ts';

const USAGE = `Usage: mcp-switchboard-luno [options]

Serves MCP over stdio: a client starts this program and talks to it.

  --read-only         leaves out the tools that place and cancel orders
  --base-url <url>    another address of the HTTP API
  --stream-url <url>  another address of the streaming API
  --calls <number>    of the HTTP API in any minute, for all sessions of this process (300)
  --timeout <seconds> for each attempt of an HTTP call (15)
  --help, --version

Environment:
  LUNO_API_KEY_ID, LUNO_API_SECRET   the API key; without it there is market data only
`;

const flags = {
  'read-only': { type: 'boolean' },
  'base-url': { type: 'string' },
  'stream-url': { type: 'string' },
  calls: { type: 'string', default: '300' },
  timeout: { type: 'string', default: '15' },
  help: { type: 'boolean' },
  version: { type: 'boolean' },
} as const;

run();

function run(): void {
  try {
    const { values } = parseArgs({ options: flags });
    if (values.help) process.stdout.write(USAGE);
    else if (values.version) process.stdout.write(`${version}\n`);
    else serve(values);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exitCode = 2;
  }
}

type Values = ReturnType<typeof parseArgs<{ options: typeof flags }>>['values'];

function serve(values: Values): void {
  const { 'read-only': readOnly = false, 'base-url': baseUrl, 'stream-url': streamUrl } = values;
  const report = (error: Error): void => void process.stderr.write(`${error.message}\n`);
  const luno = new Luno({
    ...credentials(),
    ...(baseUrl && { baseUrl }),
    ...(streamUrl && { streamUrl }),
    readOnly,
    callsPerMinute: wholeNumber('calls', values.calls),
    timeoutMs: wholeNumber('timeout', values.timeout) * 1000,
    onError: report,
  });
  const listens = new Subscriptions();
  serveStdio(({ era }) => createLunoServer(luno, era === 'modern' ? { subscriptions: listens } : {}), {
    transport: new ListeningStdio(listens),
    onerror: report,
  });
}

function wholeNumber(flag: string, text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new LunoError('invalid_argument', `--${flag} is '${text}', and must be a whole number, 1 to 9999.`);
}

/** A variable that is set to nothing counts as not set. */
function credentials(): { credentials?: { keyId: string; secret: string } } {
  const { LUNO_API_KEY_ID: keyId, LUNO_API_SECRET: secret } = process.env;
  if (keyId && secret) return { credentials: { keyId, secret } };
  if (!keyId && !secret) {
    process.stderr.write('LUNO_API_KEY_ID and LUNO_API_SECRET are not set: market data only\n');
    return {};
  }
  const missing = keyId ? 'LUNO_API_SECRET' : 'LUNO_API_KEY_ID';
  throw new LunoError('credentials_missing', `${missing} is not set: set both halves of the API key, or neither.`);
}
