/** The WebSocket server as a library, without a gateway: spoken to by hand, and by clients of the official SDK. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { WebSocketClientTransport as WebSocketV1 } from '@modelcontextprotocol/sdk/client/websocket.js';
import { McpServer as ServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { Client as ClientV2 } from '@modelcontextprotocol/client';
import { McpServer } from '@modelcontextprotocol/server';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';

import { WebSocketClientTransport, connect } from '../../src/client.ts';
import { WebSocketServerTransport, serveWebSocket } from '../../src/websocket.ts';
import type { WebSocketClient, WebSocketServerOptions } from '../../src/websocket.ts';
import { WireClient, initializeParams } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

// The client of version 1 takes the platform's, which Node has from 22 on.
globalThis.WebSocket ??= WebSocket as never;

interface Running {
  server: WebSocketServerTransport;
  url: string;
}

async function listen(options: WebSocketServerOptions = {}): Promise<Running> {
  const server = new WebSocketServerTransport({ port: 0, ...options });
  onTestFinished(() => server.close());
  return { server, url: await server.listen() };
}

/** A server that tells whose it is, and answers slowly when asked to. */
function buildServer(client: WebSocketClient): McpServer {
  const server = new McpServer({ name: 'library', version: '1' });
  server.registerTool('whoami', { inputSchema: z.object({}) }, () => ({
    content: [{ type: 'text', text: client.principal }],
  }));
  server.registerTool('wait', { inputSchema: z.object({ ms: z.number() }) }, async ({ ms }) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return { content: [{ type: 'text', text: 'waited' }] };
  });
  return server;
}

describe('an address that others can reach', () => {
  const authenticate = (): { principal: string } => ({ principal: 'ann' });

  it.each<[string, WebSocketServerOptions, RegExp]>([
    ['nothing', {}, /authenticate; and TLS/],
    ['authentication alone', { authenticate }, /or give TLS/],
    ['a proxy alone', { behindProxy: true }, /or give the option authenticate/],
  ])('is not listened on with %s', async (_, options, message) => {
    const server = new WebSocketServerTransport({ host: '0.0.0.0', port: 0, ...options });
    onTestFinished(() => server.close());
    await expect(server.listen()).rejects.toThrow(message);
    await expect(server.listen()).rejects.toMatchObject({ code: 'SWB_PUBLIC_BIND' });
  });

  it.each<[string, WebSocketServerOptions]>([
    ['both', { authenticate, behindProxy: true }],
    ['an explicit word', { insecure: true }],
  ])('is listened on with %s', async (_, options) => {
    const { url } = await listen({ host: '0.0.0.0', ...options });
    const client = await WireClient.open(url.replace('0.0.0.0', '127.0.0.1'));
    expect(client.socket.readyState).toBe(client.socket.OPEN);
  });
});

const textIn = (answer: unknown): unknown => (answer as { content: { text: string }[] }).content[0]?.text;

