/**
 * A channel to an MCP server that speaks only the HTTP+SSE transport, which is deprecated (MCP 2024-11-05, Transports, "HTTP with
 * SSE"): one event stream on which everything comes, and a POST for each message to the address that its first event names.
 */
import { createParser } from 'eventsource-parser';
import { request as httpRequest } from 'node:http';
import type { Agent, ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';

import type { CloseName } from '../../protocol/close-codes.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import { isRequest, parseMessage, stringifyMessage } from '../../protocol/jsonrpc.ts';
import type { Message, ParsedMessage, RpcId } from '../../protocol/jsonrpc.ts';
import type { Channel, ChannelHandlers } from '../channel.ts';
import type { ClientTls } from '../tls/client-tls.ts';
import { keepingAgent } from './agent.ts';
import { answerIn, unavailable } from './answer.ts';

export interface SseClientOptions {
  headers?: Record<string, string>;
  maxMessageBytes: number;
  /** How many bytes may wait for their POST. */
  maxQueueBytes: number;
  /** How many POSTs may be under way at a time. */
  maxSockets: number;
  /** Finds the address of the server's name. @default the system's */
  lookup?: LookupFunction;
  /** What is shown and trusted where the server speaks TLS. */
  tls?: ClientTls;
  /** How long the server may take to name its endpoint, in ms. */
  endpointTimeoutMs: number;
}

/**
 * The next message is POSTed when the one before it was taken. Some servers answer a POST only when the request in it is done,
 * and may need the next message for that: it does not wait longer than this.
 */
const TURN_MS = 1000;
/** How much of a refusal is read. */
const MAX_REFUSAL_BYTES = 64 * 1024;

export class SseClientChannel implements Channel {
  readonly #url: URL;
  readonly #options: SseClientOptions;
  readonly #agent: Agent;
  readonly #open: Set<ClientRequest> = new Set();
  readonly #queue: { message: Message; text: string; bytes: number }[] = [];
  #queuedBytes = 0;
  #endpoint: URL | undefined;
  #posting = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  #handlers!: ChannelHandlers;

  constructor(url: URL, options: SseClientOptions) {
    this.#url = url;
    this.#options = options;
    const { maxSockets, lookup, tls } = options;
    this.#agent = keepingAgent(url.protocol, { maxSockets, ...(lookup !== undefined && { lookup }), ...tls });
  }

  start(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    const { endpointTimeoutMs } = this.#options;
    this.#timer = setTimeout(
      () => this.#fail(`no endpoint was named within ${endpointTimeoutMs} ms`),
      endpointTimeoutMs,
    );
    this.#timer.unref();
    const request = this.#request(this.#url, 'GET', { accept: 'text/event-stream' });
    request.once('response', (response) => this.#readStream(response));
    request.once('error', (cause: NodeJS.ErrnoException) => this.#fail(cause.message || String(cause.code)));
    request.end();
  }

  /** What is sent before the server has named its endpoint waits for that. */
  send(message: Message): void {
    if (this.#closed) return;
    const text = stringifyMessage(message);
    const bytes = Buffer.byteLength(text);
    if (this.#queuedBytes > this.#options.maxQueueBytes) {
      this.close('overloaded', 'the server takes messages too slowly: its send queue is full');
      return;
    }
    this.#queuedBytes += bytes;
    this.#queue.push({ message, text, bytes });
    this.#postNext();
  }

  close(_why?: CloseName, reason = 'closed'): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#queue.length = 0;
    for (const request of this.#open) request.destroy();
    this.#agent.destroy();
    queueMicrotask(() => this.#handlers.onClose(reason));
  }

  #fail(what: string): void {
    this.close(undefined, `${this.#url.origin}${this.#url.pathname}: ${what}`);
  }

  #readStream(response: IncomingMessage): void {
    const { statusCode, headers } = response;
    const type = headers['content-type'] ?? 'none';
    if (statusCode !== 200 || !type.startsWith('text/event-stream')) {
      this.#fail(`HTTP status ${statusCode}, content type ${type}, expected 200 and an event stream`);
      return;
    }
    const { maxMessageBytes } = this.#options;
    const tooLarge = (): void => this.#fail(`a message of more than ${maxMessageBytes} bytes`);
    const parser = createParser({
      onEvent: ({ event = 'message', data }) => {
        if (this.#closed) return;
        if (event === 'endpoint') this.#useEndpoint(data);
        else if (event !== 'message' || data === '') return;
        else if (Buffer.byteLength(data) > maxMessageBytes) tooLarge();
        else this.#read(data);
      },
      maxBufferSize: maxMessageBytes,
      onError: (error) => {
        if (error.type === 'max-buffer-size-exceeded') tooLarge();
      },
    });
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      if (!this.#closed) parser.feed(chunk);
    });
    response.on('error', () => {});
    response.once('close', () => this.#fail('the event stream ended'));
  }

  #useEndpoint(data: string): void {
    if (this.#endpoint !== undefined) return;
    const endpoint = URL.canParse(data, this.#url.href) ? new URL(data, this.#url) : undefined;
    if (endpoint === undefined) this.#fail(`the endpoint ${JSON.stringify(data)} is no URL`);
    else if (endpoint.origin !== this.#url.origin) {
      // Whatever is configured for this server, its headers among it, is not for another.
      this.#fail(`the endpoint is at ${endpoint.origin}, another origin, and refused`);
    } else {
      clearTimeout(this.#timer);
      this.#endpoint = endpoint;
      this.#postNext();
    }
  }

  #read(data: string): void {
    let message: ParsedMessage;
    try {
      message = parseMessage(data);
    } catch (error) {
      this.#handlers.onBadMessage(error as SwitchboardError);
      return;
    }
    this.#handlers.onMessage(message);
  }

  #postNext(): void {
    if (this.#closed || this.#posting || this.#endpoint === undefined) return;
    const next = this.#queue.shift();
    if (next === undefined) return;
    const { message, text, bytes } = next;
    this.#posting = true;
    const timer = setTimeout(() => pass(), TURN_MS).unref();
    let passed = false;
    const pass = (): void => {
      if (passed) return;
      passed = true;
      clearTimeout(timer);
      this.#posting = false;
      this.#queuedBytes -= bytes;
      this.#postNext();
    };
    const awaiting = isRequest(message) ? message.id : undefined;
    const request = this.#request(this.#endpoint, 'POST', { 'content-type': 'application/json' });
    request.once('response', (response) => {
      pass();
      this.#settle(response, awaiting);
    });
    request.once('error', (cause: NodeJS.ErrnoException) => {
      const reason = `POST failed: ${cause.message || cause.code}`;
      // Nothing is sent twice. A request can be refused; without an answer or a notification the server waits in vain.
      if (awaiting === undefined || cause.code === 'ECONNREFUSED') this.#fail(reason);
      else this.#refuse(awaiting, reason);
      pass();
    });
    request.end(text);
  }

  /** Reads what a POST was answered: only a refusal is of interest, as everything else comes on the stream. */
  #settle(response: IncomingMessage, awaiting: RpcId | undefined): void {
    const { statusCode = 0 } = response;
    response.on('error', () => {});
    if (statusCode >= 200 && statusCode < 300) {
      response.resume();
      return;
    }
    if (statusCode === 404) {
      this.#fail('the server no longer knows the session');
      return;
    }
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > MAX_REFUSAL_BYTES) response.destroy();
    });
    response.once('close', () => {
      if (awaiting !== undefined && !this.#closed) this.#handlers.onMessage(answerIn(text, statusCode, awaiting));
    });
  }

  #refuse(id: RpcId, detail: string): void {
    if (this.#closed) return;
    this.#handlers.onMessage(unavailable(id, detail));
  }

  #request(url: URL, method: string, headers: OutgoingHttpHeaders): ClientRequest {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(url, { method, agent: this.#agent, headers: { ...this.#options.headers, ...headers } });
    this.#open.add(request);
    request.on('error', () => {});
    request.once('close', () => this.#open.delete(request));
    return request;
  }
}
