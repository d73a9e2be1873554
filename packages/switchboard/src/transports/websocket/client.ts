/** Opens a channel to a WebSocket server. */
import { WebSocket } from 'ws';

import { SwitchboardError } from '../../protocol/errors.ts';
import { WebSocketChannel } from './channel.ts';
import type { WebSocketLimits } from './channel.ts';
import type { Channel } from '../channel.ts';
import { RESUMABLE } from './control.ts';
import { resumable } from './dialer.ts';
import { SUBPROTOCOLS } from './server.ts';

const RESUME_WINDOW_MS = 120_000;

/** What a client does that is told nothing else. */
export const CLIENT_DEFAULTS: WebSocketLimits & { maxMessageBytes: number; handshakeTimeoutMs: number } = {
  maxMessageBytes: 64 * 1024 * 1024,
  maxQueueMessages: 1000,
  maxQueueBytes: 16 * 1024 * 1024,
  pingIntervalMs: 25_000,
  handshakeTimeoutMs: 15_000,
};

export interface WebSocketClientOptions extends WebSocketLimits {
  headers?: Record<string, string>;
  maxMessageBytes: number;
  /** How long to try to come back after the socket was cut, in ms. @default 120000 */
  resumeWindowMs?: number;
  /** How long the handshake may take, in ms. */
  handshakeTimeoutMs: number;
}

/**
 * Connects, and where the server can do it, stays connected: a socket that was cut is replaced, and nothing is lost or doubled.
 *
 * @throws {SwitchboardError} `SWB_CONNECT_FAILED` with the address and what went wrong.
 */
export async function connectWebSocket(url: URL, options: WebSocketClientOptions): Promise<Channel> {
  const { channel, protocol } = await dial(url, options);
  if (protocol !== RESUMABLE) return channel;
  return resumable(channel, {
    windowMs: options.resumeWindowMs ?? RESUME_WINDOW_MS,
    maxMessages: options.maxQueueMessages,
    maxBytes: options.maxQueueBytes,
    dial: async () => {
      const again = await dial(url, options);
      if (again.protocol === RESUMABLE) return again.channel;
      again.channel.close();
      throw new SwitchboardError('SWB_CONNECT_FAILED', { detail: `${url.origin} cannot resume any more` });
    },
  });
}

async function dial(
  url: URL,
  options: WebSocketClientOptions,
): Promise<{ channel: WebSocketChannel; protocol: string }> {
  const socket = new WebSocket(url, [...SUBPROTOCOLS], {
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
  return { channel: new WebSocketChannel(socket, options), protocol: socket.protocol };
}
