import { parseArgs } from 'node:util';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { DEFAULT_BASE_URL } from './api.ts';
import { isTimeZone } from './language/when.ts';
import { createTallyfyServer, DEFAULT_TIME_ZONE, DEFAULT_TIMEOUT_MS, type TallyfyServerOptions } from './server.ts';
import { version } from './version.ts';

const USAGE = `Usage: mcp-switchboard-tallyfy [options]

Serves MCP over stdio: a client starts this program and talks to it.

  --read-only            only the tools that read
  --base-url URL         where the API is (${DEFAULT_BASE_URL})
  --time-zone ZONE       what dates in words are meant in (${DEFAULT_TIME_ZONE})
  --timeout-ms NUMBER    how long a request may take (${DEFAULT_TIMEOUT_MS})
  --help, --version

Environment:

  TALLYFY_API_KEY        the API key of a member
  TALLYFY_ORG_ID         the id of the organization
`;

const OPTIONS = {
  'read-only': { type: 'boolean', default: false },
  'base-url': { type: 'string', default: DEFAULT_BASE_URL },
  'time-zone': { type: 'string', default: DEFAULT_TIME_ZONE },
  'timeout-ms': { type: 'string', default: String(DEFAULT_TIMEOUT_MS) },
  help: { type: 'boolean', default: false },
  version: { type: 'boolean', default: false },
} as const;

run();

function run(): void {
  try {
    const { values } = parseArgs({ options: OPTIONS });
    if (values.help) process.stdout.write(USAGE);
    else if (values.version) process.stdout.write(`${version}\n`);
    else {
      serve({
        readOnly: values['read-only'],
        baseUrl: baseUrlOf(values['base-url']),
        timeZone: timeZoneOf(values['time-zone']),
        timeoutMs: timeoutOf(values['timeout-ms']),
      });
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exitCode = 2;
  }
}

function serve(options: TallyfyServerOptions): void {
  const { TALLYFY_API_KEY: apiKey, TALLYFY_ORG_ID: orgId } = process.env;
  const credentials = apiKey && orgId ? { apiKey, orgId } : undefined;
  serveStdio(() => createTallyfyServer({ ...options, credentials }), {
    onerror: (error) => process.stderr.write(`${error.message}\n`),
  });
}

/** The key goes there with each request: in clear text only within this machine. */
function baseUrlOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = url !== undefined && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal)) {
    if (url.username === '' && url.password === '' && url.search === '' && url.hash === '') return text;
  }
  throw new Error(
    `--base-url '${text}' is no address for an API key: give https://…, or http://… on this machine, and no more than a path.`,
  );
}

function timeZoneOf(text: string): string {
  if (isTimeZone(text)) return text;
  throw new Error(`--time-zone '${text}' is not a time zone: give a name such as Europe/Berlin.`);
}

function timeoutOf(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= 600_000) return number;
  throw new Error(`--timeout-ms '${text}' is not a number of milliseconds from 1 to 600000.`);
}
