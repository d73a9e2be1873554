/** How a gateway comes to its end without a call that fails. */
import type { Registry } from '../callers/registry.ts';
import type { Router } from '../router/router.ts';
import type { Cluster } from './cluster.ts';
import type { Observation } from './observation.ts';
import type { Program } from './program.ts';

export interface DrainOptions {
  registry: Registry;
  router: Router;
  observation: Observation;
  /** The other nodes, which go on with what this one leaves. @default there are none */
  cluster: Cluster | undefined;
  /** A program around the gateway: what its clients wait for needs the gateway, so it goes first. @default there is none */
  program: Program | undefined;
  /** How long to wait for what is under way, in ms. */
  timeoutMs: number;
  /** What clients are told. */
  reason: string;
}

/** Lets nobody in any more, and refuses new requests; resolves when nothing is under way, or when the time is over. */
export async function drain({
  registry,
  router,
  observation,
  cluster,
  program,
  timeoutMs,
  reason,
}: DrainOptions): Promise<void> {
  // Whoever comes meanwhile is served: balancers and other nodes send nobody any more when this has resolved.
  await cluster?.drain();
  const until = performance.now() + timeoutMs;
  await program?.onDrain?.(timeoutMs).catch((error: unknown) => {
    observation.emit({ type: 'failed', where: 'program', error });
  });
  registry.refuseNew();
  registry.leaveQuiet(reason, cluster !== undefined);
  if (cluster !== undefined) {
    // Each of the others goes on at another node before its client, which has its answer, sends more.
    let isDue = false;
    observation.watch(({ type }) => {
      if (type !== 'request.ended' || isDue) return;
      isDue = true;
      setImmediate(() => {
        isDue = false;
        registry.leaveQuiet(reason, true);
      });
    });
  }
  const leftMs = Math.max(0, until - performance.now());
  await Promise.all([router.drain(leftMs), cluster?.members.drained(leftMs)]);
}
