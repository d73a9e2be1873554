/**
 * The answer to one HTTP request: plain JSON when one message is all there is, an event stream as soon as there is more
 * (MCP 2025-11-25 and 2026-07-28, Transports, "Streamable HTTP": a server may answer with either).
 */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

import type { SwitchboardError } from '../../protocol/errors.ts';
import { encodeMessage, failure, isObject, stringifyMessage } from '../../protocol/jsonrpc.ts';
import type { Message, RpcId } from '../../protocol/jsonrpc.ts';

export interface ReplyOptions {
  /** How many bytes may wait for a client that does not read; beyond, the connection is cut. */
  maxQueueBytes: number;
  /** How often a comment is sent on a quiet stream so that nothing between takes it for dead, in ms. */
  keepAliveMs: number;
  /** Whether the client takes an event stream; without it what is pushed is dropped. @default true */
  takesStream?: boolean;
  /** Sent with whatever form the answer takes. */
  headers?: OutgoingHttpHeaders;
  /** An event id that is sent without an event when the answer becomes a stream, so that a client can come back from the start. */
  firstEventId?: string;
}

export const STREAM_HEADERS: OutgoingHttpHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

export class Reply {
  readonly #response: ServerResponse;
  readonly #options: ReplyOptions;
  #state: 'waiting' | 'streaming' | 'ended' = 'waiting';
  readonly #keepAlive: NodeJS.Timeout;

  /** @param onGone called when the client hangs up before the answer is complete. */
  constructor(response: ServerResponse, options: ReplyOptions, onGone: () => void) {
    this.#response = response;
    this.#options = options;
    this.#keepAlive = setInterval(() => this.#stayAlive(), options.keepAliveMs).unref();
    response.once('close', () => {
      clearInterval(this.#keepAlive);
      if (this.#state === 'ended') return;
      this.#state = 'ended';
      onGone();
    });
    response.on('error', () => {});
  }

  get ended(): boolean {
    return this.#state === 'ended';
  }

  get isStreaming(): boolean {
    return this.#state === 'streaming';
  }

  /** Whether the client knows an event id from which it can come back. */
  get isPrimed(): boolean {
    return this.#state !== 'waiting' && this.#options.firstEventId !== undefined;
  }

  /** Turns the answer into an event stream now. */
  stream(): void {
    if (this.#state !== 'waiting' || this.#options.takesStream === false) return;
    this.#state = 'streaming';
    this.#response.writeHead(200, { ...STREAM_HEADERS, ...this.#options.headers });
    this.#response.flushHeaders();
    const { firstEventId } = this.#options;
    if (firstEventId !== undefined) this.#write(`id: ${firstEventId}\ndata: \n\n`);
  }

  /** Sends a message that is not the last. */
  push(message: Message): void {
    this.pushText(stringifyMessage(message));
  }

  /**
   * Sends a message that has been written already.
   *
   * @param id the event's id.
   * @param name the event's type.
   */
  pushText(text: string, id?: string, name?: string): void {
    this.stream();
    this.#write(event(text, id, name));
  }

  /** Sends the last text, as the body or as an event of this type; `status` counts only where nothing has been sent yet. */
  finishText(text: string, status: number, name: string): void {
    if (this.#state === 'waiting') {
      this.#state = 'ended';
      sendJson(this.#response, status, text, this.#options.headers);
    } else if (this.#state === 'streaming') {
      this.#state = 'ended';
      this.#response.end(event(text, undefined, name));
    }
  }

  /** Sends the last message; `status` counts only where nothing has been sent yet. */
  finish(message: Message, status = 200): void {
    if (this.#state === 'waiting') this.#json(status, message);
    else if (this.#state === 'streaming') {
      this.#state = 'ended';
      this.#response.end(frame(message));
    }
  }

  /** Leaves the response to somebody else, who refuses the request. It may stay open for long: until the client has taken that. */
  abandon(): void {
    clearInterval(this.#keepAlive);
    this.#state = 'ended';
  }

  /** Ends without a last message. */
  end(): void {
    if (this.#state === 'ended') return;
    if (this.#state === 'waiting') this.#response.writeHead(202, this.#options.headers);
    this.#state = 'ended';
    this.#response.end();
  }

  #json(status: number, message: Message): void {
    this.#state = 'ended';
    const headers = 'error' in message ? retryHeaders(message.error.data) : {};
    sendJson(this.#response, status, encodeMessage(message), { ...this.#options.headers, ...headers });
  }

  #stayAlive(): void {
    if (this.#state === 'ended') return;
    this.stream();
    this.#write(': keep-alive\n\n');
  }

  #write(text: string): void {
    if (this.#state !== 'streaming') return;
    this.#response.write(text);
    // A client that never reads must not fill the memory; its connection ends, and with it whatever it waited for.
    if (this.#response.writableLength > this.#options.maxQueueBytes) this.#response.destroy();
  }
}

/** One message as an event. */
export const frame = (message: Message): string => event(stringifyMessage(message));

/** However the text is broken into lines, it stays the data of one event (HTML Standard, "Server-sent events"). */
function event(text: string, id?: string, name = 'message'): string {
  const data = /[\r\n]/.test(text) ? text.split(/\r\n|\r|\n/).join('\ndata: ') : text;
  return id === undefined ? `event: ${name}\ndata: ${data}\n\n` : `event: ${name}\nid: ${id}\ndata: ${data}\n\n`;
}

function sendJson(
  response: ServerResponse,
  status: number,
  text: string | Buffer,
  headers?: OutgoingHttpHeaders,
): void {
  const length = Buffer.byteLength(text);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': length, ...headers });
  response.end(text);
}

/** When to ask again, as an error says it (`retryAfterMs`), for clients and proxies that know only HTTP. */
function retryHeaders(data: unknown): OutgoingHttpHeaders {
  const retryAfterMs = isObject(data) ? data['retryAfterMs'] : undefined;
  return typeof retryAfterMs === 'number' && retryAfterMs >= 0
    ? { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) }
    : {};
}

/** Answers a request as a whole with an error out of the table: its status, and a JSON-RPC body. */
export function sendError(
  response: ServerResponse,
  error: SwitchboardError,
  rpcId?: RpcId,
  headers: OutgoingHttpHeaders = {},
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = { ...failure(rpcId ?? error.rpcId, error.toRpc()) };
  // A body that was not read to its end cannot be followed by another request on the same connection.
  const { complete, httpVersionMajor } = response.req;
  const close: OutgoingHttpHeaders = complete || httpVersionMajor > 1 ? {} : { connection: 'close' };
  const all = { ...retryHeaders(error.data), ...close, ...headers };
  // JSON-RPC 2.0, section 5: the id is null when it could not be detected.
  const text = body.id === undefined ? JSON.stringify({ ...body, id: null }) : stringifyMessage(body);
  sendJson(response, error.entry.http, text, all);
}
