/**
 * What must outlive a socket, a process or a machine, and what several processes must agree on. Which store it is decides how far that
 * reaches; nothing else is shared between processes. `storeContract` and `sharedStoreContract` of `mcp-switchboard/testing` test one of your own.
 *
 * A promise resolves when the store has what it says, also for others; where nobody has to wait for that, the promise is not awaited. It
 * rejects with `SWB_STORE_UNAVAILABLE` where the store cannot be reached, and nothing has changed then. What the store holds is untrusted:
 * what is not what it should be is dropped and told of ({@link StoreNotice}), never thrown.
 */
import type { JsonObject } from '../protocol/jsonrpc.ts';

/** What outlives a connection, and with most stores the process. */
export interface Store {
  /** Small values that expire. */
  readonly facts: Facts;
  /**
   * Opens the log that this process has under this name, or a new one. A log has one writer at a time. What an earlier process has left
   * under the name is given up: whoever wants to go on with that takes {@link recall}.
   */
  log(name: string, options?: KeepOptions): Log;
  /**
   * Takes over the log that was left under this name, or gives the one that is open here; undefined where there is none. What a former process
   * still writes to it, which found out late that it had let go of it, is refused where processes of several machines have the store.
   */
  recall(name: string, options?: KeepOptions): Promise<Log | undefined>;
  /** Resolves when all is written that was put or appended before; rejects where that cannot be. */
  flush(): Promise<void>;
  /** Nothing is used any more: writes what waits, if it can, and lets go. What is kept beyond the process stays. Idempotent. */
  close(): Promise<void>;
}

/** A store that several processes may use at a time, and what they need to agree on who does what. */
export interface SharedStore extends Store {
  /** Who has what is put here: this process until it ends, every process of this machine, or every process that can reach the store. */
  readonly reach: 'process' | 'machine' | 'cluster';
  /** Who may act for what. */
  readonly leases: Leases;
  /** What is counted once for all processes. */
  readonly counters: Counters;
  /** What processes tell each other. */
  readonly announcements: Announcements;
  /**
   * Names this life of the store: another one than before means that it has begun again, empty, so that nothing may be taken for kept
   * that was put before.
   */
  incarnation(): Promise<string>;
  /** Tells one more of what whoever runs it should know. @param listener must not throw. */
  watch(listener: (notice: StoreNotice) => void): void;
  /** For how long the entry of a log has waited that waits longest to be written, in ms. @default 0: nothing is written behind */
  lagMs?(): number;
}

/** Small things that end by themselves: tokens, tickets, what a session is rebuilt from. */
export interface Facts {
  /**
   * Keeps a fact in place of the one that the key had.
   *
   * @param ttlMs after so long, in ms, it is gone.
   * @param under the lease to write under, of a {@link SharedStore}.
   * @returns whether it was kept; it is not when the lease has passed to another.
   */
  put(key: string, value: Fact, ttlMs: number, under?: Lease): Promise<boolean>;
  /** The fact, or undefined if there is none or it has expired. */
  get(key: string): Promise<Fact | undefined>;
  /** Gets and deletes in one step: of two who take, one gets it. */
  take(key: string): Promise<Fact | undefined>;
  /** Removes it; does nothing if there is none, or if the lease has passed to another. */
  delete(key: string, under?: Lease): Promise<void>;
  /** Facts whose keys begin so, with their keys, in no order. @param limit how many at the most. */
  list(prefix: string, limit: number): Promise<readonly (readonly [key: string, value: Fact])[]>;
}

/** An object of JSON. */
export type Fact = JsonObject;

/**
 * Who may act for something. A lease ends by itself unless it is renewed, and each time somebody gets it, its epoch grows: also after it was
 * released or has expired. Whoever writes under a lease is refused as soon as another has it (fencing), however late it wakes.
 */
export interface Leases {
  /** Gets the lease where nobody has it; whoever has it already keeps it, under the same epoch, for another `ttlMs`. */
  acquire(name: string, owner: string, ttlMs: number): Promise<Acquired>;
  /** Keeps it for another `ttlMs`, in ms. @returns false when it was lost: its time was over, or it was released. */
  renew(lease: Lease, ttlMs: number): Promise<boolean>;
  /** Lets go of it; does nothing when it was lost. */
  release(lease: Lease): Promise<void>;
  /** Who has it now. */
  holder(name: string): Promise<HeldLease | undefined>;
}

/** The right of an owner, until somebody else gets it. */
export interface Lease {
  /** What it is for. */
  readonly name: string;
  /** Who has it. */
  readonly owner: string;
  /** Grows with each owner. */
  readonly epoch: number;
}

/** A lease that somebody has now. */
export interface HeldLease extends Lease {
  /** How long it holds unless it is renewed, in ms. */
  readonly endsInMs: number;
}

