/** How much each caller may use: counts requests, sessions and what runs, by principal; by connection and address where they are not known. */
import { ANONYMOUS, isExpired } from '../auth/identity.ts';
import type { Identity } from '../auth/identity.ts';
import { accountOf, originOf } from '../callers/account.ts';
import type { Arrival } from '../callers/arrival.ts';
import type { Conversation } from '../callers/registry.ts';
import { LeftBehind } from '../limits/left-behind.ts';
import { Tally } from '../limits/tally.ts';
import type { Allowance, Limiter, Rate } from '../limits/token-bucket.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import type { Roles } from '../router/roles.ts';
import type { Settings } from './settings.ts';

/** A client that has a place. */
type Placed = Pick<Conversation, 'identity' | 'id' | 'origin'>;
/** With `connectRateLimit: auto`, how often each place may be taken in a minute. */
const CONNECTS_PER_PLACE = 6;

type Counted = Pick<Arrival, 'identity' | 'id' | 'address' | 'loose'>;

/** How much one principal may use, and what is left. */
export interface Quotas {
  /** Absent where there is no limit. */
  rate?: { perMinute: number; burst: number } & Allowance;
  /** Requests under way. */
  running: { now: number; max?: number };
  maxSessions?: number;
  maxMessageBytes: number;
}

export class Admission {
  readonly #settings: Settings;
  readonly #roles: Roles;
  readonly #limiter: Limiter;
  readonly #leftBehind: LeftBehind = new LeftBehind();
  /** What runs, by {@link originOf}. */
  readonly #running: Tally = new Tally();

  constructor(settings: Settings, roles: Roles, limiter: Limiter) {
    this.#settings = settings;
    this.#roles = roles;
    this.#limiter = limiter;
  }

  /**
   * Counts a request, and reserves its place: it runs from now on, also while its server is only being started.
   *
   * @returns gives the place back; may be called more than once.
   * @throws {SwitchboardError} `SWB_RATE_LIMITED`, `SWB_OVERLOADED`, `SWB_UNAUTHORIZED` when what was shown has expired meanwhile.
   */
  admit(arrival: Counted): () => void {
    const { identity, address } = arrival;
    if (isExpired(identity)) {
      throw new SwitchboardError('SWB_UNAUTHORIZED', {
        detail: 'the credential has expired; connect with a new one',
      });
    }
    const origin = originOf(arrival);
    this.#checkRunning(identity, origin);
    this.countRequest(arrival);
    // Clients that are not known could open a new connection for each request.
    if (identity.principal === ANONYMOUS && address !== undefined) {
      const { addressRateLimit, rateLimit, maxConnections } = this.#settings;
      const perMinute = addressRateLimit === 'auto' ? rateLimit * maxConnections : addressRateLimit;
      this.#limiter.take(origin, { perMinute, option: 'addressRateLimit' });
    }
    this.#running.add(origin);
    let isHeld = true;
    return () => {
      if (isHeld) this.#running.remove(origin);
      isHeld = false;
    };
  }

  /** Counts a request that does not run, such as one for a ticket. @throws {SwitchboardError} `SWB_RATE_LIMITED` */
  countRequest(arrival: Counted): void {
    this.#limiter.take(rateKeyOf(arrival), this.#rateOf(arrival.identity));
  }

  /** Counts a connection, or a session over HTTP, that is about to be opened. @throws {SwitchboardError} `SWB_RATE_LIMITED` */
  countConnect(arrival: Counted): void {
    const { connectRateLimit, maxConnections } = this.#settings;
    const perMinute = connectRateLimit === 'auto' ? CONNECTS_PER_PLACE * maxConnections : connectRateLimit;
    this.#limiter.take(`connects ${originOf(arrival)}`, { perMinute, option: 'connectRateLimit' });
  }

  /** A client that is not known goes on with the rate of one that left from there. */
  enter({ identity, id, origin }: Placed): void {
    if (identity.principal !== ANONYMOUS) return;
    const key = this.#leftBehind.take(origin);
    if (key !== undefined) this.#limiter.move(key, rateKeyOf({ identity, id }));
  }

