/** What the parts of the catalogue share: its upstreams, the names under which they stand, and what is known of those that are missing. */
import type { Emit } from '../../observe/events.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import type { Member, Slot, Upstream } from '../exchange.ts';
import type { ConcurrencyLimiter } from '../concurrency-limiter.ts';
import type { Kind } from '../view.ts';
import { Apps } from './apps.ts';
import { Links } from './links.ts';
import { Names } from './names.ts';
import { Owners } from './owners.ts';
import { Seal } from './seal.ts';
import type { SealKeys } from './seal.ts';
import { TaskIds } from './task-ids.ts';

/** How many collisions are remembered, so that each is told of once. */
const MAX_COLLISIONS = 1000;
/** How long a member that did not answer in time is waited for less; then one request waits for it in full again. */
const LATE_MS = 60_000;
/** How long an answer of such a member is waited for. */
const LATE_PATIENCE_MS = 250;

export interface CatalogueOptions {
  /** By name, in the order that decides collisions; those that come to it later are served from then on. */
  upstreams: ReadonlyMap<string, Upstream>;
  /** How the catalogue names itself. */
  serverInfo: JsonObject;
  /** How long a list and a handshake wait for one upstream before they do without, in ms. */
  patienceMs: number;
  /** How many requests run at a time. */
  limiter: ConcurrencyLimiter;
  emit: Emit;
  /** What cursors and the ids of tasks are sealed with. @default a key of this process */
  sealKeys?: SealKeys | undefined;
}

export class CatalogueContext {
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly serverInfo: JsonObject;
  readonly patienceMs: number;
  readonly limiter: ConcurrencyLimiter;
  readonly names: Names;
  readonly seal: Seal;
  readonly taskIds: TaskIds;
  readonly owners: Owners = new Owners();
  readonly links: Links;
  readonly apps: Apps;
  readonly #emit: Emit;
  /** The upstreams that failed when they were last asked for, and the slots in which they did. */
  readonly #missing: Set<string> = new Set();
  readonly #troubled: WeakSet<Slot> = new WeakSet();
  /** The methods that a member did not answer in time, and until when it is hardly waited for, in ms since 1970. */
  readonly #late: WeakMap<Member, Map<string, number>> = new WeakMap();
  readonly #collisions: Set<string> = new Set();

  constructor({ upstreams, serverInfo, patienceMs, limiter, emit, sealKeys }: CatalogueOptions) {
    this.seal = new Seal(sealKeys);
    this.taskIds = new TaskIds(this.seal);
    this.upstreams = upstreams;
    this.serverInfo = serverInfo;
    this.patienceMs = patienceMs;
    this.limiter = limiter;
    this.names = new Names(() => upstreams.keys());
    this.links = new Links(upstreams);
    this.apps = new Apps(this.names, this.links);
    this.#emit = emit;
  }

  isMissing(name: string): boolean {
    return this.#missing.has(name);
  }

  /** Whether its slot was without a member when last asked; somebody else's slot of the same upstream may be well. */
  isTroubled(slot: Slot): boolean {
    return this.#troubled.has(slot);
  }

  /** An upstream could not be had, or did not do its part. Told once until it is back. */
  lost(name: string, reason: string, slot?: Slot): void {
    if (slot !== undefined) this.#troubled.add(slot);
    if (this.#missing.has(name)) return;
    this.#missing.add(name);
    this.#emit({ type: 'catalogue.missing', upstream: name, reason });
  }

  found(name: string, slot: Slot, member: Member): void {
    this.#troubled.delete(slot);
    if (!this.#late.has(member)) this.#missing.delete(name);
  }

  /** How long the answer to this method is waited for, in ms: where the last one did not come in time, not for long. */
  patienceFor(member: Member | undefined, method: string): number {
    const until = (member && this.#late.get(member)?.get(method)) ?? 0;
    return Date.now() < until ? Math.min(this.patienceMs, LATE_PATIENCE_MS) : this.patienceMs;
  }

  /** A member did not answer this method in time. */
  late(member: Member, method: string): void {
    const methods = this.#late.get(member) ?? new Map<string, number>();
    // Those that come while it is late already do not put off the next one that waits for it.
    if (Date.now() < (methods.get(method) ?? 0)) return;
    this.#late.set(member, methods.set(method, Date.now() + LATE_MS));
  }

  /** A member answered this method. */
  answered(name: string, slot: Slot, member: Member, method: string): void {
    const methods = this.#late.get(member);
    if (methods?.delete(method) !== true || methods.size > 0) return;
    this.#late.delete(member);
    this.found(name, slot, member);
  }

  /** Something of Switchboard's own failed with an upstream, and nobody waits for it. */
  failed(name: string, error: unknown): void {
    this.#emit({ type: 'failed', where: `catalogue: ${name}`, error });
  }

  /** An entry cannot be reached by its name, as another one is. Told once. */
  collided(kind: Kind, name: string, upstream: string, winner: string): void {
    const key = JSON.stringify([kind, name, upstream]);
    if (this.#collisions.has(key) || this.#collisions.size >= MAX_COLLISIONS) return;
    this.#collisions.add(key);
    this.#emit({ type: 'catalogue.collision', kind, name, upstream, winner });
  }
}
