import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Failure } from '../src/failure.ts';
import { Http, type HttpRequest } from '../src/http.ts';
import { API_KEY, fakeApi, type FakeApi, ORG_ID } from './support/fake-api.ts';
import { inside } from './support/inside.ts';
import { ORGANIZATION } from './support/things.ts';

const NOW = new Date('2026-11-21T09:00:00Z');
const LIMITED = { status: 429, body: { message: "You've reached the limit.", code: 'RATE_LIMIT_EXCEEDED' } };

/** Asks the fake for `tags`, with a clock that does not tick, and tells how long it would have waited. */
async function ask(fake: Pick<FakeApi, 'url'>, request: Partial<HttpRequest> = {}, timeoutMs = 5_000) {
  const waits: number[] = [];
  const told: string[] = [];
  const http = new Http({
    baseUrl: fake.url,
    headers: { 'x-tallyfy-client': 'APIClient', authorization: `Bearer ${API_KEY}` },
    secret: API_KEY,
    timeoutMs,
    now: () => NOW,
    wait: (milliseconds) => Promise.resolve(waits.push(milliseconds)),
  });
  const outcome = await http
    .json({
      method: 'GET',
      path: `organizations/${ORG_ID}/tags`,
      signal: new AbortController().signal,
      waiting: (_milliseconds, reason) => told.push(reason),
      ...request,
    })
    .catch((error: unknown) => error);
  return { outcome, waits, told };
}