  leave({ identity, id, origin }: Placed): void {
    if (identity.principal === ANONYMOUS) this.#leftBehind.leave(origin, rateKeyOf({ identity, id }));
  }

  /** What {@link admit} would find, and how much there is in all. */
  allowance(arrival: Counted): { rate: Rate; left: Allowance } | undefined {
    const rate = this.#rateOf(arrival.identity);
    const left = this.#limiter.look(rateKeyOf(arrival), rate);
    return left && { rate, left };
  }

  /** How much a principal may use, and what is left of it; limits that there are not are absent. */
  quotas(identity: Identity): Quotas {
    const arrival = { identity, id: '' };
    const { maxRequestsInFlight } = this.#settings;
    const known = this.allowance(arrival);
    const running = Math.min(maxRequestsInFlight, this.#limit(identity, 'concurrent') ?? Infinity);
    const sessions = this.maxSessions(identity);
    return {
      ...(known !== undefined && {
        rate: { perMinute: known.rate.perMinute, burst: known.rate.burst ?? known.rate.perMinute, ...known.left },
      }),
      running: { now: this.#running.of(originOf(arrival)), ...(running !== Infinity && { max: running }) },
      ...(sessions !== Infinity && { maxSessions: sessions }),
      maxMessageBytes: this.maxMessageBytes(identity),
    };
  }

  /** How many sessions and connections a principal may have. */
  maxSessions(identity: Identity): number {
    if (identity.via === 'load') return Infinity;
    const own = identity.principal === ANONYMOUS ? Infinity : this.#settings.maxSessionsPerPrincipal;
    return this.#limit(identity, 'sessions') ?? own;
  }

  /** The largest message of a caller, in bytes. */
  maxMessageBytes(identity: Identity): number {
    const { maxMessageSize } = this.#settings;
    return Math.min(maxMessageSize, this.#limit(identity, 'maxMessageSize') ?? maxMessageSize);
  }

  #checkRunning({ principal, roles }: Identity, origin: string): void {
    const { maxRequestsInFlight, maxRequestsInFlightPerAddress } = this.#settings;
    const isKnown = principal !== ANONYMOUS;
    const own = isKnown ? maxRequestsInFlight : maxRequestsInFlightPerAddress;
    const concurrent = this.#limit({ roles }, 'concurrent') ?? Infinity;
    const limit = Math.min(own, concurrent);
    if (this.#running.of(origin) < limit) return;
    const name = isKnown ? 'maxRequestsInFlight' : 'maxRequestsInFlightPerAddress';
    const option = limit === concurrent ? 'concurrent of its role' : name;
    const detail = `${limit} requests of ${isKnown ? principal : origin} are running, the limit (${option})`;
    throw new SwitchboardError('SWB_OVERLOADED', { detail });
  }

  #rateOf(identity: Identity): Rate {
    // An operator has said how much it is to be.
    if (identity.via === 'load') return { perMinute: Infinity };
    if (!this.#roles.areSet) return { perMinute: this.#settings.rateLimit };
    const perMinute = this.#limit(identity, 'requestsPerMinute') ?? this.#settings.rateLimit;
    const burst = this.#limit(identity, 'burst');
    return { perMinute, ...(burst !== undefined && { burst }) };
  }

  #limit(
    { roles }: Pick<Identity, 'roles'>,
    name: Parameters<ReturnType<Roles['of']>['limit']>[0],
  ): number | undefined {
    return this.#roles.areSet ? this.#roles.of(roles).limit(name) : undefined;
  }
}

/** Whether who counts under a key may come to several nodes: a connection is at one. */
export const isOfMany = (key: string): boolean => !/^(?:own |connects )?connection /.test(key);

/** Beside the bucket of an address, in which all its clients count together. */
const rateKeyOf = (arrival: Counted): string => `own ${accountOf(arrival)}`;
