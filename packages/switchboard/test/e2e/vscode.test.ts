/** The entries for VS Code: of a form that it takes, and each starts the bundled server, with what it says of transports. */
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'jsonc-parser';
import type { ParseError } from 'jsonc-parser';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';

import { folder } from '../support/command.ts';
import { cli, root } from '../support/gateway.ts';
import { WireClient, initializeParams } from '../support/wire.ts';

/** What VS Code takes in `.vscode/mcp.json`; other types and other keys are marked as wrong, and the entry is not started. */
const text = z.string();
const stdio = z.strictObject({
  type: z.literal('stdio').optional(),
  command: text.min(1),
  args: z.array(text).optional(),
  cwd: text.optional(),
  env: z.record(text, z.union([text, z.number(), z.null()])).optional(),
  envFile: text.optional(),
  dev: z.object({}).optional(),
});
const remote = z.strictObject({
  type: z.enum(['http', 'sse']).optional(),
  url: text.regex(/^(https?|unix|pipe):\/\//),
  headers: z.record(text, text).optional(),
  dev: z.object({}).optional(),
});
const input = z.object({ type: z.enum(['promptString', 'pickString', 'command']), id: text });
const schema = z.strictObject({
  servers: z.record(text, z.union([stdio, remote])),
  inputs: z.array(input).optional(),
});

const read = (source: string): z.infer<typeof schema> => {
  const errors: ParseError[] = [];
  const value = parse(source, errors, { allowTrailingComma: true }) as unknown;
  expect(errors).toEqual([]);
  return schema.parse(value);
};
const shipped = read(readFileSync(join(root, '.vscode/mcp.json'), 'utf8'));
const guide = readFileSync(join(root, 'docs/guide/clients.md'), 'utf8');
const [, section = ''] = guide.split('\n## VS Code\n');
const examples = [...section.split('\n## ')[0]!.matchAll(/^```jsonc?\n([\s\S]*?)^```$/gm)].map(
  ([, block = '']) => block,
);

/** A folder with what the entries name in theirs, and certificates. */
const workspace = folder();

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return String(port);
}

/** Starts an entry as VS Code does, on a free port where it names one. */
async function startEntry(name: string): Promise<{ client: Client; port: string }> {
  const { command, args = [], env = {} } = stdio.parse(shipped.servers[name]);
  const filled = (each: unknown): string => String(each).replaceAll('${workspaceFolder}', workspace);
  const port = await freePort();
  const words = args.map((word, at) => (args[at - 1] === '--port' ? port : filled(word)));
  const own = Object.fromEntries(Object.entries(env).map(([key, value]) => [key, filled(value)]));
  const path = { PATH: process.env['PATH'] ?? '', XDG_RUNTIME_DIR: folder() };
  const client = new Client({ name: 'Visual Studio Code', version: '1' });
  onTestFinished(() => client.close());
  await client.connect(new StdioClientTransport({ command, args: words, env: { ...path, ...own }, stderr: 'ignore' }));
  return { client, port };
}

beforeAll(async () => {
  mkdirSync(join(workspace, 'packages/switchboard'), { recursive: true });
  symlinkSync(join(root, 'servers'), join(workspace, 'servers'));
  symlinkSync(join(root, 'packages/switchboard/dist'), join(workspace, 'packages/switchboard/dist'));
  await promisify(execFile)(process.execPath, [cli, 'certs', '--out', join(workspace, 'certs')]);
});

describe('.vscode/mcp.json', () => {
  it('has the three entries, on stdio, with WebSocket, and with WebSocket over TLS', () => {
    expect(Object.keys(shipped.servers)).toEqual([
      'luno-mcp-server-stdio',
      'luno-mcp-server-websocket',
      'luno-mcp-server-websocket-secure',
    ]);
  });

  it.each(Object.keys(shipped.servers))('has an entry %s that starts, and serves the tools of Luno', async (name) => {
    const { client } = await startEntry(name);
    const { tools } = await client.listTools();
    expect(tools.map((tool) => tool.name)).toContain('get_ticker');
  });

  it.each([
    ['luno-mcp-server-websocket', 'ws'],
    ['luno-mcp-server-websocket-secure', 'wss'],
  ])('serves further clients with %s over %s', async (name, scheme) => {
    const { port } = await startEntry(name);
    const ca = scheme === 'wss' ? { ca: readFileSync(join(workspace, 'certs/ca.pem')) } : {};
    const other = await WireClient.open(`${scheme}://localhost:${port}/mcp`, { ...ca, host: '127.0.0.1' });
    other.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    expect(await other.answer(0)).toHaveProperty('result.serverInfo');
  });
});

it('the entries of the guide are of a form that VS Code takes', () => {
  expect(examples.length).toBeGreaterThan(1);
  for (const example of examples) expect(Object.keys(read(example).servers)).not.toEqual([]);
});
