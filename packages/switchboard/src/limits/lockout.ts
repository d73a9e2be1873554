/**
 * Makes guessing slow: an address that showed too many wrong credentials is not listened to for a while, longer each time. Right
 * ones from elsewhere are not touched by it.
 */
import { SwitchboardError } from '../protocol/errors.ts';

export interface LockoutOptions {
  /** So many failures in a row are free. @default 10 */
  free?: number;
  /** The first pause, in ms; it doubles with each failure. @default 1000 */
  firstMs?: number;
  /** The longest pause, in ms; after one of that length without a failure all is forgotten. @default 900000 */
  maxMs?: number;
  /** How many addresses are remembered; who failed longest ago is forgotten first. @default 10000 */
  maxAddresses?: number;
  /** The clock, in ms. @default Date.now */
  now?: () => number;
}

interface Record {
  failures: number;
  at: number;
  until: number;
}

export class Lockout {
  readonly #options: Required<LockoutOptions>;
  /** In the order of the last failure. */
  readonly #records: Map<string, Record> = new Map();

  constructor(options: LockoutOptions = {}) {
    this.#options = { free: 10, firstMs: 1000, maxMs: 900_000, maxAddresses: 10_000, now: Date.now, ...options };
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#records.size;
  }

  /** @throws {SwitchboardError} `SWB_RATE_LIMITED` with `retryAfterMs` while the address is not listened to. */
  check(address: string): void {
    const retryAfterMs = (this.#records.get(address)?.until ?? 0) - this.#options.now();
    if (retryAfterMs <= 0) return;
    const detail = `too many wrong credentials came from this address; try again in ${retryAfterMs} ms`;
    throw new SwitchboardError('SWB_RATE_LIMITED', { detail, data: { retryAfterMs } });
  }

  /** A wrong credential was shown. */
  count(address: string): void {
    const { free, firstMs, maxMs, maxAddresses, now } = this.#options;
    const at = now();
    const known = this.#records.get(address);
    const failures = known === undefined || at - known.at > maxMs ? 1 : known.failures + 1;
    const over = failures - free;
    const pauseMs = over < 0 ? 0 : Math.min(maxMs, firstMs * 2 ** Math.min(over, 30));
    this.#records.delete(address);
    this.#records.set(address, { failures, at, until: at + pauseMs });
    const [oldest] = this.#records.keys();
    if (this.#records.size > maxAddresses && oldest !== undefined) this.#records.delete(oldest);
  }
}
