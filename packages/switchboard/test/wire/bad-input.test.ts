import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';

import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import { ACCEPT, http, openSession, raw } from '../support/http.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };
const errorOf = (body: string): Json => (JSON.parse(body) as { error: Json }).error;

describe('a WebSocket that sends nonsense', () => {
  it.each<[string, unknown, unknown, number, string]>([
    ['no JSON', '{"jsonrpc":', undefined, -32700, 'SWB_PARSE_ERROR'],
    ['a batch', [{ jsonrpc: '2.0', id: 1, method: 'ping' }], undefined, -32600, 'SWB_INVALID_MESSAGE'],
    ['a string', '"hello"', undefined, -32600, 'SWB_INVALID_MESSAGE'],
    ['null', 'null', undefined, -32600, 'SWB_INVALID_MESSAGE'],
    ['no version', { id: 1, method: 'ping' }, 1, -32600, 'SWB_INVALID_MESSAGE'],
    ['an id of null', { jsonrpc: '2.0', id: null, method: 'ping' }, undefined, -32600, 'SWB_INVALID_MESSAGE'],
    ['a fraction as id', { jsonrpc: '2.0', id: 1.5, method: 'ping' }, undefined, -32600, 'SWB_INVALID_MESSAGE'],
    ['a method that is no string', { jsonrpc: '2.0', id: 2, method: 5 }, 2, -32600, 'SWB_INVALID_MESSAGE'],
    [
      'params that are an array',
      { jsonrpc: '2.0', id: 3, method: 'ping', params: [] },
      3,
      -32600,
      'SWB_INVALID_MESSAGE',
    ],
    ['neither method nor result', { jsonrpc: '2.0', id: 4 }, 4, -32600, 'SWB_INVALID_MESSAGE'],
    ['a request before initialize', { jsonrpc: '2.0', id: 5, method: 'tools/list' }, 5, -32600, 'SWB_NOT_INITIALIZED'],
    ['initialize without params', { jsonrpc: '2.0', id: 6, method: 'initialize' }, 6, -32602, 'SWB_INVALID_PARAMS'],
    ['a method from a prototype', { jsonrpc: '2.0', id: 7, method: '__proto__' }, 7, -32600, 'SWB_NOT_INITIALIZED'],
  ])('is told what was wrong with %s, and goes on', async (_, message, id, code, name) => {
    const { ws } = await startGateway({ upstreams });
    const client = await WireClient.open(ws);
    client.send(message);
    const answer = await client.next(() => true);
    expect(answer['id']).toBe(id);
    expect(answer['error']).toMatchObject({ code, data: { code: name } });
    client.send({ jsonrpc: '2.0', id: 'still', method: 'initialize', params: initializeParams() });
    expect(await client.answer('still')).toHaveProperty('result');
    client.send({ jsonrpc: '2.0', id: 'again', method: 'initialize', params: initializeParams() });
    expect((await client.answer('again'))['error']).toMatchObject({ data: { code: 'SWB_ALREADY_INITIALIZED' } });
  });

  it('is closed with 1002 when it does so again and again', async () => {
    const { ws } = await startGateway({ upstreams });
    const client = await WireClient.open(ws);
    for (let n = 0; n < 10; n++) client.send('nonsense');
    expect((await client.closed).code).toBe(1002);
  });

  it('is closed with 1003 for a binary message and 1009 for one that is too large, and others go on', async () => {
    const test = await startGateway({ upstreams, maxMessageSize: '10KiB', isolation: 'shared' });
    const [binary, large, other] = await Promise.all([1, 2, 3].map(() => WireClient.session(test.ws)));
    binary!.socket.send(Buffer.from('{}'));
    expect((await binary!.closed).code).toBe(1003);
    large!.send(toolCall(1, 'echo', { text: 'x'.repeat(10_240) }));
    expect((await large!.closed).code).toBe(1009);
    expect(textOf(await other!.call(1, 'echo', { text: 'fine' }))).toBe('fine');
  });

  it('that never reads is closed with 1013, and others go on', async () => {
    const test = await startGateway({ upstreams, maxQueueSize: '256KiB', isolation: 'shared' });
    const [deaf, other] = [await WireClient.session(test.ws), await WireClient.session(test.ws)];
    deaf.socket.pause();
    const closed = test.nextEvent('connection.closed');
    for (let id = 1; id <= 100; id++) deaf.send(toolCall(id, 'big', { bytes: 200_000 }));
    expect((await closed).reason).toMatch(/socket closed/);
    expect(textOf(await other.call(1, 'echo', { text: 'fine' }))).toBe('fine');
    expect(test.gateway.stats).toMatchObject({ connections: 1, exchanges: 0 });
  });
});

