/**
 * Rates that several Switchboards count together. Each takes portions of a client's tokens ahead of need and gives them out at once, so that
 * no message waits. Where a portion is used up before the next one has come, messages go on credit, up to what all are thought to have left;
 * what was used on credit is taken out of what all share, and has to come in again before the client goes on.
 */
import { owned } from '../util/owned.ts';
import { msPerToken, rateLimited } from './token-bucket.ts';
import type { Allowance, Limiter, Rate, RateLimit } from './token-bucket.ts';

export interface SharedRatesOptions {
  /** What this Switchboard alone may give out: counts beside the shared rate, and in its place while that cannot be reached. */
  local: RateLimit;
  /** Where no other rate is given. */
  rate: Rate;
  /** Takes tokens of a client out of what all share. Rejects where that cannot be reached. */
  take(client: string, wanted: number, rate: { perMinute: number; burst: number }): Promise<TokenPortion>;
  /** Whether a client may come to several; the others count here alone. */
  isShared(client: string): boolean;
  /** How many clients are remembered; the one that was asked for longest ago is forgotten first. @default 10000 */
  maxClients?: number;
  /** The clock, in ms. @default Date.now */
  now?: () => number;
}

/** Tokens that were taken, and what is left for all. */
interface TokenPortion {
  granted: number;
  left: number;
  /** Until there is one more, in ms. */
  waitMs: number;
}

interface Account {
  /** Tokens that were taken ahead; below 0, what was used on credit. */
  held: number;
  /** What all had left, and when. */
  left: number;
  at: number;
  isAsking: boolean;
}

/** So many portions make the most that a client may use at once. */
const PORTIONS = 20;
/** How long each counts for itself when the shared rate could not be reached. */
const ALONE_MS = 1000;

export class SharedRates implements Limiter {
  readonly #options: Required<SharedRatesOptions>;
  /** In the order in which portions were asked for. */
  readonly #accounts: Map<string, Account> = new Map();
  #aloneUntil = -Infinity;

  constructor(options: SharedRatesOptions) {
    this.#options = { maxClients: 10_000, now: Date.now, ...options };
  }

  /** How many clients are remembered. */
  get clients(): number {
    return this.#accounts.size;
  }

  take(client: string, rate: Rate = this.#options.rate): void {
    const { local, now } = this.#options;
    const at = now();
    const account = this.#account(client, rate, at);
    if (account === undefined) {
      local.take(client, rate);
      return;
    }
    const available = availableTo(account, rate, at);
    if (available < 1) throw rateLimited(rate, Math.ceil((1 - available) * msPerToken(rate)));
    local.take(client, rate);
    account.held--;
    if (account.isAsking || account.held > portionOf(rate) / 2) return;
    // Asking in vain costs as much as asking.
    if (account.held < 0 || leftTo(account, rate, at) >= 1) this.#ask(client, account, rate);
  }

  move(from: string, to: string): void {
    this.#options.local.move(from, to);
  }

  look(client: string, rate: Rate = this.#options.rate): Allowance | undefined {
    const { local, now } = this.#options;
    const alone = local.look(client, rate);
    const account = this.#accounts.get(client);
    if (alone === undefined || account === undefined) return alone;
    const available = availableTo(account, rate, now());
    if (available >= alone.remaining) return alone;
    const wanted = available < 1 ? 1 : burstOf(rate);
    return {
      remaining: Math.max(0, Math.floor(available)),
      resetMs: Math.ceil(Math.max(0, wanted - available) * msPerToken(rate)),
    };
  }

  /** Nothing where the client counts here alone. One that is met for the first time is taken to have all that it may have. */
  #account(client: string, rate: Rate, at: number): Account | undefined {
    if (rate.perMinute === Infinity || at < this.#aloneUntil) return undefined;
    const known = this.#accounts.get(client);
    if (known !== undefined || !this.#options.isShared(client)) return known;
    const account = { held: 0, left: burstOf(rate), at, isAsking: false };
    this.#accounts.set(client, account);
    return account;
  }

  #ask(client: string, account: Account, rate: Rate): void {
    const { take, now, maxClients } = this.#options;
    account.isAsking = true;
    this.#accounts.delete(client);
    this.#accounts.set(client, account);
    const [oldest] = this.#accounts.size > maxClients ? this.#accounts.keys() : [];
    if (oldest !== undefined) this.#accounts.delete(oldest);
    const wanted = portionOf(rate) - account.held;
    const ask = async (): Promise<void> => {
      const { granted, left, waitMs } = await take(client, wanted, {
        perMinute: rate.perMinute,
        burst: burstOf(rate),
      });
      account.isAsking = false;
      account.held += granted;
      // The part of the next one that has come already.
      account.left = left >= 1 ? left : Math.max(0, 1 - waitMs / msPerToken(rate));
      account.at = now();
      // More was used meanwhile.
      if (account.held < 0 && left >= 1) this.#ask(client, account, rate);
    };
    owned(ask, () => {
      // Whoever cannot count together owes nothing.
      this.#accounts.clear();
      this.#aloneUntil = now() + ALONE_MS;
    });
  }
}

const burstOf = ({ perMinute, burst = perMinute }: Rate): number => burst;

const portionOf = (rate: Rate): number => Math.max(1, Math.ceil(burstOf(rate) / PORTIONS));

/** What all are thought to have left now: others may have taken some of it. */
const leftTo = ({ left, at }: Account, rate: Rate, now: number): number =>
  Math.min(burstOf(rate), left + Math.max(0, now - at) / msPerToken(rate));

const availableTo = (account: Account, rate: Rate, now: number): number => account.held + leftTo(account, rate, now);
