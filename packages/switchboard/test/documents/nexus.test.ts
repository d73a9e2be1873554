/** Nexus, "WebSocket Transport for MCP": one test for each thing that it names, in its order, done with Switchboard. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { McpServer } from '@modelcontextprotocol/server';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';

import { WebSocketClientTransport, connect } from '../../src/client.ts';
import { serveWebSocket } from '../../src/websocket.ts';
import { ask, http2 } from '../support/https.ts';
import { TestAuthority } from '../support/certificates.ts';
import { ended } from '../support/command.ts';
import { startCutter } from '../support/cutter.ts';
import { root, servers, startGateway } from '../support/gateway.ts';
import { WireClient, toolCall } from '../support/wire.ts';
import { dial, listen, receive } from '../support/websocket-library.ts';
import type { Json } from '../support/wire.ts';

/** A server with the workflow "my_tool". */
function withWorkflow(): McpServer {
  const server = new McpServer({ name: 'nexus', version: '1' });
  const inputSchema = z.object({ param: z.string() });
  server.registerTool('my_tool', { description: 'Workflow: my_tool', inputSchema }, ({ param }) => ({
    content: [{ type: 'text', text: `ran with ${param}` }],
  }));
  return server;
}

describe('Nexus: overview', () => {
  it('1. Multiple concurrent client connections', async () => {
    const { server, url } = await listen({ onForeign: ({ n }) => ({ n }) });
    const clients = await Promise.all(Array.from({ length: 20 }, () => dial(url)));
    expect(await server.waitForClients(20)).toBe(true);
    const answers = clients.map(async (client, n) => {
      await client.send({ n });
      return receive(client);
    });
    expect(await Promise.all(answers)).toEqual(clients.map((_, n) => ({ n })));
  });

  it('2. Message broadcasting capabilities', async () => {
    const { server, url } = await listen();
    const clients = [await dial(url), await dial(url), await dial(url)];
    await server.waitForClients(3);
    expect(server.broadcast({ type: 'hello all' })).toBe(3);
    for (const client of clients) expect(await receive(client)).toEqual({ type: 'hello all' });
  });

  it('3. Client session tracking', async () => {
    const { server, url } = await listen({ authenticate: (_, { bearer }) => ({ principal: bearer ?? 'nobody' }) });
    const ann = await dial(url, { token: 'ann' });
    await server.waitForClients(1);
    await ann.send({ type: 'hi' });
    await server.receive().next();
    const [client] = server.clients.values();
    expect(client).toMatchObject({ principal: 'ann', address: '127.0.0.1', since: expect.any(Date) });
    expect(client!.traffic.messagesIn).toBeGreaterThan(0);
    expect(server.clients.get(client!.id)).toBe(client);
    expect(Date.now() - client!.lastActivity).toBeLessThan(60_000);
  });

  it('4. Automatic connection management: clients are tracked as they come and go', async () => {
    const { server, url } = await listen();
    const events: string[] = [];
    server.on('connect', () => events.push('connect'));
    server.on('disconnect', (_, reason) => events.push(reason));
    const client = await dial(url);
    await server.waitForClients(1);
    await client.close();
    await expect.poll(() => server.clients.size).toBe(0);
    expect(events).toEqual(['connect', expect.stringContaining('1000')]);
  });

  it('5. Configurable message size limits, and large messages below them', async () => {
    const { url } = await listen({
      maxMessageBytes: 10 * 1024 * 1024,
      onForeign: ({ data }) => ({ characters: String(data).length }),
    });
    const client = await dial(url);
    await client.send({ data: 'x'.repeat(10 * 1024 * 1024 - 100) });
    expect(await receive(client)).toEqual({ characters: 10 * 1024 * 1024 - 100 });
    await client.send({ data: 'x'.repeat(10 * 1024 * 1024) });
    for await (const state of client.states) if (state.state === 'closed') expect(state.code).toBe(1009);
  });

  it('6. Built-in ping/pong for connection health', async () => {
    const { server, url } = await listen({ pingIntervalMs: 20 });
    const healthy = new WebSocket(url);
    onTestFinished(() => healthy.terminate());
    await Promise.all([once(healthy, 'ping'), once(healthy, 'open')]);
    const [client] = server.clients.values();
    await expect.poll(() => client!.traffic.latencyMs).toBeGreaterThan(0);
    const dead = new WebSocket(url, { autoPong: false });
    dead.on('error', () => {});
    await once(dead, 'open');
    await once(dead, 'close');
    await expect.poll(() => [...server.clients.values()]).toEqual([client]);
  });
});

