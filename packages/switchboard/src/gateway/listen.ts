/** The network side of a gateway: one port for WebSocket and HTTP, and what is checked before either is let in. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

import { Brought } from '../callers/brought.ts';
import type { HttpCallers } from '../callers/http.ts';
import type { Emit, Transport } from '../observe/events.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import type { Upstream } from '../router/exchange.ts';
import type { Channel } from '../transports/channel.ts';
import { Proxies } from '../transports/http/client-address.ts';
import { upgradeRefusal } from '../transports/http/refuse.ts';
import { sendError } from '../transports/http/reply.ts';
import { HttpServer } from '../transports/http/server.ts';
import { SSE_POST_PATH } from '../transports/http/sse-channel.ts';
import type { SseAcceptor } from '../transports/http/sse-channel.ts';
import { Certificates } from '../transports/tls/certificates.ts';
import type { Loaded } from '../transports/tls/certificates.ts';
import { RESUMABLE } from '../transports/websocket/control.ts';
import { WebSocketAcceptor, checkHandshake, offeredSubprotocols } from '../transports/websocket/server.ts';
import type { Store } from '../stores/store.ts';
import { checkHostAndOrigin, isLoopback } from '../transports/http/guard.ts';
import type { Settings } from './options.ts';
import type { Probes } from './probes.ts';

export interface ListenerOptions {
  settings: Settings;
  store: Store;
  httpCallers: HttpCallers;
  /** Serves the SSE transport of 2024, where that is wanted. */
  sse?: SseAcceptor;
  /** The upstream that a path below `/mcp`, or below `/sse`, names. @throws {SwitchboardError} when there is none. */
  route(path: string, base: 'mcp' | 'sse'): Upstream;
  /** Room for one more client. @throws {SwitchboardError} when there is none. */
  checkRoom(): void;
  /** Answers what operators ask beside MCP. */
  probes: Probes;
  /** A client came whose connection stays open. */
  onChannel(
    channel: Channel,
    transport: Transport,
    visit: { upstream: Upstream; address: string; userAgent: string; credentials: Brought },
  ): void;
  emit: Emit;
}

/** How long a certificate must still be good for not to be warned of, and how often that is looked at. */
const EXPIRY_WARNING_MS = 14 * 86_400_000;
const EXPIRY_LOOK_MS = 86_400_000;
/** How long what is still open at the end may take: nobody may hold it up. */
const CUT_AFTER_MS = 500;
/** Sockets beyond the number of clients: an HTTP client may use several, and modern ones hold no session. */
const SOCKETS_PER_CLIENT = 8;
const SPARE_SOCKETS = 64;
const SSE_PATH = new RegExp(`^(/sse(/.*)?|${SSE_POST_PATH})$`);

