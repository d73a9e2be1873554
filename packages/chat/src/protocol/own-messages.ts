/** Messages of a program of one's own, beside those of the protocol. */
import { SwitchboardError } from 'mcp-switchboard';

import { clientTypes } from './client-messages.ts';
import { serverTypes } from './server-messages.ts';

/** A message of your own program, beside those of the chat's protocol. */
export interface OwnMessage {
  /** Its type: none of the chat's protocol. */
  type: string;
  [name: string]: unknown;
}

/** Whoever has sent such a message. */
export interface Sender {
  /** The session's id. */
  readonly session: string;
  /** Who it is, as the host knows it; `anonymous` where it does not. */
  readonly principal: string;
  /** The same for people of the same organization, where that is proven. */
  readonly organization: string | undefined;
  /** Sends a message to this person's client; one that is away does not get it. */
  send(message: OwnMessage): void;
}

/** Takes a message. What it gives is sent back, when it is an object. What it throws is told as an `internal` error with a reference. */
export type MessageHandler = (message: OwnMessage, sender: Sender) => unknown;

export class OwnMessages {
  readonly #handlers: Map<string, MessageHandler> = new Map();

  /** @throws {SwitchboardError} `SWB_CONFIG_INVALID` for a type of the protocol, or one that has a handler. */
  add(type: string, handler: MessageHandler): void {
    const wrong = (what: string): never => {
      throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: `onMessage: ${JSON.stringify(type)} ${what}` });
    };
    if (!/^[A-Za-z][\w./-]{0,63}$/.test(type)) wrong('is no name: expected up to 64 letters, digits and . _ / -');
    if (clientTypes.has(type) || serverTypes.has(type)) wrong('is a message of the chat itself; take another name');
    if (this.#handlers.has(type)) wrong('has a handler already');
    this.#handlers.set(type, handler);
  }

  /** @returns undefined for a type that nobody takes. */
  handlerOf(type: string): MessageHandler | undefined {
    return this.#handlers.get(type);
  }
}
