/** Conversations that several people share with the model. */
import { randomBytes } from 'node:crypto';

import { Conversation } from './conversation/conversation.ts';
import type { Listener } from './conversation/conversation.ts';
import { ChatFailure } from './failure.ts';
import type { OpenRoom, Retention } from './kept/retention.ts';
import { lookOf, nameProblem } from './people/names.ts';

/** Somebody who can be in a room. */
export interface Guest extends Listener {
  /** Of the session. */
  readonly id: string;
  readonly isConnected: boolean;
  readonly isEnded: boolean;
}

export interface Room {
  readonly name: string;
  readonly organization: string;
  readonly conversation: Conversation;
  /** In the order in which they came. */
  readonly people: Map<Guest, { name: string; typing: boolean }>;
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
}

const NOT_PROVEN =
  'Rooms are for people of one organization, and nothing here proves yours: whoever runs this chat must set a probe.';

export class Rooms {
  readonly #options: RoomOptions;
  readonly #rooms: Map<string, Room> = new Map();
  readonly #opening: Map<string, Promise<Room>> = new Map();
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
   * @param room its name; without one, a name that nobody can guess.
   * @throws {ChatFailure} `full`, `forbidden`
   */
  async join(
    guest: Guest,
    organization: string | undefined,
    name: string,
    room: string = randomBytes(12).toString('base64url'),
  ): Promise<Room> {
    const { maxPeople, mention } = this.#options;
    if (organization === undefined) throw new ChatFailure('forbidden', NOT_PROVEN);
    const problem = nameProblem(name, mention);
    if (problem !== undefined) throw new ChatFailure('forbidden', `${name} cannot be a name here: ${problem}.`);
    const key = `${organization}/${room}`;
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

  /** Keeps what is kept for as long as it is used. */
  refresh(): void {
    for (const room of this.#rooms.values()) this.#save(room);
  }

  /** The process ends: what is kept stays as it is now, with those who are there. */
  close(): void {
    this.refresh();
    this.#isClosed = true;
    for (const room of this.#rooms.values()) room.kept?.leave();
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
    const { maxContextTokens, retention, resumeWindowMs } = this.#options;
    const kept = await retention()?.room(organization, name);
    const conversation = new Conversation({
      shared: true,
      maxContextTokens,
      ...(kept !== undefined && { archive: kept.archive, entries: kept.entries, seq: kept.seq }),
    });
    const room: Room = { name, organization, conversation, people: new Map(), kept };
    const absent = (kept?.people ?? []).map(({ session: id, name: called }): Guest => {
      const guest = { id, isConnected: false, isEnded: false, send() {} };
      room.people.set(guest, { name: called, typing: false });
      return guest;
    });
    if (absent.length > 0) {
      setTimeout(() => {
        for (const guest of absent) this.leave(guest, room);
      }, resumeWindowMs).unref();
    }
    return room;
  }

  #endIfEmpty(room: Room): void {
    const key = `${room.organization}/${room.name}`;
    if (room.people.size > 0 || this.#rooms.get(key) !== room) return;
    this.#rooms.delete(key);
    if (this.#isClosed) return;
    // What was under way with the rights of the last one who left ends in it.
    room.kept?.leave(room.conversation.idle);
  }
}
