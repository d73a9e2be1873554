/** One process with a Redis for itself: no second one serves the same sessions, and what it keeps outlives it. */
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';

import { createGateway } from '../../src/gateway/gateway.ts';
import type { GatewayOptions } from '../../src/gateway/gateway.ts';
import { CLUSTER_KEY, startNode } from '../support/cluster.ts';
import { servers, startGateway } from '../support/gateway.ts';
import { http, openSession } from '../support/http.ts';
import type { HttpAnswer } from '../support/http.ts';
import { bearer, testKeys } from '../support/keys.ts';
import { RedisServer } from '../support/redis.ts';
import { initializeParams, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

let redis: RedisServer;
let stores = 0;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.kill());

const newStore = (): string => `${redis.url}/?prefix=sole${++stores}`;
const options = (store: string, more: Partial<GatewayOptions> = {}): GatewayOptions => ({
  upstreams: { default: servers.scripted },
  isolation: 'shared',
  store,
  ...more,
});
const codeOf = ({ body }: HttpAnswer): unknown => (JSON.parse(body) as { error: { data: Json } }).error.data['code'];

it('a second process, and a node of a cluster, do not start beside one that has the store for itself; it goes on, and the next one goes on with its sessions', async () => {
  const store = newStore();
  const one = await startGateway(options(store));
  const session = await openSession(one.http, initializeParams());
  const call = (url: string): Promise<HttpAnswer> => http(url, { headers: session, body: toolCall(1, 'echo') });
  const second = createGateway(options(store, { port: 0 }));
  onTestFinished(() => second.close());
  const node = createGateway(options(store, { port: 0, peerListen: '127.0.0.1:0', clusterKey: CLUSTER_KEY }));
  onTestFinished(() => node.close());
  const refused = /Another process uses the store: by a Switchboard that has it for itself\. For several, .*peerListen/;
  await Promise.all([expect(second.listen()).rejects.toThrow(refused), expect(node.listen()).rejects.toThrow(refused)]);
  await node.close();
  expect((await call(one.http)).status).toBe(200);
  await one.gateway.close();
  const next = await startGateway(options(store));
  expect((await call(next.http)).status).toBe(200);
  await next.gateway.close();
  await startNode(store, 'a');
  const beside = createGateway(options(store, { port: 0 }));
  onTestFinished(() => beside.close());
  await expect(beside.listen()).rejects.toThrow('1 node of a cluster: a');
}, 20_000);

it('rates, and who has shown wrong credentials, are the same after a restart, also where another process was refused meanwhile', async () => {
  const keys = testKeys();
  const headers = bearer(keys.add('ann'));
  const given = options(newStore(), { keysFile: keys.path, rateLimit: 6 });
  const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() };
  const first = await startGateway(given);
  const answers: number[] = [];
  for (let n = 0; n < 8; n++) answers.push((await http(first.http, { headers, body: initialize })).status);
  expect(answers.at(-1)).toBe(429);
  const wrong = (url: string): Promise<HttpAnswer> => http(url, { headers: bearer('wrong'), body: initialize });
  await expect.poll(async () => (await wrong(first.http)).status, { interval: 1 }).toBe(429);
  // One that is refused leaves what it finds.
  const refused = createGateway({ ...given, port: 0 });
  await expect(refused.listen()).rejects.toThrow('Another process uses the store');
  await refused.close();
  await first.gateway.close();
  const second = await startGateway(given);
  expect((await wrong(second.http)).status).toBe(429);
  const answer = await http(second.http, { headers, body: initialize });
  expect([answer.status, codeOf(answer)]).toEqual([429, 'SWB_RATE_LIMITED']);
});

it('keeps no secret in a store that others can read but encrypted with a key, and with one nobody else changes sessions', async () => {
  const store = newStore();
  const bare = await startGateway(options(store));
  await expect(bare.gateway.secret('chat')).rejects.toThrow(/SWITCHBOARD_CLUSTER_KEY/);
  await bare.gateway.close();
  const keyed = await startGateway(options(store, { clusterKey: CLUSTER_KEY }));
  const secret = await keyed.gateway.secret('chat');
  const prefix = new URL(store).searchParams.get('prefix')!;
  const kept = await redis.ask('GET', `${prefix}:fact:secret chat`);
  const [, text = ''] = /"secret":"([^"]+)"/.exec(kept)!;
  expect(Buffer.from(text, 'base64').includes(secret)).toBe(false);
  expect(kept).toContain('"seal"');
  await keyed.gateway.close();
  const again = await startGateway(options(store, { clusterKey: CLUSTER_KEY }));
  expect((await again.gateway.secret('chat')).equals(secret)).toBe(true);
});
