/**
 * A channel to an MCP server that speaks Streamable HTTP, in either era. Every request is a POST of its own, whose answer comes
 * as JSON or as an event stream; a legacy server also has a GET stream for what belongs to no request.
 */
import { createParser } from 'eventsource-parser';
import { request as httpRequest } from 'node:http';
import type { Agent, ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';

import { claimsModern } from '../../protocol/eras.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import { isRequest, isResponse, parseMessage, stringifyMessage } from '../../protocol/jsonrpc.ts';
import type { Message, ParsedMessage, RpcId } from '../../protocol/jsonrpc.ts';
import type { ParamHeader } from '../../protocol/param-headers.ts';
import type { CloseName } from '../../protocol/close-codes.ts';
import { backoffMs } from '../../util/backoff.ts';
import { Numbered } from '../../util/numbered.ts';
import { owned } from '../../util/owned.ts';
import { ShortMap } from '../../util/short-map.ts';
import type { Channel, ChannelHandlers } from '../channel.ts';
import type { ClientTls } from '../tls/client-tls.ts';
import { keepingAgent } from './agent.ts';
import { answerIn, unavailable } from './answer.ts';
import { standardHeaders } from './headers.ts';

/** Where the `Authorization` header of requests comes from, when it does not stay the same. */
export interface Authorization {
  /** Rejects when none can be had. */
  header(): Promise<string>;
  /** The server answered this one with 401. */
  reject(header: string): void;
}

export interface HttpClientOptions {
  headers?: Record<string, string>;
  authorization?: Authorization;
  maxMessageBytes: number;
  /** Finds the address of the server's name. @default the system's */
  lookup?: LookupFunction;
  /** What is shown and trusted where the server speaks TLS. */
  tls?: ClientTls;
  /** How many POSTs may be under way at a time; further messages wait. */
  maxSockets: number;
}

const ACCEPT = 'application/json, text/event-stream';
/** How often in a row a broken answer is taken up again. */
const MAX_RESUMES = 5;
/** A stream that lived this long was well: the waits begin anew. */
const STABLE_STREAM_MS = 5000;

interface Stream {
  /** The request whose answer the stream carries; none on the GET stream. */
  awaiting: RpcId | undefined;
  lastEventId: string | undefined;
  retryMs: number | undefined;
  resumes: number;
}

export class HttpClientChannel implements Channel {
  readonly #url: URL;
  readonly #options: HttpClientOptions;
  readonly #agent: Agent;
  readonly #open: Numbered<ClientRequest> = new Numbered();
  readonly #byId: ShortMap<RpcId, ClientRequest> = new ShortMap();
  /** Requests that wait for their authorization. */
  readonly #unauthorized: Set<RpcId> = new Set();
  readonly #timers: Set<NodeJS.Timeout> = new Set();
  #handlers!: ChannelHandlers;
  #sessionId: string | undefined;
  #version: string | undefined;
  #paramHeaders: (tool: string) => readonly ParamHeader[] = () => [];
  #closed = false;
  /** Notifications must not be overtaken by what was sent after them. */
  #gate: Promise<void> | undefined;

  constructor(url: URL, options: HttpClientOptions) {
    this.#url = url;
    this.#options = options;
    const { maxSockets, lookup, tls } = options;
    this.#agent = keepingAgent(url.protocol, { maxSockets, ...(lookup !== undefined && { lookup }), ...tls });
  }

  start(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
  }

  setProtocolVersion(version: string): void {
    this.#version = version;
  }

  setParamHeaders(read: (tool: string) => readonly ParamHeader[]): void {
    this.#paramHeaders = read;
  }

  send(message: Message): void {
    if (this.#closed) return;
    if (isRequest(message)) {
      if (this.#gate === undefined) this.#post(message);
      else this.#own(message, () => this.#gate?.then(() => this.#post(message)));
      return;
    }
    const sent = (this.#gate ?? Promise.resolve()).then(() => new Promise<void>((done) => this.#post(message, done)));
    const gate = sent.finally(() => {
      if (this.#gate === gate) this.#gate = undefined;
    });
    this.#gate = gate;
  }

  abandon(id: RpcId): void {
    this.#unauthorized.delete(id);
    this.#byId.get(id)?.destroy();
  }

  close(_why?: CloseName, reason = 'closed'): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const request of this.#open.values()) request.destroy();
    const finish = (): void => {
      this.#agent.destroy();
      this.#handlers.onClose(reason);
    };
    if (this.#sessionId === undefined) queueMicrotask(finish);
    else if (this.#options.authorization === undefined) this.#endSession({}, finish);
    else {
      // Without a token the server is left to find out by itself.
      this.#options.authorization
        .header()
        .then((header) => this.#endSession({ authorization: header }, finish), finish);
    }
  }

  #endSession(headers: OutgoingHttpHeaders, onEnd: () => void): void {
    const request = this.#request('DELETE', headers);
    request.setTimeout(1000, () => request.destroy());
    request
      .once('response', (response) => response.resume())
      .once('close', onEnd)
      .end();
  }

  #post(message: Message, onSent?: () => void): void {
    if (this.#closed) return;
    if (this.#options.authorization === undefined) this.#postWith({}, message, onSent);
    else {
      const { authorization } = this.#options;
      this.#own(message, () => this.#postAuthorized(authorization, message, onSent, true));
    }
  }

  /** Runs what sends a message: what it throws is the answer to the request. */
  #own(message: Message, work: () => unknown): void {
    owned(work, (thrown) => {
      if (isRequest(message)) this.#refuse(message.id, (thrown as Error).message);
    });
  }

  async #postAuthorized(
    authorization: Authorization,
    message: Message,
    onSent: (() => void) | undefined,
    mayRepeat: boolean,
  ): Promise<void> {
    const awaiting = isRequest(message) ? message.id : undefined;
    if (awaiting !== undefined) this.#unauthorized.add(awaiting);
    const header = await authorization.header().catch((error: Error) => error);
    const isWanted = awaiting === undefined || this.#unauthorized.delete(awaiting);
    if (this.#closed || !isWanted) onSent?.();
    else if (typeof header === 'string') {
      const onRefused = (): void => {
        authorization.reject(header);
        this.#own(message, () => this.#postAuthorized(authorization, message, onSent, false));
      };
      this.#postWith({ authorization: header }, message, onSent, mayRepeat ? onRefused : undefined);
    } else {
      onSent?.();
      if (awaiting !== undefined) this.#refuse(awaiting, header.message);
    }
  }

  /** @param onRefused called when the server answers with 401, instead of handing on that answer. */
  #postWith(headers: OutgoingHttpHeaders, message: Message, onSent?: () => void, onRefused?: () => void): void {
    const awaiting = isRequest(message) ? message.id : undefined;
    const modern = 'params' in message && claimsModern(message.params);
    const request = this.#request('POST', {
      'content-type': 'application/json',
      accept: ACCEPT,
      ...(modern && standardHeaders(message, this.#paramHeaders)),
      ...headers,
    });
    if (awaiting !== undefined) this.#byId.set(awaiting, request);
    request.once('response', (response) => {
      if (response.statusCode === 401 && onRefused !== undefined) {
        response.resume();
        onRefused();
        return;
      }
      onSent?.();
      if (response.headers['mcp-session-id'] !== undefined)
        this.#sessionId = String(response.headers['mcp-session-id']);
      this.#answer(response, awaiting);
      if ('method' in message && message.method === 'notifications/initialized' && response.statusCode === 202) {
        this.#listen({ awaiting: undefined, lastEventId: undefined, retryMs: undefined, resumes: 0 });
      }
    });
    request.once('error', (cause: NodeJS.ErrnoException) => {
      onSent?.();
      if (this.#closed || (awaiting !== undefined && this.#byId.get(awaiting) !== request)) return;
      if (!request.destroyed || cause.code !== 'ECONNRESET' || awaiting === undefined) this.#broken(cause, awaiting);
      else this.#refuse(awaiting, cause.message);
    });
    request.once('close', () => {
      if (awaiting !== undefined && this.#byId.get(awaiting) === request) this.#byId.delete(awaiting);
    });
    request.end(stringifyMessage(message));
  }

  /** Nobody listens at the address: the whole channel is of no use. */
  #broken(cause: NodeJS.ErrnoException, awaiting: RpcId | undefined): void {
    const reason = `${this.#url.origin}${this.#url.pathname}: ${cause.message || cause.code}`;
    if (cause.code === 'ECONNREFUSED' || cause.code === 'ENOTFOUND') this.close(undefined, reason);
    else if (awaiting !== undefined) this.#refuse(awaiting, reason);
  }

  #answer(response: IncomingMessage, awaiting: RpcId | undefined): void {
    const { statusCode = 0, headers } = response;
    const type = headers['content-type'] ?? '';
    if (statusCode === 200 && type.startsWith('text/event-stream')) {
      this.#readStream(response, { awaiting, lastEventId: undefined, retryMs: undefined, resumes: 0 });
      return;
    }
    let text = '';
    let bytes = 0;
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      bytes += chunk.length;
      if (bytes > this.#options.maxMessageBytes) response.destroy();
      else text += chunk;
    });
    response.once('close', () => {
      if (bytes > this.#options.maxMessageBytes) {
        if (awaiting !== undefined)
          this.#refuse(awaiting, `an answer of more than ${this.#options.maxMessageBytes} bytes`);
      } else this.#readBody(statusCode, text, awaiting);
    });
  }

  #readBody(status: number, text: string, awaiting: RpcId | undefined): void {
    if (status === 404 && this.#sessionId !== undefined) {
      this.#sessionId = undefined;
      this.close(undefined, 'the server no longer knows the session');
      return;
    }
    if (awaiting !== undefined && !this.#closed) this.#handlers.onMessage(answerIn(text, status, awaiting));
  }

  /** The GET stream, opened or taken up again. A server need not have one (405). */
  #listen(stream: Stream): void {
    const { authorization } = this.#options;
    if (this.#closed) return;
    if (authorization === undefined) this.#listenWith({}, stream);
    else {
      authorization.header().then(
        (header) => this.#closed || this.#listenWith({ authorization: header }, stream),
        () => this.#listenLater(stream),
      );
    }
  }

  #listenWith(headers: OutgoingHttpHeaders, stream: Stream): void {
    const { lastEventId } = stream;
    const request = this.#request('GET', {
      accept: 'text/event-stream',
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
      ...headers,
    });
    request.once('response', (response) => {
      const type = response.headers['content-type'] ?? '';
      if (response.statusCode === 200 && type.startsWith('text/event-stream')) this.#readStream(response, stream);
      else {
        response.resume();
        const { authorization } = headers;
        if (response.statusCode === 401 && typeof authorization === 'string' && stream.resumes < MAX_RESUMES) {
          this.#options.authorization?.reject(authorization);
          this.#listenLater(stream);
        } else if (stream.awaiting !== undefined)
          this.#refuse(stream.awaiting, `the stream broke off (${response.statusCode})`);
      }
    });
    request.once('error', () => this.#listenLater(stream));
    request.end();
  }

  #readStream(response: IncomingMessage, stream: Stream): void {
    const parser = createParser({
      onEvent: ({ data, id }) => {
        if (id !== undefined) stream.lastEventId = id;
        if (data === '') return;
        stream.resumes = 0;
        let message: ParsedMessage;
        try {
          message = parseMessage(data);
        } catch (error) {
          this.#handlers.onBadMessage(error as SwitchboardError);
          return;
        }
        if (isResponse(message) && message.id === stream.awaiting) stream.awaiting = undefined;
        if (!this.#closed) this.#handlers.onMessage(message);
      },
      onRetry: (retryMs) => (stream.retryMs = retryMs),
      maxBufferSize: this.#options.maxMessageBytes,
      onError: (error) => {
        if (error.type === 'max-buffer-size-exceeded') response.destroy();
      },
    });
    const isGet = stream.awaiting === undefined;
    const openedAt = Date.now();
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => parser.feed(chunk));
    response.once('close', () => {
      if (Date.now() - openedAt > STABLE_STREAM_MS) stream.resumes = 0;
      if (isGet || (stream.awaiting !== undefined && stream.lastEventId !== undefined)) this.#listenLater(stream);
      else if (stream.awaiting !== undefined) this.#refuse(stream.awaiting, 'the stream ended without the answer');
    });
    response.on('error', () => {});
  }

  #listenLater(stream: Stream): void {
    if (this.#closed) return;
    // The GET stream is tried for as long as the session lasts: quiet ones are cut by whatever stands between, again and again.
    if (++stream.resumes > MAX_RESUMES && stream.awaiting !== undefined) {
      this.#refuse(stream.awaiting, 'the stream broke off and cannot be taken up again');
      return;
    }
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        this.#listen(stream);
      },
      stream.retryMs ?? backoffMs(stream.resumes, { firstMs: 200 }),
    );
    this.#timers.add(timer.unref());
  }

  #refuse(id: RpcId, detail: string): void {
    if (this.#closed) return;
    this.#handlers.onMessage(unavailable(id, detail));
  }

  #request(method: string, headers: OutgoingHttpHeaders): ClientRequest {
    const send = this.#url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(this.#url, {
      method,
      agent: this.#agent,
      headers: {
        ...(this.#version !== undefined && { 'mcp-protocol-version': this.#version }),
        ...(this.#sessionId !== undefined && { 'mcp-session-id': this.#sessionId }),
        ...this.#options.headers,
        ...headers,
      },
    });
    const number = this.#open.add(request);
    request.on('error', () => {});
    request.once('close', () => this.#open.delete(number));
    return request;
  }
}
