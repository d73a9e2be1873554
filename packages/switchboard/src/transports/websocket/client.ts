/** Opens a channel to a WebSocket server, from Node. */
import type { LookupFunction } from 'node:net';
import { WebSocket } from 'ws';

import { SwitchboardError } from '../../protocol/errors.ts';
import type { Channel } from '../channel.ts';
import { failureText, statusText } from '../failure.ts';
import { readRefusal } from '../http/answer.ts';
import { shown } from '../http/remote.ts';
import type { Tunnel } from '../proxy.ts';
import type { ClientTls } from '../tls/client-tls.ts';
import type { WebSocketLimits } from './channel.ts';
import { connectSocket } from './dialer.ts';
import { NodeSocket } from './node-socket.ts';
import type { Socket } from './socket.ts';
import { OFFERED, SUBPROTOCOL } from './subprotocols.ts';

export interface NodeDialOptions {
  headers?: Readonly<Record<string, string>>;
  /** Offered beside those of MCP. */
  protocols?: readonly string[];
  maxMessageBytes: number;
  /** How long the handshake may take, in ms. */
  handshakeTimeoutMs: number;
  /** Offer permessage-deflate. @default false */
  compression?: boolean;
  /** What is shown and trusted where the server speaks TLS. */
  tls?: ClientTls | undefined;
  /** Whether a server is refused that selects no subprotocol. @default 'optional' */
  subprotocol?: 'optional' | 'required';
  /** Finds the address of the server's name. @default the system's */
  lookup?: LookupFunction;
  /** Leads through a proxy. @default a direct connection */
  tunnel?: Tunnel;
}

export interface WebSocketClientOptions extends WebSocketLimits, NodeDialOptions {
  /** How long to try to come back after the socket was cut, in ms. */
  resumeWindowMs: number;
  /** The socket was cut, and is dialled again after this wait. */
  onAway?: (waitMs: number) => void;
  /** The conversation goes on. */
  onResumed?: () => void;
}

/** What a client does that is told nothing else. */
export const CLIENT_DEFAULTS: WebSocketLimits & {
  maxMessageBytes: number;
  handshakeTimeoutMs: number;
  resumeWindowMs: number;
} = {
  maxMessageBytes: 64 * 1024 * 1024,
  maxQueueMessages: 1000,
  maxQueueBytes: 16 * 1024 * 1024,
  // Two may be missed: a server that is gone is noticed within 30 s.
  pingIntervalMs: 10_000,
  handshakeTimeoutMs: 15_000,
  resumeWindowMs: 120_000,
};

/**
 * Connects, and where the server can do it, stays connected: a socket that was cut is replaced, and nothing is lost or doubled.
 *
 * @throws {SwitchboardError} `SWB_CONNECT_FAILED` with the address and what went wrong.
 */
export function connectWebSocket(url: URL, options: WebSocketClientOptions): Promise<Channel> {
  return connectSocket({ ...options, dial: () => dialNode(url, options) });
}

/** @throws {SwitchboardError} `SWB_CONNECT_FAILED` with the address and what went wrong. */
export async function dialNode(url: URL, options: NodeDialOptions): Promise<Socket> {
  const { headers, protocols = [], compression = false, subprotocol = 'optional', tls, lookup, tunnel } = options;
  const socket = new WebSocket(url, [...OFFERED, ...protocols], {
    ...(headers !== undefined && { headers }),
    ...tls,
    ...(lookup !== undefined && { lookup }),
    ...(tunnel !== undefined && { agent: tunnel.agent(url.protocol === 'wss:' ? 'https:' : 'http:', tls) }),
    handshakeTimeout: options.handshakeTimeoutMs,
    maxPayload: options.maxMessageBytes,
    perMessageDeflate: compression,
    followRedirects: false,
  });
  let selected: string | undefined;
  socket.once('upgrade', (response) => {
    selected = response.headers['sec-websocket-protocol'] ?? '';
    // A server may leave the subprotocol out (RFC 6455, section 4.2.2), which `ws` refuses.
    if (selected === '' && subprotocol === 'optional') response.headers['sec-websocket-protocol'] = SUBPROTOCOL;
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => {
      // What the server says at once waits until somebody listens.
      socket.pause();
      resolve();
    });
    socket.once('unexpected-response', (_request, response) => {
      readRefusal(response, (said) => {
        const { statusCode: status = 0 } = response;
        const detail = `${shown(url)}: ${statusText(status, said)}`;
        reject(new SwitchboardError('SWB_CONNECT_FAILED', { detail, data: { status } }));
        socket.terminate();
      });
    });
    socket.once('error', (cause) => {
      const detail = `${shown(url)}: ${failureText(cause)}`;
      reject(new SwitchboardError('SWB_CONNECT_FAILED', { detail, cause }));
    });
  });
  return new NodeSocket(socket, selected === undefined ? {} : { protocol: selected });
}
