/**
 * Facts that only those can write who have a key: each carries a seal over its key and its value. Who can write to the store can take facts
 * away, or put back what stood there before, but makes none of its own.
 */
import type { Fact, Facts, Lease, StoreNotice } from './store.ts';

/** What makes and checks the codes of seals. */
export interface SealKey {
  sign(parts: readonly unknown[]): string;
  verifies(parts: readonly unknown[], signature: string): boolean;
}

/** So many are looked at in a list, whatever its limit: what others have written must not push out what counts. */
const MAX_LOOKED_AT = 20_000;
/** Names that were told of; after so many each is told again. */
const MAX_TOLD = 1000;
const SEAL = 'seal';

export class SealedFacts implements Facts {
  readonly #facts: Facts;
  readonly #key: SealKey;
  readonly #onNotice: (notice: StoreNotice) => void;
  readonly #told: Set<string> = new Set();

  /** @param onNotice told once of what has another seal, or none. It counts as nothing. Must not throw. */
  constructor(facts: Facts, key: SealKey, onNotice: (notice: StoreNotice) => void) {
    this.#facts = facts;
    this.#key = key;
    this.#onNotice = onNotice;
  }

  put(key: string, value: Fact, ttlMs: number, under?: Lease): Promise<boolean> {
    const seal = this.#key.sign(sealed(key, value));
    return this.#facts.put(key, { ...value, [SEAL]: seal }, ttlMs, under);
  }

  async get(key: string): Promise<Fact | undefined> {
    return this.#open(key, await this.#facts.get(key));
  }

  async take(key: string): Promise<Fact | undefined> {
    return this.#open(key, await this.#facts.take(key));
  }

  delete(key: string, under?: Lease): Promise<void> {
    return this.#facts.delete(key, under);
  }

  async list(prefix: string, limit: number): Promise<readonly (readonly [string, Fact])[]> {
    const most = Math.max(limit, MAX_LOOKED_AT);
    const found = await this.#facts.list(prefix, most);
    if (found.length >= most) this.#notice(`${prefix}…`, `only ${most} of them were looked at`);
    const good = found.flatMap(([key, fact]) => {
      const value = this.#open(key, fact);
      return value === undefined ? [] : [[key, value] as const];
    });
    return good.slice(0, limit);
  }

  #open(key: string, fact: Fact | undefined): Fact | undefined {
    if (fact === undefined) return undefined;
    const { [SEAL]: seal, ...value } = fact;
    if (typeof seal === 'string' && this.#key.verifies(sealed(key, value), seal)) return value;
    this.#notice(key, 'it has no seal of this cluster');
    return undefined;
  }

  #notice(key: string, detail: string): void {
    if (this.#told.has(key)) return;
    if (this.#told.size >= MAX_TOLD) this.#told.clear();
    this.#told.add(key);
    this.#onNotice({ type: 'garbage', key, detail });
  }
}

/** As text, as it is after the store has had it: what is undefined is not there. */
const sealed = (key: string, value: Fact): string[] => ['fact', key, JSON.stringify(value)];
