/** Two channels joined back to back in this process. Messages are handed over by reference, one microtask later. */
import { asSwitchboardError } from '../protocol/errors.ts';
import { checkMessage } from '../protocol/jsonrpc.ts';
import type { Message, RpcId } from '../protocol/jsonrpc.ts';
import { LazyResult } from '../protocol/lazy-result.ts';
import { withOpenArguments } from '../protocol/raw-arguments.ts';
import type { Channel, ChannelHandlers } from './channel.ts';

class MemoryChannel implements Channel {
  peer!: MemoryChannel;
  #handlers: ChannelHandlers | undefined;
  #early: [message: Message, about: RpcId | undefined][] = [];
  #closed = false;

  start(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    for (const [message, about] of this.#early.splice(0)) this.#deliver(message, about);
  }

  send(message: Message, about?: RpcId): void {
    if (!this.#closed) this.peer.#deliver(message, about);
  }

  close(_why?: unknown, reason = 'closed'): void {
    if (this.#closed) return;
    this.#closed = true;
    queueMicrotask(() => this.#handlers?.onClose(reason));
    this.peer.close(undefined, reason);
  }

  #deliver(message: Message, about: RpcId | undefined): void {
    if (this.#handlers === undefined) this.#early.push([message, about]);
    else queueMicrotask(() => this.#closed || this.#receive(message, about));
  }

  /** A program may hand over anything, and what handles it may fail of that; nobody above would catch it. */
  #receive(message: Message, about: RpcId | undefined): void {
    try {
      const checked = message instanceof LazyResult ? message : checkMessage(opened(message));
      this.#handlers?.onMessage(checked, about);
    } catch (error) {
      this.#handlers?.onBadMessage(asSwitchboardError(error));
    }
  }
}

/** The message as a program can look into it. */
function opened(message: Message): Message {
  if (!('method' in message) || message.params === undefined) return message;
  const params = withOpenArguments(message.params);
  return params === message.params ? message : { ...message, params };
}

export function memoryPair(): [Channel, Channel] {
  const [left, right] = [new MemoryChannel(), new MemoryChannel()];
  left.peer = right;
  right.peer = left;
  return [left, right];
}
