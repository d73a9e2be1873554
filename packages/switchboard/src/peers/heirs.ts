/**
 * Sessions whose node is gone: another node goes on with each of them that can be rebuilt, one and no other. Which one is noted in the store,
 * and the node that had it is fenced first, so that it writes nothing when it was not gone but hung.
 */
import { z } from 'zod';

import { SwitchboardError } from '../protocol/errors.ts';
import { Records } from '../stores/records.ts';
import type { SharedStore, StoreNotice } from '../stores/store.ts';
import { owned } from '../util/owned.ts';
import { unreffed } from '../util/timers.ts';
import type { Node, Nodes } from './nodes.ts';

export interface HeirsOptions {
  store: SharedStore;
  nodes: Nodes;
  /** Whether this node still has the session over HTTP with this secret, or the conversation over WebSocket that is kept under it. */
  has(secret: string): boolean;
  onNotice(notice: StoreNotice): void;
}

/** How long one node may take to note that a session is its own. */
const MOVE_MS = 5000;
/** How long that note is kept, and how often it is written again. */
const NOTED_MS = 86_400_000;
const REFRESH_MS = 3_600_000;
/** How long it is waited before notes are written again that could not be. */
const AGAIN_MS = 1000;

const schema = z.object({ node: z.string() });

export class Heirs {
  readonly #options: HeirsOptions;
  readonly #notes: Records<z.infer<typeof schema>>;
  /** Those that this node has taken over, by the names under which the store knows them: their secrets, and when that was, in ms of this process. */
  readonly #taken: Map<string, { secret: string; at: number }> = new Map();
  readonly #refresher = unreffed(setInterval(() => this.#refresh(), REFRESH_MS));
  #again: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: HeirsOptions) {
    const { store, onNotice } = options;
    this.#options = options;
    this.#notes = new Records({ facts: store.facts, kind: 'heir', schema, onNotice });
    store.watch((notice) => {
      if (notice.type === 'back' && notice.lost) this.#refresh();
    });
  }

  /**
   * Finds the node that has a session whose node is gone, or ends and has left it; where none has it yet, and it can be rebuilt, this one
   * takes it over.
   *
   * @param name under which the store has what it is rebuilt from.
   * @param former the id of the node that opened it.
   * @param refused the id of a node that, asked for it, did not have it any more.
   * @returns another node, or nothing: then it is here, or nowhere.
   * @throws {SwitchboardError} `SWB_STORE_UNAVAILABLE`; `SWB_NODE_UNREACHABLE` while another node takes it over.
   */
  async find(name: string, secret: string, former: string, refused?: string): Promise<Node | undefined> {
    const { store, nodes } = this.#options;
    const owner = (await this.#notes.get(name))?.node ?? former;
    if (owner === nodes.id) return undefined;
    const node = await nodes.other(owner);
    if (node?.state === 'serving' && owner !== refused) return node;
    const kept = await store.facts.get(`session ${name}`);
    const isLeft = kept?.['left'] === true;
    if (node !== undefined && !isLeft) return node;
    if (!isLeft && !nodes.isCertain) return later('the store has just come back, and nodes are on their way');
    if (kept === undefined) return undefined;
    const moving = await store.leases.acquire(`move ${name}`, nodes.id, MOVE_MS);
    if (!('lease' in moving)) return (await nodes.other(moving.heldBy.owner)) ?? later('another node takes it over');
    try {
      const noted = (await this.#notes.get(name))?.node;
      // Another node was faster.
      if (noted !== undefined && noted !== owner) return await nodes.other(noted);
      if (!isLeft && !(await nodes.fence(owner))) return later('its node is on its way back');
      if (!(await this.#notes.put(name, { node: nodes.id }, NOTED_MS, nodes.lease)))
        return later('this node was fenced');
      this.#taken.set(name, { secret, at: performance.now() });
      return undefined;
    } finally {
      await store.leases.release(moving.lease).catch(() => {});
    }
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#refresher);
    clearTimeout(this.#again);
  }

  #refresh(): void {
    const { has } = this.#options;
    const now = performance.now();
    for (const [name, { secret, at }] of this.#taken) {
      // One that was taken over just now may not be rebuilt yet.
      const isHere = has(secret) || now - at < MOVE_MS;
      if (!isHere) this.#taken.delete(name);
      owned(
        () => (isHere ? this.#note(name) : undefined),
        () => {},
      );
    }
  }

  async #note(name: string): Promise<void> {
    const { nodes } = this.#options;
    const isNoted = await this.#notes.put(name, { node: nodes.id }, NOTED_MS, nodes.lease).catch(() => false);
    if (isNoted || this.#closed) return;
    // Refused is also what is written before this node has its lease again.
    this.#again ??= unreffed(
      setTimeout(() => {
        this.#again = undefined;
        this.#refresh();
      }, AGAIN_MS),
    );
  }
}

function later(why: string): never {
  throw new SwitchboardError('SWB_NODE_UNREACHABLE', { detail: why, data: { retryAfterMs: 1000 } });
}
