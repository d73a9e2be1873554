/** A WebSocket of the package `ws`. */
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

import type { CloseName } from '../../protocol/close-codes.ts';
import { LARGE_BYTES } from '../../protocol/large-call.ts';
import { FrameWriter } from './frame-writer.ts';
import type { Socket, SocketHandlers } from './socket.ts';

/**
 * Why `ws` refused a message and closes. Its `close` event says 1006 then, as of a socket that was cut; but over the next socket the
 * peer would send the same message again.
 */
const REFUSED: Readonly<Record<string, CloseName>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'tooBig',
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 'policy',
  WS_ERR_INVALID_UTF8: 'invalidText',
};

export interface NodeSocketOptions {
  /** What the socket writes to, where that is known: messages of one turn then leave in one write. */
  stream?: Duplex;
  /** The subprotocol that the server selected, where `ws` knows another. */
  protocol?: string;
}

export class NodeSocket implements Socket {
  readonly #socket: WebSocket;
  readonly #stream: Duplex | undefined;
  readonly #protocol: string | undefined;
  #onSent: () => void = () => {};
  /** Of a server's socket without compression; others are written by `ws`. */
  readonly #frames: FrameWriter | undefined;
  #inTurn = false;

  constructor(socket: WebSocket, { stream, protocol }: NodeSocketOptions = {}) {
    this.#socket = socket;
    this.#stream = stream;
    this.#protocol = protocol;
    if (stream !== undefined && socket.extensions === '') {
      this.#frames = new FrameWriter(stream, () => this.#onSent());
    }
  }

  get protocol(): string {
    return this.#protocol ?? this.#socket.protocol;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  get unreadBytes(): number {
    // A message counts as buffered until all of it has left; the system's own queue is finer.
    const handle = (this.#stream as { _handle?: { writeQueueSize?: unknown } | null } | undefined)?._handle;
    const queued = typeof handle?.writeQueueSize === 'number' ? handle.writeQueueSize : 0;
    return this.bufferedBytes + queued;
  }

  listen(handlers: SocketHandlers): void {
    this.#onSent = () => handlers.onSent(1);
    const socket = this.#socket;
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary) handlers.onBinary();
      else if (data.length >= LARGE_BYTES && handlers.onLargeText !== undefined) handlers.onLargeText(data);
      else handlers.onText(data.toString('utf8'), data.length);
    });
    socket.on('ping', () => handlers.onPing());
    socket.on('pong', () => handlers.onPong());
    // `ws` follows every error with a close.
    socket.on('error', ({ code = '', message }: NodeJS.ErrnoException) => {
      const why = REFUSED[code];
      if (why !== undefined) handlers.onRefused(why, message);
    });
    socket.once('close', (code: number, reason: Buffer) => handlers.onClose(code, reason.toString()));
    socket.resume();
  }

  write(text: string | Uint8Array): void {
    if (this.#frames !== undefined) {
      this.#frames.write(text);
      return;
    }
    this.#beginTurn();
    this.#socket.send(text, { binary: false }, this.#onSent);
  }

  ping(): void {
    this.#socket.ping();
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  cut(): void {
    this.#socket.terminate();
  }

  /** Messages of one turn of the event loop leave together. */
  #beginTurn(): void {
    if (this.#inTurn || this.#stream === undefined) return;
    this.#inTurn = true;
    this.#stream.cork();
    queueMicrotask(() => {
      this.#inTurn = false;
      this.#stream?.uncork();
    });
  }
}
