/**
 * The server side of the HTTP+SSE transport, which is deprecated (MCP 2024-11-05, Transports, "HTTP with SSE"): a client opens an
 * event stream, is told there where to POST its messages, and hears everything on the stream.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

import { isBatch, parseBatch } from '../../protocol/batch.ts';
import type { BatchPart } from '../../protocol/batch.ts';
import type { CloseName } from '../../protocol/close-codes.ts';
import { LEGACY_VERSIONS, claimsModern } from '../../protocol/eras.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import { failure, isRequest, parseMessage } from '../../protocol/jsonrpc.ts';
import type { Message } from '../../protocol/jsonrpc.ts';
import { Backlog } from '../../util/backlog.ts';
import type { Channel, ChannelHandlers } from '../channel.ts';
import { readBody, requireJson } from './body.ts';
import { EVENT_STREAM_TYPE, accepts } from './media.ts';
import { STREAM_HEADERS, frame } from './reply.ts';

export interface SseLimits {
  maxMessageBytes: number;
  /** How many messages may wait for a client that does not read. */
  maxQueueMessages: number;
  /** How many bytes may wait for it. */
  maxQueueBytes: number;
  /** How often a comment is sent on a quiet stream so that nothing between takes it for dead, in ms. */
  keepAliveMs: number;
}

/** Where the messages of all clients are POSTed; the query says whose. */
export const SSE_POST_PATH = '/messages';
/** How long a client may take to read the rest of a stream that was ended. */
const CLOSE_TIMEOUT_MS = 5000;

export class SseChannel implements Channel {
  readonly #response: ServerResponse;
  readonly #endpoint: string;
  readonly #limits: SseLimits;
  readonly #backlog: Backlog;
  #queued = 0;
  #closing = false;
  #reason = 'the client hung up';
  #handlers: ChannelHandlers | undefined;

  constructor(response: ServerResponse, endpoint: string, limits: SseLimits) {
    this.#response = response;
    this.#endpoint = endpoint;
    this.#limits = limits;
    this.#backlog = new Backlog(limits.maxQueueBytes);
  }

  get closing(): boolean {
    return this.#closing;
  }

  start(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    const response = this.#response;
    const keepAlive = setInterval(() => {
      // What waits already shows that the stream is not dead.
      if (!this.#closing && response.writableLength === 0) response.write(': keep-alive\n\n');
    }, this.#limits.keepAliveMs).unref();
    response.on('error', () => {});
    response.once('close', () => {
      clearInterval(keepAlive);
      this.#closing = true;
      handlers.onClose(this.#reason);
    });
    response.writeHead(200, STREAM_HEADERS);
    response.write(`event: endpoint\ndata: ${this.#endpoint}\n\n`);
  }

  send(message: Message): void {
    if (this.#closing) return;
    if (this.#queued >= this.#limits.maxQueueMessages || this.#backlog.isFull(this.#response.writableLength)) {
      this.close('overloaded', 'the client reads too slowly: its send queue is full');
      return;
    }
    this.#queued++;
    const text = frame(message);
    this.#backlog.add(text.length);
    this.#response.write(text, () => this.#queued--);
  }

  /** Takes a message that was POSTed. */
  receive(message: Message): void {
    if (!this.#closing) this.#handlers?.onMessage(message);
  }

  /** As {@link receive}, for several in one POST. */
  receiveBatch(parts: readonly BatchPart[]): void {
    if (!this.#closing) this.#handlers?.onBatch?.(parts);
  }

  close(why: CloseName = 'normal', reason = 'closed'): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#reason = reason;
    const response = this.#response;
    if (why === 'overloaded') response.destroy();
    else {
      response.end();
      const timer = setTimeout(() => response.destroy(), CLOSE_TIMEOUT_MS).unref();
      response.once('close', () => clearTimeout(timer));
    }
  }
}

/** Opens the streams, and brings each POST to the stream whose session it names. */
export class SseAcceptor {
  readonly #limits: SseLimits;
  readonly #newId: () => string;
  readonly #channels: Map<string, { channel: SseChannel; owner: string }> = new Map();

  /** @param newId makes the ids of sessions; who knows one can speak in its name. */
  constructor(limits: SseLimits, newId: () => string) {
    this.#limits = limits;
    this.#newId = newId;
  }

  /**
   * Makes a GET a channel; nothing is answered before it is started.
   *
   * @param owner whose it is; nobody else can post to it.
   * @throws {SwitchboardError} `SWB_NOT_ACCEPTABLE`
   */
  accept({ headers }: IncomingMessage, response: ServerResponse, owner: string): SseChannel {
    const { accept = '*/*' } = headers;
    if (!accepts(accept, EVENT_STREAM_TYPE)) {
      throw new SwitchboardError('SWB_NOT_ACCEPTABLE', { detail: `got ${JSON.stringify(accept)}` });
    }
    const id = this.#newId();
    const channel = new SseChannel(response, `${SSE_POST_PATH}?session=${id}`, this.#limits);
    this.#channels.set(id, { channel, owner });
    response.once('close', () => this.#channels.delete(id));
    return channel;
  }

  /** Takes the message of a POST. @throws {SwitchboardError} when it cannot be read, or there is no such session. */
  async post(request: IncomingMessage, response: ServerResponse, owner: string): Promise<void> {
    const channel = this.#find(request, owner);
    requireJson(request);
    const text = await readBody(request, this.#limits.maxMessageBytes);
    if (isBatch(text)) {
      const parts = parseBatch(text);
      if (channel.closing) throw gone();
      channel.receiveBatch(parts);
      response.writeHead(202).end();
      return;
    }
    const message = parseMessage(text);
    // The stream may have ended meanwhile.
    if (channel.closing) throw gone();
    if (!('method' in message && claimsModern(message.params))) channel.receive(message);
    else if (isRequest(message)) {
      // Every answer comes on the stream, where a client that asks for the modern era first hears that it is not spoken.
      const detail = `over SSE these are supported: ${LEGACY_VERSIONS.join(', ')}`;
      const error = new SwitchboardError('SWB_UNSUPPORTED_VERSION', {
        detail,
        data: { supported: [...LEGACY_VERSIONS] },
      });
      channel.send(failure(message.id, error.toRpc()));
    }
    response.writeHead(202).end();
  }

  #find({ url = '' }: IncomingMessage, owner: string): SseChannel {
    const id = new URLSearchParams(url.split('?', 2)[1]).get('session');
    const known = id === null ? undefined : this.#channels.get(id);
    if (known === undefined || known.owner !== owner || known.channel.closing) throw gone();
    return known.channel;
  }
}

const gone = (): SwitchboardError =>
  new SwitchboardError('SWB_SESSION_NOT_FOUND', { detail: 'open the event stream again to get another one' });
