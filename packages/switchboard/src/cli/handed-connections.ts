/**
 * Connections that were handed to a worker and that it has not said to have. Node waits for that word for ever, also from a worker that has
 * ended: its client would neither be served nor be cut. Here such a connection goes to another worker.
 *
 * Node has no hook for those that it hands over itself. What is relied on is the message with which `node:cluster` does so, the same in Node
 * 20 to 26; were it another one, nothing would be handed on, as without this.
 */
import type { Worker } from 'node:cluster';

import { isObject } from '../protocol/jsonrpc.ts';
import { once } from '../util/once.ts';
import type { Handle, Order, Said } from './worker.ts';

type Handing = [message: object, connection: Pick<Handle, 'close'>];
type Send = (message: unknown, ...rest: unknown[]) => boolean;

export class HandedConnections {
  readonly #waiting: Map<Worker, Map<unknown, Handing>> = new Map();
  #placed = 0;

  watch(worker: Worker): void {
    const { process } = worker;
    const waiting = new Map<unknown, Handing>();
    this.#waiting.set(worker, waiting);
    const send = process.send.bind(process) as Send;
    const watched: Send = (message, ...rest) => {
      const [connection] = rest;
      const key = keyOf(message);
      if (key !== undefined && connection !== undefined) {
        waiting.set(key, [message as object, connection as Handle]);
      }
      return send(message, ...rest);
    };
    process.send = watched;
    process.on('internalMessage', (message: unknown) => {
      if (isObject(message) && message['ack'] !== undefined) waiting.delete(message['ack']);
    });
    worker.on('message', (said: Said) => {
      if (said.says !== 'placed') return;
      const key = placed(said.number);
      // What Node hands over it closes itself.
      waiting.get(key)?.[1].close();
      waiting.delete(key);
    });
    const end = once(() => {
      this.#waiting.delete(worker);
      for (const [message, connection] of waiting.values()) this.#hand(message, connection);
    });
    process.once('exit', end);
    // One that could not be started does not exit.
    process.once('close', end);
  }

  /**
   * Hands over a connection that came to the wrong worker; to any, where the right one is gone.
   *
   * @param read what was read of it, in base64.
   */
  place(connection: Handle, read: string, worker?: Worker): void {
    this.#hand({ order: 'serve', read, number: ++this.#placed } satisfies Order, connection, worker);
  }

  #hand(message: object, connection: Pick<Handle, 'close'>, wanted?: Worker): void {
    const able = [...this.#waiting.keys()].filter((each) => each.isConnected() && !each.isDead());
    const to = able.find((each) => each === wanted) ?? able[0];
    // With nobody to serve it, its client is to know.
    if (to === undefined) connection.close();
    else to.process.send(message, connection as never);
  }
}

const placed = (number: number): string => `placed ${number}`;

/** What says that a connection has arrived, of the message that it comes with. */
function keyOf(message: unknown): unknown {
  if (!isObject(message)) return undefined;
  if (message['act'] === 'newconn') return message['seq'];
  return message['order'] === 'serve' ? placed(Number(message['number'])) : undefined;
}
