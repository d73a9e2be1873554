/** The connection that survives: sockets are cut at random bytes, and nothing is lost, doubled or out of order. */
import { spawn } from 'node:child_process';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { Channel } from '../../src/transports/channel.ts';
import { CLIENT_DEFAULTS, connectWebSocket } from '../../src/transports/websocket/client.ts';
import { startCutter } from '../support/cutter.ts';
import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { RedisServer } from '../support/redis.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };
const manyCalls = fileURLToPath(new URL('../fixtures/many-calls.mjs', import.meta.url));

/** Speaks MCP by hand over a channel of ours. */
class ChannelClient {
  readonly channel: Channel;
  readonly answers: Json[] = [];
  readonly progress: Map<unknown, number[]> = new Map();
  readonly closed: Promise<string>;
  readonly #waiting: Map<unknown, (answer: Json) => void> = new Map();

  constructor(channel: Channel) {
    this.channel = channel;
    this.closed = new Promise((resolve) => {
      channel.start({ onMessage: (message) => this.#take(message as never), onBadMessage: () => {}, onClose: resolve });
    });
  }

  static async open(
    port: number,
    options: Partial<typeof CLIENT_DEFAULTS> & { resumeWindowMs?: number } = {},
  ): Promise<ChannelClient> {
    const channel = await connectWebSocket(new URL(`ws://127.0.0.1:${port}/mcp`), { ...CLIENT_DEFAULTS, ...options });
    const client = new ChannelClient(channel);
    await client.ask({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    channel.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return client;
  }

  ask(message: Json): Promise<Json> {
    return new Promise((resolve) => {
      this.#waiting.set(message['id'], resolve);
      this.channel.send(message as never);
    });
  }

  #take(message: Json): void {
    if (message['method'] === 'notifications/progress') {
      const { progressToken, progress } = message['params'] as { progressToken: unknown; progress: number };
      this.progress.set(progressToken, [...(this.progress.get(progressToken) ?? []), progress]);
      return;
    }
    if ('method' in message) return;
    this.answers.push(message);
    this.#waiting.get(message['id'])?.(message);
  }
}

async function expectNothingLeft(test: TestGateway): Promise<void> {
  await expectEmpty(test);
  expect(test.gateway.stats.parked).toBe(0);
}

describe('a connection that is cut again and again', () => {
  it('brings every answer once and every progress note in order, through a thousand cuts at random bytes', async () => {
    const test = await startGateway({ upstreams });
    // Mostly short lives, never so short that the handshake could not pass.
    const cutter = await startCutter(test.port, () => 600 + Math.floor(Math.random() * 9000));
    // Several clients at a time, with the same ids: each spends most of its life with waiting to come back.
    const clients = await Promise.all(Array.from({ length: 5 }, () => ChannelClient.open(cutter.port)));
    const calls = 2000;
    const work = async (client: ChannelClient): Promise<void> => {
      let next = 1;
      const worker = async (): Promise<void> => {
        while (next <= calls) {
          const id = next++;
          const args = { ms: 1, steps: 2, text: `call ${id}` };
          expect(textOf(await client.ask(toolCall(id, 'slow', args, { progressToken: id })))).toBe(`call ${id}`);
        }
      };
      await Promise.all(Array.from({ length: 20 }, worker));
    };
    await Promise.all(clients.map(work));
    expect(cutter.cuts).toBeGreaterThanOrEqual(1000);
    for (const client of clients) {
      expect(client.answers.map(({ id }) => id).toSorted((a, b) => Number(a) - Number(b))).toEqual(
        Array.from({ length: calls + 1 }, (_, id) => id),
      );
      for (let id = 1; id <= calls; id++) expect(client.progress.get(id), `progress of ${id}`).toEqual([1, 2]);
    }
    // A goodbye that is cut off too would leave the conversation for its window: these arrive.
    cutter.bytes = () => Infinity;
    cutter.cutAll();
    for (const client of clients) {
      await client.ask({ jsonrpc: '2.0', id: 'last', method: 'ping' });
      client.channel.close();
    }
    await expectNothingLeft(test);
  }, 180_000);

  it('goes on with calls that were running while nobody was there', async () => {
    const test = await startGateway({ upstreams });
    const cutter = await startCutter(test.port, () => Infinity);
    const client = await ChannelClient.open(cutter.port);
    const started = test.nextEvent('request.started');
    const answer = client.ask(toolCall(1, 'slow', { ms: 300, text: 'meanwhile' }));
    await started;
    cutter.cutAll();
    expect(textOf(await answer)).toBe('meanwhile');
    expect(test.events.filter(({ type }) => type === 'connection.opened')).toHaveLength(1);
    const [session] = test.gateway.operations.sessions();
    expect(session?.returns).toEqual({ count: 1, last: [{ time: expect.any(Number) as number, how: 'resumed' }] });
  });

  it('goes on when its client was frozen for so long that the server has dropped the socket', async () => {
    const test = await startGateway({ upstreams, pingInterval: '100ms' });
    const cutter = await startCutter(test.port, () => Infinity);
    const [calls, ms, steps] = [200, 2400, 3];
    const words = [`ws://127.0.0.1:${cutter.port}/mcp`, ...[calls, ms, steps].map(String)];
    const client = spawn(process.execPath, [manyCalls, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void client.kill('SIGKILL'));
    const started = (): number => test.events.filter(({ type }) => type === 'request.started').length;
    await expect.poll(started, { timeout: 10_000 }).toBe(calls);
    client.kill('SIGSTOP');
    expect(test.gateway.stats.exchanges).toBeGreaterThan(calls / 2);
    await expect.poll(() => cutter.open, { timeout: 10_000 }).toBe(0);
    await expect.poll(() => test.gateway.stats.exchanges, { timeout: 10_000 }).toBe(0);
    client.kill('SIGCONT');
    const { states, heard } = (await json(client.stdout)) as { states: string[]; heard: unknown[] };
    expect(heard).toEqual(
      Array.from({ length: calls }, (_, index) => ({ answers: [`call ${index + 1}`], progress: [1, 2, 3] })),
    );
    expect([...new Set(states)]).toEqual(['connecting', 'open', 'away', 'resumed', 'closed']);
    await expectNothingLeft(test);
  });

  it('ends when nobody comes back within the window, and its calls are cancelled then', async () => {
    const test = await startGateway({ upstreams, resumeWindow: '300ms', isolation: 'shared' });
    const cutter = await startCutter(test.port, () => Infinity);
    const witness = await WireClient.session(test.ws);
    const client = await ChannelClient.open(cutter.port, { resumeWindowMs: 1000 });
    const started = test.nextEvent('request.started');
    void client.ask(toolCall(1, 'slow', { ms: 60_000 }));
    await started;
    const ended = test.nextEvent('connection.closed');
    cutter.bytes = () => 1;
    cutter.cutAll();
    expect((await ended).reason).toContain('was not resumed within 300 ms');
    expect(test.gateway.stats).toMatchObject({ exchanges: 0, connections: 1 });
    const seen = async (): Promise<string[]> => JSON.parse(textOf(await witness.call('s', 'seen'))) as string[];
    await expect.poll(seen).toContain('notifications/cancelled');
    expect(await client.closed).toContain('was not resumed');
  });

  it('ends with a message when too much waits for a client that is away', async () => {
    const test = await startGateway({ upstreams, maxQueueSize: '64KiB' });
    const cutter = await startCutter(test.port, () => Infinity);
    const client = await ChannelClient.open(cutter.port);
    const started = test.nextEvent('request.started');
    // One alone is kept, however large it is.
    for (const id of [1, 2]) void client.ask(toolCall(id, 'big', { ms: 200, bytes: 100_000 }));
    await started;
    const ended = test.nextEvent('connection.closed');
    cutter.bytes = () => 1;
    cutter.cutAll();
    expect((await ended).reason).toContain('too much waits');
    await expectNothingLeft(test);
  });
});

describe('a resume token', () => {
  const resume = (token: unknown, h: unknown): Json => ({
    jsonrpc: '2.0',
    method: 'switchboard/ws/resume',
    params: { token, h },
  });

  async function cutOff(test: TestGateway): Promise<{ token: string }> {
    const client = await WireClient.open(test.ws, {}, ['mcp.r1', 'mcp']);
    expect(client.socket.protocol).toBe('mcp.r1');
    client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    const { params } = await client.notification('switchboard/ws/session');
    await client.answer(0);
    client.socket.terminate();
    await client.closed;
    return params as { token: string };
  }

  it('takes the conversation up, says what had arrived, and replays what had not', async () => {
    const test = await startGateway({ upstreams });
    const { token } = await cutOff(test);
    expect(token).toMatch(/^[\w-]{22}$/);
    const back = await WireClient.open(test.ws, {}, ['mcp.r1']);
    back.send(resume(token, 0));
    const { params } = await back.notification('switchboard/ws/resumed');
    expect(params).toMatchObject({ h: 1 });
    expect((params as Json)['token']).not.toBe(token);
    expect(await back.answer(0)).toHaveProperty('result');
    back.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    expect(textOf(await back.call(1, 'echo', { text: 'again' }))).toBe('again');
  });

  it('takes up what this process has also while the store is away', async () => {
    const redis = await RedisServer.start();
    onTestFinished(() => redis.kill());
    const test = await startGateway({ upstreams, store: redis.url });
    const { token } = await cutOff(test);
    await redis.kill();
    const back = await WireClient.open(test.ws, {}, ['mcp.r1']);
    back.send(resume(token, 0));
    expect(await back.answer(0)).toHaveProperty('result');
    // None could be at another process here, so that the store need not be asked for what is not known.
    const other = await WireClient.open(test.ws, {}, ['mcp.r1']);
    other.send(resume('x'.repeat(22), 0));
    expect(await other.notification('switchboard/ws/lost')).toBeDefined();
  });

  it('brings its client back where no other would have a place, and one too many is refused with 1013', async () => {
    const test = await startGateway({ upstreams, maxConnections: 1 });
    const { token } = await cutOff(test);
    const strangers = await Promise.all(Array.from({ length: 5 }, () => WireClient.open(test.ws, {}, ['mcp.r1'])));
    for (const stranger of strangers) {
      stranger.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
      expect(await stranger.closed).toMatchObject({ code: 1013, reason: expect.stringContaining('maxConnections') });
    }
    const back = await WireClient.open(test.ws, {}, ['mcp.r1']);
    back.send(resume(token, 1));
    await back.notification('switchboard/ws/resumed');
    expect(textOf(await back.call(1, 'echo', { text: 'still here' }))).toBe('still here');
  });

  it('stays good until the next one was used, and no longer', async () => {
    const test = await startGateway({ upstreams });
    const { token } = await cutOff(test);
    const use = async (shown: string): Promise<{ name: string; token: string }> => {
      const client = await WireClient.open(test.ws, {}, ['mcp.r1']);
      client.send(resume(shown, 1));
      const { method, params } = await client.next(({ method: m }) => String(m).startsWith('switchboard/ws/'));
      client.socket.terminate();
      return { name: String(method), token: String((params as Json)['token']) };
    };
    const second = await use(token);
    const third = await use(token);
    expect([second.name, third.name]).toEqual(['switchboard/ws/resumed', 'switchboard/ws/resumed']);
    expect((await use(third.token)).name).toBe('switchboard/ws/resumed');
    expect((await use(token)).name).toBe('switchboard/ws/lost');
    expect((await use(second.token)).name).toBe('switchboard/ws/lost');
  });

  it.each([
    ['forged', 'x'.repeat(22)],
    ['of another type', 5],
    ['a name of a prototype', '__proto__'],
  ])('that is %s is lost, and the same socket may begin again', async (_, token) => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.open(test.ws, {}, ['mcp.r1']);
    client.send(resume(token, 0));
    await client.notification('switchboard/ws/lost');
    client.send({ jsonrpc: '2.0', id: 'i', method: 'initialize', params: initializeParams() });
    expect(await client.answer('i')).toHaveProperty('result');
  });

  it.each([-1, 2, 2 ** 53, 1.5, '1', null])('with %j messages received is refused with 1002', async (h) => {
    const test = await startGateway({ upstreams });
    const { token } = await cutOff(test);
    const client = await WireClient.open(test.ws, {}, ['mcp.r1']);
    client.send(resume(token, h));
    expect((await client.closed).code).toBe(1002);
    await expectNothingLeft(test);
  });

  it('used twice at once leaves one connection, and closes the older with 1000', async () => {
    const test = await startGateway({ upstreams });
    const { token } = await cutOff(test);
    const [a, b] = [await WireClient.open(test.ws, {}, ['mcp.r1']), await WireClient.open(test.ws, {}, ['mcp.r1'])];
    a.send(resume(token, 1));
    await a.notification('switchboard/ws/resumed');
    b.send(resume(token, 1));
    await b.notification('switchboard/ws/resumed');
    expect((await a.closed).code).toBe(1000);
    expect(test.gateway.stats.connections).toBe(1);
  });
});
