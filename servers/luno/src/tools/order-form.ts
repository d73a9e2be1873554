import { positive } from '../decimal.ts';
import { LunoError } from '../errors.ts';
import type { Fields } from '../http.ts';
import { checkedPrice, checkedVolume } from '../markets.ts';
import type { Market } from '../shapes.ts';

/** A limit order as Luno takes it, and as the user reads it; throws `invalid_argument` for what the market does not take. */
export function limitOrder(
  market: Market,
  order: { side: 'BUY' | 'SELL'; volume: string; price: string },
): { words: string; fields: Fields } {
  const amount = checkedVolume(market, 'volume', order.volume);
  const limit = checkedPrice(market, 'price', order.price);
  const { market_id: pair, base_currency: base, counter_currency: counter } = market;
  const what = `${order.side === 'BUY' ? 'Buy' : 'Sell'} ${amount.toFixed()} ${base} at ${limit.toFixed()} ${counter} each`;
  return {
    words: `${what}, ${amount.times(limit).toFixed()} ${counter} in all, in ${pair} at Luno`,
    fields: { type: order.side === 'BUY' ? 'BID' : 'ASK', volume: amount.toFixed(), price: limit.toFixed() },
  };
}

/** A market order as Luno takes it, and as the user reads it; throws `invalid_argument` unless it has the volume of its side. */
export function marketOrder(
  market: Market,
  order: { side: 'BUY' | 'SELL'; counter_volume?: string | undefined; base_volume?: string | undefined },
): { words: string; fields: Fields } {
  const { market_id: pair, base_currency: base, counter_currency: counter } = market;
  const [right, wrong] =
    order.side === 'BUY'
      ? ([order.counter_volume, order.base_volume] as const)
      : ([order.base_volume, order.counter_volume] as const);
  if (right === undefined || wrong !== undefined) {
    const name = order.side === 'BUY' ? 'counter_volume' : 'base_volume';
    throw new LunoError('invalid_argument', `A market order to ${order.side} takes ${name}, and no other volume.`);
  }
  if (order.side === 'SELL') {
    const amount = checkedVolume(market, 'base_volume', right).toFixed();
    return {
      words: `Sell ${amount} ${base} for ${counter} at whatever price there is, in ${pair} at Luno?`,
      fields: { type: 'SELL', base_volume: amount },
    };
  }
  // Luno tells no scale for amounts of the counter currency, and refuses those that are too fine itself.
  const amount = positive('counter_volume', right).toFixed();
  return {
    words: `Buy ${base} for ${amount} ${counter} at whatever price there is, in ${pair} at Luno?`,
    fields: { type: 'BUY', counter_volume: amount },
  };
}
