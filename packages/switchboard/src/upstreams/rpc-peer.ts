/**
 * The request and response side of one upstream channel, the same in both eras: every request gets an integer id of ours,
 * which is its progress token too, so that whatever clients use as ids and tokens can never meet.
 */
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import type { Era } from '../protocol/eras.ts';
import { metaOf } from '../protocol/eras.ts';
import { failure, isRequest, isResponse, notification, result } from '../protocol/jsonrpc.ts';
import type {
  JsonObject,
  Message,
  RpcId,
  RpcNotification,
  RpcRequest,
  RpcResponse,
  RpcResult,
} from '../protocol/jsonrpc.ts';
import { LazyResult } from '../protocol/lazy-result.ts';
import { faultFromServer, isList, readResult } from '../protocol/shapes.ts';
import { shown } from '../protocol/shown.ts';
import { withContext } from '../protocol/session-context.ts';
import type { Exchange, Outcome, Scope } from '../router/exchange.ts';
import type { Channel } from '../transports/channel.ts';
import { IdRing } from '../util/id-ring.ts';
import { owned } from '../util/owned.ts';
import { Bucket } from '../util/bucket.ts';
import { SendQueue } from './send-queue.ts';

export interface PeerHandlers {
  /** What it throws, or rejects with, answers the request. */
  onRequest(request: RpcRequest): void | Promise<void>;
  /** @param about the request that it belongs to, where the channel tells. */
  onNotification(note: RpcNotification, about?: RpcId): void;
  /** The channel is gone; everything that was open has been settled. */
  onGone(reason: string): void;
  /** The server has forgotten the session: what it works on may still be answered, anything new needs another member. */
  onForgotten(reason: string): void;
}

export interface PeerEvents {
  /** The upstream sent something that is no message, or answered nothing that was asked. */
  stray(what: string): void;
  /** Something about the connection is amiss or well again. */
  notice(what: string): void;
  /** The channel has ended, and with it whatever process was behind it. */
  closed(reason: string): void;
  /** Whether requests of clients say who is calling. @default false */
  tellsContext?: boolean;
  /** A request of a client was answered. */
  answered?(): void;
  /** It has listed tools, whoever asked. */
  listed?(answer: RpcResponse): void;
  /** Something of Switchboard's own failed while a message of the upstream was handled; nothing but that message is affected. */
  failed(where: string, thrown: unknown): void;
}

/** Who hears what comes of a request. */
type Listener = Pick<Exchange, 'settle' | 'progress'> & Partial<Pick<Exchange, 'notify'>>;

const FORGOTTEN = 'the server no longer knows the session';

interface Pending {
  listener: Listener;
  method: string;
  /** Of a request of a client. */
  exchange: Exchange | undefined;
}

/** How many messages of a server are kept that it sent before the handshake was done. */
const MAX_EARLY = 100;
/**
 * Servers print where only messages belong: a banner, or every line of their log. So many unreadable messages at once, and so many a
 * second for longer, are put up with; each costs no more than a look.
 */
const BAD_MESSAGES = { burst: 10_000, perSecond: 500 };
/** Ids that a server gives back as text, which the official SDKs accept. */
const INTEGER = /^[1-9]\d{0,15}$/;
const INPUT = 'inputRequests';
const MAX_STRAYS_A_SECOND = 20;
/** How long a client is asked to wait that has no room for its request. */
const RETRY_AFTER_MS = 1000;

/** Whose turn it is goes by who is known; those who are not each stand for themselves. */
const senderOf = ({ principal, affinity }: Scope): string =>
  principal === 'anonymous' ? `session ${affinity}` : `principal ${principal}`;

export class RpcPeer {
  readonly channel: Channel;
  readonly #events: PeerEvents;
  readonly #pending: IdRing<Pending> = new IdRing();
  /** Requests that wait while the channel is full. */
  readonly #queue: SendQueue;
  #inFlight = 0;
  #era: Era = 'legacy';
  #goneReason: string | undefined;
  #requests = 0;
  readonly #bad: Bucket = new Bucket(BAD_MESSAGES.burst, BAD_MESSAGES.perSecond);
  #strays = { second: 0, told: 0, untold: 0 };
  #hasAnswered = false;
  #heardAt: number = Date.now();
  #handlers: PeerHandlers | undefined;
  readonly #early: Message[] = [];

