/** The connection between one person's session and a client: the socket that there is now, and the token by which another takes its place. */
import { randomBytes } from 'node:crypto';

import type { OwnMessage } from '../protocol/own-messages.ts';
import type { ServerMessage } from '../protocol/server-messages.ts';
import { basic } from '../protocol/basic.ts';

export type CloseReason = 'normal' | 'idle' | 'goingAway' | 'policy' | 'overloaded';

/** Whoever hears a client. */
export interface Receiver {
  receive(text: string): void;
  /** This socket of the client is gone. */
  disconnected(outlet: Outlet): void;
}

/** One socket of a client, here or at another node. */
export interface Outlet {
  /** Whoever hears it now. */
  session: Receiver | undefined;
  /** Where it comes from, as its network is counted. */
  readonly address: string;
  readonly principal: string;
  /** The organization that the host knows the principal to belong to. */
  readonly organization: string | undefined;
  /** For operators: the very address, and what the client calls itself. */
  readonly peer: { address: string; userAgent: string };
  send(message: ServerMessage): void;
  close(why: CloseReason, reason: string): void;
  /**
   * Has another node take the session over. What the client says meanwhile may still come here, until {@link pass} is called.
   *
   * @param greeting what the other node needs to know.
   * @throws {ChatFailure} when it refuses; `Again` when it does not have what is looked for any more.
   */
  moveTo(node: string, greeting: object): Promise<void>;
  /** The session is over here: the other node goes on with what the client has said that was not taken up. */
  pass(texts: readonly string[]): void;
}

export interface LinkOptions {
  /** Whether it speaks `chat.v2`; only then can a socket be replaced. */
  isV2: boolean;
  /** Takes each token that is good from now on, in place of the one before. */
  onToken(token: string): void;
  /** How long a client may be away, in ms. */
  windowMs: number;
  /** The node that tokens name, so that other nodes find the session; empty where there is one node. */
  node(): string;
  /** The client did not come back in time. */
  onLost(): void;
}

export class Link {
  readonly #options: LinkOptions;
  #outlet: Outlet | undefined;
  #peer: Outlet['peer'];
  #token = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(outlet: Outlet, options: LinkOptions) {
    this.#options = options;
    this.#outlet = outlet;
    this.#peer = outlet.peer;
  }

  get isConnected(): boolean {
    return this.#outlet !== undefined;
  }

  /** Of the client that is or was connected. */
  get peer(): Outlet['peer'] {
    return this.#peer;
  }

  /** The socket that there is now. */
  get outlet(): Outlet | undefined {
    return this.#outlet;
  }

  /** Where the client comes from, as its network is counted; empty while it is away. */
  get address(): string {
    return this.#outlet?.address ?? '';
  }

  /** A client that is away does not get it. */
  send(message: ServerMessage): void {
    const said = this.#options.isV2 ? message : basic(message);
    if (said !== undefined) this.#outlet?.send(said);
  }

  /** Sends a message of the program's own, as it is. */
  sendOwn(message: OwnMessage): void {
    this.#outlet?.send(message as unknown as ServerMessage);
  }

  /** A new token; the one before is worth nothing from now on. */
  renewToken(): string {
    const node = this.#options.node();
    this.#token = `${node === '' ? '' : `${node}.`}${randomBytes(24).toString('base64url')}`;
    if (this.#options.isV2) this.#options.onToken(this.#token);
    return this.#token;
  }

  isOpenedBy(token: string): boolean {
    return this.#options.isV2 && token === this.#token;
  }

  /** A socket is gone: one that can be replaced is waited for. @returns whether it was the one that there is now. */
  lost(outlet: Outlet): boolean {
    if (this.#outlet !== outlet) return false;
    this.#outlet = undefined;
    const { isV2, windowMs, onLost } = this.#options;
    if (isV2) this.#timer = setTimeout(onLost, windowMs);
    return true;
  }

  replace(outlet: Outlet): void {
    clearTimeout(this.#timer);
    const old = this.#outlet;
    this.#outlet = outlet;
    this.#peer = outlet.peer;
    if (old !== outlet) old?.close('normal', 'the session goes on with another connection');
  }

  /** Gives the socket away. @returns undefined while the client is away. */
  handOver(): Outlet | undefined {
    const outlet = this.#outlet;
    this.#outlet = undefined;
    return outlet;
  }

  /** @param why leaves the socket open where it is undefined. */
  end(why: CloseReason | undefined, reason: string): void {
    clearTimeout(this.#timer);
    if (why !== undefined) this.#outlet?.close(why, reason);
    this.#outlet = undefined;
  }
}
