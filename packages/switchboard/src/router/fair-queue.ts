/**
 * Lets so many requests of one upstream run at a time. Those that have to wait get their turn client by client, so that one who sends
 * much waits for itself and not the others for it.
 */
import { SwitchboardError } from '../protocol/errors.ts';

export interface FairQueueOptions {
  upstream: string;
  maxRunning: number;
  maxWaiting: number;
}

interface Turn {
  readonly who: string;
  readonly run: () => void;
  state: 'waiting' | 'running' | 'over';
}

export class FairQueue {
  readonly #options: FairQueueOptions;
  /** Who waits, in the order in which their next turn comes; each with its requests in order. */
  readonly #waiting: Map<string, Set<Turn>> = new Map();
  #running = 0;
  #size = 0;

  constructor(options: FairQueueOptions) {
    this.#options = options;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#size;
  }

  /**
   * Runs now, or when it is this client's turn.
   *
   * @returns what has to be called when the request is over, whether or not it has run.
   * @throws {SwitchboardError} `SWB_OVERLOADED` when too many wait.
   */
  enter(who: string, run: () => void): () => void {
    const { maxRunning, maxWaiting, upstream } = this.#options;
    const turn: Turn = { who, run, state: 'waiting' };
    if (this.#running < maxRunning) this.#start(turn);
    else if (this.#size < maxWaiting) this.#wait(turn);
    else {
      const detail = `${maxWaiting} requests wait for upstream ${upstream}, the limit (maxQueuedRequests)`;
      throw new SwitchboardError('SWB_OVERLOADED', { detail });
    }
    return () => this.#leave(turn);
  }

  #start(turn: Turn): void {
    turn.state = 'running';
    this.#running++;
    turn.run();
  }

  #wait(turn: Turn): void {
    this.#size++;
    const others = this.#waiting.get(turn.who);
    if (others === undefined) this.#waiting.set(turn.who, new Set([turn]));
    else others.add(turn);
  }

  #leave(turn: Turn): void {
    const was = turn.state;
    turn.state = 'over';
    if (was === 'waiting') this.#remove(turn);
    if (was !== 'running') return;
    this.#running--;
    this.#next();
  }

  #next(): void {
    const [first] = this.#waiting;
    if (first === undefined || this.#running >= this.#options.maxRunning) return;
    const [who, turns] = first;
    const [turn] = turns;
    if (turn === undefined) return;
    this.#remove(turn);
    // Back to the end: everybody else comes first now.
    if (turns.size > 0) {
      this.#waiting.delete(who);
      this.#waiting.set(who, turns);
    }
    this.#start(turn);
  }

  #remove(turn: Turn): void {
    const turns = this.#waiting.get(turn.who);
    if (turns?.delete(turn) !== true) return;
    this.#size--;
    if (turns.size === 0) this.#waiting.delete(turn.who);
  }
}
