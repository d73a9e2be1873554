/** What one holds a subscription by: the URI itself in the legacy era, the id of the listen request in the modern one. */
export type Holder = string | number;

/** The resources one connection is subscribed to; the same URI may be held more than once. */
export class Subscriptions {
  readonly #uris = new Map<Holder, readonly string[]>();
  #changed: () => void = () => {};

  /** Subscribes `holder` to exactly these URIs. */
  hold(holder: Holder, uris: readonly string[]): void {
    this.#uris.set(holder, uris);
    this.#changed();
  }

  /** Ends what `holder` holds, if it holds anything. */
  release(holder: Holder): void {
    if (this.#uris.delete(holder)) this.#changed();
  }

  /** Ends everything. */
  clear(): void {
    this.#uris.clear();
    this.#changed();
  }

  has(uri: string): boolean {
    return [...this.#uris.values()].some((uris) => uris.includes(uri));
  }

  /** What is subscribed to, each once. */
  uris(): Set<string> {
    return new Set([...this.#uris.values()].flat());
  }

  /** Calls back now and after each change; there is one listener, the server these belong to. */
  watch(changed: () => void): void {
    this.#changed = changed;
    changed();
  }
}
