/** Tokens of an issuer that serves its keys over HTTP, and those of who would like to be it. */
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT, exportJWK, exportSPKI, generateKeyPair } from 'jose';
import type { CryptoKey, JWTHeaderParameters } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';

import { Jwt } from '../../src/auth/jwt.ts';
import type { JwtOptions } from '../../src/auth/jwt.ts';
import type { Identity } from '../../src/auth/identity.ts';

const address = '127.0.0.1';
const AUDIENCE = 'https://gateway.example.com/mcp';

interface Issuer {
  url: string;
  kid: string;
  publicKey: CryptoKey;
  /** How often its keys were fetched. */
  fetches: number;
  /** Another key takes the place of the one before. */
  rotate(): Promise<void>;
  sign(claims?: Record<string, unknown>, header?: Partial<JWTHeaderParameters>): Promise<string>;
}

async function startIssuer(): Promise<Issuer> {
  let pair = await generateKeyPair('RS256', { extractable: true });
  let n = 0;
  const server = createServer((request, response) => {
    void (async () => {
      if (request.url === '/.well-known/oauth-authorization-server') {
        response.end(JSON.stringify({ issuer: issuer.url, jwks_uri: `${issuer.url}/keys` }));
      } else if (request.url === '/keys') {
        issuer.fetches++;
        const jwk = await exportJWK(pair.publicKey);
        response.end(JSON.stringify({ keys: [{ ...jwk, kid: issuer.kid, use: 'sig', alg: 'RS256' }] }));
      } else response.writeHead(404).end();
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const issuer: Issuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    kid: 'key 0',
    publicKey: pair.publicKey,
    fetches: 0,
    async rotate() {
      pair = await generateKeyPair('RS256', { extractable: true });
      issuer.kid = `key ${++n}`;
      issuer.publicKey = pair.publicKey;
    },
    sign: (claims = {}, header = {}) =>
      new SignJWT({ ...good(issuer.url), ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: issuer.kid, ...header })
        .sign(pair.privateKey),
  };
  return issuer;
}

const seconds = (): number => Math.floor(Date.now() / 1000);
const good = (iss: string): Record<string, unknown> => ({ iss, aud: AUDIENCE, sub: 'ann', exp: seconds() + 300 });
const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function identify(options: JwtOptions, token: string): Promise<Identity | undefined> {
  return new Jwt(options).identify({ address, bearer: token });
}

describe('a token of the issuer', () => {
  it('says who it is, until when, and with which roles', async () => {
    const issuer = await startIssuer();
    const options = {
      issuer: issuer.url,
      audience: ['https://other.example.com', AUDIENCE],
      rolesClaim: 'groups',
      principalPrefix: 'corp:',
      scopes: { 'mcp:read': ['reader'], 'mcp:all': ['admin'] },
    };
    const exp = seconds() + 60;
    const token = await issuer.sign({ exp, scope: 'mcp:read openid', groups: ['staff', 7] });
    expect(await identify(options, token)).toEqual({
      principal: 'corp:ann',
      roles: ['staff', 'reader'],
      scopes: ['mcp:read', 'openid'],
      claims: { iss: issuer.url, aud: AUDIENCE, sub: 'ann', scope: 'mcp:read openid' },
      via: 'jwt',
      expiresAt: exp * 1000 + 30_000,
    });
  });

  it('is refused where a scope is missing, and told which', async () => {
    const issuer = await startIssuer();
    const options = { issuer: issuer.url, audience: AUDIENCE, requiredScopes: ['mcp'] };
    await expect(identify(options, await issuer.sign({ scope: 'mcpx' }))).rejects.toMatchObject({
      code: 'SWB_INSUFFICIENT_SCOPE',
      data: { scopes: ['mcp'] },
    });
    expect(await identify(options, await issuer.sign({ scope: 'a mcp' }))).toMatchObject({ principal: 'ann' });
  });

  it.each<[string, (issuer: Issuer) => Promise<string> | string]>([
    ['of another audience', (issuer) => issuer.sign({ aud: 'https://other.example.com' })],
    ['without an audience', (issuer) => issuer.sign({ aud: undefined })],
    ['of another issuer', (issuer) => issuer.sign({ iss: `${issuer.url}/` })],
    ['that has expired', (issuer) => issuer.sign({ exp: seconds() - 31 })],
    ['that never expires', (issuer) => issuer.sign({ exp: undefined })],
    ['that is not good yet', (issuer) => issuer.sign({ nbf: seconds() + 60 })],
    ['of nobody', (issuer) => issuer.sign({ sub: undefined })],
    ['of the name for nobody', (issuer) => issuer.sign({ sub: 'anonymous' })],
    ['of a name that steers a terminal', (issuer) => issuer.sign({ sub: '\u001B[31mann' })],
    ['with an unknown key', (issuer) => issuer.sign({}, { kid: '../../etc/passwd' })],
    [
      'that brings its key along',
      async (issuer) => {
        const own = await generateKeyPair('RS256', { extractable: true });
        const jwk = await exportJWK(own.publicKey);
        const header = { alg: 'RS256', kid: issuer.kid, jwk, jku: `${issuer.url}/mine`, x5u: `${issuer.url}/mine` };
        return new SignJWT(good(issuer.url)).setProtectedHeader(header).sign(own.privateKey);
      },
    ],
    ['without a signature', (issuer) => `${base64({ alg: 'none' })}.${base64(good(issuer.url))}.e30`],
    [
      'whose signature is made with the public key as a secret',
      async (issuer) => {
        const text = `${base64({ alg: 'HS256', kid: issuer.kid })}.${base64(good(issuer.url))}`;
        const secret = await exportSPKI(issuer.publicKey);
        return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
      },
    ],
    [
      'whose contents were changed',
      async (issuer) => {
        const [header, , signature] = (await issuer.sign()).split('.');
        return `${header}.${base64({ ...good(issuer.url), sub: 'root' })}.${signature}`;
      },
    ],
    ['that is too long', (issuer) => issuer.sign({ more: 'x'.repeat(9000) })],
  ])('is refused, and not shown, when it is one %s', async (_, make) => {
    const issuer = await startIssuer();
    const subject = new Jwt({ issuer: issuer.url, audience: AUDIENCE });
    const token = await make(issuer);
    const thrown = await subject.identify({ address, bearer: token }).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'SWB_UNAUTHORIZED' });
    expect((thrown as Error).message).not.toContain(token.split('.')[1]);
    // The same way in still takes one that is good.
    expect(await subject.identify({ address, bearer: await issuer.sign() })).toMatchObject({ principal: 'ann' });
  });

  it('bears clocks that differ a little', async () => {
    const issuer = await startIssuer();
    const token = await issuer.sign({ exp: seconds() - 20, nbf: seconds() + 20 });
    expect(await identify({ issuer: issuer.url, audience: AUDIENCE }, token)).toMatchObject({ principal: 'ann' });
  });

  it('is good after the keys were changed, and unknown keys do not make it fetch them each time', async () => {
    const issuer = await startIssuer();
    const options = { issuer: issuer.url, audience: AUDIENCE };
    const eager = new Jwt(options, { cooldownMs: 0 });
    await eager.identify({ address, bearer: await issuer.sign() });
    await issuer.rotate();
    expect(await eager.identify({ address, bearer: await issuer.sign() })).toMatchObject({ principal: 'ann' });
    expect(issuer.fetches).toBe(2);

    issuer.fetches = 0;
    const patient = new Jwt(options);
    const unknown = await issuer.sign({}, { kid: 'unknown' });
    for (let n = 0; n < 20; n++) {
      await expect(patient.identify({ address, bearer: unknown })).rejects.toMatchObject({ code: 'SWB_UNAUTHORIZED' });
    }
    expect(issuer.fetches).toBe(1);
  });

  it('cannot be judged while the issuer is away, and can when it is back', async () => {
    const issuer = await startIssuer();
    const token = await issuer.sign({ iss: 'http://127.0.0.1:1' });
    await expect(identify({ issuer: 'http://127.0.0.1:1', audience: AUDIENCE }, token)).rejects.toMatchObject({
      code: 'SWB_ISSUER_UNAVAILABLE',
    });
  });

  it('is not taken from metadata of another issuer', async () => {
    const issuer = await startIssuer();
    const impostor = issuer.url.replace('127.0.0.1', 'localhost');
    const token = await issuer.sign({ iss: impostor });
    await expect(identify({ issuer: impostor, audience: AUDIENCE }, token)).rejects.toThrow(/of another issuer/);
  });
});

describe('a token of a small set-up', () => {
  const issuer = 'https://issuer.example.com';

  it('is signed with a secret, and with nothing else', async () => {
    const secret = 'a secret that is long enough for any of the algorithms, so that only its name decides';
    const options = { issuer, audience: AUDIENCE, secret };
    const sign = (alg: string, key: string): Promise<string> =>
      new SignJWT(good(issuer)).setProtectedHeader({ alg }).sign(new TextEncoder().encode(key));
    expect(await identify(options, await sign('HS256', secret))).toMatchObject({ principal: 'ann' });
    for (const token of [await sign('HS512', secret), await sign('HS256', `${secret}!`)]) {
      await expect(identify(options, token)).rejects.toMatchObject({ code: 'SWB_UNAUTHORIZED' });
    }
  });

  it('is signed with the one key of a PEM file, by its one algorithm', async () => {
    const pair = await generateKeyPair('ES256', { extractable: true });
    const options = { issuer, audience: AUDIENCE, publicKey: await exportSPKI(pair.publicKey), algorithms: ['ES256'] };
    const token = await new SignJWT(good(issuer)).setProtectedHeader({ alg: 'ES256' }).sign(pair.privateKey);
    expect(await identify(options, token)).toMatchObject({ principal: 'ann' });
    const other = await generateKeyPair('RS256');
    const foreign = await new SignJWT(good(issuer)).setProtectedHeader({ alg: 'RS256' }).sign(other.privateKey);
    await expect(identify(options, foreign)).rejects.toMatchObject({ code: 'SWB_UNAUTHORIZED' });
  });
});
