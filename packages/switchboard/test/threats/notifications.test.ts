/** Notifications of a client: those that MCP defines reach a server that the client has for itself, and nothing else does. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { folder } from '../support/command.ts';
import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http, openSession } from '../support/http.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const note = (method: string, params: Json = {}): Json => ({ jsonrpc: '2.0', method, params });
const unasked = (name: string): Json => note('tools/call', { name, arguments: {} });

const refusedOf = ({ events }: TestGateway): string[] =>
  events.flatMap((event) => (event.type === 'request.refused' ? [`${event.method} ${event.code}`] : []));

/** The methods of what the server has received. */
const heard = async (client: WireClient, id: number): Promise<unknown> =>
  JSON.parse(textOf(await client.call(id, 'seen')));

describe('a call without an id', () => {
  it('reaches no server and is told of, over WebSocket', async () => {
    const upstreams = { default: { ...servers.scripted, tools: { deny: ['echo'] } } };
    const test = await startGateway({ upstreams });
    const client = await WireClient.session(test.ws);
    client.send(unasked('echo'));
    client.send(unasked('log'));
    expect(await heard(client, 1)).toEqual(['initialize', 'notifications/initialized', 'tools/call']);
    expect(refusedOf(test)).toEqual(['tools/call SWB_INVALID_MESSAGE', 'tools/call SWB_INVALID_MESSAGE']);
  });

  it('is refused over HTTP', async () => {
    const test = await startGateway({ upstreams: { default: servers.scripted } });
    const headers = await openSession(test.http, initializeParams());
    const { status, body } = await http(test.http, { headers, body: unasked('echo') });
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({
      error: { code: -32600, message: expect.stringContaining('"tools/call" is a request, and needs an id') },
    });
  });
});

describe('a notification', () => {
  it('that MCP does not define reaches no server, is told of, and is no error', async () => {
    const test = await startGateway({ upstreams: { default: servers.scripted } });
    const headers = await openSession(test.http, initializeParams());
    expect((await http(test.http, { headers, body: note('notifications/vendor') })).status).toBe(202);
    const client = await WireClient.session(test.ws);
    client.send(note('notifications/message', { level: 'info', data: 'x' }));
    client.send(note('notifications/roots/list_changed'));
    expect(await heard(client, 1)).toEqual([
      'initialize',
      'notifications/initialized',
      'notifications/roots/list_changed',
      'tools/call',
    ]);
    expect(refusedOf(test)).toEqual([
      'notifications/vendor SWB_METHOD_NOT_FOUND',
      'notifications/message SWB_METHOD_NOT_FOUND',
    ]);
  });

  it('with an id is refused, as a server that looks at methods alone would cancel somebody else’s call', async () => {
    const test = await startGateway({ upstreams: { default: servers.scripted }, isolation: 'shared' });
    const client = await WireClient.session(test.ws);
    client.send({ ...note('notifications/cancelled', { requestId: 1 }), id: 5 });
    expect(await client.answer(5)).toMatchObject({ error: { code: -32600, data: { code: 'SWB_INVALID_MESSAGE' } } });
  });

  it('counts for the rate limit, but for the one that ends the opening', async () => {
    const test = await startGateway({ upstreams: { default: servers.scripted }, rateLimit: 5 });
    const client = await WireClient.session(test.ws);
    for (let n = 0; n < 10; n++) client.send(note('notifications/roots/list_changed'));
    await expect.poll(() => refusedOf(test).length).toBe(6);
    expect(new Set(refusedOf(test))).toEqual(new Set(['notifications/roots/list_changed SWB_RATE_LIMITED']));
    client.send(toolCall(1, 'echo', { text: 'x' }));
    expect(await client.answer(1)).toMatchObject({ error: { data: { code: 'SWB_RATE_LIMITED' } } });
  });

  it('that was handed on stands in the audit log', async () => {
    const auditLog = join(folder(), 'audit.jsonl');
    const test = await startGateway({ upstreams: { default: servers.scripted }, auditLog });
    const client = await WireClient.session(test.ws);
    client.send(note('notifications/roots/list_changed'));
    client.send(unasked('echo'));
    await client.call(1, 'echo', { text: 'x' });
    await test.gateway.close();
    const lines = readFileSync(auditLog, 'utf8').trim().split('\n');
    const told = lines
      .map((line) => JSON.parse(line) as Json)
      .map(({ type, method }) => `${String(type)} ${String(method)}`);
    expect(told).not.toContain('notification.passed notifications/initialized');
    expect(told).toContain('notification.passed notifications/roots/list_changed');
    expect(told).toContain('request.refused tools/call');
  });
});
