/** The store of one machine: what it does as any store, and what becomes of it where the disk or the file is not as it should be. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';

import { SwitchboardError } from '../../src/protocol/errors.ts';
import { openDatabase } from '../../src/stores/sqlite-engine.ts';
import { sqliteStore } from '../../src/stores/sqlite.ts';
import type { SqliteStoreOptions } from '../../src/stores/sqlite.ts';
import { sharedStoreContract } from '../../src/stores/store-contract.ts';
import type { SharedStore, StoreNotice } from '../../src/stores/store.ts';

const LONG_MS = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'switchboard-sqlite-'));
let count = 0;
const newFile = (): string => join(folder, `${++count}`, 'state.db');
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

async function opened(options: Partial<SqliteStoreOptions> = {}): Promise<{ store: SharedStore; file: string }> {
  const file = options.file ?? newFile();
  const store = await sqliteStore({ ...options, file });
  onTestFinished(() => store.close());
  return { store, file };
}

const refusal = async (options: SqliteStoreOptions): Promise<string> => {
  const error: unknown = await sqliteStore(options).then(
    () => 'it was opened',
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SwitchboardError);
  expect((error as SwitchboardError).code).toBe('SWB_STORE_INVALID');
  return (error as SwitchboardError).message;
};

const next = (store: SharedStore, type: StoreNotice['type']): Promise<StoreNotice> =>
  new Promise((resolve) => store.watch((notice) => notice.type === type && resolve(notice)));

/** Another process that has the store of a file open, and has put something there. */
async function holderOf(file: string): Promise<{ end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> }> {
  const holder = spawn(process.execPath, [
    fileURLToPath(new URL('../fixtures/store-holder.mjs', import.meta.url)),
    file,
  ]);
  onTestFinished(() => void holder.kill('SIGKILL'));
  const closed = once(holder, 'close');
  await once(createInterface(holder.stdout), 'line');
  return {
    async end(signal) {
      holder.kill(signal);
      await closed;
    },
  };
}

describe('a store in a file of SQLite', () => {
  const files = new WeakMap<SharedStore, string>();
  const open = async (file: string): Promise<SharedStore> => {
    const store = await sqliteStore({ file, shared: true });
    files.set(store, file);
    return store;
  };
  const cases = sharedStoreContract(() => open(newFile()), { again: (store) => open(files.get(store)!) });
  it.each(cases)('$title', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });

  it('is there for its owner alone', async () => {
    const { store, file } = await opened();
    await store.facts.put('key', { n: 1 }, LONG_MS);
    for (const path of [file, `${file}-wal`, `${file}-shm`, `${file}.lock`]) {
      expect({ path, mode: (statSync(path).mode & 0o777).toString(8) }).toEqual({ path, mode: '600' });
    }
    expect((statSync(join(file, '..')).mode & 0o777).toString(8)).toBe('700');
    await store.close();
    chmodSync(file, 0o644);
    await opened({ file });
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
  });

  it('is held by one process, until that ends, however it ends', async () => {
    const file = newFile();
    const holder = await holderOf(file);
    expect(await refusal({ file })).toBe(`The store cannot be used: ${file}: another process has it open`);
    await holder.end('SIGKILL');
    const { store } = await opened({ file });
    expect(await store.facts.get('key')).toEqual({ of: 'the holder' });
    expect(await store.recall('log').then((log) => [log?.last, log?.after(0)])).toEqual([2, ['a', 'b']]);
  });

  it('writes nothing of what a client has confirmed soon enough, and the rest a moment later', async () => {
    const { store, file } = await opened({ shared: true });
    const other = (await opened({ file, shared: true })).store;
    const [brief, lasting] = [store.log('brief'), store.log('lasting')];
    for (let n = 0; n < 1000; n++) {
      brief.append('x');
      lasting.append('y');
    }
    brief.trim(1000);
    lasting.trim(999);
    await store.flush();
    const database = await openDatabase(file);
    const rows = database.prepare('SELECT log, number FROM entries').all();
    database.close();
    expect(rows).toEqual([{ log: 'lasting', number: 1000 }]);
    expect((await other.recall('brief'))?.last).toBe(1000);
  });
});

