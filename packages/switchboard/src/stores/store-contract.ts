/** What every store does, whoever wrote it: the contract of store.ts as tests. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

import type { JsonObject } from '../protocol/jsonrpc.ts';
import type { ContractCase } from '../util/contract.ts';
import type { Acquired, Lease, SharedStore, Store } from './store.ts';

/** Longer than any test takes. */
const LONG_MS = 60_000;
const SHORT_MS = 30;
/** How long an announcement may be on its way. */
const PATIENCE_MS = 5000;

/** What a store is tested with. */
export interface StoreContractOptions<S extends Store = Store> {
  /**
   * Opens another store on the state of one that is open, as another process would; the test closes it.
   *
   * @default the store is of one process, and the tests of several are left out
   */
  again?(store: S): S | Promise<S>;
}

/**
 * What a {@link Store} has to do, as tests for any runner.
 *
 * @param open gives an empty store; called for each test, which closes it.
 * @param options what tests of several processes need.
 * @example
 * ```ts
 * import { test } from 'node:test';
 *
 * for (const { title, run } of storeContract(() => new MyStore())) test(title, run);
 * ```
 */
export function storeContract<S extends Store>(
  open: () => S | Promise<S>,
  { again }: StoreContractOptions<S> = {},
): ContractCase[] {
  const test = tester(open);
  const entriesOf = async (store: Store, after: number): Promise<string[]> =>
    [...(await store.log('log').after(after))].map(String);

  const cases = [
    test('keeps a fact until it is deleted', async ({ facts }) => {
      const fact = { text: 'ä\n"', number: -1.5, flag: false, inner: { list: [1, 'b', null], none: {} } };
      await facts.put('key', fact, LONG_MS);
      assert.deepEqual(await facts.get('key'), fact);
      assert.equal(await facts.get('other'), undefined);
      await facts.delete('key');
      await facts.delete('key');
      assert.equal(await facts.get('key'), undefined);
    }),
    test('replaces a fact of the same key, and its time', async ({ facts }) => {
      await facts.put('key', { n: 1 }, SHORT_MS);
      await facts.put('key', { n: 2 }, LONG_MS);
      await pause(SHORT_MS * 2);
      assert.deepEqual(await facts.get('key'), { n: 2 });
    }),
    test('forgets a fact when its time is over', async ({ facts }) => {
      await facts.put('key', { n: 1 }, SHORT_MS);
      await pause(SHORT_MS * 2);
      assert.equal(await facts.get('key'), undefined);
      assert.equal(await facts.take('key'), undefined);
    }),
    test('gives a fact that several take to one of them', async ({ facts }) => {
      await facts.put('key', { n: 1 }, LONG_MS);
      const taken = await Promise.all([facts.take('key'), facts.take('key'), facts.take('key')]);
      assert.deepEqual(taken.filter(Boolean), [{ n: 1 }]);
      assert.equal(await facts.get('key'), undefined);
    }),
    test('numbers the entries of a log from 1, and gives them in order', async (store) => {
      const log = store.log('log');
      assert.deepEqual([log.last, log.size, log.bytes], [0, 0, 0]);
      assert.deepEqual([log.append('a'), log.append('b'), log.append('c')], [1, 2, 3]);
      assert.deepEqual([log.last, log.size], [3, 3]);
      assert.deepEqual(await entriesOf(store, 0), ['a', 'b', 'c']);
      assert.deepEqual(await entriesOf(store, 2), ['c']);
      assert.deepEqual(await entriesOf(store, 3), []);
    }),
    test('gives up entries when they are trimmed, and goes on counting', async (store) => {
      const log = store.log('log');
      for (const entry of ['a', 'b', 'c']) log.append(entry);
      const { bytes } = log;
      log.trim(2);
      log.trim(1);
      assert.deepEqual([log.last, log.size], [3, 1]);
      assert.ok(log.bytes > 0 && log.bytes < bytes, `${log.bytes} bytes after a trim, ${bytes} before`);
      assert.deepEqual(await entriesOf(store, 0), ['c']);
      log.trim(100);
      assert.deepEqual([log.last, log.size, log.bytes], [3, 0, 0]);
      assert.equal(log.append('d'), 4);
      assert.deepEqual(await entriesOf(store, 0), ['d']);
    }),
    test('keeps texts and bytes as they were', async (store) => {
      const log = store.log('log');
      log.append('{"text":"\u{1F600}\\u0000 \n"}');
      log.append(Uint8Array.of(0, 255, 10, 13));
      const [text, bytes] = await log.after(0);
      assert.equal(text, '{"text":"\u{1F600}\\u0000 \n"}');
      assert.deepEqual([...(bytes as Uint8Array)], [0, 255, 10, 13]);
    }),
    test('opens the same log by the same name, and another by another', async (store) => {
      store.log('log').append('a');
      store.log('other').append('b');
      assert.equal(store.log('log').last, 1);
      assert.deepEqual(await entriesOf(store, 0), ['a']);
    }),
    test('opens an empty log after one of that name was ended', async (store) => {
      store.log('log').append('a');
      store.log('log').end();
      assert.equal(store.log('log').append('b'), 1);
      assert.deepEqual(await entriesOf(store, 0), ['b']);
    }),
    test('skips numbers of entries that are not there, and never goes back', async (store) => {
      const log = store.log('log');
      log.append('a');
      log.skip(5);
      log.skip(2);
      assert.deepEqual([log.last, log.size, log.bytes], [5, 0, 0]);
      assert.equal(log.append('f'), 6);
      assert.deepEqual(await entriesOf(store, 0), ['f']);
    }),
    test('lists the facts whose keys begin so, as many as are wanted', async ({ facts }) => {
      for (const n of [1, 2, 3]) await facts.put(`a ${n}`, { n }, LONG_MS);
      await facts.put('a over', { n: 4 }, SHORT_MS);
      await facts.put('b 1', { n: 5 }, LONG_MS);
      await facts.put('A 1', { n: 6 }, LONG_MS);
      await facts.put('a%_*', { n: 7 }, LONG_MS);
      await pause(SHORT_MS * 2);
      const found = (await facts.list('a ', 10)).toSorted(([one], [other]) => (one < other ? -1 : 1));
      const those = [1, 2, 3].map((n) => [`a ${n}`, { n }]);
      assert.deepEqual(found, those);
      assert.deepEqual(await facts.list('a%', 10), [['a%_*', { n: 7 }]]);
      assert.equal((await facts.list('a ', 2)).length, 2);
      assert.deepEqual(await facts.list('c', 10), []);
    }),
    test('can be closed more than once', async (store) => {
      await store.flush();
      await Promise.all([store.close(), store.close()]);
    }),
  ];
  return again === undefined ? cases : [...cases, ...casesAfterwards(open, again)];
}

