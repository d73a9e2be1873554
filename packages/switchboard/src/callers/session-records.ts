/**
 * Keeps the records of sessions, so that they can go on in another process. What has changed is written a moment later; what has become as
 * it was by then, such as the list of requests that are under way, is not written at all.
 */
import type { KeepOptions, Lease, SharedStore, StoreNotice } from '../stores/store.ts';
import { followedLease, keepOptions } from '../stores/followed-lease.ts';
import { Records } from '../stores/records.ts';
import { owned } from '../util/owned.ts';
import { SESSION_RECORD } from './session-record.ts';
import type { SessionRecord } from './session-record.ts';

export interface SessionRecordsOptions {
  store: SharedStore;
  /** How long a record is kept after it was last looked after, in ms. */
  ttlMs: number;
  /** The lease to write under now: once another has it, what this process still knows of its sessions is old. @default none */
  lease?: (() => Lease | undefined) | undefined;
  onNotice(notice: StoreNotice): void;
}

/** The record of one session. */
export interface KeptRecord {
  /** Something of it may be another now. */
  changed(): void;
  /** The session is over: nothing of it stays. */
  end(): void;
  /** The process ends: what is known now stays. */
  leave(): void;
}

/** How long what has changed may be unwritten. */
const WRITTEN_AFTER_MS = 100;
/** How long it is waited before something is written again that could not be, and how many are then written at a time. */
const AGAIN_AFTER_MS = 1000;
const AGAIN_AT_ONCE = 500;
/** Nothing is kept for longer, whatever `idleTimeout` says. */
const LONGEST_MS = 30 * 86_400_000;

interface Keeping {
  name: string;
  lease: () => Lease | undefined;
  source: () => SessionRecord | undefined;
  written: string;
}

export class SessionRecords {
  readonly #records: Records<SessionRecord>;
  /** How long a record, and what belongs to it, is kept by itself. */
  readonly ttlMs: number;
  readonly #lease: () => Lease | undefined;
  readonly #kept: Set<Keeping> = new Set();
  readonly #changed: Set<Keeping> = new Set();
  /** Those that the store does not have as they are, oldest first. */
  readonly #unwritten: Set<Keeping> = new Set();
  #timer: NodeJS.Timeout | undefined;
  #againTimer: NodeJS.Timeout | undefined;
  readonly #refresher: NodeJS.Timeout;

  constructor({ store, ttlMs, lease = () => undefined, onNotice }: SessionRecordsOptions) {
    this.#lease = lease;
    this.#records = new Records({ facts: store.facts, kind: 'session', schema: SESSION_RECORD, onNotice });
    this.ttlMs = Math.min(ttlMs, LONGEST_MS);
    store.watch((notice) => {
      if (notice.type !== 'back' || !notice.lost) return;
      for (const keeping of this.#kept) this.#writeLater(keeping);
    });
    // A record lives as long as its session, and as long again.
    this.#refresher = setInterval(
      () => {
        for (const keeping of this.#kept) this.#write(keeping, 'again');
      },
      Math.min(this.ttlMs / 2, LONGEST_MS / 60),
    ).unref();
  }

  /** @param source what it is now; nothing while there is nothing to go on with. */
  keep(name: string, source: () => SessionRecord | undefined): KeptRecord {
    const keeping: Keeping = { name, lease: followedLease(this.#lease), source, written: '' };
    this.#kept.add(keeping);
    return {
      changed: () => {
        this.#changed.add(keeping);
        this.#timer ??= setTimeout(() => this.#writeChanged(), WRITTEN_AFTER_MS);
      },
      end: () => {
        this.#forget(keeping);
        this.#own(() => this.#records.delete(name, keeping.lease()));
      },
      leave: () => {
        this.#write(keeping, 'left');
        this.#forget(keeping);
      },
    };
  }

  /** How what belongs to a session is kept. */
  get keeping(): KeepOptions {
    return keepOptions(this.ttlMs, this.#lease);
  }

  /** Deletes one that cannot be gone on with. */
  forget(name: string): void {
    this.#own(() => this.#records.delete(name, this.#lease()));
  }

  /** Rejects with `SWB_STORE_UNAVAILABLE`. */
  find(name: string): Promise<SessionRecord | undefined> {
    return this.#records.get(name);
  }

  close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#againTimer);
    clearInterval(this.#refresher);
    this.#kept.clear();
    this.#unwritten.clear();
  }

  #forget(keeping: Keeping): void {
    this.#kept.delete(keeping);
    this.#changed.delete(keeping);
    this.#unwritten.delete(keeping);
  }

  #writeChanged(): void {
    this.#timer = undefined;
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const keeping of changed) this.#write(keeping, 'changed');
  }

  #write(keeping: Keeping, why: 'changed' | 'again' | 'left'): void {
    const record = keeping.source();
    if (record === undefined) return;
    const text = JSON.stringify(record);
    if (why === 'changed' && text === keeping.written) return;
    keeping.written = text;
    this.#unwritten.delete(keeping);
    this.#own(async () => {
      const put = this.#records.put(keeping.name, { ...record, left: why === 'left' }, this.ttlMs, keeping.lease());
      // Refused is also what is written before this process has its lease again.
      if (!(await put.catch(() => false))) this.#writeLater(keeping);
    });
  }

  #writeLater(keeping: Keeping): void {
    if (!this.#kept.has(keeping)) return;
    this.#unwritten.add(keeping);
    this.#againTimer ??= setTimeout(() => this.#writeAgain(), AGAIN_AFTER_MS).unref();
  }

  #writeAgain(): void {
    this.#againTimer = undefined;
    for (const keeping of [...this.#unwritten].slice(0, AGAIN_AT_ONCE)) this.#write(keeping, 'again');
    if (this.#unwritten.size > 0) this.#againTimer = setTimeout(() => this.#writeAgain(), AGAIN_AFTER_MS).unref();
  }

  /** A record that could not be written is not found: its client begins anew. */
  #own(work: () => Promise<unknown>): void {
    owned(work, () => {});
  }
}
