/**
 * A channel to an MCP server that speaks Streamable HTTP, in either era. Every request is a POST of its own, whose answer comes
 * as JSON or as an event stream; a legacy server also has a GET stream for what belongs to no request.
 */
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';

import { claimsModern } from '../../protocol/eras.ts';
import { isRequest, isResponse, stringifyMessage } from '../../protocol/jsonrpc.ts';
import type { Message, ParsedMessage, RpcId } from '../../protocol/jsonrpc.ts';
import type { ParamHeader } from '../../protocol/param-headers.ts';
import type { CloseName } from '../../protocol/close-codes.ts';
import { once } from '../../util/once.ts';
import { ShortMap } from '../../util/short-map.ts';
import type { Channel, ChannelHandlers } from '../channel.ts';
import { failureText } from '../failure.ts';
import { answerIn, sessionLoss, unavailable } from './answer.ts';
import type { RefusalFacts } from './answer.ts';
import { asHeadersSay, standardHeaders } from './headers.ts';
import { Incoming } from './incoming.ts';
import { EVENT_STREAM_TYPE, JSON_TYPE, encodingOf, isEventStream } from './media.ts';
import { Remote } from './remote.ts';
import type { RemoteCall, RemoteHandlers, RemoteOptions } from './remote.ts';
import { retryAfterMs } from './retry-after.ts';

/** Where the `Authorization` header of requests comes from, when it does not stay the same. */
export interface Authorization {
  /** Rejects when none can be had. */
  header(): Promise<string>;
  /** The server answered this one with 401. */
  reject(header: string): void;
}

export interface HttpClientOptions extends RemoteOptions {
  authorization?: Authorization;
  maxMessageBytes: number;
}

const SESSION_LOST = 'the server no longer knows the session';
/** How long the server may take to hear that the session has ended. */
const GOODBYE_MS = 1000;

export class HttpClientChannel implements Channel {
  readonly #options: HttpClientOptions;
  readonly #remote: Remote;
  readonly #byId: ShortMap<RpcId, { destroy(): void }> = new ShortMap();
  /** Event streams that are open or waiting to be opened again. */
  readonly #streams: Set<Incoming> = new Set();
  #handlers!: ChannelHandlers;
  #sessionId: string | undefined;
  #version: string | undefined;
  #paramHeaders: (tool: string) => readonly ParamHeader[] = () => [];
  #closed = false;
  /** The server no longer knows the session. */
  #isLost = false;
  /** Notifications must not be overtaken by what was sent after them. */
  #gate: Promise<void> | undefined;

  constructor(url: URL, options: HttpClientOptions) {
    this.#options = options;
    this.#remote = new Remote(url, options);
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
    if (this.#isLost) {
      if (isRequest(message)) queueMicrotask(() => this.#handlers.onMessage(unavailable(message.id, SESSION_LOST)));
      return;
    }
    if (isRequest(message)) {
      if (this.#gate === undefined) this.#post(message);
      else this.#gate.then(() => this.#post(message)).catch((error: Error) => this.#refuse(message.id, error.message));
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
    this.#byId.delete(id);
  }

  close(_why?: CloseName, reason = 'closed'): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stream of this.#streams) stream.close();
    this.#streams.clear();
    this.#remote.abort();
    const finish = (): void => {
      this.#remote.close();
      this.#handlers.onClose(reason);
    };
    if (this.#sessionId === undefined) queueMicrotask(finish);
    else this.#endSession(this.#sessionId, finish);
  }

  /** Without a token the server is left to find out by itself. */
  #endSession(sessionId: string, onEnd: () => void): void {
    let call: RemoteCall | undefined;
    let isOver = false;
    const end = once(() => {
      isOver = true;
      clearTimeout(timer);
      call?.destroy();
      onEnd();
    });
    const timer = setTimeout(end, GOODBYE_MS);
    this.#authorized((authorization) => {
      if (isOver) return;
      const headers = { ...this.#sessionHeaders, 'mcp-session-id': sessionId, ...authorization };
      call = this.#remote.send(
        { method: 'DELETE', headers },
        { onResponse: (response) => void response.resume().once('close', end), onError: end },
      );
    }, end);
  }

