/** Accepts WebSocket upgrades of a `node:http` server. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';

import { WebSocketChannel } from './channel.ts';
import type { WebSocketLimits } from './channel.ts';

/** The subprotocol of MCP over WebSocket: the one that the official SDK's client offers. */
export const SUBPROTOCOL = 'mcp';

export interface AcceptorOptions extends WebSocketLimits {
  maxMessageBytes: number;
}

/** More fragments than an honest sender makes of one message; without a limit each costs memory (CVE-2026-48779). */
const MAX_FRAGMENTS = 1024;
/** How long the closing handshake may take before the socket is cut. */
const CLOSE_TIMEOUT_MS = 5000;

export class WebSocketAcceptor {
  readonly #server: WebSocketServer;
  readonly #options: AcceptorOptions;

  constructor(options: AcceptorOptions) {
    this.#options = options;
    const limits = { maxFragments: MAX_FRAGMENTS, closeTimeout: CLOSE_TIMEOUT_MS };
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.maxMessageBytes,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
      ...limits,
    });
  }

  /** Completes the handshake of a request that was let in. The channel is not started. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, onOpen: (channel: WebSocketChannel) => void): void {
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      onOpen(new WebSocketChannel(webSocket, this.#options, socket));
    });
  }
}

export function offeredSubprotocols(request: IncomingMessage): string[] {
  const header = request.headers['sec-websocket-protocol'];
  return header === undefined ? [] : header.split(',').map((name) => name.trim());
}
