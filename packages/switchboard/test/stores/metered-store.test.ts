/** What a store counts of how it is used. */
import { expect, it, onTestFinished } from 'vitest';

import { memoryStore } from '../../src/stores/memory.ts';
import { meteredStore } from '../../src/stores/metered-store.ts';
import type { Acquired, Lease } from '../../src/stores/store.ts';

const got = (acquired: Acquired): Lease => {
  if (!('lease' in acquired)) throw new Error('another has it');
  return acquired.lease;
};

it('counts as fenced what was refused as another has the lease, and not what the store does not know the lease of', async () => {
  let now = Date.now();
  const inner = memoryStore({ now: () => now });
  onTestFinished(() => inner.close());
  let fenced = 0;
  const { leases, facts } = meteredStore(inner, {
    used() {},
    failed() {},
    leaseLost() {},
    fenced: () => fenced++,
  });
  const old = got(await leases.acquire('it', 'one', 1000));
  const unknown = { ...old, name: 'never given' };
  expect(await facts.put('key', {}, 1000, unknown)).toBe(false);
  // Its owner has it again, and did not know when it wrote.
  now += 2000;
  await leases.acquire('it', 'one', 1000);
  expect(await facts.put('key', {}, 1000, old)).toBe(false);
  now += 2000;
  await leases.acquire('it', 'two', 1000);
  expect(await facts.put('key', {}, 1000, old)).toBe(false);
  await expect.poll(() => fenced).toBe(1);
});
