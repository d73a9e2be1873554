/** Switchboard behind the reverse proxies of `deploy/`, each with the recipe as it is shipped. */
import { once } from 'node:events';
import { beforeAll, describe, expect, it } from 'vitest';

import { TestAuthority } from '../support/certificates.ts';
import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http, openSession, stream } from '../support/http.ts';
import type { HttpAnswer } from '../support/http.ts';
import { ask, http2 } from '../support/https.ts';
import { startReverseProxy } from '../support/reverse-proxy.ts';
import type { ProxyName, ReverseProxy } from '../support/reverse-proxy.ts';
import { WireClient, envelope, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

let authority: TestAuthority;
beforeAll(async () => {
  authority = await TestAuthority.create();
});

/** As the recipes say that it is started; `rateLimit` and others as a test wants them. */
const start = (options: Partial<Parameters<typeof startGateway>[0]> = {}): Promise<TestGateway> =>
  startGateway({ upstreams: { default: servers.scripted }, isolation: 'shared', behindProxy: true, ...options });

const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() };
const modern = {
  headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'echo' },
  body: toolCall(1, 'echo', { text: 'modern' }, envelope()),
};
const parse = (body: string): Json => JSON.parse(body) as Json;

/** A client of one address of this machine, on its way through the proxy. */
function through({ port }: ReverseProxy, localAddress = '127.0.0.1') {
  const connection = { ca: authority.ca, localAddress };
  const url = `https://localhost:${port}/mcp`;
  return {
    url,
    connection,
    http: (options: Parameters<typeof http>[1], path = '/mcp'): Promise<HttpAnswer> =>
      http(`https://localhost:${port}${path}`, { ...options, connection }),
    socket: (path = '/mcp', protocols = ['mcp']): Promise<WireClient> =>
      WireClient.open(`wss://localhost:${port}${path}`, connection, protocols),
    session: async (path = '/mcp'): Promise<WireClient> => {
      const client = await WireClient.open(`wss://localhost:${port}${path}`, connection);
      client.send(initialize);
      await client.answer(0);
      client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
      return client;
    },
  };
}

