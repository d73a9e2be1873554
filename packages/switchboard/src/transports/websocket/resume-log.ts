/**
 * One side's memory of a conversation that may be cut and taken up again: how many messages it has received, and which of those it
 * sent the other side has not confirmed. Numbers are implicit, both sides count from the first message (PROTOCOL.md, "Resume").
 */
import type { Entry, Log } from '../../stores/store.ts';

export class ResumeLog {
  readonly #log: Log;
  #received = 0;
  #confirmed = 0;

  /** @param received how many had arrived when another process left it. */
  constructor(log: Log, received = 0) {
    this.#log = log;
    this.#received = received;
    this.#confirmed = log.last - log.size;
  }

  /** How many messages were sent. */
  get sent(): number {
    return this.#log.last;
  }

  /** How many the other side has not confirmed. */
  get size(): number {
    return this.#log.size;
  }

  /** How many messages of the other side have arrived. */
  get received(): number {
    return this.#received;
  }

  /** How many bytes the other side has not confirmed. */
  get bytes(): number {
    return this.#log.bytes;
  }

  countReceived(): void {
    this.#received++;
  }

  /** Keeps a message until it is confirmed. */
  keep(message: Entry): void {
    this.#log.append(message);
  }

  /**
   * The other side has received this many.
   *
   * @returns whether that can be true: not fewer than it said before, not more than were sent.
   */
  confirm(received: unknown): boolean {
    if (typeof received !== 'number' || !Number.isSafeInteger(received)) return false;
    if (received < this.#confirmed || received > this.#log.last) return false;
    this.#confirmed = received;
    this.#log.trim(received);
    return true;
  }

  /** What has to be sent again: everything that was not confirmed, in its order. */
  replay(): readonly Entry[] | Promise<readonly Entry[]> {
    return this.#log.after(this.#confirmed);
  }

  end(): void {
    this.#log.end();
  }

  /** Keeps what there is for another process. */
  leave(): Promise<void> {
    return this.#log.leave();
  }
}
