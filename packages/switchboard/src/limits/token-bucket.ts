/**
 * Requests a minute for each client, as a token bucket: a client that was quiet may spend a whole burst at once, and then gets one
 * more every `60 / perMinute` seconds.
 */
import { SwitchboardError } from '../protocol/errors.ts';

/** How much one client may. */
export interface Rate {
  /** Requests a minute; `Infinity` for no limit. */
  perMinute: number;
  /** How many at once after a pause. @default perMinute */
  burst?: number;
  /** The option that sets it, for the message. @default 'rateLimit' */
  option?: string;
}

/** What is left to a client now. */
export interface Allowance {
  remaining: number;
  /** When there is one more, or all again, in ms. */
  resetMs: number;
}

/**
 * Counts requests of clients by a key. It decides at once, so that messages keep their order: a limiter that counts elsewhere, for
 * several Switchboards, takes portions of a client's rate ahead of need, and gives them out here.
 */
export interface Limiter {
  /** Takes a token. @throws {SwitchboardError} `SWB_RATE_LIMITED` with `retryAfterMs` when there is none. */
  take(client: string, rate?: Rate): void;
  /** Lets another client go on with what is left to this one; nothing where it has taken nothing. */
  move(from: string, to: string): void;
  /** What {@link take} would find now; nothing where there is no limit. */
  look(client: string, rate?: Rate): Allowance | undefined;
}

export interface RateLimitOptions extends Rate {
  /** The clock, in ms. @default Date.now */
  now?: () => number;
  /** How many clients are remembered; the one that was quiet longest is forgotten first. @default 10000 */
  maxClients?: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** What a client had left, and when, in ms since 1970. */
export type BucketState = [client: string, tokens: number, at: number];

/** A bucket that nobody has used for so long is as good as full. */
const FORGOTTEN_MS = 600_000;

export class RateLimit implements Limiter {
  readonly #rate: Rate;
  readonly #now: () => number;
  readonly #maxClients: number;
  /** In the order of last use, as a `Map` keeps the order of insertion. */
  readonly #buckets: Map<string, Bucket> = new Map();

  constructor({ now = Date.now, maxClients = 10_000, ...rate }: RateLimitOptions) {
    this.#rate = rate;
    this.#now = now;
    this.#maxClients = maxClients;
  }

  get clients(): number {
    return this.#buckets.size;
  }

  /** What clients have left, for another process to go on with. */
  get state(): BucketState[] {
    const oldest = this.#now() - FORGOTTEN_MS;
    return [...this.#buckets].flatMap(([client, { tokens, at }]): BucketState[] =>
      at < oldest ? [] : [[client, tokens, at]],
    );
  }

  /** Goes on with what another process has counted; what was counted here stands. */
  restore(state: readonly BucketState[]): void {
    for (const [client, tokens, at] of state.slice(-this.#maxClients)) {
      // A clock that was set back must not lock anybody out.
      if (!this.#buckets.has(client)) this.#buckets.set(client, { tokens, at: Math.min(at, this.#now()) });
    }
  }

  /** How long until there is a token, in ms; 0 when there is one. Takes none. */
  waitMs(client: string): number {
    const left = this.#buckets.has(client) ? this.look(client) : undefined;
    return left === undefined || left.remaining > 0 ? 0 : left.resetMs;
  }

  take(client: string, rate: Rate = this.#rate): void {
    if (rate.perMinute === Infinity) return;
    const bucket = this.#filled(client, rate);
    this.#buckets.delete(client);
    this.#buckets.set(client, bucket);
    if (this.#buckets.size > this.#maxClients) this.#forgetOldest();
    if (bucket.tokens < 1) throw rateLimited(rate, Math.ceil((1 - bucket.tokens) * msPerToken(rate)));
    bucket.tokens--;
  }

  /** The client begins again with all of its rate. */
  forget(client: string): void {
    this.#buckets.delete(client);
  }

  move(from: string, to: string): void {
    const bucket = this.#buckets.get(from);
    if (bucket === undefined) return;
    this.#buckets.delete(from);
    this.#buckets.set(to, bucket);
  }

  look(client: string, rate: Rate = this.#rate): Allowance | undefined {
    if (rate.perMinute === Infinity) return undefined;
    const { tokens } = this.#filled(client, rate);
    const wanted = tokens < 1 ? 1 : (rate.burst ?? rate.perMinute);
    return { remaining: Math.floor(tokens), resetMs: Math.ceil((wanted - tokens) * msPerToken(rate)) };
  }

  #filled(client: string, rate: Rate): Bucket {
    const { perMinute, burst = perMinute } = rate;
    const at = this.#now();
    const known = this.#buckets.get(client) ?? { tokens: burst, at };
    return { tokens: Math.min(burst, known.tokens + (at - known.at) / msPerToken(rate)), at };
  }

  #forgetOldest(): void {
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}

/** How long a token takes to come. */
export const msPerToken = ({ perMinute }: Rate): number => 60_000 / perMinute;

/** What a client is told that has no token. */
export function rateLimited(rate: Rate, retryAfterMs: number): SwitchboardError {
  const { perMinute, burst = perMinute, option = 'rateLimit' } = rate;
  const detail = `${perMinute} a minute, the limit (${option}); try again in ${retryAfterMs} ms`;
  const limit = Math.max(1, Math.floor(burst));
  return new SwitchboardError('SWB_RATE_LIMITED', { detail, data: { retryAfterMs, limit, remaining: 0 } });
}
