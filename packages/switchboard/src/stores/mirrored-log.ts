/**
 * A log in memory whose changes are written behind. What is appended and given up again before it is written costs the store nothing, and
 * reading never waits for it.
 */
import { MemoryLog } from './memory-log.ts';
import type { Entry, KeepOptions } from './store.ts';

/** What has to be written of a log. */
export interface LogChanges {
  /** It was given up: nothing of it stays. */
  ended: boolean;
  /** Entries up to this number are given up. */
  trimmed: number;
  /** The number of the first of `entries`. */
  first: number;
  /** Those that are new. */
  entries: readonly Entry[];
  /** The number of the newest entry that was ever appended. */
  last: number;
}

export interface MirroredLogOptions {
  /** As they were given, never a copy: the lease to write under may be another one each time. */
  keep: KeepOptions;
  /** There is something to write. Called for each change. */
  onChange(log: MirroredLog): void;
  /** Writes what is there, and lets go of the log. */
  onLeave(log: MirroredLog): Promise<void>;
  /** What was found in the store. @default nothing */
  found?: { last: number; entries: readonly Entry[] };
}

export class MirroredLog extends MemoryLog {
  readonly name: string;
  readonly keep: KeepOptions;
  readonly #options: MirroredLogOptions;
  /** The number of the newest entry that the store has, or does not need any more. */
  #written = 0;
  #ended = false;
  /** Whether what is done to it is a change: what was found in the store is none. */
  #isOpen = false;
  #since = 0;

  constructor(name: string, options: MirroredLogOptions) {
    super();
    this.name = name;
    this.keep = options.keep;
    this.#options = options;
    const { last = 0, entries = [] } = options.found ?? {};
    super.skip(last - entries.length);
    for (const entry of entries) super.append(entry);
    this.#written = last;
    this.#isOpen = true;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** For how long the oldest entry has waited that is to be written, in ms; 0 where none is. */
  get lagMs(): number {
    return this.#hasNew ? performance.now() - this.#since : 0;
  }

  get #hasNew(): boolean {
    return this.last > this.#written && this.size > 0;
  }

  override append(entry: Entry): number {
    if (!this.#hasNew) this.#since = performance.now();
    const number = super.append(entry);
    if (this.#isOpen) this.#options.onChange(this);
    return number;
  }

  override trim(upTo: number): void {
    super.trim(upTo);
    if (this.#isOpen) this.#options.onChange(this);
  }

  override skip(to: number): void {
    super.skip(to);
    if (this.#isOpen) this.#options.onChange(this);
  }

  override end(): void {
    super.trim(this.last);
    this.#ended = true;
    if (this.#isOpen) this.#options.onChange(this);
  }

  override leave(): Promise<void> {
    return this.#options.onLeave(this);
  }

  /** What was not written yet. It stays so until {@link written}. */
  get changes(): LogChanges {
    return this.changesUpTo(this.last);
  }

  /** The same, as if nothing had been appended after the entry of this number. */
  changesUpTo(number: number): LogChanges {
    const trimmed = this.last - this.size;
    const last = Math.max(trimmed, this.#written, Math.min(number, this.last));
    const first = Math.max(this.#written, trimmed) + 1;
    return { ended: this.#ended, trimmed, first, entries: this.after(first - 1).slice(0, last - first + 1), last };
  }

  /** The store has these changes. */
  written({ last }: LogChanges): void {
    this.#written = last;
  }
}
