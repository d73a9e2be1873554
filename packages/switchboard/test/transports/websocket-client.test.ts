/** The WebSocket client as a library: it comes back, tells its state, and loses nothing that it could keep. */
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocketServer, WebSocket } from 'ws';
import type { AddressInfo } from 'node:net';

import {
  WebSocketClientTransport as BrowserTransport,
  connect as connectFromBrowser,
} from '../../src/client-browser.ts';
import { WebSocketClientTransport, connect } from '../../src/client.ts';
import type { ClientTransportOptions, ConnectionState } from '../../src/client.ts';
import { WebSocketServerTransport } from '../../src/websocket.ts';
import type { WebSocketServerOptions } from '../../src/websocket.ts';
import { startCutter } from '../support/cutter.ts';
import type { Cutter } from '../support/cutter.ts';
import { servers, startGateway } from '../support/gateway.ts';
import { initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

// What a browser has, Node has from 22 on.
globalThis.WebSocket ??= WebSocket as never;

const upstreams = { default: servers.scripted };

/** A transport that is spoken to by hand. */
class ManualClient {
  readonly transport: WebSocketClientTransport | BrowserTransport;
  readonly received: Json[] = [];
  readonly states: ConnectionState[] = [];
  readonly closed: Promise<void>;
  readonly #waiting: { matches: (message: Json) => boolean; resolve: (message: Json) => void }[] = [];

  constructor(transport: WebSocketClientTransport | BrowserTransport) {
    this.transport = transport;
    transport.onmessage = ((message: Json) => {
      const at = this.#waiting.findIndex(({ matches }) => matches(message));
      if (at === -1) this.received.push(message);
      else this.#waiting.splice(at, 1)[0]!.resolve(message);
    }) as never;
    this.closed = new Promise((resolve) => (transport.onclose = resolve));
    void (async () => {
      for await (const state of transport.states) this.states.push(state);
    })();
    onTestFinished(() => transport.close());
  }

  static async open(url: string, options?: ClientTransportOptions): Promise<ManualClient> {
    const client = new ManualClient(new WebSocketClientTransport(url, options));
    await client.transport.start();
    return client;
  }

  static async session(url: string, options?: ClientTransportOptions): Promise<ManualClient> {
    const client = await ManualClient.open(url, options);
    await client.ask({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    await client.transport.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return client;
  }

  next(matches: (message: Json) => boolean): Promise<Json> {
    const at = this.received.findIndex(matches);
    if (at !== -1) return Promise.resolve(this.received.splice(at, 1)[0]!);
    return new Promise((resolve) => this.#waiting.push({ matches, resolve }));
  }

  async ask(message: Json): Promise<Json> {
    await this.transport.send(message);
    return this.next(({ id, method }) => id === message['id'] && method === undefined);
  }

  get names(): string[] {
    return this.states.map(({ state }) => state);
  }
}

async function listen(
  options: WebSocketServerOptions = {},
): Promise<{ server: WebSocketServerTransport; url: string }> {
  const server = new WebSocketServerTransport({ port: 0, ...options });
  onTestFinished(() => server.close());
  return { server, url: await server.listen() };
}

/** A server of bare WebSockets, for what ours would not do. */
async function bare(): Promise<{ raw: WebSocketServer; url: string }> {
  const raw = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'mcp' });
  onTestFinished(() => {
    for (const socket of raw.clients) socket.terminate();
    raw.close();
  });
  await once(raw, 'listening');
  return { raw, url: `ws://127.0.0.1:${(raw.address() as AddressInfo).port}/` };
}

async function behindCutter(port: number): Promise<{ cutter: Cutter; url: string }> {
  const cutter = await startCutter(port, () => Infinity);
  return { cutter, url: `ws://127.0.0.1:${cutter.port}/mcp` };
}

describe('a connection that was cut', () => {
  it('is taken up again, and what is sent meanwhile or before the server has answered arrives once and in order', async () => {
    const seen: unknown[] = [];
    const { url, server } = await listen({ onForeign: ({ n }) => void seen.push(n) });
    const { cutter, url: through } = await behindCutter(Number(new URL(url).port));
    const client = await ManualClient.open(through);
    await client.transport.send({ n: 0 });
    await expect.poll(() => seen).toEqual([0]);
    const sent = [0];
    for (let round = 0; round < 5; round++) {
      cutter.cutAll();
      // From the cut until the conversation is taken up, through every state between.
      while (client.states.filter((state) => state.state === 'open' && state.resumed).length <= round) {
        sent.push(sent.length);
        await client.transport.send({ n: sent.length - 1 });
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
    await client.transport.send({ n: 'end' });
    await expect.poll(() => seen.at(-1)).toBe('end');
    expect(seen).toEqual([...sent, 'end']);
    expect(server.clients.size).toBe(1);
    expect(client.names.filter((name) => name === 'away')).toHaveLength(5);
  }, 60_000);

  it('gets what was broadcast meanwhile, and is told how much could not be kept', async () => {
    const { server, url } = await listen({ maxQueueMessages: 10, onForeign: () => ({ type: 'ok' }) });
    const { cutter, url: through } = await behindCutter(Number(new URL(url).port));
    const client = await ManualClient.open(through);
    await client.transport.send({ type: 'hi' });
    await client.transport.receive().next();
    cutter.bytes = () => 1;
    cutter.cutAll();
    const [atServer] = [...server.clients.values()];
    await expect.poll(() => client.transport.state).toBe('away');
    for (let n = 0; n < 25; n++) server.broadcastNotification('notifications/message', { level: 'info', data: n });
    cutter.bytes = () => Infinity;
    const told = await client.next(({ method }) => method === 'notifications/switchboard/dropped');
    expect(told).toMatchObject({ params: { count: 15 } });
    await client.next(({ params }) => (params as Json)['data'] === 24);
    expect(client.received.map(({ params }) => (params as Json)['data'])).toEqual([15, 16, 17, 18, 19, 20, 21, 22, 23]);
    expect(atServer?.traffic.messagesIn).toBeGreaterThan(0);
  });
});

describe('more than may wait', () => {
  it.each(['away', 'between two conversations'])(
    'is refused %s, and nothing that waits is lost by it',
    async (when) => {
      const upstream = { default: servers.scripted };
      const test = await startGateway({ upstreams: upstream });
      const { cutter, url } = await behindCutter(test.port);
      const client = await ManualClient.session(url, { maxQueueMessages: 5 });
      const started = test.nextEvent('request.started');
      const running = client.ask(toolCall('running', 'slow', { ms: 300, text: 'running' }));
      await started;
      cutter.bytes = () => 1;
      if (when === 'away') cutter.cutAll();
      else await test.gateway.close();
      await expect.poll(() => client.transport.state).not.toBe('open');
      const waiting = Array.from({ length: 5 }, (_, id) =>
        client.ask(toolCall(id + 1, 'echo', { text: `call ${id + 1}` })),
      );
      const overloaded = { error: { code: 31004, data: { code: 'SWB_OVERLOADED' } } };
      expect(await client.ask(toolCall(6, 'echo', { text: 'too many' }))).toMatchObject(overloaded);
      await expect(client.transport.send({ type: 'custom' })).rejects.toMatchObject({ code: 'SWB_OVERLOADED' });
      await expect(client.transport.send({ jsonrpc: '2.0', method: 'notifications/x' })).rejects.toThrow(
        '5 messages or 16777216 bytes',
      );
      if (when !== 'away') cutter.target = (await startGateway({ upstreams: upstream })).port;
      cutter.bytes = () => Infinity;
      expect((await Promise.all(waiting)).map(textOf)).toEqual([1, 2, 3, 4, 5].map((id) => `call ${id}`));
      if (when === 'away') expect(textOf(await running)).toBe('running');
      else expect(await running).toMatchObject({ error: { code: 31022 } });
    },
  );
});

describe('the time that a conversation is kept', () => {
  it('is the one that the server tells, not the one that the client would have guessed', async () => {
    const { url } = await listen({ resumeWindowMs: 30_000, onForeign: () => ({ type: 'ok' }) });
    const { cutter, url: through } = await behindCutter(Number(new URL(url).port));
    const client = await ManualClient.open(through, { resumeWindowMs: 50, giveUpAfterMs: 0 });
    await client.transport.send({ type: 'hi' });
    await client.transport.receive().next();
    cutter.bytes = () => 1;
    cutter.cutAll();
    // Three failed attempts take longer than the client's own time.
    const attempts = (): number => client.names.filter((name) => name === 'away').length;
    await expect.poll(attempts, { timeout: 10_000 }).toBeGreaterThan(3);
    cutter.bytes = () => Infinity;
    await expect.poll(() => client.states.at(-1), { timeout: 10_000 }).toMatchObject({ state: 'open', resumed: true });
  });
});

describe('a client that only listens', () => {
  it('is there for the server as soon as it is open, and again after the server was restarted', async () => {
    const first = await listen();
    const { cutter, url } = await behindCutter(Number(new URL(first.url).port));
    const client = await ManualClient.open(url);
    expect(await first.server.waitForClients(1, { timeoutMs: 5000 })).toBe(true);
    first.server.broadcast({ type: 'news' });
    expect((await client.transport.receive().next()).value).toEqual({ type: 'news' });
    const second = await listen();
    cutter.target = Number(new URL(second.url).port);
    await first.server.close();
    expect(await second.server.waitForClients(1, { timeoutMs: 5000 })).toBe(true);
    second.server.broadcast({ type: 'more' });
    expect((await client.transport.receive().next()).value).toEqual({ type: 'more' });
  });
});

describe('a server that was restarted', () => {
  it('is initialized again by the client, and only what was under way is lost, with an error', async () => {
    const first = await startGateway({ upstreams });
    const { cutter, url } = await behindCutter(first.port);
    const client = await ManualClient.session(url);
    const started = first.nextEvent('request.started');
    const lost = client.ask(toolCall(1, 'slow', { ms: 60_000 }));
    await started;
    const second = await startGateway({ upstreams });
    cutter.target = second.port;
    await first.gateway.close();
    expect(await lost).toMatchObject({ error: { code: 31022, data: { code: 'SWB_CONNECTION_LOST' } } });
    expect(textOf(await client.ask(toolCall(2, 'echo', { text: 'again' })))).toBe('again');
    expect(client.names).toEqual(['connecting', 'open', 'away', 'connecting', 'open']);
    expect(client.states.at(-1)).toMatchObject({ state: 'open', resumed: false, subprotocol: 'mcp.r1' });
    expect(second.gateway.stats.connections).toBe(1);
  });

  it('gets no answer to what the old one had asked', async () => {
    const heard: Json[] = [];
    const { raw, url } = await bare();
    raw.on('connection', (socket) => {
      socket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString()) as Json));
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'roots/list' }));
    });
    const client = await ManualClient.open(url);
    const question = { jsonrpc: '2.0', id: 1, result: { roots: ['first'] } };
    await client.next(({ method }) => method === 'roots/list');
    for (const socket of raw.clients) socket.close(1012);
    await expect.poll(() => client.names).toContain('away');
    await client.transport.send(question);
    await client.next(({ method }) => method === 'roots/list');
    await client.transport.send({ ...question, result: { roots: ['second'] } });
    await expect.poll(() => heard).toEqual([{ ...question, result: { roots: ['second'] } }]);
  });

  it('that stays away is given up after a time, and what waits is answered with an error', async () => {
    const { server, url } = await listen({ onForeign: () => ({ type: 'ok' }) });
    const client = await ManualClient.open(url, { giveUpAfterMs: 200, maxQueueMessages: 2 });
    await server.close();
    await expect.poll(() => client.names).toContain('away');
    await client.transport.send({ jsonrpc: '2.0', id: 1, method: 'a' });
    await client.transport.send({ jsonrpc: '2.0', id: 2, method: 'b' });
    expect(await client.ask({ jsonrpc: '2.0', id: 3, method: 'c' })).toMatchObject({ error: { code: 31004 } });
    await client.closed;
    expect(client.states.at(-1)).toMatchObject({ state: 'closed', reason: expect.stringContaining('200 ms') });
    await expect(client.transport.send({ type: 'late' })).rejects.toMatchObject({ code: 'SWB_CONNECTION_LOST' });
  });
});

