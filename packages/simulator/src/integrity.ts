/**
 * What must never happen, whatever the load: counted exactly, with the first examples.
 *
 * The owner of an answer is known by its correlation id (`correlation.ts`). A call whose answer was seen at somebody else is crossed, not
 * lost as well: that is found out at the end, over all threads.
 */
import type { Owner } from './correlation.ts';

/** What can go wrong with messages; the reference page has the same table. */
export const FAULTS: Readonly<Record<Fault, string>> = {
  crossed: 'a message that reached a client, or was given to a call, that it does not belong to',
  lost: 'a call whose answer did not reach anybody within `--timeout`',
  doubled: 'an answer or a progress note that came again',
  disordered: 'a progress note that went backwards, or came after the answer',
};

/** What must never happen to an answer. */
export type Fault = 'crossed' | 'lost' | 'doubled' | 'disordered';
export const FAULT_NAMES: readonly Fault[] = Object.keys(FAULTS) as Fault[];

/** One fault that was seen. */
export interface Sighting {
  fault: Fault;
  /** ms since the run began */
  at: number;
  what: string;
}

/** What one thread saw. */
export interface Account {
  crossed: number;
  doubled: number;
  disordered: number;
  /** Answers after their call was cancelled or had timed out: no fault, the two can meet on the way. */
  late: number;
  /** Answers that carried the correlation id of their own call. */
  proven: number;
  /** Answers that carried no correlation id although their call did: whose they were cannot be told. */
  unproven: number;
  lost: readonly (Owner & Sighting)[];
  /** Calls whose answers were seen where they do not belong, as `client.call`. */
  elsewhere: readonly string[];
  examples: readonly Sighting[];
}

/** What must never happen, how often it did, and what was proven. */
export interface Integrity extends Record<Fault, number> {
  late: number;
  proven: number;
  unproven: number;
  examples: Sighting[];
}

const EXAMPLES = 5;
/** How many calls are remembered to be compared at the end; beyond it they are counted only. */
const REMEMBERED = 100_000;

const keyOf = ({ client, call }: Owner): string => `${client}.${call}`;
/** How somebody reads it: `client 3, call 17`. */
export const nameOf = ({ client, call }: Owner): string => `client ${client}, call ${call}`;

/** One thread's account. */
export class Ledger {
  readonly #began: number;
  readonly #counts = { crossed: 0, doubled: 0, disordered: 0, late: 0, proven: 0, unproven: 0 };
  readonly #lost = new Map<string, Owner & Sighting>();
  readonly #elsewhere = new Set<string>();
  readonly #examples: Sighting[] = [];

  /** @param began when the run began, on the clock of `performance.now()` of this thread */
  constructor(began: number) {
    this.#began = began;
  }

  right(correlated: boolean, found: boolean): void {
    if (found) this.#counts.proven++;
    else if (correlated) this.#counts.unproven++;
  }

  crossed(what: string, owner?: Owner): void {
    this.#count('crossed', what);
    if (owner !== undefined && this.#elsewhere.size < REMEMBERED) this.#elsewhere.add(keyOf(owner));
  }

  doubled(what: string): void {
    this.#count('doubled', what);
  }

  disordered(what: string): void {
    this.#count('disordered', what);
  }

  lost(owner: Owner, what: string): void {
    if (this.#lost.size < REMEMBERED) this.#lost.set(keyOf(owner), { ...owner, ...this.#sighting('lost', what) });
  }

  /** An answer came although nobody waited for it any more. */
  late(owner: Owner): void {
    this.#lost.delete(keyOf(owner));
    this.#counts.late++;
  }

  get account(): Account {
    return {
      ...this.#counts,
      lost: [...this.#lost.values()],
      elsewhere: [...this.#elsewhere],
      examples: this.#examples,
    };
  }

  #count(fault: 'crossed' | 'doubled' | 'disordered', what: string): void {
    if (this.#counts[fault]++ < EXAMPLES) this.#examples.push(this.#sighting(fault, what));
  }

  #sighting(fault: Fault, what: string): Sighting {
    return { fault, at: Math.round(performance.now() - this.#began), what };
  }
}

/** The accounts of all threads as one: what looked lost in one and was seen in another is not lost. */
export function reconcile(accounts: readonly Account[]): Integrity {
  const elsewhere = new Set(accounts.flatMap((account) => account.elsewhere));
  const lost = accounts.flatMap((account) => account.lost).filter((each) => !elsewhere.has(keyOf(each)));
  const sum = (name: keyof Account): number =>
    accounts.reduce((total, account) => total + (account[name] as number), 0);
  const examples = [
    ...accounts.flatMap((account) => account.examples),
    ...lost.map(({ fault, at, what }) => ({ fault, at, what })),
  ].toSorted((a, b) => a.at - b.at);
  return {
    crossed: sum('crossed'),
    lost: lost.length,
    doubled: sum('doubled'),
    disordered: sum('disordered'),
    late: sum('late'),
    proven: sum('proven'),
    unproven: sum('unproven'),
    examples: FAULT_NAMES.flatMap((name) => examples.filter(({ fault }) => fault === name).slice(0, EXAMPLES)),
  };
}
