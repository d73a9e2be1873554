/** A modern client of a legacy server, by hand: parked calls and their handles, listens, log levels, errors. */
import { describe, expect, it } from 'vitest';

import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http, stream } from '../support/http.ts';
import type { EventStream } from '../support/http.ts';
import { WireClient, envelope, textOf } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };
const able = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };
const LOG_LEVEL = 'io.modelcontextprotocol/logLevel';

const request = (id: unknown, method: string, params: Json = {}, meta: Json = {}): Json => ({
  jsonrpc: '2.0',
  id,
  method,
  params: { ...params, _meta: { ...envelope(able), ...meta } },
});
const call = (id: unknown, name: string, args: Json = {}, more: Json = {}, meta: Json = {}): Json =>
  request(id, 'tools/call', { name, arguments: args, ...more }, meta);

interface Asked {
  inputRequests: Record<string, { method: string; params: Json }>;
  requestState: string;
}

/** The result of a request that ended with a question. */
async function asked(client: WireClient, id: unknown): Promise<Asked> {
  const { result } = await client.answer(id);
  expect(result).toMatchObject({ resultType: 'input_required' });
  return result as Asked;
}

async function open(options: Json = {}): Promise<TestGateway & { client: WireClient }> {
  const test = await startGateway({ upstreams, ...options });
  return { ...test, client: await WireClient.open(test.ws) };
}

/** The headers of a call of `ask` over HTTP. */
const ASK = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'ask' };
const accept = (content: Json = {}): Json => ({ action: 'accept', content });

