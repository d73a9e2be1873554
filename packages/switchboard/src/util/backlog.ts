/**
 * Tells whether a peer reads too slowly, by what waits for it. One message is no slow reader, however large it is: the largest of those
 * that wait does not count.
 */
export class Backlog {
  readonly #maxBytes: number;
  #largest = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @param waiting how many bytes wait now. @returns whether that is too much for another message. */
  isFull(waiting: number): boolean {
    this.#largest = Math.min(this.#largest, waiting);
    return waiting - this.#largest > this.#maxBytes;
  }

  /** Another message waits. */
  add(bytes: number): void {
    this.#largest = Math.max(this.#largest, bytes);
  }
}
