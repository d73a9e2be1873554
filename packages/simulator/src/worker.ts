/** A group of clients in a thread of its own: does what its messages name, one answer each. */
import { parentPort, workerData } from 'node:worker_threads';

import { ClientGroup } from './client-group.ts';
import type { ClientGroupPlan } from './client-group.ts';

/** What is asked of a group over a message port; `begin` is answered at its end. */
export type Order = {
  [K in 'open' | 'begin' | 'sample' | 'pause' | 'pace' | 'cut' | 'describe' | 'finish']: Parameters<ClientGroup[K]>;
};

export interface OrderMessage {
  number: number;
  name: keyof Order;
  args: readonly unknown[];
}

export type Reply = { number: number; value: unknown } | { number: number; error: string } | { crash: true };

const port = parentPort;
if (port !== null) {
  const group = new ClientGroup(workerData as ClientGroupPlan, {
    crash: () => port.postMessage({ crash: true } satisfies Reply),
  });
  port.on('message', ({ number, name, args }: OrderMessage) => {
    const act = group[name] as (...args: readonly unknown[]) => unknown;
    Promise.resolve(act.apply(group, [...args])).then(
      (value) => port.postMessage({ number, value }),
      (error: unknown) => port.postMessage({ number, error: String((error as Error).stack ?? error) }),
    );
  });
}
