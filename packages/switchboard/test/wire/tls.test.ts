/** TLS on the gateway's port: every way in works over it, what is wrong stops the start, and new certificates are taken while it runs. */
import { X509Certificate, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';

import { createGateway } from '../../src/gateway/gateway.ts';
import { TestAuthority } from '../support/certificates.ts';
import { servers, startGateway } from '../support/gateway.ts';
import { ask, handshake, http2, https } from '../support/https.ts';
import { WireClient, envelope, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };
let authority: TestAuthority;
beforeAll(async () => {
  authority = await TestAuthority.create();
});

const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() };

describe('over TLS', () => {
  it('the addresses are https and wss, and events tell the certificate', async () => {
    const { http, ws, events } = await startGateway({ upstreams, ...authority.tls() });
    expect([http, ws]).toEqual([expect.stringMatching(/^https:/), expect.stringMatching(/^wss:/)]);
    expect(events).toContainEqual(expect.objectContaining({ type: 'certificate.loaded' }));
    expect(events).not.toContainEqual(expect.objectContaining({ type: 'certificate.expiring' }));
  });

  it('WebSocket works, on a connection of HTTP/1.1', async () => {
    const { ws } = await startGateway({ upstreams, ...authority.tls() });
    const client = await WireClient.open(ws, { ca: authority.ca });
    client.send(initialize);
    await client.answer(0);
    client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    expect(textOf(await client.call(1, 'echo', { text: 'over wss' }))).toBe('over wss');
  });

  it('HTTP/1.1 and HTTP/2 are agreed to by the handshake, and serve the same session', async () => {
    const { http } = await startGateway({ upstreams, ...authority.tls() });
    const session = http2(http, { ca: authority.ca });
    const opened = await ask(session, { body: initialize });
    expect([opened.status, session.alpnProtocol]).toEqual([200, 'h2']);
    const headers = { 'mcp-session-id': String(opened.headers['mcp-session-id']) };
    expect(
      (await ask(session, { headers, body: { jsonrpc: '2.0', method: 'notifications/initialized' } })).status,
    ).toBe(202);
    const [second, first] = await Promise.all([
      ask(session, { headers, body: toolCall(1, 'echo', { text: 'two' }) }),
      https(http, { ca: authority.ca }, { headers, body: toolCall(2, 'echo', { text: 'one' }) }),
    ]);
    expect([second.body, first.body]).toEqual([expect.stringContaining('two'), expect.stringContaining('one')]);
    expect((await ask(session, { method: 'DELETE', headers })).status).toBe(204);
  });

  it('modern requests and event streams with progress work over HTTP/2', async () => {
    const { http, gateway } = await startGateway({ upstreams: { default: servers.demo }, ...authority.tls() });
    const session = http2(http, { ca: authority.ca });
    const body = {
      ...toolCall(1, 'count', { to: 3, intervalMs: 1 }),
      params: { name: 'count', arguments: { to: 3 }, _meta: { ...envelope(), progressToken: 'p' } },
    };
    const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'count' };
    const answer = await ask(session, { headers, body });
    expect(answer.headers['content-type']).toBe('text/event-stream');
    expect(answer.body).toContain('notifications/progress');
    await expect.poll(() => gateway.stats.exchanges).toBe(0);
  });

  it('an HTTP/2 client that hangs up ends the call of its modern request', async () => {
    const { http, gateway } = await startGateway({ upstreams, ...authority.tls() });
    const session = http2(http, { ca: authority.ca });
    const body = { ...toolCall(1, 'never'), params: { name: 'never', arguments: {}, _meta: envelope() } };
    void ask(session, {
      headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'never' },
      body,
    }).catch(() => {});
    await expect.poll(() => gateway.stats.exchanges, { timeout: 10_000 }).toBe(1);
    session.destroy();
    await expect.poll(() => gateway.stats.exchanges).toBe(0);
  });

  it('an HTTP/2 client that takes no answer harms nobody, whatever it is answered', async () => {
    const { http } = await startGateway({ upstreams, ...authority.tls(), pingInterval: '50ms' });
    const deaf = http2(http, { ca: authority.ca }, { initialWindowSize: 0 });
    const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'never' };
    const refused = [
      { body: { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} } },
      { headers: modern, body: { ...toolCall(1, 'other'), params: { name: 'other', _meta: envelope() } } },
      { headers: { 'mcp-session-id': 'x' }, body: toolCall(1, 'echo') },
    ];
    for (const request of refused) void ask(deaf, request).catch(() => {});
    // Meanwhile streams are kept alive, this one too.
    const session = http2(http, { ca: authority.ca });
    const opened = await ask(session, { body: initialize });
    const stream = session.request({
      ':path': '/mcp',
      accept: 'text/event-stream',
      'mcp-session-id': String(opened.headers['mcp-session-id']),
    });
    let heard = '';
    for await (const chunk of stream) {
      heard += String(chunk);
      if (heard.split(': keep-alive').length > 4) break;
    }
    expect(deaf.destroyed).toBe(false);
  });

  it('refused requests of HTTP/2 have the status and the error that those of HTTP/1.1 have', async () => {
    const { http } = await startGateway({ upstreams, ...authority.tls(), maxMessageSize: '10KiB' });
    const session = http2(http, { ca: authority.ca });
    const codes = async (options: Parameters<typeof ask>[1]): Promise<unknown[]> => {
      const { status, body } = await ask(session, options);
      return [status, (JSON.parse(body) as { error: { data: Json } }).error.data['code']];
    };
    expect(await codes({ path: '/other' })).toEqual([404, 'SWB_NOT_FOUND']);
    expect(await codes({ headers: { origin: 'https://evil.example' } })).toEqual([403, 'SWB_ORIGIN_REFUSED']);
    expect(await codes({ headers: { ':authority': 'evil.example' } })).toEqual([403, 'SWB_HOST_REFUSED']);
    expect(await codes({ body: 'x'.repeat(200_000) })).toEqual([413, 'SWB_MESSAGE_TOO_LARGE']);
    expect(await codes({ body: '{' })).toEqual([400, 'SWB_PARSE_ERROR']);
    await expect(ask(session, { headers: { ':authority': 'localhost', host: 'localhost:1' } })).rejects.toThrow(
      /PROTOCOL_ERROR/,
    );
  });

  it('nothing older than TLS 1.2, and no cipher without forward secrecy, is agreed to', async () => {
    const { port } = await startGateway({ upstreams, ...authority.tls() });
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await handshake(port, { ca: authority.ca, minVersion: version, maxVersion: version });
      expect(socket.getProtocol()).toBe(version);
    }
    const weak = { ca: authority.ca, maxVersion: 'TLSv1.2' as const };
    await expect(
      handshake(port, { ...weak, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    ).rejects.toThrow();
    await expect(handshake(port, { ...weak, ciphers: 'AES128-GCM-SHA256' })).rejects.toThrow();
    await expect(handshake(port, { ...weak, ciphers: 'ECDHE-ECDSA-AES128-SHA' })).rejects.toThrow();
  });

  it('who speaks without TLS gets nothing, and it is told of', async () => {
    const { port, nextEvent } = await startGateway({ upstreams, ...authority.tls() });
    const refused = nextEvent('connection.refused');
    const socket = connectPlain(port, '127.0.0.1');
    let heard = '';
    socket.on('data', (chunk) => (heard += chunk.toString('latin1'))).on('error', () => {});
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'close');
    expect(heard).not.toContain('ok');
    expect((await refused).code).toBe('SWB_TLS_REFUSED');
  });

  it('who shows a certificate that is not accepted is told of with what is wrong with it, and where it came from', async () => {
    const { port, nextEvent } = await startGateway({
      upstreams,
      ...authority.tls(),
      tlsClientCa: authority.path('ca.pem'),
    });
    const refused = nextEvent('connection.refused');
    await expect(handshake(port, await authority.client('alice@example.com', -1))).rejects.toThrow();
    expect(await refused).toMatchObject({
      code: 'SWB_TLS_REFUSED',
      detail: expect.stringContaining('CERT_HAS_EXPIRED'),
      address: '127.0.0.1',
    });
  });
});

