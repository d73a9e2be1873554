/**
 * What must outlive a socket, or a process. One store serves everything that has to be remembered; which kind of store it is decides how
 * long. `storeContract` of `mcp-switchboard/testing` tests one of your own.
 */
export interface Store {
  /** Small values that expire. */
  readonly facts: Facts;
  /**
   * Opens the log of this name, empty when there was none.
   *
   * A log has one writer at a time; who opens it again takes it over.
   */
  log(name: string): Log;
  /** Nothing is used any more. Idempotent. */
  close(): Promise<void>;
}

/** Small things that end by themselves: tokens, tickets. */
export interface Facts {
  /** @param ttlMs after so long, in ms, the fact is gone. */
  put(key: string, value: Fact, ttlMs: number): Promise<void>;
  /** The fact, or undefined if there is none or it has expired. */
  get(key: string): Promise<Fact | undefined>;
  /** Gets and deletes in one step: of two who take, one gets it. */
  take(key: string): Promise<Fact | undefined>;
  /** Removes it; does nothing if there is none. */
  delete(key: string): Promise<void>;
}

/** A flat object. */
export type Fact = Readonly<Record<string, string | number | boolean>>;

/** Messages as they were written. */
export type Entry = string | Uint8Array;

/** Entries in their order, numbered from 1, until they are trimmed. */
export interface Log {
  /** How many entries were ever appended. */
  readonly last: number;
  /** How many are kept. */
  readonly size: number;
  /** How many bytes those take, about. */
  readonly bytes: number;
  /** Returns at once; a store that is elsewhere writes behind. @returns the number of the entry. */
  append(entry: Entry): number;
  /** Gives up the entries up to this number. */
  trim(upTo: number): void;
  /** The entries after this number that are kept, in order. */
  after(number: number): readonly Entry[] | Promise<readonly Entry[]>;
  /** Gives up the log. */
  end(): void;
}
