/**
 * What our TLS agrees to, asked in the way of testssl: by `openssl s_client`, and by a ClientHello of our own where today's OpenSSL does not
 * offer what is asked about. What must be refused is asked of a server too that agrees to it: only then the refusal is the gateway's.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { find } from '../../../../scripts/programs.mjs';
import { TestAuthority } from '../support/certificates.ts';
import { HANDSHAKE_FAILURE, PROTOCOL_VERSION, sendClientHello, suitesOf } from '../support/client-hello.ts';
import { servers, startGateway } from '../support/gateway.ts';

const OPENSSL = find('openssl')!;
const upstreams = { default: servers.scripted };
const [SSL_3, TLS_1, TLS_1_1, TLS_1_2] = [0x0300, 0x0301, 0x0302, 0x0303] as const;
const REQUEST = 'GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n';
const WITHOUT_LIMITS = ['-cipher', 'ALL:COMPLEMENTOFALL@SECLEVEL=0'];

let authority: TestAuthority;
beforeAll(async () => {
  authority = await TestAuthority.create();
  // Ours have keys of elliptic curves, with which nobody can agree to the key exchange of RSA.
  const [key, certificate] = [authority.path('rsa-key.pem'), authority.path('rsa.pem')];
  const words = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=localhost'];
  execFileSync(OPENSSL, ['req', ...words, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
});

const gateway = async (name = 'rsa', more: Record<string, unknown> = {}): Promise<number> =>
  (await startGateway({ upstreams, ...authority.tls(name), ...more })).port;

/** A server that agrees to whatever Node can be told to. */
async function weak(name = 'rsa'): Promise<number> {
  const server = createServer(
    {
      cert: authority.read(`${name}.pem`),
      key: authority.read(`${name}-key.pem`),
      ciphers: 'ALL:COMPLEMENTOFALL@SECLEVEL=0',
      minVersion: 'TLSv1',
    },
    (_, response) => response.end('answered'),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Sends a request by `openssl s_client`. @returns all that it printed. */
async function client(port: number, args: readonly string[], { renegotiate = false } = {}): Promise<string> {
  const child = spawn(OPENSSL, ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'localhost', ...args]);
  onTestFinished(() => void child.kill());
  let printed = '';
  let asked = !renegotiate;
  const hear = (chunk: Buffer): void => {
    printed += chunk.toString();
    if (asked || !printed.includes('RENEGOTIATING')) return;
    asked = true;
    child.stdin.write(REQUEST);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  child.stdin.on('error', () => {});
  child.stdin.write(renegotiate ? 'R\n' : REQUEST);
  await once(child, 'close');
  return printed;
}

const ANSWERED = /HTTP\/1\.1 200 OK/;
const alert = (number: number): RegExp => new RegExp(`SSL alert number ${number}\\b`);

describe('openssl', () => {
  it.each(['-tls1', '-tls1_1'])('is refused with %s', async (version) => {
    const args = [version, ...WITHOUT_LIMITS];
    expect(await client(await weak(), args)).toMatch(ANSWERED);
    const refused = await client(await gateway(), args);
    expect(refused).toMatch(alert(PROTOCOL_VERSION));
    expect(refused).not.toMatch(ANSWERED);
  });

  it.each(['-tls1_2', '-tls1_3'])('is answered with %s', async (version) => {
    expect(await client(await gateway(), [version])).toMatch(ANSWERED);
  });

  it.each([
    ['without encryption', 'eNULL'],
    ['without a certificate of the server', 'aNULL'],
    ['without forward secrecy', 'kRSA'],
    [
      'that encrypt blocks in a chain (CBC)',
      'ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA384:ECDHE-RSA-CAMELLIA128-SHA256',
    ],
  ])('is refused with ciphers %s', async (_, ciphers) => {
    const args = ['-tls1_2', '-cipher', `${ciphers}@SECLEVEL=0`];
    expect(await client(await weak(), args)).toMatch(ANSWERED);
    const refused = await client(await gateway(), args);
    expect(refused).toMatch(alert(HANDSHAKE_FAILURE));
    expect(refused).not.toMatch(ANSWERED);
  });

  it('may not renegotiate, and is told that renegotiation is secure and nothing compressed', async () => {
    expect(await client(await weak(), ['-tls1_2'], { renegotiate: true })).toMatch(ANSWERED);
    const printed = await client(await gateway(), ['-tls1_2'], { renegotiate: true });
    expect(printed).toContain('RENEGOTIATING');
    expect(printed).toContain('no renegotiation');
    expect(printed).not.toMatch(ANSWERED);
    expect(printed).toContain('Secure Renegotiation IS supported');
    expect(printed).toContain('Compression: NONE');
  });

  it('agrees on HTTP/2 before HTTP/1.1, and on nothing else', async () => {
    const port = await gateway();
    expect(await client(port, ['-alpn', 'http/1.1,h2'])).toContain('ALPN protocol: h2');
    expect(await client(port, ['-alpn', 'http/1.1'])).toContain('ALPN protocol: http/1.1');
    expect(await client(port, ['-alpn', 'spdy/3'])).toMatch(alert(120));
  });

  it('is refused where somebody on the way made it fall back to an older version', async () => {
    const port = await gateway();
    expect(await client(port, ['-tls1_3', '-fallback_scsv'])).toMatch(ANSWERED);
    expect(await client(port, ['-tls1_2', '-fallback_scsv'])).toMatch(alert(86));
  });

  it.each(['-tls1_2', '-tls1_3'])(
    'takes up a session again, unless it has to show a certificate, with %s',
    async (version) => {
      const [open, mutual] = [
        await gateway('server'),
        await gateway('server', { tlsClientCa: authority.path('ca.pem') }),
      ];
      authority.save('alice', await authority.issuer.client('alice@example.com', 30));
      const shown = ['-cert', authority.path('alice.pem'), '-key', authority.path('alice-key.pem')];
      const again = async (port: number): Promise<string> => {
        const session = authority.path(`session-${port}`);
        expect(await client(port, [version, ...shown, '-sess_out', session])).toMatch(ANSWERED);
        return client(port, [version, ...shown, '-sess_in', session]);
      };
      expect(await again(open)).toMatch(/^Reused, TLS/m);
      const renewed = await again(mutual);
      expect(renewed).toMatch(/^New, TLS/m);
      expect(renewed).toMatch(ANSWERED);
    },
  );
});

describe('a ClientHello by hand', () => {
  it.each([
    ['RSA', 'rsa', [0xc02f, 0xc030, 0xcca8]],
    ['ECDSA', 'server', [0xc02b, 0xc02c, 0xcca9]],
  ])(
    'that offers every cipher suite there ever was finds AES-GCM and ChaCha20 with ECDHE only, beside %s',
    async (_, name, expected) => {
      const everything = await suitesOf(await weak(name), TLS_1_2);
      expect(everything).toEqual(expect.arrayContaining(expected));
      expect(everything.length).toBeGreaterThan(10);
      expect(await suitesOf(await gateway(name), TLS_1_2)).toEqual(expected);
    },
  );

  it('of an older version is refused', async () => {
    const suites = [0xc013, 0xc014, 0x002f, 0x0035, 0x000a, 0x0005];
    const [strict, lax] = [await gateway(), await weak()];
    for (const version of [TLS_1, TLS_1_1])
      expect(await sendClientHello(lax, { version, suites })).toMatchObject({ version });
    for (const version of [TLS_1, TLS_1_1]) {
      expect(await sendClientHello(strict, { version, suites })).toEqual({ alert: PROTOCOL_VERSION });
    }
    // Which alert this is depends on how OpenSSL was built.
    expect(await sendClientHello(strict, { version: SSL_3, suites })).toHaveProperty('alert');
  });

  it('that would rather compress is not compressed', async () => {
    const offer = { version: TLS_1_2, suites: [0xc02f], compression: [1, 0] };
    expect(await sendClientHello(await gateway(), offer)).toEqual({ version: TLS_1_2, suite: 0xc02f, compression: 0 });
  });
});
