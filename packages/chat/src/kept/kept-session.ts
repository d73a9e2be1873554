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
  /** Keeps, soon, what is found by the token, in place of what is found by {@link KeptSession.formerTokens}. */
  remember(): void;
  /** Nothing is found by these any more. */
  forget(tokens: readonly string[]): void;
}

export class KeptSession {
  readonly #options: KeptSessionOptions;
  #token = '';
  /** Those before it that the store may have. */
  readonly #former: Set<string> = new Set();
  #room: Membership | undefined;
  /** Whether there is something to come back to. */
  #isWorthIt: boolean;

  constructor(options: KeptSessionOptions, isWorthIt: boolean) {
    this.#options = options;
    this.#isWorthIt = isWorthIt;
  }

  /** The token by which the client comes back; empty once it is another node's. The one before is worth nothing once this one is kept. */
  get token(): string {
    return this.#token;
  }

  set token(token: string) {
    if (this.#token !== '' && this.#isWorthIt) this.#former.add(this.#token);
    this.#token = token;
    this.#remember();
  }

  get formerTokens(): readonly string[] {
    return [...this.#former];
  }

  /** The store does not have these any more. */
  forgot(tokens: readonly string[]): void {
    for (const token of tokens) this.#former.delete(token);
  }

  /** The session goes on at another node, which gives a token of its own. */
  abandon(): void {
    if (this.#token !== '') this.#options.forget([this.#token, ...this.#former]);
    this.#token = '';
  }

  /** Something was said. */
  begin(): void {
    if (this.#isWorthIt) return;
    this.#isWorthIt = true;
    this.#remember();
  }

  get room(): Membership | undefined {
    return this.#room;
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
    if (this.#isWorthIt && this.#token !== '') this.#options.remember();
  }
}
