import { describe, expect, it } from 'vitest';

import { Readiness } from '../../src/observe/readiness.ts';
import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { bearer, testKeys } from '../support/keys.ts';
import { WireClient, initializeParams } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const broken = { command: process.execPath, args: ['-e', 'console.error("no database"); process.exit(3)'] };

async function probe({ port }: TestGateway, path: string): Promise<{ status: number; body: Json }> {
  const { status, body } = await http(`http://127.0.0.1:${port}${path}`, { method: 'GET' });
  return { status, body: JSON.parse(body) as Json };
}

async function use(test: TestGateway, upstream: string): Promise<void> {
  const client = await WireClient.open(test.ws.replace(/\/mcp.*$/, `/mcp/${upstream}`));
  client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
  await client.answer(0);
}

describe('/readyz', () => {
  it('says ready while every upstream can serve, those that nobody has used among them', async () => {
    const test = await startGateway({ upstreams: { good: servers.scripted, unused: servers.scripted } });
    await use(test, 'good');
    expect(await probe(test, '/readyz')).toEqual({
      status: 200,
      body: {
        status: 'ready',
        upstreams: [
          { upstream: 'good', ok: true },
          { upstream: 'unused', ok: true },
        ],
      },
    });
  });

  it('fails and names the upstream that cannot serve, and why; alive it is all the same', async () => {
    const test = await startGateway({ upstreams: { good: servers.scripted, bad: broken } });
    await use(test, 'bad');
    const { status, body } = await probe(test, '/readyz');
    expect(status).toBe(503);
    expect(body).toEqual({
      status: 'unready',
      upstreams: [
        { upstream: 'good', ok: true },
        { upstream: 'bad', ok: false, reason: expect.stringContaining('no database') as string },
      ],
    });
    expect(await probe(test, '/healthz')).toEqual({ status: 200, body: { status: 'ok' } });
    for (const path of ['/health', '/livez']) {
      expect(await probe(test, path)).toEqual({ status: 200, body: { status: 'ok' } });
    }
    // To a balancer one server that cannot start is no reason to give up the others.
    expect(await probe(test, '/readyz?exclude=upstreams')).toEqual({ status: 200, body: { status: 'ready' } });
  });

  it('tells everybody how full it is, and no more', async () => {
    const test = await startGateway({ upstreams: { good: servers.scripted, bad: broken }, maxConnections: 7 });
    await use(test, 'bad');
    await WireClient.session(`${test.all.ws}/good`);
    const { status, body } = await probe(test, '/status');
    const sessions = { active: expect.any(Number) as number, max: 7 };
    const transports = ['websocket', 'http'];
    expect([status, body]).toEqual([
      200,
      { status: 'ok', ready: false, uptimeS: expect.any(Number) as number, transports, sessions },
    ]);
    expect((body as { sessions: { active: number } }).sessions.active).toBeGreaterThan(0);
    expect((await http(new URL('/status', test.http).href, { method: 'POST' })).status).toBe(405);
  });

  it('keeps the reason to itself where others than this machine are listened to', async () => {
    const test = await startGateway({
      upstreams: { good: servers.scripted, bad: broken },
      host: '0.0.0.0',
      insecure: true,
    });
    await use({ ...test, ws: `ws://127.0.0.1:${test.port}/mcp` }, 'bad');
    const { status, body } = await probe(test, '/readyz');
    expect(status).toBe(503);
    expect(body['upstreams']).toEqual([
      { upstream: 'good', ok: true },
      { upstream: 'bad', ok: false },
    ]);
  });
});

describe('/readyz where callers are known', () => {
  it('names to each the servers that its roles let it use, and to others none', async () => {
    const keys = testKeys();
    const [reader, operator] = [keys.add('ann', ['reader']), keys.add('ops', ['operator'])];
    const test = await startGateway({
      upstreams: { docs: servers.scripted, payroll: servers.scripted },
      keysFile: keys.path,
      roles: { reader: { upstreams: ['docs'] } },
      behindProxy: true,
    });
    const ready = async (headers: Record<string, string> = {}): Promise<Json> => {
      const { status, body } = await http(`http://127.0.0.1:${test.port}/readyz`, { method: 'GET', headers });
      expect(status).toBe(200);
      return JSON.parse(body) as Json;
    };
    expect(await ready()).toEqual({ status: 'ready' });
    expect(await ready(bearer('wrong'))).toEqual({ status: 'ready' });
    expect(await ready(bearer(reader))).toEqual({ status: 'ready', upstreams: [{ upstream: 'docs', ok: true }] });
    expect((await ready(bearer(operator)))['upstreams']).toHaveLength(2);
  });

  it('hides what nobody may use where there are roles alone', async () => {
    const test = await startGateway({
      upstreams: { docs: servers.scripted, payroll: servers.scripted },
      host: '0.0.0.0',
      insecure: true,
      roles: { default: { upstreams: ['docs'] } },
    });
    const { body } = await probe(test, '/readyz');
    expect(body['upstreams']).toEqual([{ upstream: 'docs', ok: true }]);
  });
});

describe('readiness', () => {
  const failed = { type: 'member.failed', upstream: 'a', slot: 's', reason: 'gone' } as const;
  const notReady = [
    { upstream: 'a', ok: false, reason: 'gone' },
    { upstream: 'b', ok: true },
  ];

  it.each([
    [
      'a start succeeds',
      { type: 'member.ready', slot: 's', era: 'legacy', version: '2025-11-25', ms: 1, again: false },
    ],
    ['a try in the background succeeds', { type: 'upstream.recovered' }],
  ] as const)('comes back when %s', (_, event) => {
    const readiness = new Readiness(['a', 'b']);
    readiness.onEvent(failed);
    expect(readiness.ready()).toEqual(notReady);
    readiness.onEvent({ ...event, upstream: 'b' });
    expect(readiness.ready()).toEqual(notReady);
    readiness.onEvent({ ...event, upstream: 'a' });
    expect(readiness.ready().map(({ ok }) => ok)).toEqual([true, true]);
  });

  it('forgets what failed when another configuration took its place', () => {
    const readiness = new Readiness(['a', 'b']);
    readiness.onEvent(failed);
    readiness.follow(['a', 'b'], ['b']);
    expect(readiness.ready()).toEqual(notReady);
    readiness.follow(['a', 'b'], ['a']);
    expect(readiness.ready().map(({ ok }) => ok)).toEqual([true, true]);
  });
});