describe('a question of a legacy server to a modern client', () => {
  it('ends the request with the question, and the answer comes with the next request: new id, new token, the same call', async () => {
    const test = await open();
    const { client } = test;
    client.send(call(1, 'ask', { message: 'who?' }));
    const { inputRequests, requestState } = await asked(client, 1);
    expect(inputRequests).toEqual({
      r1: {
        method: 'elicitation/create',
        params: { message: 'who?', requestedSchema: { type: 'object', properties: {} } },
      },
    });
    expect(test.gateway.stats).toMatchObject({ parked: 1, exchanges: 1 });
    client.send(call('two', 'ask', { message: 'who?' }, { requestState, inputResponses: { r1: accept({ n: 1 }) } }));
    const answer = await client.answer('two');
    expect(JSON.parse(textOf(answer))).toEqual(accept({ n: 1 }));
    expect(answer['result']).toMatchObject({ resultType: 'complete' });
    expect(test.gateway.stats).toMatchObject({ parked: 0, exchanges: 0 });
  });

  it('may be answered on another connection, after the first is gone, and by HTTP', async () => {
    const test = await open();
    test.client.send(call(1, 'ask', { message: '?' }));
    const { requestState } = await asked(test.client, 1);
    test.client.socket.terminate();
    await test.client.closed;
    const body = call(1, 'ask', { message: '?' }, { requestState, inputResponses: { r1: { action: 'decline' } } });
    const answer = await http(test.http, { headers: ASK, body });
    expect(JSON.parse(textOf(JSON.parse(answer.body) as Json))).toEqual({ action: 'decline' });
  });

  it('is asked together with the others of the same moment, and what was not answered is asked again', async () => {
    const { client } = await open();
    const args = { messages: ['a', 'b', 'c'] };
    client.send(call(1, 'askAll', args));
    const first = await asked(client, 1);
    expect(Object.values(first.inputRequests).map(({ params }) => params['message'])).toEqual(['a', 'b', 'c']);
    client.send(
      call(2, 'askAll', args, { requestState: first.requestState, inputResponses: { r1: accept(), r3: accept() } }),
    );
    const second = await asked(client, 2);
    expect(Object.keys(second.inputRequests)).toEqual(['r2']);
    client.send(
      call(3, 'askAll', args, { requestState: second.requestState, inputResponses: { r2: { action: 'cancel' } } }),
    );
    expect(JSON.parse(textOf(await client.answer(3)))).toEqual([accept(), { action: 'cancel' }, accept()]);
  });

  it('is refused to the server when the client cannot be asked that', async () => {
    const { client } = await open();
    client.send(
      request(
        1,
        'tools/call',
        { name: 'sample', arguments: { said: 'x' } },
        { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } },
      ),
    );
    expect(JSON.parse(textOf(await client.answer(1)))).toMatchObject({ code: -32601 });
  });

  it('carries a URL without the legacy id, and -32042 becomes one and a second call', async () => {
    const { client } = await open();
    client.send(call(1, 'askUrl', { url: 'https://example.com' }));
    const { inputRequests, requestState } = await asked(client, 1);
    expect(inputRequests['r1']!.params).toEqual({ mode: 'url', url: 'https://example.com', message: 'go there' });
    client.send(
      call(2, 'askUrl', { url: 'https://example.com' }, { requestState, inputResponses: { r1: { action: 'accept' } } }),
    );
    expect(JSON.parse(textOf(await client.answer(2)))).toEqual({ action: 'accept' });
    client.send(call(3, 'needsVisit'));
    const visit = await asked(client, 3);
    expect(visit.inputRequests['r1']!.params).toMatchObject({ mode: 'url', url: 'https://example.com/login' });
    client.send(
      call(4, 'needsVisit', {}, { requestState: visit.requestState, inputResponses: { r1: { action: 'accept' } } }),
    );
    expect(textOf(await client.answer(4))).toBe('visited');
  });

  it('is over, and the call with it, when nobody comes back in time', async () => {
    const test = await open({ answerTimeout: '200ms' });
    const { client } = test;
    client.send(call(1, 'ask', { message: '?' }));
    const { requestState } = await asked(client, 1);
    await expect.poll(() => test.gateway.stats.exchanges).toBe(0);
    client.send(call(2, 'ask', { message: '?' }, { requestState, inputResponses: { r1: accept() } }));
    expect((await client.answer(2))['error']).toMatchObject({ code: -32602 });
    expect(JSON.parse(textOf(await client.call(3, 'seen', {}, envelope(able))))).toContain('notifications/cancelled');
  });

  it('is not lost when the server ends while the client thinks', async () => {
    const test = await open();
    const { client } = test;
    client.send(call(1, 'ask', { message: '?' }));
    const { requestState } = await asked(client, 1);
    await client.call(2, 'crash', {}, envelope(able));
    client.send(call(3, 'ask', { message: '?' }, { requestState, inputResponses: { r1: accept() } }));
    expect((await client.answer(3))['error']).toMatchObject({ code: 31003 });
    client.socket.close();
    await expectEmpty(test);
  });
});

