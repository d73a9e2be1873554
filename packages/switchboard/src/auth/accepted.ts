/** The credentials that were right when they were last shown, as digests: who has one is known, and no guesser. */
const MAX_CREDENTIALS = 10_000;
/** So that nobody pushes out others with many good ones, as tokens are that are made for each request. */
const MAX_PER_PRINCIPAL = 32;

export class AcceptedCredentials {
  /** Whose each is; who came last stands last. */
  readonly #owners: Map<string, string> = new Map();
  readonly #own: Map<string, Set<string>> = new Map();

  get size(): number {
    return this.#owners.size;
  }

  has(digest: string): boolean {
    return this.#owners.has(digest);
  }

  add(digest: string, principal: string): void {
    this.delete(digest);
    this.#owners.set(digest, principal);
    const own = this.#own.get(principal) ?? new Set();
    this.#own.set(principal, own.add(digest));
    const [oldest] =
      own.size > MAX_PER_PRINCIPAL ? own : this.#owners.size > MAX_CREDENTIALS ? this.#owners.keys() : [];
    if (oldest !== undefined) this.delete(oldest);
  }

  delete(digest: string): void {
    const principal = this.#owners.get(digest);
    if (principal === undefined) return;
    this.#owners.delete(digest);
    const own = this.#own.get(principal);
    own?.delete(digest);
    if (own?.size === 0) this.#own.delete(principal);
  }
}
