/** All groups of clients of a run, in this thread or in several, behind the same few verbs. */
import { Worker } from 'node:worker_threads';

import { ClientGroup } from './client-group.ts';
import type { ClientGroupEvents, ClientGroupPlan } from './client-group.ts';
import type { Order, OrderMessage, Reply } from './worker.ts';

type Answers = { [K in keyof Order]: Awaited<ReturnType<ClientGroup[K]>> };

/** Asks every group the same, and gives their answers in order. */
export interface WorkerPool {
  ask<K extends keyof Order>(name: K, ...args: Order[K]): Promise<Answers[K][]>;
  close(): Promise<void>;
}

/** @param threads 1 works in this thread, which has the least cost */
export function startWorkers(plan: ClientGroupPlan, threads: number, events: ClientGroupEvents): WorkerPool {
  if (threads === 1) {
    const group = new ClientGroup(plan, events);
    const act = group as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
    return {
      ask: async (name, ...args) => [(await act[name]!.apply(group, args)) as never],
      close: () => Promise.resolve(),
    };
  }
  const handles = Array.from(
    { length: Math.min(threads, plan.numbers.length) },
    (_, index, of = Math.min(threads, plan.numbers.length)) => {
      const share = <T extends number | undefined>(whole: T): T =>
        (whole === undefined
          ? undefined
          : Math.floor(((index + 1) * whole) / of) - Math.floor((index * whole) / of)) as T;
      return new WorkerHandle(
        {
          ...plan,
          numbers: plan.numbers.filter((_number, at) => at % of === index),
          rate: plan.rate === undefined ? undefined : plan.rate / of,
          calls: share(plan.calls),
        },
        events,
      );
    },
  );
  return {
    ask: (name, ...args) => Promise.all(handles.map((handle) => handle.ask(name, args) as Promise<never>)),
    close: async () => void (await Promise.all(handles.map((handle) => handle.close()))),
  };
}

/** One worker thread: asks it, and ends it. */
class WorkerHandle {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #last = 0;

  constructor(plan: ClientGroupPlan, events: ClientGroupEvents) {
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: plan });
    this.#worker.on('message', (reply: Reply) => {
      if ('crash' in reply) return events.crash?.();
      const waiting = this.#waiting.get(reply.number);
      this.#waiting.delete(reply.number);
      if ('error' in reply) waiting?.reject(new Error(reply.error));
      else waiting?.resolve(reply.value);
    });
    this.#worker.on('error', (error) => {
      for (const { reject } of this.#waiting.values()) reject(error);
    });
  }

  ask(name: keyof Order, args: readonly unknown[]): Promise<unknown> {
    const number = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      this.#worker.postMessage({ number, name, args } satisfies OrderMessage);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
