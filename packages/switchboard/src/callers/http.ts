/**
 * Clients that come over Streamable HTTP: decides which era a request belongs to, and hands it to that era's side.
 * Who is calling and whether the request may come in at all has been settled before.
 */
import type { IncomingMessage } from 'node:http';

import { isBatch, parseBatch } from '../protocol/batch.ts';
import { claimsModern, isModernVersion, metaOf } from '../protocol/eras.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import { isRequest } from '../protocol/jsonrpc.ts';
import type { Message, RpcRequest } from '../protocol/jsonrpc.ts';
import { readMessage } from '../protocol/large-call.ts';
import { checkFromClient } from '../protocol/shapes.ts';
import { readBytes, requireJson } from '../transports/http/body.ts';
import { EVENT_STREAM_TYPE, JSON_TYPE, accepts } from '../transports/http/media.ts';
import { sendError } from '../transports/http/reply.ts';
import { tellAllowance } from './allowance.ts';
import { refusal } from './context.ts';
import type { CallerContext } from './context.ts';
import type { Arrival } from './arrival.ts';
import { homeName } from './home.ts';
import { HttpSession } from './http-session.ts';
import { serveModernPost } from './http-modern.ts';
import type { HttpLimits, HttpVisit } from './http-visit.ts';
import type { Registry } from './registry.ts';
import { credentialsDigest, digestOf, isRecordOf } from './session-record.ts';
import type { SessionRecords } from './session-records.ts';

const ALLOWED = 'GET, POST, DELETE';

/** The other nodes of a cluster. */
export interface Elsewhere {
  /** For a new session, so that they know where it is. */
  newSecret(): string;
  /** Whether one of the nodes made this secret: others are looked for nowhere. */
  isOurs(secret: string): boolean;
  /**
   * Passes a request on to where its session is, or the call that it comes back to, if that is elsewhere.
   *
   * @param body of a POST, which has been read.
   * @returns whether it was, and answered; if not, nothing was done with it. Rejects with a `SwitchboardError` to be answered here.
   */
  forward(visit: HttpVisit, body?: Buffer): Promise<boolean>;
  /**
   * Passes a modern request on to the home of its client, if that is elsewhere: where its server has a process for each client.
   *
   * @param client what {@link homeName} says.
   * @returns as {@link forward}; rejects as it.
   */
  forwardHome(visit: HttpVisit, body: Buffer, client: string): Promise<boolean>;
}

export class HttpCallers {
  readonly #context: CallerContext;
  readonly #registry: Registry;
  readonly #limits: HttpLimits;
  readonly #newId: () => string;
  readonly #elsewhere: Elsewhere | undefined;
  /** Sessions that are being rebuilt. */
  readonly #restoring: Map<string, Promise<HttpSession>> = new Map();

  /** @param elsewhere where sessions can be at another node. */
  constructor(
    context: CallerContext,
    registry: Registry,
    limits: HttpLimits,
    newId: () => string,
    elsewhere?: Elsewhere,
  ) {
    this.#context = context;
    this.#registry = registry;
    this.#limits = limits;
    this.#newId = newId;
    this.#elsewhere = elsewhere;
  }

