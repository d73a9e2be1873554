/**
 * The server that everything comes in through: HTTP/1.1, and with certificates TLS, over which HTTP/2 may be agreed to as well. What a
 * connection may do before anybody knows whose it is, is decided here.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Server as SecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';

import { AddressCount } from '../../limits/address-count.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import { handshakeRules } from '../tls/certificates.ts';
import type { Certificates, Loaded } from '../tls/certificates.ts';
import { Revocations } from '../tls/revocations.ts';
import { Http2Sessions } from './http2.ts';
import { FirstRequests } from './first-request.ts';
import { HTTP_LIMITS, limitConnections } from './limits.ts';
import { upgradeRefusal } from './refuse.ts';
import { sendError } from './reply.ts';

export interface HttpServerOptions {
  /** With them it speaks TLS, and nothing else. */
  certificates?: Certificates;
  /** Connections at a time; further ones are dropped. */
  maxConnections: number;
  /** Of these, how many one address may have. */
  maxConnectionsPerAddress: number;
  /** An address that is not counted, as that of a proxy. */
  isUncounted(address: string): boolean;
  onRequest(request: IncomingMessage, response: ServerResponse): void;
  /** Only for WebSocket: other upgrades are passed over, and the request is served as it is. */
  onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** A TCP connection was made. */
  onConnection(socket: Socket): void;
  /** A connection was refused before there was a request. */
  onRefused(error: SwitchboardError, address: string): void;
  /** The certificates were read, at the start or again. */
  onCertificates(loaded: Loaded): void;
  /** New certificates cannot be used; the old ones stay. */
  onCertificatesFailed(error: SwitchboardError): void;
  /** A connection could not be taken, as where no descriptor is free. What is open goes on. */
  onFailed(error: Error): void;
}

/**
 * Has another process that shares this one's port serve a connection of which nothing was taken yet.
 *
 * @param session which its first request names.
 * @returns whether it does; then the connection is gone here.
 */
export type PassOn = (session: string, socket: Socket) => boolean;

/** A socket whose handshake failed, as it is in Node. */
type Refused = Omit<TLSSocket, 'authorizationError'> & {
  /** OpenSSL's name of what is wrong with the certificate, where one was shown. */
  authorizationError: string | null;
  /** The connection below, which still knows whose it was when both have ended. */
  _parent?: Socket;
};

/** Newer than the types: since Node 22.21 and 24.9 a server says which upgrades it wants, and Node serves the others as requests. */
interface UpgradeOptions {
  shouldUpgradeCallback(request: IncomingMessage): boolean;
}

const asksForWebSocket = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === 'websocket';

