/** Every kind of upstream, behind the same few requests: what differs is only where the server is. */
import { toNodeHandler } from '@modelcontextprotocol/node';
import { Server as ServerV1 } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, ElicitResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { McpServer, createMcpHandler } from '@modelcontextprotocol/server';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';

import type { UpstreamOptions } from '../../src/gateway/upstream-options.ts';
import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { WireClient, envelope, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

async function listen(listener: Listener, port = 0): Promise<Server & { url: string }> {
  const server = createServer((request, response) => void listener(request, response)).listen(port, '127.0.0.1');
  onTestFinished(() => (server.close(), server.closeAllConnections()));
  await once(server, 'listening');
  return Object.assign(server, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp` });
}

/** A modern server on the official SDK, with one tool that says what it was told and one that is slow. */
function modernServer(): McpServer {
  const server = new McpServer({ name: 'modern', version: '1' }, { instructions: 'be kind' });
  server.registerTool('echo', { inputSchema: z.object({ text: z.string() }) }, ({ text }) => ({
    content: [{ type: 'text', text }],
  }));
  const marked = z.object({ place: z.string().meta({ 'x-mcp-header': 'Place' }) });
  server.registerTool('marked', { inputSchema: marked }, ({ place }) => ({ content: [{ type: 'text', text: place }] }));
  server.registerTool('slow', { inputSchema: z.object({ ms: z.number() }) }, async ({ ms }, ctx) => {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      ctx.mcpReq.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        modernAborts++;
        reject(new Error('aborted'));
      });
    });
    return { content: [{ type: 'text', text: 'slept' }] };
  });
  return server;
}
let modernAborts = 0;

/** A legacy server with sessions on the official SDK v1: the shape that most remote servers have. */
function legacyHttp(seen: IncomingMessage[] = []): Listener {
  const transports = new Map<string, StreamableHTTPServerTransport>();
  return (request, response) => {
    void (async () => {
      seen.push(request);
      const id = request.headers['mcp-session-id'];
      let transport = typeof id === 'string' ? transports.get(id) : undefined;
      if (typeof id === 'string' && transport === undefined) {
        response.writeHead(404).end();
        return;
      }
      if (transport === undefined) {
        const fresh = new StreamableHTTPServerTransport({
          sessionIdGenerator: randomUUID,
          onsessioninitialized: (session) => void transports.set(session, fresh),
        });
        transport = fresh;
        const server = new ServerV1({ name: 'legacy', version: '1' }, { capabilities: { tools: {} } });
        server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
          if (params.name === 'ask') {
            const request = {
              method: 'elicitation/create',
              params: { message: 'well?', requestedSchema: { type: 'object', properties: {} } },
            } as const;
            return { content: [{ type: 'text', text: (await extra.sendRequest(request, ElicitResultSchema)).action }] };
          }
          if (params.name !== 'echo') throw new Error(`unknown tool ${params.name}`);
          const token = extra._meta?.progressToken;
          if (token !== undefined) {
            await extra.sendNotification({
              method: 'notifications/progress',
              params: { progressToken: token, progress: 1 },
            });
          }
          return { content: [{ type: 'text', text: String(params.arguments?.['text']) }] };
        });
        await server.connect(transport);
      }
      await transport.handleRequest(request, response);
    })();
  };
}

const modernCall = (id: unknown, name: string, args: Json): Json => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args, _meta: envelope() },
});

describe('an upstream that is', () => {
  const kinds: Record<string, () => Promise<UpstreamOptions>> = {
    'a legacy server over HTTP': async () => ({ url: (await listen(legacyHttp())).url }),
    'a modern server over HTTP': async () => ({
      url: (await listen(toNodeHandler(createMcpHandler(modernServer, { legacy: 'reject' })) as Listener)).url,
    }),
    'a server function in this process': async () => ({ server: modernServer }),
    'another Switchboard over WebSocket': async () => ({
      url: (await startGateway({ upstreams: { far: servers.scripted } })).ws,
    }),
    'another Switchboard over HTTP': async () => ({
      url: (await startGateway({ upstreams: { far: servers.scripted } })).http,
    }),
    'a command': async () => servers.scripted,
  };

  describe.each(Object.entries(kinds))('%s', (_, make) => {
    it.each(['session', 'shared'] as const)(
      'serves legacy and modern clients side by side, isolation %s',
      async (isolation) => {
        const { ws } = await startGateway({ isolation, upstreams: { default: await make() } });
        const clients = [await WireClient.session(ws), await WireClient.session(ws)];
        await Promise.all(
          clients.map(async (client, n) => {
            for (const id of [1, '1'])
              expect(textOf(await client.call(id, 'echo', { text: `${n} ${typeof id}` }))).toBe(`${n} ${typeof id}`);
          }),
        );
        const modern = await WireClient.open(ws);
        modern.send(modernCall(1, 'echo', { text: 'modern' }));
        expect((await modern.answer(1))['result']).toMatchObject({
          resultType: 'complete',
          content: [{ text: 'modern' }],
        });
        modern.send({ jsonrpc: '2.0', id: 2, method: 'server/discover', params: { _meta: envelope() } });
        expect((await modern.answer(2))['result']).toMatchObject({ supportedVersions: ['2026-07-28'] });
        modern.send(modernCall(3, 'nope', {}));
        expect(await modern.answer(3)).toSatisfy(
          (answer: Json) => 'error' in answer || (answer['result'] as Json)['isError'] === true,
        );
      },
    );
  });

  it('legacy over HTTP brings progress and questions to the one who asked', async () => {
    const { url } = await listen(legacyHttp());
    const { ws } = await startGateway({ upstreams: { default: { url } } });
    const client = await WireClient.session(ws, { elicitation: {} });
    await client.call(1, 'echo', { text: 'x' }, { progressToken: 'mine' });
    expect(client.received).toMatchObject([
      { method: 'notifications/progress', params: { progressToken: 'mine', progress: 1 } },
    ]);
    client.send(toolCall(2, 'ask'));
    const question = await client.request('elicitation/create');
    client.send({ jsonrpc: '2.0', id: question['id'], result: { action: 'cancel' } });
    expect(textOf(await client.answer(2))).toBe('cancel');
  });

  it('legacy over HTTP keeps its session though its event stream is cut again and again', async () => {
    const serve = legacyHttp();
    let streams = 0;
    const { url } = await listen((request, response) => {
      if (request.method !== 'GET') return serve(request, response);
      streams++;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      return response.end('retry: 5\n\n');
    });
    const test = await startGateway({ upstreams: { default: { url } } });
    const client = await WireClient.session(test.ws);
    await expect.poll(() => streams, { timeout: 10_000 }).toBeGreaterThan(8);
    expect(textOf(await client.call(1, 'echo', { text: 'the same' }))).toBe('the same');
    expect(test.events.filter(({ type }) => type === 'member.started')).toHaveLength(1);
  });

  it('legacy over HTTP and has forgotten its sessions is initialized again behind the back of the client', async () => {
    const first = await listen(legacyHttp());
    const { port } = first.address() as AddressInfo;
    const { ws } = await startGateway({ upstreams: { default: { url: first.url } } });
    const client = await WireClient.session(ws);
    await client.call(1, 'echo', { text: 'x' });
    first.closeAllConnections();
    first.close();
    await once(first, 'close');
    await listen(legacyHttp(), port);
    await expect
      .poll(async () => 'result' in (await client.call(randomUUID(), 'echo', { text: 'x' })), { timeout: 10_000 })
      .toBe(true);
  });

  it('modern over HTTP is told of a cancellation by the end of the stream', async () => {
    const handler = createMcpHandler(modernServer, { legacy: 'reject' });
    const { url } = await listen(toNodeHandler(handler) as Listener);
    const test = await startGateway({ upstreams: { default: { url } } });
    const client = await WireClient.session(test.ws);
    const before = modernAborts;
    const started = test.nextEvent('request.started');
    client.send(toolCall(1, 'slow', { ms: 60_000 }));
    await started;
    await client.call(2, 'echo', { text: 'x' });
    client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
    await expect.poll(() => modernAborts).toBe(before + 1);
    expect(test.gateway.stats.exchanges).toBe(0);
  });

  it('modern over HTTP is sent the headers that repeat a call and its marked arguments', async () => {
    const seen: IncomingMessage['headers'][] = [];
    const handler = toNodeHandler(createMcpHandler(modernServer, { legacy: 'reject' })) as Listener;
    const { url } = await listen((request, response) => {
      seen.push(request.headers);
      return handler(request, response);
    });
    const { ws } = await startGateway({ upstreams: { default: { url } } });
    const client = await WireClient.open(ws);
    client.send(modernCall(1, 'marked', { place: 'Zürich' }));
    expect((await client.answer(1))['result']).toMatchObject({ content: [{ text: 'Zürich' }] });
    const base64 = Buffer.from('Zürich').toString('base64');
    expect(seen.at(-1)).toMatchObject({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'marked',
      'mcp-param-place': `=?base64?${base64}?=`,
    });
  });

  it('remote never sees what the caller authenticated with, only its own headers', async () => {
    const seen: IncomingMessage[] = [];
    const { url } = await listen(legacyHttp(seen));
    const test = await startGateway({ upstreams: { default: { url, headers: { 'x-own': 'configured' } } } });
    const client = await WireClient.open(test.ws, {
      headers: { authorization: 'Bearer callers', cookie: 'a=b', 'x-own': 'callers' },
    });
    client.send({
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
    });
    await client.answer(0);
    expect(seen.length).toBeGreaterThan(0);
    for (const { headers } of seen) {
      expect([headers['x-own'], headers.authorization, headers.cookie]).toEqual(['configured', undefined, undefined]);
    }
  });
});

describe('the era of a server', () => {
  const started = (test: TestGateway): number => test.events.filter(({ type }) => type === 'member.started').length;
  const ask = async (test: TestGateway, id: number): Promise<Json> => {
    const client = await WireClient.open(test.ws);
    client.send(modernCall(id, 'echo', { text: 'x' }));
    return client.answer(id);
  };

  it('is found out on the child that serves, without a second one', async () => {
    const test = await startGateway({ isolation: 'shared', upstreams: { default: servers.scripted } });
    expect(await ask(test, 1)).toHaveProperty('result');
    expect(started(test)).toBe(1);
  });

  it('is legacy where a server exits at the question, which is asked only once', async () => {
    const strict = { ...servers.scripted, env: { STRICT: 'yes' } };
    const test = await startGateway({ isolation: 'shared', upstreams: { default: strict } });
    expect(await ask(test, 1)).toHaveProperty('result');
    expect(started(test)).toBe(2);
    const client = await WireClient.session(test.ws);
    await client.call(1, 'crash');
    expect(await ask(test, 2)).toHaveProperty('result');
    expect(started(test)).toBe(3);
  });

  it('is legacy where a server does not answer the question in time, and the same child is used', async () => {
    const silent = { ...servers.scripted, env: { SILENT: 'yes' } };
    const test = await startGateway({ isolation: 'shared', startTimeout: '500ms', upstreams: { default: silent } });
    expect(await ask(test, 1)).toHaveProperty('result');
    expect(started(test)).toBe(1);
  });

  it('is what the configuration says, where it says so', async () => {
    const legacy = { ...servers.demo, era: 'legacy' as const };
    const test = await startGateway({ isolation: 'shared', upstreams: { default: legacy } });
    expect(await ask(test, 1)).toHaveProperty('result');
    expect(test.events.find(({ type }) => type === 'member.ready')).toMatchObject({ era: 'legacy' });
  });
});
