import { parseArgs } from 'node:util';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { createDemoServer } from './server.ts';
import { ListeningStdio, Subscriptions } from './subscriptions.ts';
import { version } from './version.ts';

const USAGE = `Usage: mcp-switchboard-demo [--help | --version]

Serves MCP over stdio: a client starts this program and talks to it.
`;

run();

function run(): void {
  const options = readOptions();
  if (!options) return;
  if (options.help) process.stdout.write(USAGE);
  else if (options.version) process.stdout.write(`${version}\n`);
  else serve();
}

function readOptions(): { help?: boolean; version?: boolean } | undefined {
  try {
    return parseArgs({ options: { help: { type: 'boolean' }, version: { type: 'boolean' } } }).values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exitCode = 2;
    return undefined;
  }
}

function serve(): void {
  const listens = new Subscriptions();
  serveStdio(({ era }) => createDemoServer(era === 'modern' ? { subscriptions: listens } : {}), {
    transport: new ListeningStdio(listens),
    onerror: (error) => process.stderr.write(`${error.message}\n`),
  });
}
