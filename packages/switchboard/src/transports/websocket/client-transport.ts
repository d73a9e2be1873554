/** The client's end of a WebSocket as a `Transport` of the official SDK, versions 1 and 2, and for messages of one's own. */
import { SwitchboardError } from '../../protocol/errors.ts';
import { checkMessage } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { Feed } from '../../util/feed.ts';
import type { Traffic } from '../channel.ts';
import type { SdkTransport } from '../sdk.ts';
import type { ClientTls } from '../tls/client-tls.ts';
import { connectSocket } from './dialer.ts';
import { ReconnectingChannel } from './reconnecting.ts';
import type { ConnectionState } from './reconnecting.ts';
import type { Socket } from './socket.ts';
import { bearerSubprotocol, ticketSubprotocol } from './subprotocols.ts';

/** A value, or how to get one each time a socket is opened. */
type Fresh<Value> = Value | (() => Value | Promise<Value>);

export interface ClientTransportOptions {
  /** A bearer token: in the `Authorization` header from Node, beside the subprotocols from a browser. */
  token?: Fresh<string>;
  /** A ticket that is good for one connection; a function gets a new one for each. */
  ticket?: Fresh<string>;
  /** Headers of the handshake; a browser cannot send any. */
  headers?: Readonly<Record<string, string>>;
  /** What is shown and trusted where the server speaks TLS; a browser has its own. */
  tls?: ClientTls;
  /** Takes messages that are no JSON-RPC; what it returns is sent back. Without it {@link ClientTransport.receive} gives them. */
  onForeign?: (message: JsonObject) => unknown;
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
  /** How often a ping is sent, in ms; a browser cannot. @default 25000 */
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
  giveUpAfterMs: 120_000,
  resumeWindowMs: 120_000,
  maxQueueMessages: 1000,
  maxQueueBytes: 16 * 1024 * 1024,
  maxMessageBytes: 64 * 1024 * 1024,
  pingIntervalMs: 25_000,
  handshakeTimeoutMs: 15_000,
  compression: false,
};
/** How many changes of state wait for who follows them. */
const MAX_STATES = 100;

export class ClientTransport implements SdkTransport {
  onmessage?: ((message: never) => void) | undefined;
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  readonly url: URL;
  readonly #options: FilledOptions;
  readonly #platform: Platform;
  readonly #channel: ReconnectingChannel;
  readonly #states: Feed<ConnectionState> = new Feed(MAX_STATES);
  readonly #foreign: Feed<JsonObject>;
  #state: ConnectionState['state'] | 'new' = 'new';

  constructor(url: string | URL, options: ClientTransportOptions, platform: Platform) {
    this.url = new URL(url);
    const all = { ...TRANSPORT_DEFAULTS, ...options } as FilledOptions;
    this.#options = all;
    this.#platform = platform;
    this.#foreign = new Feed(all.maxQueueMessages, () => {
      const detail = `${all.maxQueueMessages} messages wait to be received; the oldest was dropped`;
      this.onerror?.(new SwitchboardError('SWB_OVERLOADED', { detail }));
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
          onResumed: () => this.#changed({ state: 'open', resumed: true }),
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
        else void this.#receive(foreign);
      },
      onClose: () => {
        this.#foreign.end();
        this.onclose?.();
      },
    });
  }

  /**
   * Sends a message of MCP, or any other JSON object. Resolves when it is on its way or waits for the connection to come back.
   *
   * @throws {SwitchboardError} `SWB_CONNECTION_LOST` when the transport is closed, `SWB_OVERLOADED` when too much waits; a request is
   * answered with that error.
   */
  async send(message: unknown): Promise<void> {
    if (this.#state === 'closed' || this.#state === 'new') {
      throw new SwitchboardError('SWB_CONNECTION_LOST', { detail: `the transport is ${this.#state}` });
    }
    const value = message as JsonObject;
    if (Object.hasOwn(value, 'jsonrpc')) this.#channel.send(checkMessage(value));
    else this.#channel.sendForeign(value);
  }

  /** The messages that are no JSON-RPC, in order; ends when the transport is closed. For one reader. */
  receive(): AsyncIterableIterator<JsonObject> {
    return this.#foreign;
  }

  async close(): Promise<void> {
    this.#channel.close();
  }

  async #receive(message: JsonObject): Promise<void> {
    const { onForeign } = this.#options;
    if (onForeign === undefined) {
      this.#foreign.push(message);
      return;
    }
    try {
      const answer: unknown = await onForeign(message);
      if (answer !== undefined) await this.send(answer);
    } catch (error) {
      this.onerror?.(error as Error);
    }
  }

  async #dial(): Promise<Socket> {
    const { token, ticket, headers = {}, tls, maxMessageBytes, handshakeTimeoutMs, compression } = this.#options;
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
