/** The SSE transport of 2024 by hand: an event stream, read event by event, and POSTs to where its first event says. */
import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { onTestFinished } from 'vitest';

import { http } from './http.ts';
import type { HttpAnswer } from './http.ts';
import { initializeParams, toolCall } from './wire.ts';
import type { Json } from './wire.ts';

export class SseWire {
  /** The names of the events, in the order in which they came. */
  readonly names: string[] = [];
  readonly received: Json[] = [];
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly closed: Promise<void>;
  readonly #response: IncomingMessage;
  readonly #base: string;
  readonly #waiting: { matches: (message: Json) => boolean; resolve: (message: Json) => void }[] = [];
  readonly #named: Promise<string>;

  private constructor(base: string, response: IncomingMessage) {
    this.#base = base;
    this.#response = response;
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    this.closed = new Promise((resolve) => response.once('close', resolve));
    response.setEncoding('utf8');
    response.on('error', () => {});
    this.#named = new Promise((resolve) => {
      let buffer = '';
      response.on('data', (chunk: string) => {
        buffer += chunk;
        for (let end = buffer.indexOf('\n\n'); end !== -1; end = buffer.indexOf('\n\n')) {
          const [, name = '', data = ''] = /^event: (.*)\ndata: (.*)$/.exec(buffer.slice(0, end)) ?? [];
          buffer = buffer.slice(end + 2);
          if (name === '') continue;
          this.names.push(name);
          if (name === 'endpoint') resolve(data);
          else this.#take(JSON.parse(data) as Json);
        }
      });
    });
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<SseWire> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = httpRequest(url, { headers: { accept: 'text/event-stream', ...headers }, agent: false }, resolve);
      onTestFinished(() => void request.destroy());
      request.on('error', reject);
      request.end();
    });
    return new SseWire(url, response);
  }

  /** Opens a session. */
  static async session(url: string, capabilities: Json = {}): Promise<SseWire> {
    const client = await SseWire.open(url);
    await client.post({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams(capabilities) });
    await client.answer(0);
    await client.post({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return client;
  }

  /** What the stream said: where to POST. */
  endpoint(): Promise<string> {
    return this.#named;
  }

  async post(body: Json | string, headers: Record<string, string> = {}): Promise<HttpAnswer> {
    return http(new URL(await this.endpoint(), this.#base).href, { headers: { accept: '*/*', ...headers }, body });
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

  request(method: string): Promise<Json> {
    return this.next((message) => message['method'] === method && 'id' in message);
  }

  notification(method: string): Promise<Json> {
    return this.next((message) => message['method'] === method && !('id' in message));
  }

  async call(id: unknown, name: string, args: Json = {}, meta?: Json): Promise<Json> {
    await this.post(toolCall(id, name, args, meta));
    return this.answer(id);
  }

  /** Reads no more. */
  pause(): void {
    this.#response.pause();
  }

  destroy(): void {
    this.#response.destroy();
  }

  #take(message: Json): void {
    const at = this.#waiting.findIndex(({ matches }) => matches(message));
    if (at === -1) this.received.push(message);
    else this.#waiting.splice(at, 1)[0]!.resolve(message);
  }
}
