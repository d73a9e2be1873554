/**
 * A WebSocket server for MCP and for messages of one's own: it listens itself, or stands beside what an HTTP server serves already.
 * Each client has a connection of its own (PROTOCOL.md).
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
import { addressBlock, canonicalAddress } from '../../util/address.ts';
import { BoundedQueue } from '../../util/bounded-queue.ts';
import type { Channel } from '../channel.ts';
import { checkHostAndOrigin } from '../http/guard.ts';
import { isLoopback } from '../../util/address.ts';
import { upgradeRefusal } from '../http/refuse.ts';
import { sendError } from '../http/reply.ts';
import { AbsentClients } from './absent-clients.ts';
import { Answers, correlated } from './answers.ts';
import { WebSocketAcceptor, checkHandshake, offeredCredentials } from './server.ts';
import type { OfferedCredentials } from './server.ts';
import { WebSocketClient } from './websocket-client.ts';

/** Who is behind a connection. */
export interface Identity {
  /** The caller's name, in logs and limits. */
  principal: string;
  /** Tells clients of one principal from each other, for messages that are held. @default its `User-Agent` header */
  name?: string;
  /** Given to the SDK's handlers as `authInfo`. */
  authInfo?: object;
}

/** Options of {@link WebSocketServerTransport}. Times are in milliseconds, sizes in bytes. */
export interface WebSocketServerOptions {
  /** The server to stand beside; without it one of its own listens. */
  server?: Server | SecureServer;
  /** The address to listen on. Beyond this machine it needs `authenticate` and TLS, or `insecure`. @default '127.0.0.1' */
  host?: string;
  /** A proxy with TLS stands in front. @default false */
  behindProxy?: boolean;
  /** Listen beyond this machine without authentication or TLS, so that everybody there can come in. @default false */
  insecure?: boolean;
  /** Port to listen on; 0 picks a free one. @default 8765 */
  port?: number;
  /** The path; upgrades of others are left to others. @default '/mcp' */
  path?: string;
  /** Further paths at which the same is served. @default [] */
  otherPaths?: readonly string[];
  /** Tells where a request comes from, through whatever proxies are trusted. @default the address of the connection */
  addressOf?(request: IncomingMessage): string;
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
  /**
   * Takes messages that are no JSON-RPC. The object that it returns is sent to that client, with the `id` of the message if that has one. A
   * message for which it returns nothing, and every message where there is no handler, is left to {@link WebSocketServerTransport.receive}.
   */
  onForeign?(message: JsonObject, client: WebSocketClient): unknown;
  /** Send the handler's answers to a client in the order of its messages; otherwise each when it is ready. @default true */
  ordered?: boolean;
  /**
   * Speak bare JSON objects instead of MCP, with clients and pages that know no subprotocol: each goes to `onForeign` or `receive()`, and
   * errors are objects `{ type: 'error', error, code }`. @default false
   */
  plain?: boolean;
  /**
   * Takes every text message as it is, for a protocol that is not MCP; then nothing of MCP is served. An error that it throws is an
   * `error` event.
   */
  onText?(text: string, client: WebSocketClient): void;
  /**
   * The subprotocols of that protocol, the preferred one first; others may be offered and are not selected, and none need be.
   *
   * @default those of MCP, one of which a page must offer
   */
  subprotocols?: readonly string[];
  /** Maximum number of connected clients. @default 50 */
  maxClients?: number;
  /** How many connections a minute one address may open; `Infinity` for no limit. @default 600 */
  maxConnectsPerMinute?: number;
  /** Largest message that a client may send, in bytes. @default 4194304 */
  maxMessageBytes?: number;
  /** How many messages may wait for a client that reads slowly or is away. @default 1000 */
  maxQueueMessages?: number;
  /** How many bytes may. @default 16777216 */
  maxQueueBytes?: number;
  /** How often a ping is sent, in ms; a client that is not heard within four fifths of that is cut off. @default 25000 */
  pingIntervalMs?: number;
  /**
   * How long a client may be quiet, in ms. One that pings by itself stays, but from then on makes room when `maxClients` is reached.
   *
   * @default 3600000
   */
  idleTimeoutMs?: number;
  /** How long a client that was cut off may stay away, in ms. @default 120000 */
  resumeWindowMs?: number;
  /**
   * Hold messages that are no JSON-RPC for clients that have left, for whoever comes back with the same principal and name. `principal` needs
   * `authenticate`; nothing is held for `anonymous`. @default 'none'
   */
  hold?: 'none' | 'principal';
  /** How long messages are held for one client, in ms. @default 3600000 */
  holdForMs?: number;
  /** For how many clients messages are held; the one that is away for longest is forgotten first. @default 1000 */
  maxAbsentClients?: number;
  /** How many bytes are held for all of them; the one that is away for longest is forgotten first. @default 67108864 */
  maxHeldBytes?: number;
  /** How long the handshake may take, in ms, where the server is its own. @default 15000 */
  handshakeTimeoutMs?: number;
  /** Agree to permessage-deflate. @default false */
  compression?: boolean;
  /** Where resume keeps what it needs, and messages are held. @default the memory of this process */
  store?: Store;
}

