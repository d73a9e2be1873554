import { describe, expect, it } from 'vitest';

import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import { http, stream } from '../support/http.ts';
import type { HttpAnswer } from '../support/http.ts';
import { WireClient, envelope, textOf } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.demo };
const parse = (body: string): Json => JSON.parse(body) as Json;

const request = (id: unknown, method: string, params: Json = {}, meta: Json = {}): Json => ({
  jsonrpc: '2.0',
  id,
  method,
  params: { ...params, _meta: { ...envelope(), ...meta } },
});

const headersFor = (method: string, name?: string): Record<string, string> => ({
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': method,
  ...(name !== undefined && { 'mcp-name': name }),
});

describe.each(['session', 'shared'] as const)('a modern client of a modern server, isolation %s', (isolation) => {
  it('is served over WebSocket, with the results as the server wrote them', async () => {
    const test = await startGateway({ upstreams, isolation });
    const client = await WireClient.open(test.ws);
    client.send(request('d', 'server/discover'));
    const discovered = (await client.answer('d'))['result'] as Json;
    expect(discovered).toMatchObject({ resultType: 'complete', supportedVersions: ['2026-07-28'] });
    client.send(request(0, 'tools/call', { name: 'count', arguments: { to: 3, delayMs: 5 } }, { progressToken: 0 }));
    expect(textOf(await client.answer(0))).toBe('Counted to 3.');
    const notes = client.received.filter(({ method }) => method === 'notifications/progress');
    expect(notes.map(({ params }) => params)).toMatchObject(
      [1, 2, 3].map((progress) => ({ progressToken: 0, progress })),
    );
  });

  it('hears on its listen stream, under its own subscription id, what it asked for', async () => {
    const test = await startGateway({ upstreams, isolation });
    const client = await WireClient.open(test.ws);
    client.send(request('mine', 'subscriptions/listen', { notifications: { toolsListChanged: true } }));
    const acknowledged = await client.notification('notifications/subscriptions/acknowledged');
    const tag = { 'io.modelcontextprotocol/subscriptionId': 'mine' };
    expect(acknowledged['params']).toMatchObject({ notifications: { toolsListChanged: true }, _meta: tag });
    client.send(request(1, 'tools/call', { name: 'enable_extra', arguments: { on: true } }));
    expect((await client.notification('notifications/tools/list_changed'))['params']).toMatchObject({ _meta: tag });
    client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'mine' } });
    await expect.poll(() => test.gateway.stats.exchanges).toBe(0);
    client.socket.close();
    await expectEmpty(test, { members: isolation === 'shared' ? 1 : 0 });
  });

  it('passes a question through as input_required, and the retry with its answer', async () => {
    const test = await startGateway({ upstreams, isolation });
    const client = await WireClient.open(test.ws);
    const meta = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } } };
    const call = { name: 'ask', arguments: { question: 'Which colour?' } };
    client.send(request(1, 'tools/call', call, meta));
    const asked = (await client.answer(1))['result'] as Json & { inputRequests: Json };
    expect(asked['resultType']).toBe('input_required');
    const [key = ''] = Object.keys(asked.inputRequests);
    const inputResponses = { [key]: { action: 'decline' } };
    const state = 'requestState' in asked ? { requestState: asked['requestState'] } : {};
    client.send(request(2, 'tools/call', { ...call, inputResponses, ...state }, meta));
    expect(textOf(await client.answer(2))).toMatch(/declin/i);
  });

  it('is served over HTTP by requests that stand alone', async () => {
    const test = await startGateway({ upstreams, isolation });
    const body = request(1, 'tools/call', { name: 'add', arguments: { a: 1, b: 2 } });
    const answer = await http(test.http, { headers: headersFor('tools/call', 'add'), body });
    expect(answer.status).toBe(200);
    expect(parse(answer.body)['result']).toMatchObject({ resultType: 'complete', structuredContent: { sum: 3 } });
    expect(answer.headers['mcp-session-id']).toBeUndefined();
  });
});

