/**
 * What clients that are not known have left behind, by where they came from: one that comes back within a minute goes on with what was
 * left of its rate, and does not get a new one by opening a new connection.
 */
export interface LeftBehindOptions {
  /** For how long it is kept, in ms. @default 60000 */
  keepMs?: number;
  /** For how many origins; the one that was left first is forgotten first. @default 10000 */
  maxOrigins?: number;
  /** How much of one origin. @default 100 */
  maxEach?: number;
  /** The clock, in ms. @default Date.now */
  now?: () => number;
}

export class LeftBehind {
  readonly #options: Required<LeftBehindOptions>;
  readonly #byOrigin: Map<string, { key: string; at: number }[]> = new Map();

  constructor(options: LeftBehindOptions = {}) {
    this.#options = { keepMs: 60_000, maxOrigins: 10_000, maxEach: 100, now: Date.now, ...options };
  }

  /** How many origins are remembered. */
  get size(): number {
    return this.#byOrigin.size;
  }

  leave(origin: string, key: string): void {
    const { maxOrigins, maxEach, now } = this.#options;
    const left = [...(this.#byOrigin.get(origin) ?? []), { key, at: now() }].slice(-maxEach);
    this.#byOrigin.delete(origin);
    this.#byOrigin.set(origin, left);
    const [oldest] = this.#byOrigin.keys();
    if (this.#byOrigin.size > maxOrigins && oldest !== undefined) this.#byOrigin.delete(oldest);
  }

  /** What was left last, and not taken up yet. */
  take(origin: string): string | undefined {
    const { keepMs, now } = this.#options;
    const left = (this.#byOrigin.get(origin) ?? []).filter(({ at }) => now() - at <= keepMs);
    const last = left.pop();
    if (left.length > 0) this.#byOrigin.set(origin, left);
    else this.#byOrigin.delete(origin);
    return last?.key;
  }
}
