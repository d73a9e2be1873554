/** What a cluster does when a part of it fails: a node ends without a word, or cannot reach the store, or the store answers late. */
import { createHash } from 'node:crypto';
import { setInterval as every } from 'node:timers';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';

import { leaseOf, recordedNodes } from '../../src/peers/nodes.ts';
import { openStore } from '../../src/stores/open-store.ts';
import { redisStore } from '../../src/stores/redis.ts';
import type { Facts } from '../../src/stores/store.ts';
import { withParts } from '../../src/stores/with-parts.ts';
import { sees, spawnNode, startCluster, startNode } from '../support/cluster.ts';
import { startCutter } from '../support/cutter.ts';
import { isAlive } from '../support/gateway.ts';
import { http, openSession } from '../support/http.ts';
import type { HttpAnswer } from '../support/http.ts';
import { RedisServer } from '../support/redis.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.kill());

const codeOf = ({ body }: HttpAnswer): unknown => (JSON.parse(body) as { error: { data: Json } }).error.data['code'];

/** A client that can resume, in a session. */
async function resumable(ws: string): Promise<{ client: WireClient; token: string }> {
  const client = await WireClient.open(ws, {}, ['mcp.r1', 'mcp']);
  client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
  await client.answer(0);
  client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  const { params } = await client.notification('switchboard/ws/session');
  return { client, token: (params as { token: string }).token };
}

/** Takes a conversation up at a node, as often as the socket is cut before it is answered. */
async function resume(ws: string, params: Json): Promise<WireClient> {
  for (;;) {
    const client = await WireClient.open(ws, {}, ['mcp.r1']);
    client.send({ jsonrpc: '2.0', method: 'switchboard/ws/resume', params });
    const said = client.next(({ method }) => /^switchboard\/ws\/(resumed|lost)$/.test(String(method)));
    const answer = await Promise.race([said, client.closed]);
    if (!('method' in answer)) continue;
    expect(answer['method']).toBe('switchboard/ws/resumed');
    return client;
  }
}

it('a node that ended without a word is not waited for until its lease ends: its sessions and processes go on elsewhere', async () => {
  const url = `${redis.url}/?prefix=ended${process.pid}`;
  const owner = await spawnNode(url, 'x');
  const first = await resumable(owner.ws);
  const pid = textOf(await first.client.call(1, 'pid'));
  const session = await openSession(owner.ws.replace('ws:', 'http:'), initializeParams());
  const [a, b] = await Promise.all(['a', 'b'].map((name) => startNode(url, name)));
  await Promise.all([a, b].map((node) => sees(node!, ['a', 'b', 'x'])));
  const third = await WireClient.session(b!.ws);
  expect(textOf(await third.call(1, 'pid'))).toBe(pid);
  // What a session is rebuilt from is written.
  const store = await openStore(url);
  await expect.poll(async () => (await store.facts.list('session ', 10)).length).toBe(2);
  owner.child.kill('SIGKILL');
  await first.client.closed;
  // Its lease does not end by itself, and its last sign of life stays as old as it is.
  const { id } = (await recordedNodes(store)).find(({ name }) => name === 'x')!;
  const lease = (await store.leases.holder(leaseOf(id)))!;
  const record = (await store.facts.get(`node ${id}`))!;
  const hold = async (): Promise<void> => {
    if (await store.leases.renew(lease, 1500)) await store.facts.put(`node ${id}`, record, 3000);
  };
  const holding = every(() => void hold().catch(() => {}), 50);
  onTestFinished(async () => {
    clearInterval(holding);
    await store.close();
  });
  const [answer, again, other] = await Promise.all([
    http(a!.http, { headers: session, body: toolCall(1, 'echo', { text: 'on' }) }),
    resume(b!.ws, { token: first.token, h: 2, sent: 3, open: [] }),
    third.call(2, 'pid'),
  ]);
  expect([answer.status, answer.body.includes('"text":"on"')]).toEqual([200, true]);
  expect(textOf(await again.call(2, 'pid'))).toBe(textOf(other));
  expect(textOf(other)).not.toBe(pid);
  expect((await store.leases.holder(leaseOf(id)))?.owner).not.toBe(id);
});

