/** An upstream as configured, with the slots that share it and their members. */
import type { Era } from '../protocol/eras.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import type { Emit } from '../observe/events.ts';
import type { Audience, Scope, Slot, Upstream } from '../router/exchange.ts';
import type { Channel } from '../transports/channel.ts';
import { greet, legacyVersionFor } from './handshake.ts';
import type { Greeting, Introduction } from './handshake.ts';
import { LegacyMember } from './legacy.ts';
import { ModernMember } from './modern.ts';
import { MemberSlot } from './slot.ts';
import type { Opened } from './slot.ts';
import { Spares } from './spares.ts';
import { Wire } from './wire.ts';

/**
 * Who may share a member. `session`: nobody, each legacy session (or modern connection) has its own; `principal`: the sessions
 * of one principal; `shared`: everybody.
 */
export type Isolation = 'session' | 'principal' | 'shared';

export interface PoolOptions {
  name: string;
  isolation: Isolation;
  /** How many members are started ahead of need. @default 0 */
  warm?: number;
  /** The only era to speak; found out when absent. */
  era?: Era;
  /** At most so many members at a time. */
  maxMembers: number;
  /** How long a member without anybody is kept, in ms; a `session` member of a legacy session ends with it, a `shared` one stays. */
  lingerMs: number;
  startTimeoutMs: number;
  probeTimeoutMs: number;
  /** How Switchboard names itself to servers that several clients share. */
  clientInfo: JsonObject;
  connect(): Promise<Channel>;
  newAudience(exclusive: boolean): Audience;
  emit: Emit;
}

/** A modern client cannot tell that its roots have changed (MCP 2026-07-28, Changelog). */
function withoutRootsChanges(capabilities: JsonObject): JsonObject {
  return Object.hasOwn(capabilities, 'roots') ? { ...capabilities, roots: {} } : capabilities;
}

/** How long it is believed that a server does not speak an era; it may have been updated since. */
const VERDICT_MS = 3_600_000;

/** Decides who shares a member: two scopes with the same key do. */
export function memberKey(isolation: Isolation, scope: Scope): string {
  if (isolation === 'shared') return 'shared';
  if (isolation === 'principal') return `principal ${scope.principal}`;
  if (scope.era === 'legacy') return `session ${scope.affinity}`;
  // A modern client of its own: and as what a legacy server was told at its start holds for its life, one for each name and set
  // of capabilities that it gives.
  return `modern ${scope.principal} ${scope.affinity} ${JSON.stringify([scope.capabilities, scope.clientInfo])}`;
}

export class Pool implements Upstream {
  readonly name: string;
  readonly #options: PoolOptions;
  readonly #slots: Map<string, MemberSlot> = new Map();
  readonly #spares: Spares;
  /** Everything that was started and has not ended: what `close` waits for. */
  readonly #running: Set<Wire> = new Set();
  readonly #connecting: Set<Promise<Channel>> = new Set();
  /** An era that the server was found not to speak, and when. */
  readonly #silent: Map<Era, number> = new Map();
  #speaksModern = false;
  #onIdle: (() => void) | undefined;
  #closed = false;

  constructor(options: PoolOptions) {
    this.name = options.name;
    this.#options = options;
    this.#spares = new Spares({ count: options.warm ?? 0, start: () => this.#connect('spare') });
    this.#spares.fill();
  }

