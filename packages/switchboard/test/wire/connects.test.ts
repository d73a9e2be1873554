/** How often a client may connect, and that a new connection is no new rate. */
import { describe, expect, it } from 'vitest';

import { initialize, open, startWithKeys, upgrade } from '../support/access.ts';
import { servers, startGateway } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { bearer } from '../support/keys.ts';
import { SseWire } from '../support/sse.ts';
import { WireClient, initializeParams } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';
import { LeftBehind } from '../../src/limits/left-behind.ts';

const upstreams = { default: servers.scripted };

describe('connections', () => {
  it('beyond the rate of their address are refused before they are made, and told when to come back', async () => {
    const test = await startGateway({ upstreams, sse: true, connectRateLimit: 3 });
    const client = await WireClient.open(test.ws);
    const opened = await http(test.http, { body: initialize });
    await SseWire.open(new URL('/sse', test.http).href);
    expect([await upgrade(test.ws, ['mcp']), await upgrade(test.ws, ['mcp.r1', 'mcp'])]).toEqual([429, 429]);
    const refused = await http(test.http, { body: initialize });
    expect([opened.status, refused.status, JSON.parse(refused.body).id]).toEqual([200, 429, 0]);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(JSON.parse(refused.body)).toMatchObject({
      error: { data: { code: 'SWB_RATE_LIMITED' }, message: expect.stringContaining('connectRateLimit') as string },
    });
    expect((await http(new URL('/sse', test.http).href, { method: 'GET' })).status).toBe(429);
    client.send(initialize);
    expect(await client.answer(0)).toHaveProperty('result');
    expect(test.gateway.stats.connections).toBe(3);
  });

  it('of a principal count for it alone, and those of one that is not known for none', async () => {
    const test = await startWithKeys({ connectRateLimit: 2 });
    await open(test, test.ann);
    await open(test, test.ann);
    expect(await upgrade(test.ws, ['mcp'], bearer(test.ann))).toBe(429);
    await open(test, test.ben);
  });

  it('may be as many as every place needs six times a minute, where nothing is set', async () => {
    const test = await startGateway({ upstreams, connectRateLimit: 'auto', maxConnections: 2 });
    for (let n = 0; n < 12; n++) {
      const client = await WireClient.open(test.ws);
      client.socket.close();
      await client.closed;
    }
    expect(await upgrade(test.ws, ['mcp'])).toBe(429);
  });
});

describe('a client that is not known and comes back', () => {
  const remaining = async (client: WireClient, id: number): Promise<unknown> => {
    const answer = await client.call(id, 'echo', { text: 'x' }, { 'switchboard/allowance': true });
    return ((answer['result'] as Json)['_meta'] as { 'switchboard/allowance': Json })['switchboard/allowance'][
      'remaining'
    ];
  };
  const leave = async (client: WireClient, test: Awaited<ReturnType<typeof startGateway>>): Promise<void> => {
    const closed = test.nextEvent('connection.closed');
    client.socket.close();
    await closed;
  };

  it('goes on with what was left of its rate, over WebSocket', async () => {
    const test = await startGateway({ upstreams, rateLimit: 10 });
    const first = await WireClient.session(test.ws);
    expect(await remaining(first, 1)).toBe(8);
    const other = await WireClient.session(test.ws);
    expect(await remaining(other, 1)).toBe(8);
    await leave(first, test);
    const again = await WireClient.session(test.ws);
    expect(await remaining(again, 1)).toBe(6);
    expect(await remaining(other, 2)).toBe(7);
  });

  it('goes on with it over HTTP, after it has ended its session', async () => {
    const test = await startGateway({ upstreams, rateLimit: 3 });
    const start = async (): Promise<{ status: number; headers: Record<string, string> }> => {
      const { status, headers } = await http(test.http, { body: initialize });
      return { status, headers: { 'mcp-session-id': String(headers['mcp-session-id']) } };
    };
    for (let n = 0; n < 3; n++) {
      const { status, headers } = await start();
      expect(status).toBe(200);
      expect((await http(test.http, { method: 'DELETE', headers })).status).toBe(204);
    }
    expect((await start()).status).toBe(429);
  });

  it('takes up one rate for one connection that was left, and not that of a client that stays', async () => {
    const test = await startGateway({ upstreams, rateLimit: 10 });
    const stays = await WireClient.session(test.ws);
    for (let id = 1; id <= 5; id++) await remaining(stays, id);
    const fresh = await WireClient.open(test.ws);
    fresh.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    await fresh.answer(0);
    expect(await remaining(fresh, 1)).toBe(8);
  });
});

describe('what was left behind', () => {
  it('is forgotten after its time, bounded for each origin and in all, and given once', () => {
    let now = 0;
    const left = new LeftBehind({ keepMs: 100, maxOrigins: 2, maxEach: 2, now: () => now });
    for (const key of ['a', 'b', 'c']) left.leave('one', key);
    expect([left.take('one'), left.take('one'), left.take('one')]).toEqual(['c', 'b', undefined]);
    left.leave('one', 'a');
    now = 101;
    expect(left.take('one')).toBeUndefined();
    for (const origin of ['one', 'two', 'three']) left.leave(origin, 'x');
    expect([left.size, left.take('one'), left.take('three')]).toEqual([2, undefined, 'x']);
    left.take('two');
    expect(left.size).toBe(0);
  });
});