it('a node that alone cannot reach the store leaves what it had to the others, takes nothing new, and joins again', async () => {
  const prefix = `cut${process.pid}`;
  const line = await startCutter(redis.port, () => Infinity);
  const a = await startNode(`redis://127.0.0.1:${line.port}/?prefix=${prefix}`, 'a');
  const first = await resumable(a.ws);
  const pid = Number(textOf(await first.client.call(1, 'pid')));
  const session = await openSession(a.http, initializeParams());
  const b = await startNode(`${redis.url}/?prefix=${prefix}`, 'b');
  await sees(a, ['a', 'b']);
  const ready = async (): Promise<number> =>
    (await http(a.http.replace(/\/mcp.*/, '/readyz?exclude=upstreams'), { method: 'GET' })).status;
  expect(await ready()).toBe(200);
  // Nobody listens there.
  line.target = 1;
  line.cutAll();
  await first.client.closed;
  expect(await ready()).toBe(503);
  await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
  const call = (node: typeof a): Promise<HttpAnswer> =>
    http(node.http, { headers: session, body: toolCall(1, 'echo', { text: 'on' }) });
  expect(codeOf(await call(a))).toBe('SWB_STORE_UNAVAILABLE');
  const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() };
  const refused = await http(a.http, { body: initialize });
  expect([refused.status, codeOf(refused)]).toEqual([503, 'SWB_STORE_UNAVAILABLE']);
  const socket = await WireClient.open(a.ws, {}, ['mcp.r1', 'mcp']);
  socket.send(initialize);
  expect(await socket.closed).toMatchObject({ code: 1013 });
  expect((await call(b)).status).toBe(200);
  const again = await resume(b.ws, { token: first.token, h: 2, sent: 3, open: [] });
  expect(textOf(await again.call(2, 'echo', { text: 'at b' }))).toBe('at b');
  expect(a.gateway.stats.connections).toBe(0);
  line.target = redis.port;
  await sees(b, ['a', 'b']);
  await expect.poll(ready, { timeout: 10_000 }).toBe(200);
  expect((await call(a)).status).toBe(200);
});

it('a client is given no token before the store has it, while its calls do not wait for the store', async () => {
  const own = await RedisServer.start();
  onTestFinished(() => own.kill());
  const [node] = await startCluster(own, ['a']);
  const known = async (token: string): Promise<string> => {
    const digest = createHash('sha256').update(token).digest('base64url');
    const prefix = new URL(node!.gateway.settings.store).searchParams.get('prefix');
    return own.ask('EXISTS', `${prefix}:fact:resume ${digest}`);
  };
  const client = await WireClient.open(node!.ws, {}, ['mcp.r1', 'mcp']);
  const control = (name: string): Json | undefined =>
    client.received.find(({ method }) => method === `switchboard/ws/${name}`);
  await (await WireClient.session(node!.ws)).call(1, 'echo');
  own.signal('SIGSTOP');
  client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
  await client.answer(0);
  expect(control('session')).toBeUndefined();
  own.signal('SIGCONT');
  const { token } = (await client.notification('switchboard/ws/session'))['params'] as { token: string };
  expect(await known(token)).toContain(':1');
  client.socket.terminate();
  const back = await WireClient.open(node!.ws, {}, ['mcp.r1']);
  back.send({ jsonrpc: '2.0', method: 'switchboard/ws/resume', params: { token, h: 1 } });
  const next = (await back.notification('switchboard/ws/resumed'))['params'] as { token: string };
  expect(await known(next.token)).toContain(':1');
  // One that the store has not is not given, where the client has one that it has.
  await own.kill();
  const away = await WireClient.open(node!.ws, {}, ['mcp.r1']);
  away.send({ jsonrpc: '2.0', method: 'switchboard/ws/resume', params: { token: next.token, h: 1 } });
  expect((await away.notification('switchboard/ws/resumed'))['params']).toMatchObject({ token: next.token });
});

