/**
 * Requests a minute for each client, as a token bucket: a client that was quiet may spend a whole minute's worth at once, and then
 * gets one more every `60 / perMinute` seconds.
 */
import { SwitchboardError } from '../protocol/errors.ts';

export interface RateLimitOptions {
  /** Requests a minute for each client; `Infinity` for no limit. */
  perMinute: number;
  /** The clock, in ms. @default Date.now */
  now?: () => number;
  /** How many clients are remembered; the one that was quiet longest is forgotten first. @default 10000 */
  maxClients?: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

export class RateLimit {
  readonly #perMinute: number;
  readonly #now: () => number;
  readonly #maxClients: number;
  /** In the order of last use, as a `Map` keeps the order of insertion. */
  readonly #buckets: Map<string, Bucket> = new Map();

  constructor({ perMinute, now = Date.now, maxClients = 10_000 }: RateLimitOptions) {
    this.#perMinute = perMinute;
    this.#now = now;
    this.#maxClients = maxClients;
  }

  get clients(): number {
    return this.#buckets.size;
  }

  /** How long until there is a token, in ms; 0 when there is one. Takes none. */
  waitMs(client: string): number {
    const bucket = this.#buckets.get(client);
    if (bucket === undefined) return 0;
    const msPerToken = 60_000 / this.#perMinute;
    const tokens = bucket.tokens + (this.#now() - bucket.at) / msPerToken;
    return tokens < 1 ? Math.ceil((1 - tokens) * msPerToken) : 0;
  }

  /** Takes a token. @throws {SwitchboardError} `SWB_RATE_LIMITED` with `retryAfterMs` when there is none. */
  take(client: string): void {
    if (this.#perMinute === Infinity) return;
    const now = this.#now();
    const bucket = this.#buckets.get(client) ?? { tokens: this.#perMinute, at: now };
    const msPerToken = 60_000 / this.#perMinute;
    bucket.tokens = Math.min(this.#perMinute, bucket.tokens + (now - bucket.at) / msPerToken);
    bucket.at = now;
    this.#buckets.delete(client);
    this.#buckets.set(client, bucket);
    if (this.#buckets.size > this.#maxClients) this.#forgetOldest();
    if (bucket.tokens < 1) {
      const retryAfterMs = Math.ceil((1 - bucket.tokens) * msPerToken);
      const detail = `${this.#perMinute} a minute, the limit (rateLimit); try again in ${retryAfterMs} ms`;
      throw new SwitchboardError('SWB_RATE_LIMITED', { detail, data: { retryAfterMs } });
    }
    bucket.tokens--;
  }

  #forgetOldest(): void {
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}
