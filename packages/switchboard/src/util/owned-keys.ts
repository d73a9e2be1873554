/** Keys with something kept for each, and whose each is. There is a limit for all, and one for each owner: nobody pushes out others. */
export interface OwnedKeysOptions {
  /** How many keys there are at most; the one that came longest ago is forgotten first. */
  max: number;
  /** How many of one owner. */
  maxPerOwner: number;
}

export class OwnedKeys<Value = true> {
  readonly #options: OwnedKeysOptions;
  /** What came last stands last. */
  readonly #entries: Map<string, { owner: string; value: Value }> = new Map();
  readonly #own: Map<string, Set<string>> = new Map();

  constructor(options: OwnedKeysOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): { owner: string; value: Value } | undefined {
    return this.#entries.get(key);
  }

  set(key: string, owner: string, value: Value): void {
    const { max, maxPerOwner } = this.#options;
    this.delete(key);
    this.#entries.set(key, { owner, value });
    const own = this.#own.get(owner) ?? new Set();
    this.#own.set(owner, own.add(key));
    const [oldest] = own.size > maxPerOwner ? own : this.#entries.size > max ? this.#entries.keys() : [];
    if (oldest !== undefined) this.delete(oldest);
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    const own = this.#own.get(entry.owner);
    own?.delete(key);
    if (own?.size === 0) this.#own.delete(entry.owner);
  }
}