describe('Nexus: quick start', () => {
  it('7. Basic server setup: MCPServer(host="0.0.0.0", port), register_workflow, start', async () => {
    // Every address, as the document does, and said to be meant.
    const everywhere = { host: '0.0.0.0', port: 0, path: '/', insecure: true };
    const server = await serveWebSocket(withWorkflow, everywhere);
    onTestFinished(() => server.close());
    const { port } = new URL(await server.listen());
    const client = await connect(`ws://127.0.0.1:${port}`);
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['my_tool']);
    await client.close();
  });

  it('8. Basic client setup: SimpleMCPClient connects, lists tools, calls one, disconnects', async () => {
    const server = await serveWebSocket(withWorkflow, { host: 'localhost', port: 0, path: '/' });
    onTestFinished(() => server.close());
    const client = await connect(await server.listen());
    const { tools } = await client.listTools();
    expect(tools).toMatchObject([{ name: 'my_tool', description: 'Workflow: my_tool' }]);
    const result = await client.callTool({ name: 'my_tool', arguments: { param: 'value' } });
    expect(result.content).toEqual([{ type: 'text', text: 'ran with value' }]);
    await client.close();
    await expect.poll(() => server.clients.size).toBe(0);
  });
});

describe('Nexus: advanced usage', () => {
  it('9. Custom message handler', async () => {
    const customHandler = async (message: Json): Promise<Json> =>
      message['type'] === 'custom_command'
        ? { type: 'custom_response', data: 'processed' }
        : { type: 'echo', original: message };
    const { url } = await listen({ onForeign: customHandler, maxMessageBytes: 10 * 1024 * 1024 });
    const client = await dial(url);
    await client.send({ type: 'custom_command' });
    expect(await receive(client)).toEqual({ type: 'custom_response', data: 'processed' });
    await client.send({ type: 'other', n: 1 });
    expect(await receive(client)).toEqual({ type: 'echo', original: { type: 'other', n: 1 } });
  });

  it('10. Broadcasting a notification, whose type is set automatically', async () => {
    const { server, url } = await listen();
    const clients = [await dial(url), await dial(url)];
    await server.waitForClients(2);
    const body = { event: 'server_update', data: { status: 'processing', queue_length: 5 } };
    expect(server.broadcastNotification(body)).toBe(2);
    for (const client of clients) expect(await receive(client)).toEqual({ type: 'notification', ...body });
    expect(body).not.toHaveProperty('type');
  });

  it('11. Sending a custom message to all clients', async () => {
    const { server, url } = await listen();
    const clients = [await dial(url), await dial(url)];
    await server.waitForClients(2);
    const message = { type: 'announcement', message: 'Server maintenance in 5 minutes' };
    expect(server.broadcast(message)).toBe(2);
    for (const client of clients) expect(await receive(client)).toEqual(message);
  });

  it('12. Get the number of connected clients', async () => {
    const { server, url } = await listen();
    expect(server.clients.size).toBe(0);
    const clients = [await dial(url), await dial(url)];
    await expect.poll(() => server.clients.size).toBe(2);
    await clients[0]!.close();
    await expect.poll(() => server.clients.size).toBe(1);
  });

  it('13. Wait for a minimum of clients, or for a timeout', async () => {
    const { server, url } = await listen();
    expect(await server.waitForClients(2, { timeoutMs: 20 })).toBe(false);
    const connected = server.waitForClients(2, { timeoutMs: 30_000 });
    await dial(url);
    await dial(url);
    expect(await connected).toBe(true);
  });

  it('14. Direct transport usage: handlers on both sides, and the client receives the response', async () => {
    const { server, url } = await listen({
      onForeign: async ({ action, data }) =>
        action === 'process_data' ? { type: 'response', sum: (data as number[]).reduce((a, b) => a + b) } : undefined,
    });
    const notifications: unknown[] = [];
    const client = await dial(url, {
      onForeign: async (message) => {
        if (message['type'] === 'notification') notifications.push(message['event']);
      },
    });
    await server.waitForClients(1);
    server.broadcastNotification({ event: 'first' });
    await client.send({ type: 'request', action: 'process_data', data: [1, 2, 3] });
    expect(await receive(client)).toEqual({ type: 'notification', event: 'first' });
    expect(await receive(client)).toEqual({ type: 'response', sum: 6 });
    expect(notifications).toEqual(['first']);
  });
});

