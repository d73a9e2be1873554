/** A channel over one WebSocket, either side: one message in each text frame (PROTOCOL.md, "Framing"). */
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

import { CLOSE_CODES } from '../../protocol/close-codes.ts';
import type { CloseName } from '../../protocol/close-codes.ts';
import { encodeMessage, parseMessage } from '../../protocol/jsonrpc.ts';
import type { Message } from '../../protocol/jsonrpc.ts';
import type { SwitchboardError } from '../../protocol/errors.ts';
import type { Channel, ChannelHandlers } from '../channel.ts';

export interface WebSocketLimits {
  /** How many messages may wait for a peer that does not read. */
  maxQueueMessages: number;
  /** How many bytes may wait for it. */
  maxQueueBytes: number;
  /** How often a ping is sent, in ms; a peer that leaves two unanswered is gone. */
  pingIntervalMs: number;
}

/** A close reason must fit a control frame (RFC 6455, section 5.5). */
const MAX_REASON_BYTES = 123;
const MAX_MISSED_PONGS = 2;

export class WebSocketChannel implements Channel {
  readonly #socket: WebSocket;
  readonly #stream: Duplex | undefined;
  readonly #limits: WebSocketLimits;
  readonly #onSent: () => void = () => void this.#queued--;
  #isCorked = false;
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
      handlers.onClose(said === '' ? `the socket closed (${code})` : `the socket closed (${code}: ${said})`);
    });
  }

  send(message: Message): void {
    const socket = this.#socket;
    if (this.#closing || socket.readyState !== socket.OPEN) return;
    const { maxQueueMessages, maxQueueBytes } = this.#limits;
    if (this.#queued >= maxQueueMessages || socket.bufferedAmount > maxQueueBytes) {
      this.close('overloaded', 'the client reads too slowly: its send queue is full');
      return;
    }
    this.#queued++;
    this.#cork();
    socket.send(encodeMessage(message), { binary: false }, this.#onSent);
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
      this.#handlers?.onBadMessage(error as SwitchboardError);
      return;
    }
    this.#handlers?.onMessage(message);
  }

  #cork(): void {
    const stream = this.#stream;
    if (stream === undefined || this.#isCorked) return;
    this.#isCorked = true;
    stream.cork();
    queueMicrotask(() => {
      this.#isCorked = false;
      stream.uncork();
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
