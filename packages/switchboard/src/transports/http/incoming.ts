/**
 * One event stream of a remote server, opened again when it is cut: the answer to a POST, or the GET stream for what belongs to no request
 * (MCP 2025-11-25, Transports, "Resumability and Redelivery").
 */
import { createParser } from 'eventsource-parser';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';

import type { SwitchboardError } from '../../protocol/errors.ts';
import { isResponse, parseMessage } from '../../protocol/jsonrpc.ts';
import type { ParsedMessage, RpcId } from '../../protocol/jsonrpc.ts';
import { backoffMs } from '../../util/backoff.ts';
import type { RefusalFacts } from './answer.ts';
import { EVENT_STREAM_TYPE, encodingOf, isEventStream, withoutMark } from './media.ts';
import { REDIRECT_REFUSED } from './remote.ts';
import type { RemoteCall, RemoteHandlers } from './remote.ts';
import { retryAfterMs } from './retry-after.ts';

export interface IncomingOptions {
  /** The request whose answer the stream carries. @default it is the GET stream */
  awaiting?: RpcId | undefined;
  maxMessageBytes: number;
  /** Whether another try carries another token than the one that was refused. */
  renewsToken: boolean;
  /** Sends a GET. */
  get(headers: OutgoingHttpHeaders, handlers: RemoteHandlers): RemoteCall;
  onMessage(message: ParsedMessage): void;
  onBadMessage(error: SwitchboardError): void;
  /** The answer will not come. */
  onRefused(id: RpcId, detail: string, facts?: RefusalFacts): void;
  /** The GET stream failed, is back, or will not be opened again. */
  onNotice(what: string): void;
  /** A GET stream that was open before is now answered with 404: the server has forgotten the session. */
  onForgotten(): void;
  /** It is not opened again. */
  onEnd(): void;
}

