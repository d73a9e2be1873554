/** A legacy session over HTTP, by hand. */
import { expect } from 'vitest';

import { http, stream } from './http.ts';
import type { EventStream, HttpAnswer } from './http.ts';
import { initializeParams } from './wire.ts';
import type { Json } from './wire.ts';

export class HttpClient {
  readonly url: string;
  /** What every request of it has: the session, and what it shows. */
  headers: Record<string, string>;
  #id = 0;

  private constructor(url: string, headers: Record<string, string>) {
    this.url = url;
    this.headers = headers;
  }

  /** @param capabilities what the client declares. */
  static async open(url: string, headers: Record<string, string> = {}, capabilities: Json = {}): Promise<HttpClient> {
    const body = { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams(capabilities) };
    const answer = await http(url, { body, headers });
    expect({ status: answer.status, body: answer.body }).toMatchObject({ status: 200 });
    const client = new HttpClient(url, { ...headers, 'mcp-session-id': String(answer.headers['mcp-session-id']) });
    expect((await client.post({ jsonrpc: '2.0', method: 'notifications/initialized' })).status).toBe(202);
    return client;
  }

  post(body: Json, headers: Record<string, string> = this.headers): Promise<HttpAnswer> {
    return http(this.url, { body, headers });
  }

  /** A request, with the HTTP status beside its answer. */
  async ask(method: string, params: Json = {}): Promise<Json> {
    const id = ++this.#id;
    const { status, body } = await this.post({ jsonrpc: '2.0', id, method, params });
    const texts = body.startsWith('{') ? [body] : [...body.matchAll(/^data: (\{.*)$/gm)].map(([, text]) => text!);
    const messages = texts.map((text) => JSON.parse(text) as Json);
    return { status, ...messages.find((message) => !('method' in message)) };
  }

  call(name: string, args: Json = {}): Promise<Json> {
    return this.ask('tools/call', { name, arguments: args });
  }

  /** The GET stream. @param lastEventId where it was cut. */
  listen(lastEventId?: string): Promise<EventStream> {
    const headers = { ...this.headers, ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) };
    return stream(this.url, { headers });
  }

  async end(): Promise<number> {
    return (await http(this.url, { method: 'DELETE', headers: this.headers })).status;
  }
}
