import { describe, expect, it } from 'vitest';
import { Book } from '../src/book.ts';

const none = { trade_updates: null, create_update: null, delete_update: null, status_update: null };

function book(): Book {
  const bids = [{ id: 'b', price: '100', volume: '1' }];
  const asks = [{ id: 'a', price: '101', volume: '1' }];
  return new Book({ sequence: '9007199254740993', bids, asks, status: 'ACTIVE', timestamp: '1' });
}

/** An update by its distance from the snapshot. */
function update(step: number, rest: object = {}): object {
  return { ...none, sequence: String(9007199254740993n + BigInt(step)), timestamp: '2', ...rest };
}

describe('a book', () => {
  it('counts sequences beyond what a floating point number holds', () => {
    const kept = book();
    expect(kept.update(update(1))).toBe(true);
    expect(kept.sequence).toBe('9007199254740994');
  });

  it('passes over updates from before the snapshot', () => {
    const kept = book();
    expect(kept.update(update(0, { delete_update: { order_id: 'b' } }))).toBe(false);
    expect(kept.bestBid).toBe('100');
  });

  it('refuses to go on after a gap', () => {
    expect(() => book().update(update(2))).toThrow('update 9007199254740995 came after 9007199254740993');
  });

  it('removes an order that is traded away, with no delete after it', () => {
    const kept = book();
    kept.update(update(1, { trade_updates: [{ base: '0.4', counter: '40.4', maker_order_id: 'a' }] }));
    expect(kept.asks(10)).toEqual([{ price: '101', volume: '0.6' }]);
    kept.update(update(2, { trade_updates: [{ base: '0.6', counter: '60.6', maker_order_id: 'a' }] }));
    expect(kept.asks(10)).toEqual([]);
    expect(kept.bestAsk).toBeUndefined();
    expect(kept.lastTrade).toBe('101');
  });

  it('takes new orders, deletes and states', () => {
    const kept = book();
    kept.update(update(1, { create_update: { order_id: 'c', type: 'BID', price: '100.5', volume: '2' } }));
    expect(kept.bids(1)).toEqual([{ price: '100.5', volume: '2' }]);
    kept.update(update(2, { delete_update: { order_id: 'c' } }));
    expect(kept.bestBid).toBe('100');
    kept.update(update(3, { status_update: { status: 'POSTONLY' } }));
    expect(kept.status).toBe('POSTONLY');
  });

  it.each([
    ['more than the order has', { base: '1.1', counter: '1', maker_order_id: 'a' }],
    ['nothing', { base: '0', counter: '0', maker_order_id: 'a' }],
    ['from an order that is not there', { base: '1', counter: '1', maker_order_id: 'x' }],
  ])('refuses a trade that takes %s', (_what, trade) => {
    expect(() => book().update(update(1, { trade_updates: [trade] }))).toThrow(/trade/);
  });
});
