import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type ErrorCode, ERRORS } from '../src/errors.ts';
import { type Answer, error, FakeLuno, SECRET, ticker } from './support/fake-luno.ts';
import { flavours, open, openHere } from './support/session.ts';

const TICKER = '/api/1/ticker';

const REFUSALS: [Answer, ErrorCode, string][] = [
  [error(401, 'Invalid.', 'ErrUnauthorised'), 'credentials_refused', '401: Invalid. (ErrUnauthorised)'],
  [error(403, 'Forbidden.', 'ErrInsufficientPerms'), 'not_permitted', '403: Forbidden. (ErrInsufficientPerms)'],
  [error(400, 'No such pair.', 'ErrInvalidMarketPair'), 'not_found', '400: No such pair. (ErrInvalidMarketPair)'],
  [error(400, 'Bad.', 'ErrInvalidArguments'), 'refused', '400: Bad. (ErrInvalidArguments)'],
  [{ body: { pair: 'XBTZAR' } }, 'unexpected_answer', 'has not the form it should have'],
  [{ body: '<html>' }, 'unexpected_answer', 'was not answered with JSON'],
  [{ body: JSON.stringify('x'.repeat(16 * 1024 * 1024)) }, 'unexpected_answer', 'more than 16777216 bytes'],
];

describe.each(flavours)('through %s, a call', (flavour) => {
  it('that is cancelled aborts its request to Luno', async () => {
    const fake = await FakeLuno.start();
    const { call } = await open(fake, { flavour });
    const cancel = new AbortController();
    fake.routes.set(TICKER, () => {
      cancel.abort('enough');
      return { hang: true };
    });
    await expect(call('get_ticker', { pair: 'XBTZAR' }, { signal: cancel.signal })).rejects.toThrow('enough');
    await fake.aborted;
    fake.routes.delete(TICKER);
    expect((await call('get_ticker', { pair: 'XBTZAR' })).isError).toBe(false);
    expect(fake.asked(TICKER)).toHaveLength(2);
  });
});

describe('a call that only reads', () => {
  it('is repeated after 429 when Retry-After has passed, and says that it waits', async () => {
    const fake = await FakeLuno.start();
    const { call, inbox } = await openHere(fake);
    const at: number[] = [];
    fake.routes.set(TICKER, () => {
      at.push(performance.now());
      return at.length === 1
        ? error(429, 'Too many requests.', 'ErrTooManyRequests', { 'retry-after': '1' })
        : { body: ticker('XBTZAR') };
    });
    const { isError } = await call('get_ticker', { pair: 'XBTZAR' }, { onprogress: () => {} });
    expect(isError).toBe(false);
    expect(at[1]! - at[0]!).toBeGreaterThan(950);
    expect(await inbox.next('notifications/progress')).toMatchObject({ progress: 1, message: 'Waits 1 s for Luno' });
  });

  it('gives a long Retry-After to the caller instead of waiting', async () => {
    const fake = await FakeLuno.start();
    fake.routes.set(TICKER, () => error(429, 'Too many requests.', 'ErrTooManyRequests', { 'retry-after': '45' }));
    const { call } = await openHere(fake);
    const { error: result, text } = await call('get_ticker', { pair: 'XBTZAR' });
    expect(result).toMatchObject({ code: 'rate_limited', status: 429, retry_after_seconds: 45 });
    expect(text).toContain('retry_after_seconds: 45');
    const date = new Date(Date.now() + 300_000).toUTCString();
    fake.routes.set(TICKER, () => error(429, 'Too many requests.', 'ErrTooManyRequests', { 'retry-after': date }));
    const { error: later } = await call('get_ticker', { pair: 'XBTZAR' });
    expect(Math.abs(Number(later?.['retry_after_seconds']) - 295)).toBeLessThan(6);
    expect(fake.seen).toHaveLength(2);
  });

  it('is tried three times while Luno has a fault', async () => {
    const fake = await FakeLuno.start();
    fake.routes.set(TICKER, () => ({ status: 502, headers: { 'retry-after': '0' }, body: '<html>Bad gateway</html>' }));
    const { call } = await openHere(fake);
    expect((await call('get_ticker', { pair: 'XBTZAR' })).error).toMatchObject({ code: 'unavailable', status: 502 });
    expect(fake.seen).toHaveLength(3);
  });

  it('fails when Luno does not answer in time', async () => {
    const fake = await FakeLuno.start();
    fake.routes.set(TICKER, () => ({ hang: true }));
    const { call } = await openHere(fake, { timeoutMs: 300 });
    const { error: result } = await call('get_ticker', { pair: 'XBTZAR' });
    expect(result).toMatchObject({ code: 'timeout', message: `GET ${TICKER} was not answered within 0.3 s.` });
    await fake.aborted;
  });

  it('that Luno refuses fails at once, with a code and what to do', async () => {
    const fake = await FakeLuno.start();
    const { call } = await openHere(fake);
    for (const [answer, code, said] of REFUSALS) {
      fake.seen.length = 0;
      fake.routes.set(TICKER, () => answer);
      const { error: result, text, isError } = await call('get_ticker', { pair: 'XBTZAR' });
      expect(result).toMatchObject({ code, advice: ERRORS[code] });
      expect(text).toMatch(new RegExp(`^${code}: .*${ERRORS[code]}$`, 's'));
      expect(text).toContain(said);
      expect(isError).toBe(true);
      expect(fake.seen).toHaveLength(1);
    }
  });

  it('does not follow a redirect, which could carry the key away', async () => {
    const fake = await FakeLuno.start();
    const elsewhere = await FakeLuno.start();
    fake.routes.set(TICKER, () => ({
      status: 302,
      headers: { location: `${elsewhere.baseUrl}/api/1/ticker?pair=XBTZAR` },
    }));
    const { call } = await openHere(fake);
    expect((await call('get_ticker', { pair: 'XBTZAR' })).error).toMatchObject({
      code: 'unexpected_answer',
      status: 302,
    });
    expect(elsewhere.seen).toEqual([]);
  });
});

