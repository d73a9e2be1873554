/**
 * Where one member sits: started when somebody first needs it, restarted after a growing wait when it died, and replaced
 * by another when it is worn out.
 */
import { SwitchboardError } from '../protocol/errors.ts';
import type { Audience, Member } from '../router/exchange.ts';
import { backoffMs } from '../util/backoff.ts';
import type { Life, MemberFacts } from './life.ts';

export interface Opened {
  life: Life;
  /** Takes up subscriptions of a predecessor. Never rejects. */
  restore(): Promise<void>;
}

export interface ReplicaOptions {
  /** Who hears what its member says to all. */
  audience: Audience;
  /** How long one that was replaced may take for what it has begun, in ms. */
  drainMs: number;
  /** @throws {SwitchboardError} while nothing may be started. */
  admit(): void;
  /** @param again whether this replica had a member before. */
  open(replica: Replica, again: boolean, onGone: (reason: string) => void): Promise<Opened>;
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
  #life: Life | undefined;
  #opening: Promise<Member> | undefined;
  #renewing: Promise<void> | undefined;
  /** Those that were replaced and have not ended, and until when they may. */
  readonly #retiring: Map<Life, number> = new Map();
  /** Why the member is to be replaced between two requests. */
  #leaving: string | undefined;
  #waiting = 0;
  #failures = 0;
  #renewFailures = 0;
  #renewAt = 0;
  #starts = 0;
  #lastReason: string | undefined;
  #closed = false;
  #wakeUp: (() => void) | undefined;

  constructor(options: ReplicaOptions) {
    this.audience = options.audience;
    this.#options = options;
  }

  get life(): Life | undefined {
    return this.#life;
  }

  get member(): Member | undefined {
    return this.#life?.member;
  }

  get isOpening(): boolean {
    return this.#opening !== undefined;
  }

