/**
 * The nodes of a cluster as one of them sees them. Each has a lease, under which it writes its record and what its sessions are rebuilt
 * from; a node whose lease has ended is gone for the others, whatever it does.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';

import type { Emit } from '../observe/events.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import { Records } from '../stores/records.ts';
import type { Lease, SharedStore, StoreNotice } from '../stores/store.ts';
import { owned } from '../util/owned.ts';
import { unreffed } from '../util/timers.ts';
import type { Peer } from './peer-link.ts';

/** What a node says of itself. */
export interface NodeRecord {
  /** Its name for people. */
  name: string;
  /** Where the others reach it. */
  url: string;
  version: string;
  /** Equal on nodes whose upstreams are configured alike. */
  digest: string;
  /** In ms since 1970. */
  startedAt: number;
  state: 'serving' | 'draining';
}

/** A node that is there. */
export interface Node extends NodeRecord, Peer {
  /** Whether it is this one. */
  self: boolean;
}

export interface NodesOptions {
  store: SharedStore;
  /** What this node says of itself now. */
  describe(): Omit<NodeRecord, 'state'>;
  /**
   * Resolves when this node can be reached by the others; a node that cannot is not there, whatever else works. The signal gives it up.
   */
  checkReachable(signal: AbortSignal): Promise<void>;
  /** Asks another node whether this one {@link Nodes.isGone}; false also where it cannot be known. */
  isGoneFor(node: Node): Promise<boolean>;
  /** A node is gone: what is under way there will not be answered. */
  onLost(node: Node): void;
  /** This node was taken for gone, and others may have taken over what it had: it has to give all of it up. */
  onFenced(): void;
  /** The store was away, or has lost what this node is known by: it may have lost more. */
  onBack?(): void;
  onNotice(notice: StoreNotice): void;
  emit: Emit;
  /** How long a node is there without a sign of life, in ms; it gives three in that time. @default 3000 */
  leaseMs?: number;
}

const LEASE_MS = 3000;
const BEATS = 3;
/** How long nodes may take to see what another one has written of itself, in beats. */
const NOTICED_BEATS = 1.2;
/** How late the sign of life may be of a node that cannot be connected to, in beats. */
const OVERDUE_BEATS = 1.1;
/** How much longer than by its own clock a node's lease may hold in the store, in ms. */
const LEASE_LATE_MS = 50;
/** How long nodes may take to register again when the store is back. */
const GRACE_LEASES = 2;
/** How long it is waited before one that has just woken up asks again. */
const AGAIN_MS = 50;
/** How long a node that others have taken over finds that out. */
const FENCED_MS = 86_400_000;
/** How often the store is asked for nodes beside the beats, at the most. */
const LOOK_AGAIN_MS = 100;
/** How many nodes are looked at. */
const MAX_NODES = 1000;

const schema = z.object({
  name: z.string(),
  url: z.url({ protocol: /^https?$/ }),
  version: z.string(),
  digest: z.string(),
  startedAt: z.number(),
  state: z.enum(['serving', 'draining']),
});

export class Nodes {
  readonly #options: NodesOptions;
  readonly #records: Records<z.infer<typeof schema>>;
  readonly #leaseMs: number;
  #id = newId();
  #lease: Lease | undefined;
  #known: ReadonlyMap<string, Node> = new Map();
  /** Those that were asked for and are not there, with the time until which that counts. */
  readonly #gone: Map<string, number> = new Map();
  #looking: Promise<void> | undefined;
  /** When nodes were found to have ended, in ms of this process: a list that was asked for before still has them. */
  readonly #endedAt: Map<string, number> = new Map();
  /** Those that could not be connected to, while it is found out whether they are there. */
  readonly #doubted: Map<string, Promise<boolean>> = new Map();
  /** When the store was last asked beside the beats, in ms of this process. */
  #lookedAt = -Infinity;
  #state: NodeRecord['state'] = 'serving';
  #timer: NodeJS.Timeout | undefined;
  /** Rings when its lease has ended, unless it was renewed. */
  #leaseEnd: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  /** Whether the last beat could not reach the store: then this node did not hang. */
  #isAway = false;
  #isUnreachable = false;
  /** Whether the store reaches the other nodes, and not this one, which they took for gone. */
  #isCut = false;
  /** When it last asked, in ms of this process. */
  #beatAt = -Infinity;
  /** Until then a store that does not answer may be one that was asked before this node hung. */
  #suspectUntil = 0;
  /** When its lease was last seen to hold, in ms of this process. */
  #renewedAt = 0;
  /** Whether the store has said that it may have lost something since the last beat. */
  #hasLost = false;
  /** Until then a record that is missing says nothing: the store has just come back. */
  #graceUntil = 0;
  #closed = false;

