/** One WebSocket as the layers above it need it, whoever holds it: `ws` in Node, the browser's own in a page. */
import type { CloseName } from '../../protocol/close-codes.ts';

export interface SocketHandlers {
  /** @param bytes how many it was on the wire. */
  onText(text: string, bytes: number): void;
  /** A large text message as its bytes, which are UTF-8. @default `onText` */
  onLargeText?(bytes: Buffer): void;
  onBinary(): void;
  /** A ping of the peer's own accord; the answer has been sent. A browser does not tell a page. */
  onPing(): void;
  /** An answer to a ping. */
  onPong(): void;
  /** So many of the messages that were written have left this process. */
  onSent(count: number): void;
  /** A message could not be taken, and the socket closes for it; `onClose` follows. */
  onRefused(why: CloseName, what: string): void;
  /** Called once, at the end. @param code 1006 when it was cut (RFC 6455, section 7.4.1). */
  onClose(code: number, reason: string): void;
}

export interface Socket {
  /** The subprotocol that the server selected; empty when none. */
  readonly protocol: string;
  readonly isOpen: boolean;
  /** How many bytes were written and have not left. */
  readonly bufferedBytes: number;
  /** The same in smaller steps, where the platform tells: it falls while the peer reads one large message. */
  readonly unreadBytes?: number;
  /** Hands over what arrives from now on. Called once, in the turn in which the socket was got. */
  listen(handlers: SocketHandlers): void;
  write(text: string | Uint8Array): void;
  /** Sends a ping, where the platform lets a program do that. */
  ping?(): void;
  close(code: number, reason: string): void;
  /** Cuts it without a closing handshake. */
  cut(): void;
}
