/**
 * The request and response side of one upstream channel, the same in both eras: every request gets an integer id of ours,
 * which is its progress token too, so that whatever clients use as ids and tokens can never meet.
 */
import { SwitchboardError } from '../protocol/errors.ts';
import type { Era } from '../protocol/eras.ts';
import { metaOf } from '../protocol/eras.ts';
import { isNotification, isRequest, isResponse, notification } from '../protocol/jsonrpc.ts';
import type { JsonObject, Message, RpcId, RpcNotification, RpcRequest, RpcResponse } from '../protocol/jsonrpc.ts';
import type { Exchange, Outcome } from '../router/exchange.ts';
import type { Channel } from '../transports/channel.ts';
import { Numbered } from '../util/numbered.ts';

export interface WireHandlers {
  onRequest(request: RpcRequest): void;
  onNotification(note: RpcNotification): void;
  /** The channel is gone; everything that was open has been settled. */
  onGone(reason: string): void;
}

export interface WireEvents {
  /** The upstream sent something that is no message, or answered nothing that was asked. */
  stray(what: string): void;
  /** The channel has ended, and with it whatever process was behind it. */
  closed(reason: string): void;
  /** A request of a client was answered. */
  answered?(): void;
  /** It has listed tools, whoever asked. Looking into the answer may throw. */
  listed?(answer: RpcResponse): void;
}

/** Who hears what comes of a request. */
type Listener = Pick<Exchange, 'settle' | 'progress'> & Partial<Pick<Exchange, 'notify'>>;

interface Pending {
  listener: Listener;
  isList: boolean;
  /** Of a request of a client. */
  exchange: Exchange | undefined;
}

/** How many messages of a server that has not been greeted yet are kept. */
const MAX_EARLY = 100;
/** A server may print a banner where only messages belong; one that does nothing else is none. */
const MAX_BAD_IN_A_ROW = 1000;
const MAX_STRAYS_A_SECOND = 20;

export class Wire {
  readonly channel: Channel;
  readonly #events: WireEvents;
  readonly #pending: Numbered<Pending> = new Numbered();
  #inFlight = 0;
  #era: Era = 'legacy';
  #goneReason: string | undefined;
  #requests = 0;
  #badInARow = 0;
  #strays = { second: 0, told: 0, untold: 0 };
  #hasAnswered = false;
  #heardAt: number = Date.now();
  #handlers: WireHandlers | undefined;
  readonly #early: Message[] = [];

  constructor(channel: Channel, events: WireEvents) {
    this.channel = channel;
    this.#events = events;
    channel.start({
      onMessage: (message) => this.#receive(message),
      onBadMessage: (error, _foreign, answers) => this.#bad(error, answers),
      onClose: (reason) => {
        this.#gone(reason);
        events.closed(reason);
      },
    });
  }

