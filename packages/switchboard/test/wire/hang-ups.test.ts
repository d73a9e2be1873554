/** Modern clients over HTTP that hang up, beside others of the same name and address. */
import { describe, expect, it } from 'vitest';

import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { envelope, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };

async function post(test: TestGateway, body: Json, signal?: AbortSignal): Promise<Json> {
  const { method, params } = body as { method: string; params: Json };
  const name = params['name'];
  const headers = {
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...(typeof name === 'string' && { 'mcp-name': name }),
  };
  const answer = await http(test.http, { headers, body, ...(signal !== undefined && { signal }) });
  return JSON.parse(answer.body) as Json;
}
const call = (id: number, name: string, args: Json = {}): Json => toolCall(id, name, args, envelope());

describe('a client that hangs up', () => {
  it('takes no server from a call that waited for its turn, though both look alike', async () => {
    const test = await startGateway({ upstreams, maxConcurrent: 1, idleTimeout: '1s' });
    const first = post(test, call(1, 'slow', { ms: 500 }));
    await expect.poll(() => test.gateway.stats.exchanges).toBe(1);
    const hangingUp = new AbortController();
    const second = post(test, call(2, 'never'), hangingUp.signal).catch(() => 'gone');
    await expect.poll(() => test.gateway.stats.exchanges).toBe(2);
    const third = post(test, call(3, 'slow', { ms: 200, text: 'mine' }));
    await first;
    await expect.poll(() => test.gateway.stats.upstreams['default']!.members).toBeGreaterThan(1);
    hangingUp.abort();
    expect(await second).toBe('gone');
    expect(textOf(await third)).toBe('mine');
    await expectEmpty(test);
  });

  it('takes no server from a request that nobody could be asked about, though both use the same one', async () => {
    const test = await startGateway({ upstreams, idleTimeout: '1s' });
    const hangingUp = new AbortController();
    // The server is busy with it, and hears of the list afterwards.
    const first = post(test, call(1, 'compute', { ms: 700 }), hangingUp.signal).catch(() => 'gone');
    await expect.poll(() => test.gateway.stats.exchanges).toBe(1);
    const params = { _meta: envelope() };
    const second = post(test, { jsonrpc: '2.0', id: 2, method: 'tools/list', params });
    await expect.poll(() => test.gateway.stats.exchanges).toBe(2);
    hangingUp.abort();
    expect(await first).toBe('gone');
    expect(await second).toMatchObject({ id: 2, result: { tools: expect.any(Array) as unknown } });
    // The server of the call that was given up serves nobody else.
    await expect.poll(() => test.gateway.stats.upstreams['default']!.slots).toBe(0);
    await expectEmpty(test);
  });
});
