/**
 * How many members should be ready ahead of need: as many as the last minute's arrivals would have taken before they could be
 * replaced, at least one once somebody came, and no more than memory has room for.
 */
export interface DemandOptions {
  /** The clock, in ms. @default performance.now */
  now?: () => number;
  /** The memory that programs can still have, in bytes. @default process.availableMemory */
  availableBytes?: () => number;
}

/** For how long an arrival counts. */
const WINDOW_MS = 60_000;
/** Arrivals beyond this many in a minute change nothing. */
const MAX_ARRIVALS = 1000;
/** What one is taken to need until it was measured. */
const FIRST_BYTES = 64 * 1024 * 1024;
/** How long a start is taken to last until one was measured. */
const FIRST_START_MS = 1000;
/** What is left of the longest start after each further one. */
const FORGETTING = 0.9;
/** Spares may fill so much of the memory that is left. */
const SHARE_OF_MEMORY = 0.1;
/** At most so many, however much memory there is. */
export const MAX_SPARES = 16;

export class Demand {
  /** What one uses, in bytes. */
  bytesEach: number = FIRST_BYTES;
  readonly #now: () => number;
  readonly #availableBytes: () => number;
  /** When somebody came, oldest first. */
  readonly #arrivals: number[] = [];
  #hasBegun = false;
  /** How long a start takes, in ms, from nothing to the first answer: the longest, forgotten bit by bit. */
  #startMs: number | undefined;

  constructor({ now = () => performance.now(), availableBytes = () => process.availableMemory() }: DemandOptions = {}) {
    this.#now = now;
    this.#availableBytes = availableBytes;
  }

  /** Somebody needed a member. */
  arrive(): void {
    this.#hasBegun = true;
    this.#arrivals.push(this.#now());
    if (this.#arrivals.length > MAX_ARRIVALS) this.#arrivals.shift();
  }

  /** A member was started; it took so long until its first answer, in ms. */
  started(ms: number): void {
    this.#startMs = Math.max(ms, (this.#startMs ?? 0) * FORGETTING);
  }

  get wanted(): number {
    if (!this.#hasBegun) return 0;
    const room = Math.floor((this.#availableBytes() * SHARE_OF_MEMORY) / this.bytesEach);
    return Math.min(Math.max(1, this.#mostAtOnce()), room, MAX_SPARES);
  }

  /** How many came within two starts, at the most: several that start together take longer than one. */
  #mostAtOnce(): number {
    const span = 2 * (this.#startMs ?? FIRST_START_MS);
    const arrivals = this.#arrivals;
    const oldest = this.#now() - WINDOW_MS;
    while (arrivals.length > 0 && arrivals[0]! < oldest) arrivals.shift();
    let most = 0;
    let first = 0;
    for (const [last, at] of arrivals.entries()) {
      while (at - arrivals[first]! > span) first++;
      most = Math.max(most, last - first + 1);
    }
    return most;
  }
}
