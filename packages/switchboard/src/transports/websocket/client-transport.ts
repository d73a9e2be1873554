/** The client's end of a WebSocket as a `Transport` of the official SDK, versions 1 and 2, and for messages of one's own. */
import { CLOSE_CODES } from '../../protocol/close-codes.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import { checkMessage, isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { BoundedQueue } from '../../util/bounded-queue.ts';
import type { Traffic } from '../channel.ts';
import type { SdkTransport } from '../sdk.ts';
import type { ClientTls } from '../tls/client-tls.ts';
import { Answers } from './answers.ts';
import { RESUMABLE } from './control.ts';
import { connectSocket } from './dialer.ts';
import { ReconnectingChannel } from './reconnecting.ts';
import type { ConnectionState } from './reconnecting.ts';
import type { Socket } from './socket.ts';
import { bearerSubprotocol, ticketSubprotocol } from './subprotocols.ts';

/** A value, or how to get one each time a socket is opened. */
export type Fresh<Value> = Value | (() => Value | Promise<Value>);

/** Options of {@link WebSocketClientTransport}. */
export interface ClientTransportOptions {
  /** A bearer token: in the `Authorization` header from Node, beside the subprotocols from a browser. */
  token?: Fresh<string>;
  /** A ticket that is good for one connection; a function gets a new one for each. */
  ticket?: Fresh<string>;
  /** Headers of the handshake; a browser cannot send any. */
  headers?: Readonly<Record<string, string>>;
  /** What is shown and trusted where the server speaks TLS; a browser has its own. */
  tls?: ClientTls;
  /**
   * Takes messages that are no JSON-RPC. The object that it returns is sent back, with the `id` of the message if that has one. A message
   * for which it returns nothing, and every message where there is no handler, is left to {@link ClientTransport.receive}.
   */
  onForeign?: (message: JsonObject) => unknown;
  /** Send the handler's answers in the order of the messages; otherwise each when it is ready. @default true */
  ordered?: boolean;
  /**
   * Whether the server must select a subprotocol. `optional` also connects to a server that knows none; the state says what was selected.
   *
   * @default 'optional'
   */
  subprotocol?: 'optional' | 'required';
  /** How long to try to come back before the transport closes, in ms; 0 gives up at once. @default 120000 */
  giveUpAfterMs?: number;
  /** How long a conversation that was cut is kept, where the server has not told its own time, in ms. @default 120000 */
  resumeWindowMs?: number;
  /** How many messages may wait while the connection is away. @default 1000 */
  maxQueueMessages?: number;
  /** How many bytes may. @default 16777216 */
  maxQueueBytes?: number;
  /** The largest message that is taken, in bytes; a browser has a limit of its own. @default 67108864 */
  maxMessageBytes?: number;
  /** How often a ping is sent, in ms; a browser cannot. @default 10000 */
  pingIntervalMs?: number;
  /** How long the handshake may take, in ms. @default 15000 */
  handshakeTimeoutMs?: number;
  /** Offer permessage-deflate; a browser always does. @default false */
  compression?: boolean;
}

export interface DialRequest {
  url: URL;
  /** Offered beside the subprotocols of MCP. */
  protocols: readonly string[];
  headers: Readonly<Record<string, string>>;
  maxMessageBytes: number;
  handshakeTimeoutMs: number;
  compression: boolean;
  subprotocol: 'optional' | 'required';
  tls: ClientTls | undefined;
}

/** How this platform opens a socket. */
export interface Platform {
  /** Whether headers can be sent. */
  hasHeaders: boolean;
  dial(request: DialRequest): Promise<Socket>;
}

type Hook = 'token' | 'ticket' | 'headers' | 'tls' | 'onForeign';
type FilledOptions = Pick<ClientTransportOptions, Hook> & Required<Omit<ClientTransportOptions, Hook>>;

/** What holds where an option is not given. */
export const TRANSPORT_DEFAULTS: Required<Omit<ClientTransportOptions, Hook>> = {
  ordered: true,
  subprotocol: 'optional',
  giveUpAfterMs: 120_000,
  resumeWindowMs: 120_000,
  maxQueueMessages: 1000,
  maxQueueBytes: 16 * 1024 * 1024,
  maxMessageBytes: 64 * 1024 * 1024,
  // Two may be missed: a server that is gone is noticed within 30 s.
  pingIntervalMs: 10_000,
  handshakeTimeoutMs: 15_000,
  compression: false,
};
/** How many changes of state wait for who follows them. */
const MAX_STATES = 100;

/** What the transports of Node and of browsers have in common. */
export class ClientTransport implements SdkTransport {
  onmessage?: ((message: never) => void) | undefined;
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  /** The address of the server. */
  readonly url: URL;
  readonly #options: FilledOptions;
  readonly #platform: Platform;
  readonly #channel: ReconnectingChannel;
  readonly #states: BoundedQueue<ConnectionState> = new BoundedQueue({ maxValues: MAX_STATES });
  readonly #foreign: BoundedQueue<JsonObject>;
  readonly #answers: Answers;
  /** Whether messages that nobody receives are missed. */
  #receives: boolean;
  #state: ConnectionState['state'] | 'new' = 'new';

