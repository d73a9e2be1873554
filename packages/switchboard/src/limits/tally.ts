/** How many of something each principal has now. Who has none for long takes no memory. */
export class Tally {
  /** Counters stay for a while when they are at zero: entries that come and go with requests are expensive (docs/decisions/0008). */
  readonly #counts: Map<string, { now: number }> = new Map();
  #sweepAt = LEAST_KEPT;

  of(principal: string): number {
    return this.#counts.get(principal)?.now ?? 0;
  }

  add(principal: string): void {
    const count = this.#counts.get(principal);
    if (count !== undefined) {
      count.now++;
      return;
    }
    if (this.#counts.size >= this.#sweepAt) this.#sweep();
    this.#counts.set(principal, { now: 1 });
  }

  remove(principal: string): void {
    const count = this.#counts.get(principal);
    if (count !== undefined && count.now > 0) count.now--;
  }

  /** How many principals are remembered. */
  get size(): number {
    return this.#counts.size;
  }

  #sweep(): void {
    for (const [principal, { now }] of this.#counts) if (now === 0) this.#counts.delete(principal);
    this.#sweepAt = Math.max(LEAST_KEPT, 2 * this.#counts.size);
  }
}

/** So many are remembered before those that have nothing are forgotten. */
const LEAST_KEPT = 1024;