describe('Nexus: features', () => {
  it('15. Connection state monitoring and status checking', async () => {
    const { url, server } = await listen();
    const client = new WebSocketClientTransport(url);
    expect(client.state).toBe('new');
    await client.start();
    expect(client.state).toBe('open');
    await server.close();
    await expect.poll(() => client.state).not.toBe('open');
    await client.close();
    expect(client.state).toBe('closed');
  });

  it('16. Graceful disconnection handling', async () => {
    const { url, server } = await listen();
    const left = once(server, 'disconnect');
    const client = await dial(url);
    const other = await dial(url);
    await client.close();
    expect(String((await left)[1])).toContain('1000');
    server.broadcast({ type: 'still here' });
    expect(await receive(other)).toEqual({ type: 'still here' });
    await expect(client.send({ type: 'late' })).rejects.toMatchObject({ code: 'SWB_CONNECTION_LOST' });
  });

  it('17. Configurable timeouts', async () => {
    const { url } = await listen({ idleTimeoutMs: 50, handshakeTimeoutMs: 1000 });
    const client = await dial(url);
    for await (const state of client.states) if (state.state === 'closed') expect(state.code).toBe(3008);
    const silent = new WebSocketServer({ port: 0, host: '127.0.0.1', verifyClient: () => {} });
    onTestFinished(() => silent.close());
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    const waiting = new WebSocketClientTransport(`ws://127.0.0.1:${port}`, { handshakeTimeoutMs: 50 });
    await expect(waiting.start()).rejects.toMatchObject({ code: 'SWB_CONNECT_FAILED' });
  });

  it('18. JSON message serialization', async () => {
    const { url } = await listen({ onForeign: ({ value }) => ({ value }) });
    const client = await dial(url);
    for (const value of [null, true, 1.5, 'é€😀', [1, [2]], { a: { b: 'c' } }]) {
      await client.send({ value });
      expect(await receive(client)).toEqual({ value });
    }
  });

  it('19. Error handling with proper responses', async () => {
    const { url, server } = await listen({
      plain: true,
      onForeign: () => {
        throw new Error('a secret of the server');
      },
    });
    server.on('error', () => {});
    const client = await WireClient.open(url, {}, []);
    client.send('{ no json');
    expect(await client.next(() => true)).toMatchObject({ type: 'error', code: 'SWB_INVALID_MESSAGE' });
    client.send({ type: 'x' });
    const answer = await client.next(() => true);
    expect(answer).toMatchObject({ type: 'error', error: 'Internal error' });
    expect(JSON.stringify(answer)).not.toContain('secret');
  });

  it('20. Selective client messaging', async () => {
    const { server, url } = await listen({ authenticate: (_, { bearer }) => ({ principal: bearer! }) });
    const [ann, ben] = [await dial(url, { token: 'ann' }), await dial(url, { token: 'ben' })];
    await server.waitForClients(2);
    const anns = [...server.clients.values()].find(({ principal }) => principal === 'ann')!;
    expect(server.send(anns, { type: 'for ann' })).toBe(true);
    expect(server.broadcast({ type: 'for ben' }, ({ principal }) => principal === 'ben')).toBe(1);
    server.broadcast({ type: 'end' });
    expect([await receive(ann), await receive(ann)]).toEqual([{ type: 'for ann' }, { type: 'end' }]);
    expect([await receive(ben), await receive(ben)]).toEqual([{ type: 'for ben' }, { type: 'end' }]);
  });

  it('21. Automatic reconnection support', async () => {
    const { server, port } = await listen({ onForeign: ({ n }) => ({ n }) });
    const cutter = await startCutter(port, () => Infinity);
    const client = await dial(`ws://127.0.0.1:${cutter.port}/mcp`);
    await client.send({ n: 1 });
    expect(await receive(client)).toEqual({ n: 1 });
    cutter.cutAll();
    await client.send({ n: 2 });
    expect(await receive(client)).toEqual({ n: 2 });
    expect(server.clients.size).toBe(1);
  });

  it('22. Background message receiving, handled asynchronously', async () => {
    const { server, url } = await listen();
    const seen: unknown[] = [];
    await dial(url, {
      onForeign: async ({ n }) => {
        await Promise.resolve();
        seen.push(n);
        return { handled: n };
      },
    });
    await server.waitForClients(1);
    for (const n of [1, 2, 3]) server.broadcast({ n });
    const received = server.receive();
    for (const n of [1, 2, 3]) expect((await received.next()).value).toMatchObject({ message: { handled: n } });
    expect(seen).toEqual([1, 2, 3]);
  });
});

