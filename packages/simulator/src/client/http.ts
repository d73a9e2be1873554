/** Connections over Streamable HTTP: a POST for each message, answered by JSON or by a stream of events; a client has sockets of its own. */
import { StringDecoder } from 'node:string_decoder';
import { createParser } from 'eventsource-parser';
import { Pool } from 'undici';
import type { Dispatcher } from 'undici';

import { CLOSE_MS } from './connection.ts';
import type { About, Connection, ConnectionEvents, Dial } from './connection.ts';
import type { Tls } from './tls.ts';

const ACCEPT = 'application/json, text/event-stream';
/** Failures after which there is nobody to speak to. */
const NOBODY = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']);

export interface HttpOptions {
  url: URL;
  headers: Readonly<Record<string, string>>;
  tls?: Tls | undefined;
  /** Sent as `MCP-Protocol-Version`. */
  version: string;
  /** Whether method and name are mirrored in headers (MCP 2026-07-28, Streamable HTTP), and hanging up cancels. */
  modern: boolean;
}

// oxlint-disable-next-line typescript/require-await -- other transports have to wait, and a caller need not know
export const httpDial =
  (options: HttpOptions): Dial =>
  async (events) =>
    new HttpConnection(options, events);

class HttpConnection implements Connection {
  readonly #options: HttpOptions;
  readonly #events: ConnectionEvents;
  readonly #pool: Pool;
  readonly #open = new Map<Dispatcher.DispatchController, number | undefined>();
  readonly #headers: Record<string, string>;
  #session = false;
  #paused = false;
  #over = false;

  constructor(options: HttpOptions, events: ConnectionEvents) {
    this.#options = options;
    this.#events = events;
    const { url, tls } = options;
    const timeouts = { bodyTimeout: 0, headersTimeout: 0 };
    this.#pool = new Pool(url.origin, {
      pipelining: 1,
      ...timeouts,
      ...(tls !== undefined && { connect: { ...tls } }),
    });
    this.#headers = { ...options.headers, accept: ACCEPT, 'mcp-protocol-version': options.version };
  }

  send(text: string, { id, method, name }: About): void {
    const headers: Record<string, string> = { ...this.#headers, 'content-type': 'application/json' };
    if (this.#options.modern) {
      if (method !== undefined) headers['mcp-method'] = method;
      if (name !== undefined) headers['mcp-name'] = encodeHeader(name);
    }
    this.#dispatch('POST', headers, text, id);
  }

  listen(): void {
    this.#dispatch('GET', { ...this.#headers, accept: 'text/event-stream' }, undefined, undefined);
  }

  hangUp(id: number): boolean {
    if (!this.#options.modern) return false;
    for (const [controller, each] of this.#open) {
      if (each !== id) continue;
      this.#open.delete(controller);
      controller.abort(new Error('cancelled'));
    }
    return true;
  }

  async close(): Promise<void> {
    if (this.#session && !this.#over) {
      this.#over = true;
      const path = this.#path;
      const leave = this.#pool
        .request({ path, method: 'DELETE', headers: this.#headers })
        .then(({ body }) => body.dump());
      await Promise.race([leave.catch(() => {}), new Promise((resolve) => void setTimeout(resolve, CLOSE_MS).unref())]);
    }
    this.cut();
  }

  cut(): void {
    this.#over = true;
    this.#pool.destroy().catch(() => {});
  }

  pause(): void {
    this.#paused = true;
    for (const controller of this.#open.keys()) controller.pause();
  }

  resume(): void {
    this.#paused = false;
    for (const controller of this.#open.keys()) controller.resume();
  }

  get #path(): string {
    return this.#options.url.pathname + this.#options.url.search;
  }

  #dispatch(
    method: 'GET' | 'POST',
    headers: Record<string, string>,
    body: string | undefined,
    id: number | undefined,
  ): void {
    let read: (chunk: Buffer | undefined) => void = () => {};
    let status = 0;
    const take = (text: string): void => {
      if (!this.#over) this.#events.message(text);
    };
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: (controller) => void this.#open.set(controller, id),
      onResponseStart: (controller, code, { 'mcp-session-id': session, 'content-type': type }) => {
        status = code;
        if (typeof session === 'string' && code < 400) this.#adopt(session);
        read = String(type).startsWith('text/event-stream') ? events(take) : whole(take);
        if (this.#paused) controller.pause();
      },
      onResponseData: (_controller, chunk) => {
        if (method === 'POST' || status < 400) read(chunk);
      },
      onResponseEnd: (controller) => {
        this.#open.delete(controller);
        // A server need not have the stream that GET asks for.
        if (method === 'GET') return;
        read(undefined);
        if (this.#over || id === undefined) return;
        if (status === 404 && this.#session) this.#events.ended('HTTP 404, session gone');
        else if (status >= 400) this.#events.failed(id, `HTTP ${status}`);
        else this.#events.unanswered(id);
      },
      onResponseError: (controller, error: NodeJS.ErrnoException) => {
        const known = this.#open.delete(controller);
        if (this.#over || method === 'GET') return;
        const reason = error.code ?? error.message;
        if (NOBODY.has(reason)) this.#events.ended(reason);
        else if (known && id !== undefined) this.#events.failed(id, reason);
      },
    };
    try {
      this.#pool.dispatch({ path: this.#path, method, headers, body: body ?? null }, handler);
    } catch (error) {
      // In a later turn, as all failures: whoever sends is not ready yet.
      if (id !== undefined) setImmediate(() => this.#events.failed(id, (error as Error).message));
    }
  }

  #adopt(session: string): void {
    if (this.#options.modern) return;
    this.#session = true;
    this.#headers['mcp-session-id'] = session;
  }
}

/** The body as one message, given when it is complete. */
function whole(take: (text: string) => void): (chunk: Buffer | undefined) => void {
  const chunks: Buffer[] = [];
  return (chunk) => {
    if (chunk !== undefined) {
      chunks.push(chunk);
      return;
    }
    const text = (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString();
    if (text.startsWith('{')) take(text);
  };
}

/** The data of each event as one message. */
function events(take: (text: string) => void): (chunk: Buffer | undefined) => void {
  const decoder = new StringDecoder();
  const parser = createParser({ onEvent: ({ data }) => data !== '' && take(data) });
  return (chunk) => {
    if (chunk !== undefined) parser.feed(decoder.write(chunk));
  };
}

/** MCP 2026-07-28, Streamable HTTP: what a header cannot carry is Base64 between `=?base64?` and `?=`. */
const encodeHeader = (value: string): string =>
  /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !value.startsWith('=?base64?')
    ? value
    : `=?base64?${Buffer.from(value).toString('base64')}?=`;
