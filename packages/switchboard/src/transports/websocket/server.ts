/** Accepts WebSocket upgrades of a `node:http` server. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';

import { SwitchboardError } from '../../protocol/errors.ts';
import type { Message } from '../../protocol/jsonrpc.ts';
import type { Store, StoreNotice } from '../../stores/store.ts';
import type { Channel } from '../channel.ts';
import { WebSocketChannel } from './channel.ts';
import type { WebSocketLimits } from './channel.ts';
import { RESUMABLE } from './control.ts';
import { NodeSocket } from './node-socket.ts';
import { Resumptions } from './resumptions.ts';
import type { ConversationsElsewhere } from './conversations-elsewhere.ts';
import { AUTH, SUBPROTOCOL, SUBPROTOCOLS, TICKET } from './subprotocols.ts';

export interface AcceptorOptions extends WebSocketLimits {
  maxMessageBytes: number;
  /** How long a client that was cut off may stay away, in ms. */
  resumeWindowMs: number;
  /** Whether permessage-deflate is agreed to where a client offers it. */
  compression: boolean;
  /** What is selected of the offered subprotocols, by preference. @default those of MCP */
  subprotocols?: readonly string[];
  /** Where resume keeps its tokens and unconfirmed messages. */
  store: Store;
  /** Reads a large message from its bytes. @default it becomes text, and is parsed */
  readLarge?: (bytes: Buffer) => Message;
  /** Told of what was in the store and was not what it should be. @default nobody */
  onNotice?(notice: StoreNotice): void;
  /** Other processes that have conversations. @default there are none */
  elsewhere?: ConversationsElsewhere | undefined;
  /** A handshake that is none; `socket` is to be answered and ended. */
  onUnreadable(request: IncomingMessage, socket: Duplex, what: string): void;
}

/** Who opens a WebSocket. */
export interface AcceptedCaller {
  /** Nobody else can resume its conversation. */
  owner: string;
  /** The largest message that it may send. @default that of all */
  maxMessageBytes?: number;
  /** Is given the channel of a new conversation, which is not started; not called for one that is resumed. */
  onOpen(channel: Channel): void;
  /** Is given the channel of one that is. */
  onResume?(channel: Channel): void;
  /**
   * Is given the channel of one that another process had begun, which is not started. Resolves with whether it can be gone on with.
   *
   * @default none can, and nothing is kept for another process
   */
  onRestore?(channel: Channel): Promise<boolean>;
}

/** More fragments than an honest sender makes of one message; without a limit each costs memory (CVE-2026-48779). */
const MAX_FRAGMENTS = 1024;
/** More pieces than a network makes of the largest message; each costs memory beyond its bytes. */
const MAX_CHUNKS = 16_384;
/** How long a client that can resume may take to say its first words. */
const FIRST_MESSAGE_MS = 15_000;
/** How long the closing handshake may take before the socket is cut. */
const CLOSE_TIMEOUT_MS = 5000;
/**
 * Without context takeover a connection keeps no window of its own, which would be 300 KiB for each; what is inflated counts against
 * the size limit as it grows, so that a bomb ends at the limit.
 */
const DEFLATE = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  threshold: 1024,
  concurrencyLimit: 4,
} as const;

export class WebSocketAcceptor {
  readonly #server: WebSocketServer;
  readonly #options: AcceptorOptions;
  readonly #resumptions: Resumptions;

  constructor(options: AcceptorOptions) {
    this.#options = options;
    const {
      maxQueueMessages,
      maxQueueBytes,
      resumeWindowMs,
      compression,
      store,
      subprotocols = SUBPROTOCOLS,
    } = options;
    this.#resumptions = new Resumptions({
      windowMs: resumeWindowMs,
      firstMessageMs: FIRST_MESSAGE_MS,
      maxMessages: maxQueueMessages,
      maxBytes: maxQueueBytes,
      store,
      onNotice: options.onNotice,
      elsewhere: options.elsewhere,
    });
    const limits = { maxFragments: MAX_FRAGMENTS, maxBufferedChunks: MAX_CHUNKS, closeTimeout: CLOSE_TIMEOUT_MS };
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: compression && DEFLATE,
      maxPayload: options.maxMessageBytes,
      handleProtocols: (offered) => subprotocols.find((name) => offered.has(name)) ?? false,
      ...limits,
    });
    this.#server.on('wsClientError', (error, socket, request) => options.onUnreadable(request, socket, error.message));
  }

  close(): void {
    this.#resumptions.close();
  }

  /**
   * Completes the handshake of a request that was let in.
   *
   * @param caller whose conversation it is, and what is told of it.
   */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, caller: AcceptedCaller): void {
    const { maxMessageBytes = this.#options.maxMessageBytes, onOpen, onResume: resumed = () => {}, onRestore } = caller;
    const restore = onRestore === undefined ? {} : { restore: onRestore };
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const channel = new WebSocketChannel(new NodeSocket(webSocket, { stream: socket }), {
        ...this.#options,
        maxMessageBytes,
      });
      if (channel.protocol === RESUMABLE) {
        this.#resumptions.accept(channel, caller.owner, { begin: onOpen, resumed, ...restore });
      } else onOpen(channel);
    });
  }
}

/** @throws {SwitchboardError} `SWB_BAD_REQUEST` when the subprotocol, or HTTP itself, is not one that can be served. */
export function checkHandshake(request: IncomingMessage): void {
  if (request.httpVersionMajor * 10 + request.httpVersionMinor < 11) {
    throw new SwitchboardError('SWB_BAD_REQUEST', { detail: 'a WebSocket needs HTTP/1.1' });
  }
  const offered = offeredSubprotocols(request);
  // A page of a browser must say that it means MCP; a program may leave it out.
  const isNamed =
    SUBPROTOCOLS.some((name) => offered.includes(name)) ||
    (offered.length === 0 && request.headers.origin === undefined);
  if (isNamed) return;
  const named = offered.map((name) => name.replace(/^(mcp\.(?:auth|ticket)\.).*/, '$1…'));
  const detail = `offer the WebSocket subprotocol ${SUBPROTOCOL}, got ${JSON.stringify(named.join(', '))}`;
  throw new SwitchboardError('SWB_BAD_REQUEST', { detail });
}

export function offeredSubprotocols({ headers }: IncomingMessage): string[] {
  const header = headers['sec-websocket-protocol'];
  return header === undefined ? [] : header.split(',').map((name) => name.trim());
}

/** Credentials of a client that cannot set headers, which stand among the subprotocols that it offers. */
export interface OfferedCredentials {
  /** A bearer token. */
  bearer?: string;
  /** A ticket, which is good for one connection. */
  ticket?: string;
}

export function offeredCredentials(request: IncomingMessage): OfferedCredentials {
  const offered = offeredSubprotocols(request);
  const after = (prefix: string): string | undefined =>
    offered.find((name) => name.startsWith(prefix))?.slice(prefix.length);
  const [bearer, ticket] = [after(AUTH), after(TICKET)];
  return {
    ...(bearer !== undefined && { bearer: Buffer.from(bearer, 'base64url').toString('utf8') }),
    ...(ticket !== undefined && { ticket }),
  };
}
