/**
 * Where a node is reached by the others, on a port of its own: nothing there is for clients. Whatever is not signed with the key of the
 * cluster is refused before anything of it is looked at.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Server as SecureServer } from 'node:https';

import type { Emit } from '../observe/events.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import { HTTP_LIMITS } from '../transports/http/limits.ts';
import { digestOfBody, expectDigest } from '../transports/http/body.ts';
import { sendError } from '../transports/http/reply.ts';
import type { Certificates } from '../transports/tls/certificates.ts';
import type { ClusterKey } from './cluster-key.ts';
import { BODY_HEADER, Nonces, SIGNATURE_HEADER, refused, signAnswer, verifyRequest } from './signature.ts';

/** Says that another node than the one that was meant has its port now. */
export const ANOTHER_STATUS = 410;
/** Answered with the other nodes that this one cannot reach. */
export const UNREACHED_PATH = '/peer/unreached';
/** Answers 204, so that it is known that a node can be reached. */
export const ALIVE_PATH = '/peer/alive';

export interface PeerListenerOptions {
  key: ClusterKey;
  /** The id under which this node is known now. */
  self(): string;
  host: string;
  port: number;
  /** With them it speaks TLS, and nothing else. */
  certificates?: Certificates;
  /** Connections at a time; further ones are dropped. A stream of a session that is forwarded keeps one. */
  maxConnections: number;
  /** Requests that are remembered, so that none is received twice; one more is refused until the oldest can come no more. @default 200_000 */
  maxRemembered?: number;
  /** Serves a request of another node of the cluster. What it throws is answered. */
  serve(request: IncomingMessage, response: ServerResponse): Promise<void>;
  emit: Emit;
}

/** More than clients have: it carries what is known of the caller. */
const HEAD_BYTES = 64 * 1024;
const NO_BODY = digestOfBody('');
/** How long what is still open at the end may take. */
const CUT_AFTER_MS = 500;

export class PeerListener {
  readonly #options: PeerListenerOptions;
  readonly #nonces: Nonces;
  #server: Server | SecureServer | undefined;

  constructor(options: PeerListenerOptions) {
    this.#options = options;
    this.#nonces = new Nonces(options.maxRemembered);
  }

  /** @throws {SwitchboardError} `SWB_PORT_IN_USE`, `SWB_TLS_INVALID`, `SWB_CONFIG_INVALID` when the address is not this machine's. */
  async listen(): Promise<AddressInfo> {
    const { host, port, certificates, maxConnections, emit } = this.#options;
    const http = {
      headersTimeout: HTTP_LIMITS.headMs,
      requestTimeout: HTTP_LIMITS.requestMs,
      keepAliveTimeout: HTTP_LIMITS.idleMs,
      connectionsCheckingInterval: HTTP_LIMITS.lookMs,
      maxHeaderSize: HEAD_BYTES,
      noDelay: true,
    };
    const loaded = certificates?.load();
    const server =
      loaded === undefined
        ? createServer(http)
        : createSecureServer({ ...http, ...loaded.options, handshakeTimeout: HTTP_LIMITS.headMs });
    this.#server = server;
    server.maxConnections = maxConnections;
    server.on('request', (request, response) => void this.#answer(request, response));
    // Node would serve an upgrade that it does not know as a request, or cut it: there is none between nodes.
    server.on('upgrade', (_request, socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) => {
        const isTaken = cause.code === 'EADDRINUSE';
        const detail = `peerListen: ${isTaken ? `${host}:${port}` : cause.message}; choose another with --peer-listen`;
        reject(new SwitchboardError(isTaken ? 'SWB_PORT_IN_USE' : 'SWB_CONFIG_INVALID', { detail, cause }));
      });
      // Each process of a cluster of Node has a port of its own.
      server.listen({ port, host, exclusive: true }, resolve);
    });
    certificates?.watch({
      onLoad: ({ options }) => (server as SecureServer).setSecureContext(options),
      onFailure: ({ message }) => emit({ type: 'certificate.failed', reason: message }),
    });
    return server.address() as AddressInfo;
  }

  /** Refuses new connections at once; resolves when the open ones have ended, or were cut. */
  async close(): Promise<void> {
    this.#options.certificates?.close();
    const server = this.#server;
    if (server?.listening !== true) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeIdleConnections();
      setTimeout(() => server.closeAllConnections(), CUT_AFTER_MS).unref();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { key, self, serve, emit } = this.#options;
    try {
      const { to, nonce, until } = verifyRequest(key, this.#nonces, request);
      signWhenSent(response, (status) => signAnswer(key, to, nonce, status));
      // A node that is busy is still there, and nothing happens when that is asked twice.
      if (request.url !== ALIVE_PATH) this.#nonces.remember(nonce, until);
      // A node that was started again is another one: what the former one had is not here.
      if (to !== self()) {
        response.writeHead(ANOTHER_STATUS).end();
        return;
      }
      expectDigest(request, String(request.headers[BODY_HEADER] ?? NO_BODY), () => {
        const error = refused('its body is not the one that was signed');
        this.#note(error, request);
        return error;
      });
      await serve(request, response);
    } catch (thrown) {
      const error = asSwitchboardError(thrown);
      if (error !== thrown) emit({ type: 'failed', where: 'peer listener', error });
      else if (error.code === 'SWB_PEER_UNAUTHORIZED') this.#note(error, request);
      sendError(response, error);
    }
  }

  #note({ message: reason }: SwitchboardError, { socket }: IncomingMessage): void {
    this.#options.emit({ type: 'peer.refused', reason, address: socket.remoteAddress ?? '' });
  }
}

/** Whatever writes the head of the response, its signature goes with it. */
function signWhenSent(response: ServerResponse, sign: (status: number) => string): void {
  const writeHead = response.writeHead.bind(response) as (...all: unknown[]) => ServerResponse;
  response.writeHead = (status: number, ...rest: unknown[]): ServerResponse => {
    response.setHeader(SIGNATURE_HEADER, sign(status));
    return writeHead(status, ...rest);
  };
}
