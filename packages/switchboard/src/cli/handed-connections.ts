/**
 * Connections that were handed to a worker and that it has not said to have. Node waits for that word for ever, also from a worker that has
 * ended: its client would neither be served nor be cut. Here such a connection goes to another worker.
 *
 * Node has no hook for it. What is relied on is the message with which `node:cluster` hands a connection over, the same in Node 20 to 26; were
 * it another one, nothing would be handed on, as without this.
 */
import type { Worker } from 'node:cluster';

import { isObject } from '../protocol/jsonrpc.ts';
import { once } from '../util/once.ts';

type Handing = [message: object, connection: { close(): void }];
type Send = (message: unknown, ...rest: unknown[]) => boolean;

export class HandedConnections {
  readonly #waiting: Map<Worker, Map<unknown, Handing>> = new Map();

  watch(worker: Worker): void {
    const { process } = worker;
    const waiting = new Map<unknown, Handing>();
    this.#waiting.set(worker, waiting);
    const send = process.send.bind(process) as Send;
    const watched: Send = (message, ...rest) => {
      const [connection] = rest;
      if (isObject(message) && message['act'] === 'newconn' && connection !== undefined) {
        waiting.set(message['seq'], [message, connection as Handing[1]]);
      }
      return send(message, ...rest);
    };
    process.send = watched;
    process.on('internalMessage', (message: unknown) => {
      if (isObject(message) && message['ack'] !== undefined) waiting.delete(message['ack']);
    });
    const end = once(() => {
      this.#waiting.delete(worker);
      for (const [message, connection] of waiting.values()) this.#hand(message, connection);
    });
    process.once('exit', end);
    // One that could not be started does not exit.
    process.once('close', end);
  }

  #hand(message: object, connection: Handing[1]): void {
    const other = [...this.#waiting.keys()].find((each) => each.isConnected() && !each.isDead());
    // With nobody to serve it, its client is to know.
    if (other === undefined) connection.close();
    else other.process.send(message, connection as never);
  }
}
