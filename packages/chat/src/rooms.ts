/** Conversations that several people share with the model. */
import { randomBytes } from 'node:crypto';

import { SwitchboardError } from 'mcp-switchboard';

import { Conversation } from './conversation/conversation.ts';
import type { Listener } from './conversation/conversation.ts';
import { ChatFailure } from './failure.ts';
import type { OpenRoom, Retention } from './kept/retention.ts';
import { Again } from './nodes/again.ts';
import { lookOf, nameProblem } from './people/names.ts';
import type { CloseReason } from './session/link.ts';

/** Somebody who can be in a room. */
export interface Guest extends Listener {
  /** Of the session. */
  readonly id: string;
  readonly isConnected: boolean;
  readonly isEnded: boolean;
  /** Resolves when all that it has said is taken up, and nothing runs for it outside of rooms. */
  readonly idle: Promise<void>;
  end(reason: string, why: CloseReason): void;
}

/** Another node has the room. */
export class Elsewhere extends Error {
  override readonly name = 'Elsewhere';
  readonly node: string;

  constructor(node: string) {
    super(`The node ${node} has the room.`);
    this.node = node;
  }
}

/** Which node has a room: of all that share a store, one. */
export interface RoomOwners {
  /** @param value called when this node has it no longer. @returns another node, or nothing: then it is this one's. */
  find(organization: string, room: string, value: Ownership): Promise<string | undefined>;
  /** Gives it back. Never rejects. */
  release(organization: string, room: string, value: Ownership): Promise<void>;
}

/** What this node has of a room that it owns. */
export interface Ownership {
  giveUp(reason: string): void;
}

export interface Room {
  readonly name: string;
  readonly organization: string;
  readonly conversation: Conversation;
  /** In the order in which they came. */
  readonly people: Map<Guest, { name: string; typing: boolean }>;
  readonly ownership: Ownership;
  /** Where it is kept. */
  readonly kept: OpenRoom | undefined;
}

export interface RoomOptions {
  /** The word by which the model is called. */
  mention: string;
  maxRooms: number;
  maxPeople: number;
  maxContextTokens: number;
  /** How long the place of somebody is kept who was there when the room was last open, in ms. */
  resumeWindowMs: number;
  /** What keeps rooms now. */
  retention(): Retention | undefined;
  /** Where there are several nodes. */
  owners(): RoomOwners | undefined;
}

/** One that nobody can guess. */
export const newRoomName = (): string => randomBytes(12).toString('base64url');

const keyOf = ({ organization, name }: Pick<Room, 'organization' | 'name'>): string => `${organization}/${name}`;

const UNREACHABLE = 'The room cannot be reached just now; try again in a moment.';
const NOT_PROVEN =
  'Rooms are for people of one organization, and nothing here proves yours: whoever runs this chat must set a probe.';

