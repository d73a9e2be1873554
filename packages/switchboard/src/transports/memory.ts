/** Two channels joined back to back in this process. Messages are handed over by reference, one microtask later. */
import { asSwitchboardError } from '../protocol/errors.ts';
import { checkMessage } from '../protocol/jsonrpc.ts';
import type { Message } from '../protocol/jsonrpc.ts';
import { LazyResult } from '../protocol/lazy-result.ts';
import type { Channel, ChannelHandlers } from './channel.ts';

class MemoryChannel implements Channel {
  peer!: MemoryChannel;
  #handlers: ChannelHandlers | undefined;
  #early: Message[] = [];
  #closed = false;

  start(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    for (const message of this.#early.splice(0)) this.#deliver(message);
  }

  send(message: Message): void {
    if (!this.#closed) this.peer.#deliver(message);
  }

  close(_why?: unknown, reason = 'closed'): void {
    if (this.#closed) return;
    this.#closed = true;
    queueMicrotask(() => this.#handlers?.onClose(reason));
    this.peer.close(undefined, reason);
  }

  #deliver(message: Message): void {
    if (this.#handlers === undefined) this.#early.push(message);
    else queueMicrotask(() => this.#closed || this.#receive(message));
  }

  /** A program may hand over anything. */
  #receive(message: Message): void {
    let checked: Message;
    try {
      checked = message instanceof LazyResult ? message : checkMessage(message);
    } catch (error) {
      this.#handlers?.onBadMessage(asSwitchboardError(error));
      return;
    }
    this.#handlers?.onMessage(checked);
  }
}

export function memoryPair(): [Channel, Channel] {
  const [left, right] = [new MemoryChannel(), new MemoryChannel()];
  left.peer = right;
  right.peer = left;
  return [left, right];
}