describe('Nexus: configuration options', () => {
  it('23. WebSocketServerTransport: host, port, message_handler, max_message_size', async () => {
    const { url, port } = await listen({
      host: 'localhost',
      onForeign: () => ({ type: 'handled' }),
      maxMessageBytes: 100,
    });
    expect(port).toBeGreaterThan(0);
    expect(new URL(url).hostname).toBe('localhost');
    const client = await dial(url);
    await client.send({ type: 'x' });
    expect(await receive(client)).toEqual({ type: 'handled' });
    await client.send({ type: 'x'.repeat(100) });
    await expect.poll(() => client.state).toBe('closed');
  });

  it('24. WebSocketClientTransport: uri, message_handler, max_message_size', async () => {
    const { server, url } = await listen();
    const seen: unknown[] = [];
    const client = await dial(url, { onForeign: (message) => void seen.push(message), maxMessageBytes: 1000 });
    const failed = new Promise((resolve) => (client.onerror = resolve));
    await server.waitForClients(1);
    server.broadcast({ type: 'small' });
    server.broadcast({ type: 'x'.repeat(1000) });
    expect(await failed).toMatchObject({ code: 'SWB_MESSAGE_TOO_LARGE' });
    expect(seen).toEqual([{ type: 'small' }]);
    expect(() => new WebSocketClientTransport('no address')).toThrow('Invalid URL');
  });
});