describe.each<ProxyName>(['nginx', 'haproxy', 'caddy'])('behind %s', (name) => {
  it('every transport works, at the root and below a prefix, and operators are not reached', async () => {
    const test = await start();
    const proxy = await startReverseProxy(name, authority, test.port);
    const client = through(proxy);
    const session = await openSession(client.url, initializeParams(), client.connection);
    const quiet = await stream(client.url, { headers: session, connection: client.connection });

    for (const path of ['/mcp', '/tools/mcp']) {
      const socket = await client.session(path);
      expect(textOf(await socket.call(1, 'echo', { text: path }))).toBe(path);
      socket.socket.terminate();
      expect(textOf(parse((await client.http(modern, path)).body))).toBe('modern');
    }
    const over2 = http2(client.url, { ca: authority.ca });
    const { status, body } = await ask(over2, { ...modern, path: '/mcp' });
    expect([status, textOf(parse(body))]).toEqual([200, 'modern']);
    expect(over2.alpnProtocol).toBe('h2');
    // Larger than what nginx takes by itself.
    const large = { ...modern, body: toolCall(1, 'echo', { text: 'x'.repeat(3_000_000) }, envelope()) };
    expect(textOf(parse((await ask(over2, large)).body))).toHaveLength(3_000_000);

    const slow = toolCall(2, 'slow', { ms: 300, steps: 3, text: 'x' }, { progressToken: 'p' });
    const events = await stream(client.url, {
      method: 'POST',
      headers: session,
      body: slow,
      connection: client.connection,
    });
    expect((await events.next())['method']).toBe('notifications/progress');
    // The first note came alone: nothing waits in the proxy until the answer is there.
    expect(events.received).toEqual([]);
    const noted = over2.request({
      ':method': 'POST',
      ':path': '/mcp',
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...modern.headers,
      'mcp-name': 'slow',
    });
    noted.end(
      JSON.stringify(toolCall(3, 'slow', { ms: 300, steps: 3, text: 'x' }, { ...envelope(), progressToken: 'p' })),
    );
    const [first] = (await once(noted.setEncoding('utf8'), 'data')) as [string];
    expect(first).toContain('notifications/progress');
    expect(first).not.toContain('"result"');
    noted.destroy();

    const get = async (path: string): Promise<[number, boolean]> => {
      const answer = await client.http({ method: 'GET' }, path);
      return [answer.status, answer.body.includes('SWB_')];
    };
    const open = ['/healthz', '/readyz', '/tools/readyz'];
    expect(await Promise.all(open.map(get))).toEqual(open.map(() => [200, false]));
    // By the proxy: Switchboard also refuses what is forwarded there, and says so with a code.
    const closed = ['/metrics', '/admin/status', '/tools/metrics', '/tools/admin/status', '//admin/status'];
    expect(await Promise.all(closed.map(get))).toEqual(closed.map(() => [404, false]));

    events.destroy();
    // After a silence that is longer than nginx allows by itself here.
    await client.http({ headers: session, body: toolCall(4, 'changeLater', { ms: 1500 }) });
    expect((await quiet.next())['method']).toBe('notifications/tools/list_changed');
    quiet.destroy();

    // A modern client cancels by hanging up, also while nothing has been answered.
    const running = (): number => test.gateway.stats.exchanges;
    await expect.poll(running).toBe(0);
    const end = new AbortController();
    const headers = { ...modern.headers, 'mcp-name': 'never' };
    const call = { headers, body: toolCall(5, 'never', {}, envelope()), signal: end.signal };
    const given = client.http(call).then(() => 'answered', String);
    await expect.poll(running).toBe(1);
    end.abort();
    expect(await given).toContain('abort');
    await expect.poll(running).toBe(0);
  });

  it('a WebSocket and an event stream that are cut are resumed', async () => {
    const test = await start();
    const client = through(await startReverseProxy(name, authority, test.port));
    const first = await client.socket('/mcp', ['mcp.r1', 'mcp']);
    first.send(initialize);
    const { params } = await first.notification('switchboard/ws/session');
    await first.answer(0);
    first.socket.terminate();
    const back = await client.socket('/mcp', ['mcp.r1']);
    const { token } = params as { token: string };
    back.send({ jsonrpc: '2.0', method: 'switchboard/ws/resume', params: { token, h: 1 } });
    await back.notification('switchboard/ws/resumed');
    expect(textOf(await back.call(1, 'echo', { text: 'again' }))).toBe('again');

    const { connection } = client;
    const session = await openSession(client.url, initializeParams(), connection);
    const body = toolCall(1, 'slow', { ms: 400, steps: 4, text: 'done' }, { progressToken: 'p' });
    const cut = await stream(client.url, { method: 'POST', headers: session, body, connection });
    await cut.next();
    cut.destroy();
    const headers = { ...session, 'last-event-id': cut.ids.at(-1)! };
    const rest = await stream(client.url, { headers, connection });
    await rest.closed;
    expect(rest.received.map(({ params: note, id }) => id ?? (note as Json)['progress'])).toEqual([2, 3, 4, 1]);
    back.socket.terminate();
  });

  it("Switchboard sees and limits the client's address, whatever the client writes into headers", async () => {
    const test = await start({ rateLimit: 3 });
    const proxy = await startReverseProxy(name, authority, test.port);
    const client = through(proxy, '127.0.0.2');
    const statuses: number[] = [];
    for (let n = 1; n <= 4; n++) {
      const headers = { ...modern.headers, 'x-forwarded-for': `192.0.2.${n}`, forwarded: `for=192.0.2.${n}` };
      statuses.push((await client.http({ ...modern, headers })).status);
    }
    expect(statuses).toEqual([200, 200, 200, 429]);
    const calls = test.events.flatMap((event) => (event.type === 'request.ended' ? [event.session] : []));
    expect(new Set(calls)).toEqual(new Set(['127.0.0.2']));
    const opened = test.nextEvent('connection.opened');
    const socket = await through(proxy, '127.0.0.3').socket();
    expect((await opened).address).toBe('127.0.0.3');
    socket.socket.terminate();
  });

  it('a new version takes over without a failed call', async () => {
    const [old, next] = [await start(), await start()];
    const proxy = await startReverseProxy(name, authority, old.port);
    const client = through(proxy);
    const socket = await client.session();
    const running = [
      // Caddy cuts WebSockets at a reload (2.6).
      ...(name === 'caddy' ? [] : [socket.call(1, 'slow', { ms: 1500 })]),
      client
        .http({
          headers: { ...modern.headers, 'mcp-name': 'slow' },
          body: toolCall(1, 'slow', { ms: 1500 }, envelope()),
        })
        .then(({ body }) => parse(body)),
    ];
    await expect.poll(() => old.gateway.stats.exchanges).toBe(running.length);

    const end = new AbortController();
    const statuses = new Map<number, number>();
    const load = (async () => {
      while (!end.signal.aborted) {
        const { status } = await client.http(modern);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    })();
    const reached = next.nextEvent('request.ended');
    await proxy.leadTo(next.port);
    await reached;
    await old.gateway.drain();
    end.abort();
    await load;
    expect((await Promise.all(running)).map(textOf)).toEqual(running.map(() => 'done'));
    expect([...statuses.keys()]).toEqual([200]);
    socket.socket.terminate();
  });
});
