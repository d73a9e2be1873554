/** A WebSocket of the package `ws`. */
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

import type { Socket, SocketEars } from './socket.ts';

export class NodeSocket implements Socket {
  readonly #socket: WebSocket;
  readonly #stream: Duplex | undefined;
  #onSent: () => void = () => {};
  #inTurn = false;

  /** @param stream what the socket writes to, where that is known: messages of one turn then leave in one write. */
  constructor(socket: WebSocket, stream?: Duplex) {
    this.#socket = socket;
    this.#stream = stream;
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  listen(ears: SocketEars): void {
    this.#onSent = () => ears.onSent(1);
    const socket = this.#socket;
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary) ears.onBinary();
      else ears.onText(data.toString('utf8'), data.length);
    });
    socket.on('pong', () => ears.onPong());
    // `ws` follows every error with a close; the close tells the code.
    socket.on('error', () => {});
    socket.once('close', (code: number, reason: Buffer) => ears.onClose(code, reason.toString()));
    socket.resume();
  }

  write(text: string | Uint8Array): void {
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
