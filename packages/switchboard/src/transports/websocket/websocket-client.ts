/** One client of a WebSocket server: who it is, what has passed, and its line as a `Transport` of the official SDK. */
import { randomUUID } from 'node:crypto';

import { SwitchboardError, asSwitchboardError } from '../../protocol/errors.ts';
import { asObject, checkMessage, failure, isNotification, isObject, isRequest } from '../../protocol/jsonrpc.ts';
import type { JsonObject, Message, RpcId } from '../../protocol/jsonrpc.ts';
import type { CloseName } from '../../protocol/close-codes.ts';
import type { Channel, Traffic } from '../channel.ts';
import type { SdkTransport } from '../sdk.ts';
import type { WebSocketHandlers } from './channel.ts';

export interface WebSocketClientInit {
  principal: string;
  address: string;
  userAgent: string;
  /** What tells it from other clients of the principal. */
  name: string;
  /** Given to the SDK beside each message. */
  authInfo?: object;
  channel: Channel;
  /** The subprotocol that was selected; empty when none. */
  protocol?: string;
  onForeign(message: JsonObject): void;
  /** Takes every text as it is; then nothing of MCP is served. */
  onText?(text: string): void;
  /** Whether every JSON object is for `onForeign`, and errors are objects `{ type: 'error', … }`; then nothing of MCP is served. */
  plain?: boolean;
  /** A failure of the program, not of the client. */
  onError(error: unknown): void;
  onClose(reason: string): void;
}

/** How many messages wait for a server to be connected. */
const MAX_EARLY = 100;
const MAX_BAD_MESSAGES = 10;
/** How many characters of an unreadable message are shown to its sender. */
const SHOWN = 100;

/** One client of a {@link WebSocketServerTransport}: who it is, what has passed, and its transport for a server of the official SDK. */
export class WebSocketClient {
  /** Unique and not to be guessed. */
  readonly id: string = randomUUID();
  /** The caller, as `authenticate` named it; else `anonymous`. */
  readonly principal: string;
  /** Its IP address. */
  readonly address: string;
  /** Its `User-Agent` header; empty if it sent none. */
  readonly userAgent: string;
  /** What tells it from other clients of the principal: what `authenticate` gave, otherwise its `User-Agent`. */
  readonly name: string;
  /** The subprotocol that was selected; empty when none. */
  readonly protocol: string;
  /** When it connected. */
  readonly since: Date = new Date();
  /** For `server.connect(client.transport)`, of the SDK's version 1 or 2. */
  readonly transport: SdkTransport;
  /** When it last sent a message, in ms since 1970. */
  lastActivity: number = Date.now();
  /** When it last pinged of its own accord, in ms since 1970; 0 where it has not. */
  lastPing = 0;
  /** Whether MCP is served; otherwise its requests are answered with an error. */
  servesMcp = true;
  readonly #options: WebSocketClientInit;
  readonly #channel: Channel;
  readonly #running: Set<RpcId> = new Set();
  #early: Message[] | undefined = [];
  #badMessages = 0;
  #onIdle: (() => void) | undefined;

  /** @internal */
  constructor(options: WebSocketClientInit) {
    this.#options = options;
    this.#channel = options.channel;
    this.principal = options.principal;
    this.address = options.address;
    this.userAgent = options.userAgent;
    this.name = options.name;
    this.protocol = options.protocol ?? '';
    this.transport = {
      start: async () => {
        const early = this.#early ?? [];
        this.#early = undefined;
        for (const message of early) this.#deliver(message);
      },
      send: async (message) => this.#answer(checkMessage(message)),
      close: async () => this.close(),
    };
  }

  /** What `authenticate` gave for the handlers of the SDK. */
  get authInfo(): object | undefined {
    return this.#options.authInfo;
  }

  /** How many requests of it are under way. */
  get inFlight(): number {
    return this.#running.size;
  }

  /** Whether its socket was cut, and it may come back to this connection. */
  get isAway(): boolean {
    return this.#channel.isAway === true;
  }

  /**
   * Whether it speaks through this channel.
   *
   * @internal
   */
  isOn(channel: Channel): boolean {
    return channel === this.#channel;
  }

