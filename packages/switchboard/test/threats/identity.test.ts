/** Attacks on who somebody is: by way of others who trust Switchboard, and by what its answers give away. */
import { createHmac } from 'node:crypto';
import { SignJWT, exportSPKI, generateKeyPair } from 'jose';
import type { JWTPayload } from 'jose';
import { describe, expect, it } from 'vitest';

import { initialize, session, startWithKeys, upgrade } from '../support/access.ts';
import { servers, startGateway } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { bearer } from '../support/keys.ts';
import { WireClient, textOf, toolCall } from '../support/wire.ts';

describe('a deputy that could be confused', () => {
  it('is not there: Switchboard gives no codes or tokens, registers no client, and sends nobody anywhere', async () => {
    const jwt = {
      issuer: 'https://issuer.example.com',
      audience: 'https://gateway.example.com/mcp',
      secret: 'a secret of more than 32 characters, at last',
    };
    const test = await startGateway({ upstreams: { default: servers.scripted }, jwt });
    const evil = encodeURIComponent('https://evil.example/callback');
    const query = `response_type=code&client_id=x&redirect_uri=${evil}&state=s&code_challenge=c&code_challenge_method=S256`;
    const paths = [
      '/authorize',
      '/oauth/authorize',
      '/token',
      '/oauth/token',
      '/register',
      '/callback',
      '/oauth/callback',
    ];
    const metadata = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'];
    for (const path of [...paths, ...metadata]) {
      for (const method of ['GET', 'POST']) {
        const { status, headers, body } = await http(new URL(`${path}?${query}`, test.http).href, {
          method,
          body: method === 'POST' ? '{}' : '',
        });
        expect([
          path,
          method,
          [401, 404].includes(status) || `${status} ${body}`,
          headers.location,
          headers['set-cookie'],
        ]).toEqual([path, method, true, undefined, undefined]);
        expect(body).not.toContain('evil.example');
      }
    }
    // It names the one issuer that was configured, whatever a client says of where it is.
    const resource = new URL('/.well-known/oauth-protected-resource/mcp', test.http).href;
    const answer = await http(resource, { method: 'GET', headers: { 'x-forwarded-host': 'evil.example' } });
    expect(JSON.parse(answer.body)).toMatchObject({ authorization_servers: [jwt.issuer], resource: jwt.audience });
  });
});

describe('a forged token', () => {
  it('is answered with 401 over HTTP and before 101, whatever it says of itself, and one that is good is let in', async () => {
    const own = await generateKeyPair('RS256', { extractable: true });
    const foreign = await generateKeyPair('RS256');
    const publicKey = await exportSPKI(own.publicKey);
    const [issuer, audience] = ['https://issuer.example.com', 'https://gateway.example.com/mcp'];
    const jwt = { issuer, audience, publicKey, algorithms: ['RS256'] };
    const test = await startGateway({ upstreams: { default: servers.scripted }, jwt, trustedProxies: ['127.0.0.1'] });
    const now = Math.floor(Date.now() / 1000);
    const good: JWTPayload = { iss: issuer, aud: audience, sub: 'ann', iat: now, exp: now + 300 };
    const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const sign = (claims: JWTPayload, header: object = {}, key = own.privateKey): Promise<string> =>
      new SignJWT({ ...good, ...claims }).setProtectedHeader({ alg: 'RS256', ...header }).sign(key);
    const signed = await sign({});
    const [head, , signature] = signed.split('.');
    const asSecret = `${base64({ alg: 'HS256' })}.${base64(good)}`;
    const forged = {
      'no signature': `${base64({ alg: 'none' })}.${base64(good)}.`,
      'the public key as a secret': `${asSecret}.${createHmac('sha256', publicKey).update(asSecret).digest('base64url')}`,
      'another key': await sign({}, {}, foreign.privateKey),
      'a key that it names': await sign(
        {},
        { jku: 'http://127.0.0.1:9/jwks', x5u: 'http://127.0.0.1:9/x' },
        foreign.privateKey,
      ),
      'a key that is a path': await sign({}, { kid: '../../../../dev/null' }, foreign.privateKey),
      'another audience': await sign({ aud: 'https://other.example.com' }),
      'another issuer': await sign({ iss: 'https://evil.example.com' }),
      'its time over': await sign({ exp: now - 60 }),
      'its time to come': await sign({ nbf: now + 600 }),
      'no end': await sign({ exp: undefined as never }),
      'other contents': `${head}.${base64({ ...good, sub: 'root' })}.${signature}`,
      'no form': 'a.b.c',
    };
    for (const [n, [what, token]] of Object.entries(forged).entries()) {
      const headers = { ...bearer(token), 'x-forwarded-for': `10.0.0.${n}` };
      const { status, body } = await http(test.http, { headers, body: initialize });
      expect([what, status]).toEqual([what, 401]);
      if (token.length > 20) expect(body).not.toContain(token);
      expect([what, await upgrade(test.ws, ['mcp'], headers)]).toEqual([what, 401]);
    }
    expect((await http(test.http, { headers: bearer(signed), body: initialize })).status).toBe(200);
    expect(test.events.filter(({ type }) => type === 'session.opened')).toHaveLength(1);
  });
});

describe('how long an answer takes', () => {
  const ROUNDS = 300;
  const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

  it('tells nothing of a key: neither which ids exist nor how much of one is right', async () => {
    const test = await startWithKeys({ trustedProxies: ['127.0.0.1'] });
    const wrong = (at: number): string => {
      const letter = test.ann[at] === 'a' ? 'b' : 'a';
      return test.ann.slice(0, at) + letter + test.ann.slice(at + 1);
    };
    const last = test.ann.length - 1;
    const id = test.ann.indexOf('_') + 1;
    const secret = test.ann.lastIndexOf('_') + 1;
    // In the id, where no key is found; and as the first and the last character of the secret.
    const kinds = { id: wrong(id), first: wrong(secret), last: wrong(last - 1) };
    const took: Record<string, number[]> = { id: [], first: [], last: [] };
    for (let round = 0; round < ROUNDS + 20; round++) {
      for (const [kind, key] of Object.entries(kinds)) {
        // Each from an address of its own, as one would soon have to wait.
        const headers = { ...bearer(key), 'x-forwarded-for': `10.${kind.length}.${round >> 8}.${round & 255}` };
        const before = performance.now();
        const { status } = await http(test.http, { headers, body: initialize });
        if (round >= 20) took[kind]!.push(performance.now() - before);
        expect(status).toBe(401);
      }
    }
    const medians = Object.values(took).map(median);
    expect(Math.max(...medians) / Math.min(...medians)).toBeLessThan(1.25);
  }, 60_000);
});

describe('a member of one principal', () => {
  it('is never handed to another, whatever session, group or label the other asks for', async () => {
    const test = await startWithKeys({ isolation: 'principal' });
    const [ann, ben] = [
      await WireClient.open(test.ws, { headers: bearer(test.ann) }),
      await WireClient.open(test.ws, { headers: { ...bearer(test.ben), 'mcp-session-id': 'ann', 'x-user': 'ann' } }),
    ];
    for (const client of [ann, ben]) {
      client.send(initialize);
      await client.answer(0);
    }
    const [hers, his] = [await ann.call(1, 'pid', {}), await ben.call(1, 'pid', {})].map(textOf);
    expect(hers).not.toBe(his);
    const again = await session(test, { ...bearer(test.ann) });
    const body = toolCall(2, 'pid', {});
    expect((await http(test.http, { headers: { ...again, ...bearer(test.ann) }, body })).body).toContain(hers);
  });
});
