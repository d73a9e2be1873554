/**
 * One event stream of a legacy session, which may be cut and taken up again: every event has an id, and a client that shows the last
 * one it has seen gets what came after it (MCP 2025-11-25, Transports, "Resumability and Redelivery").
 */
import { dropped } from '../../protocol/dropped.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import { encodeMessage, failure, stringifyMessage } from '../../protocol/jsonrpc.ts';
import type { Message, RpcId } from '../../protocol/jsonrpc.ts';
import type { Entry, Log } from '../../stores/store.ts';
import { owned } from '../../util/owned.ts';
import type { Reply } from './reply.ts';

export interface EventStreamOptions {
  /** How many events are kept. */
  maxEvents: number;
  /** Called when there is an event to be kept. */
  openLog(): Log;
  /** Told how many bytes more are kept, or fewer. */
  onKept(bytes: number): void;
}

/** Text from this size on is kept as bytes, which do not count against the heap. */
const AS_BYTES = 16 * 1024;

export class EventStream {
  /** Unique in its session. */
  readonly id: string;
  readonly #options: EventStreamOptions;
  #log: Log | undefined;
  #kept = 0;
  /** What carries it now. */
  #reply: Reply | undefined;
  /** Whether that has got everything that was kept, so that new events go straight to it. */
  #isLive = true;
  /** The number of the newest event that was sent to anybody. */
  #sent = 0;
  #finished = false;
  /** The newest event that another process had kept, until a client is back that says what it has. */
  #recalledUpTo: number | undefined;
  #expected = 1;
  /** The events that are answers, by their numbers. */
  readonly #answers: Map<number, RpcId> = new Map();

  constructor(id: string, options: EventStreamOptions, reply?: Reply) {
    this.id = id;
    this.#options = options;
    this.#reply = reply;
  }

  /** Goes on with what another process has kept. */
  recall(log: Log): void {
    this.#log = log;
    this.#sent = log.last;
    this.#recalledUpTo = log.last;
    this.#count();
  }

  get isAttached(): boolean {
    return this.#reply !== undefined;
  }

  /** Whether a client could come back for anything: it has been given an event id. */
  get canResume(): boolean {
    return this.#sent > 0 || this.#reply?.isPrimed === true;
  }

  get isFinished(): boolean {
    return this.#finished;
  }

  /** How many bytes are kept for a client that comes back. */
  get kept(): number {
    return this.#kept;
  }

  /** The id of an event that says nothing, from which a client can come back to what follows. */
  get firstEventId(): string {
    return `${this.id}-${this.#sent}`;
  }

