/**
 * Requests to one remote server: over which connections they go, what every one of them carries, and where a redirect leads.
 * A request is sent twice only if it is certain that the server has not read all of it.
 */
import { request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';

import type { ClientTls } from '../tls/client-tls.ts';
import { Connections } from './connections.ts';
import type { Tunnel } from '../proxy.ts';

export interface RemoteOptions {
  /** Headers of every request. */
  headers?: Record<string, string>;
  /** How many connections there may be; further requests wait. */
  maxSockets: number;
  /** Finds the address of the server's name. @default the system's */
  lookup?: LookupFunction;
  /** What is shown and trusted where the server speaks TLS. */
  tls?: ClientTls;
  /** Leads through a proxy. @default direct connections */
  tunnel?: Tunnel;
}

export interface RemoteRequest {
  method: 'GET' | 'POST' | 'DELETE';
  /** Must have the origin of the remote server. @default its URL */
  url?: URL;
  headers: OutgoingHttpHeaders;
  body?: string;
}

/** Exactly one of the two is called, once; none after {@link RemoteCall.destroy}. */
export interface RemoteHandlers {
  onResponse(response: IncomingMessage): void;
  onError(error: NodeJS.ErrnoException): void;
}

export interface RemoteCall {
  /** Gives up on the request and on its response. */
  destroy(): void;
}

/** The code of the error for a redirect that is not followed. */
export const REDIRECT_REFUSED = 'ERR_REDIRECT_REFUSED';

const MAX_REDIRECTS = 5;
/** How often a request is sent again that a closing connection did not take. */
const MAX_REPEATS = 3;

export class Remote {
  readonly url: URL;
  readonly #options: RemoteOptions;
  readonly #connections: Connections;
  readonly #calls: Set<Call> = new Set();

  constructor(url: URL, options: RemoteOptions) {
    this.url = url;
    this.#options = options;
    const { maxSockets, lookup, tls, tunnel } = options;
    this.#connections = new Connections(url.protocol, {
      maxSockets,
      ...(lookup !== undefined && { lookup }),
      ...(tunnel !== undefined && { tunnel }),
      ...tls,
    });
  }

  /** The address as errors show it: without the query, which may hold a key. */
  get shown(): string {
    return shown(this.url);
  }

  send(request: RemoteRequest, handlers: RemoteHandlers): RemoteCall {
    const { headers = {} } = this.#options;
    const whole = { ...request, headers: { 'accept-encoding': 'identity', ...headers, ...request.headers } };
    const call: Call = new Call(this.#connections, whole, this.url, handlers, () => this.#calls.delete(call));
    this.#calls.add(call);
    call.start();
    return call;
  }

  /** Gives up on everything that is under way. */
  abort(): void {
    for (const call of this.#calls) call.destroy();
  }

  /** Ends all connections. */
  close(): void {
    this.abort();
    this.#connections.close();
  }
}

class Call implements RemoteCall {
  readonly #connections: Connections;
  readonly #request: RemoteRequest;
  readonly #handlers: RemoteHandlers;
  readonly #onEnd: () => void;
  #url: URL;
  #current: ClientRequest | undefined;
  #redirects = 0;
  #repeats = 0;
  #destroyed = false;

  constructor(connections: Connections, request: RemoteRequest, url: URL, handlers: RemoteHandlers, onEnd: () => void) {
    this.#connections = connections;
    this.#request = request;
    this.#url = request.url ?? url;
    this.#handlers = handlers;
    this.#onEnd = onEnd;
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#current?.destroy();
    this.#onEnd();
  }

  start(): void {
    const looked = this.#connections.look();
    if (looked === undefined) this.#send();
    else looked.then(() => this.#send()).catch((error: Error) => this.#fail(error));
  }

  #send(): void {
    if (this.#destroyed) return;
    const { method, headers, body } = this.#request;
    const send = this.#url.protocol === 'https:' ? httpsRequest : httpRequest;
    let request: ClientRequest;
    try {
      request = send(this.#url, { method, headers, agent: this.#connections.agent });
    } catch (error) {
      // A header that cannot be written, for example.
      this.#fail(error as Error);
      return;
    }
    this.#current = request;
    let isAnswered = false;
    request.once('response', (response) => {
      isAnswered = true;
      // Whoever reads it notices that it is cut by its end.
      response.on('error', () => {});
      if (!this.#destroyed) this.#respond(response);
    });
    request.on('error', (error) => {
      if (isAnswered || this.#destroyed) return;
      // What was not written to its end cannot have been read to its end: nothing was done with it.
      const isUnread = request.reusedSocket && !request.writableFinished;
      if (isUnread && this.#repeats++ < MAX_REPEATS) this.#send();
      else this.#fail(error);
    });
    request.once('close', () => {
      if (isAnswered && this.#current === request) this.#onEnd();
    });
    request.end(body);
  }

  #respond(response: IncomingMessage): void {
    const { statusCode = 0, headers } = response;
    const { location } = headers;
    if (statusCode < 300 || statusCode > 399 || location === undefined) {
      this.#handlers.onResponse(response);
      return;
    }
    response.resume();
    const target = URL.canParse(location, this.#url.href) ? new URL(location, this.#url) : undefined;
    const keepsMethod = statusCode === 307 || statusCode === 308 || this.#request.method === 'GET';
    const to = `HTTP status ${statusCode} to ${target === undefined ? 'a Location that is no URL' : shown(target)}`;
    if (target === undefined) this.#refuse(to);
    else if (target.origin !== this.#url.origin) {
      this.#refuse(`${to}, another origin, where nothing is sent; if it is the right server, configure that URL`);
    } else if (!keepsMethod) {
      this.#refuse(`${to}, which would lose the request (only 307 and 308 keep it); configure that URL`);
    } else if (++this.#redirects > MAX_REDIRECTS) this.#refuse(`${to}, after ${MAX_REDIRECTS} other redirects`);
    else {
      this.#url = target;
      this.start();
    }
  }

  #refuse(why: string): void {
    this.#fail(Object.assign(new Error(why), { code: REDIRECT_REFUSED }));
  }

  #fail(error: Error): void {
    this.#onEnd();
    this.#handlers.onError(error);
  }
}

export const shown = ({ origin, pathname }: URL): string => `${origin}${pathname}`;