/** The events of a {@link WebSocketServerTransport}. */
export interface WebSocketServerEvents {
  /** A client has connected. */
  connect: [client: WebSocketClient];
  /** A client is gone for good. */
  disconnect: [client: WebSocketClient, reason: string];
  /** Something of this program failed; `reference` stands in the answer that a client got for the same failure. */
  error: [error: unknown, reference?: string];
}

type Hook = 'server' | 'otherPaths' | 'addressOf' | 'authenticate' | 'onForeign' | 'onText' | 'subprotocols' | 'store';

/** What holds where an option is not given. */
export const SERVER_DEFAULTS: Required<Omit<WebSocketServerOptions, Hook>> = {
  host: '127.0.0.1',
  behindProxy: false,
  insecure: false,
  port: 8765,
  path: '/mcp',
  allowedHosts: [],
  allowedOrigins: [],
  ordered: true,
  plain: false,
  maxClients: 50,
  maxConnectsPerMinute: 600,
  maxMessageBytes: 4 * 1024 * 1024,
  maxQueueMessages: 1000,
  maxQueueBytes: 16 * 1024 * 1024,
  pingIntervalMs: 25_000,
  idleTimeoutMs: 3_600_000,
  resumeWindowMs: 120_000,
  hold: 'none',
  holdForMs: 3_600_000,
  maxAbsentClients: 1000,
  maxHeldBytes: 64 * 1024 * 1024,
  handshakeTimeoutMs: 15_000,
  compression: false,
};

type FilledOptions = Pick<WebSocketServerOptions, Hook> & Required<Omit<WebSocketServerOptions, Hook>>;

/**
 * A WebSocket server for MCP and for your own messages: it listens itself, or stands beside an HTTP server of yours.
 *
 * @example
 * ```ts
 * const transport = new WebSocketServerTransport({ port: 8765 });
 * transport.on('connect', (client) => void createServer().connect(client.transport));
 * await transport.listen(); // 'ws://127.0.0.1:8765/mcp'
 * ```
 */
export class WebSocketServerTransport extends EventEmitter<WebSocketServerEvents> {
  readonly #options: FilledOptions;
  readonly #clients: Map<string, WebSocketClient> = new Map();
  readonly #foreign: BoundedQueue<{ client: WebSocketClient; message: JsonObject }>;
  /** Whether messages that nobody receives are missed. */
  #receives: boolean;
  readonly #absent: AbsentClients | undefined;
  readonly #store: Store;
  readonly #acceptor: WebSocketAcceptor;
  readonly #connects: RateLimit;
  readonly #http: Server | SecureServer;
  readonly #sweeper: NodeJS.Timeout;
  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void =>
    void this.#upgrade(request, socket, head);
  #closed = false;

  /** @throws {SwitchboardError} `SWB_CONFIG_INVALID` if the options contradict each other. */
  constructor(options: WebSocketServerOptions = {}) {
    super();
    const all = { ...SERVER_DEFAULTS, ...options } as FilledOptions;
    if (all.hold === 'principal' && all.authenticate === undefined) {
      const detail = 'hold "principal" needs authenticate, which tells whose messages they are';
      throw new SwitchboardError('SWB_CONFIG_INVALID', { detail });
    }
    this.#options = all;
    this.#store = all.store ?? memoryStore();
    this.#connects = new RateLimit({ perMinute: all.maxConnectsPerMinute });
    this.#receives = all.onForeign === undefined;
    this.#foreign = new BoundedQueue({
      maxValues: all.maxQueueMessages,
      maxBytes: all.maxQueueBytes,
      sizeOf: ({ message }) => JSON.stringify(message).length,
      onDropped: () => {
        const detail = `${all.maxQueueMessages} messages or ${all.maxQueueBytes} bytes wait to be received; the oldest was dropped`;
        if (this.#receives) this.#failed(new SwitchboardError('SWB_OVERLOADED', { detail }));
      },
    });
    if (all.hold === 'principal') {
      // Half of what may wait for a client, as all of it is sent at once when that is back.
      const { maxQueueMessages: maxMessages, maxQueueBytes: maxBytes } = all;
      this.#absent = new AbsentClients({ ...all, store: this.#store, maxMessages, maxBytes: maxBytes / 2 });
    }
    this.#acceptor = new WebSocketAcceptor({
      ...all,
      ...(all.plain && { subprotocols: [] }),
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
  get clients(): ReadonlyMap<string, WebSocketClient> {
    return this.#clients;
  }

