/** The server's side of resume: which token belongs to which conversation. */
import { randomBytes } from 'node:crypto';

import { asSwitchboardError } from '../../protocol/errors.ts';
import { textOf } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import type { Store } from '../../stores/store.ts';
import { owned } from '../../util/owned.ts';
import type { Channel } from '../channel.ts';
import type { WebSocketChannel, WebSocketHandlers } from './channel.ts';
import { asControl, control } from './control.ts';
import type { OutboxLimits } from './outbox.ts';
import { ResumableChannel } from './resumable.ts';

export interface ResumptionsOptions extends OutboxLimits {
  windowMs: number;
  /** How long a new connection may take to say whether it resumes, in ms. */
  firstMessageMs: number;
  /** Where tokens and unconfirmed messages are kept. */
  store: Store;
}

interface Entry {
  id: string;
  channel: ResumableChannel;
  owner: string;
  /** The newest token, and the one before it until the newest was used: a cut between the two must lock nobody out. */
  tokens: string[];
}

const newToken = (): string => randomBytes(16).toString('base64url');
const keyOf = (token: string): string => `resume ${token}`;

export class Resumptions {
  readonly #options: ResumptionsOptions;
  readonly #entries: Map<string, Entry> = new Map();
  /** Sockets that have not said yet what they want. */
  readonly #silent: Set<WebSocketChannel> = new Set();
  readonly #refresher: NodeJS.Timeout;

  constructor(options: ResumptionsOptions) {
    this.#options = options;
    // A token is good as long as its conversation lives, and a window longer.
    this.#refresher = setInterval(() => {
      for (const entry of this.#entries.values()) for (const token of entry.tokens) this.#keep(entry, token);
    }, options.windowMs).unref();
  }

  /** How many conversations there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** Ends sockets that no conversation knows of. */
  close(): void {
    clearInterval(this.#refresher);
    for (const socket of this.#silent) socket.close('goingAway', 'the server is shutting down');
  }

  /**
   * Takes a new socket. Its first message tells whether it takes up a conversation of the same owner, or begins one.
   *
   * @param then.begin is given the channel of a new conversation; what it throws refuses it, and closes the socket with 1013.
   * @param then.resumed is given the channel of one that was taken up.
   */
  accept(
    socket: WebSocketChannel,
    owner: string,
    { begin, resumed }: { begin(channel: Channel): void; resumed(channel: Channel): void },
  ): void {
    let handlers: WebSocketHandlers | undefined;
    /** What came while the token was looked up. */
    let held: ((handlers: WebSocketHandlers) => void)[] | undefined;
    let patience: NodeJS.Timeout | undefined;
    const wait = (): void => {
      this.#silent.add(socket);
      patience = setTimeout(() => socket.close('policy', 'nothing was said'), this.#options.firstMessageMs).unref();
    };
    const listen = (): void => {
      clearTimeout(patience);
      this.#silent.delete(socket);
    };
    const resume = async (params: JsonObject): Promise<void> => {
      held = [];
      handlers = await this.#resume(socket, owner, params, resumed);
      const waiting = held;
      held = undefined;
      if (handlers === undefined) wait();
      for (const deliver of waiting) heard(deliver);
    };
    const heard = (deliver: (handlers: WebSocketHandlers) => void): void => {
      if (held !== undefined) {
        held.push(deliver);
        return;
      }
      listen();
      handlers ??= this.#begin(socket, owner, begin);
      if (handlers !== undefined) deliver(handlers);
    };
    wait();
    socket.start({
      onMessage: (message) => {
        const said = handlers === undefined && held === undefined ? asControl(message) : undefined;
        if (said?.name !== 'resume') {
          heard((to) => to.onMessage(message));
          return;
        }
        listen();
        owned(
          () => resume(said.params),
          () => socket.close('internal', 'the conversation cannot be taken up'),
        );
      },
      onBatch: (parts) => heard((to) => to.onBatch?.(parts)),
      onBadMessage: (error, foreign) => heard((to) => to.onBadMessage(error, foreign)),
      onPing: () => handlers?.onPing?.(),
      onDrain: () => handlers?.onDrain?.(),
      onClose: (reason, clean, code) => {
        listen();
        if (held !== undefined) held.push((to) => to.onClose(reason, clean, code));
        else handlers?.onClose(reason, clean, code);
      },
    });
  }

  #begin(socket: WebSocketChannel, owner: string, begin: (channel: Channel) => void): WebSocketHandlers | undefined {
    const { windowMs, maxMessages, maxBytes, store } = this.#options;
    const id = newToken();
    const entry: Entry = {
      id,
      owner,
      tokens: [],
      channel: new ResumableChannel({
        windowMs,
        maxMessages,
        maxBytes,
        log: store.log(`conversation ${id}`),
        onAway: () => {},
        onControl: () => {},
        onEnd: () => {
          this.#entries.delete(id);
          this.#forget(entry.tokens);
        },
      }),
    };
    const { channel } = entry;
    channel.attach(socket, false);
    this.#entries.set(id, entry);
    try {
      begin(channel);
    } catch (error) {
      channel.close('overloaded', asSwitchboardError(error).message);
      return undefined;
    }
    channel.sendControl('session', { token: this.#addToken(entry), windowMs });
    return channel.handlersFor(socket);
  }

  async #resume(
    socket: WebSocketChannel,
    owner: string,
    { token, h }: JsonObject,
    resumed: (channel: Channel) => void,
  ): Promise<WebSocketHandlers | undefined> {
    const fact = typeof token === 'string' ? await this.#options.store.facts.get(keyOf(token)) : undefined;
    const entry = this.#entries.get(textOf(fact?.['conversation']));
    if (entry === undefined || entry.owner !== owner) {
      socket.write(JSON.stringify(control('lost', {})));
      return undefined;
    }
    const { channel } = entry;
    resumed(channel);
    channel.attach(socket, true);
    // The token that was shown stays good beside the new one, those before it do not.
    this.#forget(entry.tokens.filter((old) => old !== token));
    entry.tokens = [textOf(token)];
    channel.sendControl('resumed', { token: this.#addToken(entry), h: channel.received });
    owned(
      async () => {
        const isTrue = await channel.replay(h);
        if (!isTrue) channel.close('protocol', 'the number of received messages cannot be true');
      },
      () => channel.close('internal', 'what was missed cannot be sent again'),
    );
    return channel.handlersFor(socket);
  }

  #addToken(entry: Entry): string {
    const token = newToken();
    entry.tokens.push(token);
    this.#keep(entry, token);
    return token;
  }

  #keep({ id }: Entry, token: string): void {
    const { store, windowMs } = this.#options;
    owned(() => store.facts.put(keyOf(token), { conversation: id }, 2 * windowMs), unkept);
  }

  #forget(tokens: readonly string[]): void {
    const { facts } = this.#options.store;
    for (const token of tokens) owned(() => facts.delete(keyOf(token)), unkept);
  }
}

/** A token that could not be kept is not known when it is shown; one that could not be forgotten expires. */
const unkept = (): void => {};
