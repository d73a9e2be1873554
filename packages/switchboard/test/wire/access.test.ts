/** Authentication over both transports, and what ends when it expires. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';

import { CLIENT_DEFAULTS, connectWebSocket } from '../../src/transports/websocket/client.ts';
import { bearerSubprotocol, ticketSubprotocol } from '../../src/transports/websocket/subprotocols.ts';
import {
  initialize,
  modern,
  modernHeaders,
  open,
  session,
  startWithKeys as start,
  ticketFor,
  upgrade,
} from '../support/access.ts';
import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import { http, stream } from '../support/http.ts';
import type { HttpAnswer } from '../support/http.ts';
import { bearer } from '../support/keys.ts';
import { WireClient, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };
const ORIGIN = 'https://chat.example.com';

describe('who shows nothing', () => {
  it('gets 401 on every method and path where something is served, whether it exists or not', async () => {
    const test = await start({ sse: true });
    const rest = ['/rest/default/tools', '/rest/other/tools/x', '/rest/default/openapi.json'];
    for (const path of ['/mcp', '/mcp/default', '/mcp/other', '/sse', '/messages?session=x', '/ticket', ...rest]) {
      for (const method of ['GET', 'POST', 'DELETE', 'PUT', 'OPTIONS']) {
        if (path === '/ticket' && method !== 'POST') continue;
        const { status, headers } = await http(new URL(path, test.http).href, {
          method,
          ...(method === 'POST' && { body: initialize }),
        });
        expect([path, method, status, headers['www-authenticate']]).toEqual([path, method, 401, 'Bearer']);
      }
    }
    expect(await upgrade(test.ws, ['mcp'])).toBe(401);
    expect(await upgrade(`${test.ws}/other`, ['mcp.r1', 'mcp'])).toBe(401);
    expect(test.gateway.stats.upstreams['default']?.running).toBe(0);
  });

  it('cannot say who it is in headers that proxies set, in a cookie or by basic authentication', async () => {
    const test = await start();
    for (const headers of [
      { 'x-forwarded-user': 'ann', 'x-user': 'ann', 'x-forwarded-for': '127.0.0.1', 'x-client-cert': 'ann' },
      { cookie: `token=${test.ann}` },
      { authorization: `Basic ${Buffer.from(`ann:${test.ann}`).toString('base64')}` },
      { authorization: test.ann },
      { authorization: 'Bearer' },
    ]) {
      expect((await http(test.http, { headers, body: initialize })).status).toBe(401);
      expect(await upgrade(test.ws, ['mcp'], headers)).toBe(401);
    }
  });

  it('comes in where the configuration has a role for it, and a wrong key does not', async () => {
    const test = await start({ roles: { anonymous: { tools: { allow: ['echo'] } } } });
    const headers = await session(test, {});
    const answer = await http(test.http, { headers, body: { jsonrpc: '2.0', id: 1, method: 'tools/list' } });
    expect(answer.body).toMatch(/"name":"echo"/);
    expect(answer.body).not.toMatch(/"name":"slow"/);
    expect((await http(test.http, { headers: bearer(`${test.ann}x`), body: initialize })).status).toBe(401);
  });
});

describe('who has a key', () => {
  it.each<[string, (key: string) => { headers?: Record<string, string>; protocols?: string[] }]>([
    ['a bearer token', (key) => ({ headers: bearer(key) })],
    ['the header X-API-Key', (key) => ({ headers: { 'x-api-key': key } })],
    ['the subprotocol mcp.auth', (key) => ({ protocols: ['mcp', bearerSubprotocol(key)] })],
  ])('comes in by %s, and is the principal of what it does', async (_, show) => {
    const test = await start();
    const { headers = {}, protocols = ['mcp'] } = show(test.ann);
    const client = await WireClient.open(test.ws, { headers }, protocols);
    expect(client.socket.protocol).toBe('mcp');
    client.send(initialize);
    await client.answer(0);
    expect(textOf(await client.call(1, 'echo', { text: 'hello' }))).toBe('hello');
    if (protocols.length === 1) await session(test, headers);
    const principals = test.events.flatMap((event) => ('principal' in event ? [event.principal] : []));
    expect(new Set(principals)).toEqual(new Set(['ann']));
  });

  it('does not come in with it in the URL, and the refusal does not repeat it', async () => {
    const test = await start();
    for (const name of ['token', 'access_token', 'api_key', 'ticket']) {
      const { status, body } = await http(`${test.http}?${name}=${test.ann}`, {
        headers: bearer(test.ann),
        body: initialize,
      });
      expect([status, body.includes(test.ann)]).toEqual([400, false]);
      expect(await upgrade(`${test.ws}?${name}=${test.ann}`, ['mcp'], bearer(test.ann))).toBe(400);
    }
  });

  it('is not handed on to a remote server', async () => {
    const seen: Json[] = [];
    const spy = createServer((request, response) => {
      seen.push(request.headers);
      response.writeHead(500).end();
    });
    await new Promise<void>((resolve) => spy.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(spy.address() as { port: number }).port}/mcp`;
    const test = await start({ upstreams: { default: { url } } });
    await http(test.http, { headers: { ...bearer(test.ann), cookie: 'a=b' }, body: initialize });
    spy.close();
    expect(seen.length).toBeGreaterThan(0);
    expect(JSON.stringify(seen)).not.toContain(test.ann.slice(0, 16));
    expect(seen.flatMap((headers) => [headers['authorization'], headers['cookie']]).filter(Boolean)).toEqual([]);
  });

  it('comes in however many wrong ones come from its address, and those are slowed down; and the log tells no key', async () => {
    const test = await start();
    await session(test, bearer(test.ben));
    const statuses: number[] = [];
    for (let n = 0; n < 12; n++) {
      const { status } = await http(test.http, {
        headers: bearer(`swb_${'0'.repeat(12)}_${'x'.repeat(43)}`),
        body: initialize,
      });
      statuses.push(status);
    }
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429, 429]);
    // Who shows one for the first time, and who was in before.
    await session(test, bearer(test.ann));
    await session(test, bearer(test.ben));
    expect(JSON.stringify(test.events)).not.toContain('xxxxxx');
  });

  it('comes in again while an address shows so many wrong ones that new ones are not looked at', async () => {
    const test = await start();
    await session(test, bearer(test.ann));
    const guess = async (n: number): Promise<HttpAnswer> =>
      http(test.http, { headers: bearer(`swb_${'0'.repeat(12)}_${String(n).padStart(43, 'x')}`), body: initialize });
    let answers: HttpAnswer[] = [];
    for (let round = 0; round < 40; round++) {
      answers = await Promise.all(Array.from({ length: 20 }, (_, n) => guess(round * 20 + n)));
      if (answers.every(({ status, headers }) => status === 429 && headers['retry-after'] === '1')) break;
    }
    expect(answers.map(({ headers }) => headers['retry-after'])).toEqual(answers.map(() => '1'));
    await session(test, bearer(test.ann));
  });
});

describe('what belongs to one principal', () => {
  it('is nothing to another: a session, its stream and its events over HTTP', async () => {
    const test = await start();
    const ann = await session(test, bearer(test.ann));
    const call = { ...bearer(test.ann), ...ann };
    const events = await stream(test.http, {
      method: 'POST',
      headers: call,
      body: toolCall(1, 'slow', { steps: 1 }, { progressToken: 1 }),
    });
    await events.next();
    const [lastEventId = ''] = events.ids;
    for (const [method, more] of [
      ['POST', {}],
      ['GET', {}],
      ['GET', { 'last-event-id': lastEventId }],
      ['DELETE', {}],
    ] as const) {
      const headers = { ...bearer(test.ben), ...ann, ...more };
      const body = method === 'POST' ? toolCall(2, 'echo', { text: 'x' }) : '';
      expect([method, (await http(test.http, { method, headers, body })).status]).toEqual([method, 404]);
    }
    const still = await http(test.http, { headers: call, body: toolCall(3, 'echo', { text: 'mine' }) });
    expect(still.body).toContain('mine');
  });

  it('is nothing to another: a resume token', async () => {
    const test = await start();
    const first = await open(test, test.ann, ['mcp.r1']);
    const token = (await first.notification('switchboard/ws/session'))['params'] as Json;
    first.socket.terminate();
    const resume = { jsonrpc: '2.0', method: 'switchboard/ws/resume', params: { token: token['token'], h: 1 } };
    const other = await WireClient.open(test.ws, { headers: bearer(test.ben) }, ['mcp.r1']);
    other.send(resume);
    expect(String((await other.next(({ method }) => /lost|resumed/.test(String(method))))['method'])).toMatch(/lost/);
    const again = await WireClient.open(test.ws, { headers: bearer(test.ann) }, ['mcp.r1']);
    again.send(resume);
    expect(String((await again.next(({ method }) => /lost|resumed/.test(String(method))))['method'])).toMatch(
      /resumed/,
    );
  });

  it.each(['http', 'websocket'] as const)('is nothing to another: a parked call, over %s', async (way) => {
    const test = await start();
    const capabilities = { elicitation: { form: {} } };
    const params = { name: 'ask', arguments: { message: 'Whose?' } };
    const ask = async (token: string, id: number, more: Json = {}): Promise<Json> => {
      const body = modern(id, 'tools/call', { ...params, ...more }, capabilities);
      if (way === 'http') {
        const headers = { ...bearer(token), ...modernHeaders('tools/call', 'ask') };
        return JSON.parse((await http(test.http, { headers, body })).body) as Json;
      }
      const client = await WireClient.open(test.ws, { headers: bearer(token) });
      client.send(body);
      return client.answer(id);
    };
    const { requestState, inputRequests } = (await ask(test.ann, 1))['result'] as Json;
    const answers = Object.fromEntries(
      Object.keys(inputRequests as Json).map((key) => [key, { action: 'accept', content: {} }]),
    );
    const retry = { requestState, inputResponses: answers };
    expect((await ask(test.ben, 2, retry))['error']).toMatchObject({ data: { code: 'SWB_INVALID_PARAMS' } });
    expect((await ask(test.ann, 3, retry))['result']).toMatchObject({ resultType: 'complete' });
  });

  it('is not kept alive by another who shows its handle: the server of a parked call', async () => {
    const test = await start();
    const params = { name: 'ask', arguments: { message: 'Whose?' } };
    const ask = async (token: string, more: Json = {}): Promise<{ client: WireClient; answer: Json }> => {
      const client = await WireClient.open(test.ws, { headers: bearer(token) });
      client.send(modern(1, 'tools/call', { ...params, ...more }, { elicitation: { form: {} } }));
      return { client, answer: await client.answer(1) };
    };
    const { client, answer } = await ask(test.ann);
    const { requestState } = answer['result'] as Json;
    expect((await ask(test.ben, { requestState })).answer['error']).toMatchObject({ code: -32602 });
    client.socket.close();
    const { operations } = test.gateway;
    operations.cancel(operations.requests()[0]!.id);
    await expect.poll(() => test.gateway.stats.upstreams['default']).toMatchObject({ slots: 0, members: 0 });
  });

  it('is nothing to another: a session over SSE', async () => {
    const test = await start({ sse: true });
    const { get } = await import('node:http');
    const endpoint = await new Promise<string>((resolve) => {
      get(new URL('/sse', test.http), { headers: bearer(test.ann), agent: false }, (response) => {
        response.on('error', () => {});
        response.on('data', (chunk: Buffer) => resolve(/data: (\S+)/.exec(chunk.toString())?.[1] ?? ''));
      }).on('error', () => {});
    });
    const url = new URL(endpoint, test.http).href;
    expect((await http(url, { headers: bearer(test.ben), body: initialize })).status).toBe(404);
    expect((await http(url, { headers: bearer(test.ann), body: initialize })).status).toBe(202);
  });

  it('stays apart with twenty principals at once, on one server of theirs each', async () => {
    const test = await start({ isolation: 'principal', upstreams: { default: servers.demo } });
    const keys = Array.from({ length: 20 }, (_, n) => test.keys.add(`user ${n}`));
    await expect.poll(() => upgrade(test.ws, ['mcp'], bearer(keys.at(-1)!)), { timeout: 5000 }).toBe(101);
    const seen = await Promise.all(
      keys.map(async (key, n) => {
        const client = await open(test, key);
        await client.call(1, 'note_add', { text: `secret of ${n}` });
        const { 'mcp-session-id': id } = await session(test, bearer(key));
        const headers = { ...bearer(key), 'mcp-session-id': String(id), 'mcp-protocol-version': '2025-11-25' };
        return (await http(test.http, { headers, body: toolCall(2, 'note_list') })).body;
      }),
    );
    expect(seen.map((body) => [...body.matchAll(/secret of (\d+)/g)].map(([, n]) => Number(n)))).toEqual(
      seen.map((_, n) => expect.toSatisfy((found: number[]) => found.length > 0 && found.every((each) => each === n))),
    );
    expect(test.gateway.stats.upstreams['default']?.running).toBe(20);
  });
});

describe('a key that is revoked', () => {
  it('ends its connections, sessions and streams within seconds, and no others', async () => {
    const test = await start();
    const [plain, resumable, other] = await Promise.all([
      open(test, test.ann),
      open(test, test.ann, ['mcp.r1']),
      open(test, test.ben),
    ]);
    const headers = { ...bearer(test.ann), ...(await session(test, bearer(test.ann))) };
    const listening = await stream(test.http, { headers });
    const answering = await stream(test.http, {
      method: 'POST',
      headers: { ...bearer(test.ann), ...modernHeaders('subscriptions/listen') },
      body: modern(1, 'subscriptions/listen', { notifications: { toolsListChanged: true } }),
    });
    expect(answering.status).toBe(200);
    test.keys.revoke('ann');
    const closed = await Promise.all([plain.closed, resumable.closed]);
    expect(closed.map(({ code }) => code)).toEqual([3000, 3000]);
    await Promise.all([listening.closed, answering.closed]);
    expect((await http(test.http, { headers, body: toolCall(9, 'echo') })).status).toBe(401);
    expect(await upgrade(test.ws, ['mcp'], bearer(test.ann))).toBe(401);
    expect(textOf(await other.call(1, 'echo', { text: 'still here' }))).toBe('still here');
    other.socket.close();
    // The server of modern requests over HTTP waits for others of its principal.
    await expectEmpty(test, { members: 1 });
  });

  it('is one too whose roles were changed', async () => {
    const test = await start();
    const client = await open(test, test.ann);
    test.keys.change('ann', { roles: ['less'] });
    expect((await client.closed).code).toBe(3000);
    await expect.poll(() => upgrade(test.ws, ['mcp'], bearer(test.ann))).toBe(101);
  });
});

describe('a token that expires', () => {
  const secret = randomBytes(32).toString('hex');
  const jwt = {
    issuer: 'https://issuer.example.com',
    audience: 'https://gateway.example.com/mcp',
    secret,
    clockSkew: '1ms',
  } as const;
  const sign = (lifeMs: number, sub = 'ann'): Promise<string> =>
    new SignJWT({ iss: jwt.issuer, aud: jwt.audience, sub, exp: (Date.now() + lifeMs) / 1000 })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.from(secret));

  it('closes the WebSocket with 3000, and who comes back with a newer one goes on where it was', async () => {
    const test = await startGateway({ upstreams, jwt });
    const tokens = [await sign(1500), await sign(60_000)];
    let dials = 0;
    const headers = {
      get authorization() {
        return bearer(tokens[Math.min(dials++, 1)]!).authorization;
      },
    };
    const channel = await connectWebSocket(new URL(test.ws), { ...CLIENT_DEFAULTS, headers });
    const answers: Json[] = [];
    const ended: string[] = [];
    channel.start({
      onMessage: (message) => answers.push(message as never),
      onBadMessage: () => {},
      onClose: (reason) => ended.push(reason),
    });
    channel.send(initialize as never);
    await expect.poll(() => answers.length).toBe(1);
    channel.send(toolCall(1, 'slow', { ms: 2500, text: 'survived' }) as never);
    await expect.poll(() => answers.length, { timeout: 8000 }).toBe(2);
    expect(textOf(answers[1]!)).toBe('survived');
    channel.send(toolCall(2, 'echo', { text: 'and on' }) as never);
    await expect.poll(() => answers.length).toBe(3);
    expect(dials).toBe(2);
    expect(ended).toEqual([]);
    channel.close();
  });

  it('ends what cannot be resumed, and is answered with 401 over HTTP', async () => {
    const test = await startGateway({ upstreams, jwt });
    const token = await sign(1500);
    const client = await open(test, token);
    const headers = { ...bearer(token), ...(await session(test, bearer(token))) };
    const listening = await stream(test.http, { headers });
    const { code, reason } = await client.closed;
    expect([code, reason]).toEqual([3000, 'the credential has expired; connect with a new one']);
    await listening.closed;
    const refused = await http(test.http, { headers, body: toolCall(1, 'echo') });
    expect(refused.status).toBe(401);
    expect(refused.headers['www-authenticate']).toBe(
      `Bearer error="invalid_token", resource_metadata="${new URL('/.well-known/oauth-protected-resource/mcp', test.http).href}"`,
    );
    const renewed = { ...headers, ...bearer(await sign(60_000)) };
    expect((await http(test.http, { headers: renewed, body: toolCall(2, 'echo', { text: 'on' }) })).body).toContain(
      'on',
    );
    const other = { ...headers, ...bearer(await sign(60_000, 'ben')) };
    expect((await http(test.http, { headers: other, body: toolCall(3, 'echo') })).status).toBe(404);
  });
});

describe('a page of a browser', () => {
  it('opens a WebSocket with a ticket: once, for its origin, and as who asked for it', async () => {
    const test = await start({ allowedOrigins: [ORIGIN, 'https://other.example.com'] });
    const headers = { origin: ORIGIN };
    const ticket = await ticketFor(test, test.ann, headers);
    expect(ticket).toMatch(/^[\w-]{32}$/);
    const client = await WireClient.open(test.ws, { headers }, ['mcp', ticketSubprotocol(ticket)]);
    client.send(initialize);
    await client.answer(0);
    expect(test.events.find(({ type }) => type === 'session.opened')).toMatchObject({ principal: 'ann' });
    const replays = await Promise.all(
      Array.from({ length: 5 }, () => upgrade(test.ws, ['mcp', ticketSubprotocol(ticket)], headers)),
    );
    expect(new Set(replays)).toEqual(new Set([401]));
    const stolen = await ticketFor(test, test.ann, headers);
    const elsewhere = { origin: 'https://other.example.com' };
    expect(await upgrade(test.ws, ['mcp', ticketSubprotocol(stolen)], elsewhere)).toBe(401);
    expect(await upgrade(test.ws, ['mcp', ticketSubprotocol(stolen)], headers)).toBe(401);
  });

  it('does not get one for nothing, nor can it show one over HTTP', async () => {
    const test = await start();
    const url = new URL('/ticket', test.http).href;
    expect((await http(url, {})).status).toBe(401);
    expect((await http(url, { method: 'GET' })).status).toBe(405);
    const ticket = await ticketFor(test, test.ann);
    expect((await http(test.http, { headers: bearer(ticket), body: initialize })).status).toBe(401);
  });

  it('of two that show one ticket at the same time, one comes in', async () => {
    const test = await start();
    const ticket = await ticketFor(test, test.ann);
    const both = await Promise.all([1, 2].map(() => upgrade(test.ws, ['mcp', ticketSubprotocol(ticket)])));
    expect(both.toSorted((a, b) => a - b)).toEqual([101, 401]);
  });

  it('may read answers of both eras where its origin is listed, and the browser keeps what it was told', async () => {
    const test = await start({ allowedOrigins: [ORIGIN] });
    const asked =
      'authorization, content-type, mcp-method, mcp-name, mcp-param-Region, mcp-protocol-version, mcp-session-id, last-event-id, x-api-key';
    const headers = {
      origin: ORIGIN,
      'access-control-request-method': 'POST',
      'access-control-request-headers': asked,
    };
    const preflight = await http(test.http, { method: 'OPTIONS', headers });
    expect([preflight.status, preflight.headers['access-control-allow-origin']]).toEqual([204, ORIGIN]);
    const allowed = String(preflight.headers['access-control-allow-headers']).split(', ');
    expect(
      asked
        .toLowerCase()
        .split(', ')
        .filter((name) => !allowed.includes(name)),
    ).toEqual([]);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-methods': 'GET, POST, DELETE',
      'access-control-max-age': '7200',
    });
    expect(preflight.headers['access-control-allow-credentials']).toBeUndefined();
    const answer = await http(test.http, { headers: { origin: ORIGIN, ...bearer(test.ann) }, body: initialize });
    expect(answer.headers['access-control-allow-origin']).toBe(ORIGIN);
    expect(answer.headers['vary']).toMatch(/Origin/);
    for (const name of ['mcp-session-id', 'www-authenticate', 'retry-after', 'ratelimit']) {
      expect(answer.headers['access-control-expose-headers']).toContain(name);
    }
    const refused = await http(test.http, { headers: { origin: ORIGIN }, body: initialize });
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([401, ORIGIN]);
  });

  it('may not where it is not, also not on this machine', async () => {
    for (const allowedOrigins of [[], [ORIGIN]]) {
      const test = await start({ allowedOrigins });
      for (const origin of ['http://localhost:3000', `${ORIGIN}.evil.example.com`, 'null']) {
        const headers = { origin, 'access-control-request-method': 'POST' };
        const preflight = await http(test.http, { method: 'OPTIONS', headers });
        expect(preflight.status).toBeGreaterThanOrEqual(400);
        expect(preflight.headers['access-control-allow-origin']).toBeUndefined();
      }
    }
  });
});