  /**
   * Opens a port of its own; needless beside a server that listens.
   *
   * @returns the address that clients connect to.
   * @throws {SwitchboardError} `SWB_PORT_IN_USE`, `SWB_PUBLIC_BIND`
   */
  async listen(): Promise<string> {
    const { host, port, path } = this.#options;
    const server = this.#http;
    if (!server.listening) {
      this.#checkBind();
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
   * @returns how many clients it was given to, or is held for.
   */
  broadcast(message: JsonObject, filter: (client: WebSocketClient) => boolean = () => true): number {
    const chosen = [...this.#clients.values(), ...this.#awaited(message)].filter(filter);
    for (const client of chosen) this.#give(client, message);
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

  /** Sends a message to one client. @returns whether it is there, or the message is held for it. */
  send(to: string | WebSocketClient, message: JsonObject): boolean {
    const id = typeof to === 'string' ? to : to.id;
    const client = this.#clients.get(id) ?? this.#awaited(message).find((each) => each.id === id);
    if (client !== undefined) this.#give(client, message);
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

  /**
   * The messages that are no JSON-RPC and that no handler has answered, with who sent each, in order; ends with {@link close}. For one
   * reader. What came before the first call waits, up to `maxQueueMessages` and `maxQueueBytes`; beyond, the oldest is dropped.
   */
  receive(): AsyncIterableIterator<{ client: WebSocketClient; message: JsonObject }> {
    this.#receives = true;
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
    const gone =
      this.#clients.size === 0
        ? Promise.resolve()
        : new Promise<void>((resolve) => this.on('disconnect', () => this.#clients.size === 0 && resolve()));
    for (const client of this.#clients.values()) client.close('goingAway', 'the server is shutting down');
    this.#acceptor.close();
    await Promise.all([gone, ended]);
    clearInterval(this.#sweeper);
    this.#foreign.end();
    this.#absent?.close();
    if (this.#options.store === undefined) await this.#store.close();
  }

  /** Beyond this machine both are needed: to know who is calling, and that nobody reads along. */
  #checkBind(): void {
    const { host, insecure, behindProxy, authenticate } = this.#options;
    if (isLoopback(host) || insecure) return;
    const hasTls = 'setSecureContext' in this.#http;
    const missing = [
      ...(authenticate === undefined ? ['the option authenticate'] : []),
      ...(hasTls || behindProxy ? [] : ['TLS: an https server as the option server, or behindProxy: true']),
    ];
    if (missing.length === 0) return;
    const detail = `${host} can be reached by others. Listen on 127.0.0.1, or give ${missing.join('; and ')}. Or say insecure: true`;
    throw new SwitchboardError('SWB_PUBLIC_BIND', { detail });
  }

  async #drain(drainMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, drainMs)));
    await Promise.race([late, Promise.all([...this.#clients.values()].map((client) => client.idle()))]);
    clearTimeout(timer);
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { path, otherPaths = [], addressOf, authenticate, host, allowedHosts, allowedOrigins } = this.#options;
    const isHere = [path, ...otherPaths].includes(request.url?.split('?', 1)[0] ?? '');
    if (!isHere && this.#http.listenerCount('upgrade') > 1) return;
    socket.on('error', () => {});
    try {
      if (!isHere) {
        throw new SwitchboardError('SWB_NOT_FOUND', { detail: `WebSockets are served at ${path}` });
      }
      checkHostAndOrigin(request, { host, allowedHosts, allowedOrigins });
      if (this.#options.subprotocols === undefined && !this.#options.plain) checkHandshake(request);
      const address = addressOf?.(request) ?? canonicalAddress(request.socket.remoteAddress ?? '');
      this.#connects.take(addressBlock(address));
      const identity =
        authenticate === undefined ? { principal: 'anonymous' } : await authenticate(request, shownBy(request));
      if (identity === undefined) throw new SwitchboardError('SWB_UNAUTHORIZED');
      this.#acceptor.accept(request, socket, head, {
        owner: identity.principal,
        onResume: (channel) => {
          for (const client of this.#clients.values()) if (client.isOn(channel)) this.#returned(client);
        },
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
  #open(channel: Channel, identity: Identity, address: string, userAgent: string): void {
    const { principal, name = userAgent, authInfo } = identity;
    const { maxClients, maxQueueMessages: maxWaiting, ordered, plain } = this.#options;
    if (this.#clients.size >= maxClients && !this.#closed) this.#makeRoom();
    if (this.#clients.size >= maxClients || this.#closed) {
      const detail = `${maxClients} clients are connected, the limit (maxClients)`;
      const error = new SwitchboardError('SWB_CONNECTION_LIMIT', { detail });
      channel.close('overloaded', error.message);
      return;
    }
    const { onText } = this.#options;
    const answers = new Answers({ ordered, maxWaiting });
    const client: WebSocketClient = new WebSocketClient({
      principal,
      name,
      plain,
      protocol: channel.protocol ?? '',
      address,
      userAgent,
      ...(authInfo !== undefined && { authInfo }),
      channel,
      onForeign: (message) => this.#receive(client, answers, message),
      ...(onText !== undefined && {
        onText: (text) => {
          try {
            onText(text, client);
          } catch (error) {
            this.#failed(error);
          }
        },
      }),
      onError: (error) => this.#failed(error),
      onClose: (reason) => {
        this.#clients.delete(client.id);
        if (!this.#closed) this.#left(client);
        this.emit('disconnect', client, reason);
      },
    });
    this.#clients.set(client.id, client);
    client.servesMcp = this.listenerCount('connect') > 0;
    this.emit('connect', client);
    client.start();
    this.#returned(client);
  }

  #receive(client: WebSocketClient, answers: Answers, message: JsonObject): void {
    const { onForeign } = this.#options;
    if (onForeign === undefined) {
      this.#foreign.push({ client, message });
      return;
    }
    const failed = (error: unknown): void => {
      // What went wrong inside is for the log; the client gets what finds it there.
      const reference = crypto.randomUUID();
      this.#failed(error, reference);
      client.send(correlated({ type: 'error', error: 'Internal error', reference }, message));
    };
    try {
      answers.take(
        message,
        () => onForeign(message, client),
        (outcome) => {
          if ('error' in outcome) failed(outcome.error);
          else if (outcome.answer === undefined) this.#foreign.push({ client, message });
          else {
            try {
              client.send(outcome.answer);
            } catch (error) {
              failed(error);
            }
          }
        },
      );
    } catch (thrown) {
      const { code, message: error } = asSwitchboardError(thrown);
      client.send(correlated({ type: 'error', error, code }, message));
    }
  }

  /** The absent clients that a message can be held for; what is MCP belongs to a session, which has ended. */
  #awaited(message: JsonObject): WebSocketClient[] {
    if (this.#absent === undefined || Object.hasOwn(message, 'jsonrpc')) return [];
    return [...this.#absent].filter(({ id }) => !this.#clients.has(id));
  }

  #give(client: WebSocketClient, message: JsonObject): void {
    // What one that is away is sent through its channel is lost with it when it does not come back in time.
    if (client.isAway) this.#left(client);
    if (Object.hasOwn(message, 'jsonrpc') || this.#absent?.queue(client, message) !== true) client.send(message);
  }

  /** Gives what was held to a client that has connected, or has come back to its connection. */
  #returned(client: WebSocketClient): void {
    void this.#absent?.returned(client).catch((error: unknown) => this.#failed(error));
  }

  /** Holds messages from now on for a client that can be told from others, and has no other connection. */
  #left(client: WebSocketClient): void {
    const { principal, name } = client;
    const isHere = [...this.#clients.values()].some(
      (each) => each !== client && each.principal === principal && each.name === name,
    );
    if (principal !== 'anonymous' && !isHere) this.#absent?.left(client);
  }

  #failed(error: unknown, reference?: string): void {
    // Without a listener an `error` event would end the process.
    if (this.listenerCount('error') > 0) this.emit('error', error, reference);
  }

  /** The clients that have sent no message for `idleTimeoutMs` and wait for no answer. */
  get #quiet(): WebSocketClient[] {
    const oldest = Date.now() - this.#options.idleTimeoutMs;
    return [...this.#clients.values()].filter(({ inFlight, lastActivity }) => inFlight === 0 && lastActivity <= oldest);
  }

  #sweep(): void {
    const oldest = Date.now() - this.#options.idleTimeoutMs;
    for (const client of this.#quiet) {
      if (client.lastPing > oldest) continue;
      client.close('idle', `nothing was heard for ${Math.round(this.#options.idleTimeoutMs / 1000)} s`);
    }
  }

  /** Of those that only their pings keep, the one that was quiet longest goes. */
  #makeRoom(): void {
    const [leaving] = this.#quiet.toSorted((a, b) => a.lastActivity - b.lastActivity);
    if (leaving === undefined) return;
    leaving.close('idle', 'its place was needed, and it was quiet longest');
    // Closing takes a while, and its place must not be given away twice.
    this.#clients.delete(leaving.id);
  }
}

function shownBy(request: IncomingMessage): OfferedCredentials {
  const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  return { ...offeredCredentials(request), ...(bearer !== undefined && { bearer }) };
}
