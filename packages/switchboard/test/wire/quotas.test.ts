/** How much each caller may use, and what is wanted where others can reach the port. */
import { describe, expect, it } from 'vitest';

import { initialize, open, startWithKeys as start, upgrade } from '../support/access.ts';
import { servers, startGateway } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { bearer, testKeys } from '../support/keys.ts';
import { WireClient, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };

describe('limits', () => {
  it('hold for a principal, over all its connections and ways, and not for others', async () => {
    const test = await start({ rateLimit: 4 });
    const [first, second] = [await open(test, test.ann), await open(test, test.ann)];
    await first.call(1, 'echo', { text: 'x' });
    first.socket.close();
    await second.call(1, 'echo', { text: 'x' });
    expect(await second.call('mine', 'echo')).toMatchObject({
      id: 'mine',
      error: { data: { code: 'SWB_RATE_LIMITED', retryAfterMs: expect.any(Number) } },
    });
    const refused = await http(test.http, { headers: bearer(test.ann), body: initialize });
    expect([refused.status, JSON.parse(refused.body).id]).toEqual([429, 0]);
    expect(refused.headers).toMatchObject({
      'ratelimit-policy': '"default";q=4;w=60',
      'retry-after': expect.any(String),
    });
    expect(refused.headers['ratelimit']).toMatch(/^"default";r=0;t=\d+$/);
    const other = await http(test.http, { headers: bearer(test.ben), body: initialize });
    expect([other.status, other.headers['ratelimit']]).toEqual([200, '"default";r=3;t=15']);
  });

  it('hold for an address where nobody is known, over all its connections', async () => {
    const test = await startGateway({ upstreams, addressRateLimit: 3 });
    const answers: Json[] = [];
    for (let n = 0; n < 4; n++) {
      const client = await WireClient.open(test.ws);
      client.send(initialize);
      answers.push(await client.answer(0));
      client.socket.close();
    }
    expect(answers.map((answer) => 'error' in answer)).toEqual([false, false, false, true]);
    expect(answers[3]!['error']).toMatchObject({ message: expect.stringContaining('addressRateLimit') });
  });

  it('of a role count what runs, what is open and what is sent', async () => {
    const limits = { requestsPerMinute: 60, burst: 30, concurrent: 2, sessions: 2, maxMessageSize: '2KiB' };
    const test = await start({ roles: { default: { limits } } });
    const [first, second] = [await open(test, test.ann), await open(test, test.ann)];
    expect(await upgrade(test.ws, ['mcp'], bearer(test.ann))).toBe(503);
    expect((await http(test.http, { headers: bearer(test.ann), body: initialize })).status).toBe(503);
    const other = await http(test.http, { headers: bearer(test.ben), body: initialize });
    expect([other.status, other.headers['ratelimit-policy']]).toEqual([200, '"default";q=30;w=30']);
    first.send(toolCall(1, 'never'));
    second.send(toolCall(1, 'never'));
    await expect.poll(() => test.gateway.stats.exchanges).toBe(2);
    expect(await second.call(2, 'echo')).toMatchObject({ error: { data: { code: 'SWB_OVERLOADED' } } });
    const large = toolCall(3, 'echo', { text: 'x'.repeat(3000) });
    expect((await http(test.http, { headers: bearer(test.ben), body: large })).status).toBe(413);
    second.send(large);
    expect((await second.closed).code).toBe(1009);
    await expect.poll(() => upgrade(test.ws, ['mcp'], bearer(test.ann))).toBe(101);
  });
});

describe('beyond this machine', () => {
  it.each([
    ['nothing', {}, /authentication.*TLS/],
    ['authentication alone', { token: 'auto' }, /give TLS/],
    ['a proxy with TLS alone', { behindProxy: true }, /give authentication/],
  ])('is not listened with %s', async (_, options, message) => {
    await expect(startGateway({ upstreams, host: '0.0.0.0', ...options })).rejects.toThrow(message);
  });

  it('is with both; then metrics are for operators', async () => {
    const keys = testKeys();
    const [ops, ann] = [keys.add('ops', ['operator']), keys.add('ann')];
    const test = await startGateway({ upstreams, host: '0.0.0.0', behindProxy: true, keysFile: keys.path });
    const url = `http://127.0.0.1:${test.port}/metrics`;
    const get = async (headers: Record<string, string>): Promise<number> =>
      (await http(url, { method: 'GET', headers })).status;
    expect([await get({}), await get(bearer(ann)), await get(bearer(ops))]).toEqual([401, 404, 200]);
    const ready = async (headers: Record<string, string>): Promise<string> =>
      (await http(url.replace('metrics', 'readyz'), { method: 'GET', headers })).body;
    expect(JSON.parse(await ready({}))).toEqual({ status: 'ready' });
    expect(await ready(bearer(ops))).toContain('upstreams');
  });

  it('goes by the address that the proxy wrote, not by those that the client wrote', async () => {
    const test = await start({ behindProxy: true });
    const guess = (from: string): Promise<{ status: number }> =>
      http(test.http, { headers: { ...bearer('swb_wrong'), 'x-forwarded-for': from }, body: initialize });
    for (let n = 0; n < 11; n++) await guess(`10.0.0.${n}, 192.0.2.1`);
    expect((await guess('10.9.9.9, 192.0.2.1')).status).toBe(429);
    expect((await guess('192.0.2.1, 192.0.2.2')).status).toBe(401);
  });

  it('has a token that is made at the start, whose owner may do everything', async () => {
    const roles = { reader: { tools: { allow: ['echo'] } }, admin: {} };
    const test = await startGateway({ upstreams, token: 'auto', roles });
    const token = String(test.gateway.newToken);
    expect(token).toMatch(/^[\w-]{43}$/);
    const client = await open(test, token);
    expect(textOf(await client.call(1, 'slow', { ms: 1, text: 'all' }))).toBe('all');
    expect(await upgrade(test.ws, ['mcp'], bearer(`${token}x`))).toBe(401);
  });
});
