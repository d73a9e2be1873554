/** Several nodes on one Redis: whichever a client reaches, its session goes on. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { createGateway } from '../../src/gateway/gateway.ts';
import { ClusterKey } from '../../src/peers/cluster-key.ts';
import { CLUSTER_KEY, sees, startCluster } from '../support/cluster.ts';
import type { TestNode } from '../support/cluster.ts';
import { TestAuthority } from '../support/certificates.ts';
import { servers } from '../support/gateway.ts';
import { HttpClient } from '../support/http-client.ts';
import { http, openSession, stream } from '../support/http.ts';
import { ask, http2 } from '../support/https.ts';
import { bearer, testKeys } from '../support/keys.ts';
import { RedisServer } from '../support/redis.ts';
import { remote, resultOf } from '../support/remote.ts';
import { WireClient, envelope, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.kill());

const parse = (body: string): Json => JSON.parse(body) as Json;
const codeOf = (body: string): unknown => (parse(body)['error'] as { data: { code: string } }).data.code;
const modernHeaders = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call' };

describe('a session over HTTP', () => {
  it('that was opened at one node is served at each: calls, progress, the stream, questions and its end', async () => {
    const [a, b, c] = await startCluster(redis, ['a', 'b', 'c'], { isolation: 'session' });
    const session = await openSession(a!.http, initializeParams({ elicitation: {} }));
    for (const node of [b!, c!, a!]) {
      const { status, body } = await http(node.http, { headers: session, body: toolCall(1, 'echo', { text: 'ä' }) });
      expect([status, body.includes('"text":"ä"')]).toEqual([200, true]);
    }
    const quiet = await stream(b!.http, { headers: session });
    await http(c!.http, { headers: session, body: toolCall(2, 'changeLater', { ms: 10 }) });
    expect((await quiet.next())['method']).toBe('notifications/tools/list_changed');

    const slow = toolCall(3, 'slow', { ms: 200, steps: 2, text: 'x' }, { progressToken: 'p' });
    const events = await stream(c!.http, { method: 'POST', headers: session, body: slow });
    expect((await events.next())['method']).toBe('notifications/progress');
    events.destroy();
    // It was cut, and is taken up at another node.
    const rest = await stream(b!.http, { headers: { ...session, 'last-event-id': events.ids.at(-1)! } });
    await rest.closed;
    expect(rest.received.map(({ id, params }) => id ?? (params as Json)['progress'])).toEqual([2, 3]);

    const asking = await stream(b!.http, {
      method: 'POST',
      headers: session,
      body: toolCall(4, 'ask', { message: 'who?' }),
    });
    const question = await asking.next();
    const answer = { jsonrpc: '2.0', id: question['id'], result: { action: 'accept', content: { n: 1 } } };
    expect((await http(c!.http, { headers: session, body: answer })).status).toBe(202);
    expect(textOf(await asking.next())).toContain('"accept"');

    const sessions = await c!.admin('GET /sessions');
    expect(sessions.json).toMatchObject([{ node: 'a', transport: 'http', inFlight: 0 }]);
    expect((await http(c!.http, { method: 'DELETE', headers: session })).status).toBe(204);
    for (const node of [a!, b!]) {
      const gone = await http(node.http, { headers: session, body: toolCall(5, 'echo') });
      expect([gone.status, codeOf(gone.body)]).toEqual([404, 'SWB_SESSION_NOT_FOUND']);
    }
    await quiet.closed;
    // What ended it came in at another node than the one that had it.
    await expect
      .poll(() => a!.gateway.stats)
      .toMatchObject({ connections: 0, exchanges: 0, parked: 0, replayBytes: 0 });
  });

  it('is found by nobody else at any node, and each error arrives as it was', async () => {
    const keys = testKeys();
    const [ann, ben] = [keys.add('ann'), keys.add('ben')];
    const [a, b] = await startCluster(redis, ['a', 'b'], { keysFile: keys.path });
    const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() };
    const opened = await http(a!.http, { headers: bearer(ann), body: initialize });
    const session = { 'mcp-session-id': String(opened.headers['mcp-session-id']) };
    const call = toolCall(1, 'echo', { text: 'mine' });
    const [own, other, none] = await Promise.all(
      [bearer(ann), bearer(ben), {}].map((who) => http(b!.http, { headers: { ...session, ...who }, body: call })),
    );
    expect([own!.status, other!.status, none!.status]).toEqual([200, 404, 401]);
    expect(codeOf(other!.body)).toBe('SWB_SESSION_NOT_FOUND');
    // What nodes say to each other is nothing that a client can say.
    const forged = Buffer.from(JSON.stringify({ identity: { principal: 'ann' }, address: '' })).toString('base64url');
    const headers = {
      ...session,
      ...bearer(ben),
      'switchboard-peer-caller': forged,
      'switchboard-peer': '1 a b 1 c d',
    };
    expect((await http(b!.http, { headers, body: call })).status).toBe(404);
    const bad = await http(b!.http, { headers: { ...session, ...bearer(ann), accept: 'text/html' }, body: call });
    expect([bad.status, codeOf(bad.body)]).toEqual([406, 'SWB_NOT_ACCEPTABLE']);
    const status = (await a!.admin('GET /status')).json as { nodes: { url: string }[] };
    const outside = await http(`${status.nodes[0]!.url}/mcp`, { headers: { ...session, ...bearer(ann) }, body: call });
    expect([outside.status, codeOf(outside.body)]).toEqual([401, 'SWB_PEER_UNAUTHORIZED']);
  });

  it('is served at another node over HTTP/2 as well, to the end of a stream and of the session', async () => {
    const authority = await TestAuthority.create();
    const [a, b] = await startCluster(redis, ['a', 'b'], authority.tls());
    const [first, second] = [a!, b!].map((node) => http2(`https://localhost:${node.port}`, { ca: authority.ca }));
    const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() };
    const opened = await ask(first!, { body: initialize });
    const headers = { 'mcp-session-id': String(opened.headers['mcp-session-id']) };
    const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };
    expect((await ask(second!, { headers, body: initialized })).status).toBe(202);
    const slow = toolCall(1, 'slow', { ms: 50, steps: 2, text: 'over 2' }, { progressToken: 'p' });
    const { status, body } = await ask(second!, { headers, body: slow });
    expect([status, body.match(/^data: .+$/gm)?.length, body.includes('"text":"over 2"')]).toEqual([200, 3, true]);
    expect((await ask(second!, { method: 'DELETE', headers })).status).toBe(204);
    expect((await ask(first!, { headers, body: slow })).status).toBe(404);
  });

  it('goes on at another node when its own ends, where its server is shared; with a server of its own it is gone at once', async () => {
    const { scripted } = servers;
    const upstreams = {
      all: { ...scripted, isolation: 'shared' },
      own: { ...scripted, isolation: 'session' },
    } as const;
    const [a, b] = await startCluster(redis, ['a', 'b'], { upstreams });
    const at = (node: TestNode, upstream: string): string => node.http.replace(/\w+$/, upstream);
    const [shared, own] = await Promise.all(
      ['all', 'own'].map((upstream) => openSession(at(a!, upstream), initializeParams())),
    );
    await http(at(a!, 'all'), { headers: shared!, body: toolCall(1, 'echo') });
    const events = await stream(at(b!, 'all'), { headers: shared! });
    await a!.gateway.close();
    await events.closed;
    const goesOn = await http(at(b!, 'all'), { headers: shared!, body: toolCall(2, 'echo', { text: 'here' }) });
    expect([goesOn.status, goesOn.body.includes('"text":"here"')]).toEqual([200, true]);
    expect(b!.events).toContainEqual(expect.objectContaining({ type: 'session.opened', restored: true }));
    const gone = await http(at(b!, 'own'), { headers: own!, body: toolCall(1, 'echo') });
    expect([gone.status, codeOf(gone.body)]).toEqual([404, 'SWB_SESSION_NOT_FOUND']);
    await sees(b!, ['b']);
    expect((await http(at(b!, 'all'), { method: 'DELETE', headers: shared! })).status).toBe(204);
    expect(b!.gateway.stats).toMatchObject({ connections: 0, exchanges: 0 });
  });
});

it('a session that moves twice is rebuilt once each time, with what is shown now and all that its client had said before', async () => {
  // Without the token it has no tools, as many servers.
  const server = await remote((visit) => {
    const { method, message, headers } = visit;
    if (method !== 'POST') return visit.text(405);
    if (message.id === undefined) return visit.text(202);
    if (message.method === 'server/discover')
      return visit.json(200, { id: message.id, error: { code: -32601, message: 'unknown' } });
    const capabilities = { tools: {}, logging: {}, resources: { subscribe: true } };
    const isKnown = headers.authorization === 'Bearer of today';
    const result =
      message.method === 'tools/list' && !isKnown
        ? { tools: [] }
        : { ...resultOf(message), ...(message.method === 'initialize' && { capabilities }) };
    return visit.json(200, { id: message.id, result });
  });
  const headers = { authorization: 'Bearer ${caller.header:x-token}' };
  const upstreams = { default: { url: server.url, headers, isolation: 'session' as const } };
  const nodes = await startCluster(redis, ['a', 'b', 'c'], { upstreams, allowPrivateUpstreams: true });
  const [first, ...others] = nodes;
  const client = await HttpClient.open(first!.http, { 'x-token': 'of today' }, { roots: { listChanged: true } });
  await client.ask('logging/setLevel', { level: 'debug' });
  await client.ask('resources/subscribe', { uri: 'test://a' });
  const tools = (id: number): Json => ({ jsonrpc: '2.0', id, method: 'tools/list' });
  const told = (): unknown[] =>
    ['initialize', 'notifications/initialized', 'logging/setLevel', 'resources/subscribe'].map((method) =>
      server.of(method).map(({ message }) => message.params),
    );
  const before = told();
  let owner = first!;
  let left = others;
  while (left.length > 0) {
    server.visits.length = 0;
    await owner.gateway.close();
    // Nobody goes on with it who does not show what it began with.
    const nothing = { 'mcp-session-id': client.headers['mcp-session-id']! };
    const bare = await http(left[0]!.http, { headers: nothing, body: tools(9) });
    expect(codeOf(bare.body)).toBe('SWB_CREDENTIAL_CHANGED');
    // Of those that are asked at once, one goes on with it; another may have to say that it does not know yet which.
    const asked = Array.from({ length: 8 }, (_, nth) =>
      http(left[nth % left.length]!.http, { headers: client.headers, body: tools(nth) }),
    );
    const answers = await Promise.all(asked);
    expect(answers.filter(({ status }) => status !== 200 && status !== 503).map(({ body }) => body)).toEqual([]);
    const good = answers.filter(({ status }) => status === 200);
    expect(good.length).toBeGreaterThan(0);
    for (const { body } of good) expect(body).toContain('"tools":[{');
    await expect.poll(told).toEqual(before);
    const [heir, ...more] = left.filter(({ gateway }) => gateway.stats.connections === 1);
    expect(more).toEqual([]);
    owner = heir!;
    left = left.filter((node) => node !== heir);
  }
});

it('a WebSocket that is cut is resumed at another node, whether its own still has it or has left it', async () => {
  const [a, b] = await startCluster(redis, ['a', 'b']);
  const protocols = ['mcp.r1', 'mcp'];
  const first = await WireClient.open(a!.ws, {}, protocols);
  first.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
  const opened = await first.notification('switchboard/ws/session');
  await first.answer(0);
  first.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  first.send(toolCall(1, 'slow', { ms: 20, text: 'kept' }));
  await first.answer(1);
  first.socket.terminate();

  let received = 2;
  const resume = async (node: TestNode, { params }: Json): Promise<[WireClient, Json]> => {
    const client = await WireClient.open(node.ws, {}, protocols);
    client.socket.on('message', (data: Buffer) => {
      if (!data.includes('switchboard/ws/')) received++;
    });
    const { token } = params as { token: string };
    client.send({ jsonrpc: '2.0', method: 'switchboard/ws/resume', params: { token, h: received } });
    return [client, await client.notification('switchboard/ws/resumed')];
  };
  const [second, resumed] = await resume(b!, opened);
  expect((resumed['params'] as Json)['h']).toBe(3);
  expect(textOf(await second.call(2, 'echo', { text: 'at b' }))).toBe('at b');
  expect(b!.gateway.operations.sessions()).toMatchObject([{ returns: { count: 1, last: [{ how: 'moved' }] } }]);
  await expect.poll(() => a!.gateway.stats.connections).toBe(0);
  second.socket.terminate();
  await b!.gateway.close();
  const [third] = await resume(a!, resumed);
  expect(textOf(await third.call(3, 'echo', { text: 'at a' }))).toBe('at a');
  third.socket.terminate();
});

it('a question of a legacy server is answered at another node by a modern client, once', async () => {
  const [a, b, c] = await startCluster(redis, ['a', 'b', 'c'], { isolation: 'session' });
  const headers = { ...modernHeaders, 'mcp-name': 'ask' };
  const call = (id: number, params: Json = {}): Json => {
    const asked = toolCall(id, 'ask', { message: 'who?' }, envelope({ elicitation: {} }));
    return { ...asked, params: { ...(asked['params'] as Json), ...params } };
  };
  const first = parse((await http(a!.http, { headers, body: call(1) })).body)['result'] as Json;
  expect(first['resultType']).toBe('input_required');
  const inputResponses = { r1: { action: 'accept', content: { n: 1 } } };
  const retry = call(2, { requestState: first['requestState'], inputResponses });
  const second = parse((await http(b!.http, { headers, body: retry })).body);
  expect(textOf(second)).toContain('"accept"');
  const third = await http(c!.http, { headers, body: retry });
  expect(codeOf(third.body)).toBe('SWB_INVALID_PARAMS');
  expect(a!.gateway.stats.parked).toBe(0);
});

it('operators see and do everything from any node, and are told which one answered', async () => {
  const [a, b] = await startCluster(redis, ['a', 'b']);
  const session = await openSession(a!.http, initializeParams());
  const quiet = await stream(b!.http, { headers: session });
  const socket = await WireClient.open(b!.ws);
  socket.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
  await socket.answer(0);
  socket.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  const never = http(b!.http, { headers: session, body: toolCall(1, 'never') });
  await expect.poll(() => a!.gateway.stats.exchanges).toBe(1);

  const status = (await b!.admin('GET /status')).json;
  const alike = { state: 'serving', sameUpstreams: true };
  expect(status).toMatchObject({ nodes: [{ ...alike }, { ...alike }] });
  const sessions = (await b!.admin('GET /sessions')).json as { node: string; id: string }[];
  expect(sessions.map(({ node }) => node).toSorted()).toEqual(['a', 'b']);
  const upstreams = (await b!.admin('GET /upstreams')).json as { node: string; name: string }[];
  expect(upstreams.map(({ node, name }) => `${node} ${name}`).toSorted()).toEqual(['a default', 'b default']);
  const [request] = (await b!.admin('GET /requests')).json as { node: string; id: string }[];
  expect(request?.node).toBe('a');
  expect((await b!.admin(`DELETE /requests/${request!.id}`)).status).toBe(200);
  expect(codeOf((await never).body.replace(/^[^]*data: /, ''))).toBe('SWB_CANCELLED');

  const said = { method: 'notifications/message', params: { level: 'info', data: 'all' } };
  expect((await a!.admin('POST /broadcast', said)).json).toEqual({
    count: 2,
    nodes: { a: { count: 1 }, b: { count: 1 } },
  });
  expect(await quiet.next()).toMatchObject(said);
  expect(await socket.notification('notifications/message')).toMatchObject(said);

  const elsewhere = sessions.find(({ node }) => node === 'b')!;
  expect((await a!.admin(`GET /sessions/${elsewhere.id}`)).json).toMatchObject({ id: elsewhere.id });
  expect((await a!.admin(`DELETE /sessions/${elsewhere.id}?reason=bye`)).status).toBe(200);
  expect(await socket.closed).toMatchObject({ code: 1008, reason: 'bye' });
  expect((await a!.admin('DELETE /sessions/nobody')).status).toBe(404);
  expect((await a!.admin('POST /drain?node=nobody', {})).status).toBe(404);
  expect((await a!.admin('POST /drain?node=b', {})).status).toBe(202);
  await b!.gateway.closed;
  await sees(a!, ['a']);
  expect((await a!.admin('GET /upstreams')).json).toHaveLength(1);
});

it('events of all nodes are seen from any of them, each with its node; of one node alone where that is asked for', async () => {
  const [a, b] = await startCluster(redis, ['a', 'b']);
  const headers = { authorization: `Bearer ${a!.gateway.adminToken}` };
  const watch = (query: string): ReturnType<typeof stream> =>
    stream(`${a!.gateway.adminUrl}/events${query}`, { headers });
  const [all, ofB, ofA] = await Promise.all(
    ['', '&node=b', '&node=a'].map((node) => watch(`?type=session.*,unanswered${node}`)),
  );
  const nodesIn = ({ received }: { received: Json[] }): unknown[] => [
    ...new Set(received.map(({ reportedBy }) => reportedBy)),
  ];
  await openSession(a!.http, initializeParams());
  // The stream of the other node begins a moment later.
  const atBoth = async (): Promise<unknown[]> => {
    await openSession(b!.http, initializeParams());
    return nodesIn(all!);
  };
  await expect.poll(atBoth, { timeout: 5000 }).toHaveLength(2);
  expect(all!.received[0]).toMatchObject({ type: 'session.opened', reportedBy: 'a', client: 'wire' });
  expect([nodesIn(ofB!), nodesIn(ofA!)]).toEqual([['b'], [undefined]]);
  expect((await a!.admin('GET /events?node=nobody')).status).toBe(404);
  // A node that ends is followed no more, and said to have ended by those that stay.
  await b!.gateway.close();
  await sees(a!, ['a']);
  await openSession(a!.http, initializeParams());
  await expect.poll(() => all!.received.at(-1)).toMatchObject({ type: 'session.opened', reportedBy: 'a' });
  for (const each of [all, ofB, ofA]) each!.destroy();
});

it('without its store a node goes on with what is there, reaches the others, and says so', async () => {
  const own = await RedisServer.start();
  onTestFinished(() => own.kill());
  const [a, b] = await startCluster(own, ['a', 'b']);
  const session = await openSession(a!.http, initializeParams());
  await own.kill();
  await expect.poll(() => b!.events.some(({ type }) => type === 'store.away'), { timeout: 10_000 }).toBe(true);
  for (const node of [a!, b!]) {
    expect((await http(node.http, { headers: session, body: toolCall(1, 'echo', { text: 'on' }) })).status).toBe(200);
  }
  const ready = await http(`http://127.0.0.1:${b!.port}/readyz`, { method: 'GET' });
  expect([ready.status, parse(ready.body)]).toMatchObject([200, { status: 'ready', store: 'away' }]);
  // Nobody can say now whether there is such a node.
  const name = `${'x'.repeat(12)}.${'y'.repeat(22)}`;
  const unknown = { 'mcp-session-id': `${name}.${new ClusterKey(CLUSTER_KEY).code('session', name)}` };
  const answer = await http(a!.http, { headers: unknown, body: toolCall(1, 'echo') });
  expect([answer.status, answer.headers['retry-after'], codeOf(answer.body)]).toEqual([
    503,
    '1',
    'SWB_STORE_UNAVAILABLE',
  ]);
  await own.start();
  for (const node of [a!, b!]) {
    await expect.poll(() => node.events.some(({ type }) => type === 'store.back'), { timeout: 10_000 }).toBe(true);
    await sees(node, ['a', 'b']);
    expect((await http(node.http, { headers: session, body: toolCall(2, 'echo', { text: 'on' }) })).status).toBe(200);
    expect(node.events.map(({ type }) => type)).not.toContain('node.fenced');
  }
});

it('what a store had that comes back empty is written again: sessions go on at another node as before, also those that had moved', async () => {
  const own = await RedisServer.start();
  onTestFinished(() => own.kill());
  const [a, b, c] = await startCluster(own, ['a', 'b', 'c'], { resumeWindow: '10s' });
  const [moved, kept] = [
    await openSession(a!.http, initializeParams()),
    await openSession(b!.http, initializeParams()),
  ];
  const status = async (node: TestNode, headers: Record<string, string>): Promise<number> =>
    (await http(node.http, { headers, body: toolCall(1, 'echo') })).status;
  const protocols = ['mcp.r1', 'mcp'];
  const begin = async ({ ws }: TestNode): Promise<string> => {
    const socket = await WireClient.open(ws, {}, protocols);
    socket.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    const { token } = (await socket.notification('switchboard/ws/session'))['params'] as { token: string };
    await socket.answer(0);
    return token;
  };
  const resume = async ({ ws }: TestNode, token: string): Promise<string> => {
    const again = await WireClient.open(ws, {}, protocols);
    again.send({ jsonrpc: '2.0', method: 'switchboard/ws/resume', params: { token, h: 1 } });
    const { params } = await again.notification('switchboard/ws/resumed');
    again.socket.terminate();
    return (params as { token: string }).token;
  };
  const first = await begin(a!);
  await a!.gateway.close();
  expect(await status(b!, moved)).toBe(200);
  const movedSocket = await resume(b!, first);
  const token = await begin(b!);

  const kinds = async (): Promise<string[]> => {
    const keys = (await own.ask('KEYS', '*:fact:*')).matchAll(/:fact:(session|heir|conversation|resume) /g);
    return [...keys].map(([, kind]) => kind!).toSorted();
  };
  const counts = { conversation: 2, heir: 2, resume: 3, session: 4 };
  const all = Object.entries(counts).flatMap(([kind, count]) => Array.from({ length: count }, () => kind));
  await expect.poll(kinds, { timeout: 10_000 }).toEqual(all);
  await own.kill();
  await expect.poll(() => b!.events.some(({ type }) => type === 'store.away'), { timeout: 10_000 }).toBe(true);
  await own.start();
  // Nobody takes over what its node has, which may not have registered again.
  await expect.poll(() => c!.events.some(({ type }) => type === 'store.back'), { timeout: 10_000 }).toBe(true);
  await expect.poll(() => status(c!, moved), { timeout: 10_000 }).toBe(200);
  await expect.poll(kinds, { timeout: 10_000 }).toEqual(all);
  expect(c!.gateway.stats.connections).toBe(0);
  await b!.gateway.close();
  for (const session of [moved, kept]) await expect.poll(() => status(c!, session), { timeout: 10_000 }).toBe(200);
  for (const each of [token, movedSocket]) await resume(c!, each);
  expect(c!.gateway.stats.connections).toBe(4);
});

it('a node that others cannot reach, or that is configured wrongly, does not begin', async () => {
  const upstreams = { default: servers.scripted };
  const store = redis.url;
  const make = (options: object): unknown => createGateway({ upstreams, store, peerListen: '127.0.0.1:0', ...options });
  expect(() => make({})).toThrow(/clusterKey/);
  expect(() => make({ clusterKey: 'short' })).toThrow(/32 bytes/);
  expect(() => make({ clusterKey: CLUSTER_KEY, store: 'memory' })).toThrow(/a store that all nodes reach/);
  expect(() => make({ clusterKey: CLUSTER_KEY, peerListen: 'nowhere' })).toThrow(/10\.0\.0\.1:8766/);
  const everywhere = make({ clusterKey: CLUSTER_KEY, peerListen: '0.0.0.0:0', port: 0 }) as ReturnType<
    typeof createGateway
  >;
  await expect(everywhere.listen()).rejects.toThrow(/peerUrl/);
  await everywhere.close();
});