describe('a handle', () => {
  it.each<[string, (handle: string) => Json]>([
    ['with another tool', (requestState) => call(2, 'echo', { message: '?' }, { requestState })],
    ['with other arguments', (requestState) => call(2, 'ask', { message: '!' }, { requestState })],
    [
      'with another method',
      (requestState) => request(2, 'prompts/get', { name: 'ask', arguments: { message: '?' }, requestState }),
    ],
    [
      'that is forged',
      (requestState) => call(2, 'ask', { message: '?' }, { requestState: `${requestState.slice(0, -4)}AAAA` }),
    ],
    ['of nobody', () => call(2, 'ask', { message: '?' }, { requestState: 'swb.unknown.handle' })],
  ])('%s is refused, runs nothing, and leaves the call to its owner', async (_, forge) => {
    const { client } = await open();
    client.send(call(1, 'ask', { message: '?' }));
    const { requestState } = await asked(client, 1);
    client.send(forge(requestState));
    expect((await client.answer(2))['error']).toMatchObject({ code: -32602 });
    client.send(call(3, 'ask', { message: '?' }, { requestState, inputResponses: { r1: accept() } }));
    expect(JSON.parse(textOf(await client.answer(3)))).toEqual(accept());
  });

  it('is good for one use, and not to be guessed', async () => {
    const { client } = await open();
    const handles = new Set<string>();
    for (let id = 1; id <= 20; id++) {
      client.send(call(id, 'ask', { message: '?' }));
      handles.add((await asked(client, id)).requestState);
    }
    expect(handles.size).toBe(20);
    for (const handle of handles) expect(handle).toMatch(/\.[\w-]{22}$/);
    const [requestState] = handles;
    const again = { requestState, inputResponses: { r1: accept() } };
    client.send(call('first', 'ask', { message: '?' }, again));
    await client.answer('first');
    client.send(call('second', 'ask', { message: '?' }, again));
    expect((await client.answer('second'))['error']).toMatchObject({ code: -32602 });
  });

  it('over HTTP outlives a request that is refused for its headers', async () => {
    const test = await startGateway({ upstreams: { default: { ...servers.scripted, env: { MARKED: 'ask' } } } });
    const post = async (more: Json, headers: Record<string, string>): Promise<Json> =>
      JSON.parse(
        (await http(test.http, { headers: { ...ASK, ...headers }, body: call(1, 'ask', { message: 'hi' }, more) }))
          .body,
      ) as Json;
    const repeated = { 'mcp-param-message': 'hi' };
    const { requestState } = (await post({}, repeated))['result'] as Asked;
    const retry = { requestState, inputResponses: { r1: accept() } };
    expect((await post(retry, { 'mcp-param-message': 'ho' }))['error']).toMatchObject({ code: -32020 });
    expect(JSON.parse(textOf(await post(retry, repeated)))).toEqual(accept());
    expect((await post(retry, repeated))['error']).toMatchObject({ code: -32602 });
  });

  it('over HTTP starts no server where it is refused', async () => {
    const test = await startGateway({ upstreams });
    const post = async (requestState?: string): Promise<Json> =>
      JSON.parse(
        (await http(test.http, { headers: ASK, body: call(1, 'ask', { message: '?' }, { requestState }) })).body,
      ) as Json;
    const { requestState } = (await post())['result'] as Asked;
    expect((await post(`${requestState.slice(0, -4)}AAAA`))['error']).toMatchObject({ code: -32602 });
    expect(test.events.filter(({ type }) => type === 'member.started')).toHaveLength(1);
  });

  it.each(['http', 'websocket'] as const)(
    'of a call that an operator cancelled is refused, over %s, and takes no room',
    async (way) => {
      const test = await open();
      test.client.send(call(1, 'ask', { message: '?' }));
      const { requestState } = await asked(test.client, 1);
      const { operations, stats } = test.gateway;
      expect(stats).toMatchObject({ parked: 1 });
      expect(operations.cancel(operations.requests()[0]!.id)).toBe(true);
      expect(test.gateway.stats).toMatchObject({ parked: 0, exchanges: 0 });
      const body = call(2, 'ask', { message: '?' }, { requestState, inputResponses: { r1: accept() } });
      if (way === 'websocket') test.client.send(body);
      const answer =
        way === 'websocket'
          ? await test.client.answer(2)
          : (JSON.parse((await http(test.http, { headers: ASK, body })).body) as Json);
      expect(answer['error']).toMatchObject({ code: -32602 });
    },
  );

  it('is held for no more calls than maxParked', async () => {
    const { client } = await open({ maxParked: 1 });
    client.send(call(1, 'ask', { message: '?' }));
    await asked(client, 1);
    expect(JSON.parse(textOf(await client.call(2, 'ask', { message: '?' }, envelope(able))))).toMatchObject({
      code: 31004,
    });
  });
});

