/** Answers a WebSocket handshake that is refused, as the HTTP request that it is. */
import { ServerResponse } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** @returns the response to refuse it with; the socket ends when it is finished. */
export function upgradeRefusal(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request);
  response.assignSocket(socket as Socket);
  response.setHeader('sec-websocket-version', '13');
  // Not `end` alone: a client that does not hang up would keep its half of the socket for ever.
  response.once('finish', () => socket.end(() => socket.destroy()));
  return response;
}
