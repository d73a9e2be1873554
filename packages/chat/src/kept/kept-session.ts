/** What is kept of one person's session: its conversation, and for whom it is kept. Never the person's credentials. */
import { z } from 'zod';

/** The place of a person in a room. */
export interface Membership {
  /** Of the person, as it was proven. */
  organization: string;
  room: string;
  /** What the person is called there. */
  name: string;
}

/** What is found by a resume token. */
export interface SessionRecord {
  sessionId: string;
  principal: string;
  /** The room that the person was in. */
  room?: Membership;
}

export const sessionRecord: z.ZodType<SessionRecord> = z.object({
  sessionId: z.string(),
  principal: z.string(),
  room: z.object({ organization: z.string(), room: z.string(), name: z.string() }).exactOptional(),
});

export interface KeptSessionOptions {
  /** Keeps what is found by a token, in place of what is found by an earlier one. */
  remember(token: string, room: Membership | undefined): void;
  forget(token: string): void;
}

export class KeptSession {
  readonly #options: KeptSessionOptions;
  #token = '';
  #room: Membership | undefined;
  /** Whether there is something to come back to. */
  #isWorthIt: boolean;

  constructor(options: KeptSessionOptions, isWorthIt: boolean) {
    this.#options = options;
    this.#isWorthIt = isWorthIt;
  }

  /** The token by which the client comes back; the one before is worth nothing from now on. */
  set token(token: string) {
    if (this.#token !== '') this.#options.forget(this.#token);
    this.#token = token;
    this.#remember();
  }

  /** The session goes on at another node, which gives a token of its own. */
  abandon(): void {
    if (this.#token !== '') this.#options.forget(this.#token);
    this.#token = '';
  }

  /** Something was said. */
  begin(): void {
    if (this.#isWorthIt) return;
    this.#isWorthIt = true;
    this.#remember();
  }

  set room(room: Membership | undefined) {
    this.#room = room;
    this.#isWorthIt ||= room !== undefined;
    this.#remember();
  }

  /** So that it is kept as long as it is used. */
  refresh(): void {
    this.#remember();
  }

  #remember(): void {
    if (this.#isWorthIt && this.#token !== '') this.#options.remember(this.#token, this.#room);
  }
}
