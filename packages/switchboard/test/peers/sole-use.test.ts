/** A store that other machines could reach, and the one process that has it for itself. */
import { afterEach, expect, it } from 'vitest';

import { SoleUse, isUsedAlone, mustBeShared } from '../../src/peers/sole-use.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { SwitchboardError } from '../../src/protocol/errors.ts';
import type { Leases, SharedStore } from '../../src/stores/store.ts';
import { withParts } from '../../src/stores/with-parts.ts';

const leaseMs = 90;
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

function newStore(): SharedStore {
  const store = memoryStore();
  open.push(store);
  return store;
}

function useOf(store: SharedStore): SoleUse & { lost: SwitchboardError[] } {
  const lost: SwitchboardError[] = [];
  const use = Object.assign(new SoleUse({ store, leaseMs, onLost: (error) => lost.push(error) }), { lost });
  open.unshift(use);
  return use;
}

it('is refused to a second process while the first is there, and had at once when that has ended', async () => {
  const store = newStore();
  const first = useOf(store);
  await first.join();
  await expect(useOf(store).join()).rejects.toThrow(/SWB_STORE_IN_USE|Another process uses the store/);
  expect([await isUsedAlone(store), first.lost]).toEqual([true, []]);
  await first.close();
  const next = useOf(store);
  await next.join();
  expect(next.lease.epoch).toBeGreaterThan(first.lease.epoch);
});

it('waits for the lease of one that was killed, and one that hung finds out that another has its place', async () => {
  const inner = newStore();
  let isHung = false;
  const leases = bound(inner.leases);
  const { renew, acquire } = leases;
  leases.renew = (...args) => (isHung ? away() : renew(...args));
  leases.acquire = (...args) => (isHung ? away() : acquire(...args));
  const hung = useOf(withParts(inner, { leases }));
  await hung.join();
  const { lease } = hung;
  isHung = true;
  const next = useOf(inner);
  await next.join();
  isHung = false;
  await expect.poll(() => hung.lost.map(({ code }) => code)).toEqual(['SWB_STORE_IN_USE']);
  // What it still writes is refused.
  expect(await inner.facts.put('x', {}, 1000, lease)).toBe(false);
  expect(next.lost).toEqual([]);
});

it('is refused beside nodes of a cluster, as they are beside it; while the store is away it is waited for', async () => {
  const inner = newStore();
  const node = { name: 'a', url: 'http://a.test', version: '1', digest: 'd', startedAt: 1, state: 'serving' };
  await inner.facts.put('node x', node, 60_000);
  await expect(useOf(inner).join()).rejects.toThrow(/1 node of a cluster: a\. For several/);
  // It has given back what it had.
  await mustBeShared(inner);
  await inner.facts.delete('node x');
  let isAway = true;
  const leases = bound(inner.leases);
  const { acquire } = leases;
  leases.acquire = (...args) => (isAway ? away() : acquire(...args));
  const use = useOf(withParts(inner, { leases }));
  await use.join();
  expect(use.lease).toMatchObject({ epoch: 0 });
  isAway = false;
  await expect.poll(() => use.lease.epoch).toBeGreaterThan(0);
  await expect(mustBeShared(inner, leaseMs)).rejects.toThrow('Another process uses the store');
});

const away = (): Promise<never> => Promise.reject(new SwitchboardError('SWB_STORE_UNAVAILABLE'));

const bound = (leases: Leases): Leases => ({
  acquire: (...args) => leases.acquire(...args),
  renew: (...args) => leases.renew(...args),
  release: (...args) => leases.release(...args),
  holder: (...args) => leases.holder(...args),
});