describe('a server of the official SDK', () => {
  it('is served by a function, to clients of version 1 and 2 and in both eras at once, each with its own', async () => {
    const server = await serveWebSocket(buildServer, {
      port: 0,
      authenticate: (_, { bearer }) => ({ principal: bearer ?? 'nobody' }),
    });
    onTestFinished(() => server.close());
    const url = await server.listen();
    const v1 = new ClientV1({ name: 'v1', version: '1' });
    await v1.connect(new WebSocketV1(new URL(url)));
    const ours = new ClientV1({ name: 'v1', version: '1' });
    await ours.connect(new WebSocketClientTransport(url, { token: 'first' }) as never);
    const legacy = await connect(url, { token: 'legacy', era: 'legacy' });
    const modern = await connect(url, { token: 'modern' });
    expect(legacy.getProtocolEra()).toBe('legacy');
    expect(modern.getProtocolEra()).toBe('modern');
    const call = { name: 'whoami', arguments: {} };
    expect(textIn(await v1.callTool(call))).toBe('nobody');
    expect(textIn(await ours.callTool(call))).toBe('first');
    expect(textIn(await legacy.callTool(call))).toBe('legacy');
    expect(textIn(await modern.callTool(call))).toBe('modern');
    await Promise.all([v1.close(), ours.close(), legacy.close(), modern.close()]);
    await expect.poll(() => server.clients.size).toBe(0);
  });

  it('of version 1 connects to the transport of a client, and is told who it is', async () => {
    const { server, url } = await listen({
      authenticate: () => ({ principal: 'ann', authInfo: { token: 't', clientId: 'ann', scopes: ['all'] } }),
    });
    server.on('connect', (client) => {
      const mcp = new ServerV1({ name: 'v1', version: '1' });
      mcp.registerTool('scopes', { inputSchema: {} }, (_, { authInfo }) => ({
        content: [{ type: 'text', text: JSON.stringify(authInfo?.scopes) }],
      }));
      void mcp.connect(client.transport as never);
    });
    const client = new ClientV2({ name: 'v2', version: '1' });
    await client.connect(new WebSocketClientTransport(url) as never);
    expect(textIn(await client.callTool({ name: 'scopes', arguments: {} }))).toBe('["all"]');
    await client.close();
  });

  it('stands beside what an HTTP server serves, and leaves it when it is closed', async () => {
    const http = createServer((_, response) => response.end('a page')).listen(0, '127.0.0.1');
    await once(http, 'listening');
    onTestFinished(() => void http.close());
    const { port } = http.address() as AddressInfo;
    const server = await serveWebSocket(buildServer, { server: http, path: '/tools' });
    const client = await connect(`ws://127.0.0.1:${port}/tools`);
    expect(textIn(await client.callTool({ name: 'whoami', arguments: {} }))).toBe('anonymous');
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('a page');
    const elsewhere = new WebSocket(`ws://127.0.0.1:${port}/other`, 'mcp');
    const [error] = (await once(elsewhere, 'error')) as [Error];
    expect(error.message).toContain('404');
    await server.close();
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('a page');
    await client.close();
  });

  it('gets its time to answer when it is drained, and no longer', async () => {
    const server = await serveWebSocket(buildServer, { port: 0 });
    const url = await server.listen();
    const client = await connect(url);
    const quick = client.callTool({ name: 'wait', arguments: { ms: 1000 } });
    await expect.poll(() => [...server.clients.values()][0]?.inFlight).toBe(1);
    await server.close({ drainMs: 10_000 });
    expect(textIn(await quick)).toBe('waited');
    await client.close();

    const second = await serveWebSocket(buildServer, { port: 0 });
    const hasty = await WireClient.open(await second.listen());
    hasty.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    await hasty.answer(0);
    hasty.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait', arguments: { ms: 60_000 } } });
    await expect.poll(() => [...second.clients.values()][0]?.inFlight).toBe(1);
    await second.close({ drainMs: 50 });
    expect((await hasty.closed).code).toBe(1001);
  });
});

