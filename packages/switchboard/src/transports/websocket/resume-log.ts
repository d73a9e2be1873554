/**
 * One side's memory of a conversation that may be cut and taken up again: how many messages it has received, and which of those it
 * sent the other side has not confirmed. Numbers are implicit, both sides count from the first message (PROTOCOL.md, "Resume").
 */

export interface ResumeLimits {
  /** How many messages are kept for a side that is away. */
  maxMessages: number;
  /** How many bytes of unconfirmed messages are kept at any time. */
  maxBytes: number;
}

type Encoded = string | Buffer;

export class ResumeLog {
  readonly #limits: ResumeLimits;
  #received = 0;
  #confirmed = 0;
  #unconfirmed: Encoded[] = [];
  #bytes = 0;
  #whileAway = 0;

  constructor(limits: ResumeLimits) {
    this.#limits = limits;
  }

  /** How many messages of the other side have arrived. */
  get received(): number {
    return this.#received;
  }

  get unconfirmed(): number {
    return this.#unconfirmed.length;
  }

  countReceived(): void {
    this.#received++;
  }

  /**
   * Keeps a message until it is confirmed.
   *
   * @param away whether the other side is not there to receive it.
   * @returns whether there was room; without it the conversation cannot go on.
   */
  keep(message: Encoded, away: boolean): boolean {
    this.#unconfirmed.push(message);
    this.#bytes += message.length;
    this.#whileAway = away ? this.#whileAway + 1 : 0;
    return this.#whileAway <= this.#limits.maxMessages && this.#bytes <= this.#limits.maxBytes;
  }

  /**
   * The other side has received this many.
   *
   * @returns whether that can be true: not fewer than it said before, not more than were sent.
   */
  confirm(received: unknown): boolean {
    if (typeof received !== 'number' || !Number.isSafeInteger(received)) return false;
    const count = received - this.#confirmed;
    if (count < 0 || count > this.#unconfirmed.length) return false;
    for (const message of this.#unconfirmed.splice(0, count)) this.#bytes -= message.length;
    this.#confirmed = received;
    return true;
  }

  /** What has to be sent again: everything that was not confirmed, in its order. */
  get replay(): readonly Encoded[] {
    return this.#unconfirmed;
  }
}
