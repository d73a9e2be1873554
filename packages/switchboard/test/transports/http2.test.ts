/** Streams of HTTP/2 that are WebSockets, as far as no client can see it. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, constants } from 'node:http2';
import type { ServerHttp2Stream } from 'node:http2';
import { connect as connectSocket, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';

import { END_HEADERS, PREFACE, TYPE, blockOf, frameOf } from '../../../../scripts/fuzz/http2-frames.mjs';
import { SwitchboardError } from '../../src/protocol/errors.ts';
import { Http2Sessions } from '../../src/transports/http/http2.ts';
import { upgradeRefusal } from '../../src/transports/http/refuse.ts';
import { sendError } from '../../src/transports/http/reply.ts';

interface Upgrade {
  request: IncomingMessage;
  socket: Duplex;
  stream: ServerHttp2Stream;
}

const { continuation, data, headers, reset, settings } = TYPE;
const HELLO = Buffer.concat([PREFACE, frameOf(settings, 0, 0)]);
const ASKED = frameOf(
  headers,
  END_HEADERS,
  1,
  blockOf([
    [':method', 'CONNECT'],
    [':protocol', 'websocket'],
    [':scheme', 'http'],
    [':authority', 'localhost'],
    [':path', '/'],
  ]),
);

interface Served {
  port: number;
  sessions: Http2Sessions;
  /** The WebSockets that were asked for. */
  upgrades: Upgrade[];
  /** Takes no more; resolves when no connection is left. */
  end(): Promise<void>;
}

/** Takes connections without TLS, and answers nothing. */
async function serve(pingMs?: number): Promise<Served> {
  const upgrades: Upgrade[] = [];
  const handlers = {
    onRequest: () => {},
    onUpgrade: (request: IncomingMessage, socket: Duplex) => {
      socket.on('error', () => {});
      upgrades.push({ request, socket, stream: (request as unknown as { stream: ServerHttp2Stream }).stream });
    },
  };
  const sessions = new Http2Sessions(handlers, pingMs);
  const options = { allowHalfOpen: true };
  const server = createServer(options, (socket) => sessions.accept(socket as never)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    sessions.destroy();
    server.close();
  });
  const end = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
  return { port: (server.address() as AddressInfo).port, sessions, upgrades, end };
}

/** A client that writes these frames, and leaves the connection open whatever it hears. */
function write(port: number, ...frames: Buffer[]): Socket {
  const client = connectSocket({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {});
  onTestFinished(() => void client.destroy());
  client.resume().write(Buffer.concat([HELLO, ...frames]));
  return client;
}

/** Opens a WebSocket, sends bytes on it, and resets it. @returns the server's end when it has heard of that. */
async function resetUpgrade(bytes: number, code: number): Promise<Upgrade> {
  const { port, upgrades } = await serve();
  const sent = Array.from({ length: bytes / 10_000 }, () => frameOf(data, 0, 1, Buffer.alloc(10_000)));
  write(port, ASKED, ...sent, frameOf(reset, 0, 1, Buffer.from([0, 0, 0, code])));
  await expect.poll(() => upgrades[0]?.stream.closed).toBe(true);
  return upgrades[0]!;
}

describe.each([
  [0, constants.NGHTTP2_NO_ERROR],
  [0, constants.NGHTTP2_CANCEL],
  // For Node this one is not gone as long as its bytes are unread, but takes no answer any more.
  [40_000, constants.NGHTTP2_NO_ERROR],
  [40_000, constants.NGHTTP2_CANCEL],
])('a stream that was reset, with %i bytes unread and the code %i', (bytes, code) => {
  it('is gone after it was refused', async () => {
    const { request, socket, stream } = await resetUpgrade(bytes, code);
    sendError(upgradeRefusal(request, socket), new SwitchboardError('SWB_UNAUTHORIZED'));
    await expect.poll(() => [socket.destroyed, stream.destroyed]).toEqual([true, true]);
  });

  it('is gone after it was to be let in', async () => {
    const { socket, stream } = await resetUpgrade(bytes, code);
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n');
    await expect.poll(() => [socket.destroyed, stream.destroyed]).toEqual([true, true]);
  });
});

describe('a connection with a stream', () => {
  const expectEnded = ({ upgrades }: Served): Promise<void> =>
    expect.poll(() => upgrades.map(({ stream }) => stream.destroyed)).toEqual([true]);

  it('ends with its stream when the client has closed its half', async () => {
    const served = await serve();
    const client = write(served.port, ASKED);
    await expect.poll(() => served.upgrades.length).toBe(1);
    client.end();
    await once(client, 'end');
    await expectEnded(served);
  });

  it('ends when the client broke the protocol and does not hang up, although Node reads no more of it', async () => {
    const served = await serve(50);
    const client = write(served.port, ASKED, frameOf(continuation, 0, 3));
    await once(client, 'end');
    await expectEnded(served);
  });

  it('stays while the client answers pings, however long it says nothing else', async () => {
    const { port, upgrades } = await serve(30);
    const client = connect(`http://127.0.0.1:${port}`).on('error', () => {});
    onTestFinished(() => client.destroy());
    await once(client, 'remoteSettings');
    const head = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/' };
    client.request(head, { endStream: false }).on('error', () => {});
    for (let pings = 0; pings < 5; pings++) await once(client, 'ping');
    expect([client.closed, upgrades[0]?.stream.closed]).toEqual([false, false]);
  });

  it('is cut at the end, also when the client does not hang up', async () => {
    const served = await serve();
    write(served.port, ASKED);
    await expect.poll(() => served.upgrades.length).toBe(1);
    served.sessions.close();
    served.sessions.destroy();
    await served.end();
    await expectEnded(served);
  });
});