  /** Serves one HTTP request to an MCP path. Never rejects. */
  async serve(visit: HttpVisit): Promise<void> {
    const { request, response } = visit;
    let message: Message | undefined;
    try {
      switch (request.method) {
        case 'POST': {
          const body = await this.#readBody(visit);
          if (this.#elsewhere !== undefined && (await this.#elsewhere.forward(visit, body))) break;
          if (isBatch(body)) {
            const parts = parseBatch(body.toString('utf8'));
            (await this.#session(visit)).postBatch(parts, visit);
            break;
          }
          message = withTrace(readMessage(body), request);
          checkFromClient(message);
          await this.#post(visit, message, body);
          break;
        }
        case 'GET':
          if (await this.#elsewhere?.forward(visit)) break;
          await (await this.#session(visit)).openStream(visit);
          break;
        case 'DELETE':
          if (await this.#elsewhere?.forward(visit)) break;
          (await this.#session(visit)).close('goingAway', 'the client ended the session');
          response.writeHead(204).end();
          break;
        default:
          throw new SwitchboardError('SWB_METHOD_NOT_ALLOWED', { detail: `${request.method}; allowed: ${ALLOWED}` });
      }
    } catch (thrown) {
      const error = asSwitchboardError(thrown);
      if (error !== thrown) this.#context.emit({ type: 'failed', where: 'http', error });
      const session = this.#sessionIdOf(visit);
      this.#context.emit(refusal(error, { ...visit, transport: 'http', ...(session && { id: session }) }, message));
      const rpcId = message !== undefined && isRequest(message) ? message.id : undefined;
      sendError(response, error, rpcId, error.code === 'SWB_METHOD_NOT_ALLOWED' ? { allow: ALLOWED } : {});
    }
  }

  async #readBody({ request, identity }: HttpVisit): Promise<Buffer> {
    requireJson(request);
    const { accept } = request.headers;
    // The answer may be JSON or an event stream, so a client has to take both (MCP, Streamable HTTP, "Sending messages").
    if (accept !== undefined && !(accepts(accept, JSON_TYPE) && accepts(accept, EVENT_STREAM_TYPE))) {
      throw new SwitchboardError('SWB_NOT_ACCEPTABLE', { detail: `got ${JSON.stringify(accept)}` });
    }
    const { maxMessageBytes } = this.#limits;
    const most = Math.min(maxMessageBytes, this.#context.maxMessageBytes(identity));
    return readBytes(request, most);
  }

  async #post(visit: HttpVisit, message: Message, body: Buffer): Promise<void> {
    const { request, upstream } = visit;
    const version = request.headers['mcp-protocol-version'];
    const isModern =
      'method' in message
        ? claimsModern(message.params) || (typeof version === 'string' && isModernVersion(version))
        : false;
    if (isModern) {
      if (upstream.hasHomes && isRequest(message) && this.#elsewhere !== undefined) {
        if (await this.#elsewhere.forwardHome(visit, body, homeName(visit, message))) return;
      }
      const arrival: Arrival = { ...visit, id: visit.address, loose: true, transport: 'http' };
      if (isRequest(message)) tellAllowance(visit.response, this.#context, arrival);
      await serveModernPost(message, visit, arrival, this.#context, this.#limits);
    } else if (isRequest(message) && message.method === 'initialize' && !request.headers['mcp-session-id']) {
      // What the client shows to prove that the session is its own is not what stands in logs.
      const names = { secret: this.#elsewhere?.newSecret() ?? this.#newId(), id: this.#newId() };
      await HttpSession.open(message, visit, this.#context, this.#registry, this.#limits, names);
    } else {
      const session = this.#session(visit);
      (session instanceof Promise ? await session : session).post(message, visit);
    }
  }

  /** The id, for operators, of the session here that a request names, if it is the caller's. */
  #sessionIdOf({ request, identity }: HttpVisit): string | undefined {
    const secret = request.headers['mcp-session-id'];
    return typeof secret === 'string' ? this.#registry.find(secret, identity)?.facts.id : undefined;
  }

  /** The session that a request names. @throws {SwitchboardError} where there is none for who asks; rejects so where one was looked up. */
  #session(visit: HttpVisit): HttpSession | Promise<HttpSession> {
    const { request, identity, upstream, credentials } = visit;
    const secret = request.headers['mcp-session-id'];
    if (typeof secret !== 'string' || secret === '') throw new SwitchboardError('SWB_SESSION_REQUIRED');
    const session = this.#registry.find(secret, identity);
    if (session === undefined && this.#context.records !== undefined && this.#elsewhere?.isOurs(secret) !== false) {
      return this.#restored(secret, visit, this.#context.records);
    }
    if (!(session instanceof HttpSession) || session.upstream !== upstream) {
      throw new SwitchboardError('SWB_SESSION_NOT_FOUND');
    }
    session.credentials.mustEqual(credentials.headers);
    session.renew(identity);
    return session;
  }

  /** Requests that come together for a session that another process has opened rebuild it once. */
  async #restored(secret: string, visit: HttpVisit, records: SessionRecords): Promise<HttpSession> {
    const { identity, upstream, credentials } = visit;
    const name = digestOf(secret);
    const record = await records.find(name);
    // Another request may have been faster.
    const known = this.#registry.find(secret, identity);
    if (known !== undefined) return this.#session(visit);
    if (record === undefined || !isRecordOf(record, identity, upstream)) {
      throw new SwitchboardError('SWB_SESSION_NOT_FOUND');
    }
    if (!upstream.isMovable) {
      records.forget(name);
      const detail = 'its server has ended with the process that had opened it';
      throw new SwitchboardError('SWB_SESSION_NOT_FOUND', { detail });
    }
    if (record.credentials !== credentialsDigest(credentials.headers)) {
      const detail = 'what it brings for its server is not what this session began with; open another session';
      throw new SwitchboardError('SWB_CREDENTIAL_CHANGED', { detail });
    }
    const restoring =
      this.#restoring.get(name) ??
      HttpSession.restore(record, visit, this.#context, this.#registry, this.#limits, secret).finally(() =>
        this.#restoring.delete(name),
      );
    this.#restoring.set(name, restoring);
    const session = await restoring;
    session.renew(identity);
    return session;
  }
}

const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}(-|$)/;

/** Trace context counts where it crosses every transport, in `_meta`; that of the headers (W3C Trace Context) stands in for it. */
export function withTrace(message: RpcRequest, request: IncomingMessage): RpcRequest;
export function withTrace(message: Message, request: IncomingMessage): Message;
export function withTrace(message: Message, { headers }: IncomingMessage): Message {
  const { traceparent, tracestate, baggage } = headers;
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent) || !isRequest(message)) return message;
  const meta = metaOf(message.params);
  if (meta?.['traceparent'] !== undefined) return message;
  const context = { traceparent, ...(tracestate && { tracestate }), ...(baggage && { baggage }) };
  return { ...message, params: { ...message.params, _meta: { ...meta, ...context } } };
}
