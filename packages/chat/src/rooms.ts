/** Conversations that several people share with the model. */
import { randomBytes } from 'node:crypto';

import { Conversation } from './conversation/conversation.ts';
import type { Listener } from './conversation/conversation.ts';
import { ChatFailure } from './failure.ts';
import { lookOf, nameProblem } from './people/names.ts';

/** Somebody who can be in a room. */
export interface Guest extends Listener {
  readonly isConnected: boolean;
}

export interface Room {
  readonly name: string;
  readonly organization: string;
  readonly conversation: Conversation;
  /** In the order in which they came. */
  readonly people: Map<Guest, { name: string; typing: boolean }>;
}

export interface RoomOptions {
  /** The word by which the model is called. */
  mention: string;
  maxRooms: number;
  maxPeople: number;
  maxContextTokens: number;
}

const NOT_PROVEN =
  'Rooms are for people of one organization, and nothing here proves yours: whoever runs this chat must set a probe.';

export class Rooms {
  readonly #options: RoomOptions;
  readonly #rooms: Map<string, Room> = new Map();

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#rooms.size;
  }

  /**
   * @param organization that of the guest, where it is proven.
   * @param room its name; without one, a name that nobody can guess.
   * @throws {ChatFailure} `full`, `forbidden`
   */
  join(
    guest: Guest,
    organization: string | undefined,
    name: string,
    room: string = randomBytes(12).toString('base64url'),
  ): Room {
    const { maxPeople, mention } = this.#options;
    if (organization === undefined) throw new ChatFailure('forbidden', NOT_PROVEN);
    const problem = nameProblem(name, mention);
    if (problem !== undefined) throw new ChatFailure('forbidden', `${name} cannot be a name here: ${problem}.`);
    const key = `${organization}/${room}`;
    const found = this.#rooms.get(key) ?? this.#make(organization, room, key);
    if (found.people.size >= maxPeople) throw new ChatFailure('full', `The room has ${maxPeople} people, the limit.`);
    const look = lookOf(name);
    const taken = [...found.people.values()].find((person) => lookOf(person.name) === look);
    if (taken !== undefined) {
      throw new ChatFailure(
        'forbidden',
        `${taken.name} is in the room already, and ${name} looks like it; take another name.`,
      );
    }
    found.people.set(guest, { name, typing: false });
    found.conversation.listeners.add(guest);
    return found;
  }

  leave(guest: Guest, room: Room): void {
    room.people.delete(guest);
    room.conversation.listeners.delete(guest);
    if (room.people.size > 0) this.broadcastPresence(room);
    else this.#rooms.delete(`${room.organization}/${room.name}`);
  }

  broadcastPresence(room: Room): void {
    const people = [...room.people].map(([guest, { name, typing }]) => ({
      name,
      typing,
      connected: guest.isConnected,
    }));
    room.conversation.broadcast({ type: 'presence', room: room.name, people });
  }

  /** People of different organizations have rooms of their own, also where they have the same name. */
  #make(organization: string, name: string, key: string): Room {
    const { maxRooms, maxContextTokens } = this.#options;
    if (this.#rooms.size >= maxRooms) throw new ChatFailure('full', `There are ${maxRooms} rooms, the limit.`);
    const conversation = new Conversation({ shared: true, maxContextTokens });
    const room = { name, organization, conversation, people: new Map() };
    this.#rooms.set(key, room);
    return room;
  }
}
