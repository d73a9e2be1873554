/**
 * A channel to an MCP server that speaks only the HTTP+SSE transport, which is deprecated (MCP 2024-11-05, Transports, "HTTP with
 * SSE"): one event stream on which everything comes, and a POST for each message to the address that its first event names.
 */
import { createParser } from 'eventsource-parser';
import type { IncomingMessage } from 'node:http';

import type { CloseName } from '../../protocol/close-codes.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import { isRequest, parseMessage, stringifyMessage } from '../../protocol/jsonrpc.ts';
import type { Message, ParsedMessage, RpcId } from '../../protocol/jsonrpc.ts';
import type { Channel, ChannelHandlers } from '../channel.ts';
import { failureText, statusText } from '../failure.ts';
import { answerIn, readRefusal, sessionLoss, unavailable } from './answer.ts';
import { EVENT_STREAM_TYPE, JSON_TYPE, encodingOf, isEventStream, withoutMark } from './media.ts';
import { Remote, shown } from './remote.ts';
import type { RemoteOptions } from './remote.ts';
import { retryAfterMs } from './retry-after.ts';

export interface SseClientOptions extends RemoteOptions {
  maxMessageBytes: number;
  /** How many bytes may wait for their POST. */
  maxQueueBytes: number;
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
  readonly #remote: Remote;
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
    this.#remote = new Remote(url, options);
  }

  start(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    const { endpointTimeoutMs } = this.#options;
    this.#timer = setTimeout(
      () => this.#fail(`no endpoint was named within ${endpointTimeoutMs} ms`),
      endpointTimeoutMs,
    );
    this.#timer.unref();
    this.#remote.send(
      { method: 'GET', headers: { accept: EVENT_STREAM_TYPE } },
      {
        onResponse: (response) => this.#readStream(response),
        onError: (cause) => this.#fail(failureText(cause)),
      },
    );
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
    this.#remote.close();
    queueMicrotask(() => this.#handlers.onClose(reason));
  }

  #fail(what: string): void {
    this.close(undefined, `${shown(this.#url)}: ${what}`);
  }

  /** The stream is refused: the server may say why. */
  #refused(response: IncomingMessage): void {
    readRefusal(response, (said) => this.#fail(statusText(response.statusCode ?? 0, said)));
  }

  #readStream(response: IncomingMessage): void {
    const { statusCode, headers } = response;
    const encoding = encodingOf(headers);
    if (statusCode !== 200 || !isEventStream(headers) || encoding !== undefined) {
      const type = headers['content-type'] ?? 'none';
      const encoded =
        encoding === undefined ? '' : `, encoded (${encoding}) although Accept-Encoding: identity was sent`;
      if (statusCode !== 200) {
        this.#refused(response);
        return;
      }
      this.#fail(`HTTP status ${statusCode}, content type ${type}${encoded}, expected 200 and an event stream`);
      return;
    }
    let isFirst = true;
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
      if (!this.#closed) parser.feed(isFirst ? withoutMark(chunk) : chunk);
      isFirst = false;
    });
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
    const onError = (cause: NodeJS.ErrnoException): void => {
      const reason = `POST failed: ${failureText(cause)}`;
      // A request can be refused; without an answer or a notification the server waits in vain.
      if (awaiting === undefined || cause.code === 'ECONNREFUSED') this.#fail(reason);
      else this.#refuse(awaiting, reason);
      pass();
    };
    const onResponse = (response: IncomingMessage): void => {
      pass();
      this.#settle(response, awaiting);
    };
    const request = {
      method: 'POST',
      url: this.#endpoint,
      headers: { 'content-type': JSON_TYPE },
      body: text,
    } as const;
    this.#remote.send(request, { onResponse, onError });
  }

  /** Reads what a POST was answered: only a refusal is of interest, as everything else comes on the stream. */
  #settle(response: IncomingMessage, awaiting: RpcId | undefined): void {
    const { statusCode = 0, headers } = response;
    if (statusCode >= 200 && statusCode < 300) {
      response.resume();
      return;
    }
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > MAX_REFUSAL_BYTES) response.destroy();
    });
    response.once('close', () => {
      if (this.#closed) return;
      if (sessionLoss(text, statusCode, awaiting) === 'refused') this.#fail('the server no longer knows the session');
      else if (awaiting !== undefined) {
        const facts = { status: statusCode, retryAfterMs: retryAfterMs(headers) };
        this.#handlers.onMessage(answerIn(text, shown(this.#url), awaiting, facts));
      }
    });
  }

  #refuse(id: RpcId, detail: string): void {
    if (this.#closed) return;
    this.#handlers.onMessage(unavailable(id, detail));
  }
}
