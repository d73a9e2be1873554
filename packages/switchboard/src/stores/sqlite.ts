/**
 * The store of one machine: a file of SQLite, which outlives the process and may serve several. Facts are written at the end of the turn in
 * which they were put, logs a moment later and only as far as something is left of them by then: no call waits for the disk.
 *
 * A disk that is full, or a file that cannot be written any more, ends nothing: this process goes on with what it has, tries again every
 * second, and gives notice of both.
 */
import { randomUUID } from 'node:crypto';

import { SwitchboardError } from '../protocol/errors.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import { unreffed } from '../util/timers.ts';
import { SqliteAnnouncements } from './sqlite-announcements.ts';
import { failureOf } from './sqlite-engine.ts';
import { SqliteFile } from './sqlite-file.ts';
import type { SqliteFileOptions } from './sqlite-file.ts';
import { SqliteLogs } from './sqlite-logs.ts';
import type { LeaseState } from './sqlite-logs.ts';
import { shared } from './shares.ts';
import { LEASE_KEPT_MS, SHARES_KEPT_MS } from './store.ts';
import type {
  Acquired,
  Counters,
  Fact,
  Facts,
  HeldLease,
  Lease,
  Leases,
  Log,
  KeepOptions,
  Portion,
  SharedStore,
  Shares,
  StoreNotice,
  StoreOptions,
} from './store.ts';
import { taken } from './token-portion.ts';

export interface SqliteStoreOptions extends StoreOptions, SqliteFileOptions {}

/** What is left of logs after twice this is written. */
const LOGS_WRITTEN_AFTER_MS = 100;
const RETRY_MS = 1000;
const SWEEP_MS = 30_000;
/** How many facts wait for a file that cannot be written; the oldest are lost. */
const MAX_WAITING = 50_000;

interface Waiting {
  /** Absent for one that was deleted. */
  text?: string;
  endsAt: number;
}

/** @throws {SwitchboardError} `SWB_STORE_INVALID` with the file, what is wrong with it and what to do; nothing in it has changed then. */
export async function sqliteStore(options: SqliteStoreOptions): Promise<SharedStore> {
  return new SqliteStore(await SqliteFile.open(options), options);
}

class SqliteStore implements SharedStore {
  readonly reach = 'machine';
  readonly facts: Facts;
  readonly leases: Leases;
  readonly counters: Counters;
  readonly announcements: SqliteAnnouncements;
  readonly #file: SqliteFile;
  readonly #listeners: ((notice: StoreNotice) => void)[] = [];
  readonly #now: () => number;
  readonly #logs: SqliteLogs;
  /** Facts that are not written yet, by their keys. */
  readonly #waiting: Map<string, Waiting> = new Map();
  /** Resolves when they are. */
  #turn: { done: Promise<void>; resolve: () => void } | undefined;
  #logTimer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  readonly #sweeper: NodeJS.Timeout;
  #away = false;
  #lost = false;
  #closed = false;