  /** How many requests run here, or wait for the member to start. */
  get load(): number {
    return (this.#life?.member.inFlight ?? 0) + this.#waiting;
  }

  get lives(): Life[] {
    return [...(this.#life === undefined ? [] : [this.#life]), ...this.#retiring.keys()];
  }

  /** What is known about its members, the current one first. */
  facts(slot: string, failing: boolean): MemberFacts[] {
    const common = {
      slot,
      restarts: Math.max(0, this.#starts - 1),
      ...(this.#lastReason !== undefined && { lastReason: this.#lastReason }),
    };
    const living = this.lives.map((life) => ({
      ...common,
      state: this.#retiring.has(life) ? ('retiring' as const) : ('ready' as const),
      ...(life.pid !== undefined && { pid: life.pid }),
      era: life.member.era,
      version: life.member.version,
      startedAt: life.startedAt,
      requests: life.peer.requests,
      inFlight: life.member.inFlight,
    }));
    if (this.#life !== undefined || (!this.isOpening && !failing)) return living;
    const state = this.isOpening ? ('starting' as const) : ('failing' as const);
    return [{ ...common, state, requests: 0, inFlight: this.#waiting }, ...living];
  }

  take(): Member | Promise<Member> {
    const life = this.#life;
    if (life !== undefined) {
      life.usedAt = Date.now();
      const { worn } = life;
      if (worn !== undefined && !this.audience.exclusive) this.#options.own('replacement', () => this.renew(worn));
      return life.member;
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
    if (this.#life === undefined || this.#closed) return Promise.resolve();
    if (this.audience.exclusive) {
      this.#leaving = reason;
      this.tick();
      return Promise.resolve();
    }
    if (Date.now() < this.#renewAt) return Promise.resolve();
    this.#renewing ??= this.#replace(this.#life, reason).finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }

  /** Does what is due. Called again and again by the pool. */
  tick(): void {
    const now = Date.now();
    for (const [life, until] of this.#retiring) if (life.member.inFlight === 0 || now >= until) life.member.close();
    const life = this.#life;
    if (life === undefined) return;
    if (this.audience.exclusive) {
      if (life.isTooLarge) this.#leaving ??= life.worn;
      if (this.#leaving !== undefined && life.member.inFlight === 0) this.#part(life, this.#leaving);
      return;
    }
    const { worn } = life;
    if (worn !== undefined) this.#options.own('replacement', () => this.renew(worn));
    else if (life.isUnused && !this.#isWatched && this.#waiting === 0)
      this.#part(life, 'nobody used it (memberIdleTimeout)');
  }

  /** The server of this member has forgotten its session: it finishes what it has begun, and the next request starts another. */
  leave(life: Life, reason: string): void {
    if (life !== this.#life) return;
    this.#failures = life.peer.hasAnswered ? 0 : this.#failures + 1;
    this.#life = undefined;
    this.#leaving = undefined;
    this.#lastReason = reason;
    this.#retire(life, reason);
    this.#reviveIfWatched();
  }

  close(): void {
    this.#closed = true;
    this.#wakeUp?.();
    const life = this.#life;
    this.#life = undefined;
    life?.member.close();
    for (const old of this.#retiring.keys()) old.member.close();
  }

  /** Whether somebody would miss to hear of a change. */
  get #isWatched(): boolean {
    const [watched] = this.audience.watched;
    return watched !== undefined || [...this.audience.callers].some((caller) => caller.end !== undefined);
  }

  #part(life: Life, reason: string): void {
    this.#leaving = undefined;
    this.#life = undefined;
    this.#lastReason = reason;
    this.#retire(life, reason);
    life.member.close();
  }

  #retire(life: Life, reason: string): void {
    life.retiring = true;
    this.#retiring.set(life, Date.now() + this.#options.drainMs);
    life.member.retire();
    this.#options.onRetire(reason);
  }

  async #replace(old: Life, reason: string): Promise<void> {
    try {
      this.#options.admit();
      await this.#start('replacement', () => {
        this.#lastReason = reason;
        return this.#life === old;
      });
      this.#renewFailures = 0;
    } catch {
      // The one that is worn still works, which is better than none.
      this.#renewAt = Date.now() + backoffMs(++this.#renewFailures, { firstMs: RENEW_PAUSE_MS });
      return;
    }
    if (this.#life === old || old.peer.goneReason !== undefined) return;
    this.#retire(old, reason);
    this.tick();
  }

  async #open(): Promise<Member> {
    this.#options.admit();
    await this.#backOff();
    return this.#start('first', () => true);
  }

  /**
   * @param mode a replacement takes up everything before its predecessor may go.
   * @param wanted whether the new member is to take the place, once it is there.
   */
  async #start(mode: 'first' | 'replacement', wanted: () => boolean): Promise<Member> {
    if (this.#closed) throw new SwitchboardError('SWB_SHUTTING_DOWN');
    const startedAt = Date.now();
    const started: { life?: Life; gone: boolean } = { gone: false };
    const again = this.#starts > 0;
    let opened: Opened;
    try {
      opened = await this.#options.open(this, again, (reason) => {
        started.gone = true;
        if (started.life !== undefined && this.#retiring.delete(started.life)) return;
        this.#lost(started.life, startedAt, reason);
      });
    } catch (error) {
      this.#lastReason = (error as Error).message;
      if (!started.gone) this.#failures++;
      throw error;
    }
    const { life, restore } = opened;
    started.life = life;
    this.#starts++;
    if (this.#closed || !wanted()) life.member.close();
    else if (!started.gone) this.#life = life;
    for (const caller of this.audience.callers) life.member.join(caller);
    const restored = again ? restore() : undefined;
    // Who waits for the member does not wait for a resource that the server says nothing about.
    if (mode === 'replacement') await restored;
    return life.member;
  }

  #lost(life: Life | undefined, startedAt: number, reason: string): void {
    if (life !== undefined && life !== this.#life) return;
    this.#life = undefined;
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
    if (this.#closed || this.#life !== undefined) return;
    const revived = this.take();
    // What failed is told to the next who asks.
    if (revived instanceof Promise) revived.catch(() => {});
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
