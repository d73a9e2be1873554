/** Streams of HTTP/2 that are WebSockets, as far as no client can see it. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { constants } from 'node:http2';
import type { ServerHttp2Stream } from 'node:http2';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
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

const { data, headers, reset, settings } = TYPE;
const ASKED = blockOf([
  [':method', 'CONNECT'],
  [':protocol', 'websocket'],
  [':scheme', 'http'],
  [':authority', 'localhost'],
  [':path', '/'],
]);

/** Opens a WebSocket, sends bytes on it, and resets it. @returns the server's end when it has heard of that. */
async function resetUpgrade(bytes: number, code: number): Promise<Upgrade> {
  const upgrades: Upgrade[] = [];
  const sessions = new Http2Sessions({
    onRequest: () => {},
    onUpgrade: (request, socket) => {
      socket.on('error', () => {});
      upgrades.push({ request, socket, stream: (request as unknown as { stream: ServerHttp2Stream }).stream });
    },
  });
  const server = createServer((socket) => sessions.accept(socket as never)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  onTestFinished(() => {
    client.destroy();
    sessions.destroy();
    server.close();
  });
  client
    .resume()
    .write(
      Buffer.concat([
        PREFACE,
        frameOf(settings, 0, 0),
        frameOf(headers, END_HEADERS, 1, ASKED),
        ...Array.from({ length: bytes / 10_000 }, () => frameOf(data, 0, 1, Buffer.alloc(10_000))),
        frameOf(reset, 0, 1, Buffer.from([0, 0, 0, code])),
      ]),
    );
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
