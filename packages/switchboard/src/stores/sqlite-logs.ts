/** The logs of a SQLite store: all that are open, and what is written of them. */
import { MirroredLog } from './mirrored-log.ts';
import type { LogChanges } from './mirrored-log.ts';
import type { SqlValue } from './sqlite-engine.ts';
import type { SqliteFile } from './sqlite-file.ts';
import { LOG_TTL_MS } from './store.ts';
import type { Entry, Lease, KeepOptions, StoreNotice } from './store.ts';

export interface SqliteLogsOptions {
  now(): number;
  onNotice(notice: StoreNotice): void;
  /** Whether nothing can be written now. */
  isAway(): boolean;
  /** What is written under a lease waits while the file does not know it: its owner gets it again. */
  stands(lease: Lease | undefined): LeaseState;
  /** There is something to write. */
  onChange(): void;
  /** Writes what there is. */
  flush(): Promise<void>;
}

/** Whether there may be written under a lease: not where another has it. */
export type LeaseState = 'ok' | 'fenced' | 'unknown';

/** What the file has of an open log. */
interface Stored {
  /** Until when it is kept; 0 while nothing is there. */
  endsAt: number;
  /** The entries up to this number are deleted there. */
  trimmed: number;
  /** The newest entry that is there, or was. */
  written: number;
  /** The newest entry when it was last looked at. */
  seen: number;
  fenced?: boolean;
  /** Since when the file has not known its lease. */
  unknownSince?: number;
}

/** So long what nobody goes on with here waits for a lease that the file does not know. */
const UNKNOWN_MS = 10_000;

export class SqliteLogs {
  readonly #file: SqliteFile;
  readonly #options: SqliteLogsOptions;
  readonly #open: Map<string, MirroredLog> = new Map();
  readonly #stored: WeakMap<MirroredLog, Stored> = new WeakMap();
  /** Those that have changed, in the order of their first change: one that was ended comes before another of its name. */
  readonly #changed: Set<MirroredLog> = new Set();
  #writing: [MirroredLog, LogChanges][] = [];

  constructor(file: SqliteFile, options: SqliteLogsOptions) {
    this.#file = file;
    this.#options = options;
  }