  /** Hands incoming requests and notifications to the member; those that came before are handed on now. */
  attach(era: Era, handlers: WireHandlers): void {
    this.#era = era;
    this.#handlers = handlers;
    for (const message of this.#early.splice(0)) this.#receive(message);
    if (this.#goneReason !== undefined) handlers.onGone(this.#goneReason);
  }

  /** How many requests of clients the upstream has not answered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** How many requests of clients were sent. */
  get requests(): number {
    return this.#requests;
  }

  /** Whether it has answered one of them. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** When the upstream last sent a message, in ms since 1970. */
  get heardAt(): number {
    return this.#heardAt;
  }

  get exchanges(): Exchange[] {
    return this.#pending.values().flatMap(({ exchange }) => exchange ?? []);
  }

  get goneReason(): string | undefined {
    return this.#goneReason;
  }

  /**
   * Sends an exchange's request with these params.
   *
   * @param settle takes the outcome. @default the exchange itself, which then must be of the upstream's era
   */
  open(exchange: Exchange, params: JsonObject | undefined, settle?: (outcome: Outcome) => void): void {
    const listener: Listener =
      settle === undefined
        ? exchange
        : {
            progress: (note) => exchange.progress(note),
            notify: (note) => exchange.notify(note),
            settle,
          };
    this.#send(exchange.method, params, exchange.wantsProgress, listener, exchange);
  }

  /** Sends a request that stays open, and hears what is said under its id. */
  listen(method: string, params: JsonObject, handlers: Pick<Exchange, 'notify' | 'settle'>): number | undefined {
    return this.#send(method, params, false, { ...handlers, progress: () => {} });
  }

  /** Ends what {@link listen} began. */
  hush(id: number): void {
    if (this.#forget(id)) this.#withdraw(id);
  }

  /** Sends a request of Switchboard's own. Never rejects; without an answer in time the outcome is `SWB_TIMEOUT`. */
  call(method: string, params: JsonObject | undefined, timeoutMs: number): Promise<Outcome> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        if (id !== undefined) this.#forget(id);
        const error = new SwitchboardError('SWB_TIMEOUT', { detail: `${method} after ${timeoutMs} ms` });
        resolve({ error: error.toRpc() });
      }, timeoutMs);
      const settle = (outcome: Outcome): void => {
        clearTimeout(timer);
        resolve(outcome);
      };
      const id = this.#send(method, params, false, { progress: () => {}, settle });
    });
  }

  /** Tells the upstream to stop, in the way of its channel, and forgets the exchange; a late answer is dropped. */
  cancel(exchange: Exchange, reason?: string): void {
    const { sentAs: id = 0 } = exchange;
    if (this.#pending.get(id)?.exchange !== exchange) return;
    this.#forget(id);
    this.#withdraw(id, reason);
  }

  /** Who hears what comes of the request with this id. */
  byId(id: unknown): Listener | undefined {
    return typeof id === 'number' ? this.#pending.get(id)?.listener : undefined;
  }

  send(message: Message): void {
    this.channel.send(message);
  }

  /** Ends the channel, and tells everybody who waits for something why, without waiting for a process that may take long to end. */
  end(reason: string): void {
    this.#gone(reason);
    this.channel.close(undefined, reason);
  }

  #send(
    method: string,
    params: JsonObject | undefined,
    wantsProgress: boolean,
    listener: Listener,
    exchange?: Exchange,
  ): number | undefined {
    if (this.#goneReason !== undefined) {
      listener.settle(this.#goneOutcome());
      return undefined;
    }
    const id = this.#pending.add({ listener, exchange, isList: method === 'tools/list' });
    if (exchange !== undefined) {
      exchange.sentAs = id;
      this.#inFlight++;
      this.#requests++;
    }
    const sent = wantsProgress ? { ...params, _meta: { ...metaOf(params), progressToken: id } } : params;
    this.send(sent === undefined ? { jsonrpc: '2.0', id, method } : { jsonrpc: '2.0', id, method, params: sent });
    return id;
  }

  #withdraw(id: number, reason?: string): void {
    if (this.#era === 'modern' && this.channel.abandon !== undefined) {
      this.channel.abandon(id);
      return;
    }
    const params = reason === undefined ? { requestId: id } : { requestId: id, reason };
    this.send(notification('notifications/cancelled', params));
  }

  #receive(message: Message): void {
    this.#heardAt = Date.now();
    this.#badInARow = 0;
    if (this.#handlers === undefined && !isResponse(message)) {
      if (this.#early.length < MAX_EARLY) this.#early.push(message);
      return;
    }
    if (isRequest(message)) this.#handlers?.onRequest(message);
    else if (isNotification(message)) this.#note(message);
    else this.#answer(message);
  }

  #answer(message: RpcResponse): void {
    const { id } = message;
    const pending = typeof id === 'number' ? this.#forget(id) : undefined;
    if (pending === undefined) {
      this.#stray(`an answer to ${JSON.stringify(String(id))}, which is not open`);
      return;
    }
    const { listener, exchange, isList } = pending;
    if (exchange !== undefined) {
      this.#hasAnswered = true;
      this.#events.answered?.();
    }
    try {
      listener.settle(message);
      if (isList) this.#events.listed?.(message);
    } catch (cause) {
      // A large answer is parsed only when somebody looks into it, and may turn out to be none.
      const detail = 'the server sent an answer that is not valid JSON';
      listener.settle({ error: new SwitchboardError('SWB_INTERNAL', { detail, cause }).toRpc() });
    }
  }

  #note(note: RpcNotification): void {
    if (note.method !== 'notifications/progress') {
      this.#handlers?.onNotification(note);
      return;
    }
    const { progressToken, ...params } = note.params ?? {};
    this.byId(progressToken)?.progress(params);
  }

  #forget(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    this.#pending.delete(id);
    if (pending.exchange !== undefined) this.#inFlight--;
    return pending;
  }

  #bad(error: SwitchboardError, answers?: RpcId): void {
    this.#stray(error.message);
    const pending = typeof answers === 'number' ? this.#forget(answers) : undefined;
    if (pending !== undefined) {
      const detail = `the server sent an answer that cannot be read: ${error.message}`;
      pending.listener.settle({ error: new SwitchboardError('SWB_INTERNAL', { detail, cause: error }).toRpc() });
      return;
    }
    // An answer that was too large cannot be matched to its request any more, and a server that does not read hears no request:
    // nobody may wait for them for ever.
    if (error.code === 'SWB_MESSAGE_TOO_LARGE' || error.code === 'SWB_OVERLOADED') this.end(error.message);
    else if (++this.#badInARow >= MAX_BAD_IN_A_ROW) {
      this.end(`it sent ${MAX_BAD_IN_A_ROW} unreadable messages in a row, the last: ${error.message}`);
    }
  }

  /** A flood of what nobody asked for must not become a flood of events. */
  #stray(what: string): void {
    const second = Math.floor(Date.now() / 1000);
    if (second !== this.#strays.second) {
      const { untold } = this.#strays;
      this.#strays = { second, told: 0, untold: 0 };
      if (untold > 0) this.#events.stray(`${untold} more of the kind`);
    }
    if (++this.#strays.told <= MAX_STRAYS_A_SECOND) this.#events.stray(what);
    else this.#strays.untold++;
  }

  #gone(reason: string): void {
    if (this.#goneReason !== undefined) return;
    this.#goneReason = reason;
    const open = this.#pending.values();
    this.#pending.clear();
    this.#inFlight = 0;
    for (const { listener } of open) listener.settle(this.#goneOutcome());
    this.#handlers?.onGone(reason);
  }

  #goneOutcome(): Outcome {
    return { error: new SwitchboardError('SWB_UPSTREAM_EXITED', { detail: this.#goneReason ?? 'closed' }).toRpc() };
  }
}
