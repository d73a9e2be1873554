/** What comes in the order it comes, each handed out once; and waiting that ends. */

/** How long anything of the matrix may take. */
export const PATIENCE_MS = 10_000;

/** The same promise, but it does not wait for ever. */
export async function within<T>(promise: Promise<T>, what: string, ms: number = PATIENCE_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export class Inbox<T> {
  readonly #items: T[] = [];
  readonly #waiting: Set<() => void> = new Set();

  put(item: T): void {
    this.#items.push(item);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** The first that matches and was not handed out, come already or still to come. */
  next(matches: (item: T) => boolean, what: string): Promise<T> {
    const found = async (): Promise<T> => {
      for (;;) {
        const at = this.#items.findIndex(matches);
        if (at !== -1) return this.#items.splice(at, 1)[0]!;
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    };
    return within(found(), what);
  }

  /** All that match and were not handed out. */
  take(matches: (item: T) => boolean = () => true): T[] {
    const taken = this.#items.filter(matches);
    const left = this.#items.filter((item) => !taken.includes(item));
    this.#items.splice(0, Infinity, ...left);
    return taken;
  }
}