it('a client that comes back to another node right after the store came back empty goes on', async () => {
  const own = await RedisServer.start();
  onTestFinished(() => own.kill());
  const [a, b] = await startCluster(own, ['a', 'b']);
  const { client, token } = await resumable(a!.ws);
  await own.kill();
  await expect.poll(() => b!.events.some(({ type }) => type === 'store.away'), { timeout: 10_000 }).toBe(true);
  await own.start();
  await expect.poll(() => b!.events.some(({ type }) => type === 'store.back'), { timeout: 10_000 }).toBe(true);
  client.socket.terminate();
  const again = await resume(b!.ws, { token, h: 1, sent: 2, open: [] });
  expect(textOf(await again.call(2, 'echo', { text: 'on' }))).toBe('on');
});

it('a call that runs at one node while its client goes on at another is answered there with an error', async () => {
  const [a, b] = await startCluster(redis, ['a', 'b']);
  const { client, token } = await resumable(a!.ws);
  client.send(toolCall(1, 'never'));
  await expect.poll(() => a!.gateway.stats.exchanges).toBe(1);
  client.socket.terminate();
  const again = await resume(b!.ws, { token, h: 1, sent: 3, open: [1] });
  expect((await again.answer(1))['error']).toMatchObject({ data: { code: 'SWB_CONNECTION_LOST' } });
  expect(textOf(await again.call(2, 'echo', { text: 'at b' }))).toBe('at b');
  expect(a!.gateway.stats).toMatchObject({ connections: 0, exchanges: 0 });
});

it('a conversation that is asked for while it is rebuilt at another node arrives there first, and is at one node only', async () => {
  const [a] = await startCluster(redis, ['a']);
  const { store } = a!.gateway.settings;
  const inner = redisStore({ url: store });
  let isAsked = (): void => {};
  const asked = new Promise<void>((resolve) => (isAsked = resolve));
  let goOn = (): void => {};
  const going = new Promise<void>((resolve) => (goOn = resolve));
  const recall: typeof inner.recall = async (name, options) => {
    isAsked();
    await going;
    return inner.recall(name, options);
  };
  const b = await startNode(store, 'b', { stateStore: withParts(inner, { recall }) });
  const seen = redisStore({ url: store });
  let isLookedUp = (): void => {};
  const lookedUp = new Promise<void>((resolve) => (isLookedUp = resolve));
  const { facts: kept } = seen;
  const facts: Facts = {
    put: (...args) => kept.put(...args),
    take: (key) => kept.take(key),
    delete: (...args) => kept.delete(...args),
    list: (...args) => kept.list(...args),
    get: async (key) => {
      const found = await kept.get(key);
      if (key.startsWith('heir ')) isLookedUp();
      return found;
    },
  };
  const c = await startNode(store, 'c', { stateStore: withParts(seen, { facts }) });
  for (const node of [a!, b, c]) await sees(node, ['a', 'b', 'c']);
  const { token } = await resumable(a!.ws);
  await a!.gateway.close();
  const params = { token, h: 1, sent: 2, open: [] };
  const first = await WireClient.open(b.ws, {}, ['mcp.r1']);
  first.send({ jsonrpc: '2.0', method: 'switchboard/ws/resume', params });
  await asked;
  first.socket.terminate();
  const resumed = resume(c.ws, params);
  await lookedUp;
  // It asks the other node now, which must not say yet that it has left the conversation.
  await Promise.race([resumed, pause(500)]);
  const arrived = b.nextEvent('connection.opened');
  goOn();
  await arrived;
  const client = await resumed;
  await expect.poll(() => b.gateway.stats.connections).toBe(0);
  expect(textOf(await client.call(2, 'echo', { text: 'at c' }))).toBe('at c');
  expect(c.gateway.stats.connections).toBe(1);
});

