/** A channel over one WebSocket, either side: one message in each text frame (PROTOCOL.md, "Framing"). */
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

import { CLOSE_CODES } from '../../protocol/close-codes.ts';
import type { CloseName } from '../../protocol/close-codes.ts';
import { encodeMessage, parseMessage } from '../../protocol/jsonrpc.ts';
import type { Message } from '../../protocol/jsonrpc.ts';
import { asSwitchboardError } from '../../protocol/errors.ts';
import type { Channel, ChannelHandlers } from '../channel.ts';

export interface WebSocketLimits {
  /** How many messages may wait for a peer that reads none of them. */
  maxQueueMessages: number;
  /** How many bytes may wait for it. */
  maxQueueBytes: number;
  /** How often a ping is sent, in ms; a peer that leaves two unanswered is gone. */
  pingIntervalMs: number;
}

/** A close reason must fit a control frame (RFC 6455, section 5.5). */
const MAX_REASON_BYTES = 123;
const MAX_MISSED_PONGS = 2;
/** The code that a socket has which ended without a close frame (RFC 6455, section 7.4.1). */
const ABNORMAL = 1006;
/** How long a full queue may go without losing a message before its reader counts as one that does not read. */
const STUCK_MS = 1000;

export class WebSocketChannel implements Channel {
  readonly #socket: WebSocket;
  readonly #stream: Duplex | undefined;
  readonly #limits: WebSocketLimits;
  readonly #onSent: () => void = () => {
    this.#queued--;
    this.#lastSentAt = Date.now();
  };
  #inTurn = false;
  #lastSentAt = 0;
  #queued = 0;
  #missedPongs = 0;
  #closing = false;
  #handlers: ChannelHandlers | undefined;

  /** @param stream what the socket writes to, where that is known: messages of one turn then leave in one write. */
  constructor(socket: WebSocket, limits: WebSocketLimits, stream?: Duplex) {
    this.#socket = socket;
    this.#stream = stream;
    this.#limits = limits;
  }

  start(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    const socket = this.#socket;
    const pinger = setInterval(() => this.#ping(), this.#limits.pingIntervalMs);
    pinger.unref();
    socket.on('message', (data: Buffer, isBinary: boolean) => this.#read(data, isBinary));
    socket.on('pong', () => (this.#missedPongs = 0));
    // `ws` follows every error with a close; the close tells the code.
    socket.on('error', () => {});
    socket.once('close', (code: number, reason: Buffer) => {
      clearInterval(pinger);
      this.#closing = true;
      const said = reason.toString();
      const how = said === '' ? `the socket closed (${code})` : `the socket closed (${code}: ${said})`;
      handlers.onClose(how, code !== ABNORMAL);
    });
  }

  send(message: Message): void {
    this.write(encodeMessage(message));
  }

  /** Sends a message that has been encoded already. */
  write(encoded: string | Buffer): void {
    const socket = this.#socket;
    if (this.#closing || socket.readyState !== socket.OPEN) return;
    const { maxQueueMessages, maxQueueBytes } = this.#limits;
    this.#beginTurn();
    // Many messages may wait in a burst; a reader is slow when they do and none has left for a while.
    const isStuck = this.#queued >= maxQueueMessages && Date.now() - this.#lastSentAt > STUCK_MS;
    if (isStuck || socket.bufferedAmount > maxQueueBytes) {
      this.close('overloaded', 'the client reads too slowly: its send queue is full');
      return;
    }
    if (this.#queued++ === 0) this.#lastSentAt = Date.now();
    socket.send(encoded, { binary: false }, this.#onSent);
  }

  close(why: CloseName = 'normal', reason = ''): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#socket.close(CLOSE_CODES[why].code, fitReason(reason));
  }

  #read(data: Buffer, isBinary: boolean): void {
    if (this.#closing) return;
    if (isBinary) {
      this.close('binary', 'MCP messages are text');
      return;
    }
    this.#missedPongs = 0;
    let message: Message;
    try {
      message = parseMessage(data.toString('utf8'));
    } catch (error) {
      this.#handlers?.onBadMessage(asSwitchboardError(error));
      return;
    }
    this.#handlers?.onMessage(message);
  }

  /** Messages of one turn of the event loop leave together. */
  #beginTurn(): void {
    if (this.#inTurn) return;
    this.#inTurn = true;
    this.#stream?.cork();
    queueMicrotask(() => {
      this.#inTurn = false;
      this.#stream?.uncork();
    });
  }

  #ping(): void {
    if (this.#missedPongs >= MAX_MISSED_PONGS) {
      this.#socket.terminate();
      return;
    }
    this.#missedPongs++;
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }
}

/** Cuts at a character, not inside one. */
function fitReason(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.length <= MAX_REASON_BYTES) return reason;
  let end = MAX_REASON_BYTES;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end).toString();
}
