/** The console over real sockets: who gets in, what they may do there, and what pages of strangers can do to it. */
import { serveConsole } from 'mcp-switchboard-console';
import { describe, expect, it, onTestFinished } from 'vitest';

import { CredentialWatcher } from '../../src/auth/credential-watcher.ts';
import { LINK_MS, Links, MAX_LINKS } from '../../src/gateway/console/links.ts';
import { MAX_SESSIONS_EACH, SESSION_MS, Sessions } from '../../src/gateway/console/sessions.ts';
import { ROUTES } from '../../src/gateway/admin/routes.ts';
import type { GatewayOptions } from '../../src/gateway/gateway.ts';
import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http, stream } from '../support/http.ts';
import type { HttpAnswer } from '../support/http.ts';
import { bearer, testKeys } from '../support/keys.ts';
import type { Json } from '../support/wire.ts';

type Headers = Record<string, string>;

interface ConsoleTest extends TestGateway {
  origin: string;
  /** Asks as the page does, with a cookie. */
  ask(line: string, cookie?: string, more?: { headers?: Headers; body?: Json }): Promise<HttpAnswer>;
  /** What a link has behind its `#`. */
  link(): string;
  /** @returns the cookie. */
  signIn(link?: string, headers?: Headers): Promise<string>;
}

