/** The network side of a gateway: one port for WebSocket and HTTP, and what is checked before either is let in. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { bindingOf, canEnd } from '../auth/identity.ts';
import type { Identity } from '../auth/identity.ts';
import { CallerCredentialValues } from '../callers/caller-credential-values.ts';
import { askConnect } from '../callers/hooks.ts';
import type { Hooks } from '../callers/hooks.ts';
import type { HttpCallers } from '../callers/http.ts';
import { readRestPath } from '../callers/rest.ts';
import type { RestCallers } from '../callers/rest.ts';
import type { Emit } from '../observe/events.ts';
import type { Transport } from '../protocol/session-context.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import { readMessage } from '../protocol/large-call.ts';
import type { Upstream } from '../router/exchange.ts';
import type { Channel } from '../transports/channel.ts';
import type { PeerCaller } from '../peers/peer-caller.ts';
import { answerCors } from '../transports/http/cors.ts';
import type { Proxies } from '../transports/http/client-address.ts';
import { upgradeRefusal } from '../transports/http/refuse.ts';
import { sendError } from '../transports/http/reply.ts';
import { HttpServer } from '../transports/http/server.ts';
import type { PassOn } from '../transports/http/server.ts';
import { refuseLoop } from '../transports/http/via.ts';
import { SSE_POST_PATH } from '../transports/http/sse-channel.ts';
import type { SseAcceptor } from '../transports/http/sse-channel.ts';
import { Certificates } from '../transports/tls/certificates.ts';
import type { Loaded } from '../transports/tls/certificates.ts';
import { RESUMABLE } from '../transports/websocket/control.ts';
import type { ConversationsElsewhere } from '../transports/websocket/conversations-elsewhere.ts';
import { WebSocketAcceptor, checkHandshake, offeredSubprotocols } from '../transports/websocket/server.ts';
import type { Store } from '../stores/store.ts';
import { checkHostAndOrigin } from '../transports/http/guard.ts';
import { isLoopback } from '../util/address.ts';
import type { Access } from './access.ts';
import type { Admin } from './admin/admin.ts';
import type { Console } from './console/console.ts';
import type { Settings } from './settings.ts';
import type { Probes } from './probes.ts';
import { noticeEvent } from './store-notice.ts';

export interface HttpIngressOptions {
  /** Of this gateway, by which it recognises its own requests. */
  id: string;
  settings: Settings;
  /** Authentication. */
  access: Access;
  proxies: Proxies;
  store: Store;
  httpCallers: HttpCallers;
  /** Serves clients without MCP, where that is wanted. */
  rest?: RestCallers;
  /** Serves the SSE transport of 2024, where that is wanted. */
  sse?: SseAcceptor;
  /** The upstream that a path below `/mcp`, `/sse` or `/rest` names. @throws {SwitchboardError} when there is none for who asks. */
  route(path: string, base: 'mcp' | 'sse' | 'rest', identity: Identity): Upstream;
  /** The headers that some upstream wants of its callers. */
  callerHeaders(): readonly string[];
  /** The largest message that a caller may send. */
  maxMessageBytes(identity: Identity): number;
  /** Room for one more client. @throws {SwitchboardError} when there is none. */
  checkRoom(identity: Identity, address: string): void;
  /** Counts a connection that is about to be opened. @throws {SwitchboardError} `SWB_RATE_LIMITED` when there were too many. */
  countConnect(identity: Identity, address: string): void;
  /** Keeps a place for a client that comes. Resolves with what gives up what was kept; rejects with `SWB_CONNECTION_LIMIT`. */
  reservePlace(identity: Identity): Promise<() => void>;
  hooks: Readonly<Hooks>;
  /** Answers what operators ask beside MCP. */
  probes: Probes;
  admin?: Admin;
  operatorPage?: Console;
  /** A client came whose connection stays open. */
  onChannel(channel: Channel, transport: Transport, visit: Visit): void;
  /** The client of such a connection came back, and showed again who it is. */
  onResumed(channel: Channel, identity: Identity): void;
  /** Those at other nodes, in a cluster. */
  conversations?: ConversationsElsewhere | undefined;
  /** One came back whose connection another process had opened. Resolves with whether it goes on. @default none goes on */
  onRestored?(channel: Channel, visit: Visit): Promise<boolean>;
  emit: Emit;
}

