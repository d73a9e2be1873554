/**
 * Keeps one member of a slot running: starts it when somebody first needs it, restarts it after a growing wait when it died, and
 * replaces it when it is worn out.
 */
import { SwitchboardError } from '../protocol/errors.ts';
import type { Era } from '../protocol/eras.ts';
import type { Audience } from '../router/exchange.ts';
import { backoffMs } from '../util/backoff.ts';
import type { LiveMember, LiveMemberOptions } from './live-member.ts';

/** The states of a member. */
export type MemberState = 'starting' | 'ready' | 'failing' | 'retiring';

/** A member as the outside sees it. */
export interface MemberFacts {
  /** Who shares it, as a key that holds no secret. */
  slot: string;
  /** Whether it is starting, ready, failing or being replaced. */
  state: MemberState;
  /** The child process; absent for others. */
  pid?: number;
  /** The name of the node that runs it, where that is another. */
  node?: string;
  /** The era that it speaks; unknown until it is ready. */
  era?: Era;
  /** The protocol version that was agreed. */
  version?: string;
  /** In ms since 1970. */
  startedAt?: number;
  /** How many requests it was sent. */
  requests: number;
  /** How many of them are under way. */
  inFlight: number;
  /** How many members served this place before. */
  restarts: number;
  /** Why the one before ended. */
  lastReason?: string;
  /** Of its whole process tree; absent where that is unknown. */
  memoryBytes?: number;
  /** Processor time that its process tree has used. */
  cpuMs?: number;
}

export interface ReplicaOptions {
  /** Who hears what its member says to all. */
  audience: Audience;
  /** How long one that was replaced may take for what it has begun, in ms. */
  drainMs: number;
  /** @throws {SwitchboardError} while nothing may be started. */
  admit(): void;
  /** Whether a member that is not there cannot be had now. */
  isFailing(): boolean;
  /** @param again whether this replica had a member before. */
  open(replica: Replica, again: boolean, onGone: LiveMemberOptions['onGone']): Promise<LiveMember>;
  /** Runs what no request waits for; a failure is told of. */
  own(where: string, work: () => unknown): void;
  /** Told when a member takes its leave. */
  onRetire(reason: string): void;
}

/** A member that lived this long was well: its death starts the waits from the beginning. */
const STABLE_MS = 60_000;
/** The first wait after a successor could not be started. */
const RENEW_PAUSE_MS = 1000;

export class Replica {
  readonly audience: Audience;
  readonly #options: ReplicaOptions;
  #member: LiveMember | undefined;
  #opening: Promise<LiveMember> | undefined;
  #renewing: Promise<void> | undefined;
  /** Those that were replaced and have not ended, and until when they may; the last one does not retire before its successor is complete. */
  readonly #retiring: Map<LiveMember, number> = new Map();
  /** Why the member is to be replaced between two requests. */
  #leaving: string | undefined;
  #waiting = 0;
  #failures = 0;
  #renewFailures = 0;
  #renewAt = 0;
  #starts = 0;
  #lastReason: string | undefined;
  /** Somebody watches something, and no member could be started for that. */
  #isMissed = false;
  /** How often what was here was given up. */
  #givenUp = 0;
  #closed = false;
  #wakeUp: (() => void) | undefined;

  constructor(options: ReplicaOptions) {
    this.audience = options.audience;
    this.#options = options;
  }

  get member(): LiveMember | undefined {
    return this.#member;
  }

  get isOpening(): boolean {
    return this.#opening !== undefined;
  }

