/**
 * Makes guessing slow. Whatever is right is let in, however many wrong credentials came from its address: several clients may be behind
 * it. Who shows wrong ones is told to wait, longer each time; and when an address has shown too many, what was never right before is
 * not even looked at for a while.
 */
import { SwitchboardError } from '../protocol/errors.ts';
import { addressBlock } from '../util/address.ts';
import { RateLimit } from './token-bucket.ts';
import type { BucketState } from './token-bucket.ts';

export interface LockoutOptions {
  /** So many failures in a row are answered as what they are. @default 10 */
  free?: number;
  /** The first pause that is asked for, in ms; it doubles with each failure. @default 1000 */
  firstMs?: number;
  /** The longest pause, in ms; after one of that length without a failure all is forgotten. @default 900000 */
  maxMs?: number;
  /** How many wrong credentials of one address are looked at in a minute, and at once. @default 600 and 60 */
  guesses?: { perMinute: number; burst: number };
  /** How many addresses are remembered; the one that failed longest ago is forgotten first. @default 10000 */
  maxAddresses?: number;
  /** The clock, in ms. @default Date.now */
  now?: () => number;
}

/** What is remembered of wrong credentials: by address how many, and when the last one was. */
export interface LockoutState {
  failures: BucketState[];
  guesses: BucketState[];
}

/** An address, or a network of IPv6, that has shown wrong credentials. */
export interface LockedAddress {
  address: string;
  /** How many in a row. */
  failures: number;
  /** When the last one was, in ms since 1970. */
  lastAt: number;
  /** How long credentials from there are not looked at that were never right before, in ms; 0 where they are. */
  waitMs: number;
}

interface Record {
  failures: number;
  at: number;
}

/** IPv6 addresses count by their /64, see {@link addressBlock}. */
export class Lockout {
  readonly #options: Required<Omit<LockoutOptions, 'guesses'>>;
  readonly #guesses: RateLimit;
  /** In the order of the last failure. */
  readonly #records: Map<string, Record> = new Map();
  #onFailure: (block: string) => void = () => {};

  constructor({ guesses = { perMinute: 600, burst: 60 }, ...options }: LockoutOptions = {}) {
    this.#options = { free: 10, firstMs: 1000, maxMs: 900_000, maxAddresses: 10_000, now: Date.now, ...options };
    const { now, maxAddresses: maxClients } = this.#options;
    this.#guesses = new RateLimit({ ...guesses, now, maxClients });
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#records.size;
  }

  /** What is remembered, for another process to go on with. */
  get state(): LockoutState {
    const oldest = this.#options.now() - this.#options.maxMs;
    const failures = [...this.#records].flatMap(([block, { failures: count, at }]): BucketState[] =>
      at < oldest ? [] : [[block, count, at]],
    );
    return { failures, guesses: this.#guesses.state };
  }

  /** Addresses that have shown wrong credentials lately, the last one first. */
  list(): LockedAddress[] {
    const { now, maxMs } = this.#options;
    return [...this.#records]
      .filter(([, { at }]) => now() - at <= maxMs)
      .map(([address, { failures, at }]) => ({ address, failures, lastAt: at, waitMs: this.#guesses.waitMs(address) }))
      .toReversed();
  }

  /** Forgets what an address has shown. @param address as {@link list} has it. @returns whether there was anything */
  forget(address: string): boolean {
    this.#guesses.forget(address);
    return this.#records.delete(address);
  }

  /** Goes on with what another process has remembered. */
  restore({ failures, guesses }: LockoutState): void {
    const { now, maxAddresses } = this.#options;
    for (const [block, count, at] of failures.slice(-maxAddresses)) {
      if (!this.#records.has(block)) this.#records.set(block, { failures: count, at: Math.min(at, now()) });
    }
    this.#guesses.restore(guesses);
  }

  /**
   * Whether a credential that was never right before may be looked at.
   *
   * @throws {SwitchboardError} `SWB_RATE_LIMITED` with `retryAfterMs` while so many wrong ones come from its address that it may not.
   */
  check(address: string): void {
    const retryAfterMs = this.#guesses.waitMs(addressBlock(address));
    if (retryAfterMs > 0) throw refused(retryAfterMs);
  }

  /**
   * A wrong credential was shown.
   *
   * @throws {SwitchboardError} `SWB_RATE_LIMITED` with `retryAfterMs` when it is one too many: the answer in place of the failure's own.
   */
  count(address: string): void {
    const { free, firstMs, maxMs } = this.#options;
    const block = addressBlock(address);
    const failures = this.learn(block, 1);
    this.#onFailure(block);
    if (failures > free) throw refused(Math.min(maxMs, firstMs * 2 ** Math.min(failures - free - 1, 30)));
  }

  /** @param listener told of each failure that is counted here, with the block of its address. Must not throw. */
  watch(listener: (block: string) => void): void {
    this.#onFailure = listener;
  }

  /** Wrong credentials were shown from a block of addresses, here or elsewhere. @returns how many there are now. */
  learn(block: string, count: number): number {
    const { maxMs, maxAddresses, now } = this.#options;
    const at = now();
    const known = this.#records.get(block);
    const failures = (known === undefined || at - known.at > maxMs ? 0 : known.failures) + count;
    this.#records.delete(block);
    this.#records.set(block, { failures, at });
    const [oldest] = this.#records.keys();
    if (this.#records.size > maxAddresses && oldest !== undefined) this.#records.delete(oldest);
    for (let taken = 0; taken < count && this.#guesses.waitMs(block) === 0; taken++) this.#guesses.take(block);
    return failures;
  }
}

function refused(retryAfterMs: number): SwitchboardError {
  const detail = `too many wrong credentials came from this address; try again in ${retryAfterMs} ms`;
  return new SwitchboardError('SWB_RATE_LIMITED', { detail, data: { retryAfterMs } });
}
