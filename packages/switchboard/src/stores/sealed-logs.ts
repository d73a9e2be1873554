/**
 * Logs whose entries only those can write who have a key: each carries a seal over the log, its number and itself. Who can write to the store can
 * take entries away, or put a log back as it was, but makes none of its own. What is sealed has names of its own: processes of an earlier version,
 * which would take the seal for a part of the message, do not find it.
 */
import type { SealKey } from './sealed-facts.ts';
import type { Entry, KeepOptions, Log, Store, StoreNotice } from './store.ts';

/** What makes and checks the seals of entries. */
export interface EntryKey extends SealKey {
  signEntry(parts: readonly unknown[], entry: Entry): string;
  verifiesEntry(parts: readonly unknown[], entry: Entry, signature: string): boolean;
}

/** Before each entry: 256 bits as Base64. */
const SEAL_LENGTH = 43;
/** No log gets so far; whoever says so has made it up. */
const MAX_LAST = 2 ** 40;

export class SealedLogs {
  readonly #store: Pick<Store, 'log' | 'recall'>;
  readonly #key: EntryKey;
  readonly #onNotice: (notice: StoreNotice) => void;

  /** @param onNotice told of each log of which something has another seal, or none. Must not throw. */
  constructor(store: Pick<Store, 'log' | 'recall'>, key: EntryKey, onNotice: (notice: StoreNotice) => void) {
    this.#store = store;
    this.#key = key;
    this.#onNotice = onNotice;
  }

  log(name: string, options?: KeepOptions): Log {
    return this.#sealed(name, this.#store.log(sealedName(name), options));
  }

  /** As {@link Store.recall}. Of a log of which an entry has no good seal nothing is taken over: it begins again, and has a gap. */
  async recall(name: string, options?: KeepOptions): Promise<Log | undefined> {
    const names = [sealedName(name), name];
    const [found, former] = await Promise.all(names.map((each) => this.#store.recall(each, options)));
    // A process of an earlier version has gone on with it after the one that sealed it.
    if (former !== undefined) found?.end();
    if (former !== undefined) return this.#unsealed(name, former, options);
    if (found === undefined) return undefined;
    const log = this.#sealed(name, found);
    if (await log.isGenuine()) return log;
    found.end();
    return this.#begun(name, options, 'an entry has no seal of this cluster');
  }

  /** What a process of an earlier version has left. Where all of it was received, only the count goes on. */
  #unsealed(name: string, former: Log, options: KeepOptions | undefined): Log {
    const { last, size } = former;
    former.end();
    if (size > 0 || last > MAX_LAST) return this.#begun(name, options, 'its entries have no seal');
    const log = this.log(name, options);
    log.skip(last);
    return log;
  }

  #begun(name: string, options: KeepOptions | undefined, detail: string): Log {
    this.#onNotice({ type: 'garbage', key: `log ${name}`, detail });
    return this.#sealed(name, this.#store.log(sealedName(name), options), true);
  }

  #sealed(name: string, log: Log, hasGap = false): SealedLog {
    return new SealedLog(name, log, this.#key, hasGap);
  }
}

/** Without a space: what comes before the first one says of what kind it is. */
const sealedName = (name: string): string => `${name}#sealed`;

class SealedLog implements Log {
  readonly hasGap: boolean;
  readonly #name: string;
  readonly #log: Log;
  readonly #key: EntryKey;

  constructor(name: string, log: Log, key: EntryKey, hasGap: boolean) {
    this.#name = name;
    this.#log = log;
    this.#key = key;
    this.hasGap = hasGap;
  }

  get last(): number {
    return this.#log.last;
  }

  get size(): number {
    return this.#log.size;
  }

  /** Without the seals, so that limits mean the same everywhere. */
  get bytes(): number {
    return this.#log.bytes - this.#log.size * SEAL_LENGTH;
  }

  append(entry: Entry): number {
    const seal = this.#key.signEntry(this.#partsOf(this.#log.last + 1, entry), entry);
    return this.#log.append(typeof entry === 'string' ? seal + entry : Buffer.concat([Buffer.from(seal), entry]));
  }

  trim(upTo: number): void {
    this.#log.trim(upTo);
  }

  skip(to: number): void {
    this.#log.skip(to);
  }

  after(number: number): readonly Entry[] | Promise<readonly Entry[]> {
    const entries = this.#log.after(number);
    return entries instanceof Promise ? entries.then((all) => all.map(opened)) : entries.map(opened);
  }

  end(): void {
    this.#log.end();
  }

  leave(): Promise<void> {
    return this.#log.leave();
  }

  /** Whether each entry that is there was written in its place, by who has the key. */
  async isGenuine(): Promise<boolean> {
    const { last } = this.#log;
    const entries = await this.#log.after(0);
    return entries.every((sealed, index) => {
      const entry = opened(sealed);
      const parts = this.#partsOf(last - entries.length + index + 1, entry);
      return this.#key.verifiesEntry(parts, entry, Buffer.from(sealed.slice(0, SEAL_LENGTH)).toString());
    });
  }

  #partsOf(number: number, entry: Entry): readonly unknown[] {
    return ['entry', this.#name, number, typeof entry === 'string' ? 'text' : 'bytes'];
  }
}

const opened = (sealed: Entry): Entry =>
  typeof sealed === 'string' ? sealed.slice(SEAL_LENGTH) : sealed.subarray(SEAL_LENGTH);