describe('a request', () => {
  it.each([
    ['a number of seconds', '7', [7_000]],
    ['a date', 'Sat, 21 Nov 2026 09:00:12 GMT', [12_000]],
    ['a date that has passed', 'Sat, 21 Nov 2026 08:00:00 GMT', [0]],
    ['nonsense', 'soon', [500]],
  ])('that is turned away waits for as long as Retry-After says: %s', async (_case, header, expected) => {
    const fake = await fakeApi(ORGANIZATION);
    fake.next.push(() => ({ ...LIMITED, headers: { 'retry-after': header } }));
    const { outcome, waits, told } = await ask(fake);
    expect(outcome).toMatchObject({ data: [{ title: 'Urgent' }] });
    expect(waits).toEqual(expected);
    expect(told).toEqual([expect.stringContaining('429')]);
  });

  it('is given up after three attempts', async () => {
    const fake = await fakeApi(ORGANIZATION);
    fake.next.push(
      () => LIMITED,
      () => LIMITED,
      () => LIMITED,
    );
    const { outcome, waits } = await ask(fake);
    expect(outcome).toMatchObject({ code: 'rate_limited', status: 429 });
    expect(waits).toEqual([500, 1_000]);
    expect(fake.asked).toHaveLength(3);
  });

  it('is not repeated when that would take longer than half a minute, and tells how long', async () => {
    const fake = await fakeApi(ORGANIZATION);
    fake.next.push(() => ({ ...LIMITED, headers: { 'retry-after': '3600' } }));
    const { outcome, waits } = await ask(fake);
    expect(outcome).toMatchObject({ code: 'rate_limited', message: expect.stringContaining('3600 s') });
    expect(waits).toEqual([]);
  });

  it.each([502, 503, 504])('that reads is repeated after %d', async (status) => {
    const fake = await fakeApi(ORGANIZATION);
    fake.next.push(() => ({ status, body: '<html>' }));
    expect((await ask(fake)).outcome).toMatchObject({ data: [{ title: 'Urgent' }] });
    expect(fake.asked).toHaveLength(2);
  });

  it.each(['POST', 'PUT', 'DELETE'] as const)(
    'that changes something is not repeated after 503: %s',
    async (method) => {
      const fake = await fakeApi(ORGANIZATION);
      fake.next.push(() => ({ status: 503, body: '' }));
      expect((await ask(fake, { method })).outcome).toMatchObject({ code: 'unavailable', status: 503 });
      expect(fake.asked).toHaveLength(1);
    },
  );

  it('that changes something is repeated after 429, with the same body', async () => {
    const fake = await fakeApi(ORGANIZATION);
    fake.next.push(() => LIMITED);
    await ask(fake, { method: 'POST', body: { title: 'Late' } });
    expect(fake.asked.map(({ body }) => body)).toEqual([{ title: 'Late' }, { title: 'Late' }]);
  });

  it.each([
    [400, 'invalid'],
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [404, 'not_found'],
    [409, 'invalid'],
    [418, 'unexpected_answer'],
    [422, 'invalid'],
    [500, 'unavailable'],
  ])('that is answered with %d fails with the code %s, at once', async (status, code) => {
    const fake = await fakeApi(ORGANIZATION);
    fake.next.push(() => ({ status, body: { message: 'Said so.', errors: { title: ['The title is too long.'] } } }));
    const { outcome, waits } = await ask(fake);
    expect(outcome).toBeInstanceOf(Failure);
    expect(outcome).toMatchObject({
      code,
      status,
      message: expect.stringContaining('Said so; The title is too long.'),
    });
    expect(waits).toEqual([]);
  });

  it.each([
    [{ title: { message: 'Too long.', code: 'max' } }, 'Said so; Too long; max.'],
    [[{ field: 'title', errors: ['Too long.', 'Too dull.'] }], 'Said so; title; Too long; Too dull.'],
    ['Too long', 'Said so; Too long.'],
    [null, '422: Said so.'],
  ])('that is refused tells why in words, however they are packed: %j', async (errors, words) => {
    const fake = await fakeApi(ORGANIZATION);
    fake.next.push(() => ({ status: 422, body: { message: 'Said so.', errors } }));
    const { outcome } = await ask(fake);
    expect((outcome as Failure).message).toContain(words);
    expect((outcome as Failure).message).not.toContain('[object');
  });

  it('has a time limit', async () => {
    const fake = await fakeApi(ORGANIZATION);
    fake.next.push(() => new Promise(() => {}));
    expect((await ask(fake, {}, 50)).outcome).toMatchObject({
      code: 'timed_out',
      message: expect.stringContaining('0.05 s'),
    });
    await expect.poll(() => fake.aborted, { timeout: 10_000 }).toEqual(['GET tags']);
    expect(fake.asked).toHaveLength(1);
  });

  it('does not follow a redirect, which could take the key elsewhere', async () => {
    const fake = await fakeApi(ORGANIZATION);
    fake.next.push(() => ({ status: 302, headers: { location: `${fake.url}/organizations/${ORG_ID}/me` }, body: '' }));
    expect((await ask(fake)).outcome).toMatchObject({ code: 'unexpected_answer', status: 302 });
    expect(fake.asked).toHaveLength(1);
  });

  it.each([
    ['is not JSON', { body: '<html>Welcome</html>' }, 'something other than JSON'],
    ['is very large', { body: `"${'x'.repeat(10_000_001)}"` }, '10000000 bytes'],
  ])('fails when the answer %s', async (_case, reply, message) => {
    const fake = await fakeApi(ORGANIZATION);
    fake.next.push(() => reply);
    expect((await ask(fake)).outcome).toMatchObject({
      code: 'unexpected_answer',
      message: expect.stringContaining(message),
    });
  });

  it('that reaches nobody is repeated, and then fails', async () => {
    const { outcome, waits } = await ask({ url: `http://127.0.0.1:${await freePort()}` });
    expect(outcome).toMatchObject({ code: 'unreachable', message: expect.stringContaining('ECONNREFUSED') });
    expect(waits).toEqual([500, 1_000]);
  });

  it('uses a connection of those before it again', async () => {
    const fake = await fakeApi(ORGANIZATION);
    for (let number = 0; number < 20; number += 1) await ask(fake);
    expect(fake.asked).toHaveLength(20);
    // A second one is opened by a request that comes before the first is put back.
    expect(fake.connections).toBeLessThanOrEqual(2);
  });
});

describe('a secret', () => {
  it('is in no failure, whoever repeats it', async () => {
    const fake = await fakeApi(ORGANIZATION);
    fake.next.push(() => ({ status: 400, body: { message: `Wrong: Bearer ${API_KEY}` } }));
    const { outcome } = await ask(fake);
    expect(String(outcome)).toContain('Wrong: Bearer [hidden]');
  });

  it('is in no failure when it cannot even be sent', async () => {
    const apiKey = 'first\nsecond';
    const { call } = await inside(await fakeApi(), { credentials: { apiKey, orgId: ORG_ID } });
    const { code, text } = await call('get_me');
    expect(code).toBe('not_configured');
    expect(text).not.toContain('second');
  });

  it('of a person is in no result: neither the link of a guest, nor tokens', async () => {
    const guest = { email: 'guest@example.com', link: 'https://tallyfy.example.com/guest/c0de', guest_code: 'c0de' };
    const fake = await fakeApi({ guests: [{ ...guest, details: { api_token: 'c0de', link: 'not a secret' } }] });
    const { call } = await inside(fake);
    const { data } = await call('get_organization_guests');
    expect(data).toMatchObject({ items: [{ email: 'guest@example.com', details: { link: 'not a secret' } }] });
    expect(JSON.stringify(data)).not.toContain('c0de');
  });
});

/** A port that nobody listens at. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
