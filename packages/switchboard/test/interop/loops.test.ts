/** A Switchboard that would be its own upstream, directly or through others. */
import { once } from 'node:events';
import { createServer, connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';

import { createGateway } from '../../src/gateway/gateway.ts';
import type { SettingsInput } from '../../src/gateway/settings.ts';
import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { WireClient, initializeParams, textOf } from '../support/wire.ts';

const base = { port: 0, rateLimit: 'unlimited' } as const;
const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() };

/** A proxy on a port of its own that leads to another port of this machine. */
async function forwarder(port: number): Promise<{ port: number; connections(): number }> {
  let connections = 0;
  const server = createServer((client) => {
    connections++;
    const far = connect(port, '127.0.0.1');
    far.on('error', () => client.destroy());
    client.on('error', () => far.destroy());
    client.pipe(far).pipe(client);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

/** What the first request of a client that comes to `ws` is answered with. */
async function firstAnswer({ ws }: TestGateway, path = ''): Promise<string> {
  const client = await WireClient.open(ws + path);
  client.send(initialize);
  const answer = JSON.stringify(await client.answer(1));
  client.socket.close();
  await client.closed;
  return answer;
}

describe('the address of this Switchboard among its upstreams', () => {
  it.each([
    ['http://127.0.0.1:8765/mcp', {}],
    ['ws://localhost:8765/mcp/files', {}],
    ['http://[::1]:8765/mcp', { host: '::', insecure: true }],
    ['http://127.0.0.1:8765/mcp', { host: '0.0.0.0', insecure: true }],
    ['https://mcp.example.com/mcp', { allowedHosts: ['mcp.example.com:443'] }],
    ['http://mcp.example.com:8765/mcp', { allowedHosts: ['mcp.example.com'] }],
  ])('is refused at the start: %s', (url, settings) => {
    const { origin, pathname } = new URL(url);
    const refused = `upstreams.self.url: ${origin}${pathname} is the address of this Switchboard, which cannot be its own upstream`;
    expect(() => createGateway({ port: 8765, ...settings, upstreams: { self: { url } } })).toThrow(refused);
  });

  it.each<[string, SettingsInput]>([
    ['http://127.0.0.1:8766/mcp', {}],
    ['http://127.0.0.1:8765/mcp', { transport: 'stdio' }],
    ['https://mcp.example.com/mcp', {}],
    ['https://mcp.example.com/mcp', { allowedHosts: ['mcp.example.com'] }],
  ])('is not any other address: %s', async (url, settings) => {
    const gateway = createGateway({ port: 8765, ...settings, upstreams: { other: { url } } });
    await expect(gateway.close()).resolves.toBeUndefined();
  });

  it('is refused at a reload, and the servers that were there go on', async () => {
    const test = await startGateway({ upstreams: { default: servers.scripted } });
    const client = await WireClient.session(test.ws);
    const upstreams = { switchboard: { url: test.ws } };
    expect(() => test.gateway.reload({ ...base, upstreams })).toThrow('upstreams.switchboard.url');
    expect(textOf(await client.call(1, 'echo', { text: 'still here' }))).toBe('still here');
    expect(Object.keys(test.gateway.stats.upstreams)).toEqual(['default']);
  });

  it.each(['http', 'ws', 'sse'])('behind a proxy is found by the first request over %s', async (kind) => {
    const test = await startGateway({ upstreams: { default: servers.scripted }, sse: true });
    const proxy = await forwarder(test.port);
    const self =
      kind === 'sse'
        ? { url: `http://127.0.0.1:${proxy.port}/sse`, sse: true }
        : { url: `${kind}://127.0.0.1:${proxy.port}/mcp` };
    test.gateway.reload({ ...base, sse: true, upstreams: { self } });
    expect(await firstAnswer(test)).toContain('this Switchboard sent the request itself');
    expect(proxy.connections()).toBeLessThan(5);
    const refused = test.events.filter((event) => 'code' in event && event.code === 'SWB_LOOP');
    expect(refused.length).toBeGreaterThan(0);
    await expectEmpty(test);
  });
});

describe.each(['session', 'shared'] as const)(
  'Switchboards that are upstreams of each other, with isolation %s,',
  (isolation) => {
    it.each([2, 3])('refuse the request that went in a loop through %i of them', async (count) => {
      const ring = [];
      for (let n = 0; n < count; n++) {
        ring.push(await startGateway({ upstreams: { default: servers.scripted }, isolation }));
      }
      for (const [n, test] of ring.entries()) {
        const url = ring[(n + 1) % count]!.http;
        test.gateway.reload({ ...base, isolation, upstreams: { next: { url } } });
      }
      for (const test of ring) expect(await firstAnswer(test)).toContain('an upstream leads back to it');
      for (const { gateway } of ring) await gateway.close();
    });

    it('do not let a request in a loop that members of other clients had closed', async () => {
      const near = await startGateway({ upstreams: { default: servers.scripted }, isolation });
      const far = await startGateway({ upstreams: { near: { url: near.http } }, isolation });
      // A member of the far one, which leads to the near one, is there before the near one leads to the far one.
      const direct = await WireClient.session(far.ws);
      expect(textOf(await direct.call(1, 'echo', { text: 'direct' }))).toBe('direct');
      near.gateway.reload({ ...base, isolation, upstreams: { default: servers.scripted, far: { url: far.http } } });
      const client = await WireClient.session(near.all.ws.replace(/\/mcp.*$/, '/mcp/default'));
      expect(textOf(await client.call(1, 'echo', { text: 'near' }))).toBe('near');
      const looped = await WireClient.session(`ws://127.0.0.1:${near.port}/mcp`);
      const answers = [
        await looped.call(1, 'far__default__echo', { text: 'x' }),
        await looped.call(2, 'default__echo', { text: 'y' }),
      ];
      expect(JSON.stringify(answers[0])).toContain('error');
      expect(textOf(answers[1]!)).toBe('y');
      // A member that all share keeps its stream of changes; nothing else is left.
      const left = (): string[] =>
        [near, far].flatMap((test) => test.gateway.operations.requests().map(({ method }) => method));
      await expect.poll(() => left().filter((method) => method !== 'subscriptions/listen')).toEqual([]);
      expect(left().length).toBeLessThan(4);
    });
  },
);

describe('a request that has passed other Switchboards', () => {
  const ask = async ({ http }: TestGateway, passed: number): Promise<Response> =>
    fetch(http, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'switchboard-via': Array.from({ length: passed }, (_, n) => `other-${n}`).join(', '),
      },
      body: JSON.stringify(initialize),
    });

  it('is served after 8 of them, and refused after 9', async () => {
    const test = await startGateway({ upstreams: { default: servers.scripted } });
    expect((await ask(test, 8)).status).toBe(200);
    const refused = await ask(test, 9);
    expect(refused.status).toBe(508);
    expect(await refused.json()).toMatchObject({
      error: { code: 31034, message: expect.stringContaining('it passed 9 Switchboards, and the limit is 8') },
    });
  });
});
