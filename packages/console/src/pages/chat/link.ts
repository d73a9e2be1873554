import { waitBefore } from '../common/backoff.ts';
import { CHAT_V2, type ClientMessage, type ServerMessage } from './wire.ts';

/** What is needed of a WebSocket; the browser's, or another in tests. */
export type Connect = (url: string, protocols: string[]) => WebSocket;

export interface LinkOptions {
  readonly url: string;
  /** A bearer token, for servers that ask for one before they talk. */
  readonly token?: string | undefined;
  readonly connect?: Connect;
  readonly random?: () => number;
  onConnecting(): void;
  onMessage(message: ServerMessage): void;
  /** The connection is lost, and will be tried again at `retryAt`, in milliseconds since 1970. */
  onCut(retryAt: number): void;
  /** The server ended the conversation: it is not tried again unless `retry` is called. */
  onEnded(code: number): void;
}

/** Close codes after which coming back by oneself would be wrong: the end was asked for, or the session was idle. */
export const FINAL_CODES: ReadonlySet<number> = new Set([1000, 3008]);

/** How often the server is asked whether it is there, and how long it may be silent after that, in milliseconds. */
const PING_MS = 25_000;
const PONG_MS = 10_000;

/** An attempt that has not led to a connection by then is given up, in milliseconds. */
const CONNECT_MS = 15_000;

const base64Url = (text: string): string =>
  btoa(String.fromCharCode(...new TextEncoder().encode(text)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

/**
 * A connection that comes back by itself, with longer waits after each failure in a row, and at once when the browser says that
 * there is a network again. It carries messages; what they mean is known elsewhere.
 */
export class Link {
  readonly #options: LinkOptions;
  #socket: WebSocket | undefined;
  #attempt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Connects now: at first, and instead of waiting for the next attempt. */
  retry = (): void => {
    if (this.#closed || this.#socket !== undefined) return;
    clearTimeout(this.#timer);
    const { connect = (url, protocols) => new WebSocket(url, protocols), url, token } = this.#options;
    this.#options.onConnecting();
    const socket = connect(url, token === undefined ? [CHAT_V2] : [CHAT_V2, `mcp.auth.${base64Url(token)}`]);
    this.#socket = socket;
    // A socket that was replaced or closed may still say something; nobody listens then.
    const current = (): boolean => this.#socket === socket;
    this.#limit(CONNECT_MS);
    socket.addEventListener('message', ({ data }) => {
      if (!current() || typeof data !== 'string') return;
      this.#attempt = 0;
      this.#watch();
      const message = parse(data);
      if (message !== undefined) this.#options.onMessage(message);
    });
    socket.addEventListener('close', ({ code }) => {
      if (current()) this.#lost(code);
    });
  };

  /** Sends a message; false if there is no connection to send it on. */
  send(message: ClientMessage): boolean {
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Ends it for good. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close(1000);
    this.#socket = undefined;
  }

  #lost(code: number): void {
    clearTimeout(this.#timer);
    this.#socket = undefined;
    if (FINAL_CODES.has(code)) {
      this.#options.onEnded(code);
      return;
    }
    const wait = waitBefore(this.#attempt++, this.#options.random);
    this.#timer = setTimeout(this.retry, wait);
    this.#options.onCut(Date.now() + wait);
  }

  /** A connection may be gone without a word: then pings are not answered. */
  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.send({ type: 'ping' });
      this.#limit(PONG_MS);
    }, PING_MS);
  }

  #limit(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const socket = this.#socket;
      this.#lost(1006);
      socket?.close();
    }, milliseconds);
  }
}

function parse(data: string): ServerMessage | undefined {
  try {
    const message: unknown = JSON.parse(data);
    return typeof message === 'object' && message !== null ? (message as ServerMessage) : undefined;
  } catch {
    return undefined;
  }
}
