/** What operators see and do, through the library, with clients on real sockets. */
import { describe, expect, it } from 'vitest';

import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http, openSession, stream } from '../support/http.ts';
import { WireClient, envelope, initializeParams, textOf, toolCall } from '../support/wire.ts';

const upstreams = { default: servers.scripted };

const states = ({ gateway }: TestGateway): string[] => gateway.operations.sessions().map(({ state }) => state);

/** The error of an answer, as far as programs go by it. */
const failed = (code: number, name: string): object => ({ error: { code, data: { code: name } } });

describe('the sessions that operators see', () => {
  it('say who a client is, where it came from and what it does', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.open(test.ws, { headers: { 'user-agent': 'wire/1' } });
    await expect.poll(() => states(test)).toEqual(['opening']);
    client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    await client.answer(0);
    client.send(toolCall(1, 'slow', { ms: 20_000 }));
    await expect.poll(() => test.gateway.operations.sessions()[0]?.inFlight).toBe(1);
    const [facts] = test.gateway.operations.sessions();
    expect(facts).toEqual({
      id: expect.stringMatching(/^[\w-]{22}$/),
      state: 'ready',
      principal: 'anonymous',
      upstream: 'default',
      transport: 'websocket',
      era: 'legacy',
      client: { name: 'wire', version: '1' },
      version: '2025-11-25',
      address: '127.0.0.1',
      userAgent: 'wire/1',
      startedAt: expect.closeTo(Date.now(), -5),
      lastActivity: expect.closeTo(Date.now(), -5),
      inFlight: 1,
      groups: [],
      metadata: {},
      traffic: expect.objectContaining({ messagesIn: 2, messagesOut: 1 }),
    });
    client.socket.close();
    await expectEmpty(test);
    expect(test.gateway.operations.sessions()).toEqual([]);
  });

  it('tell a modern connection and a session over HTTP apart, by a name that is not what the client shows', async () => {
    const test = await startGateway({ upstreams });
    const modern = await WireClient.open(test.ws);
    modern.send({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta: envelope() } });
    await modern.answer(1);
    const session = await openSession(test.http, initializeParams());
    const [first, second] = test.gateway.operations.sessions();
    expect(first).toMatchObject({
      transport: 'websocket',
      era: 'modern',
      state: 'ready',
      version: '2026-07-28',
      client: { name: 'wire', version: '1' },
    });
    expect(second).toMatchObject({ transport: 'http', era: 'legacy', state: 'ready', client: { name: 'wire' } });
    expect(JSON.stringify(second)).not.toContain(session['mcp-session-id']);
  });

  it('have clients of modern HTTP among them while their requests are under way, and count them', async () => {
    const test = await startGateway({ upstreams });
    const { operations } = test.gateway;
    const clients = ['one', 'one', 'two'].map((name) => {
      const _meta = { ...envelope(), 'io.modelcontextprotocol/clientInfo': { name, version: '2' } };
      const call = toolCall(1, 'slow', { ms: 20_000 });
      return http(test.http, {
        headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'slow' },
        body: { ...call, params: { ...(call['params'] as object), _meta } },
      });
    });
    // Where something before them is wrong, they end with the gateway.
    for (const client of clients) client.catch(() => {});
    const listed = (): string[] => operations.sessions().map(({ client, inFlight }) => `${client?.name} ${inFlight}`);
    await expect.poll(() => listed().toSorted()).toEqual(['one 2', 'two 1']);
    expect(operations.sessions().find(({ client }) => client?.name === 'two')).toEqual({
      id: '127.0.0.1',
      key: expect.stringMatching(/^[\da-f]{12}@127\.0\.0\.1$/),
      state: 'ready',
      principal: 'anonymous',
      upstream: 'default',
      transport: 'http',
      era: 'modern',
      client: { name: 'two', version: '2' },
      version: '2026-07-28',
      address: '127.0.0.1',
      startedAt: expect.closeTo(Date.now(), -5),
      lastActivity: expect.closeTo(Date.now(), -5),
      inFlight: 1,
      groups: [],
      metadata: {},
    });
    expect(operations.load()).toMatchObject({ clients: 2, sessions: 0 });
    expect(operations.kick('127.0.0.1')).toBe(false);
    // By its key one of them alone, by the address all who are there.
    const two = operations.sessions().find(({ client }) => client?.name === 'two')!.key!;
    expect(operations.requests().filter(({ clientKey }) => clientKey === two)).toHaveLength(1);
    expect(operations.cancelAll(two)).toBe(1);
    expect(listed()).toEqual(['one 2']);
    expect(operations.cancelAll('127.0.0.1')).toBe(2);
    for (const client of clients) expect((await client).body).toContain('SWB_CANCELLED');
    expect(operations.sessions()).toEqual([]);
    await expectEmpty(test);
  });

  it('say that a client is away after its socket was cut, and that it is ready again when it is back', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.open(test.ws, {}, ['mcp.r1']);
    client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    const { token } = (await client.notification('switchboard/ws/session'))['params'] as { token: string };
    await client.answer(0);
    expect(states(test)).toEqual(['ready']);
    client.socket.terminate();
    await expect.poll(() => states(test)).toEqual(['away']);
    const back = await WireClient.open(test.ws, {}, ['mcp.r1']);
    back.send({ jsonrpc: '2.0', method: 'switchboard/ws/resume', params: { token, h: 1 } });
    await back.notification('switchboard/ws/resumed');
    expect(states(test)).toEqual(['ready']);
  });

  it('keep groups and metadata, of which what is not named stays', async () => {
    const test = await startGateway({ upstreams });
    await WireClient.session(test.ws);
    const { operations } = test.gateway;
    const { id } = operations.sessions()[0]!;
    expect(operations.note(id, { groups: ['a'], metadata: { team: 'x' } })).toBe(true);
    expect(operations.note(id, { groups: ['b'] })).toBe(true);
    expect(operations.sessions()[0]).toMatchObject({ groups: ['b'], metadata: { team: 'x' } });
    expect(operations.note('nobody', { groups: ['b'] })).toBe(false);
  });
});

