/** What there is for all, and that nobody takes the share of others: places, turns, requests that run, questions that wait. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';

import { initialize, modern, modernHeaders, open, session, startWithKeys, ticketFor } from '../support/access.ts';
import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http, openSession, stream } from '../support/http.ts';
import type { HttpAnswer } from '../support/http.ts';
import { bearer } from '../support/keys.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: { ...servers.scripted, isolation: 'shared' as const } };
type Headers = Record<string, string>;
const echo = (test: TestGateway, headers: Headers): Promise<HttpAnswer> =>
  http(test.http, { headers, body: toolCall(1, 'echo', { text: 'here' }) });
const codeOf = (body: string): unknown =>
  ((JSON.parse(body) as Json)['error'] as { data?: Json } | undefined)?.data?.['code'];

describe('sessions over HTTP that their clients have forgotten', () => {
  it('make room for who comes, the one that was quiet longest first, but not where somebody listens or waits', async () => {
    const test = await startGateway({ upstreams });
    const listening = await openSession(test.http, initializeParams());
    const events = await stream(test.http, { headers: listening });
    const waiting = await openSession(test.http, initializeParams());
    const answer = http(test.http, { headers: waiting, body: toolCall(2, 'slow', { ms: 1500 }) });
    const forgotten: Headers[] = [];
    for (let n = 0; n < 48; n++) forgotten.push(await openSession(test.http, initializeParams()));
    expect(test.gateway.stats.connections).toBe(50);
    for (let n = 0; n < 3; n++)
      expect((await echo(test, await openSession(test.http, initializeParams()))).body).toContain('here');
    expect(test.gateway.stats.connections).toBe(50);
    const found = await Promise.all(forgotten.slice(0, 4).map((headers) => echo(test, headers)));
    expect(found.map(({ status }) => status)).toEqual([404, 404, 404, 200]);
    expect(codeOf(found[0]!.body)).toBe('SWB_SESSION_NOT_FOUND');
    expect((await answer).status).toBe(200);
    expect((await echo(test, listening)).body).toContain('here');
    events.destroy();
  });

  it('are not taken for those of a client whose stream was cut just now', async () => {
    const test = await startGateway({ upstreams, maxConnections: 2 });
    const listening = await openSession(test.http, initializeParams());
    const events = await stream(test.http, { headers: listening });
    const forgotten = await openSession(test.http, initializeParams());
    const [first, second] = test.gateway.operations.sessions();
    await expect.poll(() => Date.now() - second!.lastActivity).toBeGreaterThan(1);
    events.destroy();
    await expect
      .poll(() => test.gateway.operations.sessions()[0]!.lastActivity)
      .toBeGreaterThan(Math.max(first!.lastActivity, second!.lastActivity));
    await openSession(test.http, initializeParams());
    expect((await echo(test, listening)).status).toBe(200);
    expect((await echo(test, forgotten)).status).toBe(404);
  });

  it('are those of who opens too many, not of an honest client beside it', async () => {
    const test = await startWithKeys({ upstreams, maxConnections: 8 });
    const honest = { ...bearer(test.ben), ...(await session(test, bearer(test.ben))) };
    for (let n = 0; n < 30; n++) await session(test, bearer(test.ann));
    expect((await echo(test, honest)).body).toContain('here');
    expect(test.gateway.stats.connections).toBe(8);
    const second = { ...bearer(test.ben), ...(await session(test, bearer(test.ben))) };
    expect((await echo(test, second)).body).toContain('here');
    expect((await echo(test, honest)).body).toContain('here');
  });

  it('make room within what one principal may have, and never of another', async () => {
    const test = await startWithKeys({ upstreams, maxSessionsPerPrincipal: 2 });
    const other = { ...bearer(test.ben), ...(await session(test, bearer(test.ben))) };
    const first = { ...bearer(test.ann), ...(await session(test, bearer(test.ann))) };
    await session(test, bearer(test.ann));
    await session(test, bearer(test.ann));
    expect([(await echo(test, first)).status, (await echo(test, other)).status]).toEqual([404, 200]);
    expect(test.gateway.stats.connections).toBe(3);
  });

  it('are not sockets: who is connected keeps its place', async () => {
    const test = await startGateway({ upstreams, maxConnections: 2 });
    const clients = [await WireClient.session(test.ws), await WireClient.session(test.ws)];
    expect((await http(test.http, { body: initialize })).status).toBe(503);
    for (const client of clients) expect(textOf(await client.call(1, 'echo', { text: 'still' }))).toBe('still');
    for (const client of clients) client.socket.close();
    await expectEmpty(test, { members: 1 });
  });
});

describe('requests that run', () => {
  const call = (test: TestGateway, token: string, tool: string, args: Json = {}): Promise<HttpAnswer> =>
    http(test.http, {
      headers: { ...bearer(token), ...modernHeaders('tools/call', tool) },
      body: modern(1, 'tools/call', { name: tool, arguments: args }),
    });

  it('are counted from when they are let in, also while their server is only being started', async () => {
    const test = await startWithKeys({ upstreams, roles: { default: { limits: { concurrent: 2 } } } });
    const calls = Array.from({ length: 10 }, () => call(test, test.ann, 'slow', { ms: 300 }));
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(2);
    expect(statuses.filter((status) => status === 503)).toHaveLength(8);
    // Each place is given back.
    expect((await call(test, test.ann, 'echo', { text: 'x' })).status).toBe(200);
    expect((await call(test, test.ann, 'nothing')).status).toBe(404);
    const again = await Promise.all([1, 2].map(() => call(test, test.ann, 'slow', { ms: 1 })));
    expect(again.map(({ status }) => status)).toEqual([200, 200]);
  });

  it('do not count while they wait for an answer of their client, which can then give it', async () => {
    const test = await startWithKeys({
      upstreams: { default: servers.scripted },
      roles: { default: { limits: { concurrent: 1 } } },
    });
    const client = await WireClient.open(test.ws, { headers: bearer(test.ann) });
    const params = { name: 'ask', arguments: { message: '?' } };
    const able = { elicitation: { form: {} } };
    client.send(modern(1, 'tools/call', params, able));
    const { requestState, inputRequests } = (await client.answer(1))['result'] as Json;
    const [key = ''] = Object.keys(inputRequests as Json);
    const inputResponses = { [key]: { action: 'accept', content: {} } };
    client.send(modern(2, 'tools/call', { ...params, requestState, inputResponses }, able));
    expect((await client.answer(2))['result']).toMatchObject({ resultType: 'complete' });
  });

  it('are counted for each principal, not for the address that several are behind', async () => {
    const test = await startWithKeys({ upstreams, maxRequestsInFlight: 2 });
    const client = await open(test, test.ann);
    const running = [1, 2].map(() => call(test, test.ann, 'slow', { ms: 1000 }));
    await expect.poll(() => test.gateway.stats.exchanges).toBe(2);
    const refused = await call(test, test.ann, 'echo');
    expect([refused.status, codeOf(refused.body)]).toEqual([503, 'SWB_OVERLOADED']);
    expect(refused.body).toContain('ann');
    expect(await client.call(1, 'echo')).toMatchObject({ error: { data: { code: 'SWB_OVERLOADED' } } });
    expect((await call(test, test.ben, 'echo', { text: 'x' })).status).toBe(200);
    expect((await Promise.all(running)).map(({ status }) => status)).toEqual([200, 200]);
  });

  it('are counted for the address where nobody is known, over all its connections', async () => {
    const test = await startGateway({ upstreams, maxRequestsInFlightPerAddress: 2 });
    const [first, second] = [await WireClient.session(test.ws), await WireClient.session(test.ws)];
    for (const client of [first, second]) client.send(toolCall(1, 'never'));
    await expect.poll(() => test.gateway.stats.exchanges).toBe(2);
    expect(await second.call(2, 'echo')).toMatchObject({
      error: { message: expect.stringContaining('maxRequestsInFlightPerAddress') },
    });
    first.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
    await expect.poll(() => test.gateway.stats.exchanges).toBe(1);
    expect(textOf(await second.call(3, 'echo', { text: 'now' }))).toBe('now');
  });

  it('take turns by principal: who has many connections does not come first for each', async () => {
    const test = await startWithKeys({ upstreams: { default: { ...upstreams.default, maxConcurrent: 1 } } });
    const many = await Promise.all(Array.from({ length: 6 }, () => open(test, test.ann)));
    const one = await open(test, test.ben);
    const order: string[] = [];
    const ask = async (client: WireClient, who: string): Promise<void> => {
      const answered = client.call(1, 'slow', { ms: 60 }).then(() => void order.push(who));
      // Answered at once, and after the call was read.
      client.send({ jsonrpc: '2.0', id: 'read', method: 'ping' });
      await client.answer('read');
      all.push(answered);
    };
    const all: Promise<void>[] = [];
    for (const client of many) await ask(client, 'ann');
    await ask(one, 'ben');
    await Promise.all(all);
    expect(order.indexOf('ben')).toBeLessThan(4);
  });
});

describe('what waits', () => {
  it('for answers is of one principal a quarter at most, and others have room', async () => {
    const test = await startWithKeys({ upstreams: { default: servers.scripted }, maxParked: 8 });
    const ask = async (token: string): Promise<Json> => {
      const client = await WireClient.open(test.ws, { headers: bearer(token) });
      client.send(modern(1, 'tools/call', { name: 'ask', arguments: { message: '?' } }, { elicitation: { form: {} } }));
      return (await client.answer(1))['result'] as Json;
    };
    const hers = await Promise.all([1, 2, 3, 4, 5].map(() => ask(test.ann)));
    expect(hers.filter(({ resultType }) => resultType === 'input_required')).toHaveLength(2);
    expect(test.gateway.stats.parked).toBe(2);
    expect(await ask(test.ben)).toMatchObject({ resultType: 'input_required' });
  });
});

describe('tickets', () => {
  it('count as requests, so that nobody fills the store with them', async () => {
    const test = await startWithKeys({ upstreams, rateLimit: 3 });
    for (let n = 0; n < 3; n++) await ticketFor(test, test.ann);
    const { status, headers } = await http(new URL('/ticket', test.http).href, { headers: bearer(test.ann) });
    expect([status, Number(headers['retry-after']) > 0]).toEqual([429, true]);
    await ticketFor(test, test.ben);
  });
});

describe('addresses', () => {
  it('of this machine count as one, whichever a client connects from', async () => {
    const test = await startGateway({ upstreams, maxConnectionsPerAddress: 2 });
    const from = async (localAddress: string): Promise<boolean> => {
      const socket = connect({ port: test.port, host: '127.0.0.1', localAddress });
      onTestFinished(() => void socket.destroy());
      await once(socket, 'connect');
      socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
      return Promise.race([once(socket, 'data').then(() => true), once(socket, 'close').then(() => false)]);
    };
    expect([await from('127.0.0.1'), await from('127.0.0.2'), await from('127.0.0.3')]).toEqual([true, true, false]);
  });

  it('of one IPv6 network guess together, in whichever spelling a proxy writes them', async () => {
    const test = await startWithKeys({ upstreams, behindProxy: true });
    const guess = async (from: string): Promise<number> => {
      const headers = { ...bearer('swb_wrong'), 'x-forwarded-for': from };
      return (await http(test.http, { headers, body: initialize })).status;
    };
    const spellings = ['2001:db8:1:2::1', '2001:0DB8:0001:0002:0:0:0:2', '2001:db8:1:2:ffff:ffff:ffff:ffff'];
    for (let n = 0; n < 10; n++) expect(await guess(spellings[n % 3]!)).toBe(401);
    expect(await guess('2001:db8:1:2:3:4:5:6')).toBe(429);
    expect(await guess('2001:db8:1:3::1')).toBe(401);
  });
});
