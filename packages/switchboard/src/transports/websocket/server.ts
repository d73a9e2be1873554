/** Accepts WebSocket upgrades of a `node:http` server. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';

import type { Channel } from '../channel.ts';
import { WebSocketChannel } from './channel.ts';
import type { WebSocketLimits } from './channel.ts';
import { RESUMABLE } from './control.ts';
import { Resumptions } from './resumptions.ts';

/** The subprotocol of MCP over WebSocket: the one that the official SDK's client offers. */
export const SUBPROTOCOL = 'mcp';
/** What is selected, by preference. */
export const SUBPROTOCOLS: readonly string[] = [RESUMABLE, SUBPROTOCOL];

export interface AcceptorOptions extends WebSocketLimits {
  maxMessageBytes: number;
  /** How long a client that was cut off may stay away, in ms. */
  resumeWindowMs: number;
  /** A handshake that is none; `socket` is to be answered and ended. */
  onUnreadable(request: IncomingMessage, socket: Duplex, what: string): void;
}

/** More fragments than an honest sender makes of one message; without a limit each costs memory (CVE-2026-48779). */
const MAX_FRAGMENTS = 1024;
/** More pieces than a network makes of the largest message; each costs memory beyond its bytes. */
const MAX_CHUNKS = 16_384;
/** How long a client that can resume may take to say its first words. */
const FIRST_MESSAGE_MS = 15_000;
/** Messages are confirmed in groups: so many wait for it even when nothing is wrong. */
const LEAST_KEPT = 64;
/** How long the closing handshake may take before the socket is cut. */
const CLOSE_TIMEOUT_MS = 5000;

export class WebSocketAcceptor {
  readonly #server: WebSocketServer;
  readonly #options: AcceptorOptions;
  readonly #resumptions: Resumptions;

  constructor(options: AcceptorOptions) {
    this.#options = options;
    const { maxQueueMessages, maxQueueBytes, resumeWindowMs } = options;
    this.#resumptions = new Resumptions({
      windowMs: resumeWindowMs,
      firstMessageMs: FIRST_MESSAGE_MS,
      maxMessages: Math.max(maxQueueMessages, LEAST_KEPT),
      maxBytes: maxQueueBytes,
    });
    const limits = { maxFragments: MAX_FRAGMENTS, maxBufferedChunks: MAX_CHUNKS, closeTimeout: CLOSE_TIMEOUT_MS };
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.maxMessageBytes,
      handleProtocols: (offered) => SUBPROTOCOLS.find((name) => offered.has(name)) ?? false,
      ...limits,
    });
    this.#server.on('wsClientError', (error, socket, request) => options.onUnreadable(request, socket, error.message));
  }

  /** How many conversations could be resumed, counted by their tokens. */
  get resumable(): number {
    return this.#resumptions.size;
  }

  /**
   * Completes the handshake of a request that was let in.
   *
   * @param onOpen is given the channel of a new conversation, which is not started; not called for one that is resumed.
   */
  accept(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    principal: string,
    onOpen: (channel: Channel) => void,
  ): void {
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const channel = new WebSocketChannel(webSocket, this.#options, socket);
      if (webSocket.protocol === RESUMABLE) this.#resumptions.accept(channel, principal, onOpen);
      else onOpen(channel);
    });
  }
}

export function offeredSubprotocols(request: IncomingMessage): string[] {
  const header = request.headers['sec-websocket-protocol'];
  return header === undefined ? [] : header.split(',').map((name) => name.trim());
}