  constructor(file: SqliteFile, { now = Date.now, shared = false }: SqliteStoreOptions) {
    this.#file = file;
    this.#now = now;
    this.#logs = new SqliteLogs(file, {
      now,
      onNotice: (notice) => this.#notice(notice),
      isAway: () => this.#away,
      stands: (lease) => this.#stands(lease),
      onChange: () => this.#writeLogsLater(),
      flush: () => this.flush(),
    });
    this.facts = {
      put: (...fact) => this.#put(...fact),
      get: async (key) => this.#parsed(key, this.#textOf(key)),
      take: async (key) => this.#take(key),
      delete: (key, under) => this.#delete(key, under),
      list: async (prefix, limit) => this.#list(prefix, limit),
    };
    this.leases = {
      acquire: async (...wanted) => this.#acquire(...wanted),
      renew: async (...renewed) => this.#renew(...renewed),
      release: async (lease) => this.#release(lease),
      holder: async (name) => this.#held(name),
    };
    this.counters = {
      add: async (...added) => this.#add(...added),
      take: async (...wanted) => this.#takePortion(...wanted),
      share: async (...said) => this.#share(...said),
    };
    this.announcements = new SqliteAnnouncements(file, {
      now,
      shared,
      origin: randomUUID(),
      attempt: (work) => this.#attempt(work),
    });
    this.#sweep();
    this.#sweeper = unreffed(setInterval(() => this.#sweep(), SWEEP_MS));
  }

  log(name: string, options?: KeepOptions): Log {
    return this.#logs.open(name, options);
  }

  async recall(name: string, options?: KeepOptions): Promise<Log | undefined> {
    if (this.#logs.hasLeft(name)) {
      this.#writeLogs(true);
      // It would be taken for one that is not there, and another begun in its place.
      if (this.#logs.hasLeft(name)) throw unavailable();
    }
    return this.#read(() => this.#logs.recall(name, options));
  }

  async incarnation(): Promise<string> {
    return this.#read(() => this.#meta('incarnation'));
  }

  watch(listener: (notice: StoreNotice) => void): void {
    this.#listeners.push(listener);
  }

  lagMs(): number {
    return this.#logs.lagMs;
  }

  async flush(): Promise<void> {
    const isWritten = this.#writeFacts() && this.#writeLogs(true) && this.#logs.isWritten;
    if (!isWritten) throw unavailable();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#writeFacts();
    this.#writeLogs(true);
    this.#closed = true;
    clearTimeout(this.#logTimer);
    clearTimeout(this.#retry);
    clearInterval(this.#sweeper);
    this.announcements.close();
    this.#turn?.resolve();
    this.#file.close();
  }

  #notice(notice: StoreNotice): void {
    for (const listener of this.#listeners) listener(notice);
  }

  async #put(key: string, value: Fact, ttlMs: number, under?: Lease): Promise<boolean> {
    const waiting = { text: JSON.stringify(value), endsAt: this.#now() + ttlMs };
    if (under !== undefined) {
      return this.#write(() => {
        if (!this.#allows(under)) return false;
        this.#writeFact(key, waiting);
        this.#waiting.delete(key);
        return true;
      });
    }
    await this.#wait(key, waiting);
    return true;
  }

  async #delete(key: string, under?: Lease): Promise<void> {
    if (under === undefined) await this.#wait(key, { endsAt: Infinity });
    else {
      this.#write(() => {
        if (!this.#allows(under)) return;
        this.#writeFact(key, { endsAt: Infinity });
        this.#waiting.delete(key);
      });
    }
  }

  #take(key: string): Fact | undefined {
    // What is not written yet would come back if this process ended now.
    if (this.#waiting.has(key) && !this.#writeFacts()) {
      const text = this.#textOf(key);
      void this.#wait(key, { endsAt: Infinity });
      return this.#parsed(key, text);
    }
    return this.#parsed(
      key,
      this.#write(() => {
        const text = this.#textOf(key);
        if (text !== undefined) this.#file.sql('DELETE FROM facts WHERE key = ?').run(key);
        return text;
      }),
    );
  }

  #list(prefix: string, limit: number): (readonly [string, Fact])[] {
    const now = this.#now();
    const found = new Map<string, string>();
    for (const [key, { text, endsAt }] of this.#waiting) {
      if (found.size >= limit) break;
      if (text !== undefined && endsAt > now && key.startsWith(prefix)) found.set(key, text);
    }
    // As many more as wait may have been deleted or replaced.
    const most = limit + this.#waiting.size;
    const select =
      'SELECT key, value FROM facts WHERE key >= ?1 AND key < ?1 || char(1114111) AND ends_at > ?2 LIMIT ?3';
    for (const { key, value } of this.#read(() => this.#file.sql(select).all(prefix, now, most))) {
      if (found.size >= limit) break;
      if (!this.#waiting.has(String(key))) found.set(String(key), String(value));
    }
    return [...found].flatMap(([key, text]) => {
      const fact = this.#parsed(key, text);
      return fact === undefined ? [] : [[key, fact] as const];
    });
  }

  /** The text of a fact that is there and has not expired. */
  #textOf(key: string): string | undefined {
    const now = this.#now();
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) return waiting.endsAt > now ? waiting.text : undefined;
    const select = 'SELECT value FROM facts WHERE key = ? AND ends_at > ?';
    const value = this.#read(() => this.#file.sql(select).get(key, now))?.['value'];
    return value === undefined ? undefined : String(value);
  }

  #parsed(key: string, text: string | undefined): Fact | undefined {
    if (text === undefined) return undefined;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      // It is no object then.
    }
    if (isObject(value)) return value;
    this.#notice({ type: 'garbage', key, detail: 'it is no JSON object' });
    void this.#wait(key, { endsAt: Infinity });
    return undefined;
  }

  /** Written with what else there is at the end of the turn. */
  #wait(key: string, waiting: Waiting): Promise<void> {
    this.#waiting.delete(key);
    this.#waiting.set(key, waiting);
    if (this.#waiting.size > MAX_WAITING) {
      const [oldest] = this.#waiting.keys();
      this.#waiting.delete(oldest!);
      this.#lost = true;
    }
    if (this.#away || this.#closed) return Promise.resolve();
    if (this.#turn === undefined) {
      let resolve = (): void => {};
      const done = new Promise<void>((settle) => (resolve = settle));
      this.#turn = { done, resolve };
      setImmediate(() => this.#writeFacts());
    }
    return this.#turn.done;
  }

  /** @returns whether all is written; what is not stays here, and is served from here. */
  #writeFacts(): boolean {
    const turn = this.#turn;
    this.#turn = undefined;
    const isWritten =
      this.#waiting.size === 0 ||
      this.#attempt(() => {
        for (const [key, waiting] of this.#waiting) this.#writeFact(key, waiting);
      });
    if (isWritten) this.#waiting.clear();
    turn?.resolve();
    return isWritten;
  }

  #writeFact(key: string, { text, endsAt }: Waiting): void {
    if (text === undefined) this.#file.sql('DELETE FROM facts WHERE key = ?').run(key);
    else this.#file.sql('INSERT OR REPLACE INTO facts VALUES (?, ?, ?)').run(key, text, endsAt);
  }

  /** @param all or only what was there the last time already. */
  #writeLogs(all: boolean): boolean {
    clearTimeout(this.#logTimer);
    this.#logTimer = undefined;
    const isDone = this.#logs.isWritten || this.#attempt(() => this.#logs.write(all), this.#logs.written);
    if (isDone && !this.#logs.isWritten) this.#writeLogsLater();
    return isDone;
  }

  #writeLogsLater(): void {
    // Until it is back, that is tried again anyway.
    if (!this.#away && !this.#closed)
      this.#logTimer ??= setTimeout(() => this.#writeLogs(false), LOGS_WRITTEN_AFTER_MS);
  }

  #allows(lease: Lease | undefined): boolean {
    return this.#stands(lease) === 'ok';
  }

  /** Its owner may have it again under an epoch that it does not know yet. */
  #stands(lease: Lease | undefined): LeaseState {
    if (lease === undefined) return 'ok';
    const known = this.#file.sql('SELECT owner, epoch FROM leases WHERE name = ?').get(lease.name);
    if (known?.['epoch'] === lease.epoch) return 'ok';
    return known === undefined || known['owner'] === lease.owner ? 'unknown' : 'fenced';
  }

  #acquire(name: string, owner: string, ttlMs: number): Acquired {
    return this.#write(() => {
      const held = this.#held(name);
      if (held !== undefined && held.owner !== owner) return { heldBy: { name, owner: held.owner, epoch: held.epoch } };
      const lease = { name, owner, epoch: held?.epoch ?? this.#nextEpoch() };
      const insert = 'INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?)';
      this.#file.sql(insert).run(name, owner, lease.epoch, this.#now() + ttlMs);
      return { lease };
    });
  }

  #nextEpoch(): number {
    const epoch = Number(this.#meta('epoch')) + 1;
    this.#file.sql("UPDATE meta SET value = ? WHERE name = 'epoch'").run(String(epoch));
    return epoch;
  }

  #renew({ name, epoch }: Lease, ttlMs: number): boolean {
    const now = this.#now();
    const update = 'UPDATE leases SET ends_at = ? WHERE name = ? AND epoch = ? AND ends_at > ?';
    return this.#write(() => Number(this.#file.sql(update).run(now + ttlMs, name, epoch, now).changes) > 0);
  }

  #release({ name, epoch }: Lease): void {
    const update = 'UPDATE leases SET ends_at = ?1 WHERE name = ?2 AND epoch = ?3 AND ends_at > ?1';
    this.#write(() => this.#file.sql(update).run(this.#now(), name, epoch));
  }

  #held(name: string): HeldLease | undefined {
    const now = this.#now();
    const select = 'SELECT owner, epoch, ends_at FROM leases WHERE name = ? AND ends_at > ?';
    const row = this.#read(() => this.#file.sql(select).get(name, now));
    if (row === undefined) return undefined;
    const { owner, epoch, ends_at: endsAt } = row;
    return { name, owner: String(owner), epoch: Number(epoch), endsInMs: Number(endsAt) - now };
  }

  #add(name: string, by: number, ttlMs: number): number {
    const key = `count ${name}`;
    const now = this.#now();
    return this.#write(() => {
      const known = this.#file.sql('SELECT value, ends_at FROM counters WHERE name = ? AND ends_at > ?').get(key, now);
      const value = Number(known?.['value'] ?? 0) + by;
      const endsAt = Number(known?.['ends_at'] ?? now + ttlMs);
      this.#file.sql('INSERT OR REPLACE INTO counters VALUES (?, ?, ?, ?)').run(key, value, now, endsAt);
      return value;
    });
  }

  #takePortion(name: string, wanted: number, rate: { perMinute: number; burst: number }): Portion {
    const key = `bucket ${name}`;
    const now = this.#now();
    return this.#write(() => {
      const row = this.#file.sql('SELECT value, at FROM counters WHERE name = ? AND ends_at > ?').get(key, now);
      const known = row === undefined ? undefined : { tokens: Number(row['value']), at: Number(row['at']) };
      const { portion, left, fullAt } = taken(known, wanted, rate, now);
      const insert = 'INSERT OR REPLACE INTO counters VALUES (?, ?, ?, ?)';
      this.#file.sql(insert).run(key, left.tokens, left.at, Math.ceil(fullAt));
      return portion;
    });
  }

  /** Kept as a fact that nobody else reads. */
  #share(name: string, count: number, max: number, under: Lease): Shares {
    const key = `shares ${name}`;
    return this.#write(() => {
      if (!this.#allows(under)) return { isTaken: false, others: {} };
      const known = Object.entries(this.#parsed(key, this.#textOf(key)) ?? {}).filter(isShare);
      const isHeldBy = (lease: string, owner: string): boolean => this.#held(lease)?.owner === owner;
      const { answer, said } = shared(new Map(known), { under, count, max }, isHeldBy);
      const text = JSON.stringify(Object.fromEntries(said));
      this.#writeFact(key, { text, endsAt: this.#now() + SHARES_KEPT_MS });
      return answer;
    });
  }

  #meta(name: string): string {
    return String(this.#file.sql('SELECT value FROM meta WHERE name = ?').get(name)?.['value']);
  }

  /** @throws {SwitchboardError} `SWB_STORE_UNAVAILABLE` */
  #read<T>(work: () => T): T {
    if (this.#closed) throw unavailable();
    try {
      return work();
    } catch (error) {
      if (failureOf(error) === undefined) throw error;
      this.#failed(error as Error);
      throw unavailable(error);
    }
  }

  /** Work whose result is only worth something when it is written. @throws {SwitchboardError} `SWB_STORE_UNAVAILABLE` */
  #write<T>(work: () => T): T {
    return this.#read(() => this.#file.transact(work));
  }

  /** Work that is tried again later where it fails. @returns whether it is done. */
  #attempt(work: () => void, done: () => void = () => {}): boolean {
    if (this.#closed) return false;
    try {
      this.#file.transact(work);
    } catch (error) {
      if (failureOf(error) === undefined) throw error;
      this.#failed(error as Error);
      return false;
    }
    done();
    return true;
  }

  #returned(): void {
    this.#away = false;
    this.#notice({ type: 'back', lost: this.#lost });
    this.#lost = false;
  }

  #failed({ message }: Error): void {
    if (this.#closed) return;
    if (!this.#away) this.#notice({ type: 'away', detail: message });
    this.#away = true;
    this.#retry ??= unreffed(
      setTimeout(() => {
        this.#retry = undefined;
        // Something is written in any case: that nothing waits tells nothing of the disk.
        const isWritable = this.#attempt(() =>
          this.#file.sql("UPDATE meta SET value = value WHERE name = 'epoch'").run(),
        );
        if (isWritable && this.#writeFacts() && this.#writeLogs(true)) this.#returned();
      }, RETRY_MS),
    );
  }

  #sweep(): void {
    const now = this.#now();
    this.#attempt(() => {
      this.#file.sql('DELETE FROM facts WHERE ends_at <= ?').run(now);
      this.#file.sql('DELETE FROM counters WHERE ends_at <= ?').run(now);
      this.#file.sql('DELETE FROM leases WHERE ends_at <= ?').run(now - LEASE_KEPT_MS);
      this.#logs.sweep();
      this.announcements.sweep();
    });
  }
}

const isShare = (entry: [string, unknown]): entry is [string, { owner: string; count: number }] =>
  isObject(entry[1]) && typeof entry[1]['owner'] === 'string' && typeof entry[1]['count'] === 'number';

function unavailable(cause?: unknown): SwitchboardError {
  const detail = cause instanceof Error ? cause.message : 'what is there cannot be written';
  return new SwitchboardError('SWB_STORE_UNAVAILABLE', { detail, cause });
}
