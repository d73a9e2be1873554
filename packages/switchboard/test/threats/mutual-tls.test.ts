/** Mutual TLS: who shows no certificate of the right authority gets no further than the handshake. */
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { alternativeNames, certificateIdentity } from '../../src/auth/mtls.ts';
import type { CertificateIdentity } from '../../src/auth/method.ts';
import { TestAuthority } from '../support/certificates.ts';
import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { ask, handshake, http2, https } from '../support/https.ts';
import { WireClient, initializeParams } from '../support/wire.ts';

const upstreams = { default: servers.scripted };
const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() };
let authority: TestAuthority;
beforeAll(async () => {
  authority = await TestAuthority.create();
});

const start = (options: Record<string, unknown> = {}): Promise<TestGateway> =>
  startGateway({ upstreams, ...authority.tls(), tlsClientCa: authority.path('ca.pem'), ...options });

describe('mutual TLS', () => {
  it('lets in who shows a certificate: over HTTP/1.1, HTTP/2 and WebSocket, also beyond this machine without --insecure', async () => {
    const { port } = await start({ host: '0.0.0.0' });
    const alice = await authority.client('alice@example.com');
    const url = `https://localhost:${port}/mcp`;
    expect((await https(url, alice, { body: initialize })).status).toBe(200);
    expect((await ask(http2(url, alice), { body: initialize })).status).toBe(200);
    const client = await WireClient.open(`wss://localhost:${port}/mcp`, alice);
    client.send(initialize);
    expect(await client.answer(0)).toHaveProperty('result');
  });

  it('is not passed by: no certificate, one that has ended, of another authority, of a server, or a name in a header', async () => {
    const { port, http, gateway, events } = await start();
    const stranger = await TestAuthority.create();
    const foreign = { ...(await stranger.client('alice@example.com')), ca: authority.ca };
    const ended = await authority.client('alice@example.com', -1);
    const server = await authority.issuer.server(['localhost'], 30);
    const wrong = [
      { ca: authority.ca },
      ended,
      foreign,
      { ca: authority.ca, cert: server.certificate, key: server.key },
    ];
    const headers = {
      'x-client-cert': 'alice@example.com',
      'x-forwarded-client-cert': 'Subject="CN=alice"',
      'ssl-client-verify': 'SUCCESS',
    };
    for (const tls of wrong) {
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        await expect(handshake(port, { ...tls, maxVersion })).rejects.toThrow();
      }
      await expect(https(http, tls, { headers, body: initialize })).rejects.toThrow();
      await expect(ask(http2(http, tls), { headers, body: initialize })).rejects.toThrow();
    }
    expect(gateway.stats.connections).toBe(0);
    const refused = (): number => events.filter(({ type }) => type === 'connection.refused').length;
    await expect.poll(refused).toBe(wrong.length * 4);
    expect(events).not.toContainEqual(expect.objectContaining({ type: 'session.opened' }));
  });

  it('refuses a certificate that was revoked, cuts its open connections, and leaves those of others', async () => {
    const [alice, bob] = [await authority.client('alice@example.com'), await authority.client('bob@example.com')];
    const tlsClientCrl = authority.write('revoked.pem', await authority.issuer.revoke([]));
    const { port, ws, nextEvent } = await start({ tlsClientCrl });
    const [hers, his] = [await WireClient.open(ws, alice), await WireClient.open(ws, bob)];
    const before = await handshake(port, { ...alice, maxVersion: 'TLSv1.2' });
    const session = before.getSession()!;
    const loaded = nextEvent('certificate.loaded');
    authority.write('revoked.pem', await authority.issuer.revoke([alice.cert]));
    await loaded;
    await hers.closed;
    await expect(handshake(port, alice)).rejects.toThrow();
    // Nor does a session help that was agreed to before.
    await expect(handshake(port, { ...alice, maxVersion: 'TLSv1.2', session })).rejects.toThrow();
    his.send(initialize);
    expect(await his.answer(0)).toHaveProperty('result');
    await handshake(port, bob);
  });
});

