/**
 * How many bytes of events all sessions together keep for clients that come back. What is too much is given up where the most is
 * kept: of the principal that has the most, and of its sessions in the one that has the most.
 */

/** A session, as far as it keeps events. */
export interface EventKeeper {
  readonly principal: string;
  /** How many bytes it keeps. */
  readonly kept: number;
  /**
   * Gives up some of them, delivered ones first.
   *
   * @param all whether even the newest event may go.
   * @returns whether there was anything to give up.
   */
  shed(all: boolean): boolean;
}

export interface ReplayLimits {
  /** For one session, in bytes; its newest event is kept beyond it. */
  session: number;
  /** For all sessions of one principal. */
  principal: number;
  total: number;
}

export class ReplayBudget {
  readonly #limits: ReplayLimits;
  readonly #keepers: Map<string, Set<EventKeeper>> = new Map();
  readonly #bytes: Map<string, number> = new Map();
  #total = 0;

  constructor(limits: ReplayLimits) {
    this.#limits = limits;
  }

  /** How many bytes are kept now. */
  get total(): number {
    return this.#total;
  }

  /** A session keeps so many bytes more, or fewer. */
  change(keeper: EventKeeper, by: number): void {
    const { principal } = keeper;
    const bytes = (this.#bytes.get(principal) ?? 0) + by;
    const keepers = this.#keepers.get(principal) ?? new Set();
    this.#total += by;
    if (bytes === 0) {
      this.#bytes.delete(principal);
      this.#keepers.delete(principal);
      return;
    }
    this.#bytes.set(principal, bytes);
    this.#keepers.set(principal, keepers);
    if (keeper.kept > 0) keepers.add(keeper);
    else keepers.delete(keeper);
    if (by > 0) this.#enforce(keeper);
  }

  /** To give something up comes back here as a change. */
  #enforce(keeper: EventKeeper): void {
    const { session, principal, total } = this.#limits;
    while (keeper.kept > session && keeper.shed(false));
    while ((this.#bytes.get(keeper.principal) ?? 0) > principal && this.#largestOf(keeper.principal)?.shed(true));
    while (this.#total > total && this.#largestOf(largest(this.#bytes, ([, bytes]) => bytes)?.[0] ?? '')?.shed(true));
  }

  #largestOf(principal: string): EventKeeper | undefined {
    return largest(this.#keepers.get(principal) ?? [], ({ kept }) => kept);
  }
}

function largest<T>(all: Iterable<T>, sizeOf: (each: T) => number): T | undefined {
  let found: T | undefined;
  for (const each of all) if (found === undefined || sizeOf(each) > sizeOf(found)) found = each;
  return found;
}
