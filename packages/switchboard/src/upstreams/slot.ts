/**
 * One slot of an upstream: who shares it, and the member that serves them, started when somebody first needs it and started
 * anew, after a growing wait, when it died.
 */
import type { Era } from '../protocol/eras.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import type { Audience, Caller, Member, Slot } from '../router/exchange.ts';
import { backoffMs } from '../util/backoff.ts';
import type { Introduction } from './handshake.ts';

export interface Opened {
  member: Member;
  /** Takes up subscriptions of a predecessor. */
  restore?(): Promise<void>;
}

export interface SlotOptions {
  upstream: string;
  key: string;
  leased: boolean;
  audience: Audience;
  introduction: Introduction;
  /** The era of whoever came first. */
  era: Era;
  /** How long a slot that nobody holds is kept when it has nothing to do, in ms; 0 closes it when its last holder leaves. */
  lingerMs: number;
  /** @param again whether this slot had a member before. */
  open(slot: MemberSlot, again: boolean, onGone: (reason: string) => void): Promise<Opened>;
  onEmpty(slot: MemberSlot): void;
}

/** A member that lived this long was well: its death starts the waits from the beginning. */
const STABLE_MS = 60_000;

export class MemberSlot implements Slot {
  readonly upstream: string;
  readonly key: string;
  readonly leased: boolean;
  readonly audience: Audience;
  readonly introduction: Introduction;
  readonly era: Era;
  readonly #options: SlotOptions;
  #member: Member | undefined;
  #opening: Promise<Member> | undefined;
  readonly #holders: Set<object> = new Set();
  readonly #leases: Set<object> = new Set();
  #failures = 0;
  #closed = false;
  #opened = false;
  #linger: NodeJS.Timeout | undefined;
  #wakeUp: (() => void) | undefined;

  constructor(options: SlotOptions) {
    this.upstream = options.upstream;
    this.key = options.key;
    this.leased = options.leased;
    this.audience = options.audience;
    this.introduction = options.introduction;
    this.era = options.era;
    this.#options = options;
    if (options.lingerMs > 0) this.#postponeEnd();
  }

  get isFree(): boolean {
    return this.#leases.size === 0;
  }

  /** Whether nobody would miss it. */
  get isIdle(): boolean {
    return this.#holders.size === 0 && (this.#member?.inFlight ?? 0) === 0;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get current(): Member | undefined {
    return this.#member;
  }

  member(): Member | Promise<Member> {
    this.#postponeEnd();
    if (this.#member !== undefined) return this.#member;
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  join(caller: Caller): void {
    this.audience.join(caller);
    this.hold(caller);
    this.#member?.join(caller);
  }

  leave(caller: Caller): void {
    if (this.#member === undefined) this.audience.leave(caller, () => {});
    else this.#member.leave(caller);
    this.release(caller);
  }

  hold(holder: object, lease = false): void {
    this.#holders.add(holder);
    if (lease) this.#leases.add(holder);
    clearTimeout(this.#linger);
  }

  release(holder: object): void {
    this.#leases.delete(holder);
    if (this.#holders.delete(holder)) this.#postponeEnd();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#linger);
    this.#wakeUp?.();
    const member = this.#member;
    this.#member = undefined;
    member?.close();
    for (const caller of this.audience.callers) caller.end?.();
    this.#options.onEmpty(this);
  }

  async #open(): Promise<Member> {
    await this.#backOff();
    if (this.#closed) throw new SwitchboardError('SWB_SHUTTING_DOWN');
    const startedAt = Date.now();
    let gone = false;
    let opened: Opened;
    try {
      opened = await this.#options.open(this, this.#opened, () => {
        gone = true;
        this.#member = undefined;
        this.#failures = Date.now() - startedAt > STABLE_MS ? 1 : this.#failures + 1;
        // Who watches something asks for nothing, and would never hear again: the member is started without being asked.
        const [watched] = this.audience.watched;
        if (watched !== undefined && !this.#closed) setImmediate(() => this.#revive());
      });
    } catch (error) {
      if (!gone) this.#failures++;
      throw error;
    }
    const { member, restore } = opened;
    if (this.#closed) member.close();
    else if (!gone) this.#member = member;
    for (const caller of this.audience.callers) member.join(caller);
    const again = this.#opened;
    this.#opened = true;
    if (again) await restore?.();
    return member;
  }

  #revive(): void {
    if (this.#closed || this.#member !== undefined) return;
    const revived = this.member();
    // What failed is told to the next who asks.
    if (revived instanceof Promise) revived.catch(() => {});
  }

  /** The wait ends early when the slot is closed. */
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

  #endIfIdle(): void {
    if (this.isIdle && this.#opening === undefined) this.close();
    else this.#postponeEnd();
  }

  #postponeEnd(): void {
    clearTimeout(this.#linger);
    if (this.#closed || this.#holders.size > 0) return;
    const { lingerMs } = this.#options;
    if (lingerMs === Infinity) return;
    if (lingerMs === 0) this.close();
    else this.#linger = setTimeout(() => this.#endIfIdle(), lingerMs).unref();
  }
}
