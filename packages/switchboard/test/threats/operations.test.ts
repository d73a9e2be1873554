/** Attacks by way of what surrounds Switchboard: its configuration, its operators, other services, its records and what it is made of. */
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { initialize, modern, modernHeaders, upgrade } from '../support/access.ts';
import { expectEmpty, root, servers, startGateway } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { bearer, testKeys } from '../support/keys.ts';
import { serve } from '../support/command.ts';
import { WireClient, envelope, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };
const CALL = { name: 'echo', arguments: { text: 'served' } };

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'switchboard-threat-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

describe('a command by way of', () => {
  it('the environment of Switchboard, which loads code into programs, is not handed on to a server', async () => {
    const loaders = {
      LD_PRELOAD: '/tmp/canary.so',
      LD_LIBRARY_PATH: '/tmp/canary',
      DYLD_INSERT_LIBRARIES: '/tmp/canary.dylib',
      NODE_OPTIONS: '--require /tmp/canary.cjs',
      NODE_PATH: '/tmp/canary',
      PYTHONPATH: '/tmp/canary',
      PYTHONSTARTUP: '/tmp/canary.py',
      PERL5OPT: '-Mcanary',
      RUBYOPT: '-rcanary',
      BASH_ENV: '/tmp/canary.sh',
      ENV: '/tmp/canary.sh',
      IFS: 'x',
      GIT_SSH_COMMAND: 'touch /tmp/canary',
    };
    const { ws } = await startGateway({ upstreams, environment: { ...process.env, ...loaders } });
    const client = await WireClient.session(ws);
    for (const [n, name] of Object.keys(loaders).entries()) {
      expect([name, textOf(await client.call(n, 'environment', { name }))]).toEqual([name, '']);
    }
  });

  it('a value of a caller stays one value of the one variable that was named for it, whatever stands in it', async () => {
    const path = folder();
    const value = `$(touch ${path}/a) \`touch ${path}/b\`; touch ${path}/c & LD_PRELOAD=/tmp/x "' %PATH% --require=/tmp/x`;
    const { http: url } = await startGateway({
      upstreams: { default: { ...servers.scripted, env: { KEY: '${caller.header:X-Key}' } } },
    });
    const headers = { 'x-key': value };
    const opened = await http(url, { headers, body: initialize });
    const session = { 'mcp-session-id': String(opened.headers['mcp-session-id']), ...headers };
    const read = async (name: string): Promise<string> => {
      const { body } = await http(url, { headers: session, body: toolCall(1, 'environment', { name }) });
      return textOf(JSON.parse(body) as Json);
    };
    expect(await read('KEY')).toBe(value);
    expect(await read('LD_PRELOAD')).toBe('');
    expect(readdirSync(path)).toEqual([]);
  });

  it('the admin API cannot be given, by whoever has its token: it adds no upstream and changes none', async () => {
    const path = folder();
    const test = await startGateway({ upstreams, adminPort: 0 });
    const evil = { command: 'touch', args: [`${path}/pwned`] };
    const base = test.gateway.adminUrl!;
    for (const [method, target] of [
      ['POST', '/upstreams'],
      ['PUT', '/upstreams/evil'],
      ['PATCH', '/upstreams/default'],
      ['POST', '/reload'],
      ['POST', '/upstreams/default/restart'],
      ['POST', '/upstreams/evil/restart'],
      ['POST', '/config'],
      ['PUT', '/limits'],
    ] as const) {
      const body = {
        upstreams: { evil },
        ...evil,
        config: { upstreams: { evil } },
        env: { NODE_OPTIONS: `--require ${path}/x` },
      };
      await http(base + target, {
        method,
        headers: { ...bearer(test.gateway.adminToken!), 'content-type': 'application/json' },
        body,
      });
    }
    const client = await WireClient.session(test.ws);
    expect(textOf(await client.call(1, 'echo', { text: 'x' }))).toBe('x');
    expect(Object.keys(test.gateway.stats.upstreams)).toEqual(['default']);
    expect(existsSync(`${path}/pwned`)).toBe(false);
  });
});

