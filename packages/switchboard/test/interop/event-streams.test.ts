/** Event streams of remote servers behind proxies that fail now and then, and of servers that write them in unusual ways. */
import { describe, expect, it } from 'vitest';

import { startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { plain, remote, resultOf } from '../support/remote.ts';
import type { RemoteServer, Visit } from '../support/remote.ts';
import { WireClient, textOf } from '../support/wire.ts';

const CHANGED = 'data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n';

const notices = (test: TestGateway): string[] =>
  test.events.flatMap((event) => (event.type === 'upstream.notice' ? [event.what] : []));

/** A legacy server whose GETs are answered by these, one after the other; further ones by the last. */
function withGets(...gets: ((visit: Visit) => unknown)[]): (visit: Visit) => unknown {
  return (visit) => (visit.method === 'GET' ? (gets.length > 1 ? gets.shift()! : gets[0]!)(visit) : plain(visit));
}

const withCode =
  (status: number, headers = {}) =>
  (visit: Visit): void =>
    visit.text(status, '', headers);

async function open(
  serve: (visit: Visit) => unknown,
): Promise<{ test: TestGateway; server: RemoteServer; client: WireClient }> {
  const server = await remote(serve);
  const test = await startGateway({ upstreams: { default: { url: server.url, era: 'legacy' } } });
  return { test, server, client: await WireClient.session(test.ws) };
}

describe('the stream for what belongs to no request', () => {
  it.each([429, 502, 503, 504])(
    'is opened again after a %i, also when the first GET is answered so',
    async (status) => {
      const { client, test } = await open(withGets(withCode(status), (visit) => visit.stream(CHANGED)));
      await client.notification('notifications/tools/list_changed');
      await expect
        .poll(() => notices(test))
        .toEqual([
          expect.stringContaining(`cannot be opened: HTTP status ${status}`),
          expect.stringContaining('is open again'),
        ]);
    },
  );

  it('is opened again where a proxy cuts the connection and then has nobody to ask', async () => {
    const { client, server } = await open(
      withGets(
        (visit) => visit.stream('retry: 1\n\n').end(),
        withCode(502),
        (visit) => visit.response.destroy(),
        (visit) => visit.stream(CHANGED),
      ),
    );
    await client.notification('notifications/tools/list_changed');
    expect(server.of('GET')).toHaveLength(4);
  });

  it('waits as long as the server asks (Retry-After)', async () => {
    const asked: number[] = [];
    const { client } = await open(
      withGets(
        (visit) => (asked.push(Date.now()), withCode(429, { 'retry-after': '1' })(visit)),
        (visit) => (asked.push(Date.now()), visit.stream(CHANGED)),
      ),
    );
    await client.notification('notifications/tools/list_changed');
    expect(asked[1]! - asked[0]!).toBeGreaterThanOrEqual(990);
  });

  it.each([200, 204])('is opened where `initialized` is answered with %i', async (status) => {
    const { client, server } = await open((visit) => {
      if (visit.message.method === 'notifications/initialized') visit.text(status);
      else withGets((get) => get.stream(CHANGED))(visit);
    });
    await client.notification('notifications/tools/list_changed');
    expect(server.of('GET')).toHaveLength(1);
  });

  it.each([
    [405, undefined],
    [400, 'is not opened again: HTTP status 400'],
    [403, 'is not opened again: HTTP status 403'],
  ])('is not asked for again after a %i', async (status, notice) => {
    const { client, server, test } = await open(withGets(withCode(status)));
    for (const id of [1, 2, 3]) await client.call(id, 'echo');
    expect(server.of('GET')).toHaveLength(1);
    expect(notices(test)).toEqual(notice === undefined ? [] : [expect.stringContaining(notice)]);
  });

  it('takes up a new session when the one that it belongs to is gone, for a client that watches a resource', async () => {
    let sessions = 0;
    let live = '';
    let cut = (): void => {};
    const server = await remote((visit) => {
      const { headers, message, method } = visit;
      const id = headers['mcp-session-id'];
      if (message.method === 'initialize') {
        live = `s${++sessions}`;
        const capabilities = { resources: { subscribe: true } };
        return visit.json(
          200,
          { id: message.id, result: { ...resultOf(message), capabilities } },
          { 'mcp-session-id': live },
        );
      }
      if (id !== live) return visit.text(404, 'session not found');
      if (method === 'GET') return void (cut = () => (visit.stream('retry: 1\n\n').end(), undefined));
      return message.id === undefined ? visit.text(202) : visit.json(200, { id: message.id, result: {} });
    });
    const test = await startGateway({
      isolation: 'shared',
      upstreams: { default: { url: server.url, era: 'legacy' } },
    });
    const client = await WireClient.session(test.ws);
    client.send({ jsonrpc: '2.0', id: 1, method: 'resources/subscribe', params: { uri: 'x:1' } });
    await client.answer(1);
    await expect.poll(() => server.of('GET').length).toBe(1);
    live = 'none';
    cut();
    // Whoever watched is told to look again.
    await client.notification('notifications/resources/updated');
    expect(sessions).toBe(2);
    expect(server.of('resources/subscribe')).toHaveLength(2);
  });
});

describe('the stream with the answer to a request', () => {
  const answer = (visit: Visit): string =>
    `id: 2\ndata: ${JSON.stringify({ jsonrpc: '2.0', id: visit.message.id, result: resultOf(visit.message) })}\n\n`;

  it('is taken up again through a 503', async () => {
    let rest = '';
    let gets = 0;
    const { client } = await open((visit) => {
      if (visit.message.method === 'tools/call') {
        rest = answer(visit);
        visit.stream('id: 1\nretry: 1\ndata: \n\n').end();
      } else if (visit.headers['last-event-id'] !== undefined) {
        expect(visit.headers['last-event-id']).toBe('1');
        if (++gets === 1) visit.text(503);
        else visit.stream(rest).end();
      } else plain(visit);
    });
    expect(textOf(await client.call(1, 'echo', { text: 'late' }))).toBe('late');
    expect(gets).toBe(2);
  });

  it('is refused at once with the status where it cannot be taken up', async () => {
    const { client } = await open((visit) => {
      if (visit.message.method === 'tools/call') visit.stream('id: 1\nretry: 1\ndata: \n\n').end();
      else if (visit.headers['last-event-id'] === undefined) plain(visit);
      else visit.text(403);
    });
    expect((await client.call(1, 'echo'))['error']).toMatchObject({
      message: expect.stringContaining('HTTP status 403'),
      data: { code: 'SWB_UPSTREAM_UNAVAILABLE', status: 403 },
    });
  });

  it.each<[string, Record<string, string>, string]>([
    ['a byte order mark', { 'content-type': 'text/event-stream' }, '\uFEFF'],
    ['a type in capitals', { 'content-type': 'Text/Event-Stream; charset=UTF-8' }, ''],
    ['an encoding that is none', { 'content-type': 'text/event-stream', 'content-encoding': 'identity' }, ''],
  ])('is read with %s', async (_, headers, mark) => {
    const { client } = await open((visit) => {
      if (visit.message.method !== 'tools/call') plain(visit);
      else visit.response.writeHead(200, headers).end(mark + answer(visit).replace('id: 2\n', ''));
    });
    expect(textOf(await client.call(1, 'echo', { text: 'read' }))).toBe('read');
  });
});

describe('an answer as JSON', () => {
  it('may begin with a byte order mark', async () => {
    const { client } = await open((visit) => {
      if (visit.message.method !== 'tools/call') plain(visit);
      else {
        const answer = { jsonrpc: '2.0', id: visit.message.id, result: resultOf(visit.message) };
        visit.text(200, `\uFEFF${JSON.stringify(answer)}`, { 'content-type': 'application/json' });
      }
    });
    expect(textOf(await client.call(1, 'echo', { text: 'marked' }))).toBe('marked');
  });

  it('that is compressed is refused, and the error names the encoding', async () => {
    const { client, server } = await open((visit) => {
      if (visit.message.method !== 'tools/call') plain(visit);
      else visit.text(200, 'xxxx', { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    });
    expect((await client.call(1, 'echo'))['error']).toMatchObject({
      message: expect.stringContaining('the answer is encoded (gzip), although Accept-Encoding: identity was sent'),
    });
    for (const { headers } of server.visits) expect(headers['accept-encoding']).toBe('identity');
  });
});
