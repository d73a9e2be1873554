/** The socket of a client at another node, for the session that is here. */
import type { LineHandlers, PeerLine } from 'mcp-switchboard';

import { ChatFailure } from '../failure.ts';
import type { ServerMessage } from '../protocol/server-messages.ts';
import type { CloseReason, Outlet, Receiver } from '../session/link.ts';
import { Again } from './again.ts';
import { readUp } from './messages.ts';
import type { Down, ClientFacts } from './messages.ts';

export class RemoteOutlet implements Outlet, LineHandlers {
  readonly address: string;
  readonly principal: string;
  readonly organization: string | undefined;
  readonly peer: Outlet['peer'];
  session: Receiver | undefined;
  readonly #line: PeerLine;
  #moving: { resolve(): void; reject(error: Error): void } | undefined;

  constructor(line: PeerLine, { principal, organization, address, peer }: ClientFacts) {
    this.#line = line;
    this.principal = principal;
    this.organization = organization;
    this.address = address;
    this.peer = peer;
  }

  onText(text: string): void {
    const message = readUp(text);
    if (message === undefined) return;
    if ('text' in message) this.session?.receive(message.text);
    else if (message.moved) this.#moving?.resolve();
    else {
      const { code, message: reason, again } = message;
      this.#moving?.reject(again ? new Again(reason) : new ChatFailure(code, reason));
    }
  }

  onClose(reason: string): void {
    this.#moving?.reject(new Again(reason));
    this.session?.disconnected(this);
  }

  accept(): void {
    this.#say({ accepted: true });
  }

  /** The session does not go on here. */
  refuse(error: ChatFailure | Again): void {
    const { message } = error;
    if (error instanceof Again) this.#say({ refused: { code: 'unavailable', message, again: true } });
    else this.#say({ refused: { code: error.code, message } });
    this.#line.close();
  }

  send(message: ServerMessage): void {
    this.#say({ say: message });
  }

  close(why: CloseReason, reason: string): void {
    this.#say({ close: [why, reason] });
    this.#line.close();
  }

  async moveTo(node: string, greeting: object): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#moving = { resolve, reject };
      this.#say({ move: { node, greeting } });
    });
  }

  pass(texts: readonly string[]): void {
    this.#say({ rest: [...texts] });
    this.#line.close();
  }

  #say(message: Down): void {
    this.#line.send(JSON.stringify(message));
  }
}