describe('another service', () => {
  it('such as Redis is no way in: whatever its usual variables name, nothing is asked of it and nothing of it is heard', async () => {
    let visits = 0;
    // Says what would be harm if somebody listened: a subscription\'s message, and an answer to any question.
    const canary = createServer((socket) => {
      visits++;
      socket.on('error', () => {});
      socket.write('*3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$1\r\nx\r\n');
    }).listen(0, '127.0.0.1');
    await once(canary, 'listening');
    onTestFinished(() => void canary.close());
    const { port } = canary.address() as AddressInfo;
    const url = `redis://127.0.0.1:${port}`;
    const names = ['REDIS_URL', 'REDIS', 'VALKEY_URL', 'SWITCHBOARD_REDIS', 'SWITCHBOARD_REDIS_URL'];
    const serving = await serve(['--', process.execPath, servers.scripted.args[0]], {
      ...Object.fromEntries(names.map((name) => [name, url])),
      REDIS_HOST: '127.0.0.1',
      REDIS_PORT: String(port),
    });
    const client = await WireClient.session(serving.ws);
    expect(textOf(await client.call(1, 'echo', { text: 'x' }))).toBe('x');
    expect(textOf(await client.call(2, 'environment', { name: 'REDIS_URL' }))).toBe('');
    serving.child.kill('SIGTERM');
    await serving.exit;
    expect(visits).toBe(0);
  });
});

/** How often each is there. */
function counts(names: readonly string[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const name of names) found[name] = (found[name] ?? 0) + 1;
  return found;
}

describe('the audit log has no gap', () => {
  it('for a call that was allowed or denied, over any way in: one record each', async () => {
    const auditLog = join(folder(), 'audit.jsonl');
    const keys = testKeys();
    const cat = keys.add('cat', ['reader']);
    const test = await startGateway({
      upstreams,
      keysFile: keys.path,
      auditLog,
      isolation: 'shared',
      roles: { reader: { tools: { allow: ['echo', 'slow', 'never', 'missing'] }, limits: { requestsPerMinute: 12 } } },
      requestTimeout: '300ms',
    });
    expect((await http(test.http, { headers: bearer(cat), body: initialize })).status).toBe(200);
    const client = await WireClient.open(test.ws, { headers: bearer(cat) });
    client.send(initialize);
    await client.answer(0);
    const sent: string[] = ['initialize', 'initialize'];
    const ask = async (id: number, name: string, args: Json = {}): Promise<void> => {
      sent.push(name);
      await client.call(id, name, args);
    };
    await ask(1, 'echo', { text: 'x' });
    await ask(2, 'missing');
    await ask(3, 'crashed-by-nobody');
    await ask(4, 'environment', { name: 'PATH' });
    await ask(5, 'never');
    sent.push('slow');
    client.send(toolCall(6, 'slow', { ms: 5000 }));
    client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 6 } });
    sent.push('echo');
    const headers = { ...bearer(cat), ...modernHeaders('tools/call', 'echo') };
    const { status } = await http(test.http, {
      headers,
      body: modern(7, 'tools/call', { name: 'echo', arguments: { text: 'y' } }),
    });
    expect(status).toBe(200);
    let limited = 0;
    for (let id = 10; limited < 3; id++) {
      const answer = await client.call(id, 'echo', { text: 'z' });
      if (JSON.stringify(answer).includes('SWB_RATE_LIMITED')) limited++;
      else sent.push('echo');
    }
    const wrong = 5;
    for (let n = 0; n < wrong; n++)
      expect((await http(test.http, { headers: bearer(`${cat}${n}`), body: initialize })).status).toBe(401);
    expect(await upgrade(test.ws, ['mcp'])).toBe(401);
    await test.gateway.close();
    const lines = readFileSync(auditLog, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Json);
    const of = (type: string): Json[] => lines.filter((line) => line['type'] === type);
    const calls = of('request.ended').filter(({ principal, method }) => principal === 'cat' && method === 'tools/call');
    const expected = sent.filter((name) => name !== 'initialize');
    expect(counts(calls.map(({ target }) => String(target)))).toEqual(counts(expected));
    expect(new Set(calls.map(({ exchange }) => exchange)).size).toBe(expected.length);
    expect(of('request.refused').filter(({ code }) => code === 'SWB_RATE_LIMITED')).toHaveLength(limited);
    expect(of('connection.refused').filter(({ code }) => code === 'SWB_UNAUTHORIZED')).toHaveLength(wrong + 1);
    expect(of('session.opened')).toHaveLength(2);
    expect(of('session.closed')).toHaveLength(2);
    for (const line of lines) expect(Number.isNaN(Date.parse(String(line['time'])))).toBe(false);
  });
});

