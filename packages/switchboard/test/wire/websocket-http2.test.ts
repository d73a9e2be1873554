/** WebSocket over HTTP/2 (RFC 8441): each one a stream, among requests and others of its kind. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { END_HEADERS, PREFACE, TYPE, blockOf, frameOf } from '../../../../scripts/fuzz/http2-frames.mjs';
import { connect } from '../../src/client.ts';
import { TestAuthority } from '../support/certificates.ts';
import { startCutter } from '../support/cutter.ts';
import { frameRules } from '../support/frame-rules.ts';
import { scene } from '../support/frames.ts';
import type { Scene } from '../support/frames.ts';
import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http2Bridge } from '../support/http2-bridge.ts';
import { ask, http2 } from '../support/https.ts';
import { WireClient, initializeParams, textOf, toolCall } from '../support/wire.ts';

let authority: TestAuthority;
beforeAll(async () => {
  authority = await TestAuthority.create();
});

const upstreams = { default: servers.scripted };
const reach = async ({ http }: TestGateway): Promise<{ port: number; ws: string }> => {
  const { port } = await http2Bridge(http, authority.ca);
  return { port, ws: `ws://127.0.0.1:${port}/mcp` };
};
const bridged = (options: Record<string, unknown> = {}): Promise<Scene> =>
  scene(options, { options: authority.tls(), reach });

describe('WebSocket on a stream of HTTP/2', () => frameRules(bridged));

interface Asked {
  headers: IncomingHttpHeaders;
  stream: ClientHttp2Stream;
  body: string;
}

/** Asks for a WebSocket; resolves with what is answered, and with the body when it is refused. */
async function askForSocket(session: ClientHttp2Session, headers: Record<string, string> = {}): Promise<Asked> {
  const stream = session.request(
    {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':path': '/mcp',
      'sec-websocket-version': '13',
      'sec-websocket-protocol': 'mcp',
      ...headers,
    },
    { endStream: false },
  );
  stream.on('error', () => {});
  const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status'?: number }];
  let body = '';
  if (answer[':status'] !== 200) for await (const chunk of stream) body += String(chunk);
  return { headers: answer, stream, body };
}