describe('who is refused over TLS', () => {
  const issuer = 'https://issuer.example.com';
  const jwt = { issuer, audience: 'https://gateway.example.com/mcp', secret: randomBytes(32).toString('hex') };
  const told = (authority: string, path = '/mcp'): string =>
    `Bearer resource_metadata="https://${authority}/.well-known/oauth-protected-resource${path}"`;
  const challengeOf = ({ status, headers }: Awaited<ReturnType<typeof ask>>): unknown[] => [
    status,
    headers['www-authenticate'],
  ];

  it('is told an https address where tokens are had, over HTTP/1.1 and HTTP/2, and finds it there', async () => {
    const { http, port } = await startGateway({ upstreams, jwt, ...authority.tls() });
    const session = http2(http, { ca: authority.ca });
    const host = `127.0.0.1:${port}`;
    expect(challengeOf(await https(http, { ca: authority.ca }, { body: initialize }))).toEqual([401, told(host)]);
    const refused = await ask(session, { body: initialize });
    expect([session.alpnProtocol, ...challengeOf(refused)]).toEqual(['h2', 401, told(host)]);
    const [, address = ''] = /resource_metadata="([^"]*)"/.exec(String(refused.headers['www-authenticate'])) ?? [];
    const found = await ask(session, { method: 'GET', path: new URL(address).pathname });
    const same = await https(address, { ca: authority.ca }, { method: 'GET' });
    expect([found.status, same.status]).toEqual([200, 200]);
    expect(JSON.parse(found.body)).toMatchObject({ resource: jwt.audience, authorization_servers: [issuer] });
    expect(same.body).toBe(found.body);
  });

  it('is told it of the host that was asked for, and whatever scheme was claimed over HTTP/2', async () => {
    const { http, port } = await startGateway({ upstreams, jwt, ...authority.tls(), allowedHosts: 'mcp.example.com' });
    const session = http2(http, { ca: authority.ca });
    const challenge = async (headers: Record<string, string>): Promise<unknown[]> =>
      challengeOf(await ask(session, { headers, body: initialize }));
    expect(await challenge({ ':authority': 'mcp.example.com' })).toEqual([401, told('mcp.example.com')]);
    // RFC 9113, section 8.3.1: who made the request of one of HTTP/1.1 may send Host, and no authority.
    expect(await challenge({ host: 'mcp.example.com' })).toEqual([401, told('mcp.example.com')]);
    expect(await challenge({ ':scheme': 'http' })).toEqual([401, told(`127.0.0.1:${port}`)]);
    expect(await challenge({ ':authority': 'evil.example', ':scheme': 'https' })).toEqual([403, undefined]);
    expect(await challenge({ host: 'evil.example' })).toEqual([403, undefined]);
  });

  it('is told one address, whatever stands in the path that it asked for', async () => {
    const { http, port } = await startGateway({ upstreams, jwt, ...authority.tls() });
    const session = http2(http, { ca: authority.ca });
    const path = '/mcp/a\\",resource_metadata="https://evil.example';
    const known = told(`127.0.0.1:${port}`, '/mcp/a%5C%22,resource_metadata=%22https://evil.example');
    expect(challengeOf(await ask(session, { path, body: initialize }))).toEqual([401, known]);
  });

  it('is told so too when what it shows is wrong, and on the upgrade to WebSocket', async () => {
    const { http, port } = await startGateway({ upstreams, jwt, ...authority.tls() });
    const headers = { authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.AAAA' };
    const wrong = told(`127.0.0.1:${port}`).replace('Bearer ', 'Bearer error="invalid_token", ');
    const session = http2(http, { ca: authority.ca });
    expect(challengeOf(await https(http, { ca: authority.ca }, { headers, body: initialize }))).toEqual([401, wrong]);
    expect(challengeOf(await ask(session, { headers, body: initialize }))).toEqual([401, wrong]);
    const upgrade = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
    const refused = await https(http, { ca: authority.ca }, { method: 'GET', headers: { ...upgrade, ...headers } });
    expect(challengeOf(refused)).toEqual([401, wrong]);
  });
});

