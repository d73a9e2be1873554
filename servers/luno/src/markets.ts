import type { Api } from './api.ts';
import { Big, places, positive } from './decimal.ts';
import { LunoError } from './errors.ts';
import type { Caller } from './http.ts';
import type { Market } from './shapes.ts';

const KEPT_MS = 5 * 60_000;

/** The markets there are and what each takes, asked for at most every five minutes. */
export class Markets {
  readonly #api: Api;
  #kept: { read: Market[]; unreadable: string[]; until: number } | undefined;

  constructor(api: Api) {
    this.#api = api;
  }

  async all(caller: Caller): Promise<readonly Market[]> {
    return (await this.list(caller)).read;
  }

  /** All that can be read, and the ids of those that cannot. */
  async list(caller: Caller): Promise<{ read: readonly Market[]; unreadable: readonly string[] }> {
    if (!this.#kept || performance.now() >= this.#kept.until) {
      this.#kept = { ...(await this.#api.markets(caller)), until: performance.now() + KEPT_MS };
    }
    return this.#kept;
  }

  /** Throws `not_found` if there is no such market. */
  async get(pair: string, caller: Caller): Promise<Market> {
    const market = (await this.all(caller)).find(({ market_id: id }) => id === pair);
    if (market) return market;
    throw new LunoError('not_found', `There is no market ${pair} at Luno.`);
  }

  /** The ids that begin with what was typed so far, in whatever spelling; none when Luno cannot be asked. */
  async completions(start: string): Promise<string[]> {
    const typed = start
      .replace(/[-_/,\s]/g, '')
      .toUpperCase()
      .replace('BTC', 'XBT');
    try {
      // A completion cannot be cancelled; the HTTP call has a limit of its own.
      return (await this.all({ signal: new AbortController().signal }))
        .map(({ market_id: id }) => id)
        .filter((id) => id.startsWith(typed));
    } catch {
      return [];
    }
  }
}

/** Gives a price as Luno takes it, or throws `invalid_argument` if the market does not take it. */
export function checkedPrice(market: Market, name: string, text: string): Big {
  const { price_scale: scale, min_price: min, max_price: max } = market;
  return within(market, name, positive(name, text), { scale, min, max });
}

/** Gives a volume in the base currency as Luno takes it, or throws `invalid_argument` if the market does not take it. */
export function checkedVolume(market: Market, name: string, text: string): Big {
  const { volume_scale: scale, min_volume: min, max_volume: max } = market;
  return within(market, name, positive(name, text), { scale, min, max });
}

function within(
  { market_id: id }: Market,
  name: string,
  value: Big,
  { scale, min, max }: { scale: number; min: string; max: string },
): Big {
  const wrong = (why: string): LunoError =>
    new LunoError('invalid_argument', `${name} is ${value.toFixed()}, and ${id} takes ${why}.`);
  if (places(value) > scale) throw wrong(`at most ${scale} places after the point`);
  if (value.lt(min)) throw wrong(`no less than ${min}`);
  if (value.gt(max)) throw wrong(`no more than ${max}`);
  return value;
}