/** A lease that was got, or the one that another has. */
export type Acquired = { readonly lease: Lease } | { readonly heldBy: Lease };

/** Numbers that all processes count together, and that expire. */
export interface Counters {
  /**
   * Adds to a counter.
   *
   * @param ttlMs how long after the first addition the counter begins again at 0, in ms.
   * @returns the count with what was added.
   */
  add(name: string, by: number, ttlMs: number): Promise<number>;
  /**
   * Takes tokens out of a bucket that all share, ahead of need: who has taken some decides by itself about so many requests.
   *
   * @param wanted how many at the most.
   * @param rate how many a minute fill it, and how many it holds.
   */
  take(name: string, wanted: number, rate: { perMinute: number; burst: number }): Promise<Portion>;
  /**
   * Says how much one has of something that several have a part in. It counts until it says so again, for as long as it has its lease:
   * not after that has ended, nor when another has taken it.
   *
   * @param count how much it has now.
   * @param max how much all may have together: a share that grows beyond it is not noted.
   * @param under the lease of whoever has it.
   */
  share(name: string, count: number, max: number, under: Lease): Promise<Shares>;
}

/** What several have of something. */
export interface Shares {
  /** Whether it was noted. It is not either when the lease has passed to another. */
  readonly isTaken: boolean;
  /** What the others have, by the names of their leases. */
  readonly others: Readonly<Record<string, number>>;
}

/** Tokens of a bucket. */
export interface Portion {
  /** How many were taken. */
  readonly granted: number;
  /** How many are left, whole ones. */
  readonly left: number;
  /** How long until there is one more, in ms; 0 when there is one already. */
  readonly waitMs: number;
}

/** What processes tell each other in passing: heard at most once, by those who listen at that time. */
export interface Announcements {
  /** Tells all who listen to the topic, also those of this process. Resolves when it is on its way. */
  publish(topic: string, message: JsonObject): Promise<void>;
  /** @param onMessage must not throw. @returns stops listening, once the subscription holds. */
  subscribe(topic: string, onMessage: (message: JsonObject) => void): Promise<() => Promise<void>>;
}

/** Messages as they were written. */
export type Entry = string | Uint8Array;

/** How a log is kept. */
export interface KeepOptions {
  /** How long it is kept when no process has it open, in ms. @default 86400000 */
  ttlMs?: number;
  /**
   * The lease to write under: once that has passed to another, nothing of this log is written any more. It is read at each write, as its owner
   * may get it again under another epoch; while the store does not know it, the log waits.
   */
  under?: Lease;
}

/** Entries in their order, numbered from 1, until they are trimmed. */
export interface Log {
  /** How many entries were ever appended. */
  readonly last: number;
  /** How many are kept. */
  readonly size: number;
  /** How many bytes those take, about. */
  readonly bytes: number;
  /** Whether there were entries that could not be taken over when it was recalled: nobody knows how many. @default false */
  readonly hasGap?: boolean;
  /** Returns at once; a store that is elsewhere writes behind. @returns the number of the entry. */
  append(entry: Entry): number;
  /** Gives up the entries up to this number. */
  trim(upTo: number): void;
  /** Gives up everything, and goes on after this number: entries up to it were appended that are not here. Nothing below {@link last}. */
  skip(to: number): void;
  /** The entries after this number that are kept, in order. */
  after(number: number): readonly Entry[] | Promise<readonly Entry[]>;
  /** Gives up the log. */
  end(): void;
  /**
   * Lets go of it without giving it up: what is there stays for whoever recalls it. Resolves when it is written; rejects where that cannot be
   * now. Then it is written later, unless another process has begun or recalled it by then.
   */
  leave(): Promise<void>;
}

/** Something about a store that whoever runs it should know. */
export type StoreNotice =
  /** A record was not what it should be, and was dropped. */
  | { type: 'garbage'; key: string; detail: string }
  /** The store cannot be used now: what is here goes on by itself. Told once, until it is back. */
  | { type: 'away'; detail: string }
  /** It can be used again. `lost`: what could not be written meanwhile, or what it had before, is gone. */
  | { type: 'back'; lost: boolean }
  /** Writes were refused since another has the lease, or has taken the log over. */
  | { type: 'fenced'; name: string };

/** What every store of ours takes. */
export interface StoreOptions {
  /** The clock, in ms since 1970. @default Date.now */
  now?(): number;
}

/** How long a log is kept that no process has open, where nothing else is said. */
export const LOG_TTL_MS = 86_400_000;
/** How long shares are known after one of them was last said. */
export const SHARES_KEPT_MS = 3_600_000;
/** How long a lease is known after its end, so that its owner may go on with it; once it is forgotten, that one is refused. */
export const LEASE_KEPT_MS = 600_000;
