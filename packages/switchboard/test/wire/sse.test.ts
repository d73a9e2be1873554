/** The SSE transport of 2024, which is deprecated: served to clients, and spoken with servers, that have nothing else. */
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { Server as ServerV1 } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { CallToolRequestSchema, ElicitRequestSchema, ElicitResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';

import { readConfig } from '../../src/cli/config.ts';
import type { UpstreamOptions } from '../../src/gateway/upstream-options.ts';
import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http, stream } from '../support/http.ts';
import { SseWire } from '../support/sse.ts';
import { WireClient, envelope, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };
const at = (test: TestGateway, path = '/sse'): string => new URL(path, test.http).href;
const errorOf = (body: string): Json => (JSON.parse(body) as { error: Json }).error;
const codeOf = (body: string): unknown => (errorOf(body)['data'] as Json)['code'];

describe('a client over SSE', () => {
  it('is told first where to POST, is answered there with 202, and hears everything on the stream', async () => {
    const test = await startGateway({ upstreams, sse: true });
    const client = await SseWire.open(at(test));
    expect([client.status, client.headers['content-type']]).toEqual([200, 'text/event-stream']);
    expect(await client.endpoint()).toMatch(/^\/messages\?session=[\w-]{22}$/);
    const answer = await client.post({ jsonrpc: '2.0', id: 'a', method: 'initialize', params: initializeParams() });
    expect(answer).toMatchObject({ status: 202, body: '' });
    expect((await client.answer('a'))['result']).toMatchObject({ serverInfo: { name: 'scripted' } });
    await client.post({ jsonrpc: '2.0', method: 'notifications/initialized' });
    const call = toolCall(1, 'slow', { ms: 60, steps: 3, text: 'x' }, { progressToken: 'p' });
    expect((await client.post(call)).status).toBe(202);
    expect(textOf(await client.answer(1))).toBe('x');
    expect(client.received.map(({ params }) => params)).toMatchObject(
      [1, 2, 3].map((progress) => ({ progressToken: 'p', progress })),
    );
    expect(client.names).toEqual(['endpoint', 'message', 'message', 'message', 'message', 'message']);
    expect(test.events).toContainEqual(expect.objectContaining({ type: 'connection.opened', transport: 'sse' }));
    client.destroy();
    await expectEmpty(test);
  });

  it('is asked on the stream, and answers by POST', async () => {
    const test = await startGateway({ upstreams, sse: true });
    const client = await SseWire.session(at(test), { elicitation: {} });
    await client.post(toolCall(1, 'ask', { message: 'well?' }));
    const { id, params } = await client.request('elicitation/create');
    expect(params).toMatchObject({ message: 'well?' });
    await client.post({ jsonrpc: '2.0', id, result: { action: 'decline' } });
    expect(textOf(await client.answer(1))).toBe('{"action":"decline"}');
  });

  it('that closes its stream has cancelled, and its session is gone', async () => {
    const test = await startGateway({ upstreams, sse: true, isolation: 'shared' });
    const [client, other] = [await SseWire.session(at(test)), await SseWire.session(at(test))];
    await client.post(toolCall(1, 'slow', { ms: 60_000, steps: 1000 }, { progressToken: 1 }));
    await client.notification('notifications/progress');
    const closed = test.nextEvent('connection.closed');
    client.destroy();
    expect((await closed).reason).toBe('the client hung up');
    expect(test.gateway.stats).toMatchObject({ connections: 1, exchanges: 0 });
    expect(JSON.parse(textOf(await other.call(1, 'seen')))).toContain('notifications/cancelled');
    const late = await client.post(toolCall(2, 'echo'));
    expect([late.status, late.headers['content-type']]).toEqual([404, 'application/json']);
    expect(codeOf(late.body)).toBe('SWB_SESSION_NOT_FOUND');
  });

  it('that is quiet for the idle time is let go, and so is everybody when Switchboard ends', async () => {
    const test = await startGateway({ upstreams, sse: true, idleTimeout: '300ms' });
    const quiet = await SseWire.session(at(test));
    await quiet.closed;
    expect((await quiet.post(toolCall(1, 'echo'))).status).toBe(404);
    const last = await SseWire.session(at(test));
    await test.gateway.close();
    await last.closed;
  });

  it('that never reads is cut, and others go on', async () => {
    const test = await startGateway({ upstreams, sse: true, maxQueueSize: '256KiB', isolation: 'shared' });
    const [deaf, other] = [await SseWire.session(at(test)), await SseWire.session(at(test))];
    deaf.pause();
    const closed = test.nextEvent('connection.closed');
    await Promise.all(Array.from({ length: 100 }, (_, n) => deaf.post(toolCall(n + 1, 'big', { bytes: 200_000 }))));
    expect((await closed).reason).toContain('reads too slowly');
    expect(textOf(await other.call(1, 'echo', { text: 'fine' }))).toBe('fine');
    expect((await deaf.post(toolCall(200, 'echo'))).status).toBe(404);
    expect(test.gateway.stats).toMatchObject({ connections: 1, exchanges: 0 });
  });

  it('that is quiet is sent comments', async () => {
    const test = await startGateway({ upstreams, sse: true, pingInterval: '50ms' });
    const answer = await fetch(at(test));
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.endsWith(': keep-alive\n\n')) text += (await reader.read()).value;
    expect(text).toMatch(/^event: endpoint\n/);
    await reader.cancel();
    await expectEmpty(test);
  });

  it('has a session for itself, at the upstream that its path named', async () => {
    const test = await startGateway({ upstreams: { one: servers.scripted, two: servers.scripted }, sse: true });
    const [one, two] = [await SseWire.session(at(test, '/sse/one')), await SseWire.session(at(test, '/sse/two'))];
    expect(await one.endpoint()).not.toBe(await two.endpoint());
    await Promise.all([one, two].map((client, n) => client.post(toolCall(1, 'echo', { text: String(n) }))));
    expect([textOf(await one.answer(1)), textOf(await two.answer(1))]).toEqual(['0', '1']);
    expect(test.events.flatMap((event) => (event.type === 'session.opened' ? [event.upstream] : []))).toEqual([
      'one',
      'two',
    ]);
    for (const [path, code] of [
      ['/sse/three', 'SWB_UPSTREAM_NOT_FOUND'],
      ['/sse/one/x', 'SWB_NOT_FOUND'],
      ['/ssex', 'SWB_NOT_FOUND'],
    ]) {
      const { status, body } = await http(at(test, path), { method: 'GET' });
      expect([status, codeOf(body)]).toEqual([404, code]);
    }
  });

  it.each<[string, Parameters<typeof http>[1], number, string]>([
    ['no JSON', { body: '{' }, 400, 'SWB_PARSE_ERROR'],
    ['a batch', { body: '[]' }, 400, 'SWB_INVALID_MESSAGE'],
    ['text/plain', { headers: { 'content-type': 'text/plain' }, body: '{}' }, 415, 'SWB_UNSUPPORTED_MEDIA_TYPE'],
    ['too much', { body: toolCall(1, 'echo', { text: 'x'.repeat(20_000) }) }, 413, 'SWB_MESSAGE_TOO_LARGE'],
    ['a foreign Origin', { headers: { origin: 'https://evil.example' }, body: '{}' }, 403, 'SWB_ORIGIN_REFUSED'],
    ['a foreign Host', { headers: { host: 'evil.example' }, body: '{}' }, 403, 'SWB_HOST_REFUSED'],
    ['GET', { method: 'GET' }, 405, 'SWB_METHOD_NOT_ALLOWED'],
  ])('is refused with JSON and a code, and goes on: %s', async (_, request, status, code) => {
    const test = await startGateway({ upstreams, sse: true, maxMessageSize: '10KiB' });
    const client = await SseWire.session(at(test));
    const answer = await http(at(test, await client.endpoint()), request);
    expect([answer.status, answer.headers['content-type'], codeOf(answer.body)]).toEqual([
      status,
      'application/json',
      code,
    ]);
    expect(textOf(await client.call(1, 'echo', { text: 'fine' }))).toBe('fine');
  });

  it.each<[string, Parameters<typeof http>[1], number, string]>([
    ['a foreign Origin', { headers: { origin: 'https://evil.example' } }, 403, 'SWB_ORIGIN_REFUSED'],
    ['a foreign Host', { headers: { host: 'evil.example' } }, 403, 'SWB_HOST_REFUSED'],
    ['an Accept of HTML', { headers: { accept: 'text/html' } }, 406, 'SWB_NOT_ACCEPTABLE'],
    ['POST', { method: 'POST', body: '{}' }, 405, 'SWB_METHOD_NOT_ALLOWED'],
  ])('gets no stream with %s', async (_, request, status, code) => {
    const test = await startGateway({ upstreams, sse: true });
    const answer = await http(at(test), { method: 'GET', ...request });
    expect([answer.status, codeOf(answer.body)]).toEqual([status, code]);
    if (status === 405) expect(answer.headers.allow).toBe('GET');
    await expectEmpty(test);
  });

  it('gets no session without its id', async () => {
    const test = await startGateway({ upstreams, sse: true });
    await SseWire.session(at(test));
    for (const path of ['/messages', '/messages?session=', `/messages?session=${'x'.repeat(22)}`]) {
      const { status, body } = await http(at(test, path), { body: toolCall(1, 'echo') });
      expect([status, codeOf(body)]).toEqual([404, 'SWB_SESSION_NOT_FOUND']);
    }
  });

  it('counts among the connections, and is refused with 503 when there are too many', async () => {
    const test = await startGateway({ upstreams, sse: true, maxConnections: 1 });
    const first = await SseWire.open(at(test));
    await first.endpoint();
    const { status, headers, body } = await http(at(test), { method: 'GET' });
    expect([status, headers['retry-after'], codeOf(body)]).toEqual([503, '5', 'SWB_CONNECTION_LIMIT']);
    first.destroy();
    await expectEmpty(test);
    await SseWire.session(at(test));
  });

  it('is not served unless it is asked for, and never where HTTP is not', async () => {
    const off = await startGateway({ upstreams });
    for (const path of ['/sse', '/sse/default', '/messages?session=x']) {
      for (const method of ['GET', 'POST']) {
        const { status, body } = await http(at(off, path), { method });
        expect([status, codeOf(body)]).toEqual([404, 'SWB_NOT_FOUND']);
      }
    }
    const { port } = await startGateway({ upstreams, sse: true, transport: 'websocket' });
    expect((await stream(`http://127.0.0.1:${port}/sse`, {})).status).toBe(404);
    const on = await startGateway({ upstreams, sse: true });
    await expect(WireClient.open(at(on).replace('http', 'ws'))).rejects.toThrow('404');
  });

  it('may be one on the official SDK', async () => {
    const test = await startGateway({ upstreams, sse: true });
    const client = new ClientV1({ name: 'old', version: '1' }, { capabilities: { elicitation: {} } });
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'decline' }));
    onTestFinished(() => client.close());
    await client.connect(new SSEClientTransport(new URL(at(test))));
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('echo');
    const progress: number[] = [];
    const slow = { name: 'slow', arguments: { ms: 60, steps: 3, text: 'x' } };
    const answer = await client.callTool(slow, undefined, { onprogress: (note) => progress.push(note.progress) });
    // This client loses a note that arrives together with the answer, so the last one is not certain.
    expect([answer['content'], progress.slice(0, 2)]).toEqual([[{ type: 'text', text: 'x' }], [1, 2]]);
    const asked = await client.callTool({ name: 'ask', arguments: { message: 'well?' } });
    expect(asked['content']).toMatchObject([{ text: '{"action":"decline"}' }]);
    await client.close();
    await expectEmpty(test);
  });
});

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

