/** Whose requests are refused more often than answered: a function of the events, bounded, and empty while nothing is refused. */
import { cut } from '../util/cut.ts';
import type { Emit, GatewayEvent } from './events.ts';

/** Somebody who goes on although most of what comes is refused. */
export interface Flood {
  /** The principal; absent where it came no further than its address. */
  principal?: string;
  /** How its clients name themselves, where they had a session. */
  clients: string[];
  /** Where it comes from, where nobody knows who it is. */
  address?: string;
  /** Refused in each second. */
  perSecond: number;
  /** Why, most of all: the name of the error. */
  code: string;
}

/** Counts are of whole windows: the one that has ended, and the one that is under way. */
const WINDOW_MS = 5000;
/** Fewer in a second are no flood. */
const MIN_PER_SECOND = 2;
/** Of how many it is counted at a time. */
export const MAX_COUNTED = 1000;
/** Sessions whose client's name is kept. */
const MAX_SESSIONS = 10_000;
const MAX_CLIENTS = 3;
/** After so many windows without a refusal, what was known of it is another story. */
const FORGOTTEN_AFTER = 12;
/** For so many windows one is named that pauses, or has ended: what comes in bursts must not come and go under the cursor. */
const SHOWN_FOR = 3;
const MAX_NAME = 100;

interface Counted {
  readonly principal: string | undefined;
  readonly address: string | undefined;
  readonly clients: Set<string>;
  window: number;
  refused: number;
  answered: number;
  refusedBefore: number;
  answeredBefore: number;
  /** Why, by code; those of the window before count half, and so on. */
  codes: Map<string, number>;
  /** How it was when it last flooded. */
  flood?: { rate: number; window: number };
}

export class Refusals {
  readonly onEvent: Emit = (event) => this.#take(event);
  readonly #now: () => number;
  /** By principal or address, the one that was refused last at the end. */
  readonly #counted: Map<string, Counted> = new Map();
  /** How the client of a session names itself, oldest first. */
  readonly #clients: Map<string, string> = new Map();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Those who are refused in most of what they send, the worst first. */
  floods(): Flood[] {
    const window = this.#window;
    return [...this.#counted.values()]
      .flatMap((counted): Flood[] => {
        const { principal, address, clients, codes } = this.#turned(counted, window);
        const rate = counted.refusedBefore / (WINDOW_MS / 1000);
        if (rate >= MIN_PER_SECOND && counted.refusedBefore > counted.answeredBefore) counted.flood = { rate, window };
        const { flood } = counted;
        if (flood === undefined || window - flood.window > SHOWN_FOR) return [];
        const [[code] = ['']] = [...codes].toSorted(([, one], [, other]) => other - one);
        return [
          {
            ...(principal !== undefined && { principal }),
            ...(address !== undefined && { address }),
            clients: [...clients],
            perSecond: Math.round(flood.rate),
            code,
          },
        ];
      })
      .toSorted((one, other) => other.perSecond - one.perSecond);
  }

  get #window(): number {
    return Math.floor(this.#now() / WINDOW_MS);
  }

  #take(event: GatewayEvent): void {
    switch (event.type) {
      case 'session.opened':
        if (event.client === undefined) return;
        if (this.#clients.size >= MAX_SESSIONS) this.#clients.delete(this.#clients.keys().next().value!);
        this.#clients.set(event.session, cut(event.client, MAX_NAME));
        return;
      case 'session.closed':
        this.#clients.delete(event.session);
        return;
      case 'request.refused': {
        const counted = this.#of(`principal ${event.principal}`, event.principal, undefined);
        this.#refuse(counted, event.code);
        const client = event.session === undefined ? undefined : this.#clients.get(event.session);
        if (client !== undefined && counted.clients.size < MAX_CLIENTS) counted.clients.add(client);
        return;
      }
      case 'connection.refused':
        if (event.address !== undefined)
          this.#refuse(this.#of(`address ${event.address}`, undefined, event.address), event.code);
        return;
      case 'request.ended': {
        // Most have none: then this is all that a request costs.
        const counted = this.#counted.size === 0 ? undefined : this.#counted.get(`principal ${event.principal}`);
        if (counted !== undefined) this.#turned(counted, this.#window).answered++;
        return;
      }
      default:
    }
  }

  #refuse(counted: Counted, code: string): void {
    counted.refused++;
    counted.codes.set(code, (counted.codes.get(code) ?? 0) + 1);
  }

  #of(key: string, principal: string | undefined, address: string | undefined): Counted {
    const window = this.#window;
    const known = this.#counted.get(key);
    const counted: Counted = known ?? {
      principal,
      address,
      clients: new Set<string>(),
      window,
      refused: 0,
      answered: 0,
      refusedBefore: 0,
      answeredBefore: 0,
      codes: new Map<string, number>(),
    };
    if (known !== undefined) this.#turned(known, window);
    // One that floods is always among the last, so the first is worth the least.
    this.#counted.delete(key);
    if (this.#counted.size >= MAX_COUNTED) this.#counted.delete(this.#counted.keys().next().value!);
    this.#counted.set(key, counted);
    return counted;
  }

  /** The same, with counts of the window that has just ended. */
  #turned(counted: Counted, window: number): Counted {
    if (counted.window === window) return counted;
    const isNext = counted.window === window - 1;
    counted.refusedBefore = isNext ? counted.refused : 0;
    counted.answeredBefore = isNext ? counted.answered : 0;
    if (window - counted.window > FORGOTTEN_AFTER) {
      counted.clients.clear();
      counted.codes.clear();
    }
    // What it was refused for long ago must not be named for what it is refused for now.
    const part = 2 ** (counted.window - window);
    for (const [code, count] of counted.codes) counted.codes.set(code, count * part);
    counted.window = window;
    counted.refused = counted.answered = 0;
    return counted;
  }
}
