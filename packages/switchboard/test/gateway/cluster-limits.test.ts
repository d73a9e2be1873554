/** What is limited counts once in a cluster, whichever node a client reaches. */
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';

import { redisStore } from '../../src/stores/redis.ts';
import { startCluster } from '../support/cluster.ts';
import type { TestNode } from '../support/cluster.ts';
import { http } from '../support/http.ts';
import { bearer, testKeys } from '../support/keys.ts';
import { RedisServer } from '../support/redis.ts';
import { WireClient, envelope, initializeParams, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.kill());

const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'echo' };

/** Makes so many calls, one after the other, each at the next node. @returns how many were served. */
async function served(nodes: readonly TestNode[], calls: number, headers: Record<string, string>): Promise<number> {
  let count = 0;
  for (let n = 0; n < calls; n++) {
    const body = toolCall(n, 'echo', { text: 'x' }, envelope());
    const { status } = await http(nodes[n % nodes.length]!.http, { headers: { ...modern, ...headers }, body });
    if (status === 200) count++;
    else expect(status).toBe(429);
  }
  return count;
}

it('the rate of a principal, and that of an address, count once; without the store each node counts for itself', async () => {
  const own = await RedisServer.start();
  onTestFinished(() => own.kill());
  const keys = testKeys();
  const ann = bearer(keys.add('ann'));
  const nodes = await startCluster(own, ['a', 'b', 'c'], { keysFile: keys.path, rateLimit: 12 });
  // A call takes so little time that less than one more comes in meanwhile.
  expect(await served(nodes, 24, ann)).toBeLessThanOrEqual(14);
  await own.kill();
  const ben = bearer(keys.add('ben'));
  await expect.poll(() => nodes.every(({ events }) => events.some(({ type }) => type === 'store.away'))).toBe(true);
  await expect.poll(() => served(nodes, 3, ben), { interval: 300 }).toBe(3);
  expect(await served(nodes, 24, ben)).toBeGreaterThanOrEqual(18);
});

it('wrong credentials count once, wherever they are shown', async () => {
  const keys = testKeys();
  const ann = bearer(keys.add('ann'));
  const [a, b] = await startCluster(redis, ['a', 'b'], { keysFile: keys.path });
  const show = async (node: TestNode, headers: Record<string, string>): Promise<number> =>
    (await http(node.http, { headers: { ...modern, ...headers }, body: toolCall(1, 'echo', {}, envelope()) })).status;
  for (let n = 0; n < 10; n++) expect(await show(a!, bearer(`swb_wrong${n}`))).toBe(401);
  // Fewer than would be let pass if they counted for this node alone.
  let tries = 0;
  await expect
    .poll(() => (++tries < 10 ? show(b!, bearer(`swb_other${tries}`)) : 0), { interval: 100, timeout: 3000 })
    .toBe(429);
  expect(await show(b!, ann)).toBe(200);
});

const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() };
const clientsOf = (...nodes: TestNode[]): number[] => nodes.map(({ gateway }) => gateway.stats.connections);

it('connections and sessions of a principal count once, also those that are opened at the same time', async () => {
  const keys = testKeys();
  const headers = bearer(keys.add('ann'));
  const options = { keysFile: keys.path, maxSessionsPerPrincipal: 3 };
  const [a, b] = await startCluster(redis, ['a', 'b'], options);
  const open = (node: TestNode): Promise<WireClient> => WireClient.open(node.ws, { headers });
  const atOnce = await Promise.allSettled([a!, b!, a!, b!, a!, b!].map(open));
  const sockets = atOnce.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  expect(sockets).toHaveLength(3);
  const refused = await http(b!.http, { headers, body: initialize });
  expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5']);
  expect(refused.body).toContain('3 sessions of ann are open');
  // One that may have had a place says only afterwards that it had none.
  const late = await WireClient.open(a!.ws, { headers }, ['mcp.r1', 'mcp']);
  late.send(initialize);
  expect(await late.closed).toMatchObject({
    code: 1013,
    reason: expect.stringContaining('3 sessions of ann') as string,
  });
  for (const socket of sockets) socket.socket.terminate();
  // Over HTTP the one that was quiet longest makes room, wherever it is.
  await expect.poll(() => clientsOf(a!, b!)).toEqual([0, 0]);
  const sessions: string[] = [];
  for (const node of [a!, a!, a!, b!]) {
    const opened = await http(node.http, { headers, body: initialize });
    expect(opened.status).toBe(200);
    sessions.push(String(opened.headers['mcp-session-id']));
  }
  expect(clientsOf(a!, b!)).toEqual([2, 1]);
  const calls = sessions.map((session) =>
    http(b!.http, { headers: { ...headers, 'mcp-session-id': session }, body: toolCall(1, 'echo') }),
  );
  expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([404, 200, 200, 200]);
});

it('places of a node that is gone are free when its lease has ended; a store that forgot them is told again', async () => {
  const own = await RedisServer.start();
  onTestFinished(() => own.kill());
  const keys = testKeys();
  const headers = bearer(keys.add('ann'));
  const [a] = await startCluster(own, ['a'], { keysFile: keys.path, maxSessionsPerPrincipal: 2 });
  const store = redisStore({ url: a!.gateway.settings.store });
  onTestFinished(() => store.close());
  const lost = await store.leases.acquire('node lost', 'lost', 1000);
  await store.counters.share(
    'sessions ann',
    2,
    Infinity,
    (lost as { lease: Parameters<typeof store.leases.renew>[0] }).lease,
  );
  const open = async (): Promise<number> => (await http(a!.http, { headers, body: initialize })).status;
  expect(await open()).toBe(503);
  await expect.poll(open, { interval: 200, timeout: 5000 }).toBe(200);
  await own.ask('FLUSHALL');
  const kept = async (): Promise<Json> => {
    const got = await store.leases.acquire('node other', 'other', 5000);
    return (
      await store.counters.share(
        'sessions ann',
        0,
        2,
        (got as { lease: Parameters<typeof store.leases.renew>[0] }).lease,
      )
    ).others;
  };
  await expect.poll(async () => Object.values(await kept()), { interval: 200, timeout: 5000 }).toEqual([1]);
});