  constructor(options: NodesOptions) {
    const { store, onNotice } = options;
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
    this.#records = new Records({ facts: store.facts, kind: 'node', schema, onNotice });
    store.watch((notice) => {
      if (notice.type !== 'back') return;
      this.#graceUntil = performance.now() + GRACE_LEASES * this.#leaseMs;
      this.#hasLost ||= notice.lost;
    });
  }

  /** The id of this node, another one after it was taken for gone. Not a secret. */
  get id(): string {
    return this.#id;
  }

  /** Under which this node writes; nothing before {@link join}. */
  get lease(): Lease | undefined {
    return this.#lease;
  }

  /** How long the lease of this node holds unless it is renewed, in ms, as far as this node knows; nothing before {@link join}. */
  get leaseEndsInMs(): number | undefined {
    if (this.#lease === undefined) return undefined;
    return Math.max(0, Math.round(this.#renewedAt + this.#leaseMs - performance.now()));
  }

  /** Whether this node ends. */
  get isDraining(): boolean {
    return this.#state === 'draining';
  }

  /**
   * Whether only this node cannot reach the store. The others took it for gone, and it has given up what it had: it must take nothing new, as
   * nobody would find that.
   */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Whether a record that is missing says something: not while the store has just come back. */
  get isCertain(): boolean {
    return performance.now() >= this.#graceUntil;
  }

  /** Whether it is known without a question to the store that this node still is who it was, or that nothing can be known. */
  get isSettled(): boolean {
    const now = performance.now();
    if (this.#closed || !this.#isOverdue) return true;
    return this.#isAway && now - this.#beatAt < this.#leaseMs && now >= this.#suspectUntil;
  }

  /** Those that are there, this one among them, oldest first. */
  get all(): readonly Node[] {
    return [...this.#known.values()].toSorted((one, other) => one.startedAt - other.startedAt);
  }

  /** Whether a node serves, as far as this one knows without asking. */
  serves(id: string): boolean {
    return this.#known.get(id)?.state === 'serving';
  }

  /**
   * Another node that is there. One that this node has not heard of may have joined a moment ago: then the store is asked, once for all who
   * ask at that time.
   *
   * @throws {SwitchboardError} `SWB_STORE_UNAVAILABLE` when that is needed and cannot be.
   */
  async other(id: string): Promise<Node | undefined> {
    const known = this.#known.get(id);
    if (known !== undefined) return known.self ? undefined : known;
    const now = performance.now();
    if (id === this.#id || (this.#gone.get(id) ?? 0) > now) return undefined;
    this.#looking ??= this.#lookSoon().finally(() => (this.#looking = undefined));
    await this.#looking;
    const found = this.#known.get(id);
    if (found !== undefined) return found.self ? undefined : found;
    if (this.#gone.size >= MAX_NODES) this.#gone.clear();
    this.#gone.set(id, now + this.#beatMs);
    return undefined;
  }

  /** Whoever makes up ids of nodes must not make the store busy. */
  async #lookSoon(): Promise<void> {
    const waitMs = this.#lookedAt + LOOK_AGAIN_MS - performance.now();
    if (waitMs > 0) await pause(waitMs);
    this.#lookedAt = performance.now();
    await this.#look();
  }

  /**
   * Whether a node that could not be connected to is still there. Resolves when that is known: one that gives a sign of life is there, whoever
   * cannot reach it; one whose sign of life is overdue ended without a word, and need not be waited for until its lease ends. One that is gone
   * is seen to have left from now on. Rejects with `SWB_STORE_UNAVAILABLE`.
   */
  isThere(id: string): Promise<boolean> {
    const asking = this.#doubted.get(id) ?? this.#doubt(id).finally(() => this.#doubted.delete(id));
    this.#doubted.set(id, asking);
    return asking;
  }

  async #doubt(id: string): Promise<boolean> {
    const { leases } = this.#options.store;
    const overdueMs = OVERDUE_BEATS * this.#beatMs;
    const begun = performance.now();
    for (;;) {
      const asked = performance.now();
      const held = await leases.holder(leaseOf(id));
      // It may have to register again first.
      if (held === undefined && !this.isCertain) return true;
      const isHeld = held?.owner === id;
      const silentMs = isHeld ? this.#leaseMs - held.endsInMs : Infinity;
      if (silentMs < asked - begun) return true;
      if (silentMs >= overdueMs) {
        await this.#endOf(id, isHeld ? held : undefined);
        this.#endedAt.set(id, performance.now());
        this.#see(new Map([...this.#known].filter(([known]) => known !== id)));
        return false;
      }
      await pause(overdueMs - silentMs);
    }
  }

  /** What a node had is free at once. Should it be there after all, it registers again, or finds itself fenced. */
  async #endOf(id: string, lease: Lease | undefined): Promise<void> {
    if (lease !== undefined) await this.#options.store.leases.release(lease);
    await this.#records.delete(id);
  }

  /** Whether another node is gone, as the store says now; false also where that says nothing. Rejects with `SWB_STORE_UNAVAILABLE`. */
  async isGone(id: string): Promise<boolean> {
    const held = await this.#options.store.leases.holder(leaseOf(id));
    return held?.owner !== id && !this.#isAway && this.isCertain && !this.#isOverdue;
  }

  /** @throws {SwitchboardError} `SWB_STORE_UNAVAILABLE` when the cluster cannot be joined. */
  async join(): Promise<void> {
    await this.#acquire();
    await this.#write();
    await this.#look();
    this.#beatAt = performance.now();
    this.#timer = unreffed(setInterval(() => this.#beat(), this.#beatMs));
  }

  /**
   * Resolves when it is known whether this node still is who it was. That takes time only after a pause in which others may have taken it for
   * gone.
   */
  async settled(): Promise<void> {
    while (!this.isSettled) {
      this.#beat();
      await this.#beating;
      if (performance.now() >= this.#suspectUntil) return;
      await pause(AGAIN_MS);
    }
  }

  /**
   * Takes the right to write from a node that is gone: when it comes back, it finds itself fenced.
   *
   * @returns false when it is not gone.
   */
  async fence(id: string): Promise<boolean> {
    const acquired = await this.#options.store.leases.acquire(leaseOf(id), this.#id, FENCED_MS);
    return 'lease' in acquired || acquired.heldBy.owner !== id;
  }

  /** Tells the others that nobody should be sent here any more. Resolves when they know, as far as they can be told. */
  async drain(): Promise<void> {
    this.#state = 'draining';
    await this.#write().catch(() => {});
    if (this.all.some(({ self }) => !self)) await pause(NOTICED_BEATS * this.#beatMs);
  }

  /** Tells the others that it is gone. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#beating?.catch(() => {});
    clearTimeout(this.#leaseEnd);
    const lease = this.#lease;
    if (lease === undefined) return;
    await this.#records.delete(this.#id, lease).catch(() => {});
    await this.#options.store.leases.release(lease).catch(() => {});
  }

  /** Whether its lease has ended, by its own clock. */
  get #isOverdue(): boolean {
    return performance.now() - this.#renewedAt >= this.#leaseMs;
  }

  get #beatMs(): number {
    return this.#leaseMs / BEATS;
  }

  /** One at a time: a slow store gets no pile of them. */
  #beat(): void {
    const now = performance.now();
    // It hung, or was stopped: what was asked before has run out of time by now, and says nothing about the store.
    if (now - this.#beatAt > this.#leaseMs) this.#suspectUntil = now + this.#leaseMs;
    this.#beatAt = now;
    this.#beating ??= this.#renew()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => (this.#beating = undefined));
    owned(
      () => this.#beating,
      () => {},
    );
  }

  async #renew(): Promise<void> {
    await this.#mustBeReachable();
    const asked = performance.now();
    const isHeld = this.#lease !== undefined && (await this.#options.store.leases.renew(this.#lease, this.#leaseMs));
    if (this.#closed) return;
    if (this.#isAway) this.#graceUntil = performance.now() + GRACE_LEASES * this.#leaseMs;
    if (isHeld) this.#renewed(asked);
    else await this.#acquire();
    await this.#write();
    const isBack = this.#isAway || !isHeld || this.#hasLost;
    this.#isAway = false;
    this.#hasLost = false;
    if (isBack) this.#options.onBack?.();
    await this.#look();
  }

  /** @param at when that was asked for, in ms of this process. */
  #renewed(at: number): void {
    this.#renewedAt = at;
    this.#isCut = false;
    clearTimeout(this.#leaseEnd);
    const endsInMs = at + this.#leaseMs - performance.now();
    this.#leaseEnd = unreffed(setTimeout(() => this.#leaseEnded(), endsInMs + LEASE_LATE_MS));
  }

  /** While the store is away for all, each goes on with what it has. Where the others reach it, they go on with what is here. */
  #leaseEnded(): void {
    if (!this.#isAway || this.#isCut || !this.#isOverdue) return;
    const { id } = this;
    for (const node of this.all) {
      if (node.self) continue;
      owned(
        async () => {
          const isGone = await this.#options.isGoneFor(node);
          const isStill = this.#isAway && this.#isOverdue && this.#id === id && !this.#closed;
          if (!isGone || !isStill) return;
          this.#isCut = true;
          this.#becomeAnother();
        },
        () => {},
      );
    }
  }

  /** A node whose port for others is dead must not be taken for alive. */
  async #mustBeReachable(): Promise<void> {
    const late = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    try {
      await Promise.race([
        this.#options.checkReachable(late.signal),
        new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(new Error(`no answer within ${this.#beatMs} ms`)), this.#beatMs);
        }),
      ]);
      this.#isUnreachable = false;
    } catch (cause) {
      await this.#giveUpIfFenced();
      const { url } = this.#options.describe();
      const detail = `this node does not answer at its own peer URL ${url}: ${(cause as Error).message}`;
      throw new SwitchboardError('SWB_NODE_UNREACHABLE', { detail, cause });
    } finally {
      clearTimeout(timer);
      late.abort();
    }
  }

  /** Another node may go on with what is here while no node reaches it, but clients still do. */
  async #giveUpIfFenced(): Promise<void> {
    const holder = await this.#options.store.leases.holder(leaseOf(this.#id));
    // The lease stays: what is written under it until this node joins as another one is refused.
    if (holder !== undefined && holder.owner !== this.#id && !this.#closed) this.#becomeAnother();
  }

  #becomeAnother(): void {
    const { onFenced, emit } = this.#options;
    const former = this.#id;
    onFenced();
    this.#id = newId();
    emit({ type: 'node.fenced', node: former, now: this.#id });
  }

  /**
   * Gets the lease, at the start or after it has ended: while this node hung, or the store was away or lost it. As long as no other node
   * has taken over what was here, it goes on as who it was.
   */
  async #acquire(): Promise<void> {
    const { store } = this.#options;
    const asked = performance.now();
    const acquired = await store.leases.acquire(leaseOf(this.#id), this.#id, this.#leaseMs);
    if ('lease' in acquired) {
      this.#lease = acquired.lease;
      this.#renewed(asked);
      return;
    }
    this.#becomeAnother();
    await this.#acquire();
  }

  async #write(): Promise<void> {
    const record = { ...this.#options.describe(), state: this.#state };
    await this.#records.put(this.#id, record, this.#leaseMs, this.#lease);
  }

  /** Who is there, and who is not any more. */
  async #look(): Promise<void> {
    const before = this.#known;
    const asked = performance.now();
    const found = await this.#records.list(MAX_NODES);
    if (this.#closed) return;
    const { isCertain } = this;
    const there = found.flatMap(([id, record]) =>
      (this.#endedAt.get(id) ?? -Infinity) > asked ? [] : [[id, { id, ...record, self: id === this.#id }] as const],
    );
    for (const [id, at] of this.#endedAt) if (asked - at > this.#leaseMs) this.#endedAt.delete(id);
    // One that was met while the list was on its way is not on it.
    const kept = [...this.#known].filter(([id]) => !isCertain || !before.has(id));
    this.#see(new Map([...kept, ...there]));
  }

  #see(known: ReadonlyMap<string, Node>): void {
    const { onLost, emit } = this.#options;
    const former = this.#known;
    this.#known = known;
    for (const node of this.#known.values()) {
      if (!node.self && !former.has(node.id))
        emit({ type: 'node.joined', node: node.id, name: node.name, url: node.url });
    }
    for (const node of former.values()) {
      if (this.#known.has(node.id) || node.self) continue;
      emit({ type: 'node.left', node: node.id, name: node.name });
      onLost(node);
    }
  }

  #failed(thrown: unknown): void {
    const error = asSwitchboardError(thrown);
    const { emit } = this.#options;
    if (error.code === 'SWB_STORE_UNAVAILABLE') {
      // The store itself told. Others are not taken for gone by who cannot see.
      this.#isAway = true;
      this.#leaseEnded();
    } else if (error.code === 'SWB_NODE_UNREACHABLE') {
      // On a busy machine an answer may be late; nothing comes of that before the lease has ended.
      if (!this.#isOverdue) return;
      if (!this.#isUnreachable) emit({ type: 'failed', where: 'peer listener', error });
      this.#isUnreachable = true;
    } else emit({ type: 'failed', where: 'nodes', error });
  }
}

/** The lease of a node. */
export const leaseOf = (id: string): string => `node ${id}`;

/** 72 bits, in letters, digits, dashes and underscores. */
const newId = (): string => randomBytes(9).toString('base64url');

/** Those that a store has now, for who is none of them. @param facts of the store, sealed where others can write to it. */
export async function recordedNodes({ facts }: Pick<SharedStore, 'facts'>): Promise<(NodeRecord & Peer)[]> {
  const records = new Records({ facts, kind: 'node', schema, onNotice() {} });
  return (await records.list(MAX_NODES)).map(([id, record]) => ({ id, ...record }));
}

/**
 * Forgets nodes, for who knows that they have ended: what they had need not wait for the end of their leases.
 *
 * @param name of those that have ended. @default all
 */
export async function forgetNodes(store: SharedStore, name?: string): Promise<void> {
  for (const node of await recordedNodes(store)) {
    const { id } = node;
    if (name !== undefined && node.name !== name) continue;
    const lease = await store.leases.holder(`node ${id}`);
    if (lease?.owner === id) await store.leases.release(lease);
    await store.facts.delete(`node ${id}`);
  }
}
