/** The arithmetic of what several have a part in, for stores that do it themselves. */
import type { Lease, Shares } from './store.ts';

/** What each owner of a lease has said that it has, by the name of the lease. */
export type SaidShares = ReadonlyMap<string, { readonly owner: string; readonly count: number }>;

/**
 * Notes the share of the owner of a lease, unless all together would then have too much.
 *
 * @param isHeldBy whether an owner has its lease now: the shares of the others do not count, also where another has taken the lease.
 */
export function shared(
  said: SaidShares,
  { under, count, max }: { under: Lease; count: number; max: number },
  isHeldBy: (lease: string, owner: string) => boolean,
): { answer: Shares; said: SaidShares } {
  const others = [...said].filter(([name, { owner }]) => name !== under.name && isHeldBy(name, owner));
  const sum = others.reduce((all, [, each]) => all + each.count, 0);
  const known = said.get(under.name);
  const own = known?.owner === under.owner ? known.count : 0;
  const isTaken = count <= own || sum + count <= max;
  const noted = isTaken ? count : own;
  return {
    answer: { isTaken, others: Object.fromEntries(others.map(([name, each]) => [name, each.count])) },
    said: new Map([...others, ...(noted > 0 ? [[under.name, { owner: under.owner, count: noted }] as const] : [])]),
  };
}