describe('a WebSocket over HTTP/2', () => {
  it('is offered by the settings, and answered with 200, the subprotocol and nothing of HTTP/1.1', async () => {
    const { http } = await startGateway({ upstreams, ...authority.tls() });
    const session = http2(http, { ca: authority.ca });
    const [settings] = (await once(session, 'remoteSettings')) as [{ enableConnectProtocol?: boolean }];
    expect(settings.enableConnectProtocol).toBe(true);
    const { headers } = await askForSocket(session, { 'sec-websocket-protocol': 'mcp.r1, mcp' });
    expect(headers).toMatchObject({ ':status': 200, 'sec-websocket-protocol': 'mcp.r1' });
    expect(Object.keys(headers).toSorted()).toEqual([':status', 'date', 'sec-websocket-protocol']);
  });

  it('is refused with the status and the error of HTTP/1.1, and the connection goes on', async () => {
    const { http } = await startGateway({ upstreams, token: 'x'.repeat(32), ...authority.tls() });
    const session = http2(http, { ca: authority.ca });
    const bearer = { authorization: `Bearer ${'x'.repeat(32)}` };
    const codeOf = async (headers: Record<string, string>): Promise<unknown[]> => {
      const { headers: answer, body } = await askForSocket(session, headers);
      const { error } = JSON.parse(body) as { error: { data: Record<string, unknown> } };
      return [answer[':status'], error.data['code']];
    };
    expect(await codeOf({})).toEqual([401, 'SWB_UNAUTHORIZED']);
    expect(await codeOf({ ...bearer, origin: 'https://evil.example' })).toEqual([403, 'SWB_ORIGIN_REFUSED']);
    expect(await codeOf({ ...bearer, ':authority': 'evil.example' })).toEqual([403, 'SWB_HOST_REFUSED']);
    expect(await codeOf({ ...bearer, ':path': '/other' })).toEqual([404, 'SWB_NOT_FOUND']);
    expect(await codeOf({ ...bearer, 'sec-websocket-protocol': 'chat' })).toEqual([400, 'SWB_BAD_REQUEST']);
    expect(await codeOf({ ...bearer, 'sec-websocket-version': '12' })).toEqual([400, 'SWB_BAD_REQUEST']);
    expect(await codeOf({ ...bearer, ':protocol': 'connect-udp' })).toEqual([405, 'SWB_METHOD_NOT_ALLOWED']);
    const { headers } = await askForSocket(session);
    expect(headers['www-authenticate']).toMatch(/^Bearer/);
    expect((await askForSocket(session, bearer)).headers[':status']).toBe(200);
  });

  it('is no tunnel: CONNECT alone is refused', async () => {
    const { http, port } = await startGateway({ upstreams, ...authority.tls() });
    const session = http2(http, { ca: authority.ca });
    const stream = session.request({ ':method': 'CONNECT', ':authority': `127.0.0.1:${port}` }, { endStream: false });
    const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    expect(answer[':status']).toBe(405);
  });

  it('shares its connection with others and with requests, and each hears only its own', async () => {
    const test = await startGateway({ upstreams, isolation: 'shared', ...authority.tls() });
    const { port, session } = await http2Bridge(test.http, authority.ca);
    const clients = await Promise.all(
      Array.from({ length: 40 }, () => WireClient.session(`ws://127.0.0.1:${port}/mcp`)),
    );
    const opened = await ask(session, {
      body: { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() },
    });
    const headers = { 'mcp-session-id': String(opened.headers['mcp-session-id']) };
    const calls = clients.flatMap((client, n) =>
      [1, 2, 3].map(async (id) => [`${n} ${id}`, textOf(await client.call(id, 'echo', { text: `${n} ${id}` }))]),
    );
    const posted = ask(session, { headers, body: toolCall(1, 'echo', { text: 'posted' }) });
    for (const [said, heard] of await Promise.all(calls)) expect(heard).toBe(said);
    expect((await posted).body).toContain('posted');
    expect(test.gateway.stats.connections).toBe(41);
    session.destroy();
    await Promise.all(clients.map(({ closed }) => closed));
    await ask(http2(test.http, { ca: authority.ca }), { method: 'DELETE', headers });
    await expectEmpty(test, { members: 1 });
  });

  it('can be compressed, and large messages pass in both directions', async () => {
    const { http } = await startGateway({ upstreams, compression: true, ...authority.tls() });
    const { port } = await http2Bridge(http, authority.ca);
    const client = await WireClient.open(`ws://127.0.0.1:${port}/mcp`, { perMessageDeflate: true });
    expect(client.socket.extensions).toContain('permessage-deflate');
    client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    await client.answer(0);
    client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    // More than the windows of a stream and of a connection, and nothing that can be compressed.
    const text = randomBytes(1_500_000).toString('hex');
    expect(textOf(await client.call(1, 'echo', { text })) === text).toBe(true);
  });

  it('that is cut is resumed on another stream, and every call has its one answer', async () => {
    const test = await startGateway({ upstreams: { default: servers.demo }, ...authority.tls() });
    const { port } = await http2Bridge(test.http, authority.ca);
    const cutter = await startCutter(port, () => 2000 + Math.floor(Math.random() * 5000));
    const client = await connect(`ws://127.0.0.1:${cutter.port}/mcp`);
    const said = Array.from({ length: 300 }, (_, n) => `call ${n}`);
    const heard = await Promise.all(
      said.map(async (text) => textOf({ result: await client.callTool({ name: 'echo', arguments: { text } }) })),
    );
    expect(heard).toEqual(said);
    expect(cutter.cuts).toBeGreaterThan(10);
    // A goodbye that is cut off too would leave the conversation for its window: this one arrives.
    cutter.bytes = () => Infinity;
    cutter.cutAll();
    await client.listTools();
    await client.close();
    await expectEmpty(test);
  });

  it('ends with 1001 when the gateway does, and its connection with it', async () => {
    const { http, gateway } = await startGateway({ upstreams, ...authority.tls() });
    const { port, session } = await http2Bridge(http, authority.ca);
    const client = await WireClient.session(`ws://127.0.0.1:${port}/mcp`);
    const ended = once(session, 'close');
    await gateway.close();
    expect((await client.closed).code).toBe(1001);
    await ended;
  });

  it('that is reset before it is let in or refused ends nobody else', async () => {
    const test = await startGateway({ upstreams, ...authority.tls() });
    const witness = http2(test.http, { ca: authority.ca });
    let letIn!: () => void;
    const asked = new Promise<void>((resolve) => (letIn = resolve));
    let visits = 0;
    test.gateway.registerHooks({
      onConnect: async () => {
        await asked;
        if (++visits === 1) throw new Error('not you');
      },
    });
    const head = blockOf([
      [':method', 'CONNECT'],
      [':protocol', 'websocket'],
      [':scheme', 'https'],
      [':authority', 'localhost'],
      [':path', '/mcp'],
      ['sec-websocket-version', '13'],
      ['sec-websocket-protocol', 'mcp'],
    ]);
    // Reset without an error and with bytes unread, a stream is not gone for Node, but takes no answer any more.
    const streams = [1, 3].flatMap((stream) => [
      frameOf(TYPE.headers, END_HEADERS, stream, head),
      ...Array.from({ length: 3 }, () => frameOf(TYPE.data, 0, stream, Buffer.alloc(10_000))),
      frameOf(TYPE.reset, 0, stream, Buffer.alloc(4)),
    ]);
    const tls = { ca: authority.ca, ALPNProtocols: ['h2'] };
    const socket = connectTls({ port: test.port, host: '127.0.0.1', servername: 'localhost', ...tls });
    onTestFinished(() => void socket.destroy());
    await once(socket, 'secureConnect');
    const ping = Buffer.from('12345678');
    const frames = [PREFACE, frameOf(TYPE.settings, 0, 0), ...streams, frameOf(TYPE.ping, 0, 0, ping)];
    socket.write(Buffer.concat(frames));
    let heard = Buffer.alloc(0);
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      heard = Buffer.concat([heard, chunk as Buffer]);
      if (heard.includes(ping)) break;
    }
    letIn();
    expect((await ask(witness, { method: 'GET', path: '/healthz' })).status).toBe(200);
    await expectEmpty(test);
  });

  it('that is reset leaves nothing, and its connection goes on', async () => {
    const test = await startGateway({ upstreams, ...authority.tls() });
    const session = http2(test.http, { ca: authority.ca });
    const { stream } = await askForSocket(session);
    await expect.poll(() => test.gateway.stats.connections).toBe(1);
    stream.close(8);
    await expectEmpty(test);
    expect((await ask(session, { method: 'GET', path: '/healthz' })).status).toBe(200);
  });
});
