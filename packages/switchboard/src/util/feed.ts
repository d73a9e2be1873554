/** Hands values over to whoever iterates, one by one and in order; what nobody has taken yet waits, up to a limit. */
export class Feed<Value> implements AsyncIterableIterator<Value> {
  readonly #limit: number;
  readonly #onDropped: (() => void) | undefined;
  readonly #waiting: Value[] = [];
  readonly #takers: ((result: IteratorResult<Value, undefined>) => void)[] = [];
  #ended = false;

  /** @param limit how many values wait; beyond, the oldest is dropped and `onDropped` is called. */
  constructor(limit: number, onDropped?: () => void) {
    this.#limit = limit;
    this.#onDropped = onDropped;
  }

  push(value: Value): void {
    if (this.#ended) return;
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      taker({ value, done: false });
      return;
    }
    this.#waiting.push(value);
    if (this.#waiting.length <= this.#limit) return;
    this.#waiting.shift();
    this.#onDropped?.();
  }

  /** What waits can still be taken. */
  end(): void {
    this.#ended = true;
    for (const taker of this.#takers.splice(0)) taker({ value: undefined, done: true });
  }

  next(): Promise<IteratorResult<Value, undefined>> {
    const [value] = this.#waiting.splice(0, 1);
    if (value !== undefined) return Promise.resolve({ value, done: false });
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
