/** Who needs whom: each name with the names it depends on. */
export type Graph = ReadonlyMap<string, readonly string[]>;

export interface Order {
  /** Every name, after all that it depends on; those of a cycle stand together. */
  buildOrder: string[];
  /** The groups in which each depends on each other, and the names that depend on themselves. */
  cycles: string[][];
}

/** The order to build in, by Tarjan's strongly connected components, which come out dependencies first. */
export function orderOf(graph: Graph): Order {
  const found = new Map<string, { index: number; low: number; open: boolean }>();
  const stack: string[] = [];
  const groups: string[][] = [];

  function visit(name: string): { index: number; low: number; open: boolean } {
    const state = { index: found.size, low: found.size, open: true };
    found.set(name, state);
    stack.push(name);
    for (const needed of [...(graph.get(name) ?? [])].sort()) {
      const seen = found.get(needed);
      if (!seen) state.low = Math.min(state.low, visit(needed).low);
      else if (seen.open) state.low = Math.min(state.low, seen.index);
    }
    if (state.low === state.index) {
      const group = stack.splice(stack.indexOf(name));
      for (const member of group) (found.get(member) ?? state).open = false;
      groups.push(group.sort());
    }
    return state;
  }

  for (const name of [...graph.keys()].sort()) if (!found.has(name)) visit(name);
  const isCycle = ([first = '', ...others]: string[]): boolean =>
    others.length > 0 || (graph.get(first)?.includes(first) ?? false);
  return { buildOrder: groups.flat(), cycles: groups.filter(isCycle) };
}

/** All that can be reached from some names, without them, sorted. */
export function reach(graph: Graph, from: readonly string[]): string[] {
  const seen = new Set(from);
  const open = [...from];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    for (const next of graph.get(name) ?? []) {
      if (seen.has(next)) continue;
      seen.add(next);
      open.push(next);
    }
  }
  for (const name of from) seen.delete(name);
  return [...seen].sort();
}

/** The graph with every arrow turned round: each name with those that depend on it. */
export function turned(graph: Graph): Graph {
  const dependents = new Map<string, string[]>([...graph.keys()].map((name) => [name, []]));
  for (const [name, needed] of graph) for (const one of needed) dependents.get(one)?.push(name);
  return dependents;
}