describe('an operator', () => {
  it('sees every request and cancels one: its client is told why, and so is its server', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.session(test.ws);
    client.send(toolCall(1, 'slow', { ms: 20_000 }));
    client.send(toolCall(2, 'slow', { ms: 20_000 }));
    const { operations } = test.gateway;
    await expect.poll(() => operations.requests().map(({ state }) => state)).toEqual(['running', 'running']);
    const [first, second] = operations.requests();
    expect(first).toEqual({
      id: expect.stringMatching(/^[\da-f]{8}-\d+$/),
      method: 'tools/call',
      target: 'slow',
      upstream: 'default',
      session: operations.sessions()[0]!.id,
      principal: 'anonymous',
      transport: 'websocket',
      era: 'legacy',
      state: 'running',
      ageMs: expect.any(Number),
      times: expect.objectContaining({ sent: expect.any(Number) }),
    });
    expect(operations.cancel(first!.id, 'too long')).toBe(true);
    expect(await client.answer(1)).toMatchObject({
      error: { code: 31023, message: 'An operator cancelled the request: too long', data: { code: 'SWB_CANCELLED' } },
    });
    expect(JSON.parse(textOf(await client.call(3, 'seen')))).toContain('notifications/cancelled');
    expect(operations.requests().map(({ id }) => id)).toEqual([second!.id]);
    expect(operations.cancel(first!.id)).toBe(false);
  });

  it('cancels every request of one session and none of another', async () => {
    const test = await startGateway({ upstreams });
    const [a, b] = [await WireClient.session(test.ws), await WireClient.session(test.ws)];
    for (const id of [1, 2]) a.send(toolCall(id, 'slow', { ms: 20_000 }));
    b.send(toolCall(1, 'slow', { ms: 20_000 }));
    const { operations } = test.gateway;
    await expect.poll(() => operations.requests()).toHaveLength(3);
    expect(operations.cancelAll(operations.sessions()[0]!.id)).toBe(2);
    expect([await a.answer(1), await a.answer(2)]).toMatchObject([
      failed(31023, 'SWB_CANCELLED'),
      failed(31023, 'SWB_CANCELLED'),
    ]);
    expect(operations.requests()).toMatchObject([{ session: operations.sessions()[1]!.id }]);
    expect(operations.cancelAll('nobody')).toBe(0);
  });

  it('cancels a modern request over HTTP, which is answered as any other', async () => {
    const test = await startGateway({ upstreams });
    const body = toolCall(1, 'slow', { ms: 20_000 }, envelope());
    const headers = {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'slow',
    };
    const answer = http(test.http, { headers, body });
    const { operations } = test.gateway;
    await expect.poll(() => operations.requests()).toMatchObject([{ session: '127.0.0.1', era: 'modern' }]);
    operations.cancel(operations.requests()[0]!.id);
    expect(JSON.parse((await answer).body)).toMatchObject(failed(31023, 'SWB_CANCELLED'));
  });

  it('ends a session: a WebSocket is closed with 1008, over HTTP it is not found any more', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.session(test.ws);
    const session = await openSession(test.http, initializeParams());
    const { operations } = test.gateway;
    const [first, second] = operations.sessions();
    expect([operations.kick(first!.id, 'misbehaved'), operations.kick(second!.id)]).toEqual([true, true]);
    expect(await client.closed).toEqual({ code: 1008, reason: 'misbehaved' });
    const answer = await http(test.http, { headers: session, body: toolCall(1, 'echo', {}) });
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([404, failed(31008, 'SWB_SESSION_NOT_FOUND')]);
    expect(operations.kick(first!.id)).toBe(false);
    await expectEmpty(test);
  });

  it('says something to all, or to those that fit, and to one that is away when it is back', async () => {
    const test = await startGateway({ upstreams: { one: servers.scripted, two: servers.scripted } });
    const at = (name: string): string => `ws://127.0.0.1:${test.port}/mcp/${name}`;
    const [a, b] = [await WireClient.session(at('one')), await WireClient.session(at('two'))];
    const session = await openSession(`http://127.0.0.1:${test.port}/mcp/one`, initializeParams());
    const listening = await stream(`http://127.0.0.1:${test.port}/mcp/one`, { headers: session });
    const away = await WireClient.open(at('two'), {}, ['mcp.r1']);
    away.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    const { token } = (await away.notification('switchboard/ws/session'))['params'] as { token: string };
    await away.answer(0);
    away.socket.terminate();
    await expect.poll(() => states(test)).toContain('away');

    const { operations } = test.gateway;
    const { id } = operations.sessions()[0]!;
    operations.note(id, { groups: ['blue'] });
    expect(operations.broadcast('notifications/acme/maintenance', { at: 'noon' })).toBe(4);
    const said = { jsonrpc: '2.0', method: 'notifications/acme/maintenance', params: { at: 'noon' } };
    expect(await a.notification('notifications/acme/maintenance')).toEqual(said);
    expect(await b.notification('notifications/acme/maintenance')).toEqual(said);
    expect(await listening.next()).toEqual(said);
    const back = await WireClient.open(at('two'), {}, ['mcp.r1']);
    back.send({ jsonrpc: '2.0', method: 'switchboard/ws/resume', params: { token, h: 1 } });
    expect(await back.notification('notifications/acme/maintenance')).toEqual(said);

    expect(operations.broadcast('notifications/acme/x', {}, { upstream: 'one' })).toBe(2);
    expect(operations.broadcast('notifications/acme/x', {}, { group: 'blue' })).toBe(1);
    expect(operations.broadcast('notifications/acme/x', {}, { group: 'blue', upstream: 'two' })).toBe(0);
    expect(operations.broadcast('notifications/acme/x', {}, { session: id })).toBe(1);
    expect(operations.broadcast('notifications/acme/x', {}, { principal: 'anonymous' })).toBe(4);
    expect(operations.broadcast('notifications/acme/x', {}, { principal: 'nobody' })).toBe(0);
    listening.destroy();
  });

  it('says nothing to a client that has not opened its session yet', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.open(test.ws);
    await expect.poll(() => states(test)).toEqual(['opening']);
    expect(test.gateway.operations.broadcast('notifications/acme/x')).toBe(0);
    client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    await client.answer(0);
    expect(client.received).toEqual([]);
    expect(test.gateway.operations.broadcast('notifications/acme/x')).toBe(1);
  });

  it('tries an upstream: starts it, does the handshake, lists what it has, and says what is wrong with it', async () => {
    const broken = { command: process.execPath, args: ['-e', 'process.exit(3)'] };
    const test = await startGateway({ upstreams: { demo: servers.demo, broken } });
    const { operations } = test.gateway;
    expect(await operations.check('demo')).toEqual({
      era: 'modern',
      version: '2026-07-28',
      server: expect.objectContaining({ name: expect.any(String) }),
      tools: expect.any(Number),
      prompts: expect.any(Number),
      resources: expect.any(Number),
      ms: expect.any(Number),
    });
    await expect(operations.check('broken')).rejects.toThrow('exited with code 3');
    await expectEmpty(test);
  });

  it('sees upstreams with their members, and replaces them without its clients noticing', async () => {
    const test = await startGateway({ upstreams: { default: { ...servers.scripted, isolation: 'shared' } } });
    const { operations } = test.gateway;
    expect(await operations.upstreams()).toEqual([
      { name: 'default', isolation: 'shared', state: 'idle', running: 0, waiting: 0, members: [] },
    ]);
    const client = await WireClient.session(test.ws);
    const pid = Number(textOf(await client.call(1, 'pid')));
    expect(await operations.upstreams()).toMatchObject([
      { state: 'ready', members: [{ pid, state: 'ready', era: 'legacy', requests: 1, restarts: 0 }] },
    ]);
    await operations.restart('default');
    expect(Number(textOf(await client.call(2, 'pid')))).not.toBe(pid);
    await expect(operations.restart('other')).rejects.toMatchObject({ code: 'SWB_UPSTREAM_NOT_FOUND' });
    await expect(async () => operations.check('other')).rejects.toThrow('"other"; there are: default.');
  });
});

