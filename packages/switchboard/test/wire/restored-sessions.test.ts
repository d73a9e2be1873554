/** Sessions that another gateway had opened on the same store: who may go on with them, and with what. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { GatewayOptions } from '../../src/gateway/gateway.ts';
import { openStore } from '../../src/stores/open-store.ts';
import { openDatabase } from '../../src/stores/sqlite-engine.ts';
import { upgrade } from '../support/access.ts';
import { folder } from '../support/command.ts';
import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { HttpClient } from '../support/http-client.ts';
import { http } from '../support/http.ts';
import { bearer, testKeys } from '../support/keys.ts';
import { freePort } from '../support/port.ts';
import { remote } from '../support/remote.ts';
import type { RemoteServer } from '../support/remote.ts';
import { textOf } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const shared = { default: { ...servers.scripted, isolation: 'shared' as const } };

/** Gateways one after the other, at one port and on one store. */
async function successive(options: GatewayOptions): Promise<{ file: string; next(): Promise<TestGateway> }> {
  const port = await freePort();
  const path = folder();
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  const file = join(path, 'state.db');
  let current: TestGateway | undefined;
  return {
    file,
    async next() {
      await current?.gateway.close();
      current = await startGateway({ port, ...options, stateStore: await openStore(`sqlite:${file}`) });
      return current;
    },
  };
}

const restored = ({ events }: TestGateway): number =>
  events.filter((event) => event.type === 'session.opened' && event.restored === true).length;

/** A remote server by hand, which gives each session an id and notes what each was sent. */
async function remoteServer(): Promise<RemoteServer> {
  let sessions = 0;
  return remote((visit) => {
    const { method, id } = visit.message;
    if (visit.method !== 'POST') return visit.text(405);
    if (id === undefined) return visit.text(202);
    const session = { 'mcp-session-id': method === 'initialize' ? `s${++sessions}` : '' };
    if (method === 'server/discover') return visit.json(200, { id, error: { code: -32601, message: 'unknown' } });
    const capabilities = { tools: {}, logging: {}, resources: { subscribe: true } };
    const result: Json =
      method === 'initialize'
        ? { protocolVersion: '2025-11-25', capabilities, serverInfo: { name: 'r', version: '1' } }
        : method === 'tools/list'
          ? { tools: [] }
          : {};
    return visit.json(200, { id, result }, method === 'initialize' ? session : {});
  });
}

