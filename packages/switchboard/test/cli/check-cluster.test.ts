/** What `doctor` says of the nodes in a store that others can write to. */
import { expect, it, onTestFinished } from 'vitest';

import { checkCluster } from '../../src/cli/check-cluster.ts';
import { openStore } from '../../src/stores/open-store.ts';
import { startNode } from '../support/cluster.ts';
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
