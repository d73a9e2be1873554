/**
 * A WebSocket server for MCP and for messages of one's own: it listens itself, or stands beside what an HTTP server serves already.
 * Each client is a line of its own (PROTOCOL.md).
 */
import { EventEmitter } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

import { RateLimit } from '../../limits/token-bucket.ts';
import { SwitchboardError, asSwitchboardError } from '../../protocol/errors.ts';
import { notification } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { memoryStore } from '../../stores/memory.ts';
import type { Store } from '../../stores/store.ts';
import { Feed } from '../../util/feed.ts';
import type { Channel } from '../channel.ts';
import { checkHostAndOrigin } from '../http/guard.ts';
import { upgradeRefusal } from '../http/refuse.ts';
import { sendError } from '../http/reply.ts';
import { WebSocketAcceptor, checkHandshake, offeredCredentials } from './server.ts';
import type { OfferedCredentials } from './server.ts';
import { Visitor } from './visitor.ts';

/** Who is behind a connection. */
export interface Identity {
  principal: string;
  /** Given to the SDK's handlers as `authInfo`. */
  authInfo?: object;
}

export interface WebSocketServerOptions {
  /** The server to stand beside; without it one of its own listens. */
  server?: Server | SecureServer;
  /** The address to listen on. @default '127.0.0.1' */
  host?: string;
  /** The port to listen on; 0 takes a free one. @default 8765 */
  port?: number;
  /** The path; upgrades of others are left to others. @default '/mcp' */
  path?: string;
  /** Host headers to accept besides those of this machine. @default [] */
  allowedHosts?: readonly string[];
  /** Web origins to accept besides those of this machine. @default [] */
  allowedOrigins?: readonly string[];
  /**
   * Tells who is calling; `undefined` refuses with 401. A bearer token is in the header or beside the subprotocols, a ticket only
   * there. @default everybody is `anonymous`
   */
  authenticate?(
    request: IncomingMessage,
    shown: OfferedCredentials,
  ): Identity | undefined | Promise<Identity | undefined>;
  /** Takes messages that are no JSON-RPC; what it returns is sent to that client. Without it {@link WebSocketServerTransport.receive} gives them. */
  onForeign?(message: JsonObject, client: Visitor): unknown;
  /** How many clients may be connected. @default 50 */
  maxClients?: number;
  /** How many connections a minute one address may open; `Infinity` for no limit. @default 600 */
  maxConnectsPerMinute?: number;
  /** The largest message that a client may send, in bytes. @default 4194304 */
  maxMessageBytes?: number;
  /** How many messages may wait for a client that reads slowly or is away. @default 1000 */
  maxQueueMessages?: number;
  /** How many bytes may. @default 16777216 */
  maxQueueBytes?: number;
  /** How often a ping is sent, in ms; two unanswered ones end the connection. @default 25000 */
  pingIntervalMs?: number;
  /** How long a client may be quiet, in ms. @default 3600000 */
  idleTimeoutMs?: number;
  /** How long a client that was cut off may stay away, in ms. @default 120000 */
  resumeWindowMs?: number;
  /** How long the handshake may take, in ms, where the server is its own. @default 15000 */
  handshakeTimeoutMs?: number;
  /** Agree to permessage-deflate. @default false */
  compression?: boolean;
  /** Where resume keeps what it needs. @default the memory of this process */
  store?: Store;
}

interface Events {
  connect: [client: Visitor];
  disconnect: [client: Visitor, reason: string];
  /** `reference` stands in the answer that a client got for the same failure. */
  error: [error: unknown, reference?: string];
}

type Hook = 'server' | 'authenticate' | 'onForeign' | 'store';

/** What holds where an option is not given. */
export const SERVER_DEFAULTS: Required<Omit<WebSocketServerOptions, Hook>> = {
  host: '127.0.0.1',
  port: 8765,
  path: '/mcp',
  allowedHosts: [],
  allowedOrigins: [],
  maxClients: 50,
  maxConnectsPerMinute: 600,
  maxMessageBytes: 4 * 1024 * 1024,
  maxQueueMessages: 1000,
  maxQueueBytes: 16 * 1024 * 1024,
  pingIntervalMs: 25_000,
  idleTimeoutMs: 3_600_000,
  resumeWindowMs: 120_000,
  handshakeTimeoutMs: 15_000,
  compression: false,
};

type FilledOptions = Pick<WebSocketServerOptions, Hook> & Required<Omit<WebSocketServerOptions, Hook>>;