/** A client that came. */
export interface Visit {
  identity: Identity;
  upstream: Upstream;
  address: string;
  userAgent: string;
  credentials: CallerCredentialValues;
}

/** How long a certificate must still be good for not to be warned of, and how often that is looked at. */
const EXPIRY_WARNING_MS = 14 * 86_400_000;
const EXPIRY_LOOK_MS = 86_400_000;
/** How long what is still open at the end may take: nobody may hold it up. */
const CUT_AFTER_MS = 500;
/** Sockets beyond the number of clients: an HTTP client may use several, and modern ones hold no session. */
const SOCKETS_PER_CLIENT = 8;
const SPARE_SOCKETS = 64;
const OPERATOR_PATH = /^\/(healthz?|livez|readyz|status|metrics|admin(\/.*)?)$/;
const SSE_PATH = new RegExp(`^(/sse(/.*)?|${SSE_POST_PATH})$`);

export class HttpIngress {
  readonly #options: HttpIngressOptions;
  readonly #server: HttpServer;
  #expiry: NodeJS.Timeout | undefined;
  readonly #acceptor: WebSocketAcceptor;

  constructor(options: HttpIngressOptions) {
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
      readLarge: readMessage,
      onNotice: (notice) => options.emit(noticeEvent(notice)),
      elsewhere: options.conversations,
      onUnreadable: (request, socket, what) => {
        this.#refuseUpgrade(request, socket, new SwitchboardError('SWB_BAD_REQUEST', { detail: what }));
      },
    });
    const maxSockets = settings.maxConnections * SOCKETS_PER_CLIENT + SPARE_SOCKETS;
    this.#server = new HttpServer({
      ...(settings.tlsCert !== '' && { certificates: new Certificates(settings) }),
      maxConnections: maxSockets,
      maxConnectionsPerAddress: settings.maxConnectionsPerAddress ?? Math.ceil(maxSockets / 2),
      isUncounted: (address) => options.proxies.has(address),
      onRequest: (request, response) => void this.#serve(request, response),
      onUpgrade: (request, socket, head) => void this.#upgrade(request, socket, head),
      onConnection: (socket) => options.probes.traffic.watch(socket),
      onRefused: ({ code, message }, address) =>
        options.emit({ type: 'connection.refused', code, detail: message, address }),
      onCertificates: (loaded) => this.#reportCertificates(loaded),
      onCertificatesFailed: ({ message }) => options.emit({ type: 'certificate.failed', reason: message }),
      onFailed: (error) => options.emit({ type: 'failed', where: 'http', error }),
    });
  }

  /**
   * @param fd the descriptor of a socket on which this process listens already, in place of the host and the port of the settings.
   * @param passOn for connections whose session another process has that shares the port.
   * @returns the address and the port that are listened on.
   * @throws {SwitchboardError} `SWB_PUBLIC_BIND`, `SWB_TLS_INVALID`, `SWB_PORT_IN_USE`, `SWB_CONFIG_INVALID`
   */
  async listen(fd?: number, passOn?: PassOn): Promise<AddressInfo> {
    const { host, port } = this.#options.settings;
    if (fd === undefined) {
      this.#checkBind(host);
      return this.#server.listen({ host, port }, passOn);
    }
    // Nothing is served before this goes on: connections are taken in another turn.
    const address = await this.#server.listen({ fd }, passOn);
    this.#checkBind(address.address);
    return address;
  }

  /** Serves a connection that another process has passed on. */
  accept(socket: Socket): void {
    this.#server.accept(socket);
  }

  /** Beyond this machine both are needed: to know who is calling, and that nobody reads along. */
  #checkBind(host: string): void {
    const { access, settings } = this.#options;
    const { insecure, behindProxy, tlsCert } = settings;
    if (isLoopback(host) || insecure) return;
    const missing = [
      ...(access.isOn
        ? []
        : ['authentication: make keys with "switchboard keys create" and give --keys-file, or --token auto']),
      ...(behindProxy || tlsCert !== ''
        ? []
        : ['TLS: give --tls-cert and --tls-key, or put a proxy that has it in front and say --behind-proxy']),
    ];
    if (missing.length === 0) return;
    const detail = `${host} can be reached by others. Listen on 127.0.0.1, or give ${missing.join('; and ')}. Or say --insecure`;
    throw new SwitchboardError('SWB_PUBLIC_BIND', { detail });
  }

  /** Refuses new connections at once; resolves when the open ones have ended. */
  async close(): Promise<void> {
    this.#acceptor.close();
    clearInterval(this.#expiry);
    await this.#server.close(CUT_AFTER_MS);
  }

  #reportCertificates({ subject, expiresAt }: Loaded): void {
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

  /** Answers on the HTTP server of a program around the gateway what operators ask. @returns whether it was that. */
  serveOperators(request: IncomingMessage, response: ServerResponse): boolean {
    if (!OPERATOR_PATH.test(request.url?.split(/[?#]/, 1)[0] ?? '')) return false;
    void this.#serveBeside(request, response);
    return true;
  }

  async #serveBeside(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { settings, probes, admin } = this.#options;
      checkHostAndOrigin(request, settings);
      const path = pathOf(request);
      const served = probes.serve(path, request, response) ?? admin?.serve(path, request, response);
      if (served === undefined) throw new SwitchboardError('SWB_NOT_FOUND', { detail: JSON.stringify(path) });
      await served;
    } catch (thrown) {
      this.#refuse(request, response, thrown);
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { access, settings, probes, admin, operatorPage, rest, sse, callerHeaders } = this.#options;
      checkHostAndOrigin(request, settings);
      refuseLoop(request.headers, this.#options.id);
      const path = pathOf(request);
      if (answerCors(request, response, settings.allowedOrigins, callerHeaders)) return;
      const beside =
        access.serve(path, request, response) ??
        probes.serve(path, request, response) ??
        admin?.serve(path, request, response) ??
        operatorPage?.serve(path, request, response);
      if (beside !== undefined) {
        await beside;
        return;
      }
      const identity = await access.identify(request);
      this.#endWith(identity, response);
      if (sse !== undefined && (SSE_PATH.test(path) || opensSse(path, request))) {
        await this.#serveSse(sse, path, request, response, identity);
        return;
      }
      const restPath = rest === undefined ? undefined : readRestPath(path);
      if (rest !== undefined && restPath !== undefined) {
        const found = this.#options.route(`/rest/${restPath.upstream}`, 'rest', identity);
        await rest.serve({ request, response, ...this.#visit(request, found, identity) }, restPath);
        return;
      }
      const upstream = this.#options.route(path, 'mcp', identity);
      if (!this.#options.settings.transport.includes('http')) {
        const detail = 'this Switchboard serves WebSocket only; start it with --transport all for HTTP';
        throw new SwitchboardError('SWB_NOT_FOUND', { detail });
      }
      await this.#options.httpCallers.serve({ request, response, ...this.#visit(request, upstream, identity) });
    } catch (thrown) {
      this.#refuse(request, response, thrown);
    }
  }

  /** Serves what came in at another node of the cluster, which has found out whose it is. Rejects with what is to be said. */
  async serveForwarded(
    request: IncomingMessage,
    response: ServerResponse,
    { identity, address }: PeerCaller,
  ): Promise<void> {
    const upstream = this.#options.route(pathOf(request), 'mcp', identity);
    const visit = { ...this.#visit(request, upstream, identity), address, isForwarded: true };
    await this.#options.httpCallers.serve({ request, response, ...visit });
  }

  /** Answers another node, which an operator has asked. Rejects with what is to be said. */
  async serveNode(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { admin } = this.#options;
    if (admin === undefined) throw new SwitchboardError('SWB_NOT_FOUND', { detail: 'adminPort is off here' });
    await admin.answerNode(path, request, response);
  }

  /** Answers an operator whose request another process of this machine has taken, and checked who asks. Rejects with what is to be said. */
  async servePassed(
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    { address }: PeerCaller,
  ): Promise<void> {
    const { access, admin, operatorPage } = this.#options;
    access.noteAddress(request, address);
    const answering = path.startsWith('/console/') ? operatorPage : admin;
    if (answering === undefined) throw new SwitchboardError('SWB_NOT_FOUND', { detail: JSON.stringify(path) });
    await answering.answerPassed(path, request, response);
  }

  /** An answer that is still being given ends when what was shown for it does. */
  #endWith(identity: Identity, response: ServerResponse): void {
    // Whose client has hung up meanwhile has said so already.
    if (!canEnd(identity) || response.destroyed) return;
    const release = this.#options.access.credentials.watch({ identity, invalidate: () => response.destroy() });
    response.once('close', release);
  }

  async #serveSse(
    sse: SseAcceptor,
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    identity: Identity,
  ): Promise<void> {
    const { route, checkRoom, onChannel } = this.#options;
    const isPost = path === SSE_POST_PATH;
    const allow = isPost ? 'POST' : 'GET';
    if (request.method !== allow) {
      response.setHeader('allow', allow);
      throw new SwitchboardError('SWB_METHOD_NOT_ALLOWED', { detail: `${request.method}; allowed: ${allow}` });
    }
    if (isPost) {
      await sse.post(request, response, bindingOf(identity));
      return;
    }
    const upstream = route(path, SSE_PATH.test(path) ? 'sse' : 'mcp', identity);
    const visit = this.#visit(request, upstream, identity);
    checkRoom(identity, visit.address);
    this.#options.countConnect(identity, visit.address);
    await askConnect(this.#options.hooks, { ...visit, transport: 'sse' });
    const settle = await this.#options.reservePlace(identity);
    try {
      onChannel(sse.accept(request, response, bindingOf(identity)), 'sse', visit);
    } finally {
      settle();
    }
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    try {
      checkHostAndOrigin(request, this.#options.settings);
      refuseLoop(request.headers, this.#options.id);
      const path = pathOf(request);
      const identity = await this.#options.access.identify(request, true);
      const upstream = this.#options.route(path, 'mcp', identity);
      this.#checkUpgrade(request);
      // Who can resume may have a place already: its first message tells, and whether there is room is seen then.
      const visit = this.#visit(request, upstream, identity);
      const isNew = !offeredSubprotocols(request).includes(RESUMABLE);
      if (isNew) this.#options.checkRoom(identity, visit.address);
      this.#options.countConnect(identity, visit.address);
      const { maxMessageBytes, onChannel, onResumed, onRestored, reservePlace, hooks } = this.#options;
      await askConnect(hooks, { ...visit, transport: 'websocket' });
      const settle = isNew ? await reservePlace(identity) : undefined;
      try {
        this.#acceptor.accept(request, socket, head, {
          owner: bindingOf(identity),
          maxMessageBytes: maxMessageBytes(identity),
          onOpen: (channel) => onChannel(channel, 'websocket', visit),
          onResume: (channel) => onResumed(channel, identity),
          ...(onRestored !== undefined &&
            upstream.isMovable && { onRestore: (channel: Channel) => onRestored(channel, visit) }),
        });
      } finally {
        settle?.();
      }
    } catch (thrown) {
      this.#refuseUpgrade(request, socket, thrown);
    }
  }

  #visit(request: IncomingMessage, upstream: Upstream, identity: Identity): Visit {
    return {
      identity,
      upstream,
      credentials: new CallerCredentialValues(upstream, request.headers, identity.claims),
      address: this.#options.access.addressOf(request),
      userAgent: request.headers['user-agent'] ?? '',
    };
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
    const { access, emit } = this.#options;
    const address = access.addressOf(request);
    if (error !== thrown) emit({ type: 'failed', where: 'listener', error });
    else emit({ type: 'connection.refused', code: error.code, detail: error.message, address });
    const path = request.url?.split(/[?#]/, 1)[0] ?? '/';
    sendError(response, error, undefined, access.challenge(request, path, error));
  }
}

/**
 * Some clients of 2024 look for the event stream where the messages of Streamable HTTP go. There a GET goes on with a session, which it
 * names; without one it can only be theirs.
 */
const opensSse = (path: string, { method, headers }: IncomingMessage): boolean =>
  method === 'GET' &&
  /^\/mcp(\/|$)/.test(path) &&
  /text\/event-stream/i.test(headers.accept ?? '') &&
  headers['mcp-session-id'] === undefined &&
  headers['last-event-id'] === undefined;

function pathOf({ url = '' }: IncomingMessage): string {
  if (!url.startsWith('/')) throw new SwitchboardError('SWB_BAD_REQUEST', { detail: 'the request target is no path' });
  return url.split(/[?#]/, 1)[0]!;
}
