/**
 * Which node has what only one of them may have at a time. The store notes it with the epoch of the lease under which it was taken. The note
 * is good as long as its node is there, so it costs nothing but an hourly write; a node that is gone is fenced before another takes its place.
 */
import { z } from 'zod';

import { SwitchboardError } from '../protocol/errors.ts';
import { Records } from '../stores/records.ts';
import type { Lease, SharedStore, StoreNotice } from '../stores/store.ts';
import { owned } from '../util/owned.ts';
import { unreffed } from '../util/timers.ts';
import type { Node, Nodes } from './nodes.ts';

export interface OwnersOptions {
  store: SharedStore;
  nodes: Nodes;
  onNotice(notice: StoreNotice): void;
}

/** What a node has. */
export interface Owned {
  /** Another node has it now: what is here has to end. */
  giveUp(reason: string): void;
}

/** How long one node may take to note that something is its own. */
const TAKE_MS = 5000;
/** How long a note is kept, and how often it is written again. */
const NOTED_MS = 86_400_000;
const REFRESH_MS = 3_600_000;
/** How long it is waited before notes are written again that could not be. */
const AGAIN_MS = 1000;
/** Of how many things it is remembered where they were last found. */
const MAX_LAST_FOUND = 10_000;
const FENCED = 'the other nodes took this one for gone';

const schema = z.object({ node: z.string(), epoch: z.number() });

