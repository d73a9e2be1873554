/** What `serve` prints works as it is pasted, however it is served. */
import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { ended, folder, shell, start } from '../support/command.ts';
import { cli, root, servers } from '../support/gateway.ts';

type Variables = Record<string, string>;
interface Entry {
  type?: 'http';
  url?: string;
  headers?: Variables;
  command?: string;
  args?: string[];
}

const files = folder();
const certificate = (name: string): string => join(files, `${name}.pem`);
const keys = join(files, 'keys.json');
let key = '';
const tls = ['--tls-cert', certificate('server'), '--tls-key', certificate('server-key')];

beforeAll(async () => {
  const made = async (...words: string[]): Promise<string> =>
    (await promisify(execFile)(process.execPath, [cli, ...words])).stdout.trim();
  await made('certs', '--out', files, '--client', 'ann');
  key = await made('keys', 'create', 'ann', '--keys-file', keys);
}, 60_000);

/** What `serve` prints with these flags, until it serves. */
async function printed(flags: readonly string[]): Promise<{ banner: string; stderr: () => string }> {
  const { command, args } = servers.demo;
  const serving = ['serve', '--port', '0', '--isolation', 'shared', '--rate-limit', 'unlimited'];
  const child = start([...serving, ...flags, '--', command, ...args]);
  let [banner, stderr] = ['', ''];
  child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  for await (const line of createInterface({ input: child.stdout! })) {
    banner += `${line}\n`;
    if (line.startsWith('Ctrl-C')) break;
  }
  return { banner, stderr: () => stderr };
}

const after = (banner: string, start: string): string =>
  banner
    .split('\n')
    .find((line) => line.startsWith(start))!
    .slice(start.length)
    .trim();

/** The names of the tools that a real client lists. */
async function toolsBy(transport: Transport): Promise<string[]> {
  const client = new Client({ name: 'pasted', version: '1.0.0' });
  onTestFinished(() => client.close());
  await client.connect(transport);
  const { tools } = await client.listTools();
  return tools.map(({ name }) => name);
}

/** As clients fill in variables. */
const filledIn = (text: string, variables: Variables): string =>
  text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => variables[name]!);

function transportOf({ url, headers = {}, command = '', args = [] }: Entry, variables: Variables): Transport {
  const fill = (text: string): string => filledIn(text, variables);
  // A client starts it where it likes.
  if (url === undefined) return new StdioClientTransport({ command, args: args.map(fill), cwd: files });
  const sent = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, fill(value)]));
  return new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: sent } });
}

describe('what serve prints works as it is pasted', { timeout: 60_000 }, () => {
  const outside = ['--host', '0.0.0.0'];
  it.each<[string, () => readonly string[], (stderr: string) => Variables]>([
    ['on this machine', () => [], () => ({})],
    ['with keys', () => ['--keys-file', keys], () => ({ SWITCHBOARD_KEY: key })],
    [
      'beyond this machine, with a token of its start and TLS',
      () => [...outside, '--token', 'auto', ...tls],
      (stderr) => ({ SWITCHBOARD_TOKEN: /export SWITCHBOARD_TOKEN=(\S+)/.exec(stderr)![1]! }),
    ],
    ['beyond this machine without either', () => [...outside, '--insecure'], () => ({})],
    [
      'with certificates of clients',
      () => [...tls, '--tls-client-ca', certificate('ca')],
      () => ({ CLIENT_CERT: certificate('ann'), CLIENT_KEY: certificate('ann-key') }),
    ],
    [
      'by WebSocket alone, with keys and TLS',
      () => ['--transport', 'websocket', '--keys-file', keys, ...tls],
      () => ({ SWITCHBOARD_KEY: key }),
    ],
  ])('lets a real client list the tools, served %s', async (_, flags, variablesOf) => {
    const { banner, stderr } = await printed(flags());
    const variables = variablesOf(stderr());
    const env = { ...process.env, ...variables } as Variables;
    expect(banner).not.toContain('0.0.0.0');
    for (const name of Object.keys(variables)) expect(banner).toContain(`${name} `);
    for (const secret of [variables['SWITCHBOARD_TOKEN'], key])
      if (secret !== undefined) expect(banner).not.toContain(secret);

    const called = await ended(shell(after(banner, 'Try it:'), { cwd: root, env: variables }));
    expect(called.code, called.stderr).toBe(0);
    expect(called.stdout).toContain('add(a, b)');

    const connect = after(banner, 'For a client that only speaks stdio:');
    expect(
      await toolsBy(new StdioClientTransport({ command: '/bin/sh', args: ['-c', connect], cwd: root, env })),
    ).toContain('add');

    const { mcpServers } = JSON.parse(after(banner, "In a client's file:")) as { mcpServers: Record<string, Entry> };
    expect(await toolsBy(transportOf(mcpServers['default']!, variables))).toContain('add');
  });

  it('and names this program by its path where the folder does not have it', async () => {
    const child = shell(`exec node ${root}packages/switchboard/bin/switchboard.js serve --port 0 -- node server.js`, {
      cwd: files,
      env: {},
    });
    let banner = '';
    for await (const line of createInterface({ input: child.stdout! })) {
      banner += `${line}\n`;
      if (line.startsWith('Ctrl-C')) break;
    }
    const [, program = ''] = /^Try it: +node (\S+) call http/m.exec(banner) ?? [];
    expect(statSync(program).isFile()).toBe(true);
    expect(readFileSync(program, 'utf8')).toContain('main.js');
  });
});
