/** The arithmetic of what several have a part in, for stores that do it themselves. */
import type { Shares } from './store.ts';

/** What each lease has said that it has. */
export type SaidShares = ReadonlyMap<string, number>;

/**
 * Notes the share of a lease, unless all together would then have too much.
 *
 * @param isHeld whether somebody has a lease now: the shares of the others do not count.
 */
export function shared(
  said: SaidShares,
  { lease, count, max }: { lease: string; count: number; max: number },
  isHeld: (lease: string) => boolean,
): { answer: Shares; said: SaidShares } {
  const others = [...said].filter(([name]) => name !== lease && isHeld(name));
  const sum = others.reduce((all, [, each]) => all + each, 0);
  const isTaken = count <= (said.get(lease) ?? 0) || sum + count <= max;
  const own: [string, number][] = isTaken ? (count > 0 ? [[lease, count]] : []) : ownOf(said, lease);
  return { answer: { isTaken, others: Object.fromEntries(others) }, said: new Map([...others, ...own]) };
}

const ownOf = (said: SaidShares, lease: string): [string, number][] =>
  said.has(lease) ? [[lease, said.get(lease)!]] : [];