describe('a session that another process had opened', () => {
  it('is for whoever shows again that it is theirs, and works with what they show now', async () => {
    const keys = testKeys();
    const [ann, ben] = [keys.add('ann', ['staff']), keys.add('ben', ['staff'])];
    const roles = { staff: { tools: { allow: ['echo'] } } };
    const { next } = await successive({ upstreams: shared, keysFile: keys.path, roles });
    const { http: url } = await next();
    const client = await HttpClient.open(url, bearer(ann));
    const tools = await client.ask('tools/list');
    expect((tools['result'] as { tools: unknown[] }).tools).toHaveLength(1);

    const test = await next();
    const session = { 'mcp-session-id': client.headers['mcp-session-id']! };
    const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
    expect((await client.post(ping, session)).status).toBe(401);
    expect((await client.post(ping, { ...session, ...bearer(ben) })).status).toBe(404);
    expect(restored(test)).toBe(0);
    const answers = await Promise.all(Array.from({ length: 8 }, () => client.ask('tools/list')));
    for (const { result } of answers) expect(result).toEqual(tools['result']);
    expect(restored(test)).toBe(1);
    expect(test.gateway.stats.connections).toBe(1);
    const [facts] = test.gateway.operations.sessions();
    const returns = { count: 1, last: [{ how: 'moved', time: expect.any(Number) as number }] };
    expect(facts).toMatchObject({ principal: 'ann', version: '2025-11-25', client: { name: 'wire' }, returns });
  });

  it('opens one session at its remote server, tells it what the client had told the former, and stays with it', async () => {
    const server = await remoteServer();
    const upstreams = { default: { url: server.url, isolation: 'session' as const } };
    const { next } = await successive({ upstreams, allowPrivateUpstreams: true });
    const client = await HttpClient.open((await next()).http, {}, { roots: { listChanged: true } });
    await client.ask('resources/subscribe', { uri: 'test://a' });
    await client.ask('resources/subscribe', { uri: 'test://b' });
    await client.ask('resources/unsubscribe', { uri: 'test://a' });
    await client.ask('logging/setLevel', { level: 'debug' });
    const [first] = server.of('initialize');

    await next();
    server.visits.length = 0;
    for (let n = 0; n < 3; n++) expect((await client.ask('tools/list'))['status']).toBe(200);
    const [again, ...others] = server.of('initialize');
    expect(others).toEqual([]);
    expect(again?.message.params).toEqual(first?.message.params);
    await expect.poll(() => server.of('resources/subscribe').length).toBe(1);
    const told = ['notifications/initialized', 'logging/setLevel', 'resources/subscribe'].map((method) =>
      server.of(method).map(({ message }) => message.params),
    );
    expect(told).toEqual([[undefined], [{ level: 'debug' }], [{ uri: 'test://b' }]]);
    const after = server.visits.filter(({ method, message }) => method === 'POST' && message.method !== 'initialize');
    const known = after.filter(({ message }) => message.method !== 'server/discover');
    expect(new Set(known.map(({ headers }) => headers['mcp-session-id']))).toEqual(new Set(['s2']));
  });

  it('ends alone: another at the same server goes on, and what it watches stays watched', async () => {
    const { next } = await successive({ upstreams: shared });
    const { http: url } = await next();
    const [one, other] = [await HttpClient.open(url), await HttpClient.open(url)];
    for (const client of [one, other]) await client.ask('resources/subscribe', { uri: 'test://a' });
    const test = await next();
    const pid = textOf(await one.call('pid'));
    expect(textOf(await other.call('pid'))).toBe(pid);
    await expect.poll(async () => textOf(await other.call('subscribed'))).toBe('["test://a"]');
    expect(await one.end()).toBe(204);
    expect((await one.call('pid'))['status']).toBe(404);
    expect(textOf(await other.call('pid'))).toBe(pid);
    expect(textOf(await other.call('subscribed'))).toBe('["test://a"]');
    expect(test.gateway.stats.connections).toBe(1);
    await next();
    expect((await one.call('pid'))['status']).toBe(404);
    expect((await other.call('pid'))['status']).toBe(200);
  });

  it('is not there where its record is garbage, which is told of once and left to who may understand it', async () => {
    const { next, file } = await successive({ upstreams: shared });
    const client = await HttpClient.open((await next()).http);
    const [intact] = [await HttpClient.open(client.url)];
    const { gateway } = await next();
    await gateway.close();
    const database = await openDatabase(file);
    const rows = database.prepare("SELECT key, value FROM facts WHERE key LIKE 'session %'").all();
    expect(rows).toHaveLength(2);
    // In the file there is nothing that could be shown to go on with a session.
    for (const { 'mcp-session-id': secret } of [client.headers, intact.headers]) {
      expect(JSON.stringify(rows)).not.toContain(secret);
    }
    const { createHash } = await import('node:crypto');
    const key = `session ${createHash('sha256').update(client.headers['mcp-session-id']!).digest('base64url')}`;
    const { value } = rows.find((row) => row['key'] === key)!;
    const record = { ...(JSON.parse(String(value)) as Json), capabilities: 'none' };
    database.prepare('UPDATE facts SET value = ? WHERE key = ?').run(JSON.stringify(record), key);
    database.close();

    const test = await next();
    for (let n = 0; n < 2; n++) expect((await client.call('pid'))['status']).toBe(404);
    expect(test.events.filter(({ type }) => type === 'store.garbage')).toMatchObject([{ key }]);
    const again = await openDatabase(file);
    expect(again.prepare('SELECT key FROM facts WHERE key = ?').get(key)).toBeDefined();
    again.close();
    expect((await intact.call('pid'))['status']).toBe(200);
  });

  it('keeps the values that it brought for its server, and is refused with others', async () => {
    const upstreams = {
      default: { ...servers.scripted, isolation: 'shared' as const, env: { TOKEN: '${caller.header:x-token}' } },
    };
    const { next, file } = await successive({ upstreams });
    const client = await HttpClient.open((await next()).http, { 'x-token': 'the secret of ann' });
    await next();
    const changed = await client.post(
      { jsonrpc: '2.0', id: 1, method: 'tools/list' },
      { ...client.headers, 'x-token': 'another' },
    );
    expect(changed.body).toContain('SWB_CREDENTIAL_CHANGED');
    expect(textOf(await client.call('environment', { name: 'TOKEN' }))).toBe('the secret of ann');
    await (await next()).gateway.close();
    const database = await openDatabase(file);
    const facts = database.prepare('SELECT value FROM facts').all();
    database.close();
    expect(JSON.stringify(facts)).not.toContain('the secret of ann');
  });
});

describe('over a restart', () => {
  it('hold the limits: tickets that were used, wrong credentials, and what is left of a rate', async () => {
    const keys = testKeys();
    const ann = keys.add('ann');
    const { next } = await successive({ upstreams: shared, keysFile: keys.path, rateLimit: 20 });
    const { http: url, ws } = await next();
    const ticket = async (): Promise<string> => {
      const { body } = await http(`${new URL(url).origin}/ticket`, { headers: bearer(ann) });
      return (JSON.parse(body) as { ticket: string }).ticket;
    };
    const [used, kept] = [await ticket(), await ticket()];
    expect(await upgrade(ws, ['mcp', `mcp.ticket.${used}`])).toBe(101);
    const client = await HttpClient.open(url, bearer(ann));
    for (let n = 0; n < 10; n++) await client.ask('tools/list');
    const remaining = async (): Promise<number> => {
      const { headers } = await client.post({ jsonrpc: '2.0', id: 99, method: 'tools/list' });
      return Number(/r=(\d+)/.exec(String(headers['ratelimit']))?.[1]);
    };
    const before = await remaining();
    let refusals = 0;
    for (let n = 0; n < 12; n++) {
      const { status } = await http(url, { body: {}, headers: bearer(`wrong-${n}`.padEnd(40, 'x')) });
      if (status === 429) refusals++;
    }
    expect(refusals).toBeGreaterThan(0);

    await next();
    const { status } = await http(url, { body: {}, headers: bearer('wrong-once-more'.padEnd(40, 'x')) });
    expect(status).toBe(429);
    const after = await remaining();
    expect(after).toBeLessThan(before);
    expect(await upgrade(ws, ['mcp', `mcp.ticket.${kept}`])).toBe(101);
    // Of an address that has shown too many wrong ones no other is looked at.
    for (const ticket of [used, kept]) expect(await upgrade(ws, ['mcp', `mcp.ticket.${ticket}`])).toBe(429);
  });
});