describe('Nexus: error handling', () => {
  it('25. Server side: an invalid value is told, anything else is an internal error', async () => {
    const messageHandler = async ({ value }: Json): Promise<Json> => {
      try {
        if (typeof value !== 'number') throw new RangeError(`expected a number, got ${JSON.stringify(value)}`);
        if (value < 0) throw new Error('unexpected');
        return { type: 'success', result: value * 2 };
      } catch (error) {
        if (error instanceof RangeError) return { type: 'error', error: `Invalid value: ${error.message}` };
        return { type: 'error', error: 'Internal server error' };
      }
    };
    const { url } = await listen({ onForeign: messageHandler });
    const client = await dial(url);
    const answers: unknown[] = [];
    for (const value of [21, 'x', -1]) {
      await client.send({ value });
      answers.push(await receive(client));
    }
    expect(answers).toEqual([
      { type: 'success', result: 42 },
      { type: 'error', error: 'Invalid value: expected a number, got "x"' },
      { type: 'error', error: 'Internal server error' },
    ]);
  });

  it('26. Client side: a connection error and an unexpected one can be told apart', async () => {
    const { url } = await listen();
    const client = new WebSocketClientTransport(url);
    await expect(client.send({ type: 'x' })).rejects.toMatchObject({ code: 'SWB_CONNECTION_LOST' });
    await client.start();
    await expect(client.send('no object')).rejects.toMatchObject({ code: 'SWB_INVALID_MESSAGE' });
    await client.close();
    await expect(client.send({ type: 'x' })).rejects.toMatchObject({ code: 'SWB_CONNECTION_LOST' });
    const nobody = new WebSocketClientTransport('ws://127.0.0.1:1');
    await expect(nobody.start()).rejects.toMatchObject({
      code: 'SWB_CONNECT_FAILED',
      message: expect.stringContaining('127.0.0.1:1'),
    });
  });
});

describe('Nexus: migration guide', () => {
  it('27. From direct WebSockets to the transport, one side at a time', async () => {
    const handler = (message: Json): Json => ({ type: 'answer', to: message });
    const direct = new WebSocketServer({ host: 'localhost', port: 0 });
    direct.on('connection', (socket) =>
      socket.on('message', (data: Buffer) => socket.send(JSON.stringify(handler(JSON.parse(data.toString()) as Json)))),
    );
    await once(direct, 'listening');
    onTestFinished(() => direct.close());
    const { url } = await listen({ host: 'localhost', onForeign: handler });
    const message = { type: 'request' };
    for (const address of [`ws://localhost:${(direct.address() as { port: number }).port}`, url]) {
      const socket = new WebSocket(address);
      await once(socket, 'open');
      socket.send(JSON.stringify(message));
      const [data] = (await once(socket, 'message')) as [Buffer];
      expect(JSON.parse(data.toString())).toEqual({ type: 'answer', to: message });
      socket.close();
      const transport = await dial(address);
      await transport.send(message);
      expect(await receive(transport)).toEqual({ type: 'answer', to: message });
      await transport.close();
    }
  });

  it('28. Backward compatibility: use_transport=True and use_transport=False', async () => {
    const withTransport = await serveWebSocket(withWorkflow, { port: 0, path: '/' });
    onTestFinished(() => withTransport.close());
    const client = await connect(await withTransport.listen());
    expect((await client.listTools()).tools).toHaveLength(1);
    await client.close();
    const { url } = await listen({
      plain: true,
      onForeign: ({ type }) =>
        type === 'list_tools'
          ? { type: 'tools', tools: [{ name: 'my_tool' }] }
          : { type: 'error', error: `Unknown request type: ${String(type)}` },
    });
    const legacy = await WireClient.open(url, {}, []);
    legacy.send({ type: 'list_tools' });
    expect(await legacy.next(() => true)).toEqual({ type: 'tools', tools: [{ name: 'my_tool' }] });
    legacy.send({ type: 'x' });
    expect(await legacy.next(() => true)).toEqual({ type: 'error', error: 'Unknown request type: x' });
  });
});

describe('Nexus: best practices', () => {
  it('29. Monitor client connections, and shut down gracefully', async () => {
    const server = await serveWebSocket(
      () => {
        const mcp = new McpServer({ name: 'slow', version: '1' });
        mcp.registerTool('wait', {}, async () => {
          await new Promise((resolve) => setTimeout(resolve, 50));
          return { content: [{ type: 'text', text: 'waited' }] };
        });
        return mcp;
      },
      { port: 0 },
    );
    const client = await connect(await server.listen());
    const answer = client.callTool({ name: 'wait' });
    await expect.poll(() => [...server.clients.values()].map(({ inFlight }) => inFlight)).toEqual([1]);
    await server.close({ drainMs: 10_000 });
    expect((await answer).content).toEqual([{ type: 'text', text: 'waited' }]);
    expect(server.clients.size).toBe(0);
    await client.close();
  });
});