describe('HTTP that is not right', () => {
  it.each<[string, { method?: string; headers?: Record<string, string>; body?: string }, number, string]>([
    ['no JSON', { body: '{' }, 400, 'SWB_PARSE_ERROR'],
    ['a batch', { body: '[]' }, 400, 'SWB_INVALID_MESSAGE'],
    ['text/plain', { headers: { 'content-type': 'text/plain' }, body: '{}' }, 415, 'SWB_UNSUPPORTED_MEDIA_TYPE'],
    ['an Accept of HTML', { headers: { accept: 'text/html' }, body: '{}' }, 406, 'SWB_NOT_ACCEPTABLE'],
    [
      'too much',
      { body: JSON.stringify(toolCall(1, 'echo', { text: 'x'.repeat(20_000) })) },
      413,
      'SWB_MESSAGE_TOO_LARGE',
    ],
    [
      'an unknown session',
      { headers: { 'mcp-session-id': 'none' }, body: JSON.stringify(toolCall(1, 'x')) },
      404,
      'SWB_SESSION_NOT_FOUND',
    ],
    ['no session', { body: JSON.stringify(toolCall(1, 'x')) }, 400, 'SWB_SESSION_REQUIRED'],
    ['PUT', { method: 'PUT', body: '' }, 405, 'SWB_METHOD_NOT_ALLOWED'],
    ['a foreign Origin', { headers: { origin: 'https://evil.example' }, body: '{}' }, 403, 'SWB_ORIGIN_REFUSED'],
    ['an Origin of null', { headers: { origin: 'null' }, body: '{}' }, 403, 'SWB_ORIGIN_REFUSED'],
    [
      'an Origin that ends alike',
      { headers: { origin: 'http://localhost.evil.example' }, body: '{}' },
      403,
      'SWB_ORIGIN_REFUSED',
    ],
    ['a foreign Host', { headers: { host: 'evil.example' }, body: '{}' }, 403, 'SWB_HOST_REFUSED'],
    [
      'a Host that begins alike',
      { headers: { host: '127.0.0.1.evil.example:80' }, body: '{}' },
      403,
      'SWB_HOST_REFUSED',
    ],
  ])('is answered with JSON and a code: %s', async (_, request, status, code) => {
    const test = await startGateway({ upstreams, maxMessageSize: '10KiB' });
    const answer = await http(test.http, request);
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(errorOf(answer.body)['data']).toMatchObject({ code });
    await expectEmpty(test);
  });

  it('names what is served when the path is not', async () => {
    const test = await startGateway({ upstreams: { one: servers.scripted, two: servers.scripted } });
    const at = (path: string): Promise<{ status: number; body: string }> =>
      http(new URL(path, test.http).href, { body: '{}' });
    for (const [path, code] of [
      ['/', 'SWB_NOT_FOUND'],
      ['/mcp/three', 'SWB_UPSTREAM_NOT_FOUND'],
      ['/mcp/one/x', 'SWB_NOT_FOUND'],
      ['/mcp/constructor', 'SWB_UPSTREAM_NOT_FOUND'],
    ]) {
      const { status, body } = await at(path!);
      expect([status, (errorOf(body)['data'] as Json)['code']]).toEqual([404, code]);
      expect(errorOf(body)['message']).toContain('/mcp, /mcp/one, /mcp/two');
    }
    expect((await http(new URL('/healthz', test.http).href, { method: 'GET' })).status).toBe(200);
  });

  it('is answered even when it cannot be read as HTTP', async () => {
    const { port } = await startGateway({ upstreams });
    expect(await raw(port, 'NONSENSE\r\n\r\n')).toMatch(/^HTTP\/1.1 400 .*SWB_BAD_REQUEST/s);
    expect(
      await raw(port, 'GET http://evil.example/mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'),
    ).toMatch(/^HTTP\/1.1 400 /);
    const smuggled =
      'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const answer = await raw(port, smuggled);
    expect(answer.match(/HTTP\/1.1 /g)).toHaveLength(1);
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
  });

  it('whose client hangs up in the middle of a body leaves nothing behind', async () => {
    const test = await startGateway({ upstreams });
    const socket = connect(test.port, '127.0.0.1');
    socket.write(
      `POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: ${ACCEPT}\r\nContent-Length: 1000\r\n\r\n{"json`,
    );
    await once(socket, 'ready');
    socket.destroy();
    await openSession(test.http, initializeParams());
    await expect.poll(() => test.gateway.stats.exchanges).toBe(0);
  });
});

