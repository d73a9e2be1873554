/** What a person says to the model: whether it may be asked, and what becomes of it. */
import { estimateTokens } from '../conversation/context.ts';
import { Turn } from '../conversation/turn.ts';
import type { Asker, TurnOptions } from '../conversation/turn.ts';
import { ChatFailure } from '../failure.ts';
import type { Place } from './place.ts';

export interface QueryServices {
  readonly turns: TurnOptions;
  /** The word by which the model is called in a room. */
  readonly mention: string;
  /** Queries that wait, for each connection. */
  readonly maxWaiting: number;
  /** @throws {ChatFailure} `rate_limited`, `token_limit` */
  spend(account: string): void;
  /** Whether a text calls the model. */
  isCalled(text: string): boolean;
}

export class Queries {
  readonly #services: QueryServices;
  readonly #asker: Asker;
  readonly #place: Place;

  constructor(services: QueryServices, asker: Asker, place: Place) {
    this.#services = services;
    this.#asker = asker;
    this.#place = place;
  }

  /**
   * @param id that the client gave.
   * @returns when it is answered; at once, where the others in a room have it and the model was not called.
   * @throws {ChatFailure} `too_many_turns`, `too_long`, `rate_limited`, `token_limit`
   */
  ask(text: string, id: string | undefined): Promise<void> | undefined {
    const { maxWaiting, mention, turns, spend } = this.#services;
    const { conversation, name } = this.#place;
    if (this.#place.turns.length > maxWaiting) {
      throw new ChatFailure('too_many_turns', `${maxWaiting} of your queries wait already`);
    }
    const tokens = estimateTokens(text);
    if (tokens > conversation.maxTokens) {
      const detail = `Your message has about ${tokens} tokens, and the model is given ${conversation.maxTokens} here; send a shorter one.`;
      throw new ChatFailure('too_long', detail);
    }
    spend(this.#asker.account);
    const given = id === undefined ? {} : { id };
    const entry = conversation.add({ kind: 'person', from: name, text, ...given });
    conversation.broadcast({ type: 'said', entry });
    if (!this.isForModel(text)) {
      conversation.remember({ role: 'user', text, from: name });
      const message = `The others have it. Say @${mention} for an answer of the model.`;
      this.#asker.send({ type: 'info', message, event: 'heard' });
      return undefined;
    }
    return conversation.enqueue(new Turn(conversation, this.#asker, { text, ...given }, turns));
  }

  /** Whether the model answers a text, as others in a room may be meant. */
  isForModel(text: string): boolean {
    return !this.#place.isShared || this.#services.isCalled(text);
  }

  /** @throws {ChatFailure} `forbidden` */
  async clear(): Promise<void> {
    if (!this.#place.isFirst) {
      throw new ChatFailure('forbidden', 'Only whoever has been in the room longest can clear it.');
    }
    const { conversation } = this.#place;
    await conversation.cancel(() => true);
    await conversation.idle;
    conversation.clear();
    conversation.broadcast({ type: 'info', message: 'Conversation history cleared.', event: 'cleared' });
  }

  /** @param id of a turn; without one, all of the person. @throws {ChatFailure} `not_found` */
  cancel(id: string | undefined): void {
    const meant = this.#place.turns.filter((turn) => id === undefined || turn.id === id);
    if (id !== undefined && meant.length === 0) {
      throw new ChatFailure('not_found', `No turn of yours has the id ${JSON.stringify(id)}; it may have ended.`);
    }
    for (const turn of meant) turn.cancel();
  }
}
