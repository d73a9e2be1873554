/**
 * Live events of all nodes of a cluster, for operators at one of them. While somebody watches, this node has one stream of each other node; nobody
 * else costs the nodes anything. What a reader, or this node, is too slow for is left out and counted.
 */
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';

import type { Node } from '../../peers/nodes.ts';
import { asSwitchboardError } from '../../protocol/errors.ts';
import { asObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { owned } from '../../util/owned.ts';
import { unreffed } from '../../util/timers.ts';
import { factsOf, framed } from './event-watchers.ts';
import type { LiveEvent } from './event-watchers.ts';
import type { Operator } from './operator.ts';
import { distinct } from './spread.ts';
import type { AdminCluster } from './spread.ts';
import { Watchers } from './watchers.ts';

/** An event of a node: what it says, and which one. */
export interface ReportedEvent extends JsonObject {
  type: string;
  reportedBy: string;
}

/** How often it is looked for nodes that have no stream yet. */
const LOOK_MS = 1000;
/** No event is larger; a node that sends more is given up until the next look. */
const MAX_EVENT_BYTES = 1024 * 1024;
const TYPE = /^[\w.-]{1,64}$/;

export class ClusterEvents {
  readonly #cluster: AdminCluster;
  readonly #watchers = new Watchers<ReportedEvent>({
    format: framed,
    formatMissed: (count) => framed({ type: 'missed', count }),
  });
  /** The streams of other nodes, by their ids. */
  readonly #streams: Map<string, AbortController> = new Map();
  /** What was said of the nodes that have no stream, by their ids. */
  readonly #unanswered: Map<string, ReportedEvent> = new Map();
  #readers = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(cluster: AdminCluster) {
    this.#cluster = cluster;
  }

  /** As {@link Watchers.add}. */
  add(response: ServerResponse, operator: Operator, wants: (event: ReportedEvent) => boolean): void {
    if (response.destroyed) return;
    this.#watchers.add(response, operator, wants, [...this.#unanswered.values()].filter(wants));
    this.#readers++;
    response.once('close', () => {
      if (--this.#readers === 0) this.#stop();
    });
    this.#timer ??= unreffed(setInterval(() => this.#look(), LOOK_MS));
    this.#look();
  }

  /** An event of this node. */
  onEvent(event: LiveEvent): void {
    if (this.#readers === 0) return;
    const own = distinct(this.#cluster.nodes()).find(({ self }) => self);
    this.#watchers.onItem({ ...factsOf(event), reportedBy: own?.name ?? 'this node' });
  }

  close(): void {
    this.#stop();
    this.#watchers.close();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const stream of this.#streams.values()) stream.abort();
    this.#streams.clear();
    this.#unanswered.clear();
  }

  #look(): void {
    const nodes = distinct(this.#cluster.nodes());
    const there = new Set(nodes.map(({ id }) => id));
    for (const id of this.#unanswered.keys()) if (!there.has(id)) this.#unanswered.delete(id);
    for (const node of nodes) {
      if (node.self || this.#streams.has(node.id)) continue;
      const stream = new AbortController();
      this.#streams.set(node.id, stream);
      owned(
        () => this.#follow(node, stream.signal),
        (error) => this.#failed(node, stream.signal, error),
      );
    }
  }

  /** Resolves when the node ends its stream. */
  async #follow({ id, name, ...node }: Node, signal: AbortSignal): Promise<void> {
    const body = await this.#cluster.follow({ id, name, ...node }, '/events', signal);
    this.#unanswered.delete(id);
    for await (const text of eventsIn(body)) {
      if (signal.aborted) return;
      const facts = asObject(text);
      const type = facts?.['type'];
      if (typeof type === 'string' && TYPE.test(type)) this.#watchers.onItem({ ...facts, type, reportedBy: name });
    }
    if (!signal.aborted) this.#streams.delete(id);
  }

  /** It is tried again at the next look, as long as the node is there. */
  #failed({ id, name: reportedBy }: Node, signal: AbortSignal, error: unknown): void {
    if (signal.aborted) return;
    this.#streams.delete(id);
    if (this.#unanswered.has(id)) return;
    const time = new Date().toISOString();
    const event = { type: 'unanswered', time, reason: asSwitchboardError(error).message, reportedBy };
    this.#unanswered.set(id, event);
    this.#watchers.onItem(event);
  }
}

/** The data of server-sent events. @throws {Error} for one without an end. */
async function* eventsIn(body: Readable): AsyncGenerator<string> {
  body.setEncoding('utf8');
  let rest = '';
  for await (const chunk of body as AsyncIterable<string>) {
    const parts = (rest + chunk).split('\n\n');
    rest = parts.pop() ?? '';
    if (rest.length > MAX_EVENT_BYTES) throw new Error(`an event of more than ${MAX_EVENT_BYTES} bytes`);
    for (const part of parts) {
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (data !== undefined) yield data;
    }
  }
}
