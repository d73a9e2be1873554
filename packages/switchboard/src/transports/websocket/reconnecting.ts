/**
 * A client's channel that begins again where it cannot be taken up again: the server was restarted, or the client was away for too long.
 * Requests that were under way then are answered with an error, and a legacy session is initialized once more, as it was the first
 * time; whoever uses the channel goes on.
 */
import { CLOSE_CODES } from '../../protocol/close-codes.ts';
import type { CloseName } from '../../protocol/close-codes.ts';
import { SwitchboardError, asSwitchboardError } from '../../protocol/errors.ts';
import { encodeMessage, failure, isNotification, isRequest, notification } from '../../protocol/jsonrpc.ts';
import type { JsonObject, Message, RpcId, RpcRequest } from '../../protocol/jsonrpc.ts';
import { backoffMs } from '../../util/backoff.ts';
import { isRefusal } from '../failure.ts';
import type { Channel, ChannelHandlers, Traffic } from '../channel.ts';
import { tooMuchWaits } from './resumable.ts';

/** How a connection is, as its user sees it. */
export type ConnectionState =
  | { state: 'connecting' }
  /**
   * `resumed`: nothing was lost. Without it, after a first time, watched resources have to be watched again. `subprotocol`: the one that
   * the server selected; empty when none, and only `mcp.r1` can be resumed.
   */
  | { state: 'open'; resumed: boolean; subprotocol: string }
  | { state: 'away'; reason: string; retryInMs: number }
  | { state: 'closed'; reason: string; code?: number };

export interface ReconnectingOptions {
  /** Opens the conversation; a cut that can be mended is mended inside. */
  connect(): Promise<Channel>;
  onState(state: ConnectionState): void;
  /** How long to try to come back before the channel is given up, in ms; 0 gives up at once. */
  giveUpAfterMs: number;
  /** How many messages may wait for the connection to come back. */
  maxMessages: number;
  maxBytes: number;
}

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 10_000;
/** The id of an `initialize` that is sent again; its answer is for nobody else. */
const AGAIN = 'switchboard/initialize-again';

export class ReconnectingChannel implements Channel {
  readonly #options: ReconnectingOptions;
  #channel: Channel | undefined;
  #handlers: ChannelHandlers | undefined;
  /** Requests that were sent and not answered. */
  readonly #pending: Set<RpcId> = new Set();
  /** Questions of the server on this connection: an answer to one of an older connection would be taken for another's. */
  readonly #questions: Set<RpcId> = new Set();
  #waiting: { message: Message | JsonObject; bytes: number }[] = [];
  #waitingBytes = 0;
  #initialize: RpcRequest | undefined;
  #failures = 0;
  #awaySince = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ready = false;
  #closed = false;

  constructor(options: ReconnectingOptions) {
    this.#options = options;
  }

  /** Connects for the first time. @throws {SwitchboardError} `SWB_CONNECT_FAILED`; this first time is not tried again. */
  async open(): Promise<void> {
    this.#options.onState({ state: 'connecting' });
    try {
      this.#channel = await this.#options.connect();
    } catch (error) {
      this.#end(asSwitchboardError(error).message);
      throw error;
    }
    if (this.#closed) {
      this.#channel.close();
      throw new SwitchboardError('SWB_CONNECT_FAILED', { detail: 'it was closed meanwhile' });
    }
    this.#ready = true;
    this.#opened();
  }

  get traffic(): Traffic {
    return this.#channel?.traffic ?? { messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0 };
  }

  start(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    this.#listen();
  }