describe('files that cannot be used stop the start', () => {
  const start = (options: Record<string, unknown>): Promise<unknown> => startGateway({ upstreams, ...options });

  it.each([
    [
      'a certificate that is not there',
      () => ({ ...authority.tls(), tlsCert: '/no/such.pem' }),
      /tlsCert \/no\/such\.pem: ENOENT/,
    ],
    [
      'a certificate that is none',
      () => ({ ...authority.tls(), tlsCert: authority.path('server-key.pem') }),
      /there is no certificate in it/,
    ],
    [
      'a key that is none',
      () => ({ ...authority.tls(), tlsKey: authority.path('server.pem') }),
      /there is no private key in it/,
    ],
    [
      'an authority that is none',
      () => ({ ...authority.tls(), tlsClientCa: authority.path('server-key.pem') }),
      /tlsClientCa .*no certificate/,
    ],
    [
      'a list that is none',
      () => ({ ...authority.tls(), tlsClientCa: authority.path('ca.pem'), tlsClientCrl: authority.path('server.pem') }),
      /tlsClientCrl/,
    ],
  ])('with SWB_TLS_INVALID, which says what is wrong with %s', async (_what, options, message) => {
    await expect(start(options())).rejects.toMatchObject({
      code: 'SWB_TLS_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it('a key of another certificate, a key with a passphrase, a certificate that has ended', async () => {
    authority.save('other', await authority.issuer.server(['localhost'], 30));
    authority.save('ended', await authority.issuer.server(['localhost'], -1));
    const sealed = authority.write(
      'sealed.pem',
      '-----BEGIN ENCRYPTED PRIVATE KEY-----\nMA==\n-----END ENCRYPTED PRIVATE KEY-----\n',
    );
    await expect(start({ ...authority.tls(), tlsKey: authority.tls('other').tlsKey })).rejects.toThrow(
      /not the key of the certificate/,
    );
    await expect(start({ ...authority.tls(), tlsKey: sealed })).rejects.toThrow(/passphrase/);
    await expect(start(authority.tls('ended'))).rejects.toThrow(/ended on/);
  });

  it('an option whose counterpart is missing is refused before anything is read', () => {
    for (const options of [{ tlsCert: 'a' }, { tlsKey: 'a' }, { tlsCa: 'a' }, { tlsClientCa: 'a' }]) {
      expect(() => createGateway({ upstreams, ...options }), JSON.stringify(options)).toThrow(/it needs tls/);
    }
    expect(() => createGateway({ upstreams, ...authority.tls(), tlsClientCrl: 'a' })).toThrow(/it needs tlsClientCa/);
  });
});

describe('certificates that change while it runs', () => {
  it('are shown to new connections, and those that are open go on', async () => {
    authority.save('moving', await authority.issuer.server(['localhost', '127.0.0.1'], 30));
    const { ws, port, nextEvent } = await startGateway({ upstreams, ...authority.tls('moving') });
    const client = await WireClient.open(ws, { ca: authority.ca });
    client.send(initialize);
    await client.answer(0);
    const shown = async (): Promise<string> =>
      (await handshake(port, { ca: authority.ca })).getPeerX509Certificate()!.serialNumber;
    const before = await shown();
    const loaded = nextEvent('certificate.loaded');
    const next = await authority.issuer.server(['localhost', '127.0.0.1'], 5);
    const expiring = nextEvent('certificate.expiring');
    authority.save('moving', next);
    await loaded;
    // It is good for five days only.
    await expiring;
    expect(await shown()).toBe(new X509Certificate(next.certificate).serialNumber);
    expect(await shown()).not.toBe(before);
    client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    expect(textOf(await client.call(1, 'echo', { text: 'still here' }))).toBe('still here');
  });

  it('and cannot be used are told of, and the old ones stay until they can', async () => {
    authority.save('broken', await authority.issuer.server(['localhost', '127.0.0.1'], 30));
    const { port, nextEvent } = await startGateway({ upstreams, ...authority.tls('broken') });
    const failed = nextEvent('certificate.failed');
    writeFileSync(authority.path('broken.pem'), 'half a certific');
    expect((await failed).reason).toContain('there is no certificate in it');
    await handshake(port, { ca: authority.ca });
    const loaded = nextEvent('certificate.loaded');
    authority.save('broken', await authority.issuer.server(['localhost', '127.0.0.1'], 30));
    await loaded;
    await handshake(port, { ca: authority.ca });
  });
});
