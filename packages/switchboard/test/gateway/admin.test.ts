/** The admin API over real sockets: what it tells and does, to whom, and that it gives no secret away. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { Imports } from '../../src/cli/adopt/imports.ts';
import { configurationFile } from '../../src/cli/configuration-file.ts';
import { readKeysFile } from '../../src/auth/keys-file.ts';
import { MAX_FAILURES } from '../../src/gateway/admin/gate.ts';
import { ROUTES } from '../../src/gateway/admin/routes.ts';
import { eventWatchers } from '../../src/gateway/admin/event-watchers.ts';
import { MAX_BYTES, MAX_LINE_BYTES, RecentLog } from '../../src/gateway/admin/recent-log.ts';
import type { Operator } from '../../src/gateway/admin/operator.ts';
import { MAX_STREAMS_EACH } from '../../src/gateway/admin/share.ts';
import { MAX_WAITING_BYTES } from '../../src/gateway/admin/watchers.ts';
import type { GatewayOptions } from '../../src/gateway/gateway.ts';
import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http, stream } from '../support/http.ts';
import { testKeys } from '../support/keys.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const LOCAL: Operator = { name: 'local', role: 'operator' };

interface Answer {
  status: number;
  body: unknown;
  headers: Record<string, unknown>;
}

interface AdminTest extends TestGateway {
  ask(line: string, body?: Json, headers?: Record<string, string>): Promise<Answer>;
}

const secrets = { authorization: (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` }) };

async function startAdmin(options: Partial<GatewayOptions> = {}): Promise<AdminTest> {
  const test = await startGateway({ upstreams: { default: servers.scripted }, ...options });
  const ask = async (line: string, body?: Json, headers?: Record<string, string>): Promise<Answer> => {
    const [method = '', path = ''] = line.split(' ');
    const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    const answer = await http(`${test.gateway.adminUrl}${path}`, {
      method,
      headers: { ...type, ...secrets.authorization(test.gateway.adminToken ?? ''), ...headers },
      ...(body !== undefined && { body }),
    });
    return { status: answer.status, headers: answer.headers, body: JSON.parse(answer.body) as unknown };
  };
  return { ...test, ask };
}

const error = (name: string): object => ({ error: { data: { code: name } } });

/** A reader of server-sent events that has seen the beginning of the stream and reads no more. */
async function pausedReader(
  send: (response: ServerResponse) => void,
): Promise<{ socket: Socket; response: ServerResponse; heard: () => string }> {
  let response: ServerResponse | undefined;
  const server = createServer((_, answer) => send((response = answer))).listen(0, '127.0.0.1');
  onTestFinished(() => server.close().closeAllConnections());
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  let text = '';
  socket.on('data', (chunk: Buffer) => void (text += chunk.toString()));
  await expect.poll(() => text).toContain(': open');
  socket.pause();
  return { socket, response: response!, heard: () => text };
}