export class Rooms {
  readonly #options: RoomOptions;
  readonly #rooms: Map<string, Room> = new Map();
  readonly #opening: Map<string, Promise<Room>> = new Map();
  /** Those that nobody is in any more, until another node can have them. */
  readonly #ending: Set<Promise<void>> = new Set();
  #isLeaving = false;
  #isClosed = false;

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#rooms.size;
  }

  /**
   * @param organization that of the guest, where it is proven.
   * @param name its own, for the others.
   * @throws {ChatFailure} `full`, `forbidden`, `unavailable`
   * @throws {Elsewhere}
   * @throws {Again} while this node ends, for a room that is not here.
   */
  async join(guest: Guest, organization: string | undefined, name: string, room: string): Promise<Room> {
    const { maxPeople, mention } = this.#options;
    if (organization === undefined) throw new ChatFailure('forbidden', NOT_PROVEN);
    const problem = nameProblem(name, mention);
    if (problem !== undefined) throw new ChatFailure('forbidden', `${name} cannot be a name here: ${problem}.`);
    const key = keyOf({ organization, name: room });
    let found = await this.#open(key, organization, room);
    // It may have ended while this one waited for it.
    while (this.#rooms.get(key) !== found) found = await this.#open(key, organization, room);
    try {
      if (guest.isEnded) throw new ChatFailure('not_found', 'The session has ended.');
      this.#take(guest, name, found, maxPeople);
    } catch (error) {
      this.#endIfEmpty(found);
      throw error;
    }
    found.conversation.listeners.add(guest);
    this.#save(found);
    return found;
  }

  leave(guest: Guest, room: Room): void {
    if (!room.people.delete(guest)) return;
    room.conversation.listeners.delete(guest);
    // Of a room that this node has no longer, the others keep the people as they were.
    if (!this.#isHere(room)) return;
    this.#save(room);
    if (room.people.size > 0) this.broadcastPresence(room);
    else this.#endIfEmpty(room);
  }

  broadcastPresence(room: Room): void {
    const people = [...room.people].map(([guest, { name, typing }]) => ({
      name,
      typing,
      connected: guest.isConnected,
    }));
    room.conversation.broadcast({ type: 'presence', room: room.name, people });
  }

  /** Those that are open. */
  get all(): Room[] {
    return [...this.#rooms.values()];
  }

  /** Opens no room from now on; resolves when none is being opened any more. */
  async opened(): Promise<void> {
    this.#isLeaving = true;
    await Promise.allSettled(this.#opening.values());
  }

  /** Resolves when the rooms that nobody is in any more can be had by another node. Never rejects. */
  async ended(): Promise<void> {
    await Promise.all(this.#ending);
  }

  /** Resolves when nobody in the room waits for an answer to what was said there until now. Never rejects. */
  async idle({ people, conversation }: Room): Promise<void> {
    await Promise.all([...people.keys()].map(({ idle }) => idle));
    await conversation.idle;
  }

  /**
   * Leaves a room to the other nodes, with those who are in it: here they are ended at once. Resolves when another can have it. Never rejects.
   *
   * @param reason for whoever was in it.
   */
  async handOver(room: Room, reason: string): Promise<void> {
    if (!this.#isHere(room)) return;
    this.#rooms.delete(keyOf(room));
    // What is still under way is known as interrupted later.
    const written = room.kept?.leave();
    for (const guest of room.people.keys()) guest.end(reason, 'goingAway');
    await written;
    await this.#options.owners()?.release(room.organization, room.name, room.ownership);
  }

  /** Another node has a room, or may have all of them: nobody is here any more. @param room @default all */
  giveUp(reason: string, ...some: readonly Room[]): void {
    for (const room of some.length > 0 ? some : this.all) {
      if (this.#isHere(room)) this.#rooms.delete(keyOf(room));
      void room.kept?.leave();
      for (const guest of room.people.keys()) guest.end(reason, 'goingAway');
    }
  }

  /** The process ends: what is kept stays as it is now, with those who are there. */
  close(): void {
    this.#isClosed = true;
    for (const room of this.#rooms.values()) void room.kept?.leave();
  }

  #isHere(room: Room): boolean {
    return this.#rooms.get(keyOf(room)) === room;
  }

  #save({ kept, people }: Room): void {
    if (this.#isClosed) return;
    kept?.save([...people].map(([{ id: session }, { name }]) => ({ session, name })));
  }

  /** Whoever was there when the room was last open takes the own place. */
  #take(guest: Guest, name: string, { people }: Room, maxPeople: number): void {
    const was = [...people].find(([each]) => each.id === guest.id && each !== guest);
    const look = lookOf(name);
    const taken = [...people].find(([each, person]) => each !== was?.[0] && lookOf(person.name) === look);
    if (taken !== undefined) {
      throw new ChatFailure(
        'forbidden',
        `${taken[1].name} is in the room already, and ${name} looks like it; take another name.`,
      );
    }
    if (was === undefined && people.size >= maxPeople) {
      throw new ChatFailure('full', `The room has ${maxPeople} people, the limit.`);
    }
    const all = [...people];
    people.clear();
    for (const [each, person] of all) {
      if (each === was?.[0]) people.set(guest, { name, typing: false });
      else people.set(each, person);
    }
    if (was === undefined) people.set(guest, { name, typing: false });
  }

  /** People of different organizations have rooms of their own, also where they have the same name. */
  async #open(key: string, organization: string, name: string): Promise<Room> {
    const { maxRooms } = this.#options;
    const found = this.#rooms.get(key) ?? this.#opening.get(key);
    if (found !== undefined) return found;
    if (this.#isLeaving) throw new Again('the node is shutting down');
    if (this.#rooms.size + this.#opening.size >= maxRooms) {
      throw new ChatFailure('full', `There are ${maxRooms} rooms, the limit.`);
    }
    const opening = this.#make(organization, name);
    this.#opening.set(key, opening);
    try {
      const room = await opening;
      this.#rooms.set(key, room);
      return room;
    } finally {
      this.#opening.delete(key);
    }
  }

  async #make(organization: string, name: string): Promise<Room> {
    const { maxContextTokens, resumeWindowMs } = this.#options;
    let room: Room | undefined;
    let isGivenUp = false;
    const { ownership, kept } = await this.#own(organization, name, (reason) => {
      isGivenUp = true;
      if (room !== undefined) this.giveUp(reason, room);
    });
    // While it was read, another node may have got it.
    if (isGivenUp) {
      void kept?.leave();
      throw new ChatFailure('unavailable', UNREACHABLE);
    }
    const conversation = new Conversation({
      shared: true,
      maxContextTokens,
      ...(kept !== undefined && { archive: kept.archive, entries: kept.entries, seq: kept.seq }),
    });
    const made: Room = { name, organization, conversation, people: new Map(), ownership, kept };
    room = made;
    const absent = (kept?.people ?? []).map(({ session: id, name: called }): Guest => {
      const guest = { id, isConnected: false, isEnded: false, idle: Promise.resolve(), send() {}, end() {} };
      made.people.set(guest, { name: called, typing: false });
      return guest;
    });
    if (absent.length > 0) {
      setTimeout(() => {
        for (const guest of absent) this.leave(guest, made);
      }, resumeWindowMs).unref();
    }
    return made;
  }

  /** @throws {ChatFailure} `unavailable` @throws {Elsewhere} */
  async #own(
    organization: string,
    name: string,
    giveUp: (reason: string) => void,
  ): Promise<{ ownership: Ownership; kept: OpenRoom | undefined }> {
    const owners = this.#options.owners();
    const ownership = { giveUp };
    try {
      const node = await owners?.find(organization, name, ownership);
      if (node !== undefined) throw new Elsewhere(node);
      return { ownership, kept: await this.#options.retention()?.room(organization, name) };
    } catch (error) {
      await owners?.release(organization, name, ownership);
      if (!(error instanceof SwitchboardError)) throw error;
      throw new ChatFailure('unavailable', UNREACHABLE);
    }
  }

  #endIfEmpty(room: Room): void {
    if (room.people.size > 0 || !this.#isHere(room)) return;
    this.#rooms.delete(keyOf(room));
    if (this.#isClosed) return;
    // What was under way with the rights of the last one who left ends in it.
    const ending = this.#release(room).finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  /** What is kept is written before another node may have the room. Never rejects. */
  async #release({ organization, name, conversation, kept, ownership }: Room): Promise<void> {
    await kept?.leave(conversation.idle);
    await this.#options.owners()?.release(organization, name, ownership);
  }
}
