/** Processes that are started ahead of need: a fixed number, or as many as the sessions that come would need. */
import { describe, expect, it } from 'vitest';

import type { GatewayOptions } from '../../src/gateway/gateway.ts';
import { isAlive, servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { WireClient, initializeParams, textOf } from '../support/wire.ts';

describe('warm spares', () => {
  it('are started ahead, used for the next session, and replaced', async () => {
    const test = await startGateway({ upstreams: { default: servers.scripted }, warm: 2 });
    const running = (): number => test.gateway.stats.upstreams['default']!.running;
    await expect.poll(running).toBe(2);
    const spares = new Set(test.events.flatMap((event) => (event.type === 'member.started' ? [event.pid] : [])));
    const client = await WireClient.session(test.ws);
    expect(spares.has(Number(textOf(await client.call(1, 'pid'))))).toBe(true);
    await expect.poll(running).toBe(3);
    client.socket.close();
    await expect.poll(running).toBe(2);
  });
});

describe('spares that come by themselves', () => {
  const startAuto = async (
    options: Partial<GatewayOptions> = {},
  ): Promise<TestGateway & { running(): number; started(): unknown[] }> => {
    const test = await startGateway({ upstreams: { default: servers.scripted }, warm: 'auto', ...options });
    return {
      ...test,
      running: () => test.gateway.stats.upstreams['default']!.running,
      started: () => test.events.flatMap((event) => (event.type === 'member.started' ? [event.pid] : [])),
    };
  };
  const pidOf = async (client: WireClient): Promise<number> => Number(textOf(await client.call(99, 'pid')));

  it('are there from the first session on, and serve the next, which sees nothing of it', async () => {
    const test = await startAuto();
    expect(test.running()).toBe(0);
    await WireClient.session(test.ws);
    await expect.poll(test.running).toBe(2);
    const spare = test.started()[1];
    const second = await WireClient.session(test.ws);
    expect(await pidOf(second)).toBe(spare);
    const seen = JSON.parse(textOf(await second.call(1, 'seen'))) as string[];
    expect(seen.filter((method) => method !== 'ping').slice(0, 2)).toEqual(['initialize', 'notifications/initialized']);
    await expect.poll(test.running).toBeGreaterThan(2);
    expect(test.events.filter(({ type }) => type === 'upstream.stray')).toEqual([]);
  });

  it('end with the gateway, also those that are starting', async () => {
    const test = await startAuto();
    await WireClient.session(test.ws);
    await expect.poll(test.running).toBe(2);
    await test.gateway.close();
    for (const pid of test.started()) expect(isAlive(pid as number)).toBe(false);
  });

  it('are not pinged any more where a server ends at it, and sessions open all the same', async () => {
    const strict = { ...servers.scripted, env: { STRICT: 'yes' } };
    const test = await startAuto({ upstreams: { default: strict } });
    const first = await WireClient.session(test.ws);
    await expect.poll(() => test.started().length, { timeout: 5000 }).toBeGreaterThan(2);
    await expect.poll(() => isAlive(test.started().at(-1) as number)).toBe(true);
    const second = await WireClient.session(test.ws);
    expect(await pidOf(second)).not.toBe(await pidOf(first));
    expect(test.gateway.pool('default')!.failing).toBeUndefined();
  });

  it.each(['shared', 'pool'] as const)(
    'are not for a server with isolation %s, which no session starts',
    async (isolation) => {
      const test = await startAuto({ isolation });
      for (let n = 0; n < 2; n++) await pidOf(await WireClient.session(test.ws));
      const [{ members } = { members: [] }] = await test.gateway.operations.upstreams();
      expect(members.filter(({ state }) => state === 'ready')).toHaveLength(test.running());
    },
  );

  it('are not for a server that takes a value of each caller', async () => {
    const keyed = { ...servers.scripted, env: { KEY: '${caller.header:X-Key}' } };
    const test = await startAuto({ upstreams: { default: keyed } });
    const client = await WireClient.open(test.ws, { headers: { 'x-key': 'k' } });
    client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    await client.answer(0);
    expect(test.running()).toBe(1);
  });

  it(
    'and what their sessions cost in memory is told once, with what sharing would save',
    { timeout: 30_000 },
    async () => {
      const test = await startAuto({ warm: 0 });
      const told = test.nextEvent('upstream.memory');
      for (let n = 0; n < 5; n++) await WireClient.session(test.ws);
      const { members, bytes, savedBytes } = await told;
      expect(members).toBeGreaterThanOrEqual(4);
      expect(bytes).toBeGreaterThan(100 * 1024 * 1024);
      expect(savedBytes).toBeGreaterThan(bytes / 2);
      expect(savedBytes).toBeLessThan(bytes);
    },
  );
});
