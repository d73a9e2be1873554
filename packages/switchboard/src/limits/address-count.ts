/** How many connections each address has, and how many it may have. */
export class AddressCount {
  readonly #max: number;
  readonly #open: Map<string, number> = new Map();

  constructor(max: number) {
    this.#max = max;
  }

  /** @returns whether there was room; then {@link leave} is called once for it. */
  enter(address: string): boolean {
    const count = this.#open.get(address) ?? 0;
    if (count >= this.#max) return false;
    this.#open.set(address, count + 1);
    return true;
  }

  leave(address: string): void {
    const left = (this.#open.get(address) ?? 1) - 1;
    if (left > 0) this.#open.set(address, left);
    else this.#open.delete(address);
  }
}
