/**
 * Where the modern requests of a client over HTTP are served whose servers have a process for each client: at one node, its home, so that each
 * request finds what those before it have left. The first node that needs one is the home from then on, until the client has been quiet for a
 * while or the node ends.
 */
import type { Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

import { asSwitchboardError } from '../protocol/errors.ts';
import { unreffed } from '../util/timers.ts';
import type { Node, Nodes } from './nodes.ts';
import { Owners } from './owners.ts';
import type { Owned, OwnersOptions } from './owners.ts';

export interface HomesOptions extends OwnersOptions {
  /** How long a client may be quiet before its home is forgotten, in ms. */
  idleMs: number;
}

/** How long it is waited while it is not certain where a home is. */
const PATIENCE_MS = 15_000;
const POLL_MS = 50;
/** So many clients may have their home here; the one that has been quiet the longest is forgotten first. */
const MAX_RESIDENTS = 10_000;
/** How often it is looked for those that have been quiet for too long, at the most and at the least. */
const SWEEP_MS = { least: 10, most: 10_000 };

/** A client whose home is here. */
class Resident implements Owned {
  readonly #running: Set<Writable> = new Set();
  readonly #onGivenUp: () => void;
  /** In ms of this process; of what runs, it does not count. */
  #usedAt = performance.now();

  constructor(onGivenUp: () => void) {
    this.#onGivenUp = onGivenUp;
  }

  /** Since when nothing of it runs; `Infinity` while something does. */
  get quietSince(): number {
    return this.#running.size > 0 ? Infinity : this.#usedAt;
  }

  /** Counts a request until it is answered. */
  serve(response: Writable): void {
    this.#usedAt = performance.now();
    // Whose client has hung up while its home was looked for has said so already.
    if (response.destroyed) return;
    this.#running.add(response);
    response.once('close', () => {
      this.#running.delete(response);
      this.#usedAt = performance.now();
    });
  }

  /** What it listens to would hear nothing any more. */
  giveUp(): void {
    this.#onGivenUp();
    for (const response of this.#running) response.destroy();
  }
}

export class Homes {
  readonly #nodes: Nodes;
  readonly #owners: Owners<Resident>;
  readonly #idleMs: number;
  /** By client; of those that are quiet, the one that has been so the longest stands first. */
  readonly #residents: Map<string, Resident> = new Map();
  /** Looked for once for all requests that come together. */
  readonly #finding: Map<string, Promise<Node | undefined>> = new Map();
  readonly #sweeper: NodeJS.Timeout;
  #isLeaving = false;
  #closed = false;

  constructor({ idleMs, ...options }: HomesOptions) {
    this.#nodes = options.nodes;
    this.#idleMs = idleMs;
    this.#owners = new Owners(options);
    this.#sweeper = unreffed(
      setInterval(() => this.#sweep(), Math.max(SWEEP_MS.least, Math.min(SWEEP_MS.most, idleMs / 4))),
    );
  }

  /** How many clients have their home here. */
  get size(): number {
    return this.#residents.size;
  }

  /**
   * Finds the node that is the home of a client; where it has none, this one is from now on.
   *
   * @param refused the id of a node that, asked for it, was not its home any more.
   * @returns another node, or nothing: then it is served here, also where the store cannot say whose home it is.
   * @throws {SwitchboardError} `SWB_NODE_UNREACHABLE` when that is not certain for long.
   */
  async find(client: string, refused?: string): Promise<Node | undefined> {
    if (this.#residents.has(client) || this.#nodes.lease === undefined) return undefined;
    const last = await this.#owners.lastFound(client);
    if (last !== undefined && last.id !== refused) return last;
    const finding =
      this.#finding.get(client) ?? this.#find(client, refused).finally(() => this.#finding.delete(client));
    this.#finding.set(client, finding);
    return finding;
  }

  /** Counts a request of a client as one that is served here, until it is answered. */
  serve(client: string, response: Writable): void {
    const resident = this.#residents.get(client);
    if (resident === undefined) return;
    const putLast = (): void => {
      if (this.#residents.get(client) !== resident) return;
      this.#residents.delete(client);
      this.#residents.set(client, resident);
    };
    putLast();
    resident.serve(response);
    response.once('close', putLast);
  }

  /** Is nobody's home any more, as this node ends. What runs here is finished. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    await this.#owners.leave();
    this.#residents.clear();
  }

  /** Notes again whose home is here: the store may not know it any more. */
  renew(): void {
    this.#owners.refresh();
  }

  /** Other nodes may be the homes by now. */
  giveUp(): void {
    this.#owners.giveUp();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#sweeper);
    this.#owners.close();
  }

  async #find(client: string, refused: string | undefined): Promise<Node | undefined> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        const node = this.#isLeaving ? await this.#owners.other(client) : await this.#take(client);
        if (node === undefined || node.id !== refused || this.#isOver(until)) return node;
      } catch (thrown) {
        const error = asSwitchboardError(thrown);
        // What it has left at its home is not to be had then; an answer without it is better than none.
        if (error.code === 'SWB_STORE_UNAVAILABLE') return undefined;
        if (error.code !== 'SWB_NODE_UNREACHABLE' || this.#isOver(until)) throw error;
      }
      await pause(POLL_MS);
    }
  }

  #isOver(until: number): boolean {
    return this.#closed || performance.now() > until;
  }

  async #take(client: string): Promise<Node | undefined> {
    const resident: Resident = new Resident(() => {
      if (this.#residents.get(client) === resident) this.#residents.delete(client);
    });
    const node = await this.#owners.find(client, resident);
    if (node === undefined && this.#owners.get(client) === resident) {
      this.#residents.set(client, resident);
      if (this.#residents.size > MAX_RESIDENTS) this.#forgetOldest();
    }
    return node;
  }

  #sweep(): void {
    const before = performance.now() - this.#idleMs;
    for (const [client, resident] of this.#residents) {
      if (resident.quietSince < before) this.#forget(client, resident);
    }
  }

  #forgetOldest(): void {
    for (const [client, resident] of this.#residents) {
      if (resident.quietSince === Infinity) continue;
      this.#forget(client, resident);
      return;
    }
  }

  #forget(client: string, resident: Resident): void {
    this.#residents.delete(client);
    void this.#owners.release(client, resident);
  }
}
