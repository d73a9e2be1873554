/** Starts chats for tests, and speaks to them by hand. */
import { once } from 'node:events';
import { createDemoServer } from 'mcp-switchboard-demo';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { createChat } from '../../src/index.ts';
import type { Chat, ChatOptions } from '../../src/index.ts';
import { serverMessageSchema } from '../../src/protocol.ts';
import type { ServerMessage } from '../../src/protocol.ts';

export interface Running {
  chat: Chat;
  url: string;
}

/** A chat with the demo server and the offline model, unless told otherwise. */
export async function startChat(options: Partial<ChatOptions> = {}): Promise<Running> {
  const chat = createChat({ port: 0, upstreams: { demo: { server: () => createDemoServer() } }, ...options });
  onTestFinished(() => chat.close());
  return { chat, url: await chat.listen() };
}

export type Of<Type extends ServerMessage['type']> = ServerMessage & { type: Type };

/** A raw WebSocket that keeps what it gets, in order, and lets a test wait for it. */
export class RawClient {
  readonly socket: WebSocket;
  readonly received: ServerMessage[] = [];
  /** As they came. */
  readonly texts: string[] = [];
  closed: { code: number; reason: string } | undefined;
  #taken = 0;
  #wake: () => void = () => {};

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => {
      this.texts.push(data.toString());
      this.received.push(JSON.parse(data.toString()) as ServerMessage);
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.#wake();
    });
  }

  static async open(url: string, protocols: string[] = [], headers: Record<string, string> = {}): Promise<RawClient> {
    const socket = new WebSocket(url, protocols, { headers });
    const client = new RawClient(socket);
    onTestFinished(() => socket.terminate());
    await once(socket, 'open');
    return client;
  }

  static v2(url: string, headers: Record<string, string> = {}): Promise<RawClient> {
    return RawClient.open(url, ['chat.v2'], headers);
  }

  send(message: object | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** The next message, whichever it is. */
  async next(): Promise<ServerMessage> {
    await this.#until(() => this.received.length > this.#taken);
    return this.received[this.#taken++]!;
  }

  /** The next message of this type; those before it are passed over. */
  async get<Type extends ServerMessage['type']>(
    type: Type,
    matches: (message: Of<Type>) => boolean = () => true,
  ): Promise<Of<Type>> {
    for (;;) {
      const message = await this.next();
      if (message.type === type && matches(message as Of<Type>)) return message as Of<Type>;
    }
  }

  async end(): Promise<{ code: number; reason: string }> {
    await this.#until(() => this.closed !== undefined);
    return this.closed!;
  }

  /** Whether everything that was received is in the document. */
  get allAreKnown(): boolean {
    return this.received.every((message) => serverMessageSchema.safeParse(message).success);
  }

  async #until(holds: () => boolean): Promise<void> {
    const deadline = Date.now() + 25_000;
    while (!holds()) {
      if (this.closed !== undefined && this.received.length === this.#taken) throw new Error('the socket is closed');
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new Error(`not in 25 s; the last was ${this.texts.at(-1)}`));
        }, deadline - Date.now());
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