async function startConsole(options: Partial<GatewayOptions> = {}): Promise<ConsoleTest> {
  const test = await startGateway({
    upstreams: { default: servers.scripted },
    isolation: 'shared',
    servePages: serveConsole,
    ...options,
  });
  const origin = `http://127.0.0.1:${test.port}`;
  // By the cookie of the sign-in that they came with.
  const tokens = new Map<string, string>();
  const ask: ConsoleTest['ask'] = async (line, cookie = '', { headers = {}, body } = {}) => {
    const [method = '', path = ''] = line.split(' ');
    const token = tokens.get(cookie);
    const own: Headers = method === 'GET' ? {} : { origin, ...(token !== undefined && { [CSRF]: token }) };
    const answer = await http(`${origin}${path}`, {
      method,
      headers: {
        accept: 'application/json',
        ...own,
        ...(cookie !== '' && { cookie }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body ?? '',
    });
    if (path.endsWith('/sign-in') && answer.status === 200) tokens.set(cookieOf(answer), csrfTokenIn(answer));
    return answer;
  };
  const link = (): string => test.gateway.consoleLink()!.url.split('#')[1]!;
  const signIn: ConsoleTest['signIn'] = async (secret = link(), headers = {}) => {
    const answer = await ask('POST /console/api/sign-in', '', { body: { link: secret }, headers });
    expect(answer.status).toBe(200);
    return cookieOf(answer);
  };
  return { ...test, origin, ask, link, signIn };
}

const cookieOf = ({ headers }: HttpAnswer): string => String(headers['set-cookie']?.[0]).split(';')[0]!;
const CSRF = 'switchboard-csrf-token';
const csrfTokenIn = ({ body }: HttpAnswer): string => (JSON.parse(body) as { csrfToken: string }).csrfToken;
const codeOf = ({ body }: HttpAnswer): unknown =>
  (JSON.parse(body) as { error?: { data?: { code?: unknown } } }).error?.data?.code;

interface RolesTest extends ConsoleTest {
  keys: ReturnType<typeof testKeys>;
  /** Signs in with the key of a principal. */
  signInAs(principal: string): Promise<HttpAnswer>;
}

/** @param roles of principals, each of whom has a key. */
async function startWithRoles(
  roles: Readonly<Record<string, string[]>>,
  options: Partial<GatewayOptions> = {},
): Promise<RolesTest> {
  const keys = testKeys();
  const texts = new Map(Object.entries(roles).map(([name, own]) => [name, keys.add(name, own)]));
  const test = await startConsole({ keysFile: keys.path, ...options });
  const signInAs = (principal: string): Promise<HttpAnswer> =>
    test.ask('POST /console/api/sign-in', '', { headers: bearer(texts.get(principal) ?? principal) });
  return { ...test, keys, signInAs };
}

describe('the console', () => {
  it('is where browsers are led to, and has every view at a path of its own, with the headers of the pages', async () => {
    const { ask } = await startConsole();
    const browser = { accept: 'text/html,application/xhtml+xml' };
    expect((await ask('GET /', '', { headers: browser })).headers.location).toBe('/console/');
    expect((await ask('GET /console', '', { headers: browser })).headers.location).toBe('/console/');
    expect((await ask('GET /')).status).toBe(404);
    for (const path of ['/console/', '/console/sessions', '/console/servers']) {
      const { status, headers, body } = await ask(`GET ${path}`);
      expect([path, status, body.includes('<title>Console</title>')]).toEqual([path, 200, true]);
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(headers['content-security-policy']).not.toContain('unsafe');
      expect(headers['x-frame-options']).toBe('DENY');
    }
    expect((await ask('GET /console/assets/../../package.json')).status).toBe(404);
    expect((await ask('GET /console/nothing/here')).status).toBe(404);
  });

  it('can be switched off, and is nowhere without the admin API or the pages', async () => {
    for (const options of [{ console: 'off' }, { adminPort: 'off' }, { servePages: undefined }] as const) {
      const { ask, gateway } = await startConsole(options as Partial<GatewayOptions>);
      expect((await ask('GET /console/')).status).toBe(404);
      expect((await ask('GET /', '', { headers: { accept: 'text/html' } })).status).toBe(404);
      expect(gateway.consoleLink()).toBeUndefined();
    }
  });

  it('is led to at an address that a browser can open, where Switchboard listens on all of them', async () => {
    const everywhere = { host: '0.0.0.0', behindProxy: true, token: 'a-token-of-thirty-two-characters-or-more' };
    const { gateway } = await startConsole(everywhere);
    expect(gateway.consoleLink()!.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/console\/#/);
  });

  it('lets in by a link once, and sets a cookie that scripts and other sites do not get', async () => {
    const { ask, link, gateway } = await startConsole();
    expect(gateway.consoleLink()!.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/console\/#[\w-]{43}$/);
    const secret = link();
    const first = await ask('POST /console/api/sign-in', '', { body: { link: secret } });
    expect(JSON.parse(first.body)).toEqual({ name: 'local', role: 'operator', csrfToken: expect.any(String) });
    expect(first.headers['set-cookie']![0]).toMatch(/; Path=\/console; Max-Age=43200; HttpOnly; SameSite=Strict$/);
    expect((await ask('GET /console/api/me', cookieOf(first))).status).toBe(200);
    const again = await ask('POST /console/api/sign-in', '', { body: { link: secret } });
    expect([again.status, codeOf(again)]).toEqual([401, 'SWB_UNAUTHORIZED']);
    for (const body of [{ link: 'x'.repeat(43) }, { link: '__proto__' }]) {
      expect((await ask('POST /console/api/sign-in', '', { body })).status).toBe(401);
    }
    expect((await ask('POST /console/api/sign-in', '', { body: { link: 7 } })).status).toBe(400);
  });

  it('opens a new session at each sign-in, whatever the cookie held, and ends it when somebody signs out', async () => {
    const { ask, link, signIn } = await startConsole();
    const planted = await signIn();
    const name = planted.split('=')[0]!;
    for (const before of [planted, `${name}=chosen-by-somebody-else`]) {
      const answer = await ask('POST /console/api/sign-in', before, { body: { link: link() } });
      expect(cookieOf(answer)).not.toBe(before);
      expect((await ask('GET /console/api/me', before)).status).toBe(401);
      expect((await ask('GET /console/api/me', cookieOf(answer))).status).toBe(200);
      const out = await ask('POST /console/api/sign-out', cookieOf(answer));
      expect(out.headers['set-cookie']![0]).toMatch(/=; Path=\/console; Max-Age=0;/);
      expect((await ask('GET /console/api/me', cookieOf(answer))).status).toBe(401);
    }
  });

  it('answers nothing of the API without a session, whether it exists or not', async () => {
    const { ask } = await startConsole();
    for (const { method, path } of ROUTES) {
      const answer = await ask(`${method} /console/api${path.replace(/\{\w+\}/, 'x')}`);
      expect([path, answer.status, codeOf(answer)]).toEqual([path, 401, 'SWB_UNAUTHORIZED']);
    }
    expect((await ask('GET /console/api/nothing')).status).toBe(401);
  });

  it('gives an operator every route of the admin API, and says who did what in the events', async () => {
    const test = await startConsole();
    const cookie = await test.signIn();
    const status = await test.ask('GET /console/api/status', cookie);
    expect(JSON.parse(status.body)).toMatchObject({ state: 'serving' });
    expect((await test.ask('POST /console/api/upstreams/default/restart', cookie)).status).toBe(200);
    expect((await test.ask('DELETE /console/api/sessions/none', cookie)).status).toBe(404);
    expect(test.events.filter(({ type }) => type === 'operator.acted')).toEqual([
      {
        type: 'operator.acted',
        operator: 'local',
        action: 'POST /upstreams/{name}/restart',
        subject: 'default',
        outcome: 'ok',
      },
      {
        type: 'operator.acted',
        operator: 'local',
        action: 'DELETE /sessions/{id}',
        subject: 'none',
        outcome: 'SWB_NOT_FOUND',
      },
    ]);
  });

  it('lets a viewer see everything and change nothing: no route of an operator, whatever it is asked with', async () => {
    const { ask, signInAs, events, gateway } = await startWithRoles({ vera: ['viewer'] });
    const answer = await signInAs('vera');
    expect(JSON.parse(answer.body)).toEqual({ name: 'vera', role: 'viewer', csrfToken: expect.any(String) });
    const cookie = cookieOf(answer);
    for (const { method, path, isAudit, stream: isStream } of ROUTES) {
      if (isStream === true && isAudit !== true) continue;
      const line = `${method} /console/api${path.replace(/\{\w+\}/, 'default')}`;
      const { status } = await ask(line, cookie, method === 'POST' || method === 'PATCH' ? { body: {} } : {});
      if (method === 'GET' && isAudit !== true) expect([line, [200, 404].includes(status)]).toEqual([line, true]);
      else expect([line, status]).toEqual([line, 403]);
    }
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'operator.acted',
        operator: 'vera',
        action: 'POST /drain',
        outcome: 'SWB_REFUSED',
      }),
    );
    expect(gateway.stats.connections).toBe(0);
  });

  it('refuses who has neither role, a wrong key, and who shows nothing', async () => {
    const { ask, signInAs } = await startWithRoles({ ann: ['reader'] });
    const none = await signInAs('ann');
    expect([none.status, codeOf(none), none.headers['set-cookie']]).toEqual([403, 'SWB_REFUSED', undefined]);
    const wrong = await signInAs(`swb_000000000000_${'x'.repeat(43)}`);
    expect([wrong.status, codeOf(wrong)]).toEqual([401, 'SWB_UNAUTHORIZED']);
    expect((await ask('POST /console/api/sign-in')).status).toBe(401);
  });

  it('ends a session, and what it streams, when its key is revoked', async () => {
    const { ask, keys, origin, signInAs } = await startWithRoles({ olga: ['operator'] });
    const cookie = cookieOf(await signInAs('olga'));
    const live = await stream(`${origin}/console/api/live?topics=status`, { method: 'GET', headers: { cookie } });
    await live.next();
    keys.revoke('olga');
    await expect.poll(async () => (await ask('GET /console/api/me', cookie)).status).toBe(401);
    await live.closed;
  });

  it('ends every link and session that came of a key, over however many links, when the key is revoked', async () => {
    const { ask, keys, signIn, signInAs } = await startWithRoles({ olga: ['operator'] });
    const linkOf = async (cookie: string): Promise<string> => {
      const made = await ask('POST /console/api/console-link', cookie, { body: {} });
      return (JSON.parse(made.body) as { url: string }).url.split('#')[1]!;
    };
    const byKey = cookieOf(await signInAs('olga'));
    const byLink = await signIn(await linkOf(byKey));
    const byLinkOfLink = await signIn(await linkOf(byLink));
    const me = JSON.parse((await ask('GET /console/api/me', byLinkOfLink)).body) as Json;
    expect(Object.keys(me)).toEqual(['name', 'role', 'csrfToken', 'expiresAt']);
    const unused = await linkOf(byLinkOfLink);
    keys.revoke('olga');
    await expect.poll(async () => (await ask('GET /console/api/me', byKey)).status).toBe(401);
    expect((await ask('POST /console/api/sign-in', '', { body: { link: unused } })).status).toBe(401);
    for (const heir of [byLink, byLinkOfLink]) expect((await ask('GET /console/api/me', heir)).status).toBe(401);
  });

  it('has a row for each client without a session, also where several come from one address', async () => {
    const keys = testKeys();
    const callers = ['ann', 'bob'].map((name) => ({ name, key: keys.add(name) }));
    const { gateway, origin, signIn } = await startConsole({ keysFile: keys.path });
    for (const { key } of callers) {
      http(`${origin}/rest/default/tools/never`, { headers: bearer(key), body: {} }).catch(() => {});
    }
    await expect.poll(() => gateway.operations.requests().length).toBe(2);
    const headers = { cookie: await signIn() };
    const live = await stream(`${origin}/console/api/live?topics=sessions`, { method: 'GET', headers });
    const { all } = (await live.next()) as { all: { id: string; key: string; principal: string }[] };
    expect(all.map(({ principal }) => principal).toSorted()).toEqual(['ann', 'bob']);
    expect([new Set(all.map(({ id }) => id)).size, new Set(all.map(({ key }) => key)).size]).toEqual([1, 2]);
    // Each keeps its key when the other is gone, and nobody else gets it.
    const bob = all.find(({ principal }) => principal === 'bob')!;
    const ann = all.find(({ principal }) => principal === 'ann')!;
    expect(gateway.operations.cancelAll(ann.key)).toBe(1);
    expect(gateway.operations.sessions().map(({ key }) => key)).toEqual([bob.key]);
    live.destroy();
  });

  it('goes on where it shows a server that was removed: it has no lines, and all else is live', async () => {
    const { origin, ask, signIn } = await startConsole();
    const cookie = await signIn();
    const headers = { cookie };
    const topics = 'upstreams,stderr:removed';
    const live = await stream(`${origin}/console/api/live?topics=${topics}`, { method: 'GET', headers });
    expect(await live.next()).toMatchObject({ all: [{ name: 'default' }] });
    expect(await live.next()).toEqual({ all: [] });
    live.destroy();
    for (const name of ['', '%0Aevent:+x', 'a+b', 'x'.repeat(65)]) {
      expect((await ask(`GET /console/api/live?topics=stderr:${name}`, cookie)).status).toBe(400);
    }
  });

  it('that is read-only lets nobody change anything, whoever signs in', async () => {
    const test = await startWithRoles(
      { olga: ['operator'], arno: ['auditor'], vera: ['viewer'] },
      { console: 'read-only' },
    );
    const readers = await Promise.all(['olga', 'arno', 'vera'].map((name) => test.signInAs(name)));
    const local = await test.ask('POST /console/api/sign-in', '', { body: { link: test.link() } });
    expect([...readers, local].map(({ body }) => JSON.parse(body) as Json)).toMatchObject([
      { name: 'olga', role: 'auditor', isReadOnly: true },
      { name: 'arno', role: 'auditor', isReadOnly: true, readsContents: true },
      { name: 'vera', role: 'viewer', isReadOnly: true },
      { name: 'local', role: 'auditor', isReadOnly: true },
    ]);
    expect(readers[0]!.body).not.toContain('readsContents');
    for (const cookie of [...readers, local].map(cookieOf)) {
      expect((await test.ask('GET /console/api/me', cookie)).body).toContain('"isReadOnly":true');
      expect((await test.ask('GET /console/api/status', cookie)).status).toBe(200);
      for (const { method, path } of ROUTES) {
        if (method === 'GET') continue;
        const line = `${method} /console/api${path.replace(/\{\w+\}/, 'default')}`;
        const answer = await test.ask(line, cookie, method === 'DELETE' ? {} : { body: {} });
        expect([line, answer.status, codeOf(answer)]).toEqual([line, 403, 'SWB_READ_ONLY']);
      }
    }
    // The admin API and the command go on.
    const admin = { headers: bearer(test.gateway.adminToken!) };
    expect((await http(`${test.gateway.adminUrl}/upstreams/default/restart`, admin)).status).toBe(200);
  });

  it('keeps so many sessions of one operator, and ends the oldest', async () => {
    const { ask, signIn } = await startConsole();
    const oldest = await signIn();
    const newer = await signIn();
    for (let nth = 0; nth < MAX_SESSIONS_EACH - 1; nth++) await signIn();
    expect((await ask('GET /console/api/me', oldest)).status).toBe(401);
    expect((await ask('GET /console/api/me', newer)).status).toBe(200);
  });
});

describe('a page of a stranger', () => {
  it.each([
    ['of another site', { origin: 'https://evil.example.com' }],
    ['on another port of this machine, which a browser sends the cookie for', { origin: 'http://127.0.0.1:3000' }],
    ['under another name of this machine', { origin: 'http://localhost' }],
    ['in a sandbox', { origin: 'null' }],
    ['whose browser says so', { 'sec-fetch-site': 'same-site' }],
    ['whose browser names no origin', { origin: '' }],
  ])('%s changes nothing with the cookie of an operator', async (_, headers) => {
    const { ask, signIn, events, port } = await startConsole();
    const cookie = await signIn();
    const own = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value === 'http://localhost' ? `${value}:${port}` : value]),
    );
    const answer = await ask('POST /console/api/drain', cookie, { headers: own, body: {} });
    expect([answer.status, codeOf(answer)]).toEqual([403, 'SWB_ORIGIN_REFUSED']);
    expect(events.some(({ type }) => type === 'draining' || type === 'operator.acted')).toBe(false);
    expect((await ask('POST /console/api/sign-in', '', { headers: own, body: { link: 'x' } })).status).toBe(403);
  });

  it('that got its browser to send cookie and origin of the console changes nothing without the token of that very sign-in', async () => {
    const { ask, signIn, link, events } = await startConsole();
    const cookie = await signIn();
    const other = await ask('POST /console/api/sign-in', '', { body: { link: link() } });
    for (const token of ['', 'x'.repeat(43), cookie.split('=')[1]!, csrfTokenIn(other)]) {
      for (const line of ['POST /console/api/drain', 'DELETE /console/api/sessions/x', 'POST /console/api/sign-out']) {
        const answer = await ask(line, cookie, { headers: { [CSRF]: token } });
        expect([line, answer.status, codeOf(answer)]).toEqual([line, 403, 'SWB_REFUSED']);
      }
    }
    expect(events.some(({ type }) => type === 'draining' || type === 'operator.acted')).toBe(false);
    // What only reads needs none.
    const me = await ask('GET /console/api/me', cookie);
    expect(me.status).toBe(200);
    const headers = { [CSRF]: csrfTokenIn(me) };
    expect((await ask('DELETE /console/api/sessions/x', cookie, { headers })).status).toBe(404);
    expect((await ask('POST /console/api/sign-out', cookie, { headers })).status).toBe(200);
  });

  it('reads nothing with the cookie of an operator, also on another port of this machine', async () => {
    const { ask, signIn } = await startConsole();
    const cookie = await signIn();
    for (const headers of [{ origin: 'http://127.0.0.1:3000' }, { 'sec-fetch-site': 'same-site' }] as Headers[]) {
      const answer = await ask('GET /console/api/sessions', cookie, { headers });
      expect(answer.status).toBe(403);
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  it('gets nothing by a name that leads here (DNS rebinding), with the cookie and without', async () => {
    const { ask, signIn } = await startConsole();
    const cookie = await signIn();
    for (const path of ['/console/', '/console/api/status', '/console/api/me', '/']) {
      const answer = await ask(`GET ${path}`, cookie, { headers: { host: 'evil.example.com', accept: 'text/html' } });
      expect([path, answer.status]).toEqual([path, 403]);
    }
  });
});

describe('beyond this machine', () => {
  it('the console is not there without TLS and authentication', async () => {
    const { ask } = await startConsole({ allowedHosts: 'mcp.example.com' });
    const host = { host: 'mcp.example.com' };
    expect((await ask('GET /console/', '', { headers: host })).status).toBe(404);
    expect((await ask('GET /', '', { headers: { ...host, accept: 'text/html' } })).status).toBe(404);
    expect((await ask('GET /console/', '', { headers: { 'x-forwarded-for': '203.0.113.7' } })).status).toBe(404);
  });

  it('a link leads to this machine alone, or there is none, where others are not let in', async () => {
    const { gateway } = await startConsole({ host: '0.0.0.0', insecure: true });
    expect(gateway.consoleLink()!.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/console\/#/);
  });

  it('behind a proxy with TLS its cookie is Secure, and only https is its own origin', async () => {
    const keys = testKeys();
    const key = bearer(keys.add('olga', ['operator']));
    const { ask } = await startConsole({
      keysFile: keys.path,
      behindProxy: true,
      allowedHosts: 'mcp.example.com',
      allowedOrigins: 'https://mcp.example.com,http://mcp.example.com',
    });
    const through = { host: 'mcp.example.com', 'x-forwarded-for': '203.0.113.7' };
    const sign = (origin: string): Promise<HttpAnswer> =>
      ask('POST /console/api/sign-in', '', { headers: { ...through, ...key, origin } });
    expect((await sign('http://mcp.example.com')).status).toBe(403);
    const answer = await sign('https://mcp.example.com');
    expect(answer.status).toBe(200);
    expect(answer.headers['set-cookie']![0]).toMatch(/; SameSite=Strict; Secure$/);
  });
});

describe('a link', () => {
  it('is good for a quarter of an hour, and only so many are at a time', () => {
    let now = 1_000_000;
    const credentials = new CredentialWatcher(() => false);
    onTestFinished(() => credentials.close());
    const links = new Links(credentials, () => now);
    const operator = { name: 'local', role: 'operator' } as const;
    const late = links.make(operator);
    now += LINK_MS;
    expect(links.take(late.secret)).toBeUndefined();
    const first = links.make(operator);
    for (let nth = 0; nth < MAX_LINKS; nth++) links.make(operator);
    expect(links.take(first.secret)).toBeUndefined();
    const last = links.make({ name: 'ann', role: 'viewer' });
    expect(links.take(last.secret)).toEqual({ name: 'ann', role: 'viewer' });
    expect(links.take(last.secret)).toBeUndefined();
  });

  it('opens a session that ends no later than the one it was made in, also where no key is behind it', () => {
    let now = 1_000_000;
    const credentials = new CredentialWatcher(() => false);
    onTestFinished(() => credentials.close());
    const [links, sessions] = [new Links(credentials, () => now), new Sessions(credentials, () => now)];
    const first = sessions.open({ name: 'local', role: 'operator' });
    now += SESSION_MS - 60_000;
    const { secret, expiresAt } = links.make(sessions.find(first)!.operator);
    expect(expiresAt).toBe(now + 60_000);
    const heir = sessions.open(links.take(secret)!);
    expect(sessions.find(heir)).toBeDefined();
    now += 60_000;
    expect([sessions.find(first), sessions.find(heir)]).toEqual([undefined, undefined]);
  });
});