describe('an upgrade that is not right', () => {
  const upgrade = (port: number, head: string): Promise<string> =>
    raw(
      port,
      `GET /mcp HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${head}\r\n\r\n`,
    );

  it.each([
    ['a foreign Host', 'Host: evil.example\r\nSec-WebSocket-Protocol: mcp', 403, 'SWB_HOST_REFUSED'],
    [
      'a foreign Origin',
      'Host: localhost\r\nOrigin: https://evil.example\r\nSec-WebSocket-Protocol: mcp',
      403,
      'SWB_ORIGIN_REFUSED',
    ],
    ['a subprotocol that is not ours', 'Host: localhost\r\nSec-WebSocket-Protocol: graphql-ws', 400, 'SWB_BAD_REQUEST'],
    ['no subprotocol from a page', 'Host: localhost\r\nOrigin: http://localhost:3000', 400, 'SWB_BAD_REQUEST'],
  ])('is refused before 101: %s', async (_, head, status, code) => {
    const { port } = await startGateway({ upstreams });
    const answer = await upgrade(port, head);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain(code);
  });

  it('is let in from this machine, and from where it is allowed', async () => {
    const { ws } = await startGateway({
      upstreams,
      allowedOrigins: ['https://app.example'],
      allowedHosts: ['mcp.example'],
    });
    const clients = [
      await WireClient.open(ws, { origin: 'https://app.example', headers: { host: 'mcp.example' } }),
      await WireClient.open(ws, { origin: 'http://localhost:5173' }),
      await WireClient.open(ws, {}, []),
    ];
    expect(clients.map(({ socket }) => socket.protocol)).toEqual(['mcp', 'mcp', '']);
  });

  it('is refused with 503 and Retry-After when too many clients are there, before any server is started', async () => {
    const test = await startGateway({ upstreams, maxConnections: 2 });
    const [first] = [await WireClient.open(test.ws), await WireClient.open(test.ws)];
    const answer = await upgrade(test.port, 'Host: localhost\r\nSec-WebSocket-Protocol: mcp');
    expect(answer).toMatch(/^HTTP\/1.1 503 /);
    expect(answer).toMatch(/^retry-after: 5\r$/im);
    const overHttp = await http(test.http, {
      body: { jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() },
    });
    expect([overHttp.status, overHttp.headers['retry-after']]).toEqual([503, '5']);
    expect(test.gateway.stats.upstreams['default']).toEqual({ slots: 0, members: 0, running: 0 });
    first.socket.close();
    await expect.poll(() => test.gateway.stats.connections).toBe(1);
    await WireClient.session(test.ws);
  });
});

