/**
 * The answer to one HTTP request: plain JSON when one message is all there is, an event stream as soon as there is more
 * (MCP 2025-11-25 and 2026-07-28, Transports, "Streamable HTTP": a server may answer with either).
 */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

import type { SwitchboardError } from '../../protocol/errors.ts';
import { encodeMessage, failure, isObject, stringifyMessage } from '../../protocol/jsonrpc.ts';
import type { Message, RpcId } from '../../protocol/jsonrpc.ts';
import { Backlog } from '../../util/backlog.ts';

export interface ReplyOptions {
  /**
   * How many bytes may wait for a client that does not read. What comes when so much waits already cuts the connection: one message,
   * however large, is no slow reader.
   */
  maxQueueBytes: number;
  /** How often a comment is sent on a quiet stream so that nothing between takes it for dead, in ms. */
  keepAliveMs: number;
  /** Whether the client takes an event stream; without it what is pushed is dropped. @default true */
  takesStream?: boolean;
  /** Sent with whatever form the answer takes. */
  headers?: OutgoingHttpHeaders;
  /** An event id that is sent without an event when the answer becomes a stream, so that a client can come back from the start. */
  firstEventId?: string;
  /** Called when the answer becomes an event stream. */
  onStream?(): void;
  /**
   * Called once when the response is over, in whatever way.
   *
   * @param delivered whether all of it was handed to the system; a client that hung up before did not get all.
   */
  onClose?(delivered: boolean): void;
}

/** With so much waiting, what need not be sent now is sent later. */
const ENOUGH_BYTES = 64 * 1024;
/** How long a stream that another one replaces may take for what was written to it. */
const REPLACED_MS = 5000;

export const STREAM_HEADERS: OutgoingHttpHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

export class Reply {
  readonly #response: ServerResponse;
  readonly #options: ReplyOptions;
  readonly #backlog: Backlog;
  #state: 'waiting' | 'streaming' | 'ended' = 'waiting';
  /** Whether it is, or was, an event stream. */
  #streamed = false;
  readonly #keepAlive: NodeJS.Timeout;

  /** @param onGone called when the client hangs up before the answer is complete. */
  constructor(response: ServerResponse, options: ReplyOptions, onGone: () => void) {
    this.#response = response;
    this.#options = options;
    this.#backlog = new Backlog(options.maxQueueBytes);
    this.#keepAlive = setInterval(() => this.#stayAlive(), options.keepAliveMs).unref();
    let delivered = false;
    // Node tells of an end also when a socket was destroyed with what waited in it.
    response.prependOnceListener('finish', () => (delivered = !response.destroyed && !response.req.socket.destroyed));
    response.once('close', () => {
      clearInterval(this.#keepAlive);
      options.onClose?.(delivered);
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
    return this.#streamed && this.#options.firstEventId !== undefined;
  }

  /** Whether so little waits to be read that more may be sent at leisure. */
  get hasRoom(): boolean {
    return this.#response.writableLength < ENOUGH_BYTES;
  }

  /** Resolves when there is room, or the response is over. */
  async room(): Promise<void> {
    const response = this.#response;
    while (!this.hasRoom && !response.destroyed) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          response.off('drain', done).off('close', done);
          resolve();
        };
        response.on('drain', done).on('close', done);
      });
    }
  }

  /** Turns the answer into an event stream now. */
  stream(): void {
    if (this.#state !== 'waiting' || this.#options.takesStream === false) return;
    this.#state = 'streaming';
    this.#streamed = true;
    this.#response.writeHead(200, { ...STREAM_HEADERS, ...this.#options.headers });
    this.#response.flushHeaders();
    const { firstEventId, onStream } = this.#options;
    onStream?.();
    if (firstEventId !== undefined) this.#write([`id: ${firstEventId}\ndata: \n\n`]);
  }

  /** Sends a message that is not the last. */
  push(message: Message): void {
    this.pushText(encodeMessage(message));
  }

  /**
   * Sends a message that has been written already.
   *
   * @param id the event's id.
   * @param name the event's type.
   */
  pushText(text: string | Uint8Array, id?: string, name?: string): void {
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
      this.#response.end(event(text, undefined, name).join(''));
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

  /** Ends a stream that goes on elsewhere. A client that does not even read is not waited for. */
  replace(): void {
    const response = this.#response;
    this.end();
    if (!this.hasRoom) response.destroy();
    const timer = setTimeout(() => response.destroy(), REPLACED_MS).unref();
    response.once('close', () => clearTimeout(timer));
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
    this.#write([': keep-alive\n\n']);
  }

  #write(parts: readonly (string | Uint8Array)[]): void {
    if (this.#state !== 'streaming') return;
    const response = this.#response;
    // A client that never reads must not fill the memory; its connection ends, and with it whatever it waited for.
    if (this.#backlog.isFull(response.writableLength)) {
      response.destroy();
      return;
    }
    for (const part of parts) this.#backlog.add(part.length);
    if (parts.length > 1) response.cork();
    for (const part of parts) response.write(part);
    if (parts.length > 1) response.uncork();
  }
}

/** One message as an event. */
export const frame = (message: Message): string => event(stringifyMessage(message)).join('');

const [LF, CR] = [0x0a, 0x0d];

/** However the text is broken into lines, it stays the data of one event (HTML Standard, "Server-sent events"). */
function event(text: string | Uint8Array, id?: string, name = 'message'): (string | Uint8Array)[] {
  const head = id === undefined ? `event: ${name}\ndata: ` : `event: ${name}\nid: ${id}\ndata: `;
  if (typeof text !== 'string') {
    if (!text.includes(CR) && !text.includes(LF)) return [head, text, '\n\n'];
    return event(Buffer.from(text).toString('utf8'), id, name);
  }
  const data = /[\r\n]/.test(text) ? text.split(/\r\n|\r|\n/).join('\ndata: ') : text;
  return [`${head}${data}\n\n`];
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
