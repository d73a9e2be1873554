/** A server that no longer knows a session, and one that only seems so. */
import { describe, expect, it } from 'vitest';

import { expectEmpty, startGateway } from '../support/gateway.ts';
import { plain, remote, resultOf } from '../support/remote.ts';
import type { Visit } from '../support/remote.ts';
import { WireClient, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';
import { csharpServer } from './servers/csharp-sdk.ts';
import { goServer } from './servers/go-sdk.ts';
import { pythonServer } from './servers/python-sdk.ts';

type Make = (sessions: Set<string>) => (visit: Visit) => void;

/** As servers written after the example of the TypeScript SDK do: 400 for a session that is not in their map. */
const fromTypescriptExample: Make = (sessions) => {
  let count = 0;
  return (visit) => {
    const { headers, message, method } = visit;
    const id = headers['mcp-session-id'];
    if (typeof id === 'string' ? !sessions.has(id) : message.method !== 'initialize') {
      const error = { code: -32000, message: 'Bad Request: No valid session ID provided' };
      return visit.json(400, { id: null, error });
    }
    if (method === 'DELETE') {
      sessions.delete(String(id));
      return visit.text(200);
    }
    if (method === 'GET') return void visit.stream();
    if (message.id === undefined) return visit.text(202);
    const session = String(id ?? ++count);
    sessions.add(session);
    const answer = { id: message.id, result: resultOf(message) ?? {} };
    return visit.json(200, answer, message.method === 'initialize' ? { 'mcp-session-id': session } : {});
  };
};

const KINDS: Record<string, Make> = {
  'the Go SDK (404, text)': goServer,
  'the C# SDK (404, JSON-RPC)': csharpServer,
  'the Python SDK (400, text)': pythonServer,
  'newer versions of the Python SDK (404, JSON-RPC)': (sessions) => pythonServer(sessions, 'as-json'),
  'the example of the TypeScript SDK (400, -32000)': fromTypescriptExample,
};

describe.each(['shared', 'session'] as const)('with isolation %s, a server that was restarted', (isolation) => {
  it.each(Object.entries(KINDS))('on %s gets the call once, in a new session', async (_, make) => {
    const sessions = new Set<string>();
    const server = await remote(make(sessions));
    const test = await startGateway({ isolation, upstreams: { default: { url: server.url, era: 'legacy' } } });
    const client = await WireClient.session(test.ws);
    await client.call(1, 'echo', { text: 'before' });
    const before = server.of('initialize').length;
    sessions.clear();
    expect(textOf(await client.call(2, 'echo', { text: 'after' }))).toBe('after');
    expect(textOf(await client.call(3, 'echo', { text: 'again' }))).toBe('again');
    expect(server.of('initialize')).toHaveLength(before + 1);
    // One call was refused and sent again.
    expect(server.of('tools/call')).toHaveLength(4);
    expect(test.events.filter(({ type }) => type === 'member.retired')).toHaveLength(1);
    client.socket.close();
    await expectEmpty(test, { members: isolation === 'shared' ? 1 : 0 });
    await expect.poll(() => sessions.size).toBe(isolation === 'shared' ? 1 : 0);
  });
});

describe('a lost session', () => {
  it('lets answers come that other clients wait for', async () => {
    const sessions = new Set<string>();
    const inner = fromTypescriptExample(sessions);
    let release = (): void => {};
    const server = await remote((visit) => {
      const { name } = (visit.message.params ?? {}) as { name?: string };
      if (name !== 'slow') return inner(visit);
      release = () => visit.json(200, { id: visit.message.id, result: { content: [{ type: 'text', text: 'slow' }] } });
    });
    const test = await startGateway({
      isolation: 'shared',
      upstreams: { default: { url: server.url, era: 'legacy' } },
    });
    const [a, b] = [await WireClient.session(test.ws), await WireClient.session(test.ws)];
    a.send(toolCall(1, 'slow'));
    await expect.poll(() => server.of('tools/call').length).toBe(1);
    sessions.clear();
    expect(textOf(await b.call(1, 'echo', { text: 'b' }))).toBe('b');
    release();
    expect(textOf(await a.answer(1))).toBe('slow');
  });

  it.each([
    ['three sessions in turn', 'goes on in the fourth', 3],
    ['every session', 'ends the call with an error, not with a loop', Infinity],
  ])('of a server that forgets %s %s', async (_, __, times) => {
    let forgets = times;
    const server = await remote((visit) => {
      const isForgotten = visit.message.method === 'tools/call' && forgets-- > 0;
      if (isForgotten) return visit.text(404, 'session not found');
      return fromTypescriptExample(new Set([String(visit.headers['mcp-session-id'])]))(visit);
    });
    const test = await startGateway({
      isolation: 'shared',
      upstreams: { default: { url: server.url, era: 'legacy' } },
    });
    const client = await WireClient.session(test.ws);
    const answer = await client.call(1, 'echo', { text: 'at last' });
    if (times === 3) expect(textOf(answer)).toBe('at last');
    else {
      expect(answer['error']).toMatchObject({
        message: expect.stringContaining('the server no longer knows the session'),
        data: { code: 'SWB_UPSTREAM_UNAVAILABLE' },
      });
    }
    expect(server.of('tools/call')).toHaveLength(4);
  });

  it('that is only likely is replaced, but its call is not sent twice', async () => {
    let isBroken = false;
    const inner = fromTypescriptExample(new Set());
    const server = await remote((visit) => {
      if (!isBroken || visit.message.method === 'initialize') return inner(visit);
      return visit.json(400, { id: null, error: { code: -32000, message: 'Bad Request' } });
    });
    const test = await startGateway({
      isolation: 'shared',
      upstreams: { default: { url: server.url, era: 'legacy' } },
    });
    const client = await WireClient.session(test.ws);
    isBroken = true;
    expect((await client.call(1, 'echo'))['error']).toMatchObject({ code: -32000, message: 'Bad Request' });
    expect(server.of('tools/call')).toHaveLength(1);
    isBroken = false;
    expect(textOf(await client.call(2, 'echo', { text: 'x' }))).toBe('x');
    expect(server.of('initialize')).toHaveLength(2);
  });

  it('is found in a list at the merged address too, and the list is complete', async () => {
    const sessions = new Set<string>();
    const server = await remote(fromTypescriptExample(sessions));
    const other = await remote(fromTypescriptExample(new Set()));
    const upstreams = { one: { url: server.url }, other: { url: other.url } };
    const test = await startGateway({ isolation: 'shared', upstreams });
    const client = await WireClient.session(test.all.ws);
    const list = async (id: number): Promise<unknown> => {
      client.send({ jsonrpc: '2.0', id, method: 'tools/list' });
      return ((await client.answer(id))['result'] as Json)['tools'];
    };
    const before = await list(1);
    expect(before).toHaveLength(2);
    sessions.clear();
    expect(await list(2)).toEqual(before);
  });
});

describe('what only looks like a lost session', () => {
  const cases: [string, number, Json][] = [
    ['404 and the answer to the request', 404, { code: -32002, message: 'Resource not found' }],
    ['404 and a method that is not there', 404, { code: -32601, message: 'Method not found' }],
    [
      '400 and an error of the tool about a session of its own',
      400,
      { code: -32602, message: 'unknown session type "x"' },
    ],
  ];
  it.each(cases)('is an answer: %s', async (_, status, error) => {
    const server = await remote((visit) => {
      const { message } = visit;
      const { name } = (message.params ?? {}) as { name?: string };
      if (message.method === 'initialize') {
        return visit.json(200, { id: message.id, result: resultOf(message) }, { 'mcp-session-id': 's1' });
      }
      if (name === 'missing') return visit.json(status, { id: message.id, error });
      return plain(visit);
    });
    const test = await startGateway({
      isolation: 'shared',
      upstreams: { default: { url: server.url, era: 'legacy' } },
    });
    const [a, b] = [await WireClient.session(test.ws), await WireClient.session(test.ws)];
    expect((await a.call(1, 'missing'))['error']).toMatchObject(error);
    expect(textOf(await b.call(1, 'echo', { text: 'b' }))).toBe('b');
    expect(server.of('initialize')).toHaveLength(1);
  });
});
