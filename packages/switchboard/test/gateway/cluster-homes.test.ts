/** Modern clients over HTTP whose server has a process for each: whichever nodes their requests come to, one serves them all. */
import { afterAll, beforeAll, expect, it } from 'vitest';

import { startCluster } from '../support/cluster.ts';
import type { TestNode } from '../support/cluster.ts';
import { expectEmpty, servers } from '../support/gateway.ts';
import { http, stream } from '../support/http.ts';
import { RedisServer } from '../support/redis.ts';
import { envelope, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.kill());

const modern = { ...servers.scripted, env: { MODERN: 'yes' } };

const start = (upstream: Json = {}): Promise<TestNode[]> =>
  startCluster(redis, ['a', 'b', 'c'], {
    isolation: 'session',
    upstreams: { default: { ...modern, ...upstream }, other: modern },
  });

/** Nothing is left of the nodes. */
async function end(nodes: readonly TestNode[]): Promise<void> {
  await Promise.all(nodes.map(({ gateway }) => gateway.close()));
  await Promise.all(nodes.map((node) => expectEmpty(node)));
}

const headersOf = (method: string, name?: string): Record<string, string> => ({
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': method,
  ...(name !== undefined && { 'mcp-name': name }),
});

async function call(url: string, tool: string, args: Json = {}, signal?: AbortSignal) {
  const body = toolCall(1, tool, args, envelope());
  const headers = headersOf('tools/call', tool);
  return JSON.parse((await http(url, { headers, body, ...(signal && { signal }) })).body) as Json;
}
const pidAt = async (url: string): Promise<number> => Number(textOf(await call(url, 'pid')));
/** One after the other: before it is known what era a server has, requests that come together get a process each. */
async function pidsAt(nodes: readonly TestNode[], path = '/mcp/default'): Promise<number[]> {
  const pids: number[] = [];
  for (const { http: url } of nodes) pids.push(await pidAt(new URL(path, url).href));
  return pids;
}
const exchangesAt = (nodes: readonly TestNode[]): number[] => nodes.map(({ gateway }) => gateway.stats.exchanges);

it('what one request leaves in the server another finds, updates reach who listens, and hanging up cancels, at whichever node', async () => {
  const nodes = await start();
  const [a, b, c] = nodes as [TestNode, TestNode, TestNode];
  const first = await pidAt(a.http);
  expect(await pidsAt([b, c, a, b])).toEqual([first, first, first, first]);
  // Where all servers are one, and at another of them, the client has the same home.
  expect(Number(textOf(await call(b.all.http, 'default__pid')))).toBe(first);
  expect(new Set(await pidsAt(nodes, '/mcp/other')).size).toBe(1);

  const notifications = { resourceSubscriptions: ['test://one'] };
  const listened = await stream(b.http, {
    method: 'POST',
    headers: headersOf('subscriptions/listen'),
    body: { jsonrpc: '2.0', id: 7, method: 'subscriptions/listen', params: { notifications, _meta: envelope() } },
  });
  expect((await listened.next())['method']).toBe('notifications/subscriptions/acknowledged');
  await call(c.http, 'update', { uri: 'test://one' });
  expect(await listened.next()).toMatchObject({ method: 'notifications/resources/updated' });

  const hangUp = new AbortController();
  const given = call(c.http, 'never', {}, hangUp.signal).then(() => 'answered', String);
  await expect.poll(() => exchangesAt(nodes)).toEqual([2, 0, 0]);
  hangUp.abort();
  expect(await given).toContain('abort');
  listened.destroy();
  await expect.poll(() => exchangesAt(nodes)).toEqual([0, 0, 0]);
  await end(nodes);
});

it('a node that ends leaves its clients to another, and no call fails', async () => {
  const nodes = await start();
  const [a, b, c] = nodes as [TestNode, TestNode, TestNode];
  const first = await pidAt(a.http);
  expect(await pidsAt([b, c])).toEqual([first, first]);
  const slow = call(b.http, 'slow', { ms: 1500, text: 'finished' }).then(textOf, String);
  await expect.poll(() => exchangesAt(nodes)).toEqual([1, 0, 0]);
  const drained = a.gateway.drain();
  const over = new AbortController();
  void drained.then(() => over.abort());
  const seen: number[] = [];
  while (!over.signal.aborted) seen.push(...(await pidsAt([b, c])));
  expect(await slow).toBe('finished');
  const [second] = await pidsAt([b]);
  expect(second).not.toBe(first);
  // As long as it served, it was the first one; from then on the other.
  expect(seen.filter((pid) => pid !== first && pid !== second)).toEqual([]);
  expect(await pidsAt([c])).toEqual([second]);
  await end(nodes);
});

it('with placement each, every node has a process of its own', async () => {
  const nodes = await start({ placement: 'each' });
  expect(new Set(await pidsAt(nodes)).size).toBe(3);
  await end(nodes);
});