/**
 * What a {@link SharedStore} has to do, as tests for any runner: also what every store has to.
 *
 * @param open gives an empty store; called for each test, which closes it.
 * @param options what tests of several processes need.
 * @example
 * ```ts
 * import { test } from 'node:test';
 *
 * for (const { title, run } of sharedStoreContract(() => new MyStore())) test(title, run);
 * ```
 */
export function sharedStoreContract(
  open: () => SharedStore | Promise<SharedStore>,
  { again }: StoreContractOptions<SharedStore> = {},
): ContractCase[] {
  const test = tester(open);
  const cases = [
    ...storeContract(open, { ...(again !== undefined && { again }) }),
    test('gives a lease to one owner at a time, who may renew it', async ({ leases }) => {
      assert.equal(await leases.holder('it'), undefined);
      const lease = got(await leases.acquire('it', 'one', LONG_MS));
      assert.deepEqual(lease, { name: 'it', owner: 'one', epoch: lease.epoch });
      assert.deepEqual(await leases.acquire('it', 'two', LONG_MS), { heldBy: lease });
      assert.deepEqual(await leases.acquire('it', 'one', LONG_MS), { lease });
      const { endsInMs, ...held } = (await leases.holder('it'))!;
      assert.deepEqual(held, lease);
      assert.ok(endsInMs > 0 && endsInMs <= LONG_MS, `it says that it ends in ${endsInMs} ms, of ${LONG_MS}`);
      assert.equal(await leases.renew(lease, 2 * LONG_MS), true);
      assert.ok((await leases.holder('it'))!.endsInMs > LONG_MS, 'renewed, it ends later');
      assert.equal(got(await leases.acquire('other', 'two', LONG_MS)).name, 'other');
    }),
    test('lets the epoch of a lease grow, also after it was released and after its time', async ({ leases }) => {
      const first = got(await leases.acquire('it', 'one', LONG_MS));
      await leases.release(first);
      assert.equal(await leases.holder('it'), undefined);
      assert.equal(await leases.renew(first, LONG_MS), false);
      const second = got(await leases.acquire('it', 'one', SHORT_MS));
      await pause(SHORT_MS * 2);
      assert.equal(await leases.renew(second, LONG_MS), false);
      const third = got(await leases.acquire('it', 'two', LONG_MS));
      assert.ok(first.epoch < second.epoch && second.epoch < third.epoch, 'each epoch is above the one before');
      await leases.release(second);
      assert.equal((await leases.holder('it'))?.epoch, third.epoch);
    }),
    test('gives a lease that several want to one of them', async ({ leases }) => {
      const owners = ['a', 'b', 'c', 'd'];
      const all = await Promise.all(owners.map((owner) => leases.acquire('it', owner, LONG_MS)));
      assert.equal(all.filter((each) => 'lease' in each).length, 1);
    }),
    test('refuses what is written under a lease that another has got since', async ({ facts, leases }) => {
      const old = got(await leases.acquire('it', 'one', SHORT_MS));
      assert.equal(await facts.put('key', { n: 1 }, LONG_MS, old), true);
      await pause(SHORT_MS * 2);
      assert.equal(await facts.put('key', { n: 2 }, LONG_MS, old), true, 'nobody else has it yet');
      const newer = got(await leases.acquire('it', 'two', LONG_MS));
      assert.equal(await facts.put('key', { n: 3 }, LONG_MS, old), false);
      await facts.delete('key', old);
      assert.deepEqual(await facts.get('key'), { n: 2 });
      assert.equal(await facts.put('key', { n: 4 }, LONG_MS, newer), true);
      const unknown = { name: 'never given', owner: 'one', epoch: newer.epoch };
      assert.equal(await facts.put('key', { n: 5 }, LONG_MS, unknown), false);
      assert.deepEqual(await facts.get('key'), { n: 4 });
    }),
    test('counts together what several add, until the time of the first addition is over', async ({ counters }) => {
      const counts = await Promise.all([1, 2, 3].map((by) => counters.add('count', by, LONG_MS)));
      assert.equal(Math.max(...counts), 6);
      assert.equal(await counters.add('other', 1, SHORT_MS * 10), 1);
      assert.equal(await counters.add('other', 1, LONG_MS), 2);
      await pause(SHORT_MS * 12);
      assert.equal(await counters.add('other', 1, LONG_MS), 1);
    }),
    test('gives out the tokens of a bucket once', async ({ counters }) => {
      const rate = { perMinute: 1, burst: 10 };
      const portions = await Promise.all([4, 4, 4].map((wanted) => counters.take('bucket', wanted, rate)));
      assert.equal(
        portions.reduce((sum, { granted }) => sum + granted, 0),
        10,
      );
      const { granted, waitMs } = await counters.take('bucket', 1, rate);
      assert.ok(granted === 0 && waitMs > 0 && waitMs <= 60_000, `${granted} of none, and ${waitMs} ms to the next`);
      assert.deepEqual(await counters.take('other', 3, rate), { granted: 3, left: 7, waitMs: 0 });
    }),
    test('fills a bucket again as time passes, up to what it holds', async ({ counters }) => {
      const rate = { perMinute: 60_000, burst: 5 };
      assert.equal((await counters.take('bucket', 9, rate)).granted, 5);
      await pause(SHORT_MS);
      assert.deepEqual(await counters.take('bucket', 9, rate).then(({ granted }) => granted), 5);
    }),
    test('notes what each has of something, up to what all may have, for as long as it has its lease', async (store) => {
      const { counters, leases } = store;
      const one = got(await leases.acquire('one', 'one', LONG_MS));
      const two = got(await leases.acquire('two', 'two', LONG_MS));
      assert.deepEqual(await counters.share('it', 3, 5, one), { isTaken: true, others: {} });
      assert.deepEqual(await counters.share('it', 3, 5, two), { isTaken: false, others: { one: 3 } });
      assert.deepEqual(await counters.share('it', 2, 5, two), { isTaken: true, others: { one: 3 } });
      assert.deepEqual(await counters.share('it', 4, 5, one), { isTaken: false, others: { two: 2 } });
      // Who has no more than before is not asked whether it may, and other things count for themselves.
      assert.deepEqual(await counters.share('it', 3, 4, one), { isTaken: true, others: { two: 2 } });
      assert.deepEqual(await counters.share('other', 5, 5, one), { isTaken: true, others: {} });
      await leases.release(two);
      assert.deepEqual(await counters.share('it', 5, 5, one), { isTaken: true, others: {} });
      const newer = got(await leases.acquire('two', 'three', LONG_MS));
      assert.deepEqual(await counters.share('it', 1, Infinity, two), { isTaken: false, others: {} });
      assert.deepEqual(await counters.share('it', 1, Infinity, newer), { isTaken: true, others: { one: 5 } });
      assert.deepEqual(await counters.share('it', 0, 5, one), { isTaken: true, others: { two: 1 } });
      assert.deepEqual(await counters.share('it', 2, 5, newer), { isTaken: true, others: {} });
    }),
    test('counts shares of a lease that another has taken for nobody', async ({ counters, leases }) => {
      const here = got(await leases.acquire('here', 'one', LONG_MS));
      const lost = got(await leases.acquire('lost', 'two', LONG_MS));
      assert.deepEqual(await counters.share('it', 3, 5, lost), { isTaken: true, others: {} });
      assert.deepEqual(await counters.share('it', 1, 5, here), { isTaken: true, others: { lost: 3 } });
      await leases.release(lost);
      const taken = got(await leases.acquire('lost', 'one', LONG_MS));
      assert.deepEqual(await counters.share('it', 5, 5, here), { isTaken: true, others: {} });
      // What the former owner had said is not what the new one has.
      assert.deepEqual(await counters.share('it', 1, 5, taken), { isTaken: false, others: { here: 5 } });
      assert.deepEqual(await counters.share('it', 4, 5, here), { isTaken: true, others: {} });
      assert.deepEqual(await counters.share('it', 1, 5, taken), { isTaken: true, others: { here: 4 } });
    }),
    test('tells what is announced to all who listen to its topic', async ({ announcements }) => {
      const [here, all] = [heard(2), heard(1)];
      const stop = await announcements.subscribe('topic', here.take);
      await announcements.subscribe('topic', all.take);
      const other = heard(1);
      await announcements.subscribe('other', other.take);
      await announcements.publish('topic', { n: 1, inner: { text: 'ä' } });
      await announcements.publish('other', { n: 2 });
      assert.deepEqual(await other.all(), [{ n: 2 }]);
      assert.deepEqual(await all.all(), [{ n: 1, inner: { text: 'ä' } }]);
      await stop();
      const last = heard(1);
      await announcements.subscribe('topic', last.take);
      await announcements.publish('topic', { n: 3 });
      assert.deepEqual(await last.all(), [{ n: 3 }]);
      assert.deepEqual(here.so, [{ n: 1, inner: { text: 'ä' } }]);
    }),
    test('says how long an entry has waited to be written, until it is', async (store) => {
      store.log('log').append('a');
      await pause(1);
      const lagMs = store.lagMs?.() ?? 0;
      assert.ok(lagMs >= 0 && lagMs < LONG_MS, `it waits for ${lagMs} ms`);
      await store.flush();
      assert.equal(store.lagMs?.() ?? 0, 0);
    }),
    test('has one name for all of its life', async (store) => {
      const life = await store.incarnation();
      assert.ok(life.length > 0, 'a name');
      assert.equal(await store.incarnation(), life);
    }),
  ];
  return again === undefined ? cases : [...cases, ...casesOfSeveral(open, again)];
}

