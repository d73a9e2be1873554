import { describe, expect, it } from 'vitest';
import { FakeLuno, ticker } from './support/fake-luno.ts';
import { flavours, open, openHere } from './support/session.ts';

describe.each(flavours)('through %s and without a key', (flavour) => {
  it('tells a ticker as data and as text, with decimals as Luno wrote them', async () => {
    const fake = await FakeLuno.start();
    const { call } = await open(fake, { flavour, env: {} });
    const { data, text } = await call('get_ticker', { pair: 'btc/zar' });
    expect(data).toMatchObject({ pair: 'XBTZAR', ask: '1250100.00000000', rolling_24_hour_volume: '53.12345678' });
    expect(text).toContain('"ask":"1250100.00000000"');
    expect(fake.seen).toMatchObject([{ path: '/api/1/ticker', authorization: undefined }]);
  });

  it('refuses what needs a key before anything is sent, and says what to set', async () => {
    const fake = await FakeLuno.start();
    const { call, instructions } = await open(fake, { flavour, env: { LUNO_API_KEY_ID: '', LUNO_API_SECRET: '' } });
    for (const [name, args] of [
      ['get_balances', {}],
      ['list_candles', { pair: 'XBTZAR', since: 0 }],
    ] as const) {
      const { isError, text, error } = await call(name, args);
      expect({ isError, code: error?.['code'] }).toEqual({ isError: true, code: 'credentials_missing' });
      expect(text).toMatch(/^credentials_missing: .*LUNO_API_KEY_ID/s);
    }
    expect(fake.seen).toEqual([]);
    expect(instructions).toContain('No API key');
  });
});

describe('the market tools', () => {
  it('page through the markets, and choose by currency', async () => {
    const fake = await FakeLuno.start();
    const { call } = await openHere(fake);
    const first = await call('list_markets', { currency: 'btc', limit: 1 });
    expect(first.data).toMatchObject({ markets: [{ market_id: 'XBTZAR', price_scale: 0 }], next_cursor: '1' });
    const second = await call('list_markets', { currency: 'btc', limit: 1, cursor: '1' });
    expect(second.data).toMatchObject({ markets: [{ market_id: 'ETHXBT' }] });
    expect(second.data['next_cursor']).toBeUndefined();
    // They change rarely, and are asked for once.
    expect(fake.seen).toHaveLength(1);
  });

  it('ask for several tickers in one call', async () => {
    const fake = await FakeLuno.start();
    const { call } = await openHere(fake);
    const { data } = await call('list_tickers', { pairs: ['eth-zar', 'BTC ZAR'] });
    expect(data['tickers']).toHaveLength(2);
    expect(fake.seen[0]!.query.getAll('pair')).toEqual(['ETHZAR', 'XBTZAR']);
  });

  it('leave out what of one market cannot be read, and say so', async () => {
    const fake = await FakeLuno.start();
    const odd = { ...ticker('ODDZAR'), bid: null };
    fake.routes.set('/api/1/tickers', () => ({ body: { tickers: [ticker('XBTZAR'), odd, 7, ticker('ETHZAR')] } }));
    const { call } = await openHere(fake);
    const { data, text } = await call('list_tickers', {});
    expect(data).toMatchObject({
      tickers: [{ pair: 'XBTZAR' }, { pair: 'ETHZAR' }],
      unreadable: ['ODDZAR', 'one without a name'],
    });
    expect(text).toContain('2 of 2 tickers. Luno sent something unreadable for ODDZAR, one without a name.');
    const markets = (await call('list_markets', {})).data['markets'] as object[];
    fake.routes.set('/api/exchange/1/markets', () => ({ body: { markets: [{ market_id: 'ODDZAR' }, ...markets] } }));
    const fresh = await openHere(fake);
    expect((await fresh.call('list_markets', {})).data).toMatchObject({ markets, unreadable: ['ODDZAR'] });
  });

  it('tell as many levels of the order book as asked for, without rounding', async () => {
    const { call } = await openHere(await FakeLuno.start());
    const { data } = await call('get_order_book', { pair: 'XBTZAR', depth: 2 });
    expect(data).toMatchObject({
      bids: [{ price: '1250000.00' }, { price: '1249999.00' }],
      asks: [{ volume: '0.123456789012345678' }, {}],
    });
  });

  it('list trades since a time', async () => {
    const fake = await FakeLuno.start();
    const { call } = await openHere(fake);
    const { data } = await call('list_trades', { pair: 'XBTZAR', since: 1_794_000_000_000, limit: 2 });
    expect(data['trades']).toMatchObject([{ sequence: 3 }, { sequence: 2 }]);
    expect(fake.seen[0]!.query.get('since')).toBe('1794000000000');
  });

  it('page through candles without a gap', async () => {
    const { call } = await openHere(await FakeLuno.start());
    const since = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 5 * 3_600_000;
    const first = await call('list_candles', { pair: 'XBTZAR', duration: 3600, since, limit: 4 });
    expect(first.data['next_cursor']).toBe(String(since + 4 * 3_600_000));
    const args = { pair: 'XBTZAR', duration: 3600, since, limit: 4, cursor: first.data['next_cursor'] };
    const second = await call('list_candles', args);
    expect((second.data['candles'] as { timestamp: number }[])[0]?.timestamp).toBe(since + 4 * 3_600_000);
    expect(second.data['next_cursor']).toBeUndefined();
  });

  it('sum up the price range over several pages, exactly, with progress for each', async () => {
    const fake = await FakeLuno.start();
    const { call, inbox } = await openHere(fake);
    const { data } = await call('get_price_range', { pair: 'XBTZAR', days: 100 }, { onprogress: () => {} });
    expect(data).toMatchObject({
      open: '100.1',
      close: '105.105',
      high: '110.3',
      low: '90.2',
      change: '5.005',
      change_percent: '5.00',
      average: '105.105',
      volume: '240',
      candle_count: 2400,
    });
    expect(fake.asked('/api/exchange/1/candles')).toHaveLength(3);
    expect(inbox.rest('notifications/progress').map(({ params }) => params)).toMatchObject([
      { progress: 1, total: 3, message: '1000 hours read' },
      { progress: 2, total: 3, message: '2000 hours read' },
    ]);
  });
});
