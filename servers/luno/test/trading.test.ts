import { describe, expect, it } from 'vitest';
import { error, FakeLuno } from './support/fake-luno.ts';
import { flavours, open, openHere, type UserAnswer } from './support/session.ts';

const LIMIT = { pair: 'btc-zar', side: 'BUY', volume: '0.000500', price: '1250000' };

const WRONG: [object, string][] = [
  [{ price: '1250000.5' }, 'price is 1250000.5, and XBTZAR takes at most 0 places after the point'],
  [{ price: '9' }, 'price is 9, and XBTZAR takes no less than 10.00'],
  [{ price: '10000001' }, 'price is 10000001, and XBTZAR takes no more than 10000000.00'],
  [{ volume: '0.00050001' }, 'volume is 0.00050001, and XBTZAR takes at most 6 places after the point'],
  [{ volume: '0.00001' }, 'volume is 0.00001, and XBTZAR takes no less than 0.0001'],
  [{ volume: '100.000001' }, 'volume is 100.000001, and XBTZAR takes no more than 100.00'],
  [{ volume: '1e-3' }, "volume is '1e-3'"],
  [{ volume: '-1' }, "volume is '-1'"],
  [{ volume: '0' }, "volume is '0'"],
  [{ post_only: true, time_in_force: 'IOC' }, 'post_only goes with GTC'],
];

const agree: UserAnswer = { action: 'accept', content: { confirm: true } };

describe.each(flavours)('through %s', (flavour) => {
  it('asks the user with the whole order, and places it once they agree', async () => {
    const fake = await FakeLuno.start();
    const asked: string[] = [];
    const { call } = await open(fake, { flavour, answer: (message) => (asked.push(message), agree) });
    const { data } = await call('place_limit_order', { ...LIMIT, client_order_id: 'mine-2' });
    expect(data).toEqual({ order_id: 'BXNEW', client_order_id: 'mine-2', pair: 'XBTZAR' });
    expect(asked).toEqual(['Buy 0.0005 XBT at 1250000 ZAR each, 625 ZAR in all, in XBTZAR at Luno?']);
    expect(Object.fromEntries(fake.asked('/api/1/postorder')[0]!.form)).toEqual({
      pair: 'XBTZAR',
      type: 'BID',
      volume: '0.0005',
      price: '1250000',
      post_only: 'false',
      time_in_force: 'GTC',
      client_order_id: 'mine-2',
    });
  });

  it('places and cancels nothing unless the user agrees', async () => {
    const fake = await FakeLuno.start();
    const answers: UserAnswer[] = [
      { action: 'decline' },
      { action: 'cancel' },
      { action: 'accept', content: { confirm: false } },
      { action: 'decline' },
    ];
    const { call } = await open(fake, { flavour, answer: () => answers.shift()! });
    for (let nth = 0; nth < 3; nth += 1) {
      expect((await call('place_limit_order', LIMIT)).error).toMatchObject({ code: 'declined' });
    }
    expect((await call('cancel_order', { order_id: 'BX1' })).error).toMatchObject({ code: 'declined' });
    expect(answers).toEqual([]);
    expect(fake.seen.filter(({ method }) => method === 'POST')).toEqual([]);
  });

  it('does what it is told for a client that cannot ask', async () => {
    const fake = await FakeLuno.start();
    const { call } = await open(fake, { flavour });
    expect((await call('cancel_order', { order_id: 'BX1' })).data).toEqual({ order_id: 'BX1', success: true });
    expect(fake.asked('/api/1/stoporder')[0]!.form.get('order_id')).toBe('BX1');
  });
});

