/** What `doctor` says of the nodes in a store that others can write to. */
import { expect, it, onTestFinished } from 'vitest';

import { checkCluster } from '../../src/cli/check-cluster.ts';
import { openStore } from '../../src/stores/open-store.ts';
import { TestAuthority } from '../support/certificates.ts';
import { sees, startNode } from '../support/cluster.ts';
import { RedisServer } from '../support/redis.ts';

it('lists and asks nodes of this cluster only, and says that others are written there', async () => {
  const redis = await RedisServer.start();
  onTestFinished(() => redis.kill());
  const node = await startNode(redis.url, 'a');
  const { settings } = node.gateway;
  const nodesOf = async (more: object = {}) =>
    (await checkCluster({ ...settings, ...more })).find(({ check }) => check === 'nodes');
  expect(await nodesOf()).toEqual({ check: 'nodes', state: 'ok', detail: '1 node: a' });
  const store = await openStore(settings.store);
  onTestFinished(() => store.close());
  const record = { name: 'forged', url: node.http, version: '0', digest: 'x', startedAt: 1, state: 'serving' };
  await store.facts.put('node forged', record, 60_000);
  const detail = '1 node: a\nnot written with this cluster key: 1 record of nodes';
  expect(await nodesOf()).toEqual({ check: 'nodes', state: 'warning', detail });
  const other = 'none runs\nnot written with this cluster key: 2 records of nodes';
  expect(await nodesOf({ clusterKey: 'k'.repeat(32) })).toEqual({ check: 'nodes', state: 'warning', detail: other });
  expect(await nodesOf({ clusterKey: 'short' })).toMatchObject({ check: 'nodes', state: 'failed' });
});

it('says which node cannot reach which other, also where both are reached from here', async () => {
  const redis = await RedisServer.start();
  onTestFinished(() => redis.kill());
  const authority = await TestAuthority.create();
  const { tlsCert: peerTlsCert, tlsKey: peerTlsKey } = authority.tls();
  const peerTlsCa = authority.path('ca.pem');
  const a = await startNode(redis.url, 'a', { peerTlsCert, peerTlsKey, peerTlsCa });
  // It does not trust the certificate of the other.
  const b = await startNode(redis.url, 'b');
  await sees(a, ['a', 'b']);
  await sees(b, ['a', 'b']);
  const [, nodes] = await checkCluster(a.gateway.settings);
  expect(nodes).toMatchObject({ check: 'nodes', state: 'warning' });
  const [first, ...wrong] = nodes!.detail.split('\n');
  expect([first, wrong.length]).toEqual(['2 nodes: a, b', 1]);
  expect(wrong[0]).toMatch(/^b cannot reach a: .*cannot be reached/);
});

it('without peerListen says that one process alone can use the store, and who does', async () => {
  const redis = await RedisServer.start();
  onTestFinished(() => redis.kill());
  const alone = await startNode(redis.url, '', { peerListen: '', nodeName: '' });
  const { settings } = alone.gateway;
  const [, used] = await checkCluster(settings);
  expect(used).toMatchObject({ check: 'nodes', state: 'warning', detail: expect.stringContaining('one has it now') });
  await alone.gateway.close();
  const [, free] = await checkCluster(settings);
  expect(free!.detail).toMatch(/^there is no peerListen, so that one process alone can use the store\. For several/);
  await startNode(redis.url, 'a');
  const [, shared] = await checkCluster(settings);
  expect(shared!.detail).toContain('1 node of a cluster uses it, so this would not start');
});
