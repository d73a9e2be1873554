/** Where a person speaks: in a conversation of one's own, or in a room. */
import type { Conversation, Listener, QueuedTurn } from '../conversation/conversation.ts';
import { ChatFailure } from '../failure.ts';
import type { Membership } from '../kept/kept-session.ts';
import type { Guest, Room, Rooms } from '../rooms.ts';

export class Place {
  readonly #guest: Guest;
  readonly #own: Conversation;
  readonly #rooms: Rooms;
  #room: Room | undefined;

  constructor(guest: Guest, own: Conversation, rooms: Rooms) {
    this.#guest = guest;
    this.#own = own;
    this.#rooms = rooms;
    own.listeners.add(guest);
  }

  get conversation(): Conversation {
    return this.#room?.conversation ?? this.#own;
  }

  /** The name of the room, where the person is in one. */
  get room(): string | undefined {
    return this.#room?.name;
  }

  /** The person's place in it, as it is kept. */
  get membership(): Membership | undefined {
    const { name: room, organization } = this.#room ?? {};
    return room === undefined || organization === undefined ? undefined : { organization, room, name: this.name };
  }

  /** What the person is called there. */
  get name(): string {
    return this.#room?.people.get(this.#guest)?.name ?? 'you';
  }

  /** Whether others hear what is said. */
  get isShared(): boolean {
    return (this.#room?.people.size ?? 0) > 1;
  }

  /** Whether the person may clear the conversation: in a room, whoever has been there longest. */
  get isFirst(): boolean {
    return this.#room === undefined || [...this.#room.people.keys()][0] === this.#guest;
  }

  /** Whether nothing was said, and nobody else is there. */
  get isEmpty(): boolean {
    return this.#own.entries.length === 0 && this.#room === undefined;
  }

  /** The turns that somebody waits for: of this person, and of whoever asked in the own conversation. */
  get isBusy(): boolean {
    return this.#own.turns.length > 0 || this.turns.length > 0;
  }

  /** The person's own turns. */
  get turns(): QueuedTurn[] {
    return this.conversation.turns.filter(({ asker }) => asker === this.#guest);
  }

  /** Resolves when nothing runs any more with the person's rights. */
  cancelTurns(): Promise<void> {
    return this.conversation.cancel(({ asker }) => asker === this.#guest);
  }

  /** The own conversation. */
  get own(): Conversation {
    return this.#own;
  }

  /** Forgets what was said in the own conversation. */
  clearOwn(): void {
    this.#own.clear();
  }

  /** @param organization that of the person, where it is proven. @returns the name of the room. @throws {ChatFailure} */
  async join(organization: string | undefined, person: string, name: string): Promise<string> {
    if (this.#room !== undefined) {
      throw new ChatFailure('invalid_message', `You are in ${this.#room.name}; send leave first.`);
    }
    const room = await this.#rooms.join(this.#guest, organization, person, name);
    void this.cancelTurns();
    this.#own.listeners.delete(this.#guest);
    this.#room = room;
    return room.name;
  }

  /** @returns the name of the room. @throws {ChatFailure} `not_found` */
  leave(): string {
    const room = this.#room;
    if (room === undefined) throw new ChatFailure('not_found', 'You are in no room.');
    void this.cancelTurns();
    this.#room = undefined;
    this.#rooms.leave(this.#guest, room);
    this.#own.listeners.add(this.#guest);
    return room.name;
  }

  /** The person is gone for good. @returns resolves when nothing more is said in the own conversation. */
  end(): Promise<void> {
    void this.cancelTurns();
    if (this.#room !== undefined) this.#rooms.leave(this.#guest, this.#room);
    return this.#own.idle;
  }

  setTyping(active: boolean): void {
    const person = this.#room?.people.get(this.#guest);
    if (person === undefined || person.typing === active) return;
    person.typing = active;
    this.broadcastPresence();
  }

  /** Sends a room who is there, and connected. */
  broadcastPresence(): void {
    if (this.#room !== undefined) this.#rooms.broadcastPresence(this.#room);
  }

  /** Tells somebody who comes what was said after an entry, and what is going on. */
  catchUp(listener: Listener, after: number): void {
    const { conversation } = this;
    listener.send({ type: 'history', ...conversation.page({ after }) });
    for (const message of conversation.turns.flatMap((turn) => turn.live)) listener.send(message);
  }
}
