/** The end, as clients see it. */
import { describe, expect, it } from 'vitest';

import { servers, startGateway } from '../support/gateway.ts';
import { http, openSession } from '../support/http.ts';
import { WireClient, envelope, initializeParams, textOf, toolCall } from '../support/wire.ts';

const upstreams = { default: servers.scripted };

describe('a gateway that is drained', () => {
  it('lets what is under way end, refuses what is new, and closes with 1001', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.session(test.ws);
    const session = await openSession(test.http, initializeParams());
    const slow = client.call(1, 'slow', { ms: 600 });
    await expect.poll(() => test.gateway.stats.exchanges).toBe(1);
    const drained = test.gateway.drain();
    expect(test.events.at(-1)).toEqual({ type: 'draining', requests: 1 });
    const shuttingDown = { error: { code: 31019, data: { code: 'SWB_SHUTTING_DOWN' } } };
    expect(await client.call(2, 'echo', { text: 'x' })).toMatchObject(shuttingDown);
    await expect(WireClient.open(test.ws)).rejects.toThrow('503');
    const over = await http(test.http, { headers: session, body: toolCall(3, 'echo', {}) });
    expect(JSON.parse(over.body)).toMatchObject(shuttingDown);
    const again = await http(test.http, {
      body: { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() },
    });
    expect(again.status).toBe(503);
    const ready = await http(new URL('/readyz?exclude=upstreams', test.http).href, { method: 'GET' });
    expect([ready.status, JSON.parse(ready.body)]).toEqual([503, { status: 'draining' }]);
    expect(textOf(await slow)).toBe('done');
    expect(await client.closed).toMatchObject({ code: 1001 });
    await drained;
    await expect(WireClient.open(test.ws)).rejects.toThrow('ECONNREFUSED');
  });

  it('ends a listen with its result', async () => {
    const test = await startGateway({ upstreams: { default: servers.demo } });
    const client = await WireClient.open(test.ws);
    const params = { notifications: { toolsListChanged: true }, _meta: envelope() };
    client.send({ jsonrpc: '2.0', id: 'l', method: 'subscriptions/listen', params });
    await client.notification('notifications/subscriptions/acknowledged');
    const drained = test.gateway.drain();
    expect(await client.answer('l')).toMatchObject({ result: { resultType: 'complete' } });
    expect(await client.closed).toMatchObject({ code: 1001 });
    await drained;
  });

  it('waits no longer than it was told to', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.session(test.ws);
    client.send(toolCall(1, 'never'));
    await expect.poll(() => test.gateway.stats.exchanges).toBe(1);
    const startedAt = performance.now();
    await test.gateway.drain({ timeoutMs: 100 });
    expect(performance.now() - startedAt).toBeGreaterThan(95);
    expect(await client.closed).toMatchObject({ code: 1001 });
  });

  it('may be told so twice, and ends for both', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.session(test.ws);
    client.send(toolCall(1, 'slow', { ms: 200 }));
    await expect.poll(() => test.gateway.stats.exchanges).toBe(1);
    await Promise.all([test.gateway.drain({ timeoutMs: 20_000 }), test.gateway.drain({ timeoutMs: 20_000 })]);
    expect(test.events.filter(({ type }) => type === 'draining')).toHaveLength(1);
  }, 10_000);
});