export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: Server | SecureServer;
  readonly #http2: Http2Sessions;
  readonly #counted: AddressCount;
  readonly #revocations: Revocations = new Revocations();
  readonly #firstRequests: FirstRequests = new FirstRequests();
  #passOn: PassOn | undefined;
  readonly #accepted: WeakSet<Socket> = new WeakSet();
  /** Those that asked for an upgrade, which some clients do with each request. */
  readonly #asked: WeakSet<Duplex> = new WeakSet();
  /** Node's own: reads HTTP/1.1 from a socket. */
  readonly #serveHttp1: (socket: Duplex) => void;

  constructor(options: HttpServerOptions) {
    const { certificates } = options;
    this.#options = options;
    this.#counted = new AddressCount(options.maxConnectionsPerAddress);
    this.#http2 = new Http2Sessions({
      onRequest: (request, response) => this.#serve(request, response),
      onUpgrade: (request, socket) => this.#upgrade(request, socket, Buffer.alloc(0)),
    });
    const http: ServerOptions & UpgradeOptions = {
      headersTimeout: HTTP_LIMITS.headMs,
      requestTimeout: HTTP_LIMITS.requestMs,
      keepAliveTimeout: HTTP_LIMITS.idleMs,
      connectionsCheckingInterval: HTTP_LIMITS.lookMs,
      maxHeaderSize: HTTP_LIMITS.headBytes,
      insecureHTTPParser: false,
      noDelay: true,
      shouldUpgradeCallback: asksForWebSocket,
    };
    this.#server =
      certificates === undefined
        ? createServer(http)
        : createSecureServer({ ...http, ...handshakeRules(certificates.isMutual) });
    const server = this.#server as Server;
    // Node would leave out what is beyond, silently; too many are refused instead. Their bytes are bounded before.
    server.maxHeadersCount = 0;
    const ready = certificates === undefined ? 'connection' : 'secureConnection';
    const [serveHttp1] = server.listeners(ready) as ((socket: Duplex) => void)[];
    this.#serveHttp1 = (socket) => serveHttp1!.call(server, socket);
    server.removeListener(ready, serveHttp1 as () => void);
    if (certificates === undefined) server.on('connection', (socket: Socket) => this.#place(socket));
    else this.#dispatch(server as SecureServer);
    server.prependListener('connection', (socket: Socket) => this.#count(socket));
    limitConnections(server, options.maxConnections);
    server.on('request', (request, response) => this.#serve(request, response));
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuseUnreadable(error, socket as Socket));
  }

  /**
   * @param place an address and a port; or the number of a descriptor, of a socket on which something listens already.
   * @param passOn for connections in the clear, where other processes share the port. @default all are served here
   * @returns the address and the port that are listened on.
   * @throws {SwitchboardError} `SWB_TLS_INVALID`, `SWB_PORT_IN_USE`, `SWB_CONFIG_INVALID` when the address is not this machine's, or the
   * descriptor is no TCP socket
   */
  async listen(place: { port: number; host: string } | { fd: number }, passOn?: PassOn): Promise<AddressInfo> {
    const { certificates } = this.#options;
    if (certificates !== undefined) await this.#use(certificates.load());
    this.#passOn = passOn;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause: NodeJS.ErrnoException) => {
        const taken = cause.code === 'EADDRINUSE';
        const where = 'fd' in place ? `the inherited socket (descriptor ${place.fd})` : `host ${place.host}`;
        const detail =
          taken && 'port' in place
            ? `${place.host}:${place.port}; choose another with --port, or 0 for any`
            : `${where}: ${cause.message}`;
        reject(new SwitchboardError(taken ? 'SWB_PORT_IN_USE' : 'SWB_CONFIG_INVALID', { detail, cause }));
      });
      this.#server.listen(place, resolve);
    });
    // Without a listener, one connection that cannot be taken would end the process.
    this.#server.on('error', (error) => this.#options.onFailed(error));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') {
      const detail = 'the inherited socket is not one of TCP; give an address and a port in ListenStream';
      throw new SwitchboardError('SWB_CONFIG_INVALID', { detail });
    }
    certificates?.watch({
      onLoad: (loaded) => void this.#use(loaded),
      onFailure: (error) => this.#options.onCertificatesFailed(error),
    });
    return address;
  }

  /** Serves a connection that another process has taken, and of which nothing was read. It is not passed on. */
  accept(socket: Socket): void {
    this.#accepted.add(socket);
    this.#server.emit('connection', socket);
  }

  /** Refuses new connections at once; resolves when the open ones have ended, or were cut after this many milliseconds. */
  async close(cutAfterMs: number): Promise<void> {
    this.#options.certificates?.close();
    if (!this.#server.listening) return;
    this.#firstRequests.close();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
      this.#http2.close();
      setTimeout(() => {
        this.#server.closeAllConnections();
        this.#http2.destroy();
      }, cutAfterMs).unref();
    });
  }

  /** For new handshakes; connections that are open go on, but those whose certificate was revoked. */
  async #use(loaded: Loaded): Promise<void> {
    (this.#server as SecureServer).setSecureContext(loaded.options);
    try {
      await this.#revocations.use(loaded.crl);
      this.#options.onCertificates(loaded);
    } catch (cause) {
      const detail = `tlsClientCrl: ${(cause as Error).message}`;
      this.#options.onCertificatesFailed(new SwitchboardError('SWB_TLS_INVALID', { detail, cause }));
    }
  }

  /** Each connection to the process that has the session of its first request. */
  #place(socket: Socket): void {
    const passOn = this.#passOn;
    if (passOn === undefined || this.#accepted.has(socket)) this.#serveHttp1(socket);
    else {
      this.#firstRequests.await(socket, (session) => {
        if (session === undefined || !passOn(session, socket)) this.#serveHttp1(socket);
      });
    }
  }

  /** Each connection to the version of HTTP that was agreed to in its handshake. */
  #dispatch(server: SecureServer): void {
    server.on('secureConnection', (socket: TLSSocket) => {
      if (this.#options.certificates!.isMutual) this.#revocations.watch(socket);
      if (socket.alpnProtocol === 'h2') this.#http2.accept(socket);
      else this.#serveHttp1(socket);
    });
    server.on('tlsClientError', (cause: Error, socket: Refused) => {
      socket.destroy();
      // Node cuts a connection whose certificate it does not accept, and calls that a hang-up.
      const detail = socket.authorizationError ?? cause.message;
      const error = new SwitchboardError('SWB_TLS_REFUSED', { detail, cause });
      this.#options.onRefused(error, socket._parent?.remoteAddress ?? socket.remoteAddress ?? '');
    });
  }

  #count(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const { maxConnectionsPerAddress, isUncounted, onRefused, onConnection } = this.#options;
    if (!isUncounted(address)) {
      if (!this.#counted.enter(address)) {
        const detail = `${address} has ${maxConnectionsPerAddress}, the limit (maxConnectionsPerAddress)`;
        socket.destroy();
        onRefused(new SwitchboardError('SWB_CONNECTION_LIMIT', { detail }), address);
        return;
      }
      socket.once('close', () => this.#counted.leave(address));
    }
    onConnection(socket);
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const wrong = wrongHead(request);
    if (wrong === undefined) this.#options.onRequest(request, response);
    else sendError(response, wrong);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!this.#asked.has(socket)) socket.on('error', () => {});
    this.#asked.add(socket);
    const wrong = wrongHead(request) ?? (asksForWebSocket(request) ? bodyOfUpgrade(request) : undefined);
    if (wrong !== undefined) sendError(upgradeRefusal(request, socket), wrong);
    else if (asksForWebSocket(request)) {
      this.#options.onUpgrade(request, socket, head);
    } else {
      // A server may ignore an upgrade that it does not know (RFC 9110, section 7.8). Node 20 hands the socket over all the same: it
      // is given back, with the request as it came less the upgrade.
      socket.unshift(Buffer.concat([withoutUpgrade(request), head]));
      this.#serveHttp1(socket);
    }
  }
}

