/** The store of a cluster as others could write to it, and as clients could keep it busy. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';

import { redisStore } from '../../src/stores/redis.ts';
import type { SharedStore } from '../../src/stores/store.ts';
import { startCluster } from '../support/cluster.ts';
import type { TestNode } from '../support/cluster.ts';
import { http, openSession, stream } from '../support/http.ts';
import { bearer, testKeys } from '../support/keys.ts';
import { sample, scrape } from '../support/prometheus.ts';
import { RedisServer } from '../support/redis.ts';
import { WireClient, envelope, initializeParams, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.kill());

/** How often the store was asked for something that it keeps. */
async function reads(): Promise<number> {
  const stats = await redis.ask('INFO', 'commandstats');
  const calls = [...stats.matchAll(/^cmdstat_(?:get|getdel|mget|zrange|scan|evalsha|eval):calls=(\d+)/gm)];
  return calls.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** The store of a node, as anybody finds it who knows where it is. */
function storeOf(node: TestNode): SharedStore {
  const store = redisStore({ url: node.gateway.settings.store });
  onTestFinished(() => store.close());
  return store;
}

it('ids of sessions and parked calls that somebody makes up cost the store next to nothing, and calls with real ones nothing', async () => {
  const [a, b] = await startCluster(redis, ['a', 'b']);
  const session = await openSession(a!.http, initializeParams());
  const secret = session['mcp-session-id']!;
  const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'ask' };
  const ask = toolCall(1, 'ask', { message: 'who?' }, envelope({ elicitation: {} }));
  const parked = JSON.parse((await http(a!.http, { headers: modern, body: ask })).body) as { result: Json };
  const handle = String(parked.result['requestState']);
  const madeUp = (like: string, n: number): string => {
    const digest = createHash('sha256').update(String(n)).digest('base64url');
    return like.replaceAll(/[\w-]{12,}/g, (part) => digest.slice(0, part.length));
  };
  const before = await reads();
  const begun = performance.now();
  for (let n = 0; n < 40; n++) {
    // The second is said to be of a node that is there.
    for (const id of [madeUp(secret, n), secret.slice(0, -11) + madeUp('x'.repeat(11).padEnd(12, 'x'), n).slice(1)]) {
      const { status } = await http(b!.http, {
        headers: { ...session, 'mcp-session-id': id },
        body: toolCall(1, 'echo'),
      });
      expect(status).toBe(404);
    }
    const { status } = await http(b!.http, { headers: session, body: toolCall(2, 'echo') });
    expect(status).toBe(200);
    if (n % 10 > 0) continue;
    const params = { ...(ask['params'] as Json), requestState: madeUp(handle, n), inputResponses: {} };
    const { body } = await http(b!.http, { headers: modern, body: { ...ask, params } });
    expect(body).toContain('SWB_');
  }
  // Each node has its beats, and looks for nodes that it does not know ten times a second at the most.
  const seconds = (performance.now() - begun) / 1000;
  expect((await reads()) - before).toBeLessThan(60 + seconds * 40);
});

it('what others than its nodes write to the store lets nobody in, and is told of', async () => {
  const keys = testKeys();
  const headers = bearer(keys.add('ann'));
  const [a, b] = await startCluster(redis, ['a', 'b'], { keysFile: keys.path });
  const { facts } = storeOf(a!);
  const take = (ticket: string): Promise<WireClient> => WireClient.open(b!.ws, {}, [`mcp.ticket.${ticket}`, 'mcp']);
  const issue = async (): Promise<string> => {
    const { body } = await http(a!.http.replace(/\/mcp.*/, '/ticket'), { headers, body: '' });
    return (JSON.parse(body) as { ticket: string }).ticket;
  };
  await expect.poll(issue).toBeTypeOf('string');
  const keyOf = (ticket: string): string => `ticket ${createHash('sha256').update(ticket).digest('base64url')}`;
  const [good, other] = [await issue(), await issue()];
  const record = (await facts.get(keyOf(other)))!;
  const identity = { ...(record['identity'] as Json), principal: 'root', roles: ['operator'] };
  await facts.put(keyOf('forged'), { ...record, identity }, 10_000);
  await facts.put(keyOf('bare'), { identity, origin: '', endsAt: Date.now() + 10_000 }, 10_000);
  // What is good under one name is not good under another.
  await facts.put(keyOf('moved'), record, 10_000);
  for (const ticket of ['forged', 'bare', 'moved']) await expect(take(ticket)).rejects.toThrow('401');
  const garbage = b!.events.filter(({ type }) => type === 'store.garbage');
  expect(garbage).toMatchObject(['forged', 'bare', 'moved'].map((ticket) => ({ key: keyOf(ticket) })));
  const client = await take(good);
  client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
  expect(await client.answer(0)).toHaveProperty('result');

  // Nor does anybody get what nodes say to each other by taking a place among them.
  const [[, node] = ['', {}]] = await facts.list('node ', 1);
  await facts.put('node evil-evil-ev', { ...node, name: 'evil', url: 'http://127.0.0.1:9/' }, 10_000);
  const isTold = (): boolean =>
    a!.events.some((event) => event.type === 'store.garbage' && event.key === 'node evil-evil-ev');
  await expect.poll(isTold, { timeout: 5000 }).toBe(true);
  const status = (await a!.admin('GET /status')).json as { nodes: { name: string }[] };
  expect(status.nodes.map(({ name }) => name).toSorted()).toEqual(['a', 'b']);
});

