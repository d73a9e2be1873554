/**
 * One event stream of a legacy session, which may be cut and taken up again: every event has an id, and a client that shows the last
 * one it has seen gets what came after it (MCP 2025-11-25, Transports, "Resumability and Redelivery").
 */
import { dropped } from '../../protocol/dropped.ts';
import { stringifyMessage } from '../../protocol/jsonrpc.ts';
import type { Message } from '../../protocol/jsonrpc.ts';
import type { Log } from '../../stores/store.ts';
import type { Reply } from './reply.ts';

export interface EventStreamLimits {
  /** How many events are kept. */
  maxEvents: number;
  /** How many bytes of them. */
  maxBytes: number;
}

export class EventStream {
  /** Unique in its session. */
  readonly id: string;
  readonly #limits: EventStreamLimits;
  readonly #openLog: () => Log;
  #log: Log | undefined;
  #reply: Reply | undefined;
  /** The number of the newest event that was sent to anybody. */
  #sent = 0;
  #finished = false;
  #expected = 1;

  /** @param openLog called when there is an event to be kept. */
  constructor(id: string, limits: EventStreamLimits, openLog: () => Log, reply?: Reply) {
    this.id = id;
    this.#limits = limits;
    this.#openLog = openLog;
    this.#reply = reply;
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

  push(message: Message): void {
    const log = (this.#log ??= this.#openLog());
    const text = stringifyMessage(message);
    const number = log.append(text);
    const { maxEvents, maxBytes } = this.#limits;
    while (log.size > maxEvents || (log.bytes > maxBytes && log.size > 1)) log.trim(log.last - log.size + 1);
    if (this.#reply === undefined) return;
    this.#sent = number;
    this.#reply.pushText(text, `${this.id}-${number}`);
  }

  /** So many answers are to come; the last one ends the stream. @default 1 */
  expect(answers: number): void {
    this.#expected = answers;
  }

  /** One of the answers is not to come. */
  drop(): void {
    if (--this.#expected <= 0) this.end();
  }

  /** Sends an answer, the last one with the end of the stream. */
  finish(message: Message): void {
    if (--this.#expected > 0) {
      this.push(message);
      return;
    }
    this.#finished = true;
    const reply = this.#reply;
    if (reply !== undefined && !reply.isStreaming) {
      reply.finish(message);
      return;
    }
    this.push(message);
    reply?.end();
  }

  /** Goes on through another reply, after the event of this number; without it, after the last one that was sent. */
  async attach(reply: Reply, after: number = this.#sent): Promise<void> {
    this.#reply?.end();
    this.#reply = undefined;
    reply.stream();
    this.#sent = Math.min(after, this.#log?.last ?? 0);
    await this.#catchUp(reply);
    if (reply.ended) return;
    if (this.#finished) reply.end();
    else this.#reply = reply;
  }

  /** The client has hung up. */
  detach(reply: Reply): void {
    if (this.#reply === reply) this.#reply = undefined;
  }

  end(): void {
    this.#reply?.end();
    this.#reply = undefined;
    this.#log?.end();
    this.#log = undefined;
  }

  async #catchUp(reply: Reply): Promise<void> {
    const log = this.#log;
    if (log === undefined) return;
    const lost = log.last - log.size - this.#sent;
    if (lost > 0) {
      reply.pushText(stringifyMessage(dropped(lost)));
      this.#sent += lost;
    }
    // More may come while a store that is elsewhere answers.
    while (this.#sent < log.last && !reply.ended) {
      const entries = log.after(this.#sent);
      for (const entry of entries instanceof Promise ? await entries : entries) {
        this.#sent++;
        const text = typeof entry === 'string' ? entry : Buffer.from(entry).toString('utf8');
        reply.pushText(text, `${this.id}-${this.#sent}`);
      }
    }
  }
}