  /** What has passed through its connection. */
  get traffic(): Traffic {
    return this.#channel.traffic ?? { messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0 };
  }

  /** @internal */
  start(): void {
    const { plain = false, onText = plain ? (text: string) => this.#receivePlain(text) : undefined } = this.#options;
    const handlers: WebSocketHandlers = {
      onMessage: (message) => this.#receive(message),
      onBadMessage: (error, foreign) => this.#receiveOther(error, foreign),
      onPing: () => void (this.lastPing = Date.now()),
      onClose: (reason) => {
        this.#running.clear();
        this.#onIdle?.();
        this.#options.onClose(reason);
        this.transport.onclose?.();
      },
      ...(onText !== undefined && {
        onText: (text) => {
          this.lastActivity = Date.now();
          onText(text);
        },
      }),
    };
    this.#channel.start(handlers);
  }

  /** Sends a message of MCP, or any other JSON object. @throws {SwitchboardError} `SWB_INVALID_MESSAGE` */
  send(message: JsonObject): void {
    const isForeign = isObject(message) && (this.#options.plain === true || !Object.hasOwn(message, 'jsonrpc'));
    if (isForeign) this.#channel.sendForeign?.(message);
    else this.#channel.send(checkMessage(message));
  }

  /** Ends the connection. @param why a name of `CLOSE_CODES`. @param reason at most 123 bytes; the client gets it. */
  close(why: CloseName = 'normal', reason = ''): void {
    this.#channel.close(why, reason);
  }

  /** Resolves when no request of it is under way. */
  idle(): Promise<void> {
    if (this.inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#onIdle = resolve));
  }

  #receive(message: Message): void {
    this.lastActivity = Date.now();
    this.#badMessages = 0;
    if (isRequest(message)) {
      if (!this.servesMcp || (this.#early?.length ?? 0) >= MAX_EARLY) {
        const error = this.servesMcp
          ? new SwitchboardError('SWB_OVERLOADED', { detail: `${MAX_EARLY} messages wait for the server` })
          : new SwitchboardError('SWB_METHOD_NOT_FOUND', { detail: 'MCP is not served here' });
        this.#channel.send(failure(message.id, error.toRpc()));
        return;
      }
      this.#running.add(message.id);
    } else if (isNotification(message) && message.method === 'notifications/cancelled') {
      this.#done(message.params?.['requestId'] as RpcId);
    }
    if (this.#early === undefined) this.#deliver(message);
    else if (this.#early.length < MAX_EARLY) this.#early.push(message);
  }

  #deliver(message: Message): void {
    const { authInfo, onError } = this.#options;
    try {
      (this.transport.onmessage as ((message: Message, extra?: object) => void) | undefined)?.(
        message,
        authInfo === undefined ? undefined : { authInfo },
      );
    } catch (error) {
      onError(error);
      if (isRequest(message)) this.#answer(failure(message.id, asSwitchboardError(error).toRpc()));
    }
  }

  #receiveOther(error: SwitchboardError, foreign: JsonObject | undefined): void {
    this.lastActivity = Date.now();
    if (foreign !== undefined) {
      this.#badMessages = 0;
      this.#options.onForeign(foreign);
      return;
    }
    this.#channel.send(failure(error.rpcId, error.toRpc()));
    this.#countBad();
  }

  #receivePlain(text: string): void {
    this.lastActivity = Date.now();
    const message = asObject(text);
    if (message !== undefined) {
      this.#badMessages = 0;
      this.#options.onForeign(message);
      return;
    }
    this.#channel.sendForeign?.({
      type: 'error',
      error: `Send one JSON object in each message, got ${JSON.stringify(text.slice(0, SHOWN))}`,
      code: 'SWB_INVALID_MESSAGE',
    });
    this.#countBad();
  }

  #countBad(): void {
    if (++this.#badMessages < MAX_BAD_MESSAGES) return;
    this.close('protocol', `${MAX_BAD_MESSAGES} unreadable messages in a row`);
  }

  #answer(message: Message): void {
    this.#channel.send(message);
    if (!isRequest(message) && !isNotification(message) && message.id !== undefined) this.#done(message.id);
  }

  #done(id: RpcId): void {
    if (this.#running.delete(id) && this.#running.size === 0) this.#onIdle?.();
  }
}