it('a message or a lockout that others than its nodes write to the store reaches nobody, and a client whose log was changed is told that some are missing', async () => {
  const own = await RedisServer.start();
  onTestFinished(() => own.kill());
  const [a, b] = await startCluster(own, ['a', 'b']);
  const prefix = new URL(a!.gateway.settings.store).searchParams.get('prefix')!;
  const session = await openSession(a!.http, initializeParams());
  const quiet = await stream(a!.http, { headers: session });
  await http(a!.http, { headers: session, body: toolCall(1, 'changeLater', { ms: 1 }) });
  await quiet.next();
  const [lastId] = quiet.ids.slice(-1);
  quiet.destroy();
  const socket = await WireClient.open(a!.ws, {}, ['mcp.r1', 'mcp']);
  socket.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
  await socket.answer(0);
  const { token } = (await socket.notification('switchboard/ws/session'))['params'] as { token: string };
  await a!.gateway.close();

  const madeUp = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { data: 'made up' } });
  const found = (await own.ask('KEYS', `${prefix}:entries:*`)).split('\r\n').filter((line) => line.startsWith(prefix));
  expect(new Set(found.map((key) => /:entries:(\w+)/.exec(key)![1]))).toEqual(new Set(['conversation', 'stream']));
  expect(found).toHaveLength(2);
  for (const key of found) {
    await own.ask('RPUSH', key, `t${madeUp}`);
    await own.ask('HINCRBY', key.replace(':entries:', ':log:'), 'last', '1');
  }
  const again = await WireClient.open(b!.ws, {}, ['mcp.r1']);
  const resume = { token, h: 1, sent: 1, open: [] };
  again.send({ jsonrpc: '2.0', method: 'switchboard/ws/resume', params: resume });
  await again.notification('notifications/switchboard/dropped');
  expect(await again.call(2, 'echo', { text: 'on' })).toBeDefined();
  expect(JSON.stringify(again.received)).not.toContain('made up');
  const back = await stream(b!.http, { headers: { ...session, 'last-event-id': lastId! } });
  await expect.poll(() => back.received.map(({ method }) => method)).toContain('notifications/switchboard/dropped');
  expect(JSON.stringify(back.received)).not.toContain('made up');
  const garbage = b!.events.flatMap((event) => (event.type === 'store.garbage' ? [event.key.split(' ')[1]] : []));
  expect(new Set(garbage)).toEqual(new Set(['conversation', 'stream']));

  const lockout = { from: 'x'.repeat(12), failures: [['127.0.0.1', 1000]] };
  await own.ask('PUBLISH', `${prefix}:topic:lockout`, JSON.stringify(lockout));
  const isNoticed = (): boolean =>
    b!.events.some((event) => event.type === 'store.garbage' && event.key === 'topic lockout');
  await expect.poll(isNoticed, { timeout: 5000 }).toBe(true);
  back.destroy();
});

it('how the store is used, and what it refuses, is in the metrics', async () => {
  const own = await RedisServer.start();
  onTestFinished(() => own.kill());
  const [a, b] = await startCluster(own, ['a', 'b']);
  const session = await openSession(a!.http, initializeParams());
  await storeOf(a!).flush();
  await expect.poll(() => own.ask('EXISTS', keyOfSession(a!, session['mcp-session-id']!))).toContain(':1');
  await a!.gateway.close();
  expect((await http(b!.http, { headers: session, body: toolCall(1, 'echo') })).status).toBe(200);
  const value = async (name: string, labels: Record<string, string> = {}): Promise<number> =>
    (await scrape(b!)).get(sample(name, labels)) ?? 0;
  expect(await value('switchboard_takeovers_total', { upstream: 'default', transport: 'http' })).toBe(1);
  for (const operation of ['put', 'get', 'list', 'acquire', 'renew']) {
    await expect.poll(() => value('switchboard_store_operation_seconds_count', { operation })).toBeGreaterThan(0);
  }
  expect(await value('switchboard_store_lag_seconds')).toBeLessThan(1);
  const lost = await value('switchboard_leases_lost_total');
  expect(await value('switchboard_store_garbage_total')).toBe(0);
  await storeOf(b!).facts.put('node made-by-none', {}, 10_000);
  await expect.poll(() => value('switchboard_store_garbage_total'), { timeout: 5000 }).toBe(1);
  await own.ask('FLUSHALL');
  await expect.poll(() => value('switchboard_leases_lost_total'), { timeout: 5000 }).toBeGreaterThan(lost);
  await own.kill();
  await expect
    .poll(() => value('switchboard_store_errors_total', { operation: 'renew' }), { timeout: 5000 })
    .toBeGreaterThan(0);
});

/** Where the store has what a session over HTTP is rebuilt from. */
function keyOfSession(node: TestNode, secret: string): string {
  const prefix = new URL(node.gateway.settings.store).searchParams.get('prefix');
  return `${prefix}:fact:session ${createHash('sha256').update(secret).digest('base64url')}`;
}
