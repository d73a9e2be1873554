/** How much each caller may use: counts requests, sessions and what runs, by principal; by connection and address where nobody is known. */
import { ANONYMOUS, isExpired } from '../auth/identity.ts';
import type { Identity } from '../auth/identity.ts';
import type { Arrival } from '../callers/context.ts';
import { Tally } from '../limits/tally.ts';
import type { Allowance, Limiter, Rate } from '../limits/token-bucket.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import type { Roles } from '../router/rights.ts';
import type { RouterOptions } from '../router/router.ts';
import type { Settings } from './options.ts';

export class Admission {
  readonly #settings: Settings;
  readonly #roles: Roles;
  readonly #limiter: Limiter;
  /** What runs. */
  readonly #running: Tally = new Tally();

  constructor(settings: Settings, roles: Roles, limiter: Limiter) {
    this.#settings = settings;
    this.#roles = roles;
    this.#limiter = limiter;
  }

  /** Counts what runs, before the same is told on. */
  counting<Told extends Pick<RouterOptions, 'onOpen' | 'onEnd'>>(told: Told): Told {
    return {
      ...told,
      onOpen: (exchange) => {
        this.#running.add(exchange.scope.principal);
        told.onOpen?.(exchange);
      },
      onEnd: (exchange, outcome) => {
        this.#running.remove(exchange.scope.principal);
        told.onEnd?.(exchange, outcome);
      },
    };
  }

  /**
   * Counts a request.
   *
   * @throws {SwitchboardError} `SWB_RATE_LIMITED`, `SWB_OVERLOADED`, `SWB_UNAUTHORIZED` when what was shown has expired meanwhile.
   */
  admit(arrival: Pick<Arrival, 'identity' | 'label' | 'address'>): void {
    const { identity, address } = arrival;
    if (isExpired(identity)) {
      throw new SwitchboardError('SWB_UNAUTHORIZED', {
        detail: 'what you showed has expired; come back with a new one',
      });
    }
    const concurrent = this.#limit(identity, 'concurrent');
    if (concurrent !== undefined && this.#running.of(identity.principal) >= concurrent) {
      const detail = `${concurrent} requests of ${identity.principal} are running, the limit of its role (concurrent)`;
      throw new SwitchboardError('SWB_OVERLOADED', { detail });
    }
    this.#limiter.take(keyOf(arrival), this.#rateOf(identity));
    // Who is not known could have a new connection for each request.
    if (identity.principal === ANONYMOUS && address !== undefined) {
      const { addressRateLimit, rateLimit, maxConnections } = this.#settings;
      const perMinute = addressRateLimit === 'auto' ? rateLimit * maxConnections : addressRateLimit;
      this.#limiter.take(`address ${address}`, { perMinute, option: 'addressRateLimit' });
    }
  }

  /** What {@link admit} would find, and how much there is in all. */
  allowance(arrival: Pick<Arrival, 'identity' | 'label'>): { rate: Rate; left: Allowance } | undefined {
    const rate = this.#rateOf(arrival.identity);
    const left = this.#limiter.look(keyOf(arrival), rate);
    return left && { rate, left };
  }

  /** How many sessions and connections a principal may have. */
  maxSessions(identity: Identity): number {
    const own = identity.principal === ANONYMOUS ? Infinity : this.#settings.maxSessionsPerPrincipal;
    return this.#limit(identity, 'sessions') ?? own;
  }

  /** The largest message of a caller, in bytes. */
  maxMessageBytes(identity: Identity): number {
    const { maxMessageSize } = this.#settings;
    return Math.min(maxMessageSize, this.#limit(identity, 'maxMessageSize') ?? maxMessageSize);
  }

  #rateOf(identity: Identity): Rate {
    const perMinute = this.#limit(identity, 'requestsPerMinute') ?? this.#settings.rateLimit;
    const burst = this.#limit(identity, 'burst');
    return { perMinute, ...(burst !== undefined && { burst }) };
  }

  #limit(identity: Identity, name: Parameters<ReturnType<Roles['of']>['limit']>[0]): number | undefined {
    return this.#roles.areSet ? this.#roles.of(identity.roles).limit(name) : undefined;
  }
}

/** One bucket for each principal, however it comes in. */
const keyOf = ({ identity, label }: Pick<Arrival, 'identity' | 'label'>): string =>
  identity.principal === ANONYMOUS ? `connection ${label}` : `principal ${identity.principal}`;
