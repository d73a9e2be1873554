/**
 * HTTP/2 for clients that agreed to it in the handshake of TLS. Requests are handed on as if they had come over HTTP/1.1, and so is
 * each stream that is to be a WebSocket.
 */
import { constants, createServer } from 'node:http2';
import type { Http2Server, Http2ServerRequest, Http2ServerResponse, ServerHttp2Session } from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';

import { SwitchboardError } from '../../protocol/errors.ts';
import { EndedSessions } from './ended-sessions.ts';
import { asUpgrade, asksForWebSocket } from './extended-connect.ts';
import { HTTP_LIMITS } from './limits.ts';
import { sendError } from './reply.ts';

/** Frames that break the protocol, and streams that were refused, before a session ends; Node's defaults are 1000 and 100. */
const MAX_INVALID_FRAMES = 100;
const MAX_REJECTED_STREAMS = 100;
const MAX_SESSION_MB = 10;

export interface Http2Ears {
  onRequest(request: IncomingMessage, response: ServerResponse): void;
  /** Somebody asks for a WebSocket; the socket carries that one alone. */
  onUpgrade(request: IncomingMessage, socket: Duplex): void;
}

export class Http2Sessions {
  readonly #server: Http2Server;
  readonly #open: Map<ServerHttp2Session, TLSSocket> = new Map();
  readonly #ended: EndedSessions = new EndedSessions();
  readonly #pingMs: number;

  /** @param pingMs how often it is seen whether who has streams is still there, in ms. */
  constructor({ onRequest, onUpgrade }: Http2Ears, pingMs: number = HTTP_LIMITS.pingMs) {
    this.#pingMs = pingMs;
    this.#server = createServer({
      maxSessionMemory: MAX_SESSION_MB,
      maxSessionInvalidFrames: MAX_INVALID_FRAMES,
      maxSessionRejectedStreams: MAX_REJECTED_STREAMS,
      maxHeaderListPairs: HTTP_LIMITS.headers,
      settings: {
        maxConcurrentStreams: HTTP_LIMITS.streams,
        maxHeaderListSize: HTTP_LIMITS.headBytes,
        enableConnectProtocol: true,
        enablePush: false,
      },
    });
    this.#server.on('sessionError', (_error, session) => session.destroy());
    this.#server.on('request', (request: Http2ServerRequest, response: Http2ServerResponse) => {
      if (!adapt(request)) return;
      bound(request);
      onRequest(request as never, response as never);
    });
    this.#server.on('connect', (request: Http2ServerRequest, response: Http2ServerResponse) => {
      if (!adapt(request)) return;
      if (asksForWebSocket(request)) {
        const upgrade = asUpgrade(request);
        onUpgrade(upgrade.request, upgrade.socket);
        return;
      }
      const detail = 'CONNECT; only WebSockets can be asked for with it (RFC 8441)';
      sendError(response as never, new SwitchboardError('SWB_METHOD_NOT_ALLOWED', { detail }));
    });
  }

  /** Takes a connection over. */
  accept(socket: TLSSocket): void {
    // A certificate that was revoked has ended it already.
    if (socket.destroyed) return;
    // A server of HTTP/1.1 lets clients close their half and wait. Over HTTP/2 who has closed it is gone, with all its streams.
    socket.allowHalfOpen = false;
    this.#server.once('session', (session) => this.#watch(session, socket));
    this.#server.emit('connection', socket);
  }

  /** Takes no more requests; sessions end when the last one is answered. */
  close(): void {
    for (const session of this.#open.keys()) session.close();
  }

  destroy(): void {
    this.#ended.clear();
    for (const socket of this.#open.values()) socket.destroy();
  }

  /** A session that holds no request ends: what dribbles in without ever becoming one does not keep it. */
  #watch(session: ServerHttp2Session, socket: TLSSocket): void {
    this.#open.set(session, socket);
    this.#ended.follow(session);
    let streams = 0;
    // Who is told that the session ends may not hang up: nothing more is waited for.
    let idle = setTimeout(() => socket.destroy(), HTTP_LIMITS.headMs);
    const endIdle = (): void => {
      session.close();
      idle = setTimeout(() => socket.destroy(), HTTP_LIMITS.lookMs).unref();
    };
    let answered = true;
    const ping = setInterval(() => {
      if (streams === 0 && !session.destroyed) return;
      // After an error of the protocol Node reads no more, and tells nobody; then there is no answer either. Nor is there one when
      // the session has ended and the client does not hang up.
      if (!answered) {
        socket.destroy();
        return;
      }
      answered = false;
      if (!session.destroyed) session.ping((error) => (answered ||= error === null));
    }, this.#pingMs).unref();
    session.on('stream', (stream) => {
      streams++;
      clearTimeout(idle);
      stream.once('close', () => {
        if (--streams > 0 || session.destroyed) return;
        idle = setTimeout(endIdle, HTTP_LIMITS.idleMs).unref();
      });
    });
    socket.once('close', () => {
      clearTimeout(idle);
      clearInterval(ping);
      this.#open.delete(session);
    });
  }
}

/** Makes a request look as over HTTP/1.1. @returns whether it can be served. */
function adapt(request: Http2ServerRequest): boolean {
  const { stream, headers } = request;
  const authority = headers[':authority'];
  // RFC 9113, section 8.3.1: a Host that is not the authority makes the request malformed.
  if (headers.host !== undefined && authority !== undefined && headers.host !== authority) {
    stream.close(constants.NGHTTP2_PROTOCOL_ERROR);
    return false;
  }
  if (authority !== undefined) headers.host = authority;
  return true;
}

/** A request may take so long to arrive, and its stream ends with its answer. */
function bound(request: Http2ServerRequest): void {
  const { stream } = request;
  // A request without a body has arrived with its head, whether anybody reads it or not.
  const hasArrived = (): boolean => stream.endAfterHeaders || request.complete;
  stream.once('finish', () => {
    // It is answered, and the rest of its body nobody wants (RFC 9113, section 8.1).
    if (hasArrived()) return;
    stream.close(constants.NGHTTP2_NO_ERROR);
    stream.destroy();
  });
  if (hasArrived()) return;
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), HTTP_LIMITS.requestMs);
  for (const event of ['end', 'close'] as const) request.once(event, () => clearTimeout(timer));
}
