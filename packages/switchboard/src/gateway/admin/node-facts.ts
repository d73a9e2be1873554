/** What a node of a cluster says of itself: what it holds, and where the members are that it uses. */
import { ProcessTree } from '../../upstreams/process-tree.ts';
import type { AdminContext } from './route.ts';
import type { NodeHoldings } from './spread.ts';

export interface NodeFacts extends NodeHoldings {
  /** Connections and sessions. */
  sessions: number;
  requests: number;
  memoryBytes: number;
  /** Members that run here, by their servers; the busiest servers of many. */
  members: Record<string, number>;
  /** Members at other nodes that this one uses, by the names of those. */
  elsewhere: Record<string, number>;
}

/** How many servers and nodes are named. */
const MAX_NAMES = 50;
const NO_PROCESSES = new ProcessTree([]);

/** Nothing where it is no node of a cluster. */
export function nodeFactsOf({
  cluster,
  operations,
  stats,
}: Pick<AdminContext, 'cluster' | 'operations' | 'stats'>): NodeFacts[] {
  if (cluster === undefined) return [];
  const all = operations
    .upstreamsWith(NO_PROCESSES)
    .flatMap(({ name, members }) => members.map(({ node }) => ({ name, node })));
  const { connections: sessions, exchanges: requests } = stats();
  return [
    {
      ...cluster.self(),
      sessions,
      requests,
      memoryBytes: process.memoryUsage.rss(),
      members: counted(all.flatMap(({ name, node }) => (node === undefined ? [name] : []))),
      elsewhere: counted(all.flatMap(({ node }) => node ?? [])),
    },
  ];
}

function counted(names: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries([...counts].toSorted(([, one], [, other]) => other - one).slice(0, MAX_NAMES));
}
