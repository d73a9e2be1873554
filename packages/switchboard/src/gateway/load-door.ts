/**
 * Where the clients of a load come in: a port of its own on this machine, for WebSockets that show the secret of the run. So they need no
 * certificate and no key of anybody, in whatever way others have to show who they are, and nobody else gets in.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

import { memoryStore } from '../stores/memory.ts';
import type { Channel } from '../transports/channel.ts';
import { HTTP_LIMITS, limitConnections } from '../transports/http/limits.ts';
import { SUBPROTOCOL } from '../transports/websocket/subprotocols.ts';
import { WebSocketAcceptor } from '../transports/websocket/server.ts';
import type { Settings } from './settings.ts';

export interface LoadDoorOptions {
  settings: Settings;
  /** How many clients may be connected at a time. */
  max: number;
  /** A client came. What it throws refuses the client. */
  onClient(channel: Channel): void;
}

const HOST = '127.0.0.1';
/** Those that come back before their former connection has ended. */
const SPARE_SOCKETS = 16;

export class LoadDoor {
  readonly #secret = randomBytes(32).toString('base64url');
  readonly #server: Server;
  readonly #acceptor: WebSocketAcceptor;
  readonly #sockets: Set<Duplex> = new Set();
  readonly #onClient: (channel: Channel) => void;

  private constructor({ settings, max, onClient }: LoadDoorOptions) {
    this.#onClient = onClient;
    this.#acceptor = new WebSocketAcceptor({
      maxMessageBytes: settings.maxMessageSize,
      maxQueueMessages: settings.maxQueueMessages,
      maxQueueBytes: settings.maxQueueSize,
      pingIntervalMs: settings.pingInterval,
      resumeWindowMs: 0,
      compression: false,
      subprotocols: [SUBPROTOCOL],
      store: memoryStore(),
      onUnreadable: (_request, socket) => void socket.destroy(),
    });
    const { headMs: headersTimeout, requestMs: requestTimeout } = HTTP_LIMITS;
    this.#server = createServer({ headersTimeout, requestTimeout }, (_request, response) => {
      response.writeHead(404, { connection: 'close' }).end();
    });
    limitConnections(this.#server, max + SPARE_SOCKETS);
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** Rejects where no port can be had. */
  static async open(options: LoadDoorOptions): Promise<LoadDoor> {
    const door = new LoadDoor(options);
    await new Promise<void>((resolve, reject) => {
      door.#server.once('error', reject);
      // A port of its own, also where processes share theirs.
      door.#server.listen({ port: 0, host: HOST, exclusive: true }, resolve);
    });
    // Such as a connection that could not be taken: the client sees that, and nothing else ends.
    door.#server.on('error', () => {});
    return door;
  }

  get url(): string {
    return `ws://${HOST}:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** What each client has to show. */
  get headers(): Readonly<Record<string, string>> {
    return { authorization: `Bearer ${this.#secret}` };
  }

  /** Lets nobody in any more, and cuts who is in. Idempotent. */
  close(): void {
    this.#acceptor.close();
    this.#server.close();
    this.#server.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => {});
    const shown = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (request.headers.origin !== undefined || !timingSafeEqual(digest(shown), digest(this.#secret))) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\n');
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    const onOpen = (channel: Channel): void => {
      try {
        this.#onClient(channel);
      } catch (error) {
        channel.close('overloaded', (error as Error).message);
      }
    };
    this.#acceptor.accept(request, socket, head, { owner: 'load', onOpen });
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
