/** What a cluster reads of a store that others can write to. */
import { expect, it, onTestFinished } from 'vitest';

import type { ApiKey } from '../../src/auth/api-keys.ts';
import { Revocations } from '../../src/auth/revocations.ts';
import { ClusterKey } from '../../src/peers/cluster-key.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { SealedFacts } from '../../src/stores/sealed-facts.ts';
import type { SharedStore, StoreNotice } from '../../src/stores/store.ts';

const KEY = new ClusterKey('k'.repeat(32));

it('a list has what carries the seal, however much else stands before it', async () => {
  const inner = memoryStore();
  const notices: StoreNotice[] = [];
  const facts = new SealedFacts(inner.facts, KEY, (notice) => notices.push(notice));
  for (let n = 0; n < 50; n++) await inner.facts.put(`node forged-${n}`, { n }, 60_000);
  for (let n = 0; n < 3; n++) await facts.put(`node true-${n}`, { n }, 60_000);
  expect((await facts.list('node ', 10)).map(([key]) => key)).toEqual(['node true-0', 'node true-1', 'node true-2']);
  expect(await facts.list('node ', 2)).toHaveLength(2);
  expect(notices).toHaveLength(50);
  for (let n = 0; n < 20_000; n++) await inner.facts.put(`node more-${n}`, { n }, 60_000);
  await facts.list('node ', 10);
  expect(notices).toContainEqual({ type: 'garbage', key: 'node …', detail: 'only 20000 of them were looked at' });
});

it('a key that was revoked stays so where others have written 10,000 records beside it, and is written again when the store has lost something', async () => {
  const inner = memoryStore();
  const facts = new SealedFacts(inner.facts, KEY, () => {});
  const watchers: ((notice: StoreNotice) => void)[] = [];
  const store: SharedStore = { ...inner, facts, watch: (watcher) => void watchers.push(watcher) };
  const key = { id: 'one', digest: 'd' } as ApiKey;
  const at = (keys: readonly ApiKey[]): Revocations => {
    const revocations = new Revocations({ store, keys: () => keys, onChange() {}, onNotice() {} });
    onTestFinished(() => revocations.close());
    return revocations;
  };
  for (let n = 0; n < 10_100; n++) await inner.facts.put(`revoked forged-${n}`, { at: '' }, 60_000);
  const first = at([{ ...key, revokedAt: '2026-01-01' }]);
  await first.join();
  const second = at([key]);
  await second.join();
  expect(second.has(key)).toBe(true);

  const [[name]] = (await facts.list('revoked ', 1)) as [[string, object]];
  await inner.facts.delete(name);
  await first.publish();
  expect(await facts.get(name)).toBeUndefined();
  for (const watcher of watchers) watcher({ type: 'back', lost: true });
  await first.publish();
  expect(await facts.get(name)).toBeDefined();
});