  /** How many members there are, and slots to have one. */
  get size(): { slots: number; members: number; running: number } {
    const members = [...this.#slots.values()].filter((slot) => slot.current !== undefined).length;
    return { slots: this.#slots.size, members, running: this.#running.size };
  }

  slot(scope: Scope, interactive = false): Slot {
    const { isolation, lingerMs, maxMembers } = this.#options;
    // Strangers behind one address must not be taken for one client: each request has a legacy server for itself while it runs.
    const leased =
      isolation === 'session' && scope.loose === true && scope.principal === 'anonymous' && !this.#speaksModern;
    let key = memberKey(isolation, scope);
    for (let n = 1; ; n++) {
      const known = this.#slots.get(key);
      if (known === undefined) break;
      if (!leased || !interactive || known.isFree) return known;
      key = `${memberKey(isolation, scope)} #${n}`;
    }
    if (this.#closed) throw new SwitchboardError('SWB_SHUTTING_DOWN');
    if (this.#slots.size >= maxMembers) this.#evictIdle();
    if (this.#slots.size >= maxMembers) {
      const detail = `upstream ${this.name} has ${maxMembers} members, the limit; close sessions or raise maxMembers`;
      throw new SwitchboardError('SWB_OVERLOADED', { detail });
    }
    const exclusive = isolation === 'session';
    const slot = new MemberSlot({
      upstream: this.name,
      key,
      leased,
      audience: this.#options.newAudience(exclusive),
      introduction: this.#introduce(scope, exclusive),
      era: scope.era,
      lingerMs: isolation === 'shared' ? Infinity : exclusive && scope.loose !== true ? 0 : lingerMs,
      open: (which, again, onGone) => this.#open(which, again, onGone),
      onEmpty: (which) => this.#slots.delete(which.key),
    });
    this.#slots.set(key, slot);
    return slot;
  }

  /** Ends every member; resolves when the last process is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#spares.close();
    for (const slot of this.#slots.values()) slot.close();
    for (const wire of this.#running) wire.channel.close();
    // What is being started now is ended as soon as it is there.
    await Promise.allSettled(this.#connecting);
    if (this.#running.size > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
  }

  /** What nobody uses makes room for who needs it. */
  #evictIdle(): void {
    for (const slot of this.#slots.values()) {
      if (!slot.isIdle) continue;
      slot.close();
      return;
    }
  }

  /** A server that many share is told `capabilities: {}`, so that it asks no question that could not be attributed. */
  #introduce(scope: Scope, exclusive: boolean): Introduction {
    if (!exclusive) return { version: legacyVersionFor(''), capabilities: {}, clientInfo: this.#options.clientInfo };
    const modern = scope.era === 'modern';
    return {
      version: modern ? legacyVersionFor('') : scope.version,
      capabilities: modern ? withoutRootsChanges(scope.capabilities) : scope.capabilities,
      clientInfo: scope.clientInfo ?? this.#options.clientInfo,
    };
  }

  async #open(slot: MemberSlot, again: boolean, onGone: (reason: string) => void): Promise<Opened> {
    const { name, emit } = this.#options;
    const startedAt = performance.now();
    try {
      const { wire, greeting } = await this.#start(slot, again);
      const options = {
        wire,
        hello: greeting.hello,
        audience: slot.audience,
        slot,
        clientInfo: this.#options.clientInfo,
        onGone: (reason: string) => {
          emit({ type: 'member.closed', upstream: name, slot: slot.key, reason, expected: slot.closed });
          onGone(reason);
        },
      };
      const ms = Math.round(performance.now() - startedAt);
      const isLegacy = greeting.era === 'legacy';
      const member = isLegacy ? new LegacyMember(options) : new ModernMember(options);
      const { era, version } = member;
      emit({ type: 'member.ready', upstream: name, slot: slot.key, era, version, ms, again });
      return { member, restore: () => member.restore() };
    } catch (error) {
      emit({ type: 'member.failed', upstream: name, slot: slot.key, reason: (error as Error).message });
      throw error;
    }
  }

  /** Some servers exit when the first message is not the one they know: then a second child is greeted in the other era only. */
  async #start(slot: MemberSlot, again: boolean): Promise<{ wire: Wire; greeting: Greeting }> {
    const eras = this.#erasFor(slot);
    for (const tries of [eras, eras.slice(1)]) {
      const wire = this.#spares.take() ?? (await this.#connect(slot.key));
      const { introduction } = slot;
      const { startTimeoutMs, probeTimeoutMs } = this.#options;
      const announce = again || slot.era === 'modern' || !slot.audience.exclusive;
      try {
        const options = { eras: tries, introduction, announce, startTimeoutMs, probeTimeoutMs };
        const greeting = await greet(wire, options);
        const [first] = tries;
        this.#speaksModern = greeting.era === 'modern';
        if (first !== undefined && first !== greeting.era) this.#silent.set(first, Date.now());
        return { wire, greeting };
      } catch (error) {
        const exitedOnProbe = tries[0] === 'modern' && tries.length > 1 && wire.goneReason !== undefined;
        wire.channel.close();
        if (!exitedOnProbe) throw error;
        this.#silent.set('modern', Date.now());
      }
    }
    throw new SwitchboardError('SWB_UPSTREAM_UNAVAILABLE');
  }

  /** A shared member is best spoken to in the modern era, where every message has its address; others in their caller's. */
  #erasFor(slot: MemberSlot): Era[] {
    if (this.#options.era !== undefined) return [this.#options.era];
    const eras: Era[] = slot.audience.exclusive && slot.era === 'legacy' ? ['legacy', 'modern'] : ['modern', 'legacy'];
    const spoken = eras.filter((era) => Date.now() - (this.#silent.get(era) ?? -Infinity) > VERDICT_MS);
    return spoken.length > 0 ? spoken : eras;
  }

  async #connect(slot: string): Promise<Wire> {
    const { name, emit } = this.#options;
    const connecting = this.#options.connect();
    this.#connecting.add(connecting);
    const channel = await connecting.finally(() => this.#connecting.delete(connecting));
    const { pid } = channel as { pid?: number };
    emit({ type: 'member.started', upstream: name, slot, ...(pid !== undefined && { pid }) });
    const wire: Wire = new Wire(channel, {
      stray: (what) => emit({ type: 'upstream.stray', upstream: name, slot, what }),
      closed: () => {
        this.#running.delete(wire);
        if (this.#running.size === 0) this.#onIdle?.();
      },
    });
    this.#running.add(wire);
    if (this.#closed) {
      channel.close();
      throw new SwitchboardError('SWB_SHUTTING_DOWN');
    }
    return wire;
  }
}
