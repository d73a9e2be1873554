import { describe, expect, it } from 'vitest';
import { FakeLuno } from './support/fake-luno.ts';
import { flavours, open, openHere } from './support/session.ts';

const TICKER = 'luno://ticker/XBTZAR';
const BOOK = 'luno://orderbook/XBTZAR';
const UPDATED = 'notifications/resources/updated';

describe.each(flavours)('through %s', (flavour) => {
  it('reads resources from the API while nobody is subscribed', async () => {
    const fake = await FakeLuno.start();
    const { client, read } = await open(fake, { flavour });
    expect(await read('luno://ticker/btc-zar')).toMatchObject({
      pair: 'XBTZAR',
      source: 'api',
      bid: '1250000.00000000',
    });
    expect(await read(BOOK)).toMatchObject({ pair: 'XBTZAR', source: 'api' });
    expect((await read('luno://markets'))['markets']).toHaveLength(3);
    await expect(client.readResource({ uri: 'luno://ticker/NOSUCH' })).rejects.toThrow('not_found');
    expect(fake.streams).toEqual([]);
  });

  it('tells of changes of a subscribed order book, and reads it from the stream', async () => {
    const fake = await FakeLuno.start();
    const { inbox, read, subscribe } = await open(fake, { flavour });
    const end = await subscribe(BOOK);
    expect(await inbox.next(UPDATED)).toMatchObject({ uri: BOOK });
    expect(await read(BOOK)).toMatchObject({
      source: 'stream',
      sequence: '40',
      bids: [
        { price: '100', volume: '0.3' },
        { price: '99', volume: '3.000000000000000001' },
      ],
      asks: [{ price: '101' }, { price: '102' }],
    });
    const stream = await fake.stream(1);
    expect(stream.path).toBe('/api/1/stream/XBTZAR');
    stream.send('');
    stream.update(41, {
      trade_updates: [{ sequence: 1, base: '0.1', counter: '10', maker_order_id: 'b1', taker_order_id: 't' }],
    });
    expect(await inbox.next(UPDATED)).toMatchObject({ uri: BOOK });
    expect(await read(BOOK)).toMatchObject({ sequence: '41', bids: [{ price: '100', volume: '0.2' }, {}] });
    await end();
    await stream.closed();
    expect(await read(BOOK)).toMatchObject({ source: 'api' });
  });
});

