/** A log in the memory of this process. It runs in browsers too. */
import type { Entry, Log } from './store.ts';

/** What an entry costs beside its text. */
const ENTRY_BYTES = 64;

export class MemoryLog implements Log {
  #entries: Entry[] = [];
  #trimmed = 0;
  #bytes = 0;

  get last(): number {
    return this.#trimmed + this.#entries.length;
  }

  get size(): number {
    return this.#entries.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(entry: Entry): number {
    this.#entries.push(entry);
    this.#bytes += entry.length + ENTRY_BYTES;
    return this.last;
  }

  trim(upTo: number): void {
    const count = Math.min(upTo, this.last) - this.#trimmed;
    if (count <= 0) return;
    for (const entry of this.#entries.splice(0, count)) this.#bytes -= entry.length + ENTRY_BYTES;
    this.#trimmed += count;
  }

  skip(to: number): void {
    if (to <= this.last) return;
    this.trim(this.last);
    this.#trimmed = to;
  }

  after(number: number): readonly Entry[] {
    return this.#entries.slice(Math.max(0, number - this.#trimmed));
  }

  end(): void {
    this.trim(this.last);
  }

  async leave(): Promise<void> {
    // There is nowhere else that it could stay.
  }
}
