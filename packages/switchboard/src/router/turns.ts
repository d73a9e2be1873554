/** The turns of all upstreams: each lets so many requests run at a time, see {@link FairQueue}. */
import { FairQueue } from './fair-queue.ts';

export interface TurnLimits {
  /** How many requests of an upstream run at a time. */
  maxRunning: number;
  /** How many wait. */
  maxWaiting: number;
}

export class Turns {
  readonly #limitsOf: (upstream: string) => TurnLimits;
  readonly #queues: Map<string, FairQueue> = new Map();

  constructor(limitsOf: (upstream: string) => TurnLimits) {
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

  /** The upstream is another now: those under way end their turns in the old queue. */
  forget(upstream: string): void {
    this.#queues.delete(upstream);
  }
}