describe('a live resource', () => {
  it('tells of a ticker only when the ticker has changed', async () => {
    const fake = await FakeLuno.start();
    const { inbox, read, subscribe } = await open(fake);
    await subscribe(TICKER);
    await subscribe(BOOK);
    // The snapshot changes both.
    await inbox.next(UPDATED);
    await inbox.next(UPDATED);
    expect(fake.streams).toHaveLength(1);
    const stream = await fake.stream(1);
    // Deep in the book: the order book has changed, the ticker has not.
    stream.update(41, { delete_update: { order_id: 'b3' } });
    expect(await inbox.next(UPDATED)).toMatchObject({ uri: BOOK });
    stream.update(42, { trade_updates: [{ base: '1', counter: '101', maker_order_id: 'a1' }] });
    const told = [await inbox.next(UPDATED), await inbox.next(UPDATED)].map(({ uri }) => uri);
    expect(new Set(told)).toEqual(new Set([BOOK, TICKER]));
    expect(await read(TICKER)).toMatchObject({ source: 'stream', bid: '100', ask: '102', last_trade: '101' });
    expect(inbox.rest(UPDATED)).toEqual([]);
  });

  it('lives where one side of the book is null, and takes updates that came before the snapshot', async () => {
    const fake = await FakeLuno.start();
    fake.onStream((stream) => {
      stream.update(40, { delete_update: { order_id: 'long gone' } });
      stream.update(41, { create_update: { order_id: 'a1', type: 'ASK', price: '101.00', volume: '1' } });
      const bids = [{ id: 'b1', price: '100.00', volume: '0.1' }];
      stream.send({ sequence: '40', bids, asks: null, status: 'ACTIVE', timestamp: 1_794_000_000_000 });
      stream.update(42, { create_update: { order_id: 'a2', type: 'ASK', price: '102.00', volume: '2' } });
    });
    const { read, subscribe } = await open(fake);
    await subscribe(BOOK);
    await expect
      .poll(() => read(BOOK))
      .toMatchObject({
        source: 'stream',
        sequence: '42',
        bids: [{ price: '100' }],
        asks: [{ price: '101' }, { price: '102' }],
      });
    expect(fake.streams).toHaveLength(1);
  });

  it('tells once a second at most, however many updates come', async () => {
    const fake = await FakeLuno.start();
    const { inbox, read, subscribe } = await open(fake);
    await subscribe(BOOK);
    await inbox.next(UPDATED);
    const told = performance.now();
    const stream = await fake.stream(1);
    for (let sequence = 41; sequence <= 60; sequence += 1) stream.update(sequence);
    await inbox.next(UPDATED);
    expect(performance.now() - told).toBeGreaterThan(700);
    expect(await read(BOOK)).toMatchObject({ sequence: '60' });
    expect(inbox.rest(UPDATED)).toEqual([]);
  });

  it.each([
    ['an update is missing', (send: (sequence: number, rest?: object) => void) => send(42)],
    [
      'a trade names an unknown order',
      (send: (sequence: number, rest?: object) => void) =>
        send(41, { trade_updates: [{ base: '1', counter: '1', maker_order_id: 'nobody' }] }),
    ],
  ])('takes a new snapshot when %s', async (_what, breakIt) => {
    const fake = await FakeLuno.start();
    fake.onStream((stream, nth) => stream.snapshot(nth === 1 ? 40 : 70));
    const { inbox, read, subscribe, stderr } = await open(fake);
    await subscribe(BOOK);
    await inbox.next(UPDATED);
    const first = await fake.stream(1);
    breakIt((sequence, rest) => first.update(sequence, rest));
    await first.closed();
    await fake.stream(2);
    await expect.poll(() => read(BOOK)).toMatchObject({ source: 'stream', sequence: '70' });
    expect(stderr()).toMatch(/The stream of XBTZAR is broken: /);
  });

  it('comes back after the connection is cut, and is read from the API meanwhile', async () => {
    const fake = await FakeLuno.start();
    // The second one is silent.
    fake.onStream((stream, nth) => nth === 1 && stream.snapshot(40));
    const { inbox, read, subscribe } = await open(fake);
    await subscribe(BOOK);
    await inbox.next(UPDATED);
    (await fake.stream(1)).cut();
    const second = await fake.stream(2);
    expect(await read(BOOK)).toMatchObject({ source: 'api' });
    second.snapshot(90);
    await expect.poll(() => read(BOOK)).toMatchObject({ source: 'stream', sequence: '90' });
  });

  it('is not dialled again when Luno refuses the market', async () => {
    const fake = await FakeLuno.start();
    fake.onStream((stream) => (stream.path.endsWith('XBTZAR') ? stream.refuse('invalid_market') : stream.cut()));
    const { subscribe, stderr } = await open(fake);
    await subscribe(BOOK);
    await expect.poll(stderr).toContain('Luno refused it: No. (invalid_market)');
    // Another stream that is dialled twice more takes longer than this one would take to be dialled again.
    await subscribe('luno://orderbook/ETHZAR');
    await fake.stream(4);
    expect(fake.streams.filter(({ path }) => path.endsWith('XBTZAR'))).toHaveLength(1);
  });

  it('has the last price from the API until there is a trade', async () => {
    const fake = await FakeLuno.start();
    const { inbox, read, subscribe } = await open(fake);
    await subscribe(TICKER);
    await inbox.next(UPDATED);
    expect(await read(TICKER)).toMatchObject({ source: 'stream', bid: '100', last_trade: '1250050' });
    expect(await read(TICKER)).toMatchObject({ source: 'stream', last_trade: '1250050' });
    expect(fake.asked('/api/1/ticker')).toHaveLength(1);
  });

  it('is one of twenty markets at most', async () => {
    const { subscribe } = await open(await FakeLuno.start(), { flavour: 'SDK v1' });
    for (let nth = 10; nth < 30; nth += 1) await subscribe(`luno://ticker/XBT${nth}A`);
    await expect(subscribe('luno://ticker/XBTZAR')).rejects.toThrow('refused: 20 markets are live');
    await expect(subscribe('luno://orderbook/XBT10A')).resolves.toBeTypeOf('function');
  });

  it('is one of a hundred URIs at most, however they are spelt', async () => {
    const { subscribe } = await open(await FakeLuno.start(), { flavour: 'SDK v1' });
    for (let nth = 0; nth < 100; nth += 1) await subscribe(`luno://ticker/XBT${'-'.repeat(nth)}ZAR`);
    await expect(subscribe('luno://ticker/btc/zar')).rejects.toThrow('is not live');
    await expect(subscribe('luno://ticker/btczar')).rejects.toThrow('refused: 100 resources are watched');
  });

  it('needs an API key', async () => {
    const fake = await FakeLuno.start();
    const legacy = await open(fake, { flavour: 'SDK v1', env: {} });
    await expect(legacy.subscribe(BOOK)).rejects.toThrow('credentials_missing');
    const modern = await open(fake, { env: {} });
    await modern.subscribe(BOOK);
    await expect.poll(modern.stderr).toContain(`'${BOOK}' can only be read`);
  });

  it('is refused if it is none', async () => {
    const { subscribe } = await open(await FakeLuno.start(), { flavour: 'SDK v1' });
    await expect(subscribe('luno://markets')).rejects.toThrow("'luno://markets' is not live");
  });

  it('ends with its session', async () => {
    const fake = await FakeLuno.start();
    const { subscribe, inbox, close } = await openHere(fake);
    await subscribe(BOOK);
    await inbox.next(UPDATED);
    const stream = await fake.stream(1);
    await close();
    await stream.closed();
    expect(fake.streams).toHaveLength(1);
  });
});
