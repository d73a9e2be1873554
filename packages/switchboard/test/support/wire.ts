/** A client that writes the wire by hand: raw JSON in WebSocket frames, ids as the test wants them. */
import type { IncomingMessage } from 'node:http';
import { expect, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import type { ClientOptions } from 'ws';

export type Json = Record<string, unknown>;

export class WireClient {
  readonly socket: WebSocket;
  readonly received: Json[] = [];
  readonly #waiting: { matches: (message: Json) => boolean; resolve: (message: Json) => void }[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Json;
      const at = this.#waiting.findIndex(({ matches }) => matches(message));
      if (at === -1) this.received.push(message);
      else this.#waiting.splice(at, 1)[0]!.resolve(message);
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.once('close', (code: number, reason: Buffer) => resolve({ code, reason: reason.toString() }));
    });
  }

  static async open(
    url: string,
    options: ClientOptions = {},
    protocols: string[] = ['mcp'],
    onUpgrade: (response: IncomingMessage) => void = () => {},
  ): Promise<WireClient> {
    const socket = new WebSocket(url, protocols, options).once('upgrade', onUpgrade);
    const client = new WireClient(socket);
    onTestFinished(() => socket.terminate());
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => resolve());
      socket.once('error', reject);
    });
    return client;
  }

  /** Opens a legacy session. */
  static async session(url: string, capabilities: Json = {}): Promise<WireClient> {
    const client = await WireClient.open(url);
    client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams(capabilities) });
    await client.answer(0);
    client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return client;
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** The first message that matches, received already or still to come. */
  next(matches: (message: Json) => boolean): Promise<Json> {
    const at = this.received.findIndex(matches);
    if (at !== -1) return Promise.resolve(this.received.splice(at, 1)[0]!);
    return new Promise((resolve) => this.#waiting.push({ matches, resolve }));
  }

  answer(id: unknown): Promise<Json> {
    return this.next((message) => message['id'] === id && !('method' in message));
  }

  notification(method: string): Promise<Json> {
    return this.next((message) => message['method'] === method && !('id' in message));
  }

  request(method: string): Promise<Json> {
    return this.next((message) => message['method'] === method && 'id' in message);
  }

  /** Listens in the modern era, and waits until all of it was agreed to. */
  async listen(notifications: Json, capabilities: Json = {}): Promise<void> {
    const params = { notifications, _meta: envelope(capabilities) };
    this.send({ jsonrpc: '2.0', id: 'l', method: 'subscriptions/listen', params });
    const agreed = await this.notification('notifications/subscriptions/acknowledged');
    expect(agreed['params']).toMatchObject({ notifications });
  }

  /** Calls a tool, and gives its answer. */
  call(id: unknown, name: string, args: Json = {}, meta?: Json): Promise<Json> {
    this.send(toolCall(id, name, args, meta));
    return this.answer(id);
  }
}

/** The params of `initialize`. */
export const initializeParams = (capabilities: Json = {}): Json => ({
  protocolVersion: '2025-11-25',
  capabilities,
  clientInfo: { name: 'wire', version: '1' },
});

export const toolCall = (id: unknown, name: string, args: Json = {}, meta?: Json): Json => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args, ...(meta && { _meta: meta }) },
});

/** The envelope of a modern request. */
export const envelope = (capabilities: Json = {}): Json => ({
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': capabilities,
  'io.modelcontextprotocol/clientInfo': { name: 'wire', version: '1' },
});

export const textOf = (answer: Json): string =>
  ((answer['result'] as { content: { text: string }[] }).content[0] as { text: string }).text;
