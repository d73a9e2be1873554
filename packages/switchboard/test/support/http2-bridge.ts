/**
 * A way in over HTTP/2 for clients that only speak HTTP/1.1: every WebSocket that is asked for here becomes a stream of one connection
 * to a gateway (RFC 8441). What holds for a WebSocket can so be tested over both, by the same client.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { onTestFinished } from 'vitest';

import { http2 } from './https.ts';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const NOT_OF_HTTP2 = ['host', 'connection', 'upgrade', 'sec-websocket-key'];

/** @returns the port of the bridge, which ends with the test. */
export async function http2Bridge(url: string, ca: string): Promise<{ port: number; session: ClientHttp2Session }> {
  const session = http2(url, { ca });
  await once(session, 'remoteSettings');
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => receive(session, socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, session };
}

function receive(session: ClientHttp2Session, socket: Socket): void {
  let bytes = Buffer.alloc(0);
  const take = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk]);
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return;
    socket.off('data', take).pause();
    socket.unshift(bytes.subarray(end + 4));
    carry(session, socket, bytes.toString('latin1', 0, end));
  };
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {}).on('data', take);
}

function carry(session: ClientHttp2Session, socket: Socket, head: string): void {
  const [line = '', ...lines] = head.split('\r\n');
  const headers = lines.map((field) => [/^[^:]+/.exec(field)![0].toLowerCase(), field.replace(/^[^:]+:\s*/, '')]);
  const value = (name: string): string => headers.find(([given]) => given === name)?.[1] ?? '';
  const stream = session.request(
    {
      ...Object.fromEntries(headers.filter(([name]) => !NOT_OF_HTTP2.includes(name!))),
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':path': line.split(' ')[1],
      ':authority': value('host'),
    },
    { endStream: false },
  );
  stream.on('error', () => {});
  stream.once('response', (answer) => {
    const { ':status': status, ...rest } = answer;
    const isUpgraded = status === 200;
    const accept = createHash('sha1')
      .update(`${value('sec-websocket-key')}${GUID}`)
      .digest('base64');
    const told = isUpgraded
      ? [['Upgrade', 'websocket'], ['Connection', 'Upgrade'], ['Sec-WebSocket-Accept', accept], ...Object.entries(rest)]
      : Object.entries(rest);
    const text = told.map(([name, said]) => `${name}: ${String(said)}\r\n`).join('');
    socket.write(
      `HTTP/1.1 ${isUpgraded ? 101 : status} ${isUpgraded ? 'Switching Protocols' : 'Refused'}\r\n${text}\r\n`,
    );
    join(stream, socket);
  });
  socket.once('close', () => stream.close(stream.writableFinished ? 0 : 8));
  stream.once('close', () => {
    if (stream.rstCode !== 0) socket.destroy();
  });
}

function join(stream: ClientHttp2Stream, socket: Socket): void {
  socket.pipe(stream);
  stream.pipe(socket);
}
