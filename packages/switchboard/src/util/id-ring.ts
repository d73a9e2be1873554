/**
 * What is open, by numbers that this gives out: each is larger than all before it, and none is given twice.
 *
 * A `Map` by numbers does not serve here: what passes through one may outlive its request by many collections of garbage
 * (docs/decisions/0008-no-map-on-the-way-of-a-request.md). This is a ring: an entry stands at its number modulo the size of the ring, and
 * numbers whose place is taken are passed over.
 */
export class IdRing<Value> {
  #ring: ({ number: number; value: Value } | undefined)[] = ring(16);
  #last = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @returns its number. */
  add(value: Value): number {
    if (this.#size * 2 >= this.#ring.length) this.#grow();
    let number = this.#last + 1;
    while (this.#ring[this.#placeOf(number)] !== undefined) number++;
    this.#last = number;
    this.#ring[this.#placeOf(number)] = { number, value };
    this.#size++;
    return number;
  }

  get(number: number): Value | undefined {
    const entry = this.#ring[this.#placeOf(number)];
    return entry?.number === number ? entry.value : undefined;
  }

  /** The number of the one entry, if it is only one. */
  get only(): number | undefined {
    return this.#size === 1 ? this.#ring.find((entry) => entry !== undefined)?.number : undefined;
  }

  delete(number: number): boolean {
    const at = this.#placeOf(number);
    if (this.#ring[at]?.number !== number) return false;
    this.#ring[at] = undefined;
    this.#size--;
    return true;
  }

  clear(): void {
    this.#ring = ring(this.#ring.length);
    this.#size = 0;
  }

  /** As they are now, oldest first. */
  values(): Value[] {
    return this.#ring
      .filter((entry) => entry !== undefined)
      .toSorted((one, other) => one.number - other.number)
      .map(({ value }) => value);
  }

  /** Not by bits: numbers go beyond 32 of them. */
  #placeOf(number: number): number {
    return number % this.#ring.length;
  }

  #grow(): void {
    const old = this.#ring;
    this.#ring = ring(old.length * 2);
    for (const entry of old) if (entry !== undefined) this.#ring[this.#placeOf(entry.number)] = entry;
  }
}

const ring = (length: number): undefined[] => Array.from({ length }, () => undefined);