it('a base URL may have a path', async () => {
  const fake = await FakeLuno.start();
  fake.routes.set('/luno/api/1/ticker', () => ({ body: ticker('XBTZAR') }));
  const { call } = await openHere(fake, { baseUrl: `${fake.baseUrl}/luno/` });
  expect((await call('get_ticker', { pair: 'XBTZAR' })).isError).toBe(false);
});

it('calls come over one kept-alive connection, one after the other', async () => {
  const fake = await FakeLuno.start();
  const { call } = await open(fake);
  for (let nth = 0; nth < 3; nth += 1) await call('get_ticker', { pair: 'XBTZAR' });
  expect(new Set(fake.seen.map(({ port }) => port)).size).toBe(1);
});

it('an order that could not even be sent has certainly not been placed', async () => {
  const fake = await FakeLuno.start();
  const { call } = await openHere(fake, { baseUrl: await deadAddress() });
  expect((await call('cancel_order', { order_id: 'BX1' })).error).toMatchObject({ code: 'unavailable' });
});

it('the secret is in no result and no log, whatever Luno answers', async () => {
  const fake = await FakeLuno.start();
  for (const path of [TICKER, '/api/1/balance', '/api/1/stoporder']) {
    fake.routes.set(path, () => error(400, 'Bad.', 'ErrInvalidArguments'));
  }
  fake.onStream((stream) => stream.refuse('invalid_market'));
  const { call, subscribe, stderr } = await open(fake);
  const results = [
    await call('get_ticker', { pair: 'XBTZAR' }),
    await call('get_balances'),
    await call('cancel_order', { order_id: '1' }),
  ];
  await subscribe('luno://ticker/XBTZAR');
  await expect.poll(stderr).toContain('invalid_market');
  expect(results.every(({ isError }) => isError)).toBe(true);
  const basic = fake.seen[0]!.authorization!.replace('Basic ', '');
  for (const text of [JSON.stringify(results), stderr()]) {
    expect(text).not.toContain(SECRET);
    expect(text).not.toContain(basic);
  }
});

/** An address where nobody listens. */
async function deadAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}
