/** Runs so many tasks of each key at a time; the others wait in their order. */
export class KeyedSemaphore {
  readonly #max: number;
  readonly #running: Map<string, number> = new Map();
  readonly #waiting: Map<string, (() => void)[]> = new Map();

  constructor(max: number) {
    this.#max = max;
  }

  /** Waits for its turn, runs, and lets the next one in. @throws the signal's reason when it aborts while waiting. */
  async run<Result>(key: string, signal: AbortSignal, task: () => Promise<Result>): Promise<Result> {
    await this.#acquire(key, signal);
    try {
      return await task();
    } finally {
      this.#release(key);
    }
  }

  async #acquire(key: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const running = this.#running.get(key) ?? 0;
    if (running < this.#max) {
      this.#running.set(key, running + 1);
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const queue = this.#waiting.get(key) ?? [];
      this.#waiting.set(key, queue);
      const start = (): void => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      const abort = (): void => {
        queue.splice(queue.indexOf(start), 1);
        reject(signal.reason as Error);
      };
      queue.push(start);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  /** A place is handed on to the next one that waits, so nobody can slip in between. */
  #release(key: string): void {
    const next = this.#waiting.get(key)?.shift();
    if (next !== undefined) {
      next();
      return;
    }
    this.#waiting.delete(key);
    const running = (this.#running.get(key) ?? 1) - 1;
    if (running === 0) this.#running.delete(key);
    else this.#running.set(key, running);
  }
}
