import { expect, it } from 'vitest';
import { FakeLuno, KEY_ID, SECRET } from './support/fake-luno.ts';
import { openHere } from './support/session.ts';

it('tells the balances of the assets asked for', async () => {
  const fake = await FakeLuno.start();
  const { call } = await openHere(fake);
  const { data } = await call('get_balances', { assets: ['btc', 'zar'] });
  expect(data['balances']).toMatchObject([{ account_id: '111', balance: '0.10000000' }, { reserved: '625.00' }]);
  expect(fake.seen[0]!.query.getAll('assets')).toEqual(['XBT', 'ZAR']);
  expect(fake.seen[0]!.authorization).toBe(`Basic ${Buffer.from(`${KEY_ID}:${SECRET}`).toString('base64')}`);
});

it('pages through transactions from the newest to the first, each once', async () => {
  const fake = await FakeLuno.start();
  const { call } = await openHere(fake);
  const rows: number[] = [];
  let cursor: unknown;
  do {
    const { data } = await call('list_transactions', { account_id: '111', limit: 5, ...(cursor ? { cursor } : {}) });
    rows.push(...(data['transactions'] as { row_index: number }[]).map(({ row_index: row }) => row));
    cursor = data['next_cursor'];
  } while (cursor);
  expect(rows).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  expect(fake.seen.map(({ query }) => `${query.get('min_row')} ${query.get('max_row')}`)).toEqual([
    '-5 0',
    '3 8',
    '1 3',
  ]);
});

it('gives amounts that Luno writes as numbers digit by digit', async () => {
  const { call } = await openHere(await FakeLuno.start());
  const { data } = await call('list_transactions', { account_id: '111', limit: 1 });
  expect(data['transactions']).toMatchObject([
    { balance: '0.10000000000000000012', available: '0.00000001', balance_delta: '-0.1', available_delta: '0' },
  ]);
});

it('takes a list that Luno writes as null as empty', async () => {
  const { call } = await openHere(await FakeLuno.start());
  expect((await call('list_pending_transactions', { account_id: '111' })).data).toEqual({ transactions: [] });
});

it('tells the fees of a market', async () => {
  const { call } = await openHere(await FakeLuno.start());
  expect((await call('get_fees', { pair: 'BTCZAR' })).data).toMatchObject({ pair: 'XBTZAR', taker_fee: '0.006' });
});

it('pages through own trades by their sequence', async () => {
  const { call } = await openHere(await FakeLuno.start());
  const first = await call('list_own_trades', { pair: 'XBTZAR', limit: 3 });
  expect(first.data).toMatchObject({ trades: [{ sequence: 5 }, {}, { sequence: 3 }], next_cursor: '3' });
  const second = await call('list_own_trades', { pair: 'XBTZAR', limit: 3, cursor: '3' });
  expect(second.data).toMatchObject({ trades: [{ sequence: 2 }, { sequence: 1 }] });
  expect(second.data['next_cursor']).toBeUndefined();
});

it('pages through orders by the time they were made', async () => {
  const fake = await FakeLuno.start();
  const { call } = await openHere(fake);
  const first = await call('list_orders', { pair: 'btczar', limit: 2 });
  expect(first.data).toMatchObject({ orders: [{ order_id: 'BX3' }, { order_id: 'BX2' }] });
  const second = await call('list_orders', { closed: true, limit: 2, cursor: first.data['next_cursor'] });
  expect(second.data).toMatchObject({ orders: [{ order_id: 'BX1' }] });
  expect(fake.seen.map(({ query }) => `${query.get('pair')} ${query.get('closed')}`)).toEqual([
    'XBTZAR false',
    'null true',
  ]);
});

it('gives each order once, though several were made in the same millisecond', async () => {
  const fake = await FakeLuno.start();
  const [order] = (await (await openHere(fake)).call('list_orders', { limit: 1 })).data['orders'] as object[];
  const times = [...Array(7).fill(5000), ...Array(3).fill(4000), 3000] as number[];
  const all = times.map((time, index) => ({ ...order, order_id: `BX${index}`, creation_timestamp: time }));
  fake.routes.set('/api/exchange/2/listorders', ({ query }) => {
    const before = Number(query.get('created_before') ?? Infinity);
    const orders = all.filter((one) => one.creation_timestamp < before).slice(0, Number(query.get('limit')));
    return { body: { orders } };
  });
  const { call } = await openHere(fake);
  for (const limit of [1, 2, 3, 100]) {
    const ids: string[] = [];
    let cursor: unknown;
    do {
      const { data } = await call('list_orders', { limit, ...(cursor ? { cursor } : {}) });
      ids.push(...(data['orders'] as { order_id: string }[]).map(({ order_id: id }) => id));
      cursor = data['next_cursor'];
    } while (cursor);
    expect(ids, `pages of ${limit}`).toEqual(all.map(({ order_id: id }) => id));
  }
  expect((await call('list_orders', { cursor: 'nonsense' })).error).toMatchObject({ code: 'invalid_argument' });
});

it('finds an order by either of its ids, and takes one of them only', async () => {
  const { call } = await openHere(await FakeLuno.start());
  expect((await call('get_order', { order_id: 'BXMC2CJ7HNB88U4' })).data).toMatchObject({ client_order_id: 'mine-1' });
  expect((await call('get_order', { client_order_id: 'mine-1' })).data).toMatchObject({ order_id: 'BXMC2CJ7HNB88U4' });
  expect((await call('get_order', { order_id: 'BXNONE' })).error).toMatchObject({
    code: 'not_found',
    luno_code: 'ErrOrderNotFound',
  });
  expect((await call('get_order')).error).toMatchObject({ code: 'invalid_argument' });
});