export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: HttpServer;
  readonly #proxies: Proxies;
  #expiry: NodeJS.Timeout | undefined;
  readonly #acceptor: WebSocketAcceptor;

  constructor(options: ListenerOptions) {
    const { settings } = options;
    this.#options = options;
    this.#acceptor = new WebSocketAcceptor({
      maxMessageBytes: settings.maxMessageSize,
      maxQueueMessages: settings.maxQueueMessages,
      maxQueueBytes: settings.maxQueueSize,
      pingIntervalMs: settings.pingInterval,
      resumeWindowMs: settings.resumeWindow,
      compression: settings.compression,
      store: options.store,
      onUnreadable: (request, socket, what) => {
        this.#refuseUpgrade(request, socket, new SwitchboardError('SWB_BAD_REQUEST', { detail: what }));
      },
    });
    this.#proxies = new Proxies([...settings.trustedProxies, ...(settings.behindProxy ? OWN_MACHINE : [])]);
    const maxSockets = settings.maxConnections * SOCKETS_PER_CLIENT + SPARE_SOCKETS;
    this.#server = new HttpServer({
      ...(settings.tlsCert !== '' && { certificates: new Certificates(settings) }),
      maxConnections: maxSockets,
      maxConnectionsPerAddress: settings.maxConnectionsPerAddress ?? Math.ceil(maxSockets / 2),
      isUncounted: (address) => this.#proxies.has(address),
      onRequest: (request, response) => void this.#serve(request, response),
      onUpgrade: (request, socket, head) => this.#upgrade(request, socket, head),
      onConnection: (socket) => options.probes.traffic?.watch(socket),
      onRefused: ({ code, message }, address) =>
        options.emit({ type: 'connection.refused', code, detail: message, address }),
      onCertificates: (loaded) => this.#tellCertificates(loaded),
      onCertificatesFailed: ({ message }) => options.emit({ type: 'certificate.failed', reason: message }),
    });
  }

  /**
   * @returns the port that is listened on.
   * @throws {SwitchboardError} `SWB_PUBLIC_BIND`, `SWB_TLS_INVALID`, `SWB_PORT_IN_USE`, `SWB_CONFIG_INVALID`
   */
  async listen(): Promise<number> {
    const { host, port, insecure, tlsClientCa } = this.#options.settings;
    if (!isLoopback(host) && !insecure && tlsClientCa === '') {
      const detail = `${host} can be reached by others, who could then use every server here. Listen on 127.0.0.1, or say --insecure`;
      throw new SwitchboardError('SWB_PUBLIC_BIND', { detail });
    }
    return this.#server.listen(port, host);
  }

  /** Refuses new connections at once; resolves when the open ones have ended. */
  async close(): Promise<void> {
    this.#acceptor.close();
    clearInterval(this.#expiry);
    await this.#server.close(CUT_AFTER_MS);
  }

  #tellCertificates({ subject, expiresAt }: Loaded): void {
    const { emit } = this.#options;
    const certificate = { subject, expires: expiresAt.toISOString() };
    const warn = (): void => {
      if (expiresAt.getTime() - Date.now() < EXPIRY_WARNING_MS) emit({ type: 'certificate.expiring', ...certificate });
    };
    emit({ type: 'certificate.loaded', ...certificate });
    warn();
    clearInterval(this.#expiry);
    this.#expiry = setInterval(warn, EXPIRY_LOOK_MS).unref();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      checkHostAndOrigin(request, this.#options.settings);
      const path = pathOf(request);
      if (await this.#options.probes.serve(path, request, response)) return;
      const { sse } = this.#options;
      if (sse !== undefined && SSE_PATH.test(path)) {
        await this.#serveSse(sse, path, request, response);
        return;
      }
      const upstream = this.#options.route(path, 'mcp');
      if (!this.#options.settings.transport.includes('http')) {
        const detail = 'this Switchboard serves WebSocket only; start it with --transport all for HTTP';
        throw new SwitchboardError('SWB_NOT_FOUND', { detail });
      }
      const address = this.#proxies.clientOf(request);
      const credentials = new Brought(upstream, request.headers);
      await this.#options.httpCallers.serve({
        request,
        response,
        upstream,
        address,
        principal: 'anonymous',
        credentials,
      });
    } catch (thrown) {
      this.#refuse(request, response, thrown);
    }
  }

  async #serveSse(sse: SseAcceptor, path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { route, checkRoom, onChannel } = this.#options;
    const isPost = path === SSE_POST_PATH;
    const allow = isPost ? 'POST' : 'GET';
    if (request.method !== allow) {
      response.setHeader('allow', allow);
      throw new SwitchboardError('SWB_METHOD_NOT_ALLOWED', { detail: `${request.method}; allowed: ${allow}` });
    }
    if (isPost) {
      await sse.post(request, response);
      return;
    }
    const upstream = route(path, 'sse');
    checkRoom();
    onChannel(sse.accept(request, response), 'sse', visitOf(request, upstream, this.#proxies.clientOf(request)));
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    try {
      checkHostAndOrigin(request, this.#options.settings);
      const upstream = this.#options.route(pathOf(request), 'mcp');
      this.#checkUpgrade(request);
      // Who can resume may have a place already: its first message tells, and whether there is room is seen then.
      if (!offeredSubprotocols(request).includes(RESUMABLE)) this.#options.checkRoom();
      const visit = visitOf(request, upstream, this.#proxies.clientOf(request));
      const open = (channel: Channel): void => this.#options.onChannel(channel, 'websocket', visit);
      this.#acceptor.accept(request, socket, head, 'anonymous', open);
    } catch (thrown) {
      this.#refuseUpgrade(request, socket, thrown);
    }
  }

  #refuseUpgrade(request: IncomingMessage, socket: Duplex, thrown: unknown): void {
    this.#refuse(request, upgradeRefusal(request, socket), thrown);
  }

  #checkUpgrade(request: IncomingMessage): void {
    if (!this.#options.settings.transport.includes('websocket')) {
      const detail = 'this Switchboard serves HTTP only; start it with --transport all for WebSocket';
      throw new SwitchboardError('SWB_NOT_FOUND', { detail });
    }
    checkHandshake(request);
  }

  #refuse(request: IncomingMessage, response: ServerResponse, thrown: unknown): void {
    const error = asSwitchboardError(thrown);
    const { emit } = this.#options;
    if (error.code === 'SWB_INTERNAL') emit({ type: 'failed', where: 'listener', error: thrown });
    else
      emit({
        type: 'connection.refused',
        code: error.code,
        detail: error.message,
        address: this.#proxies.clientOf(request),
      });
    sendError(response, error);
  }
}

/** What a proxy on the same machine comes from. */
const OWN_MACHINE = ['127.0.0.0/8', '::1'];

const visitOf = (
  request: IncomingMessage,
  upstream: Upstream,
  address: string,
): { upstream: Upstream; address: string; userAgent: string; credentials: Brought } => ({
  upstream,
  credentials: new Brought(upstream, request.headers),
  address,
  userAgent: request.headers['user-agent'] ?? '',
});

function pathOf({ url = '' }: IncomingMessage): string {
  if (!url.startsWith('/')) throw new SwitchboardError('SWB_BAD_REQUEST', { detail: 'the request target is no path' });
  return url.split(/[?#]/, 1)[0]!;
}
