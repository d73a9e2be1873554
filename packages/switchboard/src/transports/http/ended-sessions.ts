/**
 * What is left of sessions of HTTP/2 that have ended. Node aborts the process when the native part of a session is collected before, or
 * together with, that of a stream which still holds header fields (`Http2Session::~Http2Session`, nodejs/node#39951): a client that
 * breaks off at the wrong moment could end it. So that of a session is kept a while longer than anything else of it.
 */
import type { ServerHttp2Session } from 'node:http2';

/** Long enough for streams to be collected, which may take until the next collection of everything. */
const KEPT_MS = 300_000;
/** More are let go, the oldest first; each takes a few KiB. */
const MAX_KEPT = 4096;

export class EndedSessions {
  readonly #kept: Map<object, NodeJS.Timeout> = new Map();

  get size(): number {
    return this.#kept.size;
  }

  /** Keeps the native part of a session from its end on. Call it when the session begins: later it is known to nobody. */
  follow(session: ServerHttp2Session): void {
    const native = nativeOf(session);
    if (native !== undefined) session.once('close', () => this.#keep(native));
  }

  clear(): void {
    for (const timer of this.#kept.values()) clearTimeout(timer);
    this.#kept.clear();
  }

  #keep(native: object): void {
    for (const [oldest, timer] of this.#kept) {
      if (this.#kept.size < MAX_KEPT) break;
      clearTimeout(timer);
      this.#kept.delete(oldest);
    }
    this.#kept.set(native, setTimeout(() => this.#kept.delete(native), KEPT_MS).unref());
  }
}

/** It stands under a symbol of Node's own; where Node calls it otherwise, nothing is kept. */
function nativeOf(session: ServerHttp2Session): object | undefined {
  const symbol = Object.getOwnPropertySymbols(session).find(({ description }) => description === 'kHandle');
  const native: unknown = symbol === undefined ? undefined : (session as never)[symbol];
  return typeof native === 'object' && native !== null ? native : undefined;
}
