import { setTimeout as delay } from 'node:timers/promises';
import { LunoError } from './errors.ts';

export interface RateOptions {
  calls: number;
  /** @default 60_000 */
  windowMs?: number;
  /** A call that would have to wait longer fails instead. @default 30_000 */
  maxWaitMs?: number;
  now?: () => number;
  sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/**
 * Keeps the calls of one key below a number in any window of time; all servers of a key share one.
 * The time of each call is fixed as it asks, so nobody overtakes and nothing has to be queued.
 */
export class Rate {
  readonly #options: Required<RateOptions>;
  /** When the last calls were or will be made, oldest first; at most as many as fit a window. */
  readonly #times: number[] = [];

  constructor(options: RateOptions) {
    this.#options = {
      windowMs: 60_000,
      maxWaitMs: 30_000,
      now: () => performance.now(),
      sleep: (ms, signal) => delay(ms, undefined, { signal }),
      ...options,
    };
  }

  /**
   * Waits until one more call may be made, after telling `onWait` if it has to.
   * Throws `rate_limited` if that would take too long, and the signal's reason when aborted.
   */
  async take(signal: AbortSignal, onWait: (ms: number) => void = () => {}): Promise<void> {
    const { calls, windowMs, maxWaitMs, now, sleep } = this.#options;
    const time = now();
    const oldest = this.#times.length < calls ? undefined : this.#times[0];
    const at = Math.max(time, oldest === undefined ? time : oldest + windowMs);
    const wait = Math.ceil(at - time);
    if (wait > maxWaitMs) {
      throw new LunoError(
        'rate_limited',
        `${calls} calls were made or are waiting within ${windowMs / 1000} s, which is all that Luno allows a key.`,
        { retryAfterMs: wait },
      );
    }
    this.#times.push(at);
    if (this.#times.length > calls) this.#times.shift();
    if (wait === 0) return;
    onWait(wait);
    await sleep(wait, signal);
  }
}
