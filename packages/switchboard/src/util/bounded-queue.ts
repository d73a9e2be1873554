/** Hands values over to whoever iterates, one by one and in order; what nobody has taken yet waits, up to a limit. */
export interface BoundedQueueOptions<Value> {
  /** How many values wait; beyond, the oldest is dropped. */
  maxValues: number;
  /** How many bytes they may take, by `sizeOf`. @default no limit */
  maxBytes?: number;
  /** How many bytes a value takes. @default 0 */
  sizeOf?(value: Value): number;
  /** Called for each value that is dropped. */
  onDropped?(): void;
}

export class BoundedQueue<Value> implements AsyncIterableIterator<Value> {
  readonly #options: BoundedQueueOptions<Value>;
  readonly #waiting: { value: Value; bytes: number }[] = [];
  readonly #takers: ((result: IteratorResult<Value, undefined>) => void)[] = [];
  #bytes = 0;
  #ended = false;

  constructor(options: BoundedQueueOptions<Value>) {
    this.#options = options;
  }

  push(value: Value): void {
    if (this.#ended) return;
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      taker({ value, done: false });
      return;
    }
    const { maxValues, maxBytes = Infinity, sizeOf, onDropped } = this.#options;
    const bytes = sizeOf?.(value) ?? 0;
    this.#waiting.push({ value, bytes });
    this.#bytes += bytes;
    while (this.#waiting.length > maxValues || this.#bytes > maxBytes) {
      this.#bytes -= this.#waiting.shift()!.bytes;
      onDropped?.();
    }
  }

  /** What waits can still be taken. */
  end(): void {
    this.#ended = true;
    for (const taker of this.#takers.splice(0)) taker({ value: undefined, done: true });
  }

  next(): Promise<IteratorResult<Value, undefined>> {
    const first = this.#waiting.shift();
    if (first !== undefined) {
      this.#bytes -= first.bytes;
      return Promise.resolve({ value: first.value, done: false });
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