describe('the log', () => {
  it('has one line for each event, and neither line feeds nor escapes of those who are in it', async () => {
    const evil = 'x\r\n{"level":30,"msg":"forged"}\n\u001B[2J\u001B]0;pwned\u0007\u2028\u0085';
    const auditLog = join(folder(), 'audit.jsonl');
    const { command, args } = servers.scripted;
    const serving = await serve(['--log-level', 'trace', '--audit-log', auditLog, '--', command, ...args]);
    const client = await WireClient.open(serving.ws, { headers: { 'user-agent': 'evil\u0085agent' } });
    const clientInfo = { name: evil, version: evil };
    client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: { ...initializeParams(), clientInfo } });
    await client.answer(0);
    await client.call(1, evil, { [evil]: evil });
    await client.call(2, 'mutter', { text: evil });
    client.send({ jsonrpc: '2.0', id: 3, method: evil });
    await client.answer(3);
    client.send({ jsonrpc: '2.0', id: 4, method: 'resources/read', params: { uri: `${evil}:${evil}` } });
    await client.answer(4);
    await http(`${serving.http}/${encodeURIComponent(evil)}`, { body: initialize });
    serving.child.kill('SIGTERM');
    await serving.exit;
    for (const text of [serving.stderr(), readFileSync(auditLog, 'utf8')]) {
      const lines = text.trim().split('\n');
      for (const line of lines) expect(() => JSON.parse(line) as unknown, line).not.toThrow();
      expect(lines.filter((line) => (JSON.parse(line) as Json)['msg'] === 'forged')).toEqual([]);
      // oxlint-disable-next-line no-control-regex -- what is looked for
      expect(text).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F\u0080-\u009F\u2028\u2029]/);
    }
    expect(serving.stderr()).toContain('forged');
  });
});

describe('a client that says very much of itself', () => {
  it.each(['legacy', 'modern'] as const)('fills no log with it, %s', async (era) => {
    const test = await startGateway({ upstreams, isolation: 'session' });
    const words = 'w'.repeat(1_000_000);
    const said = { clientInfo: { name: words, version: words }, capabilities: { experimental: { [words]: {} } } };
    const client = await WireClient.open(test.ws, { headers: { 'user-agent': 'w'.repeat(5000) } });
    if (era === 'legacy') {
      client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: { ...initializeParams(), ...said } });
      await client.answer(0);
      client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
      expect(textOf(await client.call(1, 'echo', { text: 'served' }))).toBe('served');
    } else {
      const _meta = { ...envelope(said.capabilities), 'io.modelcontextprotocol/clientInfo': said.clientInfo };
      client.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { ...CALL, _meta } });
      expect(textOf(await client.answer(1))).toBe('served');
    }
    const longest = (value: unknown): number =>
      Math.max(...(JSON.stringify(value).match(/w+/g) ?? ['']).map(({ length }) => length));
    expect(longest(test.gateway.operations.sessions())).toBeLessThanOrEqual(200);
    const closed = test.nextEvent('connection.closed');
    client.socket.close();
    await closed;
    await expectEmpty(test);
    expect(test.events.map(({ type }) => type)).toContain('member.ready');
    expect(longest(test.events)).toBeLessThanOrEqual(200);
  });
});

describe('what Switchboard is made of', () => {
  interface Locked {
    version?: string;
    integrity?: string;
    resolved?: string;
    hasInstallScript?: boolean;
    dev?: boolean;
    link?: boolean;
    optional?: boolean;
    dependencies?: Record<string, string>;
  }
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>;
  };
  const installed = Object.entries(packages).filter(
    ([path, { dev, link }]) => path.startsWith('node_modules/') && dev !== true && link !== true,
  );

  it('is pinned by its content, and nothing of it runs when it is installed', () => {
    expect(installed.length).toBeGreaterThan(20);
    for (const [path, { integrity, hasInstallScript = false }] of installed) {
      expect([path, integrity?.startsWith('sha512-'), hasInstallScript]).toEqual([path, true, false]);
    }
  });
});