describe('a modern client of a legacy server', () => {
  it('listens: hears what it asked for, under its own id, and only while it listens', async () => {
    const test = await startGateway({ upstreams, isolation: 'shared' });
    const [a, b] = [await WireClient.open(test.ws), await WireClient.open(test.ws)];
    a.send(
      request('la', 'subscriptions/listen', {
        notifications: { toolsListChanged: true, promptsListChanged: true, resourceSubscriptions: ['x://1'] },
      }),
    );
    b.send(request('lb', 'subscriptions/listen', { notifications: { resourceSubscriptions: ['x://2'] } }));
    const tag = (id: string): Json => ({ _meta: { 'io.modelcontextprotocol/subscriptionId': id } });
    expect((await a.notification('notifications/subscriptions/acknowledged'))['params']).toEqual({
      notifications: { toolsListChanged: true, resourceSubscriptions: ['x://1'] },
      ...tag('la'),
    });
    await b.notification('notifications/subscriptions/acknowledged');
    a.send(call(1, 'update', { uri: 'x://1' }));
    expect((await a.notification('notifications/resources/updated'))['params']).toEqual({ uri: 'x://1', ...tag('la') });
    a.send(call(2, 'update', { uri: 'x://2' }));
    expect((await b.notification('notifications/resources/updated'))['params']).toEqual({ uri: 'x://2', ...tag('lb') });
    b.send(call(3, 'change'));
    expect((await a.notification('notifications/tools/list_changed'))['params']).toEqual(tag('la'));
    await Promise.all([a.answer(1), a.answer(2), b.answer(3)]);
    expect([...a.received, ...b.received]).toEqual([]);
    a.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'la' } });
    await expect.poll(async () => textOf(await b.call(4, 'subscribed', {}, envelope()))).toBe('["x://2"]');
    a.socket.close();
    b.socket.close();
    await expectEmpty(test, { members: 1 });
  });

  it('over HTTP is not disturbed by another who hangs up, on a server that is modern', async () => {
    const test = await startGateway({ upstreams: { default: servers.demo } });
    const post = (id: number): Promise<EventStream> => {
      const body = call(id, 'count', { to: 20, delayMs: 20 }, {}, { progressToken: id });
      const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'count' };
      return stream(test.http, { method: 'POST', headers, body });
    };
    const [first, second] = [await post(1), await post(2)];
    await Promise.all([first.next(), second.next()]);
    first.destroy();
    for (;;) {
      const message = await second.next();
      if (!('id' in message)) continue;
      expect(textOf(message)).toBe('Counted to 20.');
      break;
    }
  });

  it('over HTTP takes a parked call up where it runs, and starts no second server', async () => {
    const test = await startGateway({ upstreams });
    const first = await http(test.http, { headers: ASK, body: call(1, 'ask', { message: '?' }) });
    const { requestState } = (JSON.parse(first.body) as { result: Asked }).result;
    await http(test.http, {
      headers: ASK,
      body: call(2, 'ask', { message: '?' }, { requestState, inputResponses: { r1: accept() } }),
    });
    expect(test.events.filter(({ type }) => type === 'member.started')).toHaveLength(1);
  });

  it('over HTTP hears on its listen stream what its other requests change', async () => {
    const test = await startGateway({ upstreams });
    const headers = (method: string, name?: string): Record<string, string> => ({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(name !== undefined && { 'mcp-name': name }),
    });
    const listen = request('l', 'subscriptions/listen', { notifications: { toolsListChanged: true } });
    const events = await stream(test.http, { method: 'POST', headers: headers('subscriptions/listen'), body: listen });
    expect((await events.next())['method']).toBe('notifications/subscriptions/acknowledged');
    await http(test.http, { headers: headers('tools/call', 'change'), body: call(1, 'change') });
    expect((await events.next())['method']).toBe('notifications/tools/list_changed');
    events.destroy();
  });

  it('goes on listening when the server was restarted, and is told that it may have missed something', async () => {
    const { client } = await open();
    client.send(
      request('l', 'subscriptions/listen', {
        notifications: { toolsListChanged: true, resourceSubscriptions: ['x://1'] },
      }),
    );
    await client.notification('notifications/subscriptions/acknowledged');
    client.send(call(1, 'crash'));
    await client.answer(1);
    await client.notification('notifications/resources/updated');
    await client.notification('notifications/tools/list_changed');
    client.send(call(2, 'update', { uri: 'x://1' }));
    expect(await client.notification('notifications/resources/updated')).toMatchObject({ params: { uri: 'x://1' } });
  });

  it('gets the log messages that a request wanted, and no others', async () => {
    const { client } = await open();
    await client.call(1, 'log', { text: 'unwanted' }, envelope(able));
    await client.call(2, 'log', { text: 'too low' }, { ...envelope(able), [LOG_LEVEL]: 'warning' });
    expect(client.received).toEqual([]);
    await client.call(3, 'log', { text: 'wanted', level: 'error' }, { ...envelope(able), [LOG_LEVEL]: 'warning' });
    expect(client.received).toMatchObject([
      { method: 'notifications/message', params: { level: 'error', data: 'wanted' } },
    ]);
  });

  it('is told errors by their modern names, and nothing of tasks', async () => {
    const { client } = await open();
    client.send(call(1, 'missing'));
    expect((await client.answer(1))['error']).toMatchObject({ code: -32602 });
    for (const method of ['tasks/get', 'tasks/cancel', 'initialize', 'ping', 'logging/setLevel', 'acme/none']) {
      client.send(request(method, method));
      expect((await client.answer(method))['error']).toMatchObject({ code: -32601 });
    }
    client.send(request(2, 'server/discover'));
    const discovered = (await client.answer(2))['result'] as { capabilities: Json };
    expect(Object.keys(discovered.capabilities)).toEqual(['tools', 'resources', 'logging']);
  });

  it('is told when a large answer turns out to be no JSON', async () => {
    const { client } = await open();
    client.send(call(1, 'bigNonsense'));
    expect((await client.answer(1))['error']).toMatchObject({ code: 31033, data: { code: 'SWB_UPSTREAM_INVALID' } });
    expect(textOf(await client.call(2, 'big', { bytes: 50_000 }, envelope()))).toHaveLength(50_000);
  });

  it('over HTTP never shares a legacy server with a stranger at the same time', async () => {
    const test = await startGateway({ upstreams });
    const headers = (name: string): Record<string, string> => ({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': name,
    });
    const post = async (name: string, args: Json = {}, more: Json = {}): Promise<Json> =>
      JSON.parse((await http(test.http, { headers: headers(name), body: call(1, name, args, more) })).body) as Json;
    const pids = await Promise.all(
      [1, 2, 3].map(async (n) => {
        const first = (await post('ask', { message: `for ${n}` }))['result'] as Asked;
        expect(first.inputRequests['r1']!.params['message']).toBe(`for ${n}`);
        return first.requestState;
      }),
    );
    expect(test.gateway.stats.upstreams['default']!.members).toBe(3);
    const answers = await Promise.all(
      pids.map((requestState, n) =>
        post('ask', { message: `for ${n + 1}` }, { requestState, inputResponses: { r1: accept({ n }) } }),
      ),
    );
    expect(answers.map((answer) => JSON.parse(textOf(answer)) as Json)).toEqual([0, 1, 2].map((n) => accept({ n })));
    await expect.poll(() => test.gateway.stats.exchanges).toBe(0);
  });
});

describe('both eras on one connection', () => {
  it('are told apart by each message', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.session(test.ws, { elicitation: {} });
    client.send(call(1, 'ask', { message: 'modern?' }));
    client.send({
      jsonrpc: '2.0',
      id: 2,
      method: 'tools/call',
      params: { name: 'ask', arguments: { message: 'legacy?' } },
    });
    const question = await client.request('elicitation/create');
    expect(question['params']).toMatchObject({ message: 'legacy?' });
    expect((await asked(client, 1)).inputRequests['r1']!.params['message']).toBe('modern?');
    client.send({ jsonrpc: '2.0', id: question['id'], result: { action: 'decline' } });
    expect(JSON.parse(textOf(await client.answer(2)))).toEqual({ action: 'decline' });
  });
});
