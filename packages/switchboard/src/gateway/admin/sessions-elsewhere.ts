/**
 * The sessions at the other nodes of a cluster, for the page that one of them serves: asked while somebody watches, at a slow rate, so that no
 * look waits for another node and none of them has much to do for it.
 */
import type { SessionFacts } from '../../callers/session-facts.ts';
import { asSwitchboardError } from '../../protocol/errors.ts';
import { isObject } from '../../protocol/jsonrpc.ts';
import { owned } from '../../util/owned.ts';
import type { AdminCluster } from './spread.ts';

export interface SessionsElsewhereOptions {
  cluster: AdminCluster;
  onFault(error: unknown): void;
  /** Monotonic, in ms. @default performance.now */
  now?(): number;
}

/** What one node has said last. */
export interface NodeSessions {
  node: string;
  /** How many it has. */
  sessions: number;
  /** How many of them are not shown, as there are too many. */
  leftOut: number;
  /** Why it did not answer. */
  error?: string;
}

export type SessionAtNode = SessionFacts & { node: string };

/** How long after an answer the nodes are asked again, in ms, at the least. */
export const ASKED_EVERY_MS = 10_000;
/** To ask may take this share of the time at most. */
const MAX_SHARE = 0.05;
/** What is older than that is not shown: nobody has looked meanwhile. */
const SHOWN_MS = 60_000;
/** How many sessions of all other nodes are shown. */
export const MAX_ELSEWHERE = 10_000;

export class SessionsElsewhere {
  readonly #options: SessionsElsewhereOptions;
  readonly #now: () => number;
  #rows: readonly SessionAtNode[] = [];
  #nodes: readonly NodeSessions[] = [];
  #answeredAt = -Infinity;
  #nextAt = -Infinity;
  #isAsking = false;

  constructor(options: SessionsElsewhereOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** As they were a little while ago; asks again where it is time. */
  look(): { sessions: readonly SessionAtNode[]; nodes: readonly NodeSessions[] } {
    const now = this.#now();
    if (!this.#isAsking && now >= this.#nextAt) owned(() => this.#ask(), this.#options.onFault);
    if (now - this.#answeredAt > SHOWN_MS) [this.#rows, this.#nodes] = [[], []];
    // What one had that is gone is gone, or goes on at another.
    const there = new Set(this.#options.cluster.nodes().map(({ name }) => name));
    const isThere = ({ node }: { node: string }): boolean => there.has(node);
    return { sessions: this.#rows.filter(isThere), nodes: this.#nodes.filter(isThere) };
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    const begun = this.#now();
    const { cluster } = this.#options;
    try {
      const others = cluster.nodes().filter(({ self }) => !self);
      const all = await Promise.all(
        others.map(async (node) => {
          try {
            const said = await cluster.ask(node, 'GET', '/sessions');
            return { node: node.name, rows: Array.isArray(said) ? said.filter(isSession) : [] };
          } catch (error) {
            return { node: node.name, rows: [], error: asSwitchboardError(error).message };
          }
        }),
      );
      // Each node has its part, so that a large one does not push out the others.
      const each = Math.floor(MAX_ELSEWHERE / Math.max(1, all.length));
      this.#rows = all.flatMap(({ node, rows }) => rows.slice(0, each).map((row) => ({ ...row, node })));
      this.#nodes = all.map(({ node, rows, error }) => ({
        node,
        sessions: rows.length,
        leftOut: Math.max(0, rows.length - each),
        ...(error !== undefined && { error }),
      }));
    } finally {
      const now = this.#now();
      this.#answeredAt = now;
      this.#nextAt = now + Math.max(ASKED_EVERY_MS, (now - begun) / MAX_SHARE);
      this.#isAsking = false;
    }
  }
}

/** A node of another version says more or less of a session; without an id it is none. */
const isSession = (row: unknown): row is SessionFacts => isObject(row) && typeof row['id'] === 'string';
