/** How many connections each address has, and how many it may have. Addresses are counted by {@link addressBlock}. */
import { addressBlock } from '../util/address.ts';

export class AddressCount {
  readonly #max: number;
  readonly #open: Map<string, number> = new Map();

  constructor(max: number) {
    this.#max = max;
  }

  /** @returns whether there was room; then {@link leave} is called once for it. */
  enter(address: string): boolean {
    const block = addressBlock(address);
    const count = this.#open.get(block) ?? 0;
    if (count >= this.#max) return false;
    this.#open.set(block, count + 1);
    return true;
  }

  leave(address: string): void {
    const block = addressBlock(address);
    const left = (this.#open.get(block) ?? 1) - 1;
    if (left > 0) this.#open.set(block, left);
    else this.#open.delete(block);
  }
}