describe('requests of one server', () => {
  it('take turns client by client, where only so many run at a time', async () => {
    const upstream = { ...servers.scripted, isolation: 'shared', maxConcurrent: 1 } as const;
    const test = await startGateway({ upstreams: { default: upstream } });
    const [greedy, modest] = [await WireClient.session(test.ws), await WireClient.session(test.ws)];
    greedy.send(toolCall(1, 'slow', { ms: 20_000 }));
    for (let id = 2; id <= 6; id++) greedy.send(toolCall(id, 'echo', { text: 'x' }));
    const { operations } = test.gateway;
    await expect.poll(() => operations.requests()).toHaveLength(6);
    expect(await operations.upstreams()).toMatchObject([{ running: 1, waiting: 5 }]);
    modest.send(toolCall(1, 'echo', { text: 'x' }));
    await expect.poll(() => operations.requests()).toHaveLength(7);
    const [first] = operations.requests();
    operations.cancel(first!.id);
    await Promise.all([modest.answer(1), greedy.answer(6)]);
    const order = test.events.flatMap((event) => (event.type === 'request.ended' ? [event.session] : []));
    const [, itself] = operations.sessions();
    expect(order).toHaveLength(7);
    // The first is the one that was cancelled; then the two take turns, and either may be the first.
    expect([1, 2]).toContain(order.indexOf(itself!.id));
  });

  it('of which more wait than may are refused', async () => {
    const upstream = { ...servers.scripted, maxConcurrent: 1 };
    const test = await startGateway({ upstreams: { default: upstream }, maxQueuedRequests: 1 });
    const client = await WireClient.session(test.ws);
    for (const id of [1, 2, 3]) client.send(toolCall(id, 'slow', { ms: 20_000 }));
    expect(await client.answer(3)).toMatchObject(failed(31004, 'SWB_OVERLOADED'));
    const [, waiting] = test.gateway.operations.requests();
    expect(waiting?.state).toBe('queued');
    test.gateway.operations.cancel(waiting!.id);
    expect(await client.answer(2)).toMatchObject(failed(31023, 'SWB_CANCELLED'));
  });

  it('have the time of their tool, else that of their server, else that of all', async () => {
    const patient = { ...servers.scripted, requestTimeout: '20s', timeouts: { never: '80ms' } } as const;
    const test = await startGateway({ upstreams: { patient, hasty: servers.scripted }, requestTimeout: '150ms' });
    const at = (name: string): string => `ws://127.0.0.1:${test.port}/mcp/${name}`;
    const [a, b] = [await WireClient.session(at('patient')), await WireClient.session(at('hasty'))];
    const slow = a.call(1, 'slow', { ms: 600 });
    expect(await a.call(2, 'never')).toMatchObject({
      error: { message: expect.stringContaining('80 ms'), data: { code: 'SWB_TIMEOUT' } },
    });
    expect(await b.call(1, 'never')).toMatchObject({
      error: { message: expect.stringContaining('150 ms'), data: { code: 'SWB_TIMEOUT' } },
    });
    expect(textOf(await slow)).toBe('done');
  });
});

