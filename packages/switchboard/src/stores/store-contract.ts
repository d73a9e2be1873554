/** What every store does, whoever wrote it: the contract of store.ts as tests. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

import type { ContractCase } from '../util/contract.ts';
import type { Store } from './store.ts';

/** Longer than any test takes. */
const LONG_MS = 60_000;
const SHORT_MS = 30;

/**
 * What a {@link Store} has to do, as tests for any runner.
 *
 * @param open gives an empty store; called for each test, which closes it.
 * @example
 * ```ts
 * import { test } from 'node:test';
 *
 * for (const { title, run } of storeContract(() => new MyStore())) test(title, run);
 * ```
 */
export function storeContract(open: () => Store | Promise<Store>): ContractCase[] {
  const test = (title: string, run: (store: Store) => Promise<void>): ContractCase => ({
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
  const entriesOf = async (store: Store, after: number): Promise<string[]> =>
    [...(await store.log('log').after(after))].map(String);

  return [
    test('keeps a fact until it is deleted', async ({ facts }) => {
      const fact = { text: 'ä\n"', number: -1.5, flag: false };
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
    test('can be closed more than once', async (store) => {
      await Promise.all([store.close(), store.close()]);
    }),
  ];
}