describe('Nexus: examples and testing', () => {
  it.each([
    ['30. The transport demo', ['websocket-direct', 'websocket-broadcast', 'websocket-custom-messages']],
    ['31. The demo of an MCP server with advanced features', ['in-process']],
  ])('%s runs and checks itself', async (_, names) => {
    for (const name of names) {
      const child = spawn(process.execPath, [join(root, 'examples', name, 'main.mjs')]);
      expect(await ended(child), name).toMatchObject({ code: 0, stderr: '' });
    }
  });

  it('32. The transport has unit and integration tests that one command runs', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Json };
    expect(scripts['test']).toEqual(expect.any(String));
    for (const file of ['transports/websocket-server.test.ts', 'e2e/resume.test.ts']) {
      const text = readFileSync(join(root, 'packages/switchboard/test', file), 'utf8');
      expect(text.match(/^\s+it(\.each)?\(/gm)!.length).toBeGreaterThan(9);
    }
  });
});

describe('Nexus: future enhancements', () => {
  it('33. WebSocket compression support', async () => {
    const { url } = await listen({ compression: true, onForeign: (message) => message });
    const socket = new WebSocket(url);
    await once(socket, 'open');
    expect(socket.extensions).toContain('permessage-deflate');
    const text = JSON.stringify({ data: 'x'.repeat(100_000) });
    socket.send(text);
    const [data] = (await once(socket, 'message')) as [Buffer];
    expect(data.toString()).toBe(text);
    const { bytesRead } = (socket as unknown as { _socket: { bytesRead: number } })._socket;
    expect(bytesRead).toBeLessThan(10_000);
    socket.close();
  });

  it('34. Connection rate limiting', async () => {
    const { url } = await listen({ maxConnectsPerMinute: 2 });
    await dial(url);
    await dial(url);
    const refused = new WebSocket(url);
    refused.on('error', () => {});
    const [, response] = (await once(refused, 'unexpected-response')) as [
      unknown,
      { statusCode: number; headers: Json },
    ];
    expect(response.statusCode).toBe(429);
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
    refused.terminate();
  });

  it('35. Message queuing for offline clients', async () => {
    const { server, url } = await listen({
      hold: 'principal',
      authenticate: (_, { bearer }) => ({ principal: bearer!, name: 'phone' }),
    });
    const first = await dial(url, { token: 'ann' });
    await server.waitForClients(1);
    await first.close();
    await expect.poll(() => server.clients.size).toBe(0);
    server.broadcast({ n: 1 });
    server.broadcastNotification({ n: 2 });
    const back = await dial(url, { token: 'ann' });
    expect([await receive(back), await receive(back)]).toEqual([{ n: 1 }, { type: 'notification', n: 2 }]);
  });

  it('36. Transport layer encryption, and WebSocket with HTTP/2 on one port', async () => {
    const authority = await TestAuthority.create();
    const { port } = await startGateway({ upstreams: { default: servers.demo }, ...authority.tls() });
    const tls = { ca: authority.ca };
    const client = await connect(`wss://localhost:${port}/mcp`, { tls });
    expect((await client.listTools()).tools.length).toBeGreaterThan(0);
    const session = http2(`https://localhost:${port}/mcp`, tls);
    const { status, body } = await ask(session, {
      headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'add' },
      body: {
        ...toolCall(
          1,
          'add',
          { a: 1, b: 2 },
          {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        ),
      },
    });
    expect([status, body]).toEqual([200, expect.stringContaining('"3"')]);
    await client.close();
    await expect(connect(`ws://localhost:${port}/mcp`)).rejects.toMatchObject({ code: 'SWB_CONNECT_FAILED' });
  });
});
