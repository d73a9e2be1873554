/**
 * A map of few entries that come and go with requests, in the order in which they were set.
 *
 * A `Map` does not serve here: what passes through one may outlive its request by many collections of garbage
 * (docs/decisions/0008-no-map-on-the-way-of-a-request.md). These are two lists, looked through from the newest entry on, so what is set
 * or deleted costs as much as there are newer ones.
 */
export class ShortMap<Key, Value> {
  readonly #keys: Key[] = [];
  readonly #values: Value[] = [];

  get size(): number {
    return this.#keys.length;
  }

  get(key: Key): Value | undefined {
    const at = this.#keys.lastIndexOf(key);
    return at < 0 ? undefined : this.#values[at];
  }

  has(key: Key): boolean {
    return this.#keys.includes(key);
  }

  set(key: Key, value: Value): void {
    const at = this.#keys.lastIndexOf(key);
    if (at >= 0) this.#values[at] = value;
    else {
      this.#keys.push(key);
      this.#values.push(value);
    }
  }

  delete(key: Key): boolean {
    const at = this.#keys.lastIndexOf(key);
    if (at < 0) return false;
    removeAt(this.#keys, at);
    removeAt(this.#values, at);
    return true;
  }

  clear(): void {
    this.#keys.length = 0;
    this.#values.length = 0;
  }

  /** As they are now: what is done to the map meanwhile does not show. */
  keys(): Key[] {
    return [...this.#keys];
  }

  /** As {@link keys}. */
  values(): Value[] {
    return [...this.#values];
  }

  /** As {@link keys}. */
  entries(): [Key, Value][] {
    return this.#keys.map((key, at) => [key, this.#values[at]!]);
  }
}

/** Not `splice` or `copyWithin`: the one makes a list of what it removed, the other goes through the slow path of V8. */
function removeAt(list: unknown[], at: number): void {
  for (let next = at + 1; next < list.length; next++) list[next - 1] = list[next];
  list.pop();
}
