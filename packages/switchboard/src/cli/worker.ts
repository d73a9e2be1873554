/** One of several processes of `serve --workers`: what it is told by the process that started it (workers.ts), and what it tells. */
import type { SendHandle } from 'node:child_process';
import cluster from 'node:cluster';
import { Socket } from 'node:net';

import type { Problem } from '../gateway/admin/health.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import type { Serving } from './announcement.ts';

/** What a worker is to serve with, over what it reads itself. Secrets come this way: others can read command lines and variables. */
export interface WorkerStart {
  settings: JsonObject;
  /** The descriptor of a socket that the first process listens on already. */
  fd?: number | undefined;
}

/** A worker that does not serve, and why. */
export interface AbsentWorker {
  name: string;
  reason: string;
}

/** What the first process says. */
export type Order =
  | ({ order: 'start' } & WorkerStart)
  | { order: 'drain'; timeoutMs?: number | undefined }
  | { order: 'reload' }
  /** These do not serve now; the whole list each time. */
  | { order: 'absent'; workers: readonly AbsentWorker[] }
  /** Serve the connection that comes with it, of which another worker has read so much, in base64. */
  | { order: 'serve'; read: string; number: number };

/** What a worker says. */
export type Said =
  | { says: 'started' }
  | { says: 'serves'; serving: Serving }
  /** An operator wants all of it to end. */
  | { says: 'drain'; timeoutMs?: number | undefined }
  /** The connection that comes with it is for another worker. */
  | { says: 'misplaced'; worker: string; read: string }
  /** The connection of that number has arrived here. */
  | { says: 'placed'; number: number };

/** A connection of TCP as Node has it below its sockets. Only such a one can be given away without a byte being read from it. */
export interface Handle {
  readStop(): void;
  close(): void;
}

/** Marks a process as a worker, with its number. */
export const WORKER_VARIABLE = 'SWITCHBOARD_WORKER_NUMBER';

export interface WorkerDuties {
  drain(timeoutMs?: number): void;
  reload(): void;
  accept(socket: Socket): void;
}

/** Connections that are on their way to another worker; further ones stay. */
const MAX_MISPLACED = 64;

export class Worker {
  /** From 1. */
  readonly number: number;
  #absent: readonly AbsentWorker[] = [];
  #misplaced = 0;

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
  obey({ drain, reload, accept }: WorkerDuties): void {
    for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
    process.on('SIGTERM', () => drain());
    process.on('message', (message: Order, handle?: Handle) => {
      if (message.order === 'drain') drain(message.timeoutMs);
      else if (message.order === 'reload') reload();
      else if (message.order === 'absent') this.#absent = message.workers;
      else if (message.order === 'serve' && handle !== undefined) {
        accept(socketOf(handle, message.read));
        this.#say({ says: 'placed', number: message.number });
      }
    });
  }

  /**
   * Passes a connection on, with all that was read of it and is still there.
   *
   * @param to the name of a worker as a node.
   * @returns whether it goes; then it is gone here.
   */
  passOn(to: string, socket: Socket): boolean {
    const owner = socket as Socket & { _handle?: Handle | null };
    const handle = owner._handle;
    if (!handle || !process.connected || this.#misplaced >= MAX_MISPLACED) return false;
    handle.readStop();
    const read = ((socket.read() as Buffer | null) ?? Buffer.alloc(0)).toString('base64');
    owner._handle = null;
    socket.destroy();
    this.#misplaced++;
    this.#say({ says: 'misplaced', worker: to, read }, handle, () => this.#misplaced--);
    return true;
  }

  /** What operators should know of the other workers. */
  get problems(): Problem[] {
    return this.#absent.map(({ name, reason }) => ({
      level: 'error',
      text: `${name} does not serve: ${reason}`,
      advice:
        'The other workers serve its clients, and it is started again by itself. If it stays away, read worker.failed in the log.',
    }));
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

  #say(said: Said, handle?: Handle, onSaid: () => void = () => {}): void {
    // Without the first process this one ends by itself.
    const onSent = (): void => {
      handle?.close();
      onSaid();
    };
    process.send?.(said, handle as SendHandle | undefined, undefined, onSent);
  }
}

/** @param read what another process has read from it, in base64. */
function socketOf(handle: Handle, read: string): Socket {
  const options: object = { handle, readable: true, writable: true };
  const socket = new Socket(options);
  socket.unshift(Buffer.from(read, 'base64'));
  return socket;
}