describe('a modern request over HTTP', () => {
  it('is cancelled by closing the connection', async () => {
    const test = await startGateway({ upstreams });
    const body = request(
      1,
      'tools/call',
      { name: 'count', arguments: { to: 1000, delayMs: 20 } },
      { progressToken: 1 },
    );
    const events = await stream(test.http, { method: 'POST', headers: headersFor('tools/call', 'count'), body });
    await events.next();
    expect(test.gateway.stats.exchanges).toBe(1);
    events.destroy();
    await expect.poll(() => test.gateway.stats.exchanges).toBe(0);
  });

  it('opens a listen as an event stream at once', async () => {
    const test = await startGateway({ upstreams });
    const body = request('l', 'subscriptions/listen', { notifications: { toolsListChanged: true } });
    const events = await stream(test.http, { method: 'POST', headers: headersFor('subscriptions/listen'), body });
    expect((await events.next())['method']).toBe('notifications/subscriptions/acknowledged');
    events.destroy();
    await expect.poll(() => test.gateway.stats.exchanges).toBe(0);
  });

  const call = request(1, 'tools/call', { name: 'add', arguments: { a: 1, b: 2 } });
  const good = headersFor('tools/call', 'add');
  const odd = request(1, 'resources/read', { uri: 'demo://ünote' });
  it.each<[string, Record<string, string>, Json, number, number]>([
    ['without MCP-Protocol-Version', { 'mcp-method': 'tools/call', 'mcp-name': 'add' }, call, 400, -32020],
    ['with another MCP-Protocol-Version', { ...good, 'mcp-protocol-version': '2025-11-25' }, call, 400, -32020],
    ['without Mcp-Method', { 'mcp-protocol-version': '2026-07-28', 'mcp-name': 'add' }, call, 400, -32020],
    ['with another Mcp-Method', { ...good, 'mcp-method': 'tools/list' }, call, 400, -32020],
    ['without Mcp-Name', headersFor('tools/call'), call, 400, -32020],
    ['with another Mcp-Name', { ...good, 'mcp-name': 'crash' }, call, 400, -32020],
    ['with an Mcp-Name that is no Base64', headersFor('resources/read', '=?base64?%%%?='), odd, 400, -32020],
    ['with a modern header and no envelope', good, { ...call, params: { name: 'add' } }, 400, -32602],
    [
      'with an unknown version',
      { ...good, 'mcp-protocol-version': '2031-01-01' },
      request(1, 'tools/call', { name: 'add' }, { 'io.modelcontextprotocol/protocolVersion': '2031-01-01' }),
      400,
      -32022,
    ],
    [
      'without capabilities',
      good,
      request(1, 'tools/call', { name: 'add' }, { 'io.modelcontextprotocol/clientCapabilities': 5 }),
      400,
      -32602,
    ],
    ['with a method of the legacy era', headersFor('ping'), request(1, 'ping'), 404, -32601],
    ['with an unknown method', headersFor('acme/none'), request(1, 'acme/none'), 404, -32601],
  ])('is refused %s, and the error has its id', async (_, headers, body, status, code) => {
    const test = await startGateway({ upstreams });
    const answer: HttpAnswer = await http(test.http, { headers, body });
    expect([answer.status, (parse(answer.body)['error'] as Json)['code'], parse(answer.body)['id']]).toEqual([
      status,
      code,
      1,
    ]);
  });

  it('takes a name that a header cannot carry in its Base64 form', async () => {
    const test = await startGateway({ upstreams });
    const name = `=?base64?${Buffer.from('demo://ünote').toString('base64')}?=`;
    const answer = await http(test.http, { headers: headersFor('resources/read', name), body: odd });
    expect((parse(answer.body)['error'] as Json)['code']).toBe(-32602);
  });
});
