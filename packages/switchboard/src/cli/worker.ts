/** One of several processes of `serve --workers`: what it is told by the process that started it (workers.ts), and what it tells. */
import cluster from 'node:cluster';

import type { JsonObject } from '../protocol/jsonrpc.ts';
import type { Serving } from './announcement.ts';

/** What a worker is to serve with, over what it reads itself. Secrets come this way: others can read command lines and variables. */
export interface WorkerStart {
  settings: JsonObject;
  /** The descriptor of a socket that the first process listens on already. */
  fd?: number | undefined;
}

/** What the first process says. */
export type Order =
  | ({ order: 'start' } & WorkerStart)
  | { order: 'drain'; timeoutMs?: number | undefined }
  | { order: 'reload' };

/** What a worker says. */
export type Said =
  | { says: 'started' }
  | { says: 'serves'; serving: Serving }
  /** An operator wants all of it to end. */
  | { says: 'drain'; timeoutMs?: number | undefined };

/** Marks a process as a worker, with its number. */
export const WORKER_VARIABLE = 'SWITCHBOARD_WORKER_NUMBER';

export interface WorkerDuties {
  drain(timeoutMs?: number): void;
  reload(): void;
}

export class Worker {
  /** From 1. */
  readonly number: number;

  private constructor(number: number) {
    this.number = number;
  }

  /** @param environment from which the variable is taken, so that no child believes that it is one. @returns nothing in every other process. */
  static take(environment: NodeJS.ProcessEnv): Worker | undefined {
    const number = Number(environment[WORKER_VARIABLE] ?? 0);
    delete environment[WORKER_VARIABLE];
    return cluster.isWorker && number > 0 ? new Worker(number) : undefined;
  }

  /** Asks what to serve with. */
  start(): Promise<WorkerStart> {
    return new Promise((resolve) => {
      const onMessage = (message: Order): void => {
        if (message.order !== 'start') return;
        process.off('message', onMessage);
        resolve(message);
      };
      process.on('message', onMessage);
      this.#say({ says: 'started' });
    });
  }

  /** Does what the first process says. A terminal sends its signals to all processes, and one that is meant for this one alone is SIGTERM. */
  obey({ drain, reload }: WorkerDuties): void {
    for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
    process.on('SIGTERM', () => drain());
    process.on('message', (message: Order) => {
      if (message.order === 'drain') drain(message.timeoutMs);
      else if (message.order === 'reload') reload();
    });
  }

  serves(serving: Serving): void {
    this.#say({ says: 'serves', serving });
  }

  /** An operator has asked this one, and means all. */
  drainAll(timeoutMs?: number): void {
    this.#say({ says: 'drain', timeoutMs });
  }

  /** Lets this process end. */
  leave(): void {
    cluster.worker?.disconnect();
  }

  #say(said: Said): void {
    // Without the first process this one ends by itself.
    process.send?.(said, undefined, undefined, () => {});
  }
}
