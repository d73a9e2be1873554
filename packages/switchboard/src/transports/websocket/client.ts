/** Opens a channel to a WebSocket server. */
import { WebSocket } from 'ws';

import { SwitchboardError } from '../../protocol/errors.ts';
import { WebSocketChannel } from './channel.ts';
import type { WebSocketLimits } from './channel.ts';
import { SUBPROTOCOL } from './server.ts';

export interface WebSocketClientOptions extends WebSocketLimits {
  headers?: Record<string, string>;
  maxMessageBytes: number;
  /** How long the handshake may take, in ms. */
  handshakeTimeoutMs: number;
}

/** @throws {SwitchboardError} `SWB_CONNECT_FAILED` with the address and what went wrong. */
export async function connectWebSocket(url: URL, options: WebSocketClientOptions): Promise<WebSocketChannel> {
  const socket = new WebSocket(url, SUBPROTOCOL, {
    ...(options.headers !== undefined && { headers: options.headers }),
    handshakeTimeout: options.handshakeTimeoutMs,
    maxPayload: options.maxMessageBytes,
    perMessageDeflate: false,
    followRedirects: false,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', (cause) => {
      const detail = `${url.origin}${url.pathname}: ${cause.message || (cause as NodeJS.ErrnoException).code}`;
      reject(new SwitchboardError('SWB_CONNECT_FAILED', { detail, cause }));
    });
  });
  return new WebSocketChannel(socket, options);
}
