/** A client's socket at this node. Its session is here, or at another node: then all that is said goes there and back as it is. */
import type { PeerLine, Peers } from 'mcp-switchboard';
import { addressBlock } from 'mcp-switchboard';
import type { WebSocketClient } from 'mcp-switchboard/websocket';

import { ChatFailure } from '../failure.ts';
import type { ServerMessage } from '../protocol/server-messages.ts';
import type { CloseReason, Outlet, Receiver } from '../session/link.ts';
import { Again } from './again.ts';
import { readDown } from './messages.ts';
import type { Down, Up } from './messages.ts';

/** How much a client may say while its session is on its way. */
const MAX_HELD = 64;
const NODE_GONE = 'the node that had the session is gone; connect again';

export class ClientSocket implements Outlet {
  readonly address: string;
  readonly principal: string;
  readonly organization: string | undefined;
  readonly peer: Outlet['peer'];
  /** The session, where it is here. */
  session: Receiver | undefined;
  readonly #client: WebSocketClient;
  readonly #peers: Peers | undefined;
  /** To the node that has the session. */
  #line: PeerLine | undefined;
  /** What the client says while its session is on its way. */
  #held: string[] | undefined;
  #isGone = false;

  constructor(client: WebSocketClient, organization: string | undefined, peers: Peers | undefined) {
    this.#client = client;
    this.#peers = peers;
    this.address = addressBlock(client.address);
    this.principal = client.principal;
    this.organization = organization;
    this.peer = { address: client.address, userAgent: client.userAgent };
  }

  /** Whether its session is at another node. */
  get isElsewhere(): boolean {
    return this.#line !== undefined;
  }

  /** The client has said something. */
  receive(text: string): void {
    if (this.#held !== undefined) {
      this.#held.push(text);
      if (this.#held.length > MAX_HELD)
        this.close('overloaded', 'too many messages while the session changes its node');
    } else if (this.#line !== undefined) say(this.#line, { text });
    else this.session?.receive(text);
  }

  /** The client is gone. */
  gone(): void {
    this.#isGone = true;
    this.#line?.close();
    this.session?.disconnected(this);
  }

  send(message: ServerMessage): void {
    this.#client.send({ ...message });
  }

  close(why: CloseReason, reason: string): void {
    this.#client.close(why, reason);
  }

  /** @throws {ChatFailure} when the other node refuses. @throws {Again} */
  async moveTo(node: string, greeting: object): Promise<void> {
    await this.#open(node, greeting);
    this.session = undefined;
  }

  pass(texts: readonly string[]): void {
    const all = [...texts, ...(this.#held ?? [])];
    this.#held = undefined;
    for (const text of all) this.receive(text);
  }

  /** Resolves when the other node has the session; what the client says is held from then on. */
  async #open(node: string, greeting: object): Promise<void> {
    let settle: { accept(): void; refuse(error: Error): void } | undefined;
    const answered = new Promise<void>((resolve, reject) => (settle = { accept: resolve, refuse: reject }));
    answered.catch(() => {});
    const line = await this.#peers!
      .open(node, greeting as Record<string, unknown>, {
        onText: (text) => {
          const message = readDown(text);
          if (message === undefined) return;
          if ('accepted' in message) {
            if (this.#isGone) {
              settle!.refuse(new ChatFailure('not_found', 'The client is gone.'));
              line.close();
              return;
            }
            this.#line = line;
            this.#held ??= [];
            settle!.accept();
          } else if ('refused' in message) {
            const { code, message: reason, again } = message.refused;
            settle!.refuse(again === true ? new Again(reason) : new ChatFailure(code, reason));
            line.close();
          } else this.#hear(line, message);
        },
        onClose: (reason) => {
          settle!.refuse(new Again(reason));
          if (this.#line === line) this.close('goingAway', NODE_GONE);
          // The node that the session came from will not say any more what was not taken up there.
          else if (this.#line !== undefined && this.#held !== undefined) this.pass([]);
        },
      })
      .catch((error: unknown) => {
        throw new Again(String(error));
      });
    await answered;
  }

  #hear(line: PeerLine, message: Exclude<Down, { accepted: true } | { refused: object }>): void {
    if ('say' in message) this.send(message.say);
    else if ('close' in message) this.close(...message.close);
    else if ('move' in message) void this.#follow(line, message.move);
    else {
      line.close();
      this.pass(message.rest);
    }
  }

  /** The session goes from one node to another. Never rejects. */
  async #follow(from: PeerLine, { node, greeting }: { node: string; greeting: object }): Promise<void> {
    try {
      await this.#open(node, greeting);
      say(from, { moved: true });
    } catch (error) {
      const code = error instanceof ChatFailure ? error.code : 'unavailable';
      say(from, { moved: false, code, message: (error as Error).message, again: error instanceof Again });
    }
  }
}

const say = (line: PeerLine, message: Up): void => line.send(JSON.stringify(message));
