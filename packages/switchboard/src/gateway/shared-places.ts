/**
 * Connections and sessions of a principal count together at all nodes of a cluster. What a node has of them stands in the store under its
 * lease, so that the places of a node that is gone are free as soon as that has ended.
 */
import type { Identity } from '../auth/identity.ts';
import { tooManySessions } from '../callers/registry.ts';
import type { Conversation } from '../callers/registry.ts';
import type { Counters, Lease, Shares } from '../stores/store.ts';
import { owned } from '../util/owned.ts';

export interface SharedPlacesOptions {
  counters: Counters;
  /** Under which this node writes now. */
  lease(): Lease | undefined;
  /** How many a caller may have at all nodes together; `Infinity` where they are not counted. */
  maxOf(identity: Identity): number;
  /** How many a principal has here. */
  countOf(principal: string): number;
  /** Ends the session of a principal here that was quiet longest. @returns false where none can make room. */
  makeRoom(principal: string): boolean;
  /** Has another node do that, and say so in the store. @param lease its name. Never rejects. */
  makeRoomAt(lease: string, principal: string): Promise<boolean>;
}

/** How long it may be unsaid that there are fewer. */
const SAID_AFTER_MS = 50;
/** How often it is looked whether this node has another lease. */
const LOOK_MS = 1000;
/** How often all is said again, in looks: a third of the time for which the store knows it. */
const LOOKS = 1200;
/** How many principals are said at a time. */
const AT_ONCE = 100;

interface Place {
  /** Places that are about to be taken. */
  reserved: number;
  /** What the store has; undefined where that is not known. */
  said: number | undefined;
}

export class SharedPlaces {
  readonly #options: SharedPlacesOptions;
  readonly #places: Map<string, Place> = new Map();
  readonly #changed: Set<string> = new Set();
  readonly #clock: NodeJS.Timeout;
  #timer: NodeJS.Timeout | undefined;
  #epoch: number | undefined;
  #looks = 0;

  constructor(options: SharedPlacesOptions) {
    this.#options = options;
    this.#clock = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  /** How many principals are counted here. */
  get size(): number {
    return this.#places.size;
  }

  /**
   * Keeps a place for a client that comes. While the store is away each node counts for itself.
   *
   * @returns gives up what was kept; call it once the client has its place, or gets none.
   * @throws {SwitchboardError} `SWB_CONNECTION_LIMIT`
   */
  async reserve(identity: Identity): Promise<() => void> {
    const max = this.#options.maxOf(identity);
    if (max === Infinity) return () => {};
    const { principal } = identity;
    const place = this.#placeOf(principal);
    place.reserved++;
    const settle = (): void => {
      place.reserved--;
      this.#later(principal);
    };
    if (await this.#hasRoom(principal, max)) return settle;
    settle();
    throw tooManySessions(max, principal);
  }

  /** @param isMoved whether it had a place before, here or at another node: it is not refused then. */
  enter(conversation: Conversation, isMoved: boolean): void {
    const { identity, facts } = conversation;
    const max = this.#options.maxOf(identity);
    if (max === Infinity) return;
    const { principal } = identity;
    const place = this.#placeOf(principal);
    const isOwn = facts.transport === 'stdio' || facts.transport === 'memory';
    if (isMoved || isOwn || place.reserved > 0) this.#later(principal);
    else owned(() => this.#confirm(conversation, max), this.#onFault);
  }

  leave({ identity: { principal } }: Conversation): void {
    if (this.#places.has(principal)) this.#later(principal);
  }

  /** Ends one here for a client that comes at another node. Resolves with whether there was one, when the store knows. */
  async giveUp(principal: string): Promise<boolean> {
    if (!this.#options.makeRoom(principal)) return false;
    await this.#say(principal, Infinity);
    return true;
  }

  /** All is to be said again: the store may have lost it. */
  repeat(): void {
    for (const [principal, place] of this.#places) {
      place.said = undefined;
      this.#later(principal);
    }
  }

  close(): void {
    clearInterval(this.#clock);
    clearTimeout(this.#timer);
  }

  /** It is there already: a WebSocket that may have had a place says only in its first message that it has none. */
  async #confirm(conversation: Conversation, max: number): Promise<void> {
    const { principal } = conversation.identity;
    if (await this.#hasRoom(principal, max)) return;
    conversation.close('overloaded', tooManySessions(max, principal).message);
  }

  async #hasRoom(principal: string, max: number): Promise<boolean> {
    const { makeRoom, makeRoomAt } = this.#options;
    const found = await this.#say(principal, max);
    if (found === undefined || found.isTaken) return true;
    const here = [async () => makeRoom(principal)];
    const byMost = Object.entries(found.others).toSorted(([, one], [, other]) => other - one);
    const elsewhere = byMost.map(
      ([lease]) =>
        () =>
          makeRoomAt(lease, principal),
    );
    for (const make of [...here, ...elsewhere]) {
      if (!(await make())) continue;
      const said = await this.#say(principal, max);
      if (said === undefined || said.isTaken) return true;
    }
    return false;
  }

  /** @returns nothing where nobody can be told now. */
  async #say(principal: string, max: number): Promise<Shares | undefined> {
    const { counters, lease, countOf } = this.#options;
    const under = lease();
    if (under === undefined) return undefined;
    const place = this.#placeOf(principal);
    const count = countOf(principal) + place.reserved;
    try {
      const shares = await counters.share(`sessions ${principal}`, count, max, under);
      if (shares.isTaken) place.said = count;
      if (count === 0 && place.reserved === 0 && countOf(principal) === 0) this.#places.delete(principal);
      const all = Object.values(shares.others).reduce((sum, each) => sum + each, count);
      // Where that is not why it was refused, this node has lost its lease, and gets another in a moment.
      return shares.isTaken || all > max ? shares : undefined;
    } catch {
      place.said = undefined;
      return undefined;
    }
  }

  #placeOf(principal: string): Place {
    const known = this.#places.get(principal);
    if (known !== undefined) return known;
    const place = { reserved: 0, said: undefined };
    this.#places.set(principal, place);
    return place;
  }

  #later(principal: string): void {
    this.#changed.add(principal);
    this.#timer ??= setTimeout(() => owned(() => this.#sayChanged(), this.#onFault), SAID_AFTER_MS).unref();
  }

  async #sayChanged(): Promise<void> {
    const changed = [...this.#changed];
    this.#changed.clear();
    this.#timer = undefined;
    for (let at = 0; at < changed.length; at += AT_ONCE) {
      await Promise.all(changed.slice(at, at + AT_ONCE).map((principal) => this.#sayIfOther(principal)));
    }
  }

  async #sayIfOther(principal: string): Promise<void> {
    const place = this.#places.get(principal);
    if (place === undefined) return;
    const count = this.#options.countOf(principal) + place.reserved;
    if (count !== place.said) await this.#say(principal, Infinity);
  }

  #look(): void {
    const lease = this.#options.lease();
    if (lease?.epoch === this.#epoch && ++this.#looks < LOOKS) return;
    this.#epoch = lease?.epoch;
    this.#looks = 0;
    this.repeat();
  }

  /** What could not be said is said again with the next change. */
  readonly #onFault = (): void => {};
}