describe('orders', () => {
  it('get an id of their own if the caller gives none', async () => {
    const fake = await FakeLuno.start();
    const { call } = await openHere(fake);
    const { data } = await call('place_limit_order', LIMIT);
    expect(data['client_order_id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(fake.asked('/api/1/postorder')[0]!.form.get('client_order_id')).toBe(data['client_order_id']);
  });

  it('may wait for a stop price', async () => {
    const fake = await FakeLuno.start();
    const { call } = await openHere(fake);
    await call('place_stop_order', { ...LIMIT, side: 'SELL', stop_price: '1200000', stop_direction: 'BELOW' });
    expect(Object.fromEntries(fake.asked('/api/1/postorder')[0]!.form)).toMatchObject({
      type: 'ASK',
      stop_price: '1200000',
      stop_direction: 'BELOW',
    });
  });

  it('at the market buy for an amount and sell an amount', async () => {
    const fake = await FakeLuno.start();
    const { call } = await openHere(fake);
    await call('place_market_order', { pair: 'XBTZAR', side: 'BUY', counter_volume: '100.50' });
    await call('place_market_order', { pair: 'XBTZAR', side: 'SELL', base_volume: '0.001' });
    const [buy, sell] = fake.asked('/api/1/marketorder').map(({ form }) => Object.fromEntries(form));
    expect(buy).toMatchObject({ type: 'BUY', counter_volume: '100.5' });
    expect(sell).toMatchObject({ type: 'SELL', base_volume: '0.001' });
    for (const volumes of [{ base_volume: '1' }, { base_volume: '1', counter_volume: '100' }, {}]) {
      const { error } = await call('place_market_order', { pair: 'XBTZAR', side: 'BUY', ...volumes });
      expect(error).toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('counter_volume') });
    }
  });

  it('that the market does not take are refused before they are sent', async () => {
    const fake = await FakeLuno.start();
    const { call } = await openHere(fake);
    for (const [wrong, message] of WRONG) {
      const { error } = await call('place_limit_order', { ...LIMIT, ...wrong });
      expect(error).toMatchObject({ code: 'invalid_argument', message: expect.stringContaining(message) });
    }
    expect(fake.asked('/api/1/postorder')).toEqual([]);
  });

  it('in a market that is not there are refused', async () => {
    const { call } = await openHere(await FakeLuno.start());
    expect((await call('place_limit_order', { ...LIMIT, pair: 'DOGEZAR' })).error).toMatchObject({ code: 'not_found' });
  });

  it('are sent again after 429, and after nothing else', async () => {
    const fake = await FakeLuno.start();
    let times = 0;
    fake.routes.set('/api/1/postorder', () => {
      times += 1;
      return times === 1
        ? error(429, 'Too many requests.', 'ErrTooManyRequests', { 'retry-after': '0' })
        : error(503, 'Down.', 'ErrInternal');
    });
    const { call } = await openHere(fake);
    const result = await call('place_limit_order', { ...LIMIT, client_order_id: 'mine-3' });
    expect(result.error).toMatchObject({ code: 'outcome_unknown', status: 503 });
    expect(result.text).toContain('client_order_id mine-3');
    expect(times).toBe(2);
  });

  it('that are not answered in time may have been placed, and the answer says so', async () => {
    const fake = await FakeLuno.start();
    fake.routes.set('/api/1/postorder', () => ({ hang: true }));
    const { call } = await openHere(fake, { timeoutMs: 2_000 });
    expect((await call('place_limit_order', LIMIT)).error).toMatchObject({ code: 'outcome_unknown' });
    expect(fake.asked('/api/1/postorder')).toHaveLength(1);
  });

  it('that Luno knows already or cannot pay are refused with its code', async () => {
    const fake = await FakeLuno.start();
    const { call } = await openHere(fake);
    fake.routes.set('/api/1/postorder', () => error(409, 'Duplicate.', 'ErrDuplicateClientOrderID'));
    expect((await call('place_limit_order', LIMIT)).error).toMatchObject({ code: 'duplicate_order', status: 409 });
    fake.routes.set('/api/1/postorder', () => error(400, 'Too little.', 'ErrInsufficientBalance'));
    expect((await call('place_limit_order', LIMIT)).error).toMatchObject({
      code: 'refused',
      luno_code: 'ErrInsufficientBalance',
    });
  });
});