describe('a web page in the browser of somebody who has a certificate', () => {
  const page = 'http://localhost:3000';
  const codeOf = ({ body }: { body: string }): unknown =>
    (JSON.parse(body) as { error?: { data: Record<string, unknown> } }).error?.data['code'];

  it('does not come in as them, not even one of this machine: over HTTP/1.1, HTTP/2, WebSocket, nor for a ticket', async () => {
    const { http, ws, gateway } = await start();
    const alice = await authority.client('alice@example.com');
    const headers = { origin: page };
    const answers = [
      await https(http, alice, { headers, body: initialize }),
      await ask(http2(http, alice), { headers, body: initialize }),
      await https(new URL('/ticket', http).href, alice, { headers }),
    ];
    expect(answers.map((answer) => [answer.status, codeOf(answer)])).toEqual(
      answers.map(() => [403, 'SWB_ORIGIN_REFUSED']),
    );
    await expect(WireClient.open(ws, { ...alice, headers })).rejects.toThrow('403');
    expect(gateway.stats.connections).toBe(0);
  });

  it('comes in where it is allowed by name, or shows a token of its own', async () => {
    const token = 'x'.repeat(32);
    const { http, ws } = await start({ allowedOrigins: page, token });
    const alice = await authority.client('alice@example.com');
    expect((await https(http, alice, { headers: { origin: page }, body: initialize })).status).toBe(200);
    await WireClient.open(ws, { ...alice, headers: { origin: page } });
    const other = { origin: 'http://localhost:4000', authorization: `Bearer ${token}` };
    expect((await https(http, alice, { headers: other, body: initialize })).status).toBe(200);
  });
});

describe('who a certificate says', () => {
  /** A server that notes the identity of each connection. */
  async function serve(): Promise<{ url: string; seen: (CertificateIdentity | undefined)[] }> {
    const seen: (CertificateIdentity | undefined)[] = [];
    const [cert, key] = [authority.read('server.pem'), authority.read('server-key.pem')];
    const options = { cert, key, ca: authority.ca, requestCert: true, rejectUnauthorized: false };
    const server = createServer(options, ({ socket }, response) => {
      seen.push(certificateIdentity(socket));
      response.end('ok');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    return { url: `https://localhost:${(server.address() as AddressInfo).port}/`, seen };
  }

  it('is its e-mail address, or its common name; and nobody where it was not accepted or not shown', async () => {
    const { url, seen } = await serve();
    const stranger = await TestAuthority.create();
    await https(url, await authority.client('alice@example.com'));
    await https(url, await authority.client('build-7'));
    await https(url, { ca: authority.ca });
    await https(url, { ...(await stranger.client('alice@example.com')), ca: authority.ca });
    const principals = seen.map((identity) => identity?.principal);
    expect(principals).toEqual(['email:alice@example.com', 'cn:build-7', undefined, undefined]);
    expect(seen[0]?.fingerprint).toMatch(/^([\dA-F]{2}:){31}[\dA-F]{2}$/);
  });

  it.each<[string, string[][]]>([
    [
      'URI:spiffe://example.com/a, DNS:b',
      [
        ['uri', 'spiffe://example.com/a'],
        ['dns', 'b'],
      ],
    ],
    [
      'DNS:"a, email:alice@example.com", DNS:c',
      [
        ['dns', 'a, email:alice@example.com'],
        ['dns', 'c'],
      ],
    ],
    ['email:a@example.com', [['email', 'a@example.com']]],
    ['IP Address:127.0.0.1', [['ip address', '127.0.0.1']]],
    ['DNS:a"b, email:x', []],
    ['', []],
  ])('is not mistaken in %s', (text, expected) => {
    expect(alternativeNames(text).map(({ kind, value }) => [kind, value])).toEqual(expected);
  });
});
