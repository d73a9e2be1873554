/** A WebSocket of the platform: of a web page, a worker, or a newer Node. */
import { SwitchboardError } from '../../protocol/errors.ts';
import { unreffed } from '../../util/timers.ts';
import { RESUMABLE } from './control.ts';
import type { Socket, SocketHandlers } from './socket.ts';
import { OFFERED } from './subprotocols.ts';

/** The code of a socket that ended without a closing handshake (RFC 6455, section 7.4.1). */
const ABNORMAL = 1006;
/** How often it is seen whether what was written has left; a page is not told. */
const SENT_CHECK_MS = 20;

/** A page or a worker is told of its network; Node is not. */
// oxlint-disable-next-line typescript/no-unnecessary-type-assertion -- the build knows no DOM
const page: Partial<Pick<EventTarget, 'addEventListener' | 'removeEventListener'>> = globalThis as object;

export class BrowserSocket implements Socket {
  readonly #socket: WebSocket;
  readonly #onOffline = (): void => this.cut();
  #handlers: SocketHandlers | undefined;
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

  listen(handlers: SocketHandlers): void {
    this.#handlers = handlers;
    this.#socket.addEventListener('message', (event) => {
      const data: unknown = event.data;
      if (typeof data === 'string') this.#handlers?.onText(data, data.length);
      else this.#handlers?.onBinary();
    });
    this.#socket.addEventListener('close', ({ code, reason }) => this.#end(code, reason));
    // Without a network a socket stays open and silent, for minutes. One that can be taken up again costs nothing to give up.
    if (this.protocol === RESUMABLE) page.addEventListener?.('offline', this.#onOffline);
  }

  write(text: string | Uint8Array): void {
    this.#socket.send(typeof text === 'string' ? text : new TextDecoder().decode(text));
    this.#unsent++;
    this.#check ??= unreffed(setInterval(() => this.#reportSent(), SENT_CHECK_MS));
  }

  close(code: number, reason: string): void {
    // A page may only say 1000 or codes of its own (WebSockets Standard, "close()").
    this.#socket.close(code < 3000 ? 1000 : code, reason);
  }

  cut(): void {
    // Left as it is: a closing handshake would tell the server that the conversation is over. The server closes what is replaced.
    this.#end(ABNORMAL, '');
  }

  #end(code: number, reason: string): void {
    const handlers = this.#handlers;
    this.#handlers = undefined;
    clearInterval(this.#check);
    page.removeEventListener?.('offline', this.#onOffline);
    handlers?.onClose(code, reason);
  }

  #reportSent(): void {
    if (this.#socket.bufferedAmount > 0) return;
    clearInterval(this.#check);
    this.#check = undefined;
    const count = this.#unsent;
    this.#unsent = 0;
    this.#handlers?.onSent(count);
  }
}

export interface BrowserDialOptions {
  handshakeTimeoutMs: number;
  /** Whether a server may select no subprotocol. A page is not told why it failed, so that it tries once more without any. */
  subprotocol: 'optional' | 'required';
}

/**
 * Opens a WebSocket from a page.
 *
 * @param protocols offered beside those of MCP; where there are any, a server has to select one of MCP's.
 * @throws {SwitchboardError} `SWB_CONNECT_FAILED`; a page is not told why.
 */
export async function dialBrowser(
  url: URL,
  protocols: readonly string[],
  { handshakeTimeoutMs, subprotocol }: BrowserDialOptions,
): Promise<Socket> {
  try {
    return await open(url, [...OFFERED, ...protocols], handshakeTimeoutMs);
  } catch (error) {
    if (subprotocol === 'required' || protocols.length > 0) throw error;
    return open(url, [], handshakeTimeoutMs);
  }
}

async function open(url: URL, protocols: string[], handshakeTimeoutMs: number): Promise<Socket> {
  const socket = new WebSocket(url, protocols);
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