  /** How many requests run here, or wait for the member to start. */
  get load(): number {
    return (this.#member?.inFlight ?? 0) + this.#waiting;
  }

  get members(): LiveMember[] {
    return [...(this.#member === undefined ? [] : [this.#member]), ...this.#retiring.keys()];
  }

  /** What is known about its members, the current one first. */
  facts(slot: string, failing: boolean): MemberFacts[] {
    const common = {
      slot,
      restarts: Math.max(0, this.#starts - 1),
      ...(this.#lastReason !== undefined && { lastReason: this.#lastReason }),
    };
    const living = this.members.map((member) => ({
      ...common,
      state: this.#retiring.has(member) ? ('retiring' as const) : ('ready' as const),
      ...(member.peer.channel.pid !== undefined && { pid: member.peer.channel.pid }),
      ...(member.node !== undefined && { node: member.node }),
      era: member.era,
      version: member.version,
      startedAt: member.health.startedAt,
      requests: member.peer.requests,
      inFlight: member.inFlight,
    }));
    if (this.#member !== undefined || (!this.isOpening && !failing)) return living;
    const state = this.isOpening ? ('starting' as const) : ('failing' as const);
    return [{ ...common, state, requests: 0, inFlight: this.#waiting }, ...living];
  }

  take(): LiveMember | Promise<LiveMember> {
    const member = this.#member;
    if (member !== undefined) {
      member.health.usedAt = Date.now();
      const { worn } = member.health;
      if (worn !== undefined && !this.audience.exclusive) this.#options.own('replacement', () => this.renew(worn));
      return member;
    }
    this.#waiting++;
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening.finally(() => this.#waiting--);
  }

  /**
   * Replaces the member: where several share it, another is started first, and this one ends after what it has begun; one that
   * a client has for itself ends between two requests, and the next request starts another. Never rejects.
   */
  renew(reason: string): Promise<void> {
    // One at another node is replaced there.
    if (this.#member === undefined || this.#member.node !== undefined || this.#closed) return Promise.resolve();
    if (this.audience.exclusive) {
      this.#leaving = reason;
      this.tick();
      return Promise.resolve();
    }
    if (Date.now() < this.#renewAt) return Promise.resolve();
    this.#renewing ??= this.#replace(this.#member, reason).finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }

  /** Does what is due. Called again and again by the pool. */
  tick(): void {
    const now = Date.now();
    for (const [member, until] of this.#retiring)
      if (member.retiring && (member.inFlight === 0 || now >= until)) member.close();
    const member = this.#member;
    if (member === undefined) {
      if (this.#isMissed && !this.isOpening && !this.#options.isFailing()) this.#reviveIfWatched();
      return;
    }
    if (this.audience.exclusive) {
      if (member.health.isTooLarge) this.#leaving ??= member.health.worn;
      if (this.#leaving !== undefined && member.inFlight === 0) this.#part(member, this.#leaving);
      return;
    }
    // The time without use counts from the end of the last request, not from its beginning.
    if (member.inFlight > 0) member.health.usedAt = now;
    const { worn } = member.health;
    if (worn !== undefined) this.#options.own('replacement', () => this.renew(worn));
    else if (member.health.isUnused && !this.#isWatched && this.#waiting === 0)
      this.#part(member, 'nobody used it (memberIdleTimeout)');
  }

  /** The server of this member has forgotten its session: it finishes what it has begun, and the next request starts another. */
  leave(member: LiveMember, reason: string): void {
    if (member !== this.#member) return;
    this.#failures = member.peer.hasAnswered ? 0 : this.#failures + 1;
    this.#member = undefined;
    this.#leaving = undefined;
    this.#lastReason = reason;
    this.#retire(member, reason);
    this.#reviveIfWatched();
  }

  /** Another node has the member now: what is here ends, and the next request finds the other. */
  giveUp(reason: string): void {
    this.#givenUp++;
    const member = this.#member;
    if (member !== undefined) this.#part(member, reason);
    for (const old of this.#retiring.keys()) old.peer.end(reason);
    this.#reviveIfWatched();
  }

  close(): void {
    this.#closed = true;
    this.#wakeUp?.();
    const member = this.#member;
    this.#member = undefined;
    member?.close();
    for (const old of this.#retiring.keys()) old.close();
    this.#retiring.clear();
  }

  /** Whether somebody would miss to hear of a change. */
  get #isWatched(): boolean {
    const [watched] = this.audience.watched;
    return watched !== undefined || [...this.audience.callers].some((caller) => caller.end !== undefined);
  }

  #part(member: LiveMember, reason: string): void {
    this.#leaving = undefined;
    this.#member = undefined;
    this.#lastReason = reason;
    this.#retire(member, reason);
    member.close();
  }

  #retire(member: LiveMember, reason: string): void {
    this.#retiring.set(member, Date.now() + this.#options.drainMs);
    member.retire();
    this.#options.onRetire(reason);
  }

  async #replace(old: LiveMember, reason: string): Promise<void> {
    try {
      this.#options.admit();
      await this.#start({ old, reason });
      this.#renewFailures = 0;
    } catch {
      // The one that is worn still works, which is better than none.
      this.#renewAt = Date.now() + backoffMs(++this.#renewFailures, { firstMs: RENEW_PAUSE_MS });
      return;
    }
    // It may have ended meanwhile, or retired for another reason.
    if (!this.#retiring.has(old) || old.retiring) return;
    this.#retire(old, reason);
    this.tick();
  }

  async #open(): Promise<LiveMember> {
    this.#options.admit();
    await this.#backOff();
    return this.#start();
  }

  /**
   * @param replaced the member to replace, and why. It keeps its place until its successor is there; this resolves when that has taken up
   * what the audience had.
   */
  async #start(replaced?: { old: LiveMember; reason: string }): Promise<LiveMember> {
    if (this.#closed) throw new SwitchboardError('SWB_SHUTTING_DOWN');
    const startedAt = Date.now();
    const again = this.#starts > 0;
    const givenUp = this.#givenUp;
    let endedBy = undefined as string | undefined;
    let member: LiveMember;
    try {
      member = await this.#options.open(this, again, (gone, reason) => {
        endedBy = reason;
        if (!this.#retiring.delete(gone) && gone === this.#member) this.#lost(startedAt, reason);
      });
      // One that ended while it was made takes no place.
      if (replaced !== undefined && endedBy !== undefined)
        throw new SwitchboardError('SWB_UPSTREAM_EXITED', { detail: endedBy });
    } catch (error) {
      this.#lastReason = (error as Error).message;
      this.#failures++;
      throw error;
    }
    this.#starts++;
    if (endedBy !== undefined) {
      this.#lost(startedAt, endedBy);
      return member;
    }
    const old = replaced?.old;
    // The old one may have died meanwhile: the place is free then, unless another is being started for it.
    const isFree = this.#member === old || (this.#member === undefined && this.#opening === undefined);
    if (this.#closed || !isFree || givenUp !== this.#givenUp) {
      // Its end is no crash.
      member.retire();
      member.close();
      return member;
    }
    if (old !== undefined && this.#member === old) this.#retiring.set(old, Infinity);
    this.#member = member;
    this.#isMissed = false;
    for (const caller of this.audience.callers) member.join(caller);
    const restored = again ? this.#restore(member) : undefined;
    // Who waits for the member does not wait for a resource that the server says nothing about.
    if (replaced !== undefined) {
      this.#lastReason = replaced.reason;
      await restored;
    }
    return member;
  }

  /** Never rejects. */
  #restore(member: LiveMember): Promise<void> {
    return new Promise((resolve) => this.#options.own('restore', () => member.restore().finally(resolve)));
  }

  #lost(startedAt: number, reason: string): void {
    this.#member = undefined;
    this.#leaving = undefined;
    this.#lastReason = reason;
    this.#failures = Date.now() - startedAt > STABLE_MS ? 1 : this.#failures + 1;
    this.#reviveIfWatched();
  }

  /** Who watches something asks for nothing, and would never hear again: the member is started without being asked. */
  #reviveIfWatched(): void {
    const [watched] = this.audience.watched;
    if (watched !== undefined && !this.#closed) setImmediate(() => this.#options.own('start', () => this.#revive()));
  }

  #revive(): void {
    if (this.#closed || this.#member !== undefined) return;
    const revived = this.take();
    // What failed is told to the next who asks.
    if (revived instanceof Promise) revived.catch(() => (this.#isMissed = true));
  }

  /** The wait ends early when the replica is closed. */
  async #backOff(): Promise<void> {
    const waitMs = backoffMs(this.#failures);
    if (waitMs === 0 || this.#closed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wakeUp = undefined;
  }
}
