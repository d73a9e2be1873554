/** Attacks on how a request is read: what is ambiguous is refused, and nothing behind it is served. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';

import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import { http, openSession, raw } from '../support/http.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };
const HEAD = 'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
const HIDDEN = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
const codeOf = (body: string): unknown => (JSON.parse(body) as { error: { data: Json } }).error.data['code'];

describe('a request that two readers would read differently', () => {
  it.each([
    ['has a length and is chunked', `${HEAD}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['has two lengths', `${HEAD}Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}`],
    ['has a length with a sign', `${HEAD}Content-Length: +2\r\n\r\n{}`],
    ['is chunked in a way that nobody knows', `${HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
    ['is chunked, but not at last', `${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
    ['ends the size of a chunk with a bare LF', `${HEAD}Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n`],
    ['ends a header with a bare LF', 'GET /healthz HTTP/1.1\r\nHost: localhost\nX-A: b\r\n\r\n'],
    ['ends its first line with a bare LF', 'GET /healthz HTTP/1.1\nHost: localhost\r\n\r\n'],
    ['folds a header', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: a\r\n b\r\n\r\n'],
    ['has a space before the colon', 'GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n'],
    ['has a NUL in a header', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: a\0b\r\n\r\n'],
    ['has two hosts', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n'],
    ['has no host', 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ])('is refused with 400, and what hides behind it is not served: it %s', async (_what, bytes) => {
    const { port } = await startGateway({ upstreams });
    const answer = await raw(port, Buffer.from(bytes + (bytes.includes('Connection: close') ? '' : HIDDEN), 'latin1'));
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400']);
  });

  it('gets its answers in order where it is a pipeline of whole requests', async () => {
    const { port } = await startGateway({ upstreams });
    const get = (path: string, last = ''): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${last}\r\n`;
    const answer = await raw(port, get('/healthz') + get('/nothing') + get('/healthz', 'Connection: close\r\n'));
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200']);
  });

  it('that names a whole URL, or asks for a tunnel, is carried nowhere', async () => {
    const { port } = await startGateway({ upstreams });
    const canary = await startGateway({ upstreams });
    const target = `127.0.0.1:${canary.port}`;
    for (const head of [`GET http://${target}/healthz`, `GET ws://${target}/mcp`, `CONNECT ${target}`, `OPTIONS *`]) {
      for (const upgrade of [
        '',
        'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n',
      ]) {
        const answer = await raw(
          port,
          `${head} HTTP/1.1\r\nHost: localhost\r\n${upgrade || 'Connection: close\r\n'}\r\n`,
        );
        expect(answer, head).not.toMatch(/HTTP\/1\.1 (101|2\d\d)/);
      }
    }
    expect(canary.events.filter(({ type }) => type !== 'listening')).toEqual([]);
  });
});

describe('a request that is too much', () => {
  it('has too many headers, or too long ones', async () => {
    const { port, http: url } = await startGateway({ upstreams });
    const many = Object.fromEntries(Array.from({ length: 120 }, (_, n) => [`x-${n}`, 'y']));
    const refused = await http(url, { headers: many, body: '{}' });
    expect([refused.status, codeOf(refused.body)]).toEqual([400, 'SWB_BAD_REQUEST']);
    const socket = new WebSocket(url.replace('http', 'ws'), ['mcp'], { headers: many });
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('400');
    expect(await raw(port, `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 /,
    );
  });

  it('is compressed: 415, and nothing is inflated', async () => {
    const test = await startGateway({ upstreams });
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024)).toString('latin1');
    for (const encoding of ['gzip', 'br', 'deflate', 'gzip, gzip', 'x-unknown']) {
      const answer = await http(test.http, { headers: { 'content-encoding': encoding }, body: bomb });
      expect([answer.status, codeOf(answer.body)], encoding).toEqual([415, 'SWB_UNSUPPORTED_MEDIA_TYPE']);
    }
    await expectEmpty(test);
  });

  it.each([
    ['nested deeper than 512 levels', `{"a":${'['.repeat(600)}${']'.repeat(600)}}`],
    [
      'nested deeper than 512 levels',
      `{"\\"[":"\\\\","a":${'{"a":'.repeat(300)}${'['.repeat(300)}${']'.repeat(300)}${'}'.repeat(300)}}`,
    ],
    ['of more than 1000000 values', `{"a":[${'0,'.repeat(1_000_001)}0]}`],
    ['of more than 1000000 values', `{"a":[${`${'['.repeat(500)}${']'.repeat(500)},`.repeat(2500)}0]}`],
  ])('is %s: refused over every transport, and the process lives', async (what, params) => {
    const { http: url, ws } = await startGateway({ upstreams });
    const bomb = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
    const answer = await http(url, { body: bomb });
    expect([answer.status, answer.body]).toEqual([400, expect.stringContaining(what)]);
    const client = await WireClient.session(ws);
    client.send(bomb);
    expect((await client.next((message) => 'error' in message))['error']).toMatchObject({
      data: { code: 'SWB_INVALID_MESSAGE' },
    });
    const brackets = '[{'.repeat(1000);
    expect(textOf(await client.call(2, 'echo', { text: brackets }))).toBe(brackets);
  });

  it('costs others nothing: ten bombs of 4 MB at a time, and their answers come within half a second', async () => {
    const { ws } = await startGateway({ upstreams, isolation: 'shared' });
    const [bomber, other] = [await WireClient.session(ws), await WireClient.session(ws)];
    const keys = Array.from({ length: 250_000 }, (_, n) => `"${n * 4096}":0`)
      .join(',')
      .slice(0, 4_000_000);
    const bomb = `{"jsonrpc":"2.0","id":1,"method":"ping","params":{${keys.slice(0, keys.lastIndexOf(','))}}}`;
    for (let n = 0; n < 10; n++) bomber.send(bomb);
    const waits: number[] = [];
    for (let id = 1; id <= 20; id++) {
      const sentAt = performance.now();
      expect(textOf(await other.call(id, 'echo', { text: 'fine' }))).toBe('fine');
      waits.push(performance.now() - sentAt);
    }
    // The median: the first one waits behind the bombs that came before it.
    expect(waits.toSorted((a, b) => a - b)[10]).toBeLessThan(500);
  });
});

describe('headers that take long to read', () => {
  const LONG = 14_000;
  it.each([
    ['Connection', `close${' '.repeat(LONG)}x, Upgrade`],
    ['Connection', 'upgrade,'.repeat(LONG / 8)],
    ['X-Forwarded-For', '1,'.repeat(LONG / 2)],
    ['Forwarded', ';for='.repeat(LONG / 5)],
    ['Forwarded', `for=${'"'.repeat(LONG)}`],
    ['Origin', `http://${'a.'.repeat(LONG / 2)}`],
    ['Accept', 'event-strea'.repeat(LONG / 11)],
    ['Content-Type', `application/json${' '.repeat(LONG)}x`],
    ['Authorization', `Bearer${' '.repeat(LONG)}x y`],
    ['Sec-WebSocket-Protocol', `mcp${', '.repeat(LONG / 2)}`],
    ['Mcp-Session-Id', '-1'.repeat(LONG / 2)],
    ['Last-Event-ID', '1-'.repeat(LONG / 2)],
    ['traceparent', '0-'.repeat(LONG / 2)],
    ['Cookie', '=;'.repeat(LONG / 2)],
  ])('cost others less than half a second: %s', async (name, value) => {
    const { port, ws } = await startGateway({ upstreams, trustedProxies: ['127.0.0.1'], isolation: 'shared' });
    const other = await WireClient.session(ws);
    const head = `POST /mcp HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\n${name}: ${value}\r\nContent-Length: 2\r\n\r\n{}`;
    const asked = Array.from({ length: 20 }, () => connect(port, '127.0.0.1'));
    for (const socket of asked) socket.on('error', () => {}).end(head);
    const ended = asked.map((socket) => once(socket.resume(), 'close'));
    const took: number[] = [];
    for (let n = 0; n < 20; n++) {
      const before = performance.now();
      expect(textOf(await other.call(n, 'echo', { text: 'x' }))).toBe('x');
      took.push(performance.now() - before);
    }
    expect(Math.max(...took)).toBeLessThan(500);
    await Promise.all(ended);
  });
});

describe('keys that mean something to JavaScript', () => {
  it('are text like any other, as ids, names, methods, sessions, paths and arguments', async () => {
    const { ws, http: url } = await startGateway({ upstreams });
    const client = await WireClient.session(ws);
    for (const key of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
      const text = `{"jsonrpc":"2.0","id":"${key}","method":"tools/call","params":{"name":"echo","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"arguments":{"text":"${key}","__proto__":{"polluted":1}}}}`;
      client.send(text);
      expect(textOf(await client.answer(key))).toBe(key);
      expect(await client.call(`${key} tool`, key)).toHaveProperty('error');
      client.send({ jsonrpc: '2.0', id: `${key} method`, method: key });
      expect(await client.answer(`${key} method`)).toHaveProperty('error');
      const session = await http(url, {
        headers: { 'mcp-session-id': key },
        body: { jsonrpc: '2.0', id: 1, method: 'ping' },
      });
      expect(session.status).toBe(404);
      expect((await http(`${url}/${key}`, { body: '{}' })).status).toBe(404);
    }
    expect(Object.prototype).not.toHaveProperty('polluted');
  });

  it('written twice count as the last one says, for the check and for the server alike', async () => {
    const { ws } = await startGateway({ upstreams: { default: { ...servers.scripted, tools: { deny: ['big'] } } } });
    const client = await WireClient.session(ws);
    for (const params of [
      '{"name":"echo","name":"big","arguments":{"bytes":10}}',
      '{"name":"big\\u0000","arguments":{"bytes":10}}',
      '{"Name":"echo","name":"\\u0062ig","arguments":{"bytes":10}}',
    ]) {
      client.send(`{"jsonrpc":"2.0","id":1,"Method":"ping","method":"tools/call","params":${params}}`);
      expect(await client.answer(1)).toHaveProperty('error');
    }
    client.send(
      '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"big","name":"echo","arguments":{"text":"last"}}}',
    );
    expect(textOf(await client.answer(2))).toBe('last');
  });
});

describe('headers that say who somebody is', () => {
  it('change nothing: forwarded addresses, users, and those of other routers', async () => {
    const test = await startGateway({ upstreams, rateLimit: 2 });
    const forged = (n: number): Record<string, string> => ({
      'x-forwarded-for': `192.0.2.${n}`,
      forwarded: `for=192.0.2.${n}`,
      'x-real-ip': `192.0.2.${n}`,
      'x-user': 'admin',
      'x-forwarded-user': 'admin',
      'x-forwarded-host': 'evil.example',
      'x-mcp-upstream': 'other',
      'x-original-url': '/metrics',
    });
    const session = await openSession(test.http, initializeParams());
    const foreign = { ...session, host: 'evil.example', 'x-forwarded-host': 'localhost' };
    expect((await http(test.http, { headers: foreign, body: toolCall(1, 'echo') })).status).toBe(403);
    const opened = test.events.find(({ type }) => type === 'session.opened');
    expect(opened).toMatchObject({ principal: 'anonymous' });
    const statuses: number[] = [];
    for (let n = 1; n <= 4; n++) {
      const body = toolCall(n, 'echo', { text: 'x' });
      statuses.push((await http(test.http, { headers: { ...session, ...forged(n) }, body })).status);
    }
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0);
  });

  it.each([
    ['nobody is trusted', {}, { 'x-forwarded-for': '192.0.2.1' }, '127.0.0.1'],
    ['the proxy is trusted', { behindProxy: true }, { 'x-forwarded-for': '192.0.2.1' }, '192.0.2.1'],
    [
      'the last who is no proxy counts',
      { trustedProxies: '127.0.0.1,10.0.0.0/8' },
      { 'x-forwarded-for': '198.51.100.9, 192.0.2.1, 10.1.2.3' },
      '192.0.2.1',
    ],
    [
      'the standard header',
      { behindProxy: true },
      { forwarded: 'for="[2001:db8::1]:4711";proto=https' },
      '2001:db8::1',
    ],
    [
      'two that disagree',
      { behindProxy: true },
      { forwarded: 'for=192.0.2.2', 'x-forwarded-for': '192.0.2.1' },
      '127.0.0.1',
    ],
    ['no address', { behindProxy: true }, { 'x-forwarded-for': 'unknown' }, '127.0.0.1'],
    ['another proxy is trusted', { trustedProxies: ['10.0.0.0/8'] }, { 'x-forwarded-for': '192.0.2.1' }, '127.0.0.1'],
  ])('count for the address only as far as proxies are trusted: %s', async (_what, options, headers, address) => {
    const { ws, nextEvent } = await startGateway({ upstreams, ...options });
    const opened = nextEvent('connection.opened');
    await WireClient.open(ws, { headers });
    expect((await opened).address).toBe(address);
  });
});

describe('connections', () => {
  it('of one address beyond its limit are cut at once, and there is room again when some have gone', async () => {
    const { port, http: url, nextEvent } = await startGateway({ upstreams, maxConnectionsPerAddress: 3 });
    const open = Array.from({ length: 3 }, () => connect(port, '127.0.0.1'));
    await Promise.all(open.map((socket) => once(socket, 'connect')));
    const refused = nextEvent('connection.refused');
    expect(await raw(port, HIDDEN)).toBe('');
    expect((await refused).detail).toContain('maxConnectionsPerAddress');
    for (const socket of open) socket.destroy();
    await expect
      .poll(() =>
        http(url.replace('/mcp', '/healthz'), { method: 'GET' }).then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200);
  });
});
