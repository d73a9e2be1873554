import { z } from 'zod';
import { Big } from './decimal.ts';
import { decimal, type Level } from './shapes.ts';

// The messages of wss://ws.luno.com/api/1/stream/{pair}, as Luno's Go client reads them.

const sequence = z.coerce.bigint();
const streamOrder = z.object({ id: z.string(), price: decimal, volume: decimal });
/** Luno writes a side without orders as null in places. */
const side = z
  .array(streamOrder)
  .nullish()
  .transform((orders) => orders ?? []);
const snapshotShape = z.object({
  sequence,
  asks: side,
  bids: side,
  status: z.string(),
  timestamp: z.coerce.number(),
});
const updateShape = z.object({
  sequence,
  trade_updates: z.array(z.object({ base: decimal, counter: decimal, maker_order_id: z.string() })).nullish(),
  create_update: z
    .object({ order_id: z.string(), type: z.enum(['BID', 'ASK']), price: decimal, volume: decimal })
    .nullish(),
  delete_update: z.object({ order_id: z.string() }).nullish(),
  status_update: z.object({ status: z.string() }).nullish(),
  timestamp: z.coerce.number(),
});

type Orders = Map<string, { price: Big; volume: Big }>;

/** Far more than any market has; a book that grows beyond is not believed. */
const MAX_ORDERS = 500_000;

/** Whether a message is a snapshot, which has the sides of the book, and no update. */
export const isSnapshot = (message: unknown): boolean =>
  typeof message === 'object' && message !== null && ('asks' in message || 'bids' in message);

/** The order book of one market, kept by a snapshot and the updates after it. */
export class Book {
  #sequence: bigint;
  #status: string;
  #timestamp: number;
  #lastTrade: Big | undefined;
  readonly #bids: Orders;
  readonly #asks: Orders;

  /** Reads the first message of a stream; throws if it is not a snapshot. */
  constructor(message: unknown) {
    const snapshot = snapshotShape.parse(message);
    this.#sequence = snapshot.sequence;
    this.#status = snapshot.status;
    this.#timestamp = snapshot.timestamp;
    this.#bids = ordersOf(snapshot.bids);
    this.#asks = ordersOf(snapshot.asks);
  }

  /**
   * Applies an update, and tells whether it was new: one from before the snapshot is passed over. Throws when the book can no
   * longer be right: an update is missing, or one does not fit. Then only a new snapshot helps.
   */
  update(message: unknown): boolean {
    const update = updateShape.parse(message);
    if (update.sequence <= this.#sequence) return false;
    if (update.sequence !== this.#sequence + 1n) {
      throw new Error(`update ${update.sequence} came after ${this.#sequence}`);
    }
    for (const { maker_order_id: maker, base, counter } of update.trade_updates ?? [])
      this.#trade(maker, base, counter);
    const { create_update: created, delete_update: deleted, status_update: status } = update;
    if (created) {
      const side = created.type === 'BID' ? this.#bids : this.#asks;
      side.set(created.order_id, { price: new Big(created.price), volume: new Big(created.volume) });
      if (side.size > MAX_ORDERS) throw new Error(`the book has more than ${MAX_ORDERS} orders`);
    }
    if (deleted) {
      this.#bids.delete(deleted.order_id);
      this.#asks.delete(deleted.order_id);
    }
    if (status) this.#status = status.status;
    this.#sequence = update.sequence;
    this.#timestamp = update.timestamp;
    return true;
  }

  get sequence(): string {
    return String(this.#sequence);
  }

  get status(): string {
    return this.#status;
  }

  /** Unix milliseconds of the last message. */
  get timestamp(): number {
    return this.#timestamp;
  }

  /** The price of the last trade since the snapshot, which itself tells none; it may be set to what is known from elsewhere. */
  get lastTrade(): string | undefined {
    return this.#lastTrade?.toFixed();
  }

  set lastTrade(price: string) {
    this.#lastTrade = new Big(price);
  }

  get bestBid(): string | undefined {
    return best(this.#bids, (price, other) => price.gt(other));
  }

  get bestAsk(): string | undefined {
    return best(this.#asks, (price, other) => price.lt(other));
  }

  /** The best levels, best first; orders of the same price are one level. */
  bids(depth: number): Level[] {
    return levels(this.#bids, (a, b) => b.cmp(a), depth);
  }

  asks(depth: number): Level[] {
    return levels(this.#asks, (a, b) => a.cmp(b), depth);
  }

  /** A trade takes from the order that was there before; when nothing is left of it no delete follows. */
  #trade(maker: string, base: string, counter: string): void {
    const side = this.#bids.has(maker) ? this.#bids : this.#asks;
    const order = side.get(maker);
    if (!order) throw new Error(`a trade names order ${maker}, which is not in the book`);
    const left = order.volume.minus(base);
    if (left.lt(0) || new Big(base).lte(0)) throw new Error(`a trade of ${base} does not fit order ${maker}`);
    if (left.eq(0)) side.delete(maker);
    else side.set(maker, { ...order, volume: left });
    // Trades are made at the price of the maker; `counter` over `base` would be rounded.
    this.#lastTrade = new Big(counter).gt(0) ? order.price : this.#lastTrade;
  }
}

function ordersOf(orders: { id: string; price: string; volume: string }[]): Orders {
  return new Map(orders.map(({ id, price, volume }) => [id, { price: new Big(price), volume: new Big(volume) }]));
}

function best(orders: Orders, better: (price: Big, other: Big) => boolean): string | undefined {
  let found: Big | undefined;
  for (const { price } of orders.values()) if (!found || better(price, found)) found = price;
  return found?.toFixed();
}

function levels(orders: Orders, compare: (a: Big, b: Big) => number, depth: number): Level[] {
  const byPrice = new Map<string, { price: Big; volume: Big }>();
  for (const { price, volume } of orders.values()) {
    const key = price.toFixed();
    byPrice.set(key, { price, volume: byPrice.get(key)?.volume.plus(volume) ?? volume });
  }
  return [...byPrice.values()]
    .sort((a, b) => compare(a.price, b.price))
    .slice(0, depth)
    .map(({ price, volume }) => ({ price: price.toFixed(), volume: volume.toFixed() }));
}
