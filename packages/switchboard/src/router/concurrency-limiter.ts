/** Limits how many requests run at a time, for each upstream; those that wait take turns by client, see {@link FairQueue}. */
import { FairQueue } from './fair-queue.ts';

export interface ConcurrencyLimits {
  /** How many requests of an upstream run at a time. */
  maxRunning: number;
  /** How many wait. */
  maxWaiting: number;
}

export class ConcurrencyLimiter {
  readonly #limitsOf: (upstream: string) => ConcurrencyLimits;
  readonly #queues: Map<string, FairQueue> = new Map();

  constructor(limitsOf: (upstream: string) => ConcurrencyLimits) {
    this.#limitsOf = limitsOf;
  }

  /**
   * @returns what ends the turn; may be called more than once.
   * @throws {SwitchboardError} `SWB_OVERLOADED`
   */
  take(upstream: string, who: string, run: () => void): () => void {
    let queue = this.#queues.get(upstream);
    if (queue === undefined) {
      queue = new FairQueue({ upstream, ...this.#limitsOf(upstream) });
      this.#queues.set(upstream, queue);
    }
    return queue.enter(who, run);
  }

  /** How many requests of an upstream run and wait. */
  of(upstream: string): { running: number; waiting: number } {
    const { running = 0, waiting = 0 } = this.#queues.get(upstream) ?? {};
    return { running, waiting };
  }

  /** The upstream is another now: those under way end their turn in the old queue. */
  forget(upstream: string): void {
    this.#queues.delete(upstream);
  }
}
