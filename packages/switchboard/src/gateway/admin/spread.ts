/** How a route of the admin API is answered by all nodes of a cluster, and what is made of their answers. */
import type { Readable } from 'node:stream';

import { SwitchboardError, asSwitchboardError } from '../../protocol/errors.ts';
import { isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import type { Node } from '../../peers/nodes.ts';

/**
 * `list`: the items of all, each with its node. `count`: the sum, and what each counted; an error where none of them knows the name. `find`: the first that knows the name; where none
 * does, and one did not answer, its error. `each`: the answer of this one, and those of the others by their names. A name that several nodes
 * have stands with their ids.
 */
export type Spread = 'list' | 'count' | 'find' | 'each';

/** What a node of a cluster holds in the store, as it knows itself. */
export interface NodeHoldings {
  id: string;
  /** Of its lease: grows with each node that has had it. */
  epoch?: number;
  /** How long its lease holds unless it is renewed, in ms. */
  leaseEndsInMs?: number;
  /** Places of members that are its own. */
  owned: number;
  /** Parts that other nodes have in its members. */
  lent: number;
  /** For how long the oldest entry of its logs has waited to be written to the store, in ms. */
  storeLagMs: number;
}

/** The nodes of a cluster, for the admin API. */
export interface AdminCluster {
  /** This one among them. */
  nodes(): readonly Node[];
  /** What this one holds. */
  self(): NodeHoldings;
  /** What one of the others streams, until the signal gives it up. @throws {SwitchboardError} what it answers, or why it does not. */
  follow(node: Node, path: string, signal: AbortSignal): Promise<Readable>;
  /** Asks one of the others. */
  ask(node: Node, method: string, path: string, body?: unknown): Promise<unknown>;
}

interface Answer {
  node: string;
  /** What it answered, or why it did not. */
  said: unknown;
  error?: SwitchboardError;
}

/** Names the nodes that did not answer, for lists, which have no place for it. */
export const UNANSWERED_HEADER = 'switchboard-unanswered';

/**
 * @param here answers of this node alone.
 * @param elsewhere asks another one the same.
 * @returns what is answered, and the names of nodes that did not answer.
 */
export async function spread(
  how: Spread,
  cluster: AdminCluster,
  here: () => unknown,
  elsewhere: (node: Node) => Promise<unknown>,
): Promise<{ answer: unknown; unanswered: string[] }> {
  const nodes = distinct(cluster.nodes());
  const others = nodes.filter(({ self }) => !self);
  const own = nodes.find(({ self }) => self)?.name ?? 'this node';
  if (how === 'find') return { answer: await first(here, others, elsewhere), unanswered: [] };
  const rest = Promise.all(
    others.map(async (node): Promise<Answer> => {
      try {
        return { node: node.name, said: await elsewhere(node) };
      } catch (thrown) {
        return { node: node.name, said: undefined, error: asSwitchboardError(thrown) };
      }
    }),
  );
  const mine = await answerOf(own, how, here);
  const all: Answer[] = [mine, ...(await rest)];
  if (how === 'count' && all.every(({ error }) => isNotFound(error))) throw mine.error!;
  const unanswered = all.flatMap(({ node, error }) => (error === undefined || isNotFound(error) ? [] : [node]));
  return { answer: joined(how, all), unanswered };
}

/** That this one does not know a name says nothing about the others. */
async function answerOf(node: string, how: Spread, here: () => unknown): Promise<Answer> {
  try {
    return { node, said: await here() };
  } catch (thrown) {
    if (how !== 'count' || !isNotFound(thrown)) throw thrown;
    return { node, said: undefined, error: asSwitchboardError(thrown) };
  }
}

/** With names that only one of them has. */
export const distinct = (nodes: readonly Node[]): Node[] =>
  nodes.map((node) => {
    const isShared = nodes.some(({ id, name }) => id !== node.id && name === node.name);
    return isShared ? { ...node, name: `${node.name} (${node.id})` } : node;
  });

function joined(how: Exclude<Spread, 'find'>, all: readonly Answer[]): unknown {
  if (how === 'list') {
    return all.flatMap(({ node, said }) =>
      Array.isArray(said) ? said.map((each: object) => ({ node, ...each })) : [],
    );
  }
  const byNode = Object.fromEntries(
    all.map(({ node, said, error }) => {
      if (how === 'count' && isNotFound(error)) return [node, { count: 0 }];
      return [node, error === undefined ? said : { error: error.message }];
    }),
  );
  if (how === 'each') return { ...(all[0]!.said as JsonObject), nodes: byNode };
  const count = all.reduce((sum, { said }) => sum + (isObject(said) ? Number(said['count'] ?? 0) : 0), 0);
  return { count, nodes: byNode };
}

/** Who has a name is not known beforehand. */
async function first(
  here: () => unknown,
  others: readonly Node[],
  elsewhere: (node: Node) => Promise<unknown>,
): Promise<unknown> {
  try {
    return await here();
  } catch (thrown) {
    if (!isNotFound(thrown)) throw thrown;
    const tries = await Promise.allSettled(others.map((node) => elsewhere(node)));
    const found = tries.find((each) => each.status === 'fulfilled');
    if (found !== undefined) return { ...(found.value as object) };
    // One that did not answer may have it.
    const failed = tries.find((each) => each.status === 'rejected' && !isNotFound(each.reason));
    throw failed === undefined ? thrown : (failed as PromiseRejectedResult).reason;
  }
}

const isNotFound = (thrown: unknown): boolean => thrown instanceof SwitchboardError && thrown.code === 'SWB_NOT_FOUND';
