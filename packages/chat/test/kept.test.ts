/** What the chat writes to a store that refuses it, cannot take it, or takes it late. */
import { randomBytes } from 'node:crypto';
import { SwitchboardError, openStore } from 'mcp-switchboard';
import type { Facts, KeepOptions, Lease, SharedStore } from 'mcp-switchboard';
import { expect, it, onTestFinished } from 'vitest';

import { Retention } from '../src/kept/retention.ts';
import type { RetentionOptions } from '../src/kept/retention.ts';
import { Vault } from '../src/kept/vault.ts';
import type { Entry } from '../src/protocol.ts';

const HOUR_MS = 3_600_000;
const said: Entry = { kind: 'person', seq: 1, at: new Date(0).toISOString(), from: 'Ada', text: 'hello' };

interface Kept {
  retention: Retention;
  store: SharedStore;
  failures: unknown[];
  /** The keys that begin so, in the store. */
  keys(prefix: string): Promise<string[]>;
}

/** @param put takes the place of that of the store. */
async function keep(put: Facts['put'] | undefined, options: Partial<RetentionOptions> = {}): Promise<Kept> {
  const store = await openStore('memory');
  onTestFinished(() => store.close());
  const { facts } = store;
  const kept: Facts = {
    put: put ?? ((key, value, ttlMs, under) => facts.put(key, value, ttlMs, under)),
    get: (key) => facts.get(key),
    take: (key) => facts.take(key),
    delete: (key, under) => facts.delete(key, under),
    list: (prefix, limit) => facts.list(prefix, limit),
  };
  const failures: unknown[] = [];
  const retention = new Retention({
    store: { ...store, facts: kept },
    vault: new Vault(randomBytes(32)),
    keepMs: HOUR_MS,
    limits: { maxKeptConversations: 10, maxKeptEach: 10, maxKeptBytes: 10_000 },
    fail: (error) => void failures.push(error),
    ...options,
  });
  onTestFinished(() => retention.close());
  const keys = async (prefix: string): Promise<string[]> => (await facts.list(prefix, 100)).map(([key]) => key);
  return { retention, store, failures, keys };
}

it('what the store refused or could not take is written again, and the failure is noted once', async () => {
  let puts = 0;
  const kept: Kept = await keep(async (key, value, ttlMs, under) => {
    puts++;
    if (puts === 3) return false;
    if (puts < 3) throw new SwitchboardError('SWB_STORE_UNAVAILABLE', { detail: 'the test' });
    return kept.store.facts.put(key, value, ttlMs, under);
  });
  const { archive, session } = kept.retention.session('session', 'Ada', () => 'Ada');
  session.token = 'a.first';
  archive.add(said);
  // Two are not possible and one is refused, a second apart.
  await expect.poll(() => kept.keys('chat token '), { timeout: 8000 }).toHaveLength(1);
  await expect.poll(() => kept.keys('kept ')).toHaveLength(1);
  expect(kept.failures).toHaveLength(1);
  expect((await kept.retention.take('a.first', 'session', 'Ada'))?.entries).toEqual([said]);
});

it('a token is good until the one after it is kept, and then no more', async () => {
  let isAway = false;
  const kept: Kept = await keep(async (key, value, ttlMs, under) => {
    if (isAway) throw new SwitchboardError('SWB_STORE_UNAVAILABLE', { detail: 'the test' });
    return kept.store.facts.put(key, value, ttlMs, under);
  });
  const { archive, session, flush } = kept.retention.session('session', 'Ada', () => 'Ada');
  session.token = 'a.first';
  archive.add(said);
  await flush();
  const before = await kept.keys('chat token ');
  expect(before).toHaveLength(1);
  isAway = true;
  session.token = 'a.second';
  await flush();
  expect(await kept.keys('chat token ')).toEqual(before);
  isAway = false;
  await kept.retention.flush();
  const after = await kept.keys('chat token ');
  expect(after).toHaveLength(1);
  expect(after).not.toEqual(before);
  expect(await kept.retention.take('a.first', 'session', 'Ada')).toBeUndefined();
  expect(await kept.retention.take('a.second', 'session', 'Ada')).toMatchObject({ sessionId: 'session' });
});

it('a session that ends while the store does not take it is written once more', async () => {
  let isRefusing = true;
  const kept: Kept = await keep(async (key, value, ttlMs, under) =>
    isRefusing ? false : kept.store.facts.put(key, value, ttlMs, under),
  );
  const { archive, session, flush, leave } = kept.retention.session('session', 'Ada', () => 'Ada');
  session.token = 'a.first';
  archive.add(said);
  await flush();
  expect(await kept.keys('chat token ')).toEqual([]);
  isRefusing = false;
  await leave();
  expect(await kept.keys('chat token ')).toHaveLength(1);
});

it('what a node was to write before others took it for gone is not written under its new name', async () => {
  const store = await openStore('memory');
  onTestFinished(() => store.close());
  const acquire = async (name: string): Promise<Lease> => {
    const acquired = await store.leases.acquire(name, name, HOUR_MS);
    if (!('lease' in acquired)) throw new Error(`${name} is taken`);
    return acquired.lease;
  };
  let lease = await acquire('node a');
  const used: (string | undefined)[] = [];
  const keepUnder = (ttlMs: number): KeepOptions => {
    const first = lease;
    return {
      ttlMs,
      get under() {
        return lease.name === first.name ? lease : first;
      },
    };
  };
  const kept: Kept = await keep(
    async (key, _value, _ttlMs, under) => {
      if (key.startsWith('chat ')) used.push(under?.name);
      return true;
    },
    { keep: keepUnder },
  );
  const { archive, session, flush } = kept.retention.session('session', 'Ada', () => 'Ada');
  session.token = 'a.first';
  archive.add(said);
  await flush();
  lease = await acquire('node b');
  session.token = 'a.second';
  await flush();
  expect(used).toEqual(['node a', 'node a']);
});