export class WebSocketServerTransport extends EventEmitter<Events> {
  readonly #options: FilledOptions;
  readonly #clients: Map<string, Visitor> = new Map();
  readonly #foreign: Feed<{ client: Visitor; message: JsonObject }>;
  readonly #store: Store;
  readonly #acceptor: WebSocketAcceptor;
  readonly #connects: RateLimit;
  readonly #http: Server | SecureServer;
  readonly #sweeper: NodeJS.Timeout;
  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void =>
    void this.#upgrade(request, socket, head);
  #closed = false;

  constructor(options: WebSocketServerOptions = {}) {
    super();
    const all = { ...SERVER_DEFAULTS, ...options } as FilledOptions;
    this.#options = all;
    this.#store = all.store ?? memoryStore();
    this.#connects = new RateLimit({ perMinute: all.maxConnectsPerMinute });
    this.#foreign = new Feed(all.maxQueueMessages, () => {
      const detail = `${all.maxQueueMessages} messages wait to be received; the oldest was dropped`;
      this.#failed(new SwitchboardError('SWB_OVERLOADED', { detail }));
    });
    this.#acceptor = new WebSocketAcceptor({
      ...all,
      store: this.#store,
      onUnreadable: (request, socket, what) => {
        sendError(upgradeRefusal(request, socket), new SwitchboardError('SWB_BAD_REQUEST', { detail: what }));
      },
    });
    this.#sweeper = setInterval(() => this.#sweep(), Math.min(60_000, all.idleTimeoutMs / 4)).unref();
    this.#http =
      all.server ??
      createServer({ headersTimeout: all.handshakeTimeoutMs }, (_request, response) => {
        sendError(
          response,
          new SwitchboardError('SWB_NOT_FOUND', { detail: `only WebSockets are served, at ${all.path}` }),
        );
      });
    this.#http.on('upgrade', this.#onUpgrade);
  }

  /** The clients that are connected, or cut off for not too long, by their ids. */
  get clients(): ReadonlyMap<string, Visitor> {
    return this.#clients;
  }

  /**
   * Opens a port of its own; needless beside a server that listens.
   *
   * @returns the address that clients connect to.
   * @throws {SwitchboardError} `SWB_PORT_IN_USE`
   */
  async listen(): Promise<string> {
    const { host, port, path } = this.#options;
    const server = this.#http;
    if (!server.listening) {
      await new Promise<void>((resolve, reject) => {
        server.once('error', (cause) =>
          reject(new SwitchboardError('SWB_PORT_IN_USE', { detail: `${host}:${port}; ${cause.message}`, cause })),
        );
        server.listen(port, host, resolve);
      });
    }
    const { port: bound } = server.address() as AddressInfo;
    return `ws://${host.includes(':') ? `[${host}]` : host}:${bound}${path}`;
  }

  /**
   * Sends a message to every client, or those that `filter` takes. One that is away gets it when it is back.
   *
   * @returns how many clients it was given to.
   */
  broadcast(message: JsonObject, filter: (client: Visitor) => boolean = () => true): number {
    const chosen = [...this.#clients.values()].filter(filter);
    for (const client of chosen) client.send(message);
    return chosen.length;
  }

  /** Sends a notification to every client: of MCP, or with an object `{ type: 'notification', … }`. @returns how many clients */
  broadcastNotification(methodOrBody: string | JsonObject, params?: JsonObject): number {
    return this.broadcast(
      typeof methodOrBody === 'string'
        ? { ...notification(methodOrBody, params) }
        : { type: 'notification', ...methodOrBody },
    );
  }

  /** Sends a message to one client. @returns whether it is there. */
  send(to: string | Visitor, message: JsonObject): boolean {
    const client = this.#clients.get(typeof to === 'string' ? to : to.id);
    client?.send(message);
    return client !== undefined;
  }

  /** Waits until so many clients are connected. @returns whether they came in time. */
  async waitForClients(count: number, { timeoutMs = 30_000 }: { timeoutMs?: number } = {}): Promise<boolean> {
    if (this.#clients.size >= count) return true;
    return new Promise((resolve) => {
      const settle = (came: boolean): void => {
        clearTimeout(timer);
        this.off('connect', check);
        resolve(came);
      };
      const check = (): void => {
        if (this.#clients.size >= count) settle(true);
      };
      const timer = setTimeout(() => settle(false), timeoutMs);
      this.on('connect', check);
    });
  }

  /** The messages that are no JSON-RPC, with who sent each, in order; ends with {@link close}. For one reader. */
  receive(): AsyncIterableIterator<{ client: Visitor; message: JsonObject }> {
    return this.#foreign;
  }

  /**
   * Lets nobody in any more, and ends every connection with 1001; a server that it stands beside goes on.
   *
   * @param options.drainMs how long to wait for requests that are under way. @default 0
   */
  async close({ drainMs = 0 }: { drainMs?: number } = {}): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#http.off('upgrade', this.#onUpgrade);
    const ownServer = this.#options.server === undefined && this.#http.listening;
    const ended = ownServer ? new Promise<void>((resolve) => this.#http.close(() => resolve())) : Promise.resolve();
    if (drainMs > 0) await this.#drain(drainMs);
    const gone = [...this.#clients.values()].map(
      (client) => new Promise<void>((resolve) => this.on('disconnect', (left) => left === client && resolve())),
    );
    for (const client of this.#clients.values()) client.close('goingAway', 'the server is shutting down');
    this.#acceptor.close();
    await Promise.all([...gone, ended]);
    clearInterval(this.#sweeper);
    this.#foreign.end();
    if (this.#options.store === undefined) await this.#store.close();
  }

  async #drain(drainMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, drainMs)));
    await Promise.race([late, Promise.all([...this.#clients.values()].map((client) => client.idle()))]);
    clearTimeout(timer);
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { path, authenticate, host, allowedHosts, allowedOrigins } = this.#options;
    if (request.url?.split('?', 1)[0] !== path && this.#http.listenerCount('upgrade') > 1) return;
    socket.on('error', () => {});
    try {
      if (request.url?.split('?', 1)[0] !== path) {
        throw new SwitchboardError('SWB_NOT_FOUND', { detail: `MCP is at ${path}` });
      }
      checkHostAndOrigin(request, { host, allowedHosts, allowedOrigins });
      checkHandshake(request);
      const address = request.socket.remoteAddress ?? '';
      this.#connects.take(address);
      const identity =
        authenticate === undefined ? { principal: 'anonymous' } : await authenticate(request, shownBy(request));
      if (identity === undefined) throw new SwitchboardError('SWB_UNAUTHORIZED');
      this.#acceptor.accept(request, socket, head, {
        owner: identity.principal,
        onOpen: (channel) => this.#open(channel, identity, address, request.headers['user-agent'] ?? ''),
      });
    } catch (thrown) {
      const error = asSwitchboardError(thrown);
      if (error.code === 'SWB_INTERNAL') this.#failed(thrown);
      const challenge = error.code === 'SWB_UNAUTHORIZED' ? { 'www-authenticate': 'Bearer' } : {};
      sendError(upgradeRefusal(request, socket), error, undefined, challenge);
    }
  }

  /** @throws {SwitchboardError} `SWB_CONNECTION_LIMIT` */
  #open(channel: Channel, { principal, authInfo }: Identity, address: string, userAgent: string): void {
    const { maxClients } = this.#options;
    if (this.#clients.size >= maxClients || this.#closed) {
      const detail = `${maxClients} clients are connected, the limit (maxClients)`;
      const error = new SwitchboardError('SWB_CONNECTION_LIMIT', { detail });
      channel.close('overloaded', error.message);
      return;
    }
    const client: Visitor = new Visitor({
      principal,
      address,
      userAgent,
      ...(authInfo !== undefined && { authInfo }),
      channel,
      onForeign: (message) => void this.#receive(client, message),
      onError: (error) => this.#failed(error),
      onClose: (reason) => {
        this.#clients.delete(client.id);
        this.emit('disconnect', client, reason);
      },
    });
    this.#clients.set(client.id, client);
    client.servesMcp = this.listenerCount('connect') > 0;
    this.emit('connect', client);
    client.start();
  }

  async #receive(client: Visitor, message: JsonObject): Promise<void> {
    const { onForeign } = this.#options;
    if (onForeign === undefined) {
      this.#foreign.push({ client, message });
      return;
    }
    try {
      const answer: unknown = await onForeign(message, client);
      if (answer !== undefined) client.send(answer as JsonObject);
    } catch (error) {
      // What went wrong inside is for the log; the client gets what finds it there.
      const reference = crypto.randomUUID();
      this.#failed(error, reference);
      client.send({ type: 'error', error: 'Internal error', reference });
    }
  }

  #failed(error: unknown, reference?: string): void {
    // Without a listener an `error` event would end the process.
    if (this.listenerCount('error') > 0) this.emit('error', error, reference);
  }

  #sweep(): void {
    const oldest = Date.now() - this.#options.idleTimeoutMs;
    for (const client of this.#clients.values()) {
      if (client.inFlight > 0 || client.lastActivity > oldest) continue;
      client.close('idle', `nothing was heard for ${Math.round(this.#options.idleTimeoutMs / 1000)} s`);
    }
  }
}

function shownBy(request: IncomingMessage): OfferedCredentials {
  const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  return { ...offeredCredentials(request), ...(bearer !== undefined && { bearer }) };
}