  /** @internal */
  constructor(url: string | URL, options: ClientTransportOptions, platform: Platform) {
    this.url = new URL(url);
    const all = { ...TRANSPORT_DEFAULTS, ...options } as FilledOptions;
    this.#options = all;
    this.#platform = platform;
    this.#receives = all.onForeign === undefined;
    this.#answers = new Answers({ ordered: all.ordered, maxWaiting: all.maxQueueMessages });
    this.#foreign = new BoundedQueue({
      maxValues: all.maxQueueMessages,
      maxBytes: all.maxQueueBytes,
      sizeOf: (message) => JSON.stringify(message).length,
      onDropped: () => {
        const detail = `${all.maxQueueMessages} messages or ${all.maxQueueBytes} bytes wait to be received; the oldest was dropped`;
        if (this.#receives) this.onerror?.(new SwitchboardError('SWB_OVERLOADED', { detail }));
      },
    });
    this.#channel = new ReconnectingChannel({
      giveUpAfterMs: all.giveUpAfterMs,
      maxMessages: all.maxQueueMessages,
      maxBytes: all.maxQueueBytes,
      connect: () =>
        connectSocket({
          ...all,
          refuses: true,
          dial: () => this.#dial(),
          onAway: (retryInMs) => this.#changed({ state: 'away', reason: 'the socket was cut', retryInMs }),
          onResumed: () => this.#changed({ state: 'open', resumed: true, subprotocol: RESUMABLE }),
        }),
      onState: (state) => this.#changed(state),
    });
  }

  get state(): ConnectionState['state'] | 'new' {
    return this.#state;
  }

  /** Every change of state from the beginning on; ends when the transport is closed. For one reader. */
  get states(): AsyncIterableIterator<ConnectionState> {
    return this.#states;
  }

  /** What has passed, and how long the last ping took. */
  get traffic(): Traffic {
    return this.#channel.traffic;
  }

  /** Connects. Called by the SDK. @throws {SwitchboardError} `SWB_CONNECT_FAILED` */
  async start(): Promise<void> {
    if (this.#state !== 'new') throw new SwitchboardError('SWB_CONNECT_FAILED', { detail: 'it was started before' });
    await this.#channel.open();
    this.#channel.start({
      onMessage: (message) => this.onmessage?.(message as never),
      onBadMessage: (error, foreign) => {
        if (foreign === undefined) this.onerror?.(error);
        else this.#receive(foreign);
      },
      onClose: (reason, _clean, code) => {
        this.#foreign.end();
        if (code === CLOSE_CODES.tooBig.code) {
          this.onerror?.(new SwitchboardError('SWB_MESSAGE_TOO_LARGE', { detail: reason }));
        }
        this.onclose?.();
      },
    });
  }

  /**
   * Sends a message of MCP, or any other JSON object. Resolves when it is on its way or waits for the connection to come back.
   *
   * @throws {SwitchboardError} `SWB_CONNECTION_LOST` when the transport is closed, `SWB_OVERLOADED` when too much waits; a request is
   * answered with that error. `SWB_INVALID_MESSAGE` for what is no object.
   */
  async send(message: unknown): Promise<void> {
    if (this.#state === 'closed' || this.#state === 'new') {
      throw new SwitchboardError('SWB_CONNECTION_LOST', { detail: `the transport is ${this.#state}` });
    }
    if (isObject(message) && !Object.hasOwn(message, 'jsonrpc')) this.#channel.sendForeign(message);
    else this.#channel.send(checkMessage(message));
  }

  /**
   * The messages that are no JSON-RPC and that no handler has answered, in order; ends when the transport is closed. For one reader. What
   * came before the first call waits, up to `maxQueueMessages` and `maxQueueBytes`; beyond, the oldest is dropped.
   */
  receive(): AsyncIterableIterator<JsonObject> {
    this.#receives = true;
    return this.#foreign;
  }

  async close(): Promise<void> {
    this.#channel.close();
  }

  #receive(message: JsonObject): void {
    const { onForeign } = this.#options;
    if (onForeign === undefined) {
      this.#foreign.push(message);
      return;
    }
    const failed = (error: unknown): void => this.onerror?.(error as Error);
    try {
      this.#answers.take(
        message,
        () => onForeign(message),
        (outcome) => {
          if ('error' in outcome) failed(outcome.error);
          else if (outcome.answer === undefined) this.#foreign.push(message);
          else void this.send(outcome.answer).catch(failed);
        },
      );
    } catch (error) {
      failed(error);
    }
  }

  async #dial(): Promise<Socket> {
    const {
      token,
      ticket,
      headers = {},
      tls,
      maxMessageBytes,
      handshakeTimeoutMs,
      compression,
      subprotocol,
    } = this.#options;
    const [bearer, once] = [await fresh(token), await fresh(ticket)];
    const { hasHeaders, dial } = this.#platform;
    return dial({
      url: this.url,
      protocols: [
        ...(once === undefined ? [] : [ticketSubprotocol(once)]),
        ...(bearer === undefined || hasHeaders ? [] : [bearerSubprotocol(bearer)]),
      ],
      headers: { ...headers, ...(bearer !== undefined && hasHeaders && { authorization: `Bearer ${bearer}` }) },
      maxMessageBytes,
      handshakeTimeoutMs,
      compression,
      subprotocol,
      tls,
    });
  }

  #changed(state: ConnectionState): void {
    this.#state = state.state;
    this.#states.push(state);
    if (state.state === 'closed') this.#states.end();
  }
}

const fresh = <Value>(value: Fresh<Value> | undefined): Promise<Value> | Value | undefined =>
  typeof value === 'function' ? (value as () => Value | Promise<Value>)() : value;