describe('the admin API', () => {
  it('is for who shows the token: without it, or with another, it answers 401', async () => {
    const { gateway, ask } = await startAdmin();
    expect(gateway.adminToken).toMatch(/^[\w-]{43}$/);
    for (const { method, path } of ROUTES) {
      const line = `${method} ${path.replace(/\{\w+\}/, 'x')}`;
      const without = await ask(line, undefined, { authorization: '' });
      expect([line, without]).toMatchObject([line, { status: 401, body: error('SWB_UNAUTHORIZED') }]);
      expect(without.headers['www-authenticate']).toContain('Bearer');
    }
    expect(await ask('GET /status', undefined, secrets.authorization('x'.repeat(43)))).toMatchObject({ status: 401 });
    expect(await ask('GET /nothing', undefined, { authorization: '' })).toMatchObject({ status: 401 });
    expect(await ask('GET /status')).toMatchObject({ status: 200 });
  });

  it('tells who shows too many wrong tokens to wait, and lets in who has the right one', async () => {
    const { ask } = await startAdmin();
    for (let n = 0; n < MAX_FAILURES; n++) {
      expect(await ask('GET /status', undefined, secrets.authorization(`wrong-${n}`))).toMatchObject({ status: 401 });
    }
    const late = await ask('GET /status', undefined, secrets.authorization('wrong-again'));
    expect(late).toMatchObject({ status: 429, body: error('SWB_RATE_LIMITED') });
    expect(Number(late.headers['retry-after'])).toBeGreaterThan(0);
    expect(await ask('GET /status')).toMatchObject({ status: 200 });
  });

  it('takes the token that it is given', async () => {
    const adminToken = 'a-token-of-my-own.0123456789';
    const { gateway, ask } = await startAdmin({ adminToken });
    expect(gateway.adminToken).toBe(adminToken);
    expect(await ask('GET /status')).toMatchObject({ status: 200 });
  });

  it.each([
    ['a foreign Host', { host: 'evil.example.com' }, 403],
    ['a foreign Origin', { origin: 'https://evil.example.com' }, 403],
    ['a request that a proxy forwarded', { 'x-forwarded-for': '203.0.113.7' }, 404],
    ['a request that names a proxy on its way', { via: '1.1 proxy' }, 404],
    ['a request with the Host that a proxy was asked for', { 'x-forwarded-host': 'mcp.example.com' }, 404],
    ['a Host that is allowed, but not of this machine', { host: 'public.example.com' }, 404],
  ])('refuses %s, even with the token', async (_, headers, status) => {
    const { ask } = await startAdmin({ allowedHosts: 'public.example.com' });
    expect(await ask('GET /status', undefined, headers)).toMatchObject({ status });
  });

  it('has a port of its own where that is wanted, and is nowhere else then', async () => {
    const { gateway, port, ask } = await startAdmin({ adminPort: 0 });
    expect(Number(new URL(gateway.adminUrl!).port)).not.toBe(port);
    expect(await ask('GET /status')).toMatchObject({ status: 200 });
    expect(await ask('GET /status', undefined, { authorization: '' })).toMatchObject({ status: 401 });
    expect(await ask('GET /status', undefined, { host: 'evil.example.com' })).toMatchObject({ status: 403 });
    const there = await http(`http://127.0.0.1:${port}/admin/status`, {
      method: 'GET',
      headers: secrets.authorization(gateway.adminToken!),
    });
    expect(there.status).toBe(404);
    await gateway.close();
    await expect(ask('GET /status')).rejects.toThrow('ECONNREFUSED');
  });

  it('can be switched off', async () => {
    const { gateway, port } = await startAdmin({ adminPort: 'off' });
    expect([gateway.adminUrl, gateway.adminToken]).toEqual([undefined, undefined]);
    expect((await http(`http://127.0.0.1:${port}/admin/status`, { method: 'GET' })).status).toBe(404);
  });

  it('says what is wrong with a request', async () => {
    const { ask } = await startAdmin();
    const patch = await ask('PATCH /sessions/x', { groups: 'blue', colour: 1 });
    expect(patch).toMatchObject({ status: 400, body: error('SWB_INVALID_PARAMS') });
    expect(JSON.stringify(patch.body)).toMatch(/body\.groups: .*expected array/);
    expect(await ask('PATCH /sessions/x', { groups: ['blue'] })).toMatchObject({ status: 404 });
    expect(await ask('GET /sessions/x')).toMatchObject({ status: 404, body: error('SWB_NOT_FOUND') });
    expect(await ask('DELETE /requests/x')).toMatchObject({ status: 404 });
    expect(await ask('DELETE /sessions/x?why=no')).toMatchObject({ status: 400 });
    expect(await ask('POST /broadcast', { method: 'tools/call' })).toMatchObject({ status: 400 });
    expect(await ask('POST /drain', { timeout: 'soon' })).toMatchObject({ status: 400 });
    expect(await ask('POST /upstreams/x/restart')).toMatchObject({
      status: 404,
      body: error('SWB_UPSTREAM_NOT_FOUND'),
    });
    expect(await ask('POST /reload')).toMatchObject({ status: 404 });
    const put = await ask('PUT /sessions');
    expect([put.status, put.headers['allow']]).toEqual([405, 'GET']);
    expect(await ask('POST /broadcast', {}, { 'content-type': 'text/plain' })).toMatchObject({ status: 415 });
    expect(await ask('GET /%zz')).toMatchObject({ status: 404 });
  });
});