  /** Calls `send` with the headers that say who asks; `onFailed` when they cannot be had. */
  #authorized(send: (headers: OutgoingHttpHeaders) => void, onFailed: (error: Error) => void): void {
    const { authorization } = this.#options;
    if (authorization === undefined) send({});
    else authorization.header().then((header) => send({ authorization: header }), onFailed);
  }

  get #sessionHeaders(): OutgoingHttpHeaders {
    return {
      ...(this.#version !== undefined && { 'mcp-protocol-version': this.#version }),
      ...(this.#sessionId !== undefined && { 'mcp-session-id': this.#sessionId }),
    };
  }

  /** @param mayRepeat whether a refused token is replaced by another. */
  #post(message: Message, onSent: () => void = () => {}, mayRepeat = true): void {
    if (this.#closed) return;
    const awaiting = isRequest(message) ? message.id : undefined;
    let isWanted = true;
    // Requests that wait for their authorization can be given up too.
    if (awaiting !== undefined) this.#byId.set(awaiting, { destroy: () => (isWanted = false) });
    this.#authorized(
      (authorization) => {
        if (this.#closed || !isWanted) onSent();
        else this.#postWith(authorization, message, onSent, mayRepeat);
      },
      (error) => {
        onSent();
        if (isWanted) this.#refuse(awaiting, error.message);
      },
    );
  }

  #postWith(authorization: OutgoingHttpHeaders, message: Message, onSent: () => void, mayRepeat: boolean): void {
    const awaiting = isRequest(message) ? message.id : undefined;
    const method = 'method' in message ? message.method : undefined;
    const isModern = 'params' in message && claimsModern(message.params);
    const sent = isModern ? asHeadersSay(message, this.#paramHeaders) : message;
    // Nothing is agreed on before `initialize` is answered: a version that another era was asked in would be refused.
    const agreed = method === 'initialize' ? {} : this.#sessionHeaders;
    const headers = {
      'content-type': JSON_TYPE,
      accept: `${JSON_TYPE}, ${EVENT_STREAM_TYPE}`,
      ...agreed,
      ...(isModern && standardHeaders(sent, this.#paramHeaders)),
      ...authorization,
    };
    const call = this.#remote.send(
      { method: 'POST', headers, body: stringifyMessage(sent) },
      {
        onResponse: (response) => {
          if (response.statusCode === 401 && mayRepeat && this.#renewToken(authorization)) {
            response.resume();
            this.#post(message, onSent, false);
            return;
          }
          onSent();
          this.#adoptSession(response, method);
          this.#answer(response, awaiting, 'mcp-session-id' in agreed);
          const isTaken = response.statusCode !== undefined && response.statusCode < 300;
          if (method === 'notifications/initialized' && isTaken) this.#openStream(undefined).open();
        },
        onError: (error) => {
          onSent();
          this.#broken(error, awaiting);
        },
      },
    );
    if (awaiting !== undefined) this.#byId.set(awaiting, call);
  }

  /** Whether another token is to be tried in place of the one that these headers carry. */
  #renewToken({ authorization }: OutgoingHttpHeaders): boolean {
    if (typeof authorization !== 'string') return false;
    this.#options.authorization?.reject(authorization);
    return this.#options.authorization !== undefined;
  }

  /** A session begins with `initialize`. Some legacy servers open one for every first message, also one that they refuse. */
  #adoptSession({ headers }: IncomingMessage, method: string | undefined): void {
    const id = headers['mcp-session-id'];
    if (typeof id !== 'string') return;
    if (method === 'initialize') this.#sessionId = id;
    else if (method === 'server/discover' && this.#sessionId === undefined) this.#endSession(id, () => {});
  }

  /** Nobody listens at the address: the whole channel is of no use. */
  #broken(cause: NodeJS.ErrnoException, awaiting: RpcId | undefined): void {
    const reason = `${this.#remote.shown}: ${failureText(cause)}`;
    if (cause.code === 'ECONNREFUSED' || cause.code === 'ENOTFOUND') this.close(undefined, reason);
    else this.#refuse(awaiting, reason);
  }

  #answer(response: IncomingMessage, awaiting: RpcId | undefined, inSession: boolean): void {
    const { statusCode: status = 0, headers } = response;
    const facts = { status, retryAfterMs: retryAfterMs(headers) };
    const encoding = encodingOf(headers);
    if (encoding !== undefined && awaiting !== undefined) {
      response.destroy();
      const detail = `the answer is encoded (${encoding}), although Accept-Encoding: identity was sent; HTTP status ${status}`;
      this.#refuse(awaiting, detail, facts);
      return;
    }
    if (status === 200 && isEventStream(headers)) {
      // Only a request is answered with a stream.
      if (awaiting === undefined) response.resume();
      else this.#openStream(awaiting).read(response);
      return;
    }
    const { maxMessageBytes } = this.#options;
    let text = '';
    let bytes = 0;
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      bytes += chunk.length;
      if (bytes > maxMessageBytes) response.destroy();
      else text += chunk;
    });
    response.once('close', () => {
      if (bytes > maxMessageBytes) this.#refuse(awaiting, `an answer of more than ${maxMessageBytes} bytes`);
      else if (!response.complete) this.#refuse(awaiting, 'the connection was lost before the whole answer came');
      else this.#readBody(text, awaiting, inSession, facts);
    });
  }

  #readBody(text: string, awaiting: RpcId | undefined, inSession: boolean, facts: RefusalFacts): void {
    if (this.#closed || (awaiting !== undefined && !this.#take(awaiting))) return;
    const { status = 0 } = facts;
    const loss = inSession ? sessionLoss(text, status, awaiting) : undefined;
    if (loss !== undefined) this.#loseSession(loss === 'refused' ? awaiting : undefined);
    if (awaiting === undefined || loss === 'refused') return;
    this.#handlers.onMessage(answerIn(text, this.#remote.shown, awaiting, facts));
  }

  /** The server no longer knows the session; what it works on for us may still be answered. */
  #loseSession(refused: RpcId | undefined): void {
    this.#sessionId = undefined;
    this.#isLost = true;
    if (this.#handlers.onSessionLost === undefined) this.close(undefined, SESSION_LOST);
    else this.#handlers.onSessionLost(refused);
  }

  #openStream(awaiting: RpcId | undefined): Incoming {
    const isKept = (): boolean => !this.#closed && (awaiting === undefined || this.#byId.has(awaiting));
    const stream: Incoming = new Incoming({
      awaiting,
      maxMessageBytes: this.#options.maxMessageBytes,
      renewsToken: this.#options.authorization !== undefined,
      get: (headers, handlers) => this.#get(headers, handlers),
      onMessage: (message) => this.#received(message, awaiting),
      onBadMessage: (error) => {
        if (!isKept()) return;
        if (awaiting !== undefined && String(error.answerTo) === String(awaiting)) this.#take(awaiting);
        this.#handlers.onBadMessage(error);
      },
      onRefused: (id, detail, facts) => this.#refuse(id, detail, facts),
      onNotice: (what) => this.#handlers.onNotice?.(`${this.#remote.shown}: ${what}`),
      onForgotten: () => this.#loseSession(undefined),
      onEnd: () => this.#streams.delete(stream),
    });
    this.#streams.add(stream);
    const call = awaiting === undefined ? undefined : this.#byId.get(awaiting);
    if (awaiting !== undefined) {
      this.#byId.set(awaiting, {
        destroy: () => {
          stream.close();
          call?.destroy();
        },
      });
    }
    return stream;
  }

  /** @param awaiting the request whose stream brought the message, if it is not the GET stream. */
  #received(message: ParsedMessage, awaiting: RpcId | undefined): void {
    if (this.#closed || (awaiting !== undefined && !this.#byId.has(awaiting))) return;
    if (awaiting !== undefined && isResponse(message) && String(message.id) === String(awaiting)) this.#take(awaiting);
    this.#handlers.onMessage(message, awaiting);
  }

  #get(headers: OutgoingHttpHeaders, handlers: RemoteHandlers): RemoteCall {
    let call: RemoteCall | undefined;
    let destroyed = false;
    this.#authorized(
      (authorization) => {
        if (destroyed) return;
        call = this.#remote.send(
          { method: 'GET', headers: { ...this.#sessionHeaders, ...headers, ...authorization } },
          {
            onResponse: (response) => {
              if (response.statusCode === 401) this.#renewToken(authorization);
              handlers.onResponse(response);
            },
            onError: (error) => handlers.onError(error),
          },
        );
      },
      (error) => destroyed || handlers.onError(error),
    );
    return {
      destroy: () => {
        destroyed = true;
        call?.destroy();
      },
    };
  }

  /** @returns whether somebody still waits for the answer to this request; from now on nobody does. */
  #take(id: RpcId): boolean {
    return this.#byId.delete(id);
  }

  #refuse(id: RpcId | undefined, detail: string, facts?: RefusalFacts): void {
    if (this.#closed || id === undefined || !this.#take(id)) return;
    this.#handlers.onMessage(unavailable(id, detail, facts));
  }
}