  constructor(channel: Channel, events: PeerEvents) {
    this.channel = channel;
    this.#events = events;
    this.#queue = new SendQueue(channel.maxQueueBytes ?? Infinity);
    channel.setSenders?.((id) => this.exchangeOf(id)?.scope);
    channel.start({
      onMessage: (message, about) => {
        try {
          this.#receive(message, about);
        } catch (thrown) {
          events.failed('message', thrown);
        }
      },
      onBatch: (parts) => {
        for (const part of parts) {
          this.own('message', () => (part instanceof SwitchboardError ? this.#unreadable(part) : this.#receive(part)));
        }
      },
      onBadMessage: (error) => this.own('message', () => this.#unreadable(error)),
      onDrain: () => this.own('queue', () => this.#sendQueued()),
      onClose: (reason) => {
        this.#gone(reason);
        this.own('end', () => events.closed(reason));
      },
      onSessionLost: (refused, reason) => this.own('session', () => this.#forgotten(refused, reason)),
      onNotice: (what) => events.notice(what),
    });
  }

  /** Hands incoming requests and notifications to the member; those that came before are handed on now. */
  attach(era: Era, handlers: PeerHandlers): void {
    const goneBefore = this.#goneReason;
    this.#era = era;
    this.#handlers = handlers;
    for (const message of this.#early.splice(0)) this.#receive(message);
    if (goneBefore !== undefined) handlers.onGone(goneBefore);
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
    const context = this.#events.tellsContext === true ? exchange.scope.context?.() : undefined;
    this.#send(exchange.method, withContext(params, context), exchange.wantsProgress, listener, exchange);
  }

  /** Sends a request that stays open, and hears what is said under its id. */
  listen(method: string, params: JsonObject, handlers: Pick<Exchange, 'notify' | 'settle'>): number | undefined {
    return this.#send(method, params, false, { ...handlers, progress: () => {} });
  }

  /** Ends what {@link listen} began. */
  stopListening(id: number): void {
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
    // What the server has not got need not be taken back.
    if (!this.#queue.remove(id)) this.#withdraw(id, reason);
  }

  /** Who hears what comes of the request with this id. */
  byId(id: unknown): Listener | undefined {
    return typeof id === 'number' ? this.#pending.get(id)?.listener : undefined;
  }

  /** The exchange whose request has this id. */
  exchangeOf(id: unknown): Exchange | undefined {
    return typeof id === 'number' ? this.#pending.get(id)?.exchange : undefined;
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
    const id = this.#pending.add({ listener, exchange, method });
    if (exchange !== undefined) {
      exchange.sentAs = id;
      exchange.times?.note('sent');
      this.#inFlight++;
      this.#requests++;
    }
    const sent = wantsProgress ? { ...params, _meta: { ...metaOf(params), progressToken: id } } : params;
    const request: RpcRequest = { jsonrpc: '2.0', id, method, ...(sent !== undefined && { params: sent }) };
    if (exchange === undefined || (this.#queue.isEmpty && this.channel.isFull !== true)) this.send(request);
    else for (const refused of this.#queue.add(senderOf(exchange.scope), request)) this.#refuseQueued(refused);
    return id;
  }

  #sendQueued(): void {
    while (!this.#queue.isEmpty && this.channel.isFull !== true) this.send(this.#queue.shift()!);
  }

  /** There is no room for a request to wait. */
  #refuseQueued({ id, method }: RpcRequest): void {
    const listener = this.#forget(id as number)?.listener;
    const detail =
      `the server reads slowly, and as many bytes of requests as may wait for it already (maxQueueSize ${this.channel.maxQueueBytes}); ` +
      'try again in a moment, or send less at a time';
    const error = new SwitchboardError('SWB_OVERLOADED', { detail, data: { retryAfterMs: RETRY_AFTER_MS } });
    if (listener !== undefined) this.own(method, () => listener.settle({ error: error.toRpc() }));
  }

  #withdraw(id: number, reason?: string): void {
    if (this.#era === 'modern' && this.channel.abandon !== undefined) {
      this.channel.abandon(id);
      return;
    }
    const params = reason === undefined ? { requestId: id } : { requestId: id, reason };
    this.send(notification('notifications/cancelled', params));
  }

  /** Runs what belongs to the member and to no request: a failure is an event, and the member goes on. */
  own(where: string, work: () => unknown): void {
    owned(work, (thrown) => this.#events.failed(where, thrown));
  }

  #receive(message: Message, about?: RpcId): void {
    this.#heardAt = Date.now();
    if (isResponse(message)) {
      this.#answer(message);
      return;
    }
    if (this.#handlers === undefined) {
      if (this.#early.length < MAX_EARLY) this.#early.push(message);
      return;
    }
    const fault = faultFromServer(message);
    if (fault !== undefined) this.#refuse(message, fault);
    else if (isRequest(message)) this.#ask(message, this.#handlers);
    else this.own(message.method, () => this.#note(message, about));
  }

  #refuse(message: RpcRequest | RpcNotification, fault: string): void {
    this.#stray(fault);
    if (!isRequest(message)) return;
    this.send(failure(message.id, new SwitchboardError('SWB_INVALID_PARAMS', { detail: fault }).toRpc()));
  }

  #ask(request: RpcRequest, handlers: PeerHandlers): void {
    owned(
      () => handlers.onRequest(request),
      (thrown) => this.send(failure(request.id, this.#faultOf(request.method, thrown).toRpc())),
    );
  }

  #answer(message: RpcResponse): void {
    const number = this.#numberOf(message.id);
    const pending = number === undefined ? undefined : this.#forget(number);
    if (pending === undefined) {
      const what = message.id === undefined ? 'an error to no request' : `an answer to ${shown(message.id)}`;
      this.#stray(`${what}, which is not open${'error' in message ? `: ${shown(message.error.message)}` : ''}`);
      return;
    }
    const { listener, exchange, method } = pending;
    if (exchange !== undefined) {
      this.#hasAnswered = true;
      this.#events.answered?.();
    }
    try {
      const answer = this.#read(method, message);
      listener.settle(answer);
      if (method === 'tools/list') this.own('tools/list', () => this.#events.listed?.(answer));
    } catch (thrown) {
      // A large answer is parsed only when somebody looks into it, and may turn out to be none.
      this.own(method, () => listener.settle({ error: this.#faultOf(method, thrown).toRpc() }));
    }
  }

  /** The answer as it can be looked into: of what is looked into for certain, with the types of its fields checked. */
  #read(method: string, message: RpcResponse): RpcResponse {
    if ('error' in message) return message;
    const isLooked = isList(method) || (this.#era === 'modern' && asksForInput(message));
    if (!isLooked) return message;
    const { result: value, leftOut } = readResult(method, message.result);
    if (leftOut !== undefined) this.#stray(`${method}: ${leftOut}, and left out`);
    return result(message.id, value);
  }

  /** What was thrown as an error to answer with; a fault of Switchboard is told of. */
  #faultOf(method: string, thrown: unknown): SwitchboardError {
    const error = asSwitchboardError(thrown);
    if (error !== thrown) this.#events.failed(method, error);
    return error;
  }

  /** Our number of a request that an answer names. An error without an id is for the one request under way, if it is only one. */
  #numberOf(id: RpcId | undefined): number | undefined {
    if (typeof id === 'number') return id;
    if (typeof id === 'string') return INTEGER.test(id) ? Number(id) : undefined;
    return id === undefined ? this.#pending.only : undefined;
  }

  #note(note: RpcNotification, about: RpcId | undefined): void {
    if (note.method !== 'notifications/progress') {
      this.#handlers?.onNotification(note, about);
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

  /** @param refused the request that the server did nothing with, for that reason. */
  #forgotten(refused: RpcId | undefined, reason: string = FORGOTTEN): void {
    this.#heardAt = Date.now();
    const pending = typeof refused === 'number' ? this.#forget(refused) : undefined;
    // Before the handshake there is no other member that could be asked.
    if (this.#handlers === undefined) this.end(reason);
    else this.#handlers.onForgotten(reason);
    if (pending === undefined || pending.exchange?.reopen() === true) return;
    const error = new SwitchboardError('SWB_UPSTREAM_UNAVAILABLE', { detail: reason });
    this.own(pending.method, () => pending.listener.settle({ error: error.toRpc() }));
  }

  /** Something that is no message. Whoever waits for it hears at once what was wrong with it. */
  #unreadable(error: SwitchboardError): void {
    this.#heardAt = Date.now();
    this.#stray(error.message);
    const { answerTo, rpcId } = error;
    const number = answerTo === undefined ? undefined : this.#numberOf(answerTo);
    const pending = number === undefined ? undefined : this.#forget(number);
    if (pending !== undefined) {
      const told = new SwitchboardError('SWB_UPSTREAM_INVALID', { detail: error.message });
      this.own(pending.method, () => pending.listener.settle({ error: told.toRpc() }));
    } else if (rpcId !== undefined) this.send(failure(rpcId, error.toRpc()));
    // An answer that was too large cannot be matched to its request any more, and a server that does not read hears no request:
    // nobody may wait for them for ever.
    else if (error.code === 'SWB_MESSAGE_TOO_LARGE' || error.code === 'SWB_OVERLOADED') this.end(error.message);
    if (!this.#bad.take()) {
      const { burst, perSecond } = BAD_MESSAGES;
      this.end(`it sent ${burst} unreadable messages faster than ${perSecond} a second, the last: ${error.message}`);
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
    this.#queue.clear();
    this.#pending.clear();
    this.#inFlight = 0;
    // Each waits for itself: what fails for one is not the others' loss.
    for (const { listener, method } of open) this.own(method, () => listener.settle(this.#goneOutcome()));
    this.own('gone', () => this.#handlers?.onGone(reason));
  }

  #goneOutcome(): Outcome {
    return { error: new SwitchboardError('SWB_UPSTREAM_EXITED', { detail: this.#goneReason ?? 'closed' }).toRpc() };
  }
}

/** Whether a result may ask for input; a large one is parsed for this only when it may well do so. */
const asksForInput = (message: RpcResult | LazyResult): boolean =>
  message instanceof LazyResult ? message.mentions(INPUT) : INPUT in message.result;