  /** Whether there is one that was let go of, and is not written. */
  hasLeft(name: string): boolean {
    return [...this.#changed].some((log) => log.name === name && !log.ended && this.#open.get(name) !== log);
  }

  get isWritten(): boolean {
    return this.#changed.size === 0;
  }

  /** For how long the entry has waited that waits longest to be written, in ms. */
  get lagMs(): number {
    return [...this.#changed].reduce((longest, log) => Math.max(longest, log.lagMs), 0);
  }

  open(name: string, options: KeepOptions = {}): MirroredLog {
    return this.#open.get(name) ?? this.#add(name, options, { endsAt: 0, trimmed: 0, written: 0, seen: 0 });
  }

  /** @throws what the engine throws. */
  recall(name: string, options: KeepOptions = {}): MirroredLog | undefined {
    const known = this.#open.get(name);
    if (known !== undefined) return known;
    // One of this name may have been ended, and not be written yet.
    if ([...this.#changed].some((log) => log.name === name)) return undefined;
    const row = this.#file.sql('SELECT last, ends_at FROM logs WHERE name = ?').get(name);
    const endsAt = Number(row?.['ends_at']);
    if (row === undefined || endsAt <= this.#options.now()) return undefined;
    const last = Number(row['last']);
    const rows = this.#file.sql('SELECT number, body FROM entries WHERE log = ? ORDER BY number').all(name);
    const entries: Entry[] = [];
    for (const { number, body } of rows.toReversed()) {
      if (number !== last - entries.length || !isEntry(body)) break;
      entries.unshift(body);
    }
    if (entries.length < rows.length) {
      const detail = `${rows.length - entries.length} of its entries are not what they should be`;
      this.#options.onNotice({ type: 'garbage', key: `log ${name}`, detail });
    }
    return this.#add(name, options, { endsAt, trimmed: 0, written: last, seen: last }, { last, entries });
  }

  /**
   * Writes what has changed; to be called in a transaction.
   *
   * @param all also entries that were not there at the last time. Otherwise they have until the next to be given up, as most are.
   */
  write(all: boolean): void {
    this.#writing = [];
    for (const log of this.#changed) {
      const stored = this.#stored.get(log)!;
      const changes = log.changesUpTo(all || log.ended ? log.last : stored.seen);
      stored.seen = log.last;
      if (this.#waits(log, stored)) continue;
      this.#writing.push([log, changes]);
      this.#writeOne(log, changes, all);
    }
  }

  /** What was written is there for good. */
  readonly written = (): void => {
    for (const [log, changes] of this.#writing) {
      log.written(changes);
      if (changes.last === log.last) this.#changed.delete(log);
      const stored = this.#stored.get(log);
      if (stored === undefined) continue;
      stored.trimmed = changes.trimmed;
      stored.written = Math.max(stored.written, changes.last);
    }
    this.#writing = [];
  };

  /** Deletes what nobody has open and nobody came back for; keeps what is open. */
  sweep(): void {
    const now = this.#options.now();
    for (const log of this.#open.values()) {
      const stored = this.#stored.get(log);
      if (stored === undefined || stored.endsAt === 0 || stored.endsAt - now > ttlOf(log) / 2) continue;
      stored.endsAt = this.#endOf(log);
      this.#file.sql('UPDATE logs SET ends_at = ? WHERE name = ?').run(stored.endsAt, log.name);
    }
    const over = 'SELECT name FROM logs WHERE ends_at <= ?';
    this.#file.sql(`DELETE FROM entries WHERE log IN (${over})`).run(now);
    this.#file.sql('DELETE FROM logs WHERE ends_at <= ?').run(now);
  }

  #add(
    name: string,
    options: KeepOptions,
    stored: Stored,
    found?: { last: number; entries: readonly Entry[] },
  ): MirroredLog {
    const log: MirroredLog = new MirroredLog(name, {
      keep: options,
      ...(found !== undefined && { found }),
      onChange: () => {
        this.#changed.add(log);
        if (log.ended) {
          if (this.#open.get(name) === log) this.#open.delete(name);
          // While nothing can be written, what was never written is not waited for.
          if (stored.endsAt === 0 && this.#options.isAway()) this.#changed.delete(log);
        }
        this.#options.onChange();
      },
      onLeave: async () => {
        if (this.#open.get(name) !== log) return;
        this.#changed.add(log);
        this.#open.delete(name);
        const failure: unknown = await this.#options.flush().then(
          () => undefined,
          (error: unknown) => error,
        );
        // That others could not be written is nothing to this one.
        if (this.#changed.has(log)) throw failure;
      },
    });
    this.#open.set(name, log);
    this.#stored.set(log, stored);
    return log;
  }

  /** Whether it cannot be written yet; also finds out whether it never can. */
  #waits(log: MirroredLog, stored: Stored): boolean {
    if (stored.fenced === true) return false;
    const { under } = log.keep;
    const state = this.#options.stands(under);
    if (state === 'unknown') {
      const now = this.#options.now();
      stored.unknownSince ??= now;
      const isOpen = this.#open.get(log.name) === log;
      if (isOpen || now - stored.unknownSince < UNKNOWN_MS) return true;
    } else delete stored.unknownSince;
    if (state !== 'ok') {
      stored.fenced = true;
      this.#options.onNotice({ type: 'fenced', name: under!.name });
    }
    return false;
  }

  #writeOne(log: MirroredLog, { ended, trimmed, first, entries, last }: LogChanges, all: boolean): void {
    const { name } = log;
    const stored = this.#stored.get(log);
    if (stored === undefined || stored.fenced === true) return;
    const isNew = stored.endsAt === 0;
    const hasOld = stored.written > stored.trimmed && trimmed > stored.trimmed;
    if (!all && !ended && entries.length === 0 && !hasOld) return;
    // Of one that is new there may be something left of an earlier process.
    if (ended || isNew) this.#file.sql('DELETE FROM entries WHERE log = ?').run(name);
    if (ended) {
      this.#file.sql('DELETE FROM logs WHERE name = ?').run(name);
      return;
    }
    if (!isNew && hasOld) {
      this.#file.sql('DELETE FROM entries WHERE log = ? AND number <= ?').run(name, trimmed);
    }
    stored.endsAt = this.#endOf(log);
    this.#file.sql('INSERT OR REPLACE INTO logs VALUES (?, ?, ?)').run(name, last, stored.endsAt);
    const insert = this.#file.sql('INSERT OR REPLACE INTO entries VALUES (?, ?, ?)');
    for (const [n, entry] of entries.entries()) insert.run(name, first + n, entry);
  }

  #endOf(log: MirroredLog): number {
    return this.#options.now() + ttlOf(log);
  }
}

const ttlOf = ({ keep }: MirroredLog): number => keep.ttlMs ?? LOG_TTL_MS;

const isEntry = (body: SqlValue | undefined): body is Entry => typeof body === 'string' || body instanceof Uint8Array;