describe('the admin API as a document', () => {
  it('is valid OpenAPI 3.1, and has every route', async () => {
    const { ask } = await startAdmin();
    const { body } = await ask('GET /openapi.json');
    const validator = new Validator();
    const { valid, errors } = await validator.validate(body as Record<string, unknown>);
    expect([valid, errors]).toEqual([true, undefined]);
    expect(validator.version).toBe('3.1');
    const { paths } = body as { paths: Record<string, Record<string, { operationId: string }>> };
    const listed = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(listed.toSorted()).toEqual(ROUTES.map(({ method, path }) => `${method} /admin${path}`).toSorted());
    const ids = Object.values(paths).flatMap((operations) =>
      Object.values(operations).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('says what is answered: every answer has the shape that it promises', async () => {
    const keys = testKeys();
    keys.add('ann');
    const [key] = readKeysFile(keys.path);
    const path = join(dirname(keys.path), 'switchboard.json');
    writeFileSync(path, '{ "rateLimit": 600, "upstreams": { "other": {} } }', { mode: 0o600 });
    const client = { mcpServers: { new: { command: 'x', env: { API_TOKEN: 'abc' } }, off: { disabled: true } } };
    mkdirSync(join(dirname(path), '.cursor'));
    writeFileSync(join(dirname(path), '.cursor/mcp.json'), JSON.stringify(client));
    const nothing = { added: [], changed: [], removed: [], applied: [], restartNeeded: [] };
    const { ask, ws, gateway } = await startAdmin({
      upstreams: { default: { ...servers.demo, isolation: 'shared' }, other: servers.scripted },
      configurationFile: configurationFile({
        path,
        disabled: () => [],
        changeBy: () => nothing,
        reload: () => nothing,
        imports: new Imports({
          path,
          machine: { home: dirname(path), platform: 'linux', environment: {} },
          url: () => 'http://127.0.0.1:1/mcp',
        }),
      }),
      roles: { anonymous: {} },
      keysFile: keys.path,
      auditLog: join(dirname(keys.path), 'audit.jsonl'),
      onReload: () => nothing,
      servePages: () => false,
      simulator: () => import('mcp-switchboard-simulator'),
    });
    const caller = await WireClient.session(ws);
    caller.send(toolCall(1, 'count', { to: 100, delayMs: 1000 }));
    await expect.poll(() => gateway.operations.requests()).toHaveLength(1);
    const { id } = gateway.operations.sessions()[0]!;
    const request = gateway.operations.requests()[0]!.id;
    const bodies: Record<string, Json> = {
      'PATCH /sessions/{id}': { groups: ['a'] },
      'POST /broadcast': { method: 'notifications/acme/x' },
      'POST /configuration/preview': { options: { rateLimit: 900 } },
      'POST /configuration/apply': { options: { rateLimit: 900 } },
      'POST /keys': { principal: 'bob', roles: ['viewer'], label: 'a test', expires: '1h' },
      'POST /simulations': { upstream: 'default', clients: 1, duration: '1s' },
      'POST /drain': { timeout: '1s' },
    };
    // What ends things comes last, the widest at the very end.
    const order = ['DELETE /requests/{id}', 'DELETE /sessions/{id}/requests', 'DELETE /sessions/{id}', 'POST /drain'];
    const lineOf = ({ method, path }: (typeof ROUTES)[number]): string => `${method} ${path}`;
    const routes = ROUTES.filter(({ stream: isStream }) => isStream !== true).toSorted(
      (a, b) => order.indexOf(lineOf(a)) - order.indexOf(lineOf(b)),
    );
    for (const route of routes) {
      const line = lineOf(route);
      const names = { requests: request, upstreams: 'default', keys: key!.id, sessions: id, lockouts: '192.0.2.1' };
      const name = names[route.path.split('/')[1] as keyof typeof names];
      // Nobody tries a tool, and no run is known beforehand; what is asked then is for the tests of those.
      if (route.path === '/trials/{id}' || route.path === '/simulations/{id}') continue;
      const own = /(?:drain|able)$/.test(route.path) ? 'other' : name;
      const { status, body } = await ask(line.replace(/\{\w+\}/, own), bodies[line]);
      expect([line, status]).toEqual([line, route.status ?? 200]);
      expect([line, route.answer.safeParse(body).error]).toEqual([line, undefined]);
    }
    await gateway.closed;
  });
});

describe('an operator, through the admin API', () => {
  it('sees and steers sessions and requests', async () => {
    const { ask, ws } = await startAdmin();
    const client = await WireClient.session(ws);
    client.send(toolCall(1, 'slow', { ms: 20_000 }));
    client.send(toolCall(2, 'slow', { ms: 20_000 }));
    await expect.poll(async () => (await ask('GET /requests')).body).toHaveLength(2);
    const [session] = (await ask('GET /sessions')).body as { id: string }[];
    expect(await ask(`PATCH /sessions/${session!.id}`, { groups: ['blue'], metadata: { team: 'x' } })).toMatchObject({
      status: 200,
      body: { id: session!.id, groups: ['blue'], metadata: { team: 'x' } },
    });
    expect((await ask('POST /broadcast', { method: 'notifications/acme/x', to: { group: 'blue' } })).body).toEqual({
      count: 1,
    });
    await client.notification('notifications/acme/x');
    const [first] = (await ask('GET /requests')).body as { id: string }[];
    expect((await ask(`DELETE /requests/${first!.id}?reason=too%20long`)).status).toBe(200);
    expect(await client.answer(1)).toMatchObject({
      error: { code: 31023, message: expect.stringContaining('too long') },
    });
    expect((await ask(`DELETE /sessions/${session!.id}/requests`)).body).toEqual({ count: 1 });
    expect(await client.answer(2)).toMatchObject({ error: { code: 31023 } });
    expect((await ask(`DELETE /sessions/${session!.id}?reason=enough`)).status).toBe(200);
    expect(await client.closed).toEqual({ code: 1008, reason: 'enough' });
    expect((await ask('GET /sessions')).body).toEqual([]);
  });

  it('sees limits, without the token among them', async () => {
    const { ask } = await startAdmin();
    const { body } = await ask('GET /limits');
    expect(body).toMatchObject({
      maxConnections: 50,
      maxMessageSize: 4_194_304,
      rateLimit: 'unlimited',
      idleTimeout: 3_600_000,
    });
    expect(body).not.toHaveProperty('adminToken');
  });

  it('ends Switchboard: it is answered, and then what is under way is waited for', async () => {
    const { ask, ws, gateway, nextEvent } = await startAdmin();
    const client = await WireClient.session(ws);
    const slow = client.call(1, 'slow', { ms: 400 });
    await expect.poll(() => gateway.stats.exchanges).toBe(1);
    const draining = nextEvent('draining');
    expect((await ask('POST /drain')).status).toBe(202);
    await draining;
    expect((await ask('GET /status')).body).toMatchObject({ state: 'draining' });
    expect(textOf(await slow)).toBe('done');
    expect(await client.closed).toMatchObject({ code: 1001 });
    await gateway.closed;
  });

  it('reads the configuration again, and is told what is wrong with it', async () => {
    let input: Parameters<TestGateway['gateway']['reload']>[0] = { upstreams: {} };
    const test: AdminTest = await startAdmin({ onReload: () => test.gateway.reload(input) });
    expect(await test.ask('POST /reload')).toMatchObject({ status: 500, body: error('SWB_CONFIG_INVALID') });
    const same = { port: 0, rateLimit: 'unlimited', warm: 0, connectRateLimit: 'unlimited' } as const;
    input = { ...same, upstreams: { default: servers.scripted, more: servers.scripted } };
    expect((await test.ask('POST /reload')).body).toEqual({
      added: ['more'],
      changed: [],
      removed: [],
      applied: [],
      restartNeeded: [],
    });
  });

  it('watches what happens, or only some of it', async () => {
    const { gateway, ws } = await startAdmin();
    const headers = secrets.authorization(gateway.adminToken!);
    const all = await stream(`${gateway.adminUrl}/events`, { headers });
    const some = await stream(`${gateway.adminUrl}/events?type=session.*,request.ended`, { headers });
    const client = await WireClient.session(ws);
    await client.call(1, 'echo', { text: 'canary-body' });
    expect(await all.next()).toMatchObject({ type: 'connection.opened', time: expect.stringMatching(/^\d{4}-.*Z$/) });
    expect(await some.next()).toMatchObject({ type: 'session.opened', client: 'wire' });
    expect(await some.next()).toMatchObject({
      type: 'request.ended',
      method: 'tools/call',
      target: 'echo',
      outcome: 'ok',
    });
    expect(JSON.stringify(all.received)).not.toContain('canary-body');
    await gateway.close();
    await all.closed;
  });

  it('that reads events slowly misses some and is told how many, while what waits for it stays bounded', async () => {
    const watchers = eventWatchers();
    const { socket, response, heard } = await pausedReader((answer) => watchers.add(answer, LOCAL));
    const line = 'x'.repeat(32 * 1024);
    const said = 1000;
    let most = 0;
    for (let n = 0; n < said; n++) {
      watchers.onItem({ type: 'upstream.stderr', upstream: 'default', line });
      most = Math.max(most, response.writableLength);
      if (n % 10 === 0) await new Promise(setImmediate);
    }
    expect(most).toBeGreaterThan(MAX_WAITING_BYTES);
    expect(most).toBeLessThan(MAX_WAITING_BYTES + 2 * line.length);
    socket.resume();
    const missed = (): number =>
      [...heard().matchAll(/"type":"missed","count":(\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0);
    const read = (): number => heard().match(/^event: upstream.stderr$/gm)?.length ?? 0;
    await expect.poll(() => missed() + read()).toBe(said);
    expect(missed()).toBeGreaterThan(100);
  });

  it('is one of so many who may watch', async () => {
    const { gateway, ask } = await startAdmin();
    const headers = secrets.authorization(gateway.adminToken!);
    const watchers = await Promise.all(
      Array.from({ length: MAX_STREAMS_EACH }, () => stream(`${gateway.adminUrl}/events`, { headers })),
    );
    expect(await ask('GET /events')).toMatchObject({ status: 503, body: error('SWB_OVERLOADED') });
    for (const watcher of watchers) watcher.destroy();
    await expect
      .poll(async () => {
        const again = await stream(`${gateway.adminUrl}/events`, { headers });
        again.destroy();
        return again.status;
      })
      .toBe(200);
  });
});

describe('the log over the admin API', () => {
  it('gives the newest lines from a level on, and follows; only so many may follow', async () => {
    const { gateway, ask } = await startAdmin({ logLevel: 'info' });
    const headers = secrets.authorization(gateway.adminToken!);
    const logs = (query: string): ReturnType<typeof stream> => stream(`${gateway.adminUrl}/logs${query}`, { headers });
    for (const n of [1, 2, 3]) gateway.showEvent({ type: 'test.line', n });
    gateway.showEvent({ type: 'test.failed', error: new Error('broken') });
    gateway.showEvent({ type: 'upstream.stderr', upstream: 'default', line: 'below the level of the log' });
    const newest = await logs('?lines=2');
    await newest.closed;
    expect(newest.received).toMatchObject([
      { msg: 'test.line', n: 3 },
      { level: 50, msg: 'test.failed', err: { message: 'broken' } },
    ]);
    const errors = await logs('?level=error');
    await errors.closed;
    expect(errors.received).toMatchObject([{ msg: 'test.failed' }]);
    const followed = await logs('?lines=0&follow=true&level=error');
    gateway.showEvent({ type: 'test.line', n: 4 });
    gateway.showEvent({ type: 'reload.failed', reason: 'no such file' });
    expect(await followed.next()).toMatchObject({ level: 50, msg: 'reload.failed' });
    for (let n = 1; n < MAX_STREAMS_EACH; n++) expect((await logs('?follow=true')).status).toBe(200);
    expect(await ask('GET /logs?follow=true')).toMatchObject({ status: 503, body: error('SWB_OVERLOADED') });
    // Those who follow the log take no place of those who watch events.
    expect((await stream(`${gateway.adminUrl}/events`, { headers })).status).toBe(200);
    for (const wrong of ['lines=-1', 'lines=1001', 'lines=x', 'level=loud', 'follow=yes', 'x=1']) {
      expect([wrong, await ask(`GET /logs?${wrong}`)]).toMatchObject([wrong, { body: error('SWB_INVALID_PARAMS') }]);
    }
    await gateway.close();
    await followed.closed;
  });

  it('keeps a bounded part of it', async () => {
    const { gateway } = await startAdmin({ logLevel: 'info' });
    const headers = secrets.authorization(gateway.adminToken!);
    const all = async (): Promise<Json[]> => {
      const answer = await stream(`${gateway.adminUrl}/logs?lines=1000`, { headers });
      await answer.closed;
      return answer.received;
    };
    for (let n = 0; n < 1100; n++) gateway.showEvent({ type: 'test.line', n });
    const lines = await all();
    expect([lines.length, lines[0], lines.at(-1)]).toMatchObject([1000, { n: 100 }, { n: 1099 }]);
    for (let n = 0; n < 100; n++) gateway.showEvent({ type: 'test.line', text: 'ü'.repeat(4000) });
    const large = await all();
    expect(large.length).toBe(Math.floor(MAX_BYTES / Buffer.byteLength(JSON.stringify(large.at(-1)))));
    gateway.showEvent({ type: 'test.line', text: 'x'.repeat(MAX_LINE_BYTES) });
    const last = (await all()).at(-1);
    expect(last).toEqual({ level: 30, time: expect.any(String), bytes: expect.any(Number), msg: 'test.line' });
  });

  it('tells a slow reader how many lines it missed', async () => {
    const log = new RecentLog();
    const { socket, response, heard } = await pausedReader((answer) => log.send(answer, LOCAL, { follow: true }));
    const line = JSON.stringify({ level: 30, text: 'x'.repeat(8 * 1024) });
    const said = 4000;
    let most = 0;
    for (let n = 0; n < said; n++) {
      log.add(line);
      most = Math.max(most, response.writableLength);
      if (n % 10 === 0) await new Promise(setImmediate);
    }
    expect(most).toBeLessThan(MAX_WAITING_BYTES + 2 * line.length);
    socket.resume();
    await expect.poll(heard, { timeout: 10_000 }).toContain('"msg":"log.missed"');
    const missed = [...heard().matchAll(/"level":40,.*"count":(\d+),"msg":"log.missed"/g)];
    const count = missed.reduce((sum, [, n]) => sum + Number(n), 0);
    expect(count + (heard().match(/"text":/g)?.length ?? 0)).toBe(said);
  });
});

describe('what the admin API tells', () => {
  it('holds no secret: not of the configuration, nor of clients, nor its own', async () => {
    const canary = (what: string): string => `canary-${what}-0123456789abcdef`;
    const {
      gateway,
      ask,
      http: url,
      port,
    } = await startAdmin({
      adminToken: canary('admin'),
      upstreams: {
        child: { ...servers.scripted, env: { KEY: canary('env'), OWN: '${caller.header:X-Own}' } },
        remote: { url: 'http://127.0.0.1:9/mcp', headers: { authorization: canary('header') } },
      },
    });
    const headers = secrets.authorization(gateway.adminToken!);
    const watching = await stream(`${gateway.adminUrl}/events`, { headers });
    const own = { 'x-own': canary('caller') };
    const client = await WireClient.open(`ws://127.0.0.1:${port}/mcp/child`, { headers: own });
    client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    await client.answer(0);
    client.send(toolCall(1, 'slow', { ms: 20_000, text: canary('argument') }));
    const session = await http(url, {
      headers: own,
      body: { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() },
    });
    const said: unknown[] = [];
    for (const { method, path, stream: isStream } of ROUTES) {
      if (method !== 'GET' || isStream === true) continue;
      const { id } = gateway.operations.sessions()[0]!;
      said.push(await ask(`GET ${path.replace('{id}', id).replace('{name}', 'child')}`));
    }
    said.push(await ask('POST /upstreams/remote/check'), await ask('POST /upstreams/child/check'));
    said.push(await ask('GET /status', undefined, secrets.authorization(canary('wrong'))));
    await expect.poll(() => watching.received.length).toBeGreaterThan(3);
    const everything = JSON.stringify([said, watching.received]);
    expect(everything).not.toContain('canary-');
    expect(everything).not.toContain(String(session.headers['mcp-session-id']));
    expect(said.length).toBeGreaterThan(15);
    watching.destroy();
  });
});