describe('clients', () => {
  it('are known by who they are and what has passed', async () => {
    const { server, url } = await listen({ pingIntervalMs: 20, onForeign: () => ({ type: 'ok' }) });
    const client = await WireClient.open(url, { headers: { 'user-agent': 'hand/1' } });
    client.send({ type: 'hi' });
    await client.next(({ type }) => type === 'ok');
    const [known] = [...server.clients.values()];
    expect(known).toMatchObject({ principal: 'anonymous', address: '127.0.0.1', userAgent: 'hand/1' });
    expect(known?.since).toBeInstanceOf(Date);
    expect(known?.traffic).toMatchObject({ messagesIn: 1, bytesIn: 13, messagesOut: 1, bytesOut: 13 });
    await expect.poll(() => known?.traffic.latencyMs).toBeGreaterThan(0);
    expect(known?.traffic.latencyMs).toBeLessThan(5000);
  });

  it('get what is broadcast to all, to some, or to one', async () => {
    const { server, url } = await listen({ authenticate: (_, { bearer }) => ({ principal: bearer ?? '' }) });
    const open = (name: string): Promise<WireClient> =>
      WireClient.open(url, { headers: { authorization: `Bearer ${name}` } });
    const [ann, bob] = [await open('ann'), await open('bob')];
    expect(await server.waitForClients(2)).toBe(true);
    expect(server.broadcast({ type: 'all' })).toBe(2);
    expect(server.broadcast({ type: 'some' }, ({ principal }) => principal === 'bob')).toBe(1);
    expect(server.broadcastNotification('notifications/tools/list_changed')).toBe(2);
    expect(server.broadcastNotification({ event: 'server_update' })).toBe(2);
    const to = [...server.clients.values()].find(({ principal }) => principal === 'ann')!;
    expect(server.send(to.id, { type: 'one' })).toBe(true);
    expect(server.send('nobody', { type: 'none' })).toBe(false);
    server.broadcast({ type: 'end' });
    await Promise.all([ann, bob].map((each) => each.next(({ type }) => type === 'end')));
    const changed = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };
    const update = { type: 'notification', event: 'server_update' };
    expect(ann.received).toEqual([{ type: 'all' }, changed, update, { type: 'one' }]);
    expect(bob.received).toEqual([{ type: 'all' }, { type: 'some' }, changed, update]);
  });

  it('are waited for, up to a time', async () => {
    const { server, url } = await listen();
    const came = server.waitForClients(2, { timeoutMs: 10_000 });
    await WireClient.open(url);
    expect(await server.waitForClients(2, { timeoutMs: 20 })).toBe(false);
    await WireClient.open(url);
    expect(await came).toBe(true);
    expect(server.listenerCount('connect')).toBe(0);
  });

  it('are announced when they come and go, with the reason', async () => {
    const { server, url } = await listen();
    const came = once(server, 'connect');
    const client = await WireClient.open(url);
    const [{ id }] = (await came) as [WebSocketClient];
    const left = once(server, 'disconnect');
    client.socket.close(1000, 'done');
    const [gone, reason] = (await left) as [WebSocketClient, string];
    expect([gone.id, reason]).toEqual([id, 'the socket closed (1000: done)']);
    expect(server.clients.size).toBe(0);
  });

  it('are refused beyond the limit, too often, from elsewhere, or without a name', async () => {
    const { url } = await listen({
      maxClients: 1,
      maxConnectsPerMinute: 4,
      authenticate: (_, { bearer, ticket }) => ((bearer ?? ticket) === 's3cret/=' ? { principal: 'x' } : undefined),
    });
    const status = async (protocols: string[], headers: Record<string, string> = {}): Promise<number | undefined> => {
      const socket = new WebSocket(url, protocols, { headers });
      onTestFinished(() => socket.terminate());
      return new Promise((resolve) => {
        socket.once('unexpected-response', (_, { statusCode }) => resolve(statusCode));
        socket.once('open', () => resolve(101));
        socket.on('error', () => {});
      });
    };
    expect(await status(['mcp'], { origin: 'http://evil.example' })).toBe(403);
    expect(await status(['mcp'])).toBe(401);
    const shown = await WireClient.open(url, {}, ['mcp', 'mcp.version.2025-11-25', 'mcp.auth.czNjcmV0Lz0']);
    expect(shown.socket.protocol).toBe('mcp');
    const second = await WireClient.open(url, {}, ['mcp.ticket.s3cret/='.replace(/[/=]/g, ''), 'mcp']).catch(String);
    expect(second).toContain('401');
    const third = await WireClient.open(url, { headers: { authorization: 'Bearer s3cret/=' } });
    expect(await third.closed).toMatchObject({ code: 1013, reason: expect.stringContaining('maxClients') });
    expect(await status(['mcp'])).toBe(429);
  });
});