describe('what a client does after a close code', () => {
  it.each([
    [1000, false],
    [1001, true],
    [1003, false],
    [1008, false],
    [1011, true],
    [1013, true],
    [3008, false],
    [4999, true],
  ])('%i: comes back is %s', async (code, returns) => {
    const { raw, url } = await bare();
    let connections = 0;
    raw.on('connection', (socket) => {
      if (++connections === 1) socket.close(code, 'for a test');
    });
    const client = await ManualClient.open(url);
    if (returns) await expect.poll(() => connections).toBe(2);
    else {
      await client.closed;
      expect(client.states.at(-1)).toMatchObject({ state: 'closed', code });
      expect(connections).toBe(1);
    }
  });
});

describe('what a client shows of itself', () => {
  it('is fetched again for each socket, in a header from Node and beside the subprotocols from a browser', async () => {
    const seen: unknown[] = [];
    const { url } = await listen({
      authenticate: ({ headers }, shown) => {
        seen.push({ ...shown, header: headers.authorization });
        return { principal: 'x' };
      },
    });
    let n = 0;
    const node = new WebSocketClientTransport(url, { token: () => `tökén ${++n}`.replace(/[^\x20-\x7e]/g, '-') });
    await node.start();
    await node.close();
    const browser = new BrowserTransport(url, { token: 'tökén/+=', ticket: async () => `ticket-${++n}` });
    await browser.start();
    await browser.close();
    expect(seen).toEqual([
      { bearer: 't-k-n 1', header: 'Bearer t-k-n 1' },
      { bearer: 'tökén/+=', ticket: 'ticket-2', header: undefined },
    ]);
  });
});

describe('connect', () => {
  it.each(['auto', 'legacy'] as const)('gives a ready client over what the address names, era %s', async (era) => {
    const test = await startGateway({ upstreams: { default: servers.demo } });
    const clients = [
      await connect(test.ws, { era }),
      await connect(test.http, { era }),
      await connect(servers.demo, { era }),
      await connectFromBrowser(test.ws, { era }),
      await connectFromBrowser(new URL(test.http), { era }),
    ];
    for (const client of clients) {
      expect(client.getProtocolEra()).toBe(era === 'auto' ? 'modern' : 'legacy');
      expect(await client.callTool({ name: 'add', arguments: { a: 20, b: 22 } })).toMatchObject({
        content: [{ type: 'text', text: '42' }],
      });
      await client.close();
    }
  });

  it.each(['ftp://x', 'nowhere', 'ws://127.0.0.1:1/mcp'])('to %s fails with what is wrong', async (target) => {
    await expect(connect(target)).rejects.toMatchObject({ code: 'SWB_CONNECT_FAILED' });
  });
});