/** What Node's parser lets pass and nobody should send: who stands between may have read it in another way. */
function wrongHead({ rawHeaders }: IncomingMessage): SwitchboardError | undefined {
  if (rawHeaders.length / 2 > HTTP_LIMITS.headers) {
    return new SwitchboardError('SWB_BAD_REQUEST', { detail: `it has more than ${HTTP_LIMITS.headers} headers` });
  }
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  // RFC 9112, section 3.2. Node goes by the first.
  return hosts > 1 ? new SwitchboardError('SWB_BAD_REQUEST', { detail: 'it has more than one Host' }) : undefined;
}

/** Whether the bytes after the head are a body or the first frames is read in two ways, also by versions of Node. */
function bodyOfUpgrade({ headers }: IncomingMessage): SwitchboardError | undefined {
  const hasNone = headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
  return hasNone
    ? undefined
    : new SwitchboardError('SWB_BAD_REQUEST', { detail: 'an upgrade to WebSocket has a body' });
}

const STATUS: Readonly<Record<string, readonly [string, string | undefined]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'it took too long to arrive'],
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', undefined],
};

/** What cannot be read as HTTP has no request to answer, only a socket. */
function refuseUnreadable(cause: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || cause.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, detail = cause.message] = STATUS[cause.code ?? ''] ?? ['400 Bad Request'];
  const error = new SwitchboardError('SWB_BAD_REQUEST', { detail });
  const body = JSON.stringify({ jsonrpc: '2.0', id: null, error: error.toRpc() });
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** The tokens of a `Connection` header but those of an upgrade. */
function withoutTokens(value: string): string {
  const tokens = value.split(',').map((token) => token.trim());
  return tokens.filter((token) => !/^(upgrade|http2-settings)?$/i.test(token)).join(', ') || 'keep-alive';
}

/** The head of a request, as if it had not asked for an upgrade. Java's HTTP client asks for HTTP/2 in its first request. */
function withoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = rawHeaders.slice(at, at + 2);
    if (/^(upgrade|http2-settings)$/i.test(name)) continue;
    lines.push(`${name}: ${/^connection$/i.test(name) ? withoutTokens(value) : value}`);
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}
