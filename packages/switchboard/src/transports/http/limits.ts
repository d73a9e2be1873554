/** What every HTTP connection is held to, whoever it is of: times in milliseconds. */
import cluster from 'node:cluster';
import type { Server, Socket } from 'node:net';

export const HTTP_LIMITS = {
  /** How long the head of a request may take to arrive; over TLS the handshake has its own time before. */
  headMs: 15_000,
  /** How long the whole of a request may take to arrive. */
  requestMs: 30_000,
  /** How long a connection without a request is kept. */
  idleMs: 75_000,
  /** How often overdue requests are looked for. */
  lookMs: 5000,
  /** The bytes of a request's line and headers together. */
  headBytes: 16_384,
  headers: 100,
  /** How often a client of HTTP/2 that waits for something is asked for a sign of life; without one by the next time it is cut off. */
  pingMs: 30_000,
  /** Requests and WebSockets at a time on one HTTP/2 connection. */
  streams: 100,
} as const;

/**
 * Drops connections beyond so many. For a process that shares its port by `node:cluster` Node does not do that: it hands a connection that is
 * too many from process to process, without a pause, until one of them has room.
 */
export function limitConnections(server: Server, most: number): void {
  if (cluster.isPrimary) {
    server.maxConnections = most;
    return;
  }
  let open = 0;
  server.prependListener('connection', (socket: Socket) => {
    if (open >= most) {
      socket.destroy();
      return;
    }
    open++;
    socket.once('close', () => open--);
  });
}
