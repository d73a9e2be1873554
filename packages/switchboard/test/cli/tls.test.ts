/** TLS from the command line, as a user has it: certificates made, served with, and trusted by clients that are not ours. */
import { mkdtempSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { EXIT } from '../../src/cli/exit.ts';
import { cli } from '../support/gateway.ts';
import { call, certs, demo, folder, own, path, run, serve } from '../support/tls-cli.ts';

beforeAll(async () => {
  await certs('--host', 'mcp.example.com', '--client', 'alice@example.com');
});

describe('switchboard certs', () => {
  it('makes files that only their owner can read, says how to trust them, and keeps those that are there', async () => {
    const before = readdirSync(folder).map((name) => [name, statSync(path(name)).mtimeMs]);
    expect(readdirSync(folder)).toEqual(
      expect.arrayContaining(['ca.pem', 'server-key.pem', 'alice@example.com.pem', 'revoked.pem']),
    );
    for (const [name] of before) expect(statSync(path(String(name))).mode & 0o077, String(name)).toBe(0);
    const { stdout } = await certs();
    expect(stdout).toContain('nothing: all of it was there');
    expect(stdout).toContain(`NODE_EXTRA_CA_CERTS=${path('ca.pem')}`);
    expect(stdout).not.toContain('--cert ');
    expect(readdirSync(folder).map((name) => [name, statSync(path(name)).mtimeMs])).toEqual(before);
  });

  it('says how a client comes in with what it made, and that works', async () => {
    const { stdout } = await certs('--client', 'bob@example.com');
    const [, line = ''] = /^Call it as bob@example\.com:\n {2}switchboard (.+)$/m.exec(stdout) ?? [];
    const { http } = await serve([...own(), '--tls-client-ca', path('ca.pem')]);
    const args = line.replace('https://localhost:8765/mcp', http).split(' ');
    expect((await run(process.execPath, [cli, ...args])).stdout).toContain('echo(');
  });

  it('refuses names that would be other files', async () => {
    for (const name of ['../x', 'ca', 'server', 'a/b', '', 'x-key']) {
      await expect(certs('--client', name), name).rejects.toMatchObject({ code: EXIT.usage.code });
    }
  });
});

describe('switchboard serve with TLS', () => {
  it('is reached by the SDK over https and by WebSocket, by the flags and the variables of other servers', async () => {
    const others = [
      '--transport',
      'websocket',
      '--host',
      'localhost',
      '--max-connections',
      '50',
      '--max-message-size',
      '1048576',
      '--rate-limit',
      '100',
    ];
    const { ws } = await serve([...others, '--ssl-cert', path('server.pem'), '--ssl-key', path('server-key.pem')]);
    expect(ws).toMatch(/^wss:\/\/localhost:/);
    expect((await call(ws)).stdout).toContain('safe');
    const { http } = await serve([], {
      SSL_CERT_PATH: path('server.pem'),
      SSL_KEY_PATH: path('server-key.pem'),
      MCP_TRANSPORT: 'websocket',
      SWITCHBOARD_TRANSPORT: 'all',
    });
    expect((await call(http)).stdout).toContain('safe');
  });

  it.each([
    ['with TLS', () => []],
    ['where clients must show a certificate', () => ['--tls-client-ca', path('ca.pem')]],
  ])('is operated from this machine as without it: %s', async (_what, more) => {
    const env = { XDG_RUNTIME_DIR: mkdtempSync(join(tmpdir(), 'switchboard-run-')) };
    const { http } = await serve([...own(), ...more()], env);
    const { stdout } = await run(process.execPath, [cli, 'status', '--json'], { env: { ...process.env, ...env } });
    expect(JSON.parse(stdout)).toMatchObject({ connections: 0, state: 'serving' });
    // What comes in with TLS has no way to operate it.
    const url = JSON.stringify(new URL('/admin/status', http).href);
    const ask = ['-e', `fetch(${url}).then(({ status }) => console.log(status), () => console.log('refused'))`];
    const answer = await run(process.execPath, ask, { env: { ...process.env, NODE_EXTRA_CA_CERTS: path('ca.pem') } });
    expect(['404', 'refused']).toContain(answer.stdout.trim());
  });

  it('is called and connected to with the certificate of a client, by https and wss', async () => {
    const { ws, http } = await serve([...own(), '--tls-client-ca', path('ca.pem')]);
    const alice = path('alice@example.com');
    const shown = ['--ca', path('ca.pem'), '--cert', `${alice}.pem`, '--key', `${alice}-key.pem`];
    for (const url of [ws, http]) {
      const called = run(process.execPath, [cli, 'call', url, 'echo', '--args', '{"text":"safe"}', ...shown]);
      expect((await called).stdout).toContain('safe');
      const client = new Client({ name: 'stdio', version: '1' });
      onTestFinished(() => client.close());
      await client.connect(
        new StdioClientTransport({ command: process.execPath, args: [cli, 'connect', url, ...shown] }),
      );
      const { content } = await client.callTool({ name: 'echo', arguments: { text: 'connected' } });
      expect(content).toEqual([{ type: 'text', text: 'connected' }]);
      const { code } = EXIT.unreachable;
      await expect(run(process.execPath, [cli, 'call', url, ...shown.slice(0, 2)])).rejects.toMatchObject({ code });
    }
  });

  it.each<[string, string, string[], { code: number }, string]>([
    [
      'a file that is not there',
      'wss://localhost:1/mcp',
      ['--ca', '/no/such.pem'],
      EXIT.config,
      'ca /no/such.pem: ENOENT',
    ],
    [
      'a certificate without its key',
      'https://localhost:1/mcp',
      ['--cert', path('server.pem')],
      EXIT.config,
      'give both',
    ],
    ['an address without TLS', 'ws://localhost:1/mcp', ['--ca', path('ca.pem')], EXIT.usage, 'not for ws'],
  ])('is not called with %s', async (_, url, flags, { code }, told) => {
    for (const command of ['call', 'connect']) {
      const failed = run(process.execPath, [cli, command, url, ...flags]);
      await expect(failed).rejects.toMatchObject({ code, stderr: expect.stringContaining(told) });
    }
  });

  it('does not start without its certificate, and never goes on without TLS', async () => {
    const args = [
      cli,
      'serve',
      '--port',
      '0',
      '--ssl-cert',
      '/no/such.crt',
      '--ssl-key',
      path('server-key.pem'),
      ...demo,
    ];
    await expect(run(process.execPath, args)).rejects.toMatchObject({
      code: EXIT.config.code,
      stdout: '',
      stderr: expect.stringContaining('SWB_TLS_INVALID'),
    });
  });
});