describe('a server whose last start failed', () => {
  it('is shown as failed with the reason, and as ready once it has started', async () => {
    const test = await startGateway({ upstreams: { gone: { command: '/nowhere/server' }, well: servers.scripted } });
    const states = async (): Promise<unknown[]> =>
      (await test.gateway.operations.upstreams()).map(({ name, state, reason }) => ({ name, state, reason }));
    expect(await states()).toEqual([
      { name: 'gone', state: 'idle', reason: undefined },
      { name: 'well', state: 'idle', reason: undefined },
    ]);
    await expect(test.gateway.operations.check('gone')).rejects.toThrow('/nowhere/server');
    const client = await WireClient.open(`ws://127.0.0.1:${test.port}/mcp/gone`);
    client.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() });
    await client.answer(1);
    await WireClient.session(`ws://127.0.0.1:${test.port}/mcp/well`);
    expect(await states()).toEqual([
      { name: 'gone', state: 'failed', reason: expect.stringContaining('/nowhere/server') },
      { name: 'well', state: 'ready', reason: undefined },
    ]);
  });
});

describe('one server that is drained', () => {
  it('finishes its call, is not served any more, also after a reload, and is served again when it is enabled', async () => {
    const configured = { one: servers.scripted, two: servers.scripted };
    const test = await startGateway({ upstreams: configured, isolation: 'shared' });
    const { gateway, port } = test;
    const client = await WireClient.session(`ws://127.0.0.1:${port}/mcp/one`);
    const slow = client.call(1, 'slow', { ms: 300, text: 'done' });
    await expect.poll(() => gateway.stats.exchanges).toBe(1);
    gateway.operations.drain('one');
    gateway.operations.drain('one');
    expect(textOf(await slow)).toBe('done');
    expect((await client.closed).code).toBe(1001);
    const off = { name: 'one', state: 'off', reason: 'an operator has drained it', members: [] };
    const upstreams = await gateway.operations.upstreams();
    expect(upstreams).toMatchObject([{ name: 'two' }, off]);
    expect(() => gateway.operations.drain('two')).toThrow('the only server');
    expect(() => gateway.operations.drain('three')).toThrow('there are: two');
    gateway.reload({
      upstreams: { ...configured, two: { ...servers.scripted, maxConcurrent: 5 } },
      isolation: 'shared',
    });
    expect(await gateway.operations.upstreams()).toMatchObject([{ name: 'two' }, off]);
    expect([gateway.operations.enable('one'), gateway.operations.enable('one')]).toEqual([true, false]);
    const again = await WireClient.session(`ws://127.0.0.1:${port}/mcp/one`);
    expect(textOf(await again.call(1, 'echo', { text: 'back' }))).toBe('back');
    again.socket.close();
    await expectEmpty(test, { members: 1 });
  });
});
