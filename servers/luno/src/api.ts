import { z } from 'zod';
import { LunoError } from './errors.ts';
import type { Caller, Fields, Http } from './http.ts';
import {
  type Balance,
  balanceShape,
  type Candle,
  candleShape,
  type Fees,
  feeShape,
  type Level,
  levelShape,
  type Market,
  marketShape,
  type Order,
  orderShape,
  type OwnTrade,
  ownTradeShape,
  type Ticker,
  tickerShape,
  type Trade,
  tradeShape,
  type Transaction,
  transactionShape,
} from './shapes.ts';

/** Luno writes an empty list as null in places. */
function list<T extends z.ZodType>(item: T): z.ZodType<z.output<T>[]> {
  return z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);
}

/** A list of which what can be read is taken; the rest is named by what `name` finds in it, such as its pair. */
function readable<T extends z.ZodType>(
  item: T,
  name: string,
): z.ZodType<{ read: z.output<T>[]; unreadable: string[] }> {
  return list(z.unknown()).transform((items) => {
    const read: z.output<T>[] = [];
    const unreadable: string[] = [];
    for (const each of items) {
      const { data, success } = item.safeParse(each);
      if (success) read.push(data);
      else unreadable.push(nameIn(each, name));
    }
    return { read, unreadable };
  });
}

function nameIn(value: unknown, key: string): string {
  const name = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  return typeof name === 'string' ? name.slice(0, 40) : 'one without a name';
}

const orderId = z.object({ order_id: z.string() });

/** The calls of Luno's API that the tools need, each with its answer checked. Those from `candles` on need credentials. */
export class Api {
  readonly #http: Http;
  readonly #hasCredentials: boolean;

  constructor(http: Http, hasCredentials: boolean) {
    this.#http = http;
    this.#hasCredentials = hasCredentials;
  }

  /** All markets that can be read; one that cannot must not keep the others from being traded. */
  async markets(caller: Caller): Promise<{ read: Market[]; unreadable: string[] }> {
    const shape = z.object({ markets: readable(marketShape, 'market_id') });
    return (await this.#get('/api/exchange/1/markets', {}, caller, shape)).markets;
  }

  ticker(pair: string, caller: Caller): Promise<Ticker> {
    return this.#get('/api/1/ticker', { pair }, caller, tickerShape);
  }

  /** All tickers, or those of the pairs; with the pairs of those that cannot be read. */
  async tickers(pairs: readonly string[], caller: Caller): Promise<{ read: Ticker[]; unreadable: string[] }> {
    const shape = z.object({ tickers: readable(tickerShape, 'pair') });
    return (await this.#get('/api/1/tickers', { pair: pairs }, caller, shape)).tickers;
  }

  /** The best 100 prices of each side, best first; orders of the same price are one level. */
  orderBook(pair: string, caller: Caller): Promise<{ bids: Level[]; asks: Level[]; timestamp: number }> {
    const shape = z.object({ bids: list(levelShape), asks: list(levelShape), timestamp: z.coerce.number() });
    return this.#get('/api/1/orderbook_top', { pair }, caller, shape);
  }

  /** At most 100 trades of the last 24 hours, newest first. */
  async trades(pair: string, since: number | undefined, caller: Caller): Promise<Trade[]> {
    const shape = z.object({ trades: list(tradeShape) });
    return (await this.#get('/api/1/trades', { pair, since }, caller, shape)).trades;
  }

  /** The earliest 1000 candles from `since` on, oldest first. `duration` is in seconds, `since` in milliseconds. */
  async candles(pair: string, duration: number, since: number, caller: Caller): Promise<Candle[]> {
    const shape = z.object({ candles: list(candleShape) });
    return (await this.#getOwn('/api/exchange/1/candles', { pair, duration, since }, caller, shape)).candles;
  }

  async balances(assets: readonly string[], caller: Caller): Promise<Balance[]> {
    return (await this.#getOwn('/api/1/balance', { assets }, caller, z.object({ balance: list(balanceShape) })))
      .balance;
  }

  /** Rows `min_row` to before `max_row`, at most 1000; below one they count back from the newest. */
  async transactions(
    account: string,
    rows: { min_row: number; max_row: number },
    caller: Caller,
  ): Promise<Transaction[]> {
    const shape = z.object({ transactions: list(transactionShape) });
    return (await this.#getOwn(`/api/1/accounts/${account}/transactions`, rows, caller, shape)).transactions;
  }

  async pending(account: string, caller: Caller): Promise<Transaction[]> {
    const shape = z.object({ pending: list(transactionShape) });
    return (await this.#getOwn(`/api/1/accounts/${account}/pending`, {}, caller, shape)).pending;
  }

  fees(pair: string, caller: Caller): Promise<Fees> {
    return this.#getOwn('/api/1/fee_info', { pair }, caller, feeShape);
  }

  /** Newest first. */
  async orders(
    query: { pair?: string; closed: boolean; created_before?: number; limit: number },
    caller: Caller,
  ): Promise<Order[]> {
    const shape = z.object({ orders: list(orderShape) });
    return (await this.#getOwn('/api/exchange/2/listorders', query, caller, shape)).orders;
  }

  order(by: { id: string } | { client_order_id: string }, caller: Caller): Promise<Order> {
    return this.#getOwn('/api/exchange/3/order', by, caller, orderShape);
  }

  /** The account's own trades, newest first. */
  async ownTrades(query: { pair: string; before_seq?: number; limit: number }, caller: Caller): Promise<OwnTrade[]> {
    const shape = z.object({ trades: list(ownTradeShape) });
    return (await this.#getOwn('/api/1/listtrades', { ...query, sort_desc: true }, caller, shape)).trades;
  }

  /** Places a limit or stop-limit order and gives its id. */
  async postLimitOrder(order: Fields, caller: Caller): Promise<string> {
    return (await this.#post('/api/1/postorder', order, caller, orderId)).order_id;
  }

  async postMarketOrder(order: Fields, caller: Caller): Promise<string> {
    return (await this.#post('/api/1/marketorder', order, caller, orderId)).order_id;
  }

  /** Asks for an order to be cancelled; false if Luno did not. */
  async stopOrder(id: string, caller: Caller): Promise<boolean> {
    const shape = z.object({ success: z.boolean() });
    return (await this.#post('/api/1/stoporder', { order_id: id }, caller, shape)).success;
  }

  async #get<T>(path: string, query: Fields, caller: Caller, shape: z.ZodType<T>): Promise<T> {
    return checked('unexpected_answer', path, shape, await this.#http.get(path, query, caller));
  }

  async #getOwn<T>(path: string, query: Fields, caller: Caller, shape: z.ZodType<T>): Promise<T> {
    this.#needCredentials(path);
    return this.#get(path, query, caller, shape);
  }

  async #post<T>(path: string, form: Fields, caller: Caller, shape: z.ZodType<T>): Promise<T> {
    this.#needCredentials(path);
    return checked('outcome_unknown', path, shape, await this.#http.post(path, form, caller));
  }

  #needCredentials(path: string): void {
    if (!this.#hasCredentials) throw new LunoError('credentials_missing', `${path} needs an API key, and none is set.`);
  }
}

function checked<T>(
  code: 'unexpected_answer' | 'outcome_unknown',
  path: string,
  shape: z.ZodType<T>,
  answer: unknown,
): T {
  const { data, error } = shape.safeParse(answer);
  if (!error) return data;
  throw new LunoError(code, `The answer of ${path} has not the form it should have: ${z.prettifyError(error)}`);
}
