/** Lets so many of each kind through at a time; the others wait in their order. */
export class Gate {
  readonly #max: number;
  readonly #inside: Map<string, number> = new Map();
  readonly #waiting: Map<string, (() => void)[]> = new Map();

  constructor(max: number) {
    this.#max = max;
  }

  /** Waits for its turn, runs, and lets the next one in. @throws the signal's reason when it aborts while waiting. */
  async pass<Result>(key: string, signal: AbortSignal, run: () => Promise<Result>): Promise<Result> {
    await this.#enter(key, signal);
    try {
      return await run();
    } finally {
      this.#leave(key);
    }
  }

  async #enter(key: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const inside = this.#inside.get(key) ?? 0;
    if (inside < this.#max) {
      this.#inside.set(key, inside + 1);
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const queue = this.#waiting.get(key) ?? [];
      this.#waiting.set(key, queue);
      const enter = (): void => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      const abort = (): void => {
        queue.splice(queue.indexOf(enter), 1);
        reject(signal.reason as Error);
      };
      queue.push(enter);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  /** A place is handed on to the next one that waits, so nobody can slip in between. */
  #leave(key: string): void {
    const next = this.#waiting.get(key)?.shift();
    if (next !== undefined) {
      next();
      return;
    }
    this.#waiting.delete(key);
    const inside = (this.#inside.get(key) ?? 1) - 1;
    if (inside === 0) this.#inside.delete(key);
    else this.#inside.set(key, inside);
  }
}
