/** The built command against endpoints that ask who its clients are, and clients whose server falls silent. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';

import { Client } from '../src/client/client.ts';
import { websocketDial } from '../src/client/websocket.ts';
import { EXIT } from '../src/errors.ts';
import { Ledger } from '../src/integrity.ts';
import { seeded } from '../src/random.ts';
import { Stats } from '../src/stats.ts';
import { simulateBin, startSwitchboard } from './support/servers.ts';

const switchboard = fileURLToPath(new URL('../../switchboard/dist/cli/main.js', import.meta.url));
const certificates = mkdtempSync(join(tmpdir(), 'simulator-tls-'));
const at = (name: string): string => join(certificates, name);
const token = 'a-token-that-nobody-guesses-00000001';

async function simulate(...args: string[]): Promise<{ code: number | null; out: string }> {
  const child = spawn(process.execPath, [simulateBin, ...args, '--clients', '2', '--calls', '10']);
  onTestFinished(() => void child.kill('SIGKILL'));
  let out = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (out += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out };
}

beforeAll(async () => {
  const run = promisify(execFile);
  await run(process.execPath, [switchboard, 'certs', '--out', certificates]);
  await run(process.execPath, [switchboard, 'certs', '--out', certificates, '--client', 'load']);
});

describe('mcp-simulate', () => {
  it.each(['wss', 'https'])(
    'shows its certificate over %s, and trusts the authority that it is given',
    async (scheme) => {
      const tls = ['--tls-cert', at('server.pem'), '--tls-key', at('server-key.pem'), '--tls-client-ca', at('ca.pem')];
      const { ws } = await startSwitchboard(...tls);
      const url = ws.replace('ws:', `${scheme}:`);
      const trusting = ['--ca', at('ca.pem')];
      const own = [...trusting, '--cert', at('load.pem'), '--key', at('load-key.pem')];
      const { code, out } = await simulate(url, ...own);
      expect([code, out]).toEqual([EXIT.done.code, expect.stringContaining('0 crossed, 0 lost')]);
      expect((await simulate(url)).code).toBe(EXIT.unreachable.code);
      expect((await simulate(url, ...trusting)).code).toBe(EXIT.unreachable.code);
    },
  );

  it.each(['ws', 'http'] as const)('shows its token over %s, and never prints it', async (scheme) => {
    process.env['SWITCHBOARD_TOKEN'] = token;
    onTestFinished(() => void delete process.env['SWITCHBOARD_TOKEN']);
    const url = (await startSwitchboard())[scheme];
    const { code, out } = await simulate(url, '--token', token);
    expect([code, out]).toEqual([EXIT.done.code, expect.stringContaining('errors      0')]);
    expect(out).not.toContain(token);
    expect((await simulate(url)).out).toMatch(/HTTP 401/);
  });

  it.each([
    ['a certificate without its key', ['wss://127.0.0.1:1', '--cert', 'c.pem'], 'give both'],
    ['an authority for an address without TLS', ['ws://127.0.0.1:1', '--ca', 'c.pem'], 'the URL has ws'],
    ['a file that is not there', ['wss://127.0.0.1:1', '--ca', '/nowhere.pem'], '/nowhere.pem'],
    ['a file that is no PEM', ['wss://127.0.0.1:1', '--ca', at('text.pem')], 'has no PEM block'],
    [
      'two ways to say who it is',
      ['ws://127.0.0.1:1', '--token', token, '--header', 'Authorization: x'],
      'one of the two',
    ],
    ['a token that no header can carry', ['ws://127.0.0.1:1', '--token', `${token} x`], 'without spaces'],
  ])('refuses %s, and repeats no token', async (_, args, said) => {
    writeFileSync(at('text.pem'), 'no certificate');
    const { code, out } = await simulate(...args);
    expect(code).toBeGreaterThan(0);
    expect(out).toContain(said);
    expect(out).not.toContain(token);
  });
});

describe('a client whose server falls silent', () => {
  it('pings, and connects again when nothing comes back', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    onTestFinished(() => server.close());
    await once(server, 'listening');
    const pings: number[] = [];
    const handshakeResult = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      serverInfo: { name: 'silent', version: '1' },
    };
    server.on('connection', (socket) => {
      const number = server.clients.size;
      socket.on('message', (data: Buffer) => {
        const { id, method } = JSON.parse(data.toString()) as { id?: number; method: string };
        if (method === 'initialize') socket.send(JSON.stringify({ jsonrpc: '2.0', id, result: handshakeResult }));
        if (method === 'ping') pings.push(number);
      });
    });
    const { port } = server.address() as { port: number };
    const client = new Client(1, {
      era: 'legacy',
      dial: websocketDial(new URL(`ws://127.0.0.1:${port}`), {}),
      prefix: 'x-',
      ledger: new Ledger(performance.now()),
      stats: new Stats(),
      random: seeded(1),
      chaos: {},
      timeoutMs: 50,
      keepAliveMs: 50,
      bigMessageBytes: 0,
      crash: () => {},
      abandon: () => {},
    });
    const sweep = setInterval(() => client.sweep(performance.now()), 10);
    onTestFinished(async () => {
      clearInterval(sweep);
      await client.end();
    });
    await client.connect();
    await once(server, 'connection');
    expect(pings.length).toBeGreaterThan(0);
  });
});
