/** A WebSocket of the platform: of a web page, a worker, or a newer Node. */
import { SwitchboardError } from '../../protocol/errors.ts';
import { unreffed } from '../../util/timers.ts';
import type { Socket, SocketEars } from './socket.ts';
import { SUBPROTOCOLS } from './subprotocols.ts';

/** How often it is seen whether what was written has left; a page is not told. */
const SENT_CHECK_MS = 20;

export class BrowserSocket implements Socket {
  readonly #socket: WebSocket;
  #onSent: (count: number) => void = () => {};
  #unsent = 0;
  #check: ReturnType<typeof setInterval> | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  listen(ears: SocketEars): void {
    this.#onSent = (count) => ears.onSent(count);
    this.#socket.addEventListener('message', (event) => {
      const data: unknown = event.data;
      if (typeof data === 'string') ears.onText(data, data.length);
      else ears.onBinary();
    });
    this.#socket.addEventListener('close', ({ code, reason }) => {
      clearInterval(this.#check);
      ears.onClose(code, reason);
    });
  }

  write(text: string | Uint8Array): void {
    this.#socket.send(typeof text === 'string' ? text : new TextDecoder().decode(text));
    this.#unsent++;
    this.#check ??= unreffed(setInterval(() => this.#tellSent(), SENT_CHECK_MS));
  }

  close(code: number, reason: string): void {
    // A page may only say 1000 or codes of its own (WebSockets Standard, "close()").
    this.#socket.close(code < 3000 ? 1000 : code, reason);
  }

  cut(): void {
    this.#socket.close();
  }

  #tellSent(): void {
    if (this.#socket.bufferedAmount > 0) return;
    clearInterval(this.#check);
    this.#check = undefined;
    const count = this.#unsent;
    this.#unsent = 0;
    this.#onSent(count);
  }
}

export interface BrowserDialOptions {
  handshakeTimeoutMs: number;
}

/**
 * Opens a WebSocket from a page.
 *
 * @param protocols offered beside those of MCP.
 * @throws {SwitchboardError} `SWB_CONNECT_FAILED`; a page is not told why.
 */
export async function dialBrowser(
  url: URL,
  protocols: readonly string[],
  { handshakeTimeoutMs }: BrowserDialOptions,
): Promise<Socket> {
  const socket = new WebSocket(url, [...SUBPROTOCOLS, ...protocols]);
  await new Promise<void>((resolve, reject) => {
    const fail = (what: string): void => {
      clearTimeout(timer);
      socket.close();
      reject(new SwitchboardError('SWB_CONNECT_FAILED', { detail: `${url.origin}${url.pathname}: ${what}` }));
    };
    const timer = setTimeout(() => fail(`no answer within ${handshakeTimeoutMs} ms`), handshakeTimeoutMs);
    socket.addEventListener('error', () => fail('the WebSocket could not be opened'), { once: true });
    socket.addEventListener(
      'open',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
  return new BrowserSocket(socket);
}