describe('a file of SQLite that is not as it should be', () => {
  it('is refused when it is torn, named with what to do, and not changed', async () => {
    const file = newFile();
    await (await holderOf(file)).end('SIGTERM');
    truncateSync(file, Math.floor(statSync(file).size / 8192) * 4096);
    const before = readFileSync(file);
    const said = await refusal({ file });
    expect(said).toContain(file);
    expect(said).toContain('move the file away to begin with an empty store');
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it('is refused when it is no database, or that of another program', async () => {
    const text = newFile();
    await (await opened({ file: text })).store.close();
    writeFileSync(text, 'this is no database, but a text that is longer than the header of one would be. '.repeat(20));
    expect(await refusal({ file: text })).toContain('move the file away');
    const foreign = newFile();
    await (await opened({ file: foreign })).store.close();
    rmSync(foreign);
    const database = await openDatabase(foreign);
    database.exec('CREATE TABLE theirs (n); PRAGMA application_id = 7');
    database.close();
    expect(await refusal({ file: foreign })).toContain('it is a database of another program; name another file');
  });

  it('is refused when a newer version has written it, and taken over from before its first version', async () => {
    const { store, file } = await opened();
    await store.facts.put('key', { n: 1 }, LONG_MS);
    await store.close();
    const database = await openDatabase(file);
    database.exec('PRAGMA user_version = 99');
    expect(await refusal({ file })).toContain('its schema is 99, of a newer version of Switchboard');
    database.exec('PRAGMA user_version = 1');
    database.close();
    expect(await (await opened({ file })).store.facts.get('key')).toEqual({ n: 1 });
    const empty = newFile();
    await (await opened({ file: empty })).store.close();
    rmSync(empty);
    writeFileSync(empty, '');
    expect(await (await opened({ file: empty })).store.incarnation()).not.toBe('');
  });

  it('is refused where it cannot be made', async () => {
    const file = newFile();
    await (await opened({ file })).store.close();
    expect(await refusal({ file: join(file, 'below', 'state.db') })).toContain('say --store memory');
  });

  it('is opened by two at a time, and warnings of the process are heard as before', async () => {
    const { emitWarning } = process;
    onTestFinished(() => void (process.emitWarning = emitWarning));
    const both = await Promise.all([':memory:', ':memory:'].map((file) => openDatabase(file)));
    for (const database of both) database.close();
    expect(process.emitWarning).toBe(emitWarning);
  });

  it('drops what is garbage, says so, and goes on', async () => {
    const { store, file } = await opened();
    await store.facts.put('good', { n: 1 }, LONG_MS);
    const log = store.log('log');
    for (const entry of ['a', 'b', 'c', 'd']) log.append(entry);
    await log.leave();
    await store.close();
    const database = await openDatabase(file);
    const endsAt = Date.now() + LONG_MS;
    database
      .prepare('INSERT INTO facts VALUES (?, ?, ?), (?, ?, ?)')
      .run('text', 'no json', endsAt, 'list', '[1]', endsAt);
    database.exec('DELETE FROM entries WHERE number = 2; UPDATE entries SET body = 7 WHERE number = 1');
    database.close();
    const { store: again } = await opened({ file });
    const notices: StoreNotice[] = [];
    again.watch((notice) => notices.push(notice));
    expect(await again.facts.get('text')).toBeUndefined();
    expect(await again.facts.take('list')).toBeUndefined();
    expect(await again.facts.list('', 10)).toEqual([['good', { n: 1 }]]);
    const recalled = await again.recall('log');
    expect([recalled?.last, await recalled?.after(0)]).toEqual([4, ['c', 'd']]);
    expect(notices.map((notice) => notice.type === 'garbage' && notice.key)).toEqual(['text', 'list', 'log log']);
  });
});

describe('a disk that is full', () => {
  it('ends nothing: what is here goes on, the loss is said, and what still fits is written later', async () => {
    const { store, file } = await opened({ maxBytes: 256 * 1024 });
    const away = next(store, 'away');
    const log = store.log('log');
    for (let n = 0; n < 20; n++) log.append('x'.repeat(20_000));
    await expect(store.flush()).rejects.toThrow('The store is not available');
    expect(await away).toMatchObject({ type: 'away', detail: expect.stringContaining('full') as string });
    await store.facts.put('key', { n: 1 }, LONG_MS);
    expect(await store.facts.get('key')).toEqual({ n: 1 });
    expect(await store.facts.take('key')).toEqual({ n: 1 });
    expect(await store.facts.get('key')).toBeUndefined();
    expect(log.append('y')).toBe(21);
    log.trim(20);
    const back = next(store, 'back');
    await store.facts.put('kept', { n: 2 }, LONG_MS);
    expect(await back).toEqual({ type: 'back', lost: false });
    await store.flush();
    await store.close();
    const { store: again } = await opened({ file });
    expect(await again.facts.get('kept')).toEqual({ n: 2 });
    expect(await again.recall('log').then((recalled) => recalled?.after(0))).toEqual(['y']);
  });
});

it('a log that could not be written when it was let go of is not taken for one that is not there', async () => {
  const { store } = await opened({ maxBytes: 256 * 1024 });
  const large = store.log('large');
  for (let n = 0; n < 20; n++) large.append('x'.repeat(20_000));
  await expect(store.flush()).rejects.toThrow('The store is not available');
  const log = store.log('log');
  log.append('a');
  await expect(log.leave()).rejects.toMatchObject({ code: 'SWB_STORE_UNAVAILABLE' });
  await expect(store.recall('log')).rejects.toMatchObject({ code: 'SWB_STORE_UNAVAILABLE' });
  large.end();
  const recalled = await store.recall('log');
  expect([await recalled?.after(0), recalled?.append('b')]).toEqual([['a'], 2]);
});

it('a store that was closed refuses what comes late, and ends nothing', async () => {
  const { store, file } = await opened();
  const log = store.log('log');
  // Written at the end of the turn, if there still were something to write to.
  const first = store.facts.put('key', { n: 1 }, LONG_MS);
  await store.close();
  void store.facts.put('key', { n: 2 }, LONG_MS);
  log.append('a');
  await first;
  const late = [store.flush(), store.facts.get('other'), store.leases.acquire('it', 'one', LONG_MS), log.leave()];
  for (const each of late) await expect(each).rejects.toMatchObject({ code: 'SWB_STORE_UNAVAILABLE' });
  expect(await (await opened({ file })).store.facts.get('key')).toEqual({ n: 1 });
});

describe('the size of a store', () => {
  it('stays as it is over an hour of sessions that come and go: whatever is put has an end', async () => {
    let now = Date.now();
    const file = newFile();
    const minutesOf = async (minutes: number): Promise<Record<string, number>> => {
      const { store } = await opened({ file, now: () => now });
      for (let minute = 0; minute < minutes; minute++) {
        for (let n = 0; n < 10; n++) {
          const name = `${now} ${n}`;
          void store.facts.put(`session ${name}`, { n }, 5 * 60_000);
          const log = store.log(`stream ${name}`, { ttlMs: 5 * 60_000 });
          log.append('x');
          await log.leave();
          await store.counters.add(name, 1, 60_000);
          await store.counters.take(name, 1, { perMinute: 60, burst: 60 });
        }
        now += 60_000;
      }
      await store.close();
      // What has ended is looked for when a store is opened, and every half minute.
      await (await opened({ file, now: () => now })).store.close();
      const database = await openDatabase(file);
      const rows = ['facts', 'logs', 'entries', 'counters'].map((table) => {
        const row = database.prepare(`SELECT count(*) AS n FROM ${table}`).get();
        return [table, Number(row?.['n'])] as const;
      });
      database.close();
      return Object.fromEntries(rows);
    };
    const first = await minutesOf(10);
    expect(first).toEqual({ facts: 40, logs: 40, entries: 40, counters: 0 });
    expect(await minutesOf(50)).toEqual(first);
    now += 10 * 60_000;
    expect(await minutesOf(0)).toEqual({ facts: 0, logs: 0, entries: 0, counters: 0 });
  });
});