/** How often in a row the answer to a request is taken up again: for about a minute. */
const MAX_RESUMES = 9;
/** How often in a row a token may be refused. */
const MAX_TOKENS = 5;
/** A stream that lived this long was well: the waits begin from the start. */
const STABLE_MS = 5000;
/** The first wait. */
const FIRST_MS = 200;
/** A time that a server asks for is kept up to this. */
const LONGEST_MS = 300_000;
/** Statuses of what passes: of a server that starts or is overloaded, and of a proxy that cannot reach it. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

export class Incoming {
  readonly #options: IncomingOptions;
  #awaiting: RpcId | undefined;
  readonly #isGet: boolean;
  #call: RemoteCall | undefined;
  #response: IncomingMessage | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastEventId: string | undefined;
  #retryMs: number | undefined;
  /** How often in a row it was opened again. */
  #resumes = 0;
  /** How often in a row that failed. */
  #failures = 0;
  #wasOpen = false;
  #closed = false;

  constructor(options: IncomingOptions) {
    this.#options = options;
    this.#awaiting = options.awaiting;
    this.#isGet = options.awaiting === undefined;
  }

  close(): void {
    this.#end();
    this.#response?.destroy();
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#call?.destroy();
    this.#options.onEnd();
  }

  /** Opens it by a GET. */
  open(): void {
    if (this.#closed) return;
    const headers = {
      accept: EVENT_STREAM_TYPE,
      ...(this.#lastEventId !== undefined && { 'last-event-id': this.#lastEventId }),
    };
    this.#call = this.#options.get(headers, {
      onResponse: (response) => this.#opened(response),
      onError: (error) => {
        if (error.code === REDIRECT_REFUSED) this.#stop(error.message);
        else this.#failed(error.message || String(error.code));
      },
    });
  }

  /** Reads it from a response that is an event stream. */
  read(response: IncomingMessage): void {
    const { maxMessageBytes } = this.#options;
    this.#response = response;
    const parser = createParser({
      onEvent: ({ data, id }) => {
        if (id !== undefined) this.#lastEventId = id;
        if (data !== '' && !this.#closed) this.#take(data);
      },
      onRetry: (retryMs) => (this.#retryMs = retryMs),
      maxBufferSize: maxMessageBytes,
      onError: (error) => {
        if (error.type !== 'max-buffer-size-exceeded') return;
        isTooLarge = true;
        response.destroy();
      },
    });
    let isTooLarge = false;
    const openedAt = Date.now();
    let isFirst = true;
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      if (!response.destroyed) parser.feed(isFirst ? withoutMark(chunk) : chunk);
      isFirst = false;
    });
    response.once('close', () => {
      if (this.#closed) return;
      if (Date.now() - openedAt > STABLE_MS) this.#resumes = 0;
      if (isTooLarge) this.#skip();
      else if (this.#isGet || (this.#awaiting !== undefined && this.#lastEventId !== undefined)) {
        this.#resumes++;
        this.#openLater(this.#retryMs ?? backoffMs(this.#resumes, { firstMs: FIRST_MS }), 'it broke off');
      } else this.#stop('it ended without the answer');
    });
  }

  /** What is too large once would be so again. */
  #skip(): void {
    const what = `a message of more than ${this.#options.maxMessageBytes} bytes`;
    this.#lastEventId = undefined;
    if (this.#isGet) this.#failed(what);
    else this.#stop(what);
  }

  #take(data: string): void {
    this.#resumes = 0;
    let message: ParsedMessage;
    try {
      message = parseMessage(data);
    } catch (error) {
      const { answerTo } = error as SwitchboardError;
      if (answerTo !== undefined && this.#answers(answerTo)) this.#awaiting = undefined;
      this.#options.onBadMessage(error as SwitchboardError);
      return;
    }
    if (isResponse(message) && this.#answers(message.id)) this.#awaiting = undefined;
    this.#options.onMessage(message);
  }

  /** Some servers give the id back as text. */
  #answers(id: RpcId | undefined): boolean {
    return this.#awaiting !== undefined && String(id) === String(this.#awaiting);
  }

  #opened(response: IncomingMessage): void {
    const { statusCode = 0, headers } = response;
    const encoding = encodingOf(headers);
    if (statusCode === 200 && isEventStream(headers) && encoding === undefined) {
      if (this.#failures > 0 && this.#isGet) this.#options.onNotice('the event stream (GET) is open again');
      this.#failures = 0;
      this.#wasOpen = true;
      this.read(response);
      return;
    }
    response.resume();
    const what =
      encoding !== undefined && statusCode === 200
        ? `it is encoded (${encoding}), although Accept-Encoding: identity was sent`
        : `HTTP status ${statusCode}${statusCode === 200 ? `, content type ${headers['content-type'] ?? 'none'}` : ''}`;
    const retryMs = retryAfterMs(headers);
    const hasNewToken = statusCode === 401 && this.#options.renewsToken && this.#failures < MAX_TOKENS;
    if (PASSING.has(statusCode) || hasNewToken) this.#failed(what, { status: statusCode, retryAfterMs: retryMs });
    else if (statusCode === 404 && this.#isGet && this.#wasOpen) {
      this.#end();
      this.#options.onForgotten();
    } else if (statusCode === 405 && this.#isGet) {
      // A server need not have this stream.
      this.#end();
    } else this.#stop(what, { status: statusCode });
  }

  #failed(what: string, facts: RefusalFacts = {}): void {
    this.#failures++;
    this.#resumes++;
    const waitMs = Math.max(
      Math.min(facts.retryAfterMs ?? 0, LONGEST_MS),
      backoffMs(this.#failures, { firstMs: FIRST_MS }),
    );
    if (this.#failures === 1 && this.#isGet && !this.#closed) {
      this.#options.onNotice(`the event stream (GET) cannot be opened: ${what}; it is tried again`);
    }
    this.#openLater(waitMs, what, facts);
  }

  /** The GET stream is tried for as long as the session lasts: quiet ones are cut by whatever stands between, again and again. */
  #openLater(waitMs: number, what: string, facts?: RefusalFacts): void {
    if (this.#closed) return;
    if (this.#awaiting !== undefined && this.#resumes > MAX_RESUMES) {
      this.#stop(`${what}, and it could not be taken up again`, facts);
      return;
    }
    this.#timer = setTimeout(() => this.open(), waitMs).unref();
  }

  #stop(what: string, facts?: RefusalFacts): void {
    if (this.#closed) return;
    this.#end();
    if (this.#isGet) this.#options.onNotice(`the event stream (GET) is not opened again: ${what}`);
    else if (this.#awaiting !== undefined) this.#options.onRefused(this.#awaiting, `the event stream: ${what}`, facts);
  }
}