describe('messages that are no JSON-RPC', () => {
  it('go to the handler, and its answer back to who sent them', async () => {
    const { url } = await listen({
      onForeign: async ({ type, data }) =>
        type === 'custom_command' ? { type: 'custom_response', data } : type === 'quiet' ? undefined : { type: 'echo' },
    });
    const [a, b] = [await WireClient.open(url), await WireClient.open(url)];
    a.send({ type: 'custom_command', data: 'a' });
    b.send({ type: 'custom_command', data: 'b' });
    a.send({ type: 'quiet' });
    a.send({ type: 'else' });
    await a.next(({ type }) => type === 'echo');
    expect(await a.next(({ type }) => type === 'custom_response')).toMatchObject({ data: 'a' });
    expect(await b.next(({ type }) => type === 'custom_response')).toMatchObject({ data: 'b' });
    expect(a.received).toEqual([]);
  });

  it('can be received one by one, with who sent them', async () => {
    const { server, url } = await listen();
    const client = await WireClient.open(url);
    client.send({ type: 'one' });
    client.send({ type: 'two' });
    const received = server.receive();
    const first = (await received.next()).value as { client: WebSocketClient; message: Json };
    expect(first.message).toEqual({ type: 'one' });
    first.client.send({ type: 'seen' });
    await client.next(({ type }) => type === 'seen');
    expect(((await received.next()).value as { message: Json }).message).toEqual({ type: 'two' });
    await server.close();
    expect(await received.next()).toEqual({ value: undefined, done: true });
  });

  it('whose handler fails are answered with a reference, and never with what went wrong', async () => {
    const { server, url } = await listen({
      onForeign: () => {
        throw new Error('the password is hunter2');
      },
    });
    const failed = once(server, 'error');
    const client = await WireClient.open(url);
    client.send({ type: 'boom' });
    const answer = await client.next(() => true);
    expect(answer).toEqual({ type: 'error', error: 'Internal error', reference: expect.any(String) });
    const [error, reference] = (await failed) as [Error, string];
    expect([error.message, reference]).toEqual(['the password is hunter2', answer['reference']]);
  });

  it('of other kinds get the error that tells what they are, and the connection goes on', async () => {
    const { url } = await listen({ onForeign: () => ({ type: 'ok' }) });
    const client = await WireClient.open(url);
    client.send('[]');
    expect(await client.next(({ error }) => error !== undefined)).toMatchObject({ error: { code: -32600 } });
    client.send('{');
    expect(await client.next(({ error }) => error !== undefined)).toMatchObject({ error: { code: -32700 } });
    client.send({ jsonrpc: '2.0', id: 7, method: 'tools/list' });
    expect(await client.answer(7)).toMatchObject({ error: { code: -32601 } });
    client.send({ type: 'x' });
    expect(await client.next(() => true)).toEqual({ type: 'ok' });
  });
});

describe('another protocol', () => {
  it('gets every text as it is, with the subprotocol that it knows, and nothing of MCP is served', async () => {
    const server = new WebSocketServerTransport({
      port: 0,
      subprotocols: ['other.v2'],
      onText: (text, { protocol }) => {
        if (text === 'fail') throw new Error('as the test wants it');
        texts.push(`${protocol}: ${text}`);
      },
    });
    const texts: string[] = [];
    onTestFinished(() => server.close());
    const failed = once(server, 'error');
    const url = await server.listen();
    for (const [offered, selected] of [
      [['unknown', 'other.v2'], 'other.v2'],
      [['unknown'], ''],
      [[], ''],
    ] as const) {
      const socket = new WebSocket(url, [...offered]);
      onTestFinished(() => socket.terminate());
      // A client that offers what is not known must end the connection itself (RFC 6455, section 4.1).
      if (offered.length > 0 && selected === '') {
        await expect(once(socket, 'open')).rejects.toThrow('no subprotocol');
        continue;
      }
      await once(socket, 'open');
      expect(socket.protocol).toBe(selected);
      for (const text of ['no JSON', '{"jsonrpc":"2.0","id":1,"method":"tools/list"}', 'fail']) socket.send(text);
    }
    await expect.poll(() => texts.length).toBe(4);
    expect(texts.toSorted()).toEqual([
      ': no JSON',
      ': {"jsonrpc":"2.0","id":1,"method":"tools/list"}',
      'other.v2: no JSON',
      'other.v2: {"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    ]);
    expect(((await failed) as [Error])[0].message).toBe('as the test wants it');
  });
});

describe('compression', () => {
  it('is agreed to only when it is switched on, and a bomb ends at the size limit', async () => {
    const plain = await listen();
    const off = await WireClient.open(plain.url, { perMessageDeflate: true });
    expect(off.socket.extensions).toBe('');
    const { url } = await listen({
      compression: true,
      maxMessageBytes: 1024 * 1024,
      onForeign: ({ text }) => ({ length: String(text).length }),
    });
    const client = await WireClient.open(url, { perMessageDeflate: true });
    expect(client.socket.extensions).toContain('permessage-deflate');
    client.send({ text: 'a'.repeat(1_000_000) });
    expect(await client.next(() => true)).toEqual({ length: 1_000_000 });
    const before = process.memoryUsage().rss;
    client.send({ text: 'a'.repeat(200_000_000) });
    expect((await client.closed).code).toBe(1009);
    // The sender holds the 200 MB here too; what the receiver inflates is at most the limit and a chunk.
    expect(process.memoryUsage().rss - before).toBeLessThan(700 * 1024 * 1024);
  });
});
