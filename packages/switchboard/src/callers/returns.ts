/** How often a client came back to its session, and when last. */
import type { ReturnFacts } from './session-facts.ts';

/** How many of the last returns are kept. */
export const MAX_RETURNS = 5;

export class Returns {
  #facts: ReturnFacts | undefined;

  /** Undefined where it never did. */
  get facts(): ReturnFacts | undefined {
    return this.#facts;
  }

  /** It is back. @param how on a new socket, or at another process than before. */
  add(how: 'resumed' | 'moved'): void {
    const { count, last } = this.#facts ?? { count: 0, last: [] };
    this.#facts = { count: count + 1, last: [...last, { time: Date.now(), how }].slice(-MAX_RETURNS) };
  }
}
