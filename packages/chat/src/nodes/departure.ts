/**
 * How this node ends without a turn that is lost: each room and each session goes as soon as nobody waits for an answer in it. Whoever was there
 * connects again, and another node finds what is kept, written and free.
 */
import type { Guest, Room, Rooms } from '../rooms.ts';

/** A session that goes. */
export interface Leaver extends Guest {
  /** Whether it goes with the room that it is in. */
  readonly isInRoom: boolean;
  /** Resolves when what was to be kept of it is written, or cannot be; once it has ended. */
  readonly left: Promise<void>;
}

export interface DepartureOptions {
  readonly rooms: Rooms;
  /** Those that there are now. */
  sessions(): Iterable<Leaver>;
}

const LEAVING = 'this process of the chat is shutting down';

export class Departure {
  readonly #options: DepartureOptions;
  /** Sessions that have ended, while what they or their rooms have kept is written. */
  readonly #going: Map<string, Promise<unknown>> = new Map();
  #isUnderWay = false;

  constructor(options: DepartureOptions) {
    this.#options = options;
  }

  /** Whether nobody is let in any more, and nothing is begun. */
  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** Whether a session is on its way out: another node finds it in a moment. */
  isGoing(session: string): boolean {
    return this.#going.has(session);
  }

  /**
   * Resolves when all have gone.
   *
   * @param timeoutMs after so long, in ms, an answer that is under way is interrupted.
   */
  async begin(timeoutMs: number): Promise<void> {
    this.#isUnderWay = true;
    const { rooms, sessions } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, timeoutMs)));
    // Who is still on the way into one is in it then.
    const all = await Promise.race([rooms.opened(), late]).then(() => rooms.all);
    await Promise.all([
      ...all.map((room) => Promise.race([rooms.idle(room), late]).then(() => this.#handOver(room))),
      ...[...sessions()].map((session) =>
        Promise.race([session.idle, late]).then(() => (session.isInRoom ? undefined : this.#end(session))),
      ),
      Promise.race([rooms.ended(), late]),
    ]);
    clearTimeout(timer);
    // Those that came meanwhile, or left their room.
    await Promise.all(rooms.all.map((room) => this.#handOver(room)));
    await Promise.all([...sessions()].map((session) => this.#end(session)));
    await Promise.all(this.#going.values());
  }

  /** A session has ended. */
  note({ id, left }: Leaver): void {
    if (this.#isUnderWay) this.#hold(id, left);
  }

  async #handOver(room: Room): Promise<void> {
    const people = [...room.people.keys()];
    const gone = this.#options.rooms.handOver(room, LEAVING);
    // Elsewhere a session goes back into its room at once.
    for (const { id } of people) this.#hold(id, Promise.all([gone, this.#going.get(id)]));
    await gone;
  }

  async #end(session: Leaver): Promise<void> {
    session.end(LEAVING, 'goingAway');
    await session.left;
  }

  #hold(id: string, going: Promise<unknown>): void {
    this.#going.set(id, going);
    void going.finally(() => {
      if (this.#going.get(id) === going) this.#going.delete(id);
    });
  }
}
