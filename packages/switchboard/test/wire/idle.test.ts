/** WebSocket clients that send no message for a long time: whom `idleTimeout` ends, and who gives up a place that somebody needs. */
import { once } from 'node:events';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { WebSocketClientTransport } from '../../src/client.ts';
import { WebSocketServerTransport } from '../../src/websocket.ts';
import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import { WireClient, initializeParams, textOf } from '../support/wire.ts';

const MINUTE_MS = 60_000;
const IDLE = { code: 3008 };
const upstreams = { default: { ...servers.scripted, isolation: 'shared' as const } };

/** A clock that stands still but for what the test says. @returns sets it to so many minutes after the beginning */
function minutes(): (since: number) => void {
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const start = Date.now();
  return (since) => void vi.setSystemTime(start + since * MINUTE_MS);
}

async function session(url: string, protocol: string): Promise<WireClient> {
  const client = await WireClient.open(url, {}, [protocol]);
  client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
  await client.answer(0);
  return client;
}

async function ping({ socket }: WireClient): Promise<void> {
  socket.ping();
  await once(socket, 'pong');
}

describe.each(['mcp', 'mcp.r1'])('a client of %s that sends no message', (protocol) => {
  it('is closed with 3008 after idleTimeout; one that pings by itself stays, and can call', async () => {
    const to = minutes();
    const test = await startGateway({ upstreams, sweepInterval: '20ms' });
    const [pinging, silent] = [await session(test.ws, protocol), await session(test.ws, protocol)];
    to(59);
    await ping(pinging);
    to(61);
    expect(await silent.closed).toMatchObject(IDLE);
    expect(textOf(await pinging.call(1, 'echo', { text: 'here' }))).toBe('here');
    to(122);
    expect(await pinging.closed).toMatchObject(IDLE);
    await expectEmpty(test, { members: 1 });
  });

  it('keeps its place until idleTimeout; from then on its pings keep it only while there is room', async () => {
    const to = minutes();
    const test = await startGateway({ upstreams, maxConnections: 3 });
    const [first, second] = [await session(test.ws, protocol), await session(test.ws, protocol)];
    to(1);
    const third = await session(test.ws, protocol);
    to(59);
    await Promise.all([first, second, third].map(ping));
    await expect(WireClient.open(test.ws)).rejects.toThrow('503');
    to(60.5);
    // Both of those that are quiet for so long go, each for one, also where they come at once; the third stays.
    const [one, other] = await Promise.all([session(test.ws, protocol), session(test.ws, protocol)]);
    const reason = 'its place was needed, and it was quiet longest';
    expect(await Promise.all([first.closed, second.closed])).toEqual([
      { ...IDLE, reason },
      { ...IDLE, reason },
    ]);
    await expect(WireClient.open(test.ws)).rejects.toThrow('503');
    for (const client of [third, one, other]) expect(textOf(await client.call(1, 'echo', { text: 'x' }))).toBe('x');
    expect(test.gateway.stats.connections).toBe(3);
  });
});

it('a WebSocketClientTransport that its owner keeps open is never idle', async () => {
  const to = minutes();
  const test = await startGateway({ upstreams, sweepInterval: '20ms' });
  const client = new WebSocketClientTransport(test.ws, { pingIntervalMs: 20 });
  onTestFinished(() => client.close());
  await client.start();
  const silent = await session(test.ws, 'mcp');
  // The answer to a ping that was sent after the clock was set.
  const pinged = async (): Promise<void> => {
    for (let n = 0; n < 2; n++) {
      const former = client.traffic.latencyMs;
      await expect.poll(() => client.traffic.latencyMs).not.toBe(former);
    }
  };
  for (const since of [40, 80, 120]) {
    to(since);
    await pinged();
  }
  expect(await silent.closed).toMatchObject(IDLE);
  expect(client.state).toBe('open');
  expect(test.gateway.stats.connections).toBe(1);
});

describe('a server of the library', () => {
  it('closes clients that are idle, and keeps those that ping by themselves', async () => {
    const to = minutes();
    const server = new WebSocketServerTransport({ port: 0, idleTimeoutMs: 100 });
    onTestFinished(() => server.close());
    const url = await server.listen();
    const [pinging, silent] = [await WireClient.open(url), await WireClient.open(url)];
    to(0.001);
    await ping(pinging);
    to(0.002);
    expect(await silent.closed).toMatchObject(IDLE);
    await expect.poll(() => server.clients.size).toBe(1);
    to(0.003);
    expect(await pinging.closed).toMatchObject(IDLE);
  });

  it('gives the place of the quietest away when it is full, but none that is not idle', async () => {
    const to = minutes();
    const server = new WebSocketServerTransport({ port: 0, maxClients: 2 });
    onTestFinished(() => server.close());
    const url = await server.listen();
    const pinging = await WireClient.open(url);
    to(30);
    const later = await WireClient.open(url);
    to(59);
    await Promise.all([pinging, later].map(ping));
    expect((await (await WireClient.open(url)).closed).code).toBe(1013);
    to(61);
    const newcomer = await WireClient.open(url);
    expect(await pinging.closed).toMatchObject(IDLE);
    expect((await (await WireClient.open(url)).closed).code).toBe(1013);
    expect(server.clients.size).toBe(2);
    await Promise.all([later, newcomer].map(ping));
  });
});
