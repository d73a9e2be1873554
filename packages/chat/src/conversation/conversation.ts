/** One conversation: what was said in it, for people and for the model, who hears it, and whose turn it is. */
import type { Archive } from '../kept/kept-log.ts';
import type { PromptMessage } from '../models/model.ts';
import type { Entry } from '../protocol/history.ts';
import type { ServerMessage } from '../protocol/server-messages.ts';
import { ToolSelection } from '../tools/selection.ts';
import { fitContext } from './context.ts';
import { promptOf } from './prompt.ts';

/** Somebody who hears what happens in a conversation. */
export interface Listener {
  send(message: ServerMessage): void;
}

/** What the model does for somebody, one after the other. */
export interface QueuedTurn {
  readonly id: string;
  /** Whoever asked. */
  readonly asker: Listener;
  /** What somebody needs to hear who comes while it runs. */
  readonly live: ServerMessage[];
  /** Resolves when it does nothing for its asker. */
  readonly settled: Promise<unknown>;
  cancel(): void;
  /** Never rejects. */
  run(): Promise<void>;
}

type Without<Type, Key extends PropertyKey> = Type extends unknown ? Omit<Type, Key> : never;
export type NewEntry = Without<Entry, 'seq' | 'at'>;

export interface ConversationOptions {
  /** Whether several people are in it, so that the model is told who says what. @default false */
  shared?: boolean;
  maxContextTokens: number;
  archive?: Archive;
  /** What was kept of it. @default nothing */
  entries?: readonly Entry[];
  /** How far it had counted. @default as far as its entries */
  seq?: number;
}

/** How much of a conversation is kept for people. */
const MAX_ENTRIES = 1000;
const MAX_CHARACTERS: number = 16 * 1024 * 1024;
/** By how much of its text a shortened question is known, in characters. */
const RECOGNIZED = 40;
/** A model that cannot read so much is of no use. */
const LEAST_TOKENS = 500;
/** How much of it is sent at once. */
export const PAGE = 100;
const PAGE_CHARACTERS: number = 8 * 1024 * 1024;

export class Conversation {
  readonly listeners: Set<Listener> = new Set();
  readonly shared: boolean;
  readonly #options: ConversationOptions;
  #entries: Entry[] = [];
  #messages: PromptMessage[] = [];
  #characters = 0;
  #seq = 0;
  /** The first one runs. */
  readonly #turns: QueuedTurn[] = [];
  #running: Promise<void> = Promise.resolve();
  /** The most that the model is given, in tokens: less than the limit once it has said that this was too much. */
  #maxTokens: number;
  #selection: ToolSelection;

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.#maxTokens = options.maxContextTokens;
    this.shared = options.shared ?? false;
    for (const entry of options.entries ?? []) this.#keep(entry);
    this.#seq = Math.max(this.#seq, options.seq ?? 0);
    this.#messages = promptOf(this.#entries, this.shared);
    this.#selection = new ToolSelection(this.#messages);
  }

  /** Which tools the model is offered, where there are many. */
  get selection(): ToolSelection {
    return this.#selection;
  }

  /** How far it has counted. */
  get seq(): number {
    return this.#seq;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** What the model is given. */
  get messages(): readonly PromptMessage[] {
    return this.#messages;
  }

  /** The turns that run or wait. */
  get turns(): readonly QueuedTurn[] {
    return this.#turns;
  }

  /** Resolves when no turn runs or waits. */
  get idle(): Promise<void> {
    return this.#running;
  }

  /** Sends a message to everybody who listens. */
  broadcast(message: ServerMessage, except?: Listener): void {
    for (const listener of this.listeners) if (listener !== except) listener.send(message);
  }

  add<New extends NewEntry>(entry: New): New & { seq: number; at: string } {
    const added = { ...entry, seq: this.#seq + 1, at: new Date().toISOString() };
    this.#keep(added);
    this.#options.archive?.add(added);
    return added;
  }

  /** The model begins to answer: where that is kept, it is known later that it did not come to its end. */
  begin(turn: string): void {
    this.#options.archive?.begin(turn);
  }

  /** Adds what the model shall know: of calls and their results always both at once. */
  remember(...messages: readonly PromptMessage[]): void {
    this.#messages = fitContext([...this.#messages, ...messages], this.#maxTokens);
  }

  /** Takes back a question, also where it was shortened, as if it had not been asked: the next one must not fail for it again. */
  retract({ from, text }: PromptMessage & { role: 'user' }): void {
    const beginning = text.slice(0, RECOGNIZED);
    const at = this.#messages.findLastIndex(
      (each) => each.role === 'user' && each.from === from && each.text.startsWith(beginning),
    );
    if (at !== -1) this.#messages = this.#messages.toSpliced(at, 1);
  }

  /** The most that the model is given of the messages, in tokens. */
  get maxTokens(): number {
    return this.#maxTokens;
  }

  /** From now on the model is given so much at most, in tokens. */
  shrink(maxTokens: number): void {
    this.#maxTokens = Math.max(LEAST_TOKENS, Math.min(this.#maxTokens, maxTokens));
    this.#messages = fitContext(this.#messages, this.#maxTokens);
  }

  /** Lets a turn run when those before it have ended. */
  enqueue(turn: QueuedTurn): Promise<void> {
    this.#turns.push(turn);
    this.#running = this.#running
      .then(() => turn.run())
      .finally(() => {
        this.#turns.splice(this.#turns.indexOf(turn), 1);
      });
    return this.#running;
  }

  /** Stops the turns of one person; resolves when nothing runs any more with that person's rights. */
  async cancel(isMeant: (turn: QueuedTurn) => boolean): Promise<void> {
    const meant = this.#turns.filter(isMeant);
    for (const turn of meant) turn.cancel();
    await Promise.all(meant.map((turn) => turn.settled));
  }

  /** Forgets everything but how far it had counted. */
  clear(): void {
    this.#entries = [];
    this.#messages = [];
    this.#characters = 0;
    this.#selection = new ToolSelection();
    this.#options.archive?.clear(this.#seq);
  }

  /** The entries after a number, or the newest before one. */
  page({ after = 0, before = Infinity, limit = PAGE }: { after?: number; before?: number; limit?: number }): {
    entries: Entry[];
    more: boolean;
  } {
    const wanted = this.#entries.filter(({ seq }) => seq > after && seq < before);
    const entries: Entry[] = [];
    let left = PAGE_CHARACTERS;
    for (const entry of wanted.toReversed()) {
      left -= sizeOf(entry);
      if (entries.length >= limit || (left < 0 && entries.length > 0)) break;
      entries.unshift(entry);
    }
    return { entries, more: entries.length < wanted.length };
  }

  #keep(entry: Entry): void {
    this.#seq = entry.seq;
    this.#entries.push(entry);
    this.#characters += sizeOf(entry);
    while (this.#entries.length > MAX_ENTRIES || (this.#characters > MAX_CHARACTERS && this.#entries.length > 1)) {
      this.#characters -= sizeOf(this.#entries.shift()!);
    }
  }
}

function sizeOf(entry: Entry): number {
  const images = entry.kind === 'tool' ? (entry.images ?? []) : [];
  return images.reduce((all, { data }) => all + data.length, entry.text.length + 200);
}