  send(message: Message): void {
    if (this.#closed) return;
    if (isRequest(message)) {
      if (message.method === 'initialize') this.#initialize = message;
      this.#pending.add(message.id);
    } else if (isNotification(message)) {
      if (message.method === 'notifications/cancelled') this.#pending.delete(message.params?.['requestId'] as RpcId);
    } else if (message.id !== undefined && !this.#questions.delete(message.id)) {
      return;
    }
    this.#sendOrKeep(message);
  }

  sendForeign(value: JsonObject): void {
    if (!this.#closed) this.#sendOrKeep(value);
  }

  close(why: CloseName = 'normal', reason = 'closed'): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    const channel = this.#channel;
    if (channel !== undefined && this.#ready) channel.close(why, reason);
    this.#end(reason, CLOSE_CODES[why].code);
  }

  /** @throws {SwitchboardError} `SWB_OVERLOADED`; a request is answered with it. */
  #sendOrKeep(message: Message | JsonObject): void {
    try {
      if (this.#ready && this.#channel !== undefined) give(this.#channel, message);
      else this.#keep(message);
    } catch (error) {
      if (!('jsonrpc' in message && isRequest(message as Message))) throw error;
      this.#fail(message as RpcRequest, asSwitchboardError(error));
    }
  }

  #keep(message: Message | JsonObject): void {
    const bytes = 'jsonrpc' in message ? encodeMessage(message as Message).length : JSON.stringify(message).length;
    const { maxMessages, maxBytes } = this.#options;
    if (this.#waiting.length >= maxMessages || this.#waitingBytes + bytes > maxBytes) {
      throw tooMuchWaits(this.#options);
    }
    this.#waiting.push({ message, bytes });
    this.#waitingBytes += bytes;
  }

  #listen(): void {
    this.#channel?.start({
      onMessage: (message) => this.#receive(message),
      onBadMessage: (error, foreign) => this.#handlers?.onBadMessage(error, foreign),
      onClose: (reason, clean, code) => this.#lost(reason, clean, code),
    });
  }

  #receive(message: Message): void {
    if (isRequest(message)) this.#questions.add(message.id);
    else if (!isNotification(message) && message.id !== undefined) {
      if (message.id === AGAIN) {
        this.#initializedAgain('error' in message ? message.error.message : undefined);
        return;
      }
      this.#pending.delete(message.id);
    }
    this.#handlers?.onMessage(message);
  }

  #lost(reason: string, clean = false, code?: number): void {
    if (this.#closed) return;
    this.#ready = false;
    this.#channel = undefined;
    const mayReturn = !clean || comesBack(code);
    const error = new SwitchboardError('SWB_CONNECTION_LOST', { detail: reason });
    const wasWaiting = new Set(this.#waiting.map(({ message }) => (message as { id?: RpcId }).id));
    for (const id of this.#pending) {
      if (mayReturn && wasWaiting.has(id)) continue;
      this.#pending.delete(id);
      this.#handlers?.onMessage(failure(id, error.toRpc()));
    }
    this.#questions.clear();
    if (!mayReturn || this.#options.giveUpAfterMs === 0) {
      this.#end(reason, code);
      return;
    }
    this.#awaySince ||= Date.now();
    this.#redial(reason);
  }

  #redial(reason: string): void {
    if (Date.now() - this.#awaySince > this.#options.giveUpAfterMs) {
      this.#end(`${reason}, and nobody answered for ${this.#options.giveUpAfterMs} ms`);
      return;
    }
    const retryInMs = backoffMs(++this.#failures, { firstMs: FIRST_WAIT_MS, maxMs: LONGEST_WAIT_MS });
    this.#options.onState({ state: 'away', reason, retryInMs });
    this.#timer = setTimeout(() => void this.#dial(), retryInMs);
  }

  async #dial(): Promise<void> {
    this.#options.onState({ state: 'connecting' });
    let channel: Channel;
    try {
      channel = await this.#options.connect();
    } catch (error) {
      if (this.#closed) return;
      const { message } = asSwitchboardError(error);
      if (isRefusal(error)) this.#end(`${message}; not tried again`, CLOSE_CODES.unauthorized.code);
      else this.#redial(message);
      return;
    }
    if (this.#closed) {
      channel.close();
      return;
    }
    this.#channel = channel;
    this.#listen();
    if (this.#initialize === undefined) this.#goOn();
    else channel.send({ ...this.#initialize, id: AGAIN });
  }

  #initializedAgain(refusal: string | undefined): void {
    if (refusal !== undefined) {
      this.#channel?.close('normal', 'initialize was refused');
      this.#end(`the server refused to be initialized again: ${refusal}`);
      return;
    }
    this.#channel?.send(notification('notifications/initialized'));
    this.#goOn();
  }

  #goOn(): void {
    this.#ready = true;
    this.#failures = 0;
    this.#awaySince = 0;
    this.#opened();
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const { message } of waiting) if (this.#channel !== undefined) give(this.#channel, message);
  }

  #opened(): void {
    this.#options.onState({ state: 'open', resumed: false, subprotocol: this.#channel?.protocol ?? '' });
  }

  #fail({ id }: RpcRequest, error: SwitchboardError): void {
    this.#pending.delete(id);
    queueMicrotask(() => this.#handlers?.onMessage(failure(id, error.toRpc())));
  }

  #end(reason: string, code?: number): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#waiting = [];
    this.#options.onState({ state: 'closed', reason, ...(code !== undefined && { code }) });
    this.#handlers?.onClose(reason, true, code);
    this.#handlers = undefined;
  }
}

function give(channel: Channel, message: Message | JsonObject): void {
  if ('jsonrpc' in message) channel.send(message as Message);
  else channel.sendForeign?.(message);
}

/** Whether a client should come back after this close code; codes that are not in the table are taken for a passing failure. */
const comesBack = (code: number | undefined): boolean =>
  Object.values(CLOSE_CODES).find((entry) => entry.code === code)?.reconnect ?? true;