describe('too many requests', () => {
  it('are refused with how long to wait, to the one client that sent them, over every transport', async () => {
    const { ws, http: url } = await startGateway({ upstreams, rateLimit: 3, isolation: 'shared' });
    const [greedy, other] = [await WireClient.session(ws), await WireClient.session(ws)];
    await greedy.call(1, 'echo');
    await greedy.call(2, 'echo');
    const { error, id } = (await greedy.call(3, 'echo')) as { error: { code: number; data: Json }; id: number };
    expect([id, error.code, error.data['code']]).toEqual([3, 31005, 'SWB_RATE_LIMITED']);
    expect(error.data['retryAfterMs']).toBeGreaterThan(10_000);
    expect(error.data['retryAfterMs']).toBeLessThanOrEqual(20_000);
    expect(textOf(await other.call(1, 'echo', { text: 'fine' }))).toBe('fine');
    const session = await openSession(url, initializeParams());
    for (const id of [1, 2])
      expect((await http(url, { headers: session, body: toolCall(id, 'echo') })).status).toBe(200);
    const refused = await http(url, { headers: session, body: toolCall(3, 'echo') });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(10);
  });

  it('at a time are refused, and the running ones are answered', async () => {
    const { ws } = await startGateway({ upstreams, maxRequestsInFlight: 2 });
    const client = await WireClient.session(ws);
    client.send(toolCall(1, 'slow', { ms: 100 }));
    client.send(toolCall(2, 'slow', { ms: 100 }));
    expect((await client.call(3, 'echo'))['error']).toMatchObject({ data: { code: 'SWB_OVERLOADED' } });
    await Promise.all([client.answer(1), client.answer(2)]);
  });

  it('that are never answered end after the time limit, which progress restarts', async () => {
    const { ws } = await startGateway({ upstreams, requestTimeout: '300ms' });
    const client = await WireClient.session(ws);
    client.send(toolCall(1, 'never'));
    client.send(toolCall(2, 'slow', { ms: 800, steps: 8, text: 'in time' }, { progressToken: 1 }));
    expect((await client.answer(1))['error']).toMatchObject({ code: 31002 });
    expect(textOf(await client.answer(2))).toBe('in time');
  });

  it('of one server beyond its limit are refused with a code', async () => {
    const { ws } = await startGateway({ upstreams, maxMembers: 1 });
    await WireClient.session(ws);
    const second = await WireClient.open(ws);
    second.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() });
    expect((await second.answer(1))['error']).toMatchObject({ code: 31004, data: { code: 'SWB_OVERLOADED' } });
  });
});

describe('a server that is not right', () => {
  it('cannot be found: initialize says so, and names the command', async () => {
    const { ws } = await startGateway({ upstreams: { default: { command: 'no-such-command-here' } } });
    const client = await WireClient.open(ws);
    client.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() });
    const { error } = (await client.answer(1)) as { error: { message: string; data: Json } };
    expect(error.data['code']).toBe('SWB_COMMAND_NOT_FOUND');
    expect(error.message).toContain('"no-such-command-here" was not found');
  });

  it('exits at once: initialize says how, with its last words', async () => {
    const { ws } = await startGateway({
      upstreams: { default: { command: process.execPath, args: ['-e', 'console.error("no key"); process.exit(3)'] } },
    });
    const client = await WireClient.open(ws);
    client.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() });
    const { error } = (await client.answer(1)) as { error: { message: string } };
    expect(error.message).toMatch(/exited with code 3.*no key/);
  });

  it('never answers initialize: that ends after the start limit', async () => {
    const { ws } = await startGateway({
      startTimeout: '300ms',
      upstreams: { default: { command: process.execPath, args: ['-e', 'setInterval(()=>{},1e3)'] } },
    });
    const client = await WireClient.open(ws);
    client.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() });
    expect((await client.answer(1))['error']).toMatchObject({ data: { code: 'SWB_UPSTREAM_UNAVAILABLE' } });
  });

  it('sends a message over the limit: it is ended, and its open requests fail', async () => {
    const { ws } = await startGateway({ upstreams, maxUpstreamMessageSize: '100KiB' });
    const client = await WireClient.session(ws);
    client.send(toolCall(1, 'never'));
    expect((await client.call(2, 'big', { bytes: 200_000 }))['error']).toMatchObject({ code: 31003 });
    await client.answer(1);
    expect(textOf(await client.call(3, 'echo', { text: 'again' }))).toBe('again');
  });
});
