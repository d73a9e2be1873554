/**
 * A channel to an MCP server that speaks Streamable HTTP, in either era. Every request is a POST of its own, whose answer comes
 * as JSON or as an event stream; a legacy server also has a GET stream for what belongs to no request.
 */
import { createParser } from 'eventsource-parser';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

import { claimsModern } from '../../protocol/eras.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import { isRequest, isResponse, parseMessage, stringifyMessage } from '../../protocol/jsonrpc.ts';
import type { Message, ParsedMessage, RpcId } from '../../protocol/jsonrpc.ts';
import type { ParamHeader } from '../../protocol/param-headers.ts';
import type { CloseName } from '../../protocol/close-codes.ts';
import { backoffMs } from '../../util/backoff.ts';
import type { Channel, ChannelHandlers } from '../channel.ts';
import { answerIn, unavailable } from './answer.ts';
import { standardHeaders } from './headers.ts';

export interface HttpClientOptions {
  headers?: Record<string, string>;
  maxMessageBytes: number;
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
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #open: Set<ClientRequest> = new Set();
  readonly #byId: Map<RpcId, ClientRequest> = new Map();
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
    const agentOptions = { keepAlive: true, maxSockets: options.maxSockets };
    this.#agent = url.protocol === 'https:' ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions);
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
      else void this.#gate.then(() => this.#post(message));
      return;
    }
    const sent = (this.#gate ?? Promise.resolve()).then(() => new Promise<void>((done) => this.#post(message, done)));
    const gate = sent.finally(() => {
      if (this.#gate === gate) this.#gate = undefined;
    });
    this.#gate = gate;
  }

  abandon(id: RpcId): void {
    this.#byId.get(id)?.destroy();
  }

  close(_why?: CloseName, reason = 'closed'): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const request of this.#open) request.destroy();
    const finish = (): void => {
      this.#agent.destroy();
      this.#handlers.onClose(reason);
    };
    if (this.#sessionId === undefined) queueMicrotask(finish);
    else {
      const request = this.#request('DELETE', {});
      request.setTimeout(1000, () => request.destroy());
      request
        .once('response', (response) => response.resume())
        .once('close', finish)
        .end();
    }
  }

  #post(message: Message, onSent?: () => void): void {
    if (this.#closed) return;
    const awaiting = isRequest(message) ? message.id : undefined;
    const modern = 'params' in message && claimsModern(message.params);
    const request = this.#request('POST', {
      'content-type': 'application/json',
      accept: ACCEPT,
      ...(modern && standardHeaders(message, this.#paramHeaders)),
    });
    if (awaiting !== undefined) this.#byId.set(awaiting, request);
    request.once('response', (response) => {
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
    if (this.#closed) return;
    const { lastEventId } = stream;
    const request = this.#request('GET', {
      accept: 'text/event-stream',
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    });
    request.once('response', (response) => {
      const type = response.headers['content-type'] ?? '';
      if (response.statusCode === 200 && type.startsWith('text/event-stream')) this.#readStream(response, stream);
      else {
        response.resume();
        if (stream.awaiting !== undefined)
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
    this.#open.add(request);
    request.on('error', () => {});
    request.once('close', () => this.#open.delete(request));
    return request;
  }
}
