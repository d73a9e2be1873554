/** What tells problems apart from one look to the next. Their texts do not: those have counts, which change each second. */
import type { Problem } from './facts.ts';

/** A problem by what it is about; several about the same are counted. So the link of each stays the same element, with its focus. */
export function withKeys(problems: readonly Problem[]): { readonly key: string; readonly problem: Problem }[] {
  const seen = new Map<string, number>();
  return problems.map((problem) => {
    const { about } = problem;
    const of = about === undefined ? 'nothing' : `${about.kind} ${about.id}`;
    const nth = seen.get(of) ?? 0;
    seen.set(of, nth + 1);
    return { key: `${of} ${nth}`, problem };
  });
}
