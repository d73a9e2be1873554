/** The server's side of resume: which token belongs to which conversation. */
import { randomBytes } from 'node:crypto';

import { asSwitchboardError } from '../../protocol/errors.ts';
import type { Channel } from '../channel.ts';
import type { WebSocketChannel } from './channel.ts';
import { asControl, control } from './control.ts';
import { ResumableChannel } from './resumable.ts';
import type { ResumeLimits } from './resume-log.ts';

export interface ResumptionsOptions extends ResumeLimits {
  windowMs: number;
  /** How long a new connection may take to say whether it resumes, in ms. */
  firstMessageMs: number;
}

interface Entry {
  channel: ResumableChannel;
  principal: string;
  /** The newest token, and the one before it until the newest was used: a cut between the two must lock nobody out. */
  tokens: string[];
}

export class Resumptions {
  readonly #options: ResumptionsOptions;
  readonly #entries: Map<string, Entry> = new Map();

  constructor(options: ResumptionsOptions) {
    this.#options = options;
  }

  /** How many tokens are good. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Takes a new socket. Its first message tells whether it takes up a conversation of the same principal, or begins one.
   *
   * @param begin is given the channel of a new conversation; what it throws refuses it, and closes the socket with 1013.
   */
  accept(socket: WebSocketChannel, principal: string, begin: (channel: Channel) => void): void {
    let ears: ReturnType<ResumableChannel['ears']> | undefined;
    let patience: NodeJS.Timeout | undefined;
    const wait = (): void => {
      patience = setTimeout(() => socket.close('policy', 'nothing was said'), this.#options.firstMessageMs).unref();
    };
    wait();
    socket.start({
      onMessage: (message) => {
        if (ears !== undefined) {
          ears.onMessage(message);
          return;
        }
        clearTimeout(patience);
        const said = asControl(message);
        if (said?.name === 'resume') {
          ears = this.#resume(socket, principal, said.params);
          if (ears === undefined) wait();
          return;
        }
        ears = this.#begin(socket, principal, begin);
        ears?.onMessage(message);
      },
      onBadMessage: (error) => {
        clearTimeout(patience);
        ears ??= this.#begin(socket, principal, begin);
        ears?.onBadMessage(error);
      },
      onClose: (reason, clean) => {
        clearTimeout(patience);
        ears?.onClose(reason, clean);
      },
    });
  }

  #begin(
    socket: WebSocketChannel,
    principal: string,
    begin: (channel: Channel) => void,
  ): ReturnType<ResumableChannel['ears']> | undefined {
    const { windowMs, maxMessages, maxBytes } = this.#options;
    const channel: ResumableChannel = new ResumableChannel({
      windowMs,
      maxMessages,
      maxBytes,
      onAway: () => {},
      onControl: () => {},
      onEnd: () => {
        for (const token of entry.tokens) this.#entries.delete(token);
      },
    });
    const entry: Entry = { channel, principal, tokens: [] };
    channel.attach(socket);
    try {
      begin(channel);
    } catch (error) {
      channel.close('overloaded', asSwitchboardError(error).message);
      return undefined;
    }
    channel.sendControl('session', { token: this.#newToken(entry), windowMs });
    return channel.ears(socket);
  }

  #resume(
    socket: WebSocketChannel,
    principal: string,
    params: Record<string, unknown>,
  ): ReturnType<ResumableChannel['ears']> | undefined {
    const { token, h } = params;
    const entry = typeof token === 'string' ? this.#entries.get(token) : undefined;
    if (entry === undefined || entry.principal !== principal || entry.channel.ended) {
      socket.send(control('lost', {}));
      return undefined;
    }
    const { channel } = entry;
    channel.attach(socket);
    // The token that was shown stays good beside the new one, those before it do not.
    for (const old of entry.tokens) if (old !== token) this.#entries.delete(old);
    entry.tokens = [String(token)];
    channel.sendControl('resumed', { token: this.#newToken(entry), h: channel.received });
    if (!channel.replay(h)) channel.close('protocol', 'the number of received messages cannot be true');
    return channel.ears(socket);
  }

  #newToken(entry: Entry): string {
    const token = randomBytes(16).toString('base64url');
    entry.tokens.push(token);
    this.#entries.set(token, entry);
    return token;
  }
}
