/** Where the time of a request goes: how far it had come when, noted where the gateway looks at the clock anyway or nearly so. */

/**
 * Moments of a request's way through Switchboard, in ms after it was opened; one that it did not come to, or that is not known, is absent.
 * Of a request that goes to several servers at once only `answered` is known.
 */
export interface RequestTimes {
  /** Its turn had come: no limit on how many run at a time held it back any more. */
  readonly turn?: number | undefined;
  /** There was a server to serve it: one that had to be started, or connected to, was ready. */
  readonly server?: number | undefined;
  /** It was handed to the connection to its server, the first time. */
  readonly sent?: number | undefined;
  /** Its server reported progress for the first time. */
  readonly progress?: number | undefined;
  /** Its outcome was known: the server's answer, or an error of Switchboard. Writing it to the client follows. */
  readonly answered?: number | undefined;
  /**
   * For how long its client was asked something on behalf of this request; a question of a server to a session is about no request. No
   * moment, but a sum.
   */
  readonly asked?: number | undefined;
  /** For how long the answer is kept back behind a progress note that was sent just before it: no moment, but a span after `answered`. */
  readonly held?: number | undefined;
}

/** The {@link RequestTimes} of a request that is under way. */
export class Timeline implements RequestTimes {
  // All are there from the beginning: there is one for each request, and all of one shape.
  turn: number | undefined = undefined;
  server: number | undefined = undefined;
  sent: number | undefined = undefined;
  progress: number | undefined = undefined;
  answered: number | undefined = undefined;
  asked: number | undefined = undefined;
  held: number | undefined = undefined;
  readonly #startedAt: number;
  #questions = 0;
  #askedAt = 0;

  /** @param startedAt when the request was opened, on the clock of `performance.now`. */
  constructor(startedAt: number) {
    this.#startedAt = startedAt;
  }

  /**
   * Notes that it has come so far; only the first time counts.
   *
   * @param at on the clock of `performance.now`. @default now
   */
  note(moment: 'turn' | 'server' | 'sent' | 'progress' | 'answered', at: number = performance.now()): void {
    this[moment] ??= Math.round((at - this.#startedAt) * 1000) / 1000;
  }

  /** As it is now; it does not change any more. */
  get soFar(): RequestTimes {
    const { turn, server, sent, progress, answered, asked, held } = this;
    return { turn, server, sent, progress, answered, asked, held };
  }

  /** Its client is asked something. Of several questions at a time the time counts once. */
  beginQuestion(): void {
    if (this.#questions++ === 0) this.#askedAt = performance.now();
  }

  endQuestion(): void {
    if (this.#questions === 0 || --this.#questions > 0) return;
    this.asked = Math.round((this.asked ?? 0) * 1000 + (performance.now() - this.#askedAt) * 1000) / 1000;
  }

  /** Nothing is asked any more: the request has ended. */
  endQuestions(): void {
    if (this.#questions > 1) this.#questions = 1;
    this.endQuestion();
  }
}