/** One test, with stores that are closed after it. */
const tester =
  <S extends Store>(open: () => S | Promise<S>) =>
  (title: string, run: (store: S) => Promise<void>): ContractCase => ({
    title,
    async run() {
      const store = await open();
      try {
        await run(store);
      } finally {
        await store.close();
      }
    },
  });

/** One test with two stores, as two processes have them. */
const testerOfTwo =
  <S extends Store>(open: () => S | Promise<S>, again: (store: S) => S | Promise<S>) =>
  (title: string, run: (one: S, other: S) => Promise<void>): ContractCase =>
    tester(open)(title, async (one) => {
      const other = await again(one);
      try {
        await run(one, other);
      } finally {
        await other.close();
      }
    });

/** What stores do that outlive their process. */
function casesAfterwards<S extends Store>(
  open: () => S | Promise<S>,
  again: (store: S) => S | Promise<S>,
): ContractCase[] {
  const test = testerOfTwo(open, again);
  return [
    test('gives another process what was put, once where it is taken', async ({ facts }, other) => {
      await facts.put('key', { n: 1 }, LONG_MS);
      assert.deepEqual(await other.facts.get('key'), { n: 1 });
      assert.deepEqual(await other.facts.list('k', 10), [['key', { n: 1 }]]);
      const taken = await Promise.all([facts.take('key'), other.facts.take('key')]);
      assert.deepEqual(taken.filter(Boolean), [{ n: 1 }]);
    }),
    test('gives another process a log as it was left, to go on with', async (one, other) => {
      const log = one.log('log');
      for (const entry of ['a', 'b', 'ä\n']) log.append(entry);
      log.append(Uint8Array.of(0, 255));
      log.trim(1);
      await log.leave();
      const recalled = await other.recall('log');
      assert.ok(recalled !== undefined, 'the log is there');
      assert.deepEqual([recalled.last, recalled.size, recalled.bytes], [4, 3, log.bytes]);
      const entries = [...(await recalled.after(0))];
      assert.deepEqual(entries.slice(0, 2), ['b', 'ä\n']);
      assert.deepEqual([...(entries[2] as Uint8Array)], [0, 255]);
      assert.equal(recalled.append('e'), 5);
      recalled.trim(3);
      await recalled.leave();
      const back = await one.recall('log');
      assert.deepEqual([back?.last, back?.size], [5, 2]);
    }),
    test('keeps the count of a log whose entries are all given up', async (one, other) => {
      const log = one.log('log');
      log.append('a');
      log.trim(1);
      log.skip(7);
      await log.leave();
      const recalled = await other.recall('log');
      assert.deepEqual([recalled?.last, recalled?.size, recalled?.append('b')], [7, 0, 8]);
    }),
    test('has no log to recall where none was left, or it was ended, or its time is over', async (one, other) => {
      one.log('ended').append('a');
      await one.flush();
      one.log('ended').end();
      const short = one.log('short', { ttlMs: SHORT_MS });
      short.append('a');
      await short.leave();
      await one.flush();
      await pause(SHORT_MS * 2);
      for (const name of ['none', 'ended', 'short']) assert.equal(await other.recall(name), undefined, name);
    }),
    test('begins a log that is opened and not recalled at its beginning', async (one, other) => {
      const log = one.log('log');
      for (const entry of ['a', 'b', 'c']) log.append(entry);
      await log.leave();
      const begun = other.log('log');
      assert.deepEqual([begun.last, begun.append('d')], [0, 1]);
      await begun.leave();
      const recalled = await one.recall('log');
      assert.deepEqual([recalled?.last, await recalled?.after(0)], [1, ['d']]);
    }),
  ];
}