async function listen(listener: Listener, port = 0): Promise<Server & { url: string }> {
  const server = createServer((request, response) => void listener(request, response)).listen(port, '127.0.0.1');
  onTestFinished(() => (server.close(), server.closeAllConnections()));
  await once(server, 'listening');
  return Object.assign(server, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/sse` });
}

/** A server on the official SDK that has nothing else. `aborted` resolves when its tool `slow` was told to stop. */
class OldServer {
  readonly transports: Map<string, SSEServerTransport> = new Map();
  readonly seen: IncomingMessage[] = [];
  readonly aborted: Promise<void>;
  #onAbort!: () => void;

  constructor() {
    this.aborted = new Promise((resolve) => (this.#onAbort = resolve));
  }

  readonly listener: Listener = async (request, response) => {
    this.seen.push(request);
    if (request.method === 'GET') {
      const transport = new SSEServerTransport('/post/here', response);
      this.transports.set(transport.sessionId, transport);
      response.once('close', () => this.transports.delete(transport.sessionId));
      await this.#server().connect(transport);
      return;
    }
    const id = new URL(request.url ?? '', 'http://x').searchParams.get('sessionId') ?? '';
    const transport = this.transports.get(id);
    if (transport === undefined) response.writeHead(404).end();
    else await transport.handlePostMessage(request, response);
  };

  #server(): ServerV1 {
    const server = new ServerV1({ name: 'old', version: '1' }, { capabilities: { tools: {} } });
    server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
      const text = (said: string): { content: { type: 'text'; text: string }[] } => ({
        content: [{ type: 'text', text: said }],
      });
      switch (params.name) {
        case 'ask': {
          const asked = { message: 'well?', requestedSchema: { type: 'object' as const, properties: {} } };
          const answer = await extra.sendRequest({ method: 'elicitation/create', params: asked }, ElicitResultSchema);
          return text(answer.action);
        }
        case 'slow':
          await new Promise((resolve) => extra.signal.addEventListener('abort', resolve));
          this.#onAbort();
          return text('aborted');
        case 'big':
          return text('x'.repeat(Number(params.arguments?.['bytes'])));
        default: {
          const progressToken = extra._meta?.progressToken;
          if (progressToken !== undefined) {
            await extra.sendNotification({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
          }
          return text(String(params.arguments?.['text']));
        }
      }
    });
    return server;
  }
}

const using = (url: string): { upstreams: Record<string, UpstreamOptions>; sse: true } => ({
  upstreams: { default: { url, sse: true } },
  sse: true,
});

describe('a server over SSE', () => {
  it('is asked in the order of its client, and brings progress, questions and answers back', async () => {
    const old = new OldServer();
    const test = await startGateway(using((await listen(old.listener)).url));
    const client = await WireClient.session(test.ws, { elicitation: {} });
    expect(textOf(await client.call(1, 'echo', { text: 'x' }, { progressToken: 'mine' }))).toBe('x');
    expect(client.received).toMatchObject([{ params: { progressToken: 'mine', progress: 1 } }]);
    client.send(toolCall(2, 'ask'));
    const { id } = await client.request('elicitation/create');
    client.send({ jsonrpc: '2.0', id, result: { action: 'decline' } });
    expect(textOf(await client.answer(2))).toBe('decline');
    client.send(toolCall(3, 'slow'));
    client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 3 } });
    await old.aborted;
    client.socket.close();
    await expectEmpty(test);
    await expect.poll(() => old.transports.size).toBe(0);
  });

  it.each(['session', 'shared'] as const)('serves clients of every kind, isolation %s', async (isolation) => {
    const test = await startGateway({ ...using((await listen(new OldServer().listener)).url), isolation });
    const [legacy, modern, old] = [
      await WireClient.session(test.ws),
      await WireClient.open(test.ws),
      await SseWire.session(at(test)),
    ];
    expect(textOf(await legacy.call(1, 'echo', { text: 'legacy' }))).toBe('legacy');
    expect(textOf(await modern.call(1, 'echo', { text: 'modern' }, envelope()))).toBe('modern');
    expect(textOf(await old.call(1, 'echo', { text: 'old' }))).toBe('old');
  });

  it('may be another Switchboard', async () => {
    const far = await startGateway({ upstreams, sse: true });
    const test = await startGateway(using(at(far)));
    const client = await WireClient.session(test.ws, { elicitation: {} });
    const texts = Array.from({ length: 50 }, (_, n) => String(n));
    const answers = await Promise.all(texts.map((text, n) => client.call(n, 'echo', { text })));
    expect(answers.map(textOf)).toEqual(texts);
    client.socket.close();
    await expectEmpty(test);
    await expectEmpty(far);
  });

  it('gets its own headers only, with the stream and with every message', async () => {
    const old = new OldServer();
    const { url } = await listen(old.listener);
    const test = await startGateway({
      upstreams: { default: { url, sse: true, headers: { 'x-own': 'configured' } } },
      sse: true,
    });
    await SseWire.open(at(test), { authorization: 'Bearer callers' });
    const client = await SseWire.session(at(test));
    await client.call(1, 'echo');
    expect(new Set(old.seen.map(({ method }) => method))).toEqual(new Set(['GET', 'POST']));
    for (const { headers } of old.seen)
      expect([headers['x-own'], headers.authorization]).toEqual(['configured', undefined]);
  });

  it.each<[string, (old: OldServer, server: Server) => unknown]>([
    ['ended its stream', (old) => Promise.all([...old.transports.values()].map((each) => each.close()))],
    ['cut all connections', (_, server) => server.closeAllConnections()],
  ])('that %s is asked again for the next request, and what was running fails', async (_, end) => {
    const old = new OldServer();
    const server = await listen(old.listener);
    const test = await startGateway(using(server.url));
    const client = await WireClient.session(test.ws);
    client.send(toolCall(1, 'slow'));
    await client.call(2, 'echo', { text: 'x' });
    await end(old, server);
    const { error } = (await client.answer(1)) as { error: { code: number; message: string } };
    expect([error.code, error.message]).toEqual([31003, expect.stringContaining('the event stream ended')]);
    expect(textOf(await client.call(3, 'echo', { text: 'again' }))).toBe('again');
  });

  it('that forgot the session is asked again', async () => {
    const old = new OldServer();
    const test = await startGateway(using((await listen(old.listener)).url));
    const client = await WireClient.session(test.ws);
    await client.call(1, 'echo');
    old.transports.clear();
    expect((await client.call(2, 'echo'))['error']).toMatchObject({
      code: 31003,
      message: expect.stringContaining('no longer knows'),
    });
    expect(textOf(await client.call(3, 'echo', { text: 'again' }))).toBe('again');
  });

  it('that was restarted on its port is found again', async () => {
    const first = await listen(new OldServer().listener);
    const test = await startGateway(using(first.url));
    const client = await WireClient.session(test.ws);
    await client.call(1, 'echo');
    const gone = test.nextEvent('member.closed');
    first.close();
    first.closeAllConnections();
    await gone;
    expect((await client.call(2, 'echo'))['error']).toMatchObject({
      code: 31001,
      message: expect.stringContaining('ECONNREFUSED'),
    });
    await listen(new OldServer().listener, Number(new URL(first.url).port));
    expect(textOf(await client.call(3, 'echo', { text: 'again' }))).toBe('again');
  });

  it('that sends a message over the limit is ended, and restarted', async () => {
    const test = await startGateway({
      ...using((await listen(new OldServer().listener)).url),
      maxUpstreamMessageSize: '100KiB',
    });
    const client = await WireClient.session(test.ws);
    expect((await client.call(1, 'big', { bytes: 200_000 }))['error']).toMatchObject({
      code: 31003,
      message: expect.stringContaining('a message of more than'),
    });
    expect(textOf(await client.call(2, 'echo', { text: 'again' }))).toBe('again');
  });

  it.each<[string, Listener, string]>([
    [
      'redirects to another origin',
      (_, response) => response.writeHead(307, { location: 'http://127.0.0.1:9/elsewhere' }).end(),
      'HTTP status 307 to http://127.0.0.1:9/elsewhere, another origin',
    ],
    [
      'has no event stream',
      (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('hello'),
      'text/html',
    ],
    [
      'names an endpoint that is no URL',
      (_, response) => open(response).write('event: endpoint\ndata: http://[\n\n'),
      'is no URL',
    ],
    [
      'refuses the POST',
      (request, response) =>
        request.method === 'POST'
          ? response.writeHead(403).end('not you')
          : open(response).write('event: endpoint\ndata: ?x\n\n'),
      'HTTP status 403: not you',
    ],
    [
      'redirects the POST to a GET',
      (request, response) =>
        request.method === 'POST'
          ? response.writeHead(303, { location: '/elsewhere' }).end()
          : open(response).write('event: endpoint\ndata: ?x\n\n'),
      'HTTP status 303',
    ],
  ])('that %s is not available, and initialize says why', async (_, listener, message) => {
    const seen: string[] = [];
    const { url } = await listen((request, response) => (seen.push(request.url ?? ''), listener(request, response)));
    const test = await startGateway(using(url));
    const client = await WireClient.open(test.ws);
    client.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() });
    expect((await client.answer(1))['error']).toMatchObject({
      message: expect.stringContaining(message),
      data: { code: 'SWB_UPSTREAM_UNAVAILABLE' },
    });
    expect(seen).not.toContain('/elsewhere');
    client.socket.close();
    await expectEmpty(test);
  });

  it('that names an endpoint of another origin is refused, and nothing is sent there', async () => {
    let visits = 0;
    const other = await listen((_, response) => (visits++, response.writeHead(202).end()));
    const { url } = await listen((_, response) => open(response).write(`event: endpoint\ndata: ${other.url}\n\n`));
    const test = await startGateway(using(url));
    const client = await WireClient.open(test.ws);
    client.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() });
    const { error } = (await client.answer(1)) as { error: { message: string } };
    expect(error.message).toContain(`${new URL(other.url).origin}, another origin`);
    expect(visits).toBe(0);
  });

  it('that answers a POST only when its request is done can still be given answers to its questions', async () => {
    const posted: Json[] = [];
    let events: ServerResponse;
    const say = (message: Json): unknown => events.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
    const held: { id: unknown; response: ServerResponse }[] = [];
    const { url } = await listen(async (request, response) => {
      if (request.method === 'GET') {
        events = open(response);
        events.write('event: endpoint\ndata: /in\n\n');
        return;
      }
      let text = '';
      for await (const chunk of request) text += String(chunk);
      const message = JSON.parse(text) as Json;
      posted.push(message);
      if (message['method'] === 'tools/call') {
        held.push({ id: message['id'], response });
        say({ id: 'q', method: 'roots/list' });
        return;
      }
      response.writeHead(202).end();
      if (message['method'] === 'initialize') {
        const result = { protocolVersion: '2024-11-05', capabilities: {}, serverInfo: { name: 'x', version: '1' } };
        say({ id: message['id'], result });
      }
      if (message['id'] !== 'q') return;
      const { id, response: waiting } = held.shift()!;
      say({ id, result: { content: [{ type: 'text', text: JSON.stringify(message['result']) }] } });
      waiting.writeHead(202).end();
    });
    const test = await startGateway(using(url));
    const client = await WireClient.session(test.ws, { roots: {} });
    client.send(toolCall(1, 'x'));
    const { id } = await client.request('roots/list');
    client.send({ jsonrpc: '2.0', id, result: { roots: [] } });
    expect(textOf(await client.answer(1))).toBe('{"roots":[]}');
    expect(posted.map(({ method }) => method)).toEqual([
      'initialize',
      'notifications/initialized',
      'tools/call',
      undefined,
    ]);
  });
});

const open = (response: ServerResponse): ServerResponse =>
  response.writeHead(200, { 'content-type': 'text/event-stream' });

describe('a configuration with a server over SSE', () => {
  const text = (settings: Json = {}): string =>
    JSON.stringify({ ...settings, mcpServers: { old: { type: 'sse', url: 'http://127.0.0.1:1/sse' } } }, undefined, 1);
  const off = /switchboard\.json:4: mcpServers\.old\.type: the SSE transport of 2024 .* start with --sse/;

  it.each<[string, Json, Record<string, string>, Json]>([
    ['the file', { sse: true }, {}, {}],
    ['the environment', {}, { SWITCHBOARD_SSE: '1' }, {}],
    ['a flag', { sse: false }, { SWITCHBOARD_SSE: 'false' }, { sse: true }],
  ])('is read when %s turns it on', (_, settings, environment, flags) => {
    const { upstreams: read } = readConfig(text(settings), 'switchboard.json', environment, flags);
    expect(read).toEqual({ old: { url: 'http://127.0.0.1:1/sse', sse: true } });
  });

  it('is refused otherwise, with what to do', async () => {
    expect(() => readConfig(text(), 'switchboard.json', {}, {})).toThrow(off);
    const upstream = { url: 'http://127.0.0.1:1/sse', sse: true };
    await expect(startGateway({ upstreams: { old: upstream } })).rejects.toThrow(/upstreams\.old\.sse: .* --sse/);
  });

  it('cannot be over WebSocket or modern', async () => {
    const refused = async (upstream: UpstreamOptions, message: string): Promise<void> =>
      expect(startGateway({ upstreams: { old: upstream }, sse: true })).rejects.toThrow(message);
    await refused({ url: 'ws://127.0.0.1:1/sse', sse: true }, 'upstreams.old.url: expected a URL with http or https');
    await refused({ url: 'http://127.0.0.1:1/sse', sse: true, era: 'modern' }, 'upstreams.old.era: ');
  });
});