  push(message: Message): void {
    const log = (this.#log ??= this.#options.openLog());
    const text = encodeMessage(message);
    const number = log.append(typeof text === 'string' && text.length >= AS_BYTES ? Buffer.from(text) : text);
    if (log.size > this.#options.maxEvents) log.trim(log.last - this.#options.maxEvents);
    if (this.#reply !== undefined && this.#isLive) {
      this.#sent = number;
      this.#reply.pushText(text, `${this.id}-${number}`);
    }
    this.#count();
  }

  /** So many answers are to come; the last one ends the stream. @default 1 */
  expect(answers: number): void {
    this.#expected = answers;
  }

  /** One of the answers is not to come. @returns whether it was the last, and the stream has ended. */
  drop(): boolean {
    if (--this.#expected > 0) return false;
    this.end();
    return true;
  }

  /** Sends an answer, the last one with the end of the stream. */
  finish(message: Message): void {
    if (--this.#expected > 0) {
      this.#pushAnswer(message);
      return;
    }
    this.#finished = true;
    const reply = this.#reply;
    if (reply !== undefined && this.#isLive && !reply.isStreaming) {
      reply.finish(message);
      return;
    }
    this.#pushAnswer(message);
    if (this.#isLive) reply?.end();
  }

  /**
   * Goes on through another reply, after the event of this number; without it, after the last one that was sent. The reply that
   * carried it ends. What is kept is sent as fast as the client reads.
   */
  async attach(reply: Reply, after: number = this.#sent): Promise<void> {
    this.#reply?.replace();
    this.#reply = reply;
    this.#isLive = false;
    const seen = this.#recalledUpTo === undefined ? after : await this.#align(after, this.#recalledUpTo);
    this.#sent = Math.min(seen, this.#log?.last ?? 0);
    reply.stream();
    while (this.#isCarriedBy(reply) && this.#sent < (this.#log?.last ?? 0)) {
      await reply.room();
      if (!this.#isCarriedBy(reply)) return;
      const entries = this.#log?.after(this.#sent) ?? [];
      this.#sendSome(reply, entries instanceof Promise ? await entries : entries);
    }
    if (!this.#isCarriedBy(reply)) return;
    this.#isLive = true;
    if (this.isFinished) reply.end();
  }

  /**
   * A process that was killed had got further than it had written: what came since goes behind what the client has of it.
   *
   * @returns the number after which it goes on.
   */
  async #align(after: number, from: number): Promise<number> {
    const log = this.#log;
    this.#recalledUpTo = undefined;
    if (log === undefined || after <= from) return after;
    const entries = log.after(from);
    const own = entries instanceof Promise ? await entries : entries;
    const answers = [...this.#answers];
    this.#answers.clear();
    log.trim(log.last);
    log.skip(after);
    const goesOnAfter = log.last;
    for (const [n, entry] of own.entries()) {
      const number = log.append(entry);
      const answer = answers.find(([old]) => old === from + n + 1);
      if (answer !== undefined) this.#answers.set(number, answer[1]);
    }
    this.#count();
    return goesOnAfter;
  }

  /** The client has hung up. */
  detach(reply: Reply): void {
    if (this.#reply === reply) this.#reply = undefined;
  }

  /** Gives up the oldest events. @param all or but for the newest. @returns whether there was any. */
  shed(all: boolean): boolean {
    const log = this.#log;
    const count = log === undefined ? 0 : log.size - (all ? 0 : 1);
    if (log === undefined || count <= 0) return false;
    log.trim(this.isFinished ? log.last - (all ? 0 : 1) : log.last - log.size + 1);
    this.#count();
    return true;
  }

  end(): void {
    this.#reply?.end();
    this.#reply = undefined;
    this.#log?.end();
    this.#log = undefined;
    this.#count();
  }

  /** The process ends: what is kept stays for another. */
  leave(): void {
    const log = this.#log;
    this.#log = undefined;
    this.#count();
    if (log !== undefined) owned(() => log.leave(), unwritten);
    this.end();
  }

  /** All of it was sent by another process, so that it ends when its client has got the rest. */
  complete(): void {
    this.#finished = true;
  }

  #pushAnswer(message: Message): void {
    this.push(message);
    if (this.#log !== undefined && 'id' in message && message.id !== undefined) {
      this.#answers.set(this.#log.last, message.id);
    }
  }

  #isCarriedBy(reply: Reply): boolean {
    return this.#reply === reply && !reply.ended;
  }

  /** Nothing here waits, so that nobody keeps what has been given up meanwhile. */
  #sendSome(reply: Reply, entries: readonly Entry[]): void {
    const log = this.#log;
    if (log === undefined || !this.#isCarriedBy(reply)) return;
    const firstKept = log.last - log.size + 1;
    if (firstKept > this.#sent + 1) {
      const answers = [...this.#answers].filter(([number]) => number > this.#sent && number < firstKept);
      const others = firstKept - this.#sent - 1 - answers.length;
      if (others > 0) reply.pushText(stringifyMessage(dropped(others)));
      for (const [number, id] of answers) reply.pushText(stringifyMessage(answerLost(id)), `${this.id}-${number}`);
      this.#sent = firstKept - 1;
      return;
    }
    for (const entry of entries) {
      reply.pushText(entry, `${this.id}-${++this.#sent}`);
      if (!reply.hasRoom) return;
    }
  }

  #count(): void {
    const now = this.#log?.bytes ?? 0;
    const change = now - this.#kept;
    this.#kept = now;
    if (change !== 0) this.#options.onKept(change);
  }
}

/** What could not be written is told as lost to who comes back for it. */
const unwritten = (): void => {};

/** What a client gets that comes back for an answer which was not kept. */
function answerLost(id: RpcId): Message {
  const detail = 'the answer came while the connection was cut, and was too much to be kept (maxReplaySize)';
  return failure(id, new SwitchboardError('SWB_OVERLOADED', { detail }).toRpc());
}