/** What stores do that serve several processes at a time. */
function casesOfSeveral(
  open: () => SharedStore | Promise<SharedStore>,
  again: (store: SharedStore) => SharedStore | Promise<SharedStore>,
): ContractCase[] {
  const test = testerOfTwo(open, again);
  return [
    test('says that it reaches beyond one process, and has the same name for all', async (one, other) => {
      assert.notEqual(one.reach, 'process');
      assert.equal(await other.incarnation(), await one.incarnation());
    }),
    test('holds a lease against another process, and counts on together', async (one, other) => {
      const lease = got(await one.leases.acquire('it', 'one', LONG_MS));
      assert.deepEqual(await other.leases.acquire('it', 'two', LONG_MS), { heldBy: lease });
      await one.leases.release(lease);
      assert.ok(got(await other.leases.acquire('it', 'two', LONG_MS)).epoch > lease.epoch, 'the epoch grows');
      assert.equal(await one.facts.put('key', { n: 1 }, LONG_MS, lease), false);
      await one.counters.add('count', 2, LONG_MS);
      assert.equal(await other.counters.add('count', 3, LONG_MS), 5);
      const rate = { perMinute: 1, burst: 3 };
      await one.counters.take('bucket', 2, rate);
      assert.equal((await other.counters.take('bucket', 2, rate)).granted, 1);
    }),
    test('writes nothing more of a log whose lease another has', async (one, other) => {
      const lease = got(await one.leases.acquire('it', 'one', SHORT_MS));
      const log = one.log('log', { under: lease });
      log.append('a');
      await one.flush();
      await pause(SHORT_MS * 2);
      const newer = got(await other.leases.acquire('it', 'two', LONG_MS));
      log.append('b');
      await one.flush().catch(() => {});
      const recalled = await other.recall('log', { under: newer });
      assert.deepEqual([recalled?.last, await recalled?.after(0)], [1, ['a']]);
      log.end();
      await one.flush().catch(() => {});
      await recalled?.leave();
      assert.equal((await other.recall('log', { under: newer }))?.last, 1);
    }),
    test('goes on with a log when its owner has the lease again under another epoch', async (one, other) => {
      let lease = got(await one.leases.acquire('it', 'one', SHORT_MS));
      const keep = {
        get under() {
          return lease;
        },
      };
      const log = one.log('log', keep);
      log.append('a');
      await one.flush();
      await pause(SHORT_MS * 2);
      assert.equal(await one.leases.renew(lease, LONG_MS), false);
      const again = got(await one.leases.acquire('it', 'one', LONG_MS));
      // It has not heard of that yet.
      log.append('b');
      await one.flush().catch(() => {});
      lease = again;
      log.append('c');
      await log.leave();
      const recalled = await other.recall('log');
      assert.deepEqual([recalled?.last, await recalled?.after(0)], [3, ['a', 'b', 'c']]);
    }),
    test('waits with a log whose lease the store does not know, and with no other', async (one, other) => {
      const known = got(await one.leases.acquire('known', 'one', LONG_MS));
      let under: Lease = { name: 'it', owner: 'one', epoch: known.epoch };
      const keep = {
        get under() {
          return under;
        },
      };
      const waiting = one.log('waiting', keep);
      waiting.append('a');
      await assert.rejects(one.flush());
      const log = one.log('log', { under: known });
      log.append('b');
      await log.leave();
      assert.deepEqual(await (await other.recall('log'))?.after(0), ['b']);
      assert.equal(await other.recall('waiting'), undefined);
      under = got(await one.leases.acquire('it', 'one', LONG_MS));
      await one.flush();
      assert.deepEqual(await (await other.recall('waiting'))?.after(0), ['a']);
    }),
    test('has no log to recall in the process that has just ended it, and all of one that it has just left', async (one) => {
      one.log('ended').append('a');
      await one.flush();
      one.log('ended').end();
      assert.equal(await one.recall('ended'), undefined);
      const log = one.log('left');
      log.append('a');
      const left = log.leave();
      assert.deepEqual(await (await one.recall('left'))?.after(0), ['a']);
      await left;
    }),
    test('tells another process what is announced', async (one, other) => {
      const there = heard(2);
      await other.announcements.subscribe('topic', there.take);
      await one.announcements.publish('topic', { n: 1 });
      await other.announcements.publish('topic', { n: 2 });
      const all = await there.all();
      assert.deepEqual(new Set(all.map(({ n }) => n)), new Set([1, 2]));
    }),
  ];
}

function got(acquired: Acquired): Lease {
  assert.ok('lease' in acquired, `another has it: ${JSON.stringify(acquired)}`);
  return acquired.lease;
}

/** Collects announcements; `all` waits for so many of them. */
function heard(count: number): {
  take(message: JsonObject): void;
  so: JsonObject[];
  all(): Promise<JsonObject[]>;
} {
  const so: JsonObject[] = [];
  let done = (): void => {};
  return {
    so,
    take(message) {
      so.push(message);
      if (so.length >= count) done();
    },
    async all() {
      if (so.length >= count) return so;
      const patience = new AbortController();
      done = () => patience.abort();
      await pause(PATIENCE_MS, undefined, { signal: patience.signal }).catch(() => {});
      assert.ok(so.length >= count, `heard ${so.length} of ${count}`);
      return so;
    },
  };
}