it('a conversation of which its node could not write all goes on as after a kill', async () => {
  const own = await RedisServer.start();
  onTestFinished(() => own.kill());
  const [a, b] = await startCluster(own, ['a', 'b']);
  const { client, token } = await resumable(a!.ws);
  await client.call(1, 'echo');
  await a!.gateway.close();
  const keys = [...(await own.ask('KEYS', '*')).matchAll(/\S*:(?:log|entries):\S* ?\S+/g)].map(([key]) => key);
  expect(keys.length).toBeGreaterThan(0);
  await own.ask('DEL', ...keys);
  const again = await resume(b!.ws, { token, h: 2, sent: 3, open: [1] });
  expect(await again.notification('notifications/switchboard/dropped')).toBeDefined();
  expect(textOf(await again.call(2, 'echo', { text: 'on' }))).toBe('on');
});

it('a conversation that its node leaves while its client takes it up is cut, not called lost', async () => {
  const own = await RedisServer.start();
  onTestFinished(() => own.kill());
  const [node] = await startCluster(own, ['a']);
  const { client, token } = await resumable(node!.ws);
  client.socket.terminate();
  const back = await WireClient.open(node!.ws, {}, ['mcp.r1']);
  const other = await WireClient.session(node!.ws);
  own.signal('SIGSTOP');
  back.send({ jsonrpc: '2.0', method: 'switchboard/ws/resume', params: { token, h: 1 } });
  await other.call(1, 'echo');
  const left = node!.nextEvent('session.closed');
  const closing = node!.gateway.close();
  await left;
  own.signal('SIGCONT');
  await Promise.all([back.closed, closing]);
  expect(back.received.map(({ method }) => method)).not.toContain('switchboard/ws/lost');
});

it('a conversation that cannot be looked up is cut, and what came after its resume begins none', async () => {
  const own = await RedisServer.start();
  onTestFinished(() => own.kill());
  const [node] = await startCluster(own, ['a']);
  await own.kill();
  const client = await WireClient.open(node!.ws, {}, ['mcp.r1']);
  client.send({ jsonrpc: '2.0', method: 'switchboard/ws/resume', params: { token: 'x'.repeat(22), h: 0 } });
  client.send({ jsonrpc: '2.0', method: 'switchboard/ws/ack', params: { h: 0 } });
  await client.closed;
  expect(node!.events.map(({ type }) => type)).not.toContain('connection.opened');
  expect(node!.gateway.stats.connections).toBe(0);
});

it('a node that cannot find out where a shared process is starts none of its own, and does not count its server as failed', async () => {
  const own = await RedisServer.start();
  onTestFinished(() => own.kill());
  const [a, b] = await startCluster(own, ['a', 'b'], { crashPause: '20ms' });
  await (await WireClient.session(a!.ws)).call(1, 'echo');
  await own.kill();
  await expect.poll(() => b!.events.some(({ type }) => type === 'store.away'), { timeout: 10_000 }).toBe(true);
  const client = await WireClient.open(b!.ws);
  for (const id of [1, 2]) {
    client.send({ jsonrpc: '2.0', id, method: 'initialize', params: initializeParams() });
    expect(await client.answer(id)).toMatchObject({ error: { data: { code: 'SWB_STORE_UNAVAILABLE' } } });
  }
  const failed = b!.events.filter(({ type }) => type === 'member.failed' || type === 'member.ready');
  expect(failed).toEqual([]);
});

it('what a client says while its conversation is looked for is held up to a limit', async () => {
  const own = await RedisServer.start();
  onTestFinished(() => own.kill());
  const [node] = await startCluster(own, ['a']);
  const client = await WireClient.open(node!.ws, {}, ['mcp.r1']);
  own.signal('SIGSTOP');
  client.send({ jsonrpc: '2.0', method: 'switchboard/ws/resume', params: { token: 'x'.repeat(43), h: 0 } });
  for (let id = 1; id <= 65; id++) client.send({ jsonrpc: '2.0', id, method: 'ping' });
  expect((await client.closed).reason).toContain('more than 64 messages');
  own.signal('SIGCONT');
});
