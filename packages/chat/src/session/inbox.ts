/** What a client sends: read, and handled at once or one after the other. */
import { ChatFailure } from '../failure.ts';
import type { ClientMessage, Resume } from '../protocol/client-messages.ts';
import type { OwnMessage } from '../protocol/own-messages.ts';
import { readMessage } from '../protocol/read.ts';

export interface InboxOptions {
  isV2: boolean;
  /** How many messages may wait. */
  maxWaiting: number;
  /** Whether the program has a handler for messages of a type. */
  isOwn(type: string): boolean;
  /** Handles what need not wait. @returns whether it was that. */
  atOnce(message: ClientMessage): boolean;
  inTurn(message: ClientMessage): void | Promise<void>;
  own(message: OwnMessage): void | Promise<void>;
  /** Only of the first message: only a session that has nothing to lose can become another. */
  resume(message: Resume): Promise<void>;
  /** Tells the client of what these throw. */
  refuse(error: unknown): void;
}

export class Inbox {
  /** When the client last sent something else than a ping. */
  lastActivity: number = Date.now();
  readonly #options: InboxOptions;
  #queue: Promise<void> = Promise.resolve();
  /** What waits, and then what is handled now. */
  readonly #waiting: string[] = [];
  #isClosed = false;
  #heardBefore = false;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  /** Resolves when all that has come until now is taken up. Never rejects. */
  get idle(): Promise<void> {
    return this.#queue;
  }

  /** Never throws. */
  receive(text: string): void {
    if (this.#isClosed) return;
    try {
      this.#take(text);
    } catch (error) {
      this.#options.refuse(error);
    }
  }

  /** The client has come back: what it sends next is not its first message. */
  noteReturn(): void {
    this.lastActivity = Date.now();
    this.#heardBefore = true;
  }

  /** Nothing more is handled. @returns what waits; not what is handled just now. */
  close(): string[] {
    const waiting = this.#isClosed ? [] : this.#waiting.slice(1);
    this.#isClosed = true;
    return waiting;
  }

  #take(text: string): void {
    const { isV2, isOwn, atOnce, inTurn, own, resume } = this.#options;
    const message = readMessage(text, isV2, isOwn);
    if (!('type' in message && message.type === 'ping')) this.lastActivity = Date.now();
    const isFirst = !this.#heardBefore;
    this.#heardBefore = true;
    if ('own' in message) this.#enqueue(text, () => own(message.own));
    else if (message.type === 'resume') {
      if (!isFirst) throw new ChatFailure('invalid_message', 'resume must be the first message');
      this.#enqueue(text, () => resume(message));
    } else if (!atOnce(message)) this.#enqueue(text, () => inTurn(message));
  }

  #enqueue(text: string, run: () => void | Promise<void>): void {
    const { maxWaiting, refuse } = this.#options;
    if (this.#waiting.length > maxWaiting) {
      throw new ChatFailure('too_many_turns', `${maxWaiting} messages wait already; wait for an answer first`);
    }
    this.#waiting.push(text);
    this.#queue = this.#queue
      .then(() => (this.#isClosed ? undefined : run()))
      .catch(refuse)
      .finally(() => this.#waiting.shift());
  }
}