export class Owners<Value extends Owned> {
  readonly #options: OwnersOptions;
  readonly #notes: Records<z.infer<typeof schema>>;
  /** What this node has, by name. */
  readonly #own: Map<string, Value> = new Map();
  /** The nodes that were last found to have what this one uses; what was found last stands last. */
  readonly #lastFound: Map<string, string> = new Map();
  /** The last change of each name that is under way: one at a time. */
  readonly #changes: Map<string, Promise<unknown>> = new Map();
  readonly #refresher = unreffed(setInterval(() => this.refresh(), REFRESH_MS));
  #again: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: OwnersOptions) {
    const { store, onNotice } = options;
    this.#options = options;
    this.#notes = new Records({ facts: store.facts, kind: 'owner', schema, onNotice });
  }

  /** How much this node has. */
  get size(): number {
    return this.#own.size;
  }

  /** What this node has under a name. */
  get(name: string): Value | undefined {
    return this.#own.get(name);
  }

  /**
   * Finds the node that has something; where none has it, this one takes it.
   *
   * @param value what this node has then.
   * @returns another node, or nothing: then it is this one's.
   * @throws {SwitchboardError} `SWB_STORE_UNAVAILABLE`; `SWB_NODE_UNREACHABLE` while it is not certain who has it.
   */
  async find(name: string, value: Value): Promise<Node | undefined> {
    if (this.#own.has(name)) {
      this.#own.set(name, value);
      return undefined;
    }
    try {
      const node = await this.#inTurn(name, () => this.#find(name, value));
      this.#remember(name, node);
      return node;
    } catch (error) {
      const isAway = error instanceof SwitchboardError && error.code === 'SWB_STORE_UNAVAILABLE';
      // Whoever is asked says if it is not there any more.
      const node = isAway ? await this.lastFound(name) : undefined;
      if (node === undefined) throw error;
      return node;
    }
  }

  /** Another node that was found to have something, if it is still there; it may not have it any more. */
  async lastFound(name: string): Promise<Node | undefined> {
    const id = this.#lastFound.get(name);
    return id === undefined ? undefined : this.#options.nodes.other(id);
  }

  /** Another node that has something; takes nothing. @throws {SwitchboardError} `SWB_STORE_UNAVAILABLE` */
  async other(name: string): Promise<Node | undefined> {
    const id = (await this.#notes.get(name))?.node;
    return id === undefined ? undefined : this.#options.nodes.other(id);
  }

  /** Gives something back, or needs it no more; does nothing to what is not this node's. Never rejects. */
  async release(name: string, value?: Value): Promise<void> {
    this.#lastFound.delete(name);
    const known = this.#own.get(name);
    // It may have another place at this node by now.
    if (this.#closed || (value !== undefined && known !== value)) return;
    this.#own.delete(name);
    await this.#inTurn(name, async () => {
      const { nodes } = this.#options;
      if (this.#own.has(name) || (await this.#notes.get(name))?.node !== nodes.id) return;
      await this.#notes.delete(name, nodes.lease);
    }).catch(() => {});
  }

  /** Gives everything back, so that others can take it while this node ends. Never rejects. */
  async leave(): Promise<void> {
    await Promise.all([...this.#own.keys()].map((name) => this.release(name)));
  }

  /** Others may have taken everything. */
  giveUp(): void {
    const all = [...this.#own.values()];
    this.#own.clear();
    for (const value of all) value.giveUp(FENCED);
  }

  /** Notes again what this node has: the store may have come back empty. */
  refresh(): void {
    for (const [name, value] of this.#own) {
      owned(
        () => this.#inTurn(name, () => this.#renew(name, value)),
        () => this.#refreshSoon(),
      );
    }
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#refresher);
    clearTimeout(this.#again);
  }

  async #find(name: string, value: Value): Promise<Node | undefined> {
    return (await this.#ownerOf(name)) ?? this.#alone(name, (lease) => this.#take(name, value, lease));
  }

  /** Only one node at a time does it; whoever hung meanwhile writes nothing. */
  async #alone<T>(name: string, work: (lease: Lease) => Promise<T>): Promise<T> {
    const { store, nodes } = this.#options;
    const taking = await store.leases.acquire(`take ${name}`, nodes.id, TAKE_MS);
    if (!('lease' in taking)) return later('another node takes it');
    try {
      return await work(taking.lease);
    } finally {
      await store.leases.release(taking.lease).catch(() => {});
    }
  }

  /** @param noted the id of the node that is noted, where that is known. */
  async #ownerOf(name: string, noted?: string): Promise<Node | undefined> {
    const { nodes } = this.#options;
    const id = noted ?? (await this.#notes.get(name))?.node;
    if (id !== undefined) return nodes.other(id);
    // What a store does not know that was away, it may have lost: who has it writes it again.
    return nodes.isCertain ? undefined : later('the store has just come back, and nodes are on their way');
  }

  async #take(name: string, value: Value, lease: Lease): Promise<Node | undefined> {
    const { nodes } = this.#options;
    const { id } = nodes;
    const noted = await this.#notes.get(name);
    const faster = await this.#ownerOf(name, noted?.node);
    if (faster !== undefined) return faster;
    if (noted !== undefined && noted.node !== id && !(await nodes.fence(noted.node)))
      return later('its node is on its way back');
    const isNoted = await this.#notes.put(name, { node: id, epoch: lease.epoch }, NOTED_MS, lease);
    if (!isNoted || nodes.id !== id) return later('this node was fenced');
    this.#own.set(name, value);
    return undefined;
  }

  async #renew(name: string, value: Value): Promise<void> {
    if (this.#closed || this.#own.get(name) !== value) return;
    await this.#alone(name, async (lease) => {
      const { nodes } = this.#options;
      const noted = await this.#notes.get(name);
      const isAnothers =
        noted !== undefined && noted.node !== nodes.id && (await nodes.other(noted.node)) !== undefined;
      if (this.#own.get(name) !== value) return;
      if (isAnothers) {
        this.#own.delete(name);
        value.giveUp(FENCED);
      } else await this.#notes.put(name, { node: nodes.id, epoch: noted?.epoch ?? lease.epoch }, NOTED_MS, lease);
    });
  }

  #remember(name: string, node: Node | undefined): void {
    this.#lastFound.delete(name);
    if (node === undefined) return;
    this.#lastFound.set(name, node.id);
    if (this.#lastFound.size <= MAX_LAST_FOUND) return;
    const [oldest] = this.#lastFound.keys();
    this.#lastFound.delete(oldest!);
  }

  #refreshSoon(): void {
    if (this.#closed) return;
    this.#again ??= unreffed(
      setTimeout(() => {
        this.#again = undefined;
        this.refresh();
      }, AGAIN_MS),
    );
  }

  #inTurn<T>(name: string, change: () => Promise<T>): Promise<T> {
    const turn = (this.#changes.get(name) ?? Promise.resolve()).then(change, change);
    this.#changes.set(name, turn);
    const over = (): void => {
      if (this.#changes.get(name) === turn) this.#changes.delete(name);
    };
    turn.then(over, over);
    return turn;
  }
}

function later(why: string): never {
  throw new SwitchboardError('SWB_NODE_UNREACHABLE', { detail: why, data: { retryAfterMs: 1000 } });
}
