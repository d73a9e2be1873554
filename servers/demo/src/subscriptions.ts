/** What a client is subscribed to, over the lifetime of its connection. Other servers of this repository use it too. */
import type { Readable, Writable } from 'node:stream';
import { isJSONRPCNotification, isJSONRPCRequest, type JSONRPCMessage } from '@modelcontextprotocol/server';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';

const listenParams = z.object({
  notifications: z.object({ resourceSubscriptions: z.array(z.string()).default([]) }),
});
const cancelledParams = z.object({ requestId: z.union([z.string(), z.number()]) });

/** What one holds a subscription by: the URI itself in the legacy era, the id of the listen request in the modern one. */
export type Holder = string | number;

/** The resources one connection is subscribed to; the same URI may be held more than once. */
export class Subscriptions {
  readonly #uris = new Map<Holder, readonly string[]>();
  #changed: () => void = () => {};

  /** Subscribes `holder` to exactly these URIs. */
  hold(holder: Holder, uris: readonly string[]): void {
    this.#uris.set(holder, uris);
    this.#changed();
  }

  /** Ends what `holder` holds, if it holds anything. */
  release(holder: Holder): void {
    if (this.#uris.delete(holder)) this.#changed();
  }

  /** Ends everything. */
  clear(): void {
    this.#uris.clear();
    this.#changed();
  }

  has(uri: string): boolean {
    return [...this.#uris.values()].some((uris) => uris.includes(uri));
  }

  /** What is subscribed to, each once. */
  uris(): Set<string> {
    return new Set([...this.#uris.values()].flat());
  }

  /** Calls back now and after each change; there is one listener, the server these belong to. */
  watch(changed: () => void): void {
    this.#changed = changed;
    changed();
  }
}

/**
 * Stdio that keeps `listens` equal to what the open `subscriptions/listen` streams name.
 * serveStdio answers those streams itself, so a server behind it never learns of them; and both ends
 * of a stream are read as they arrive, so a cancel cannot overtake the listen it ends.
 */
export class ListeningStdio extends StdioServerTransport {
  readonly #listens: Subscriptions;

  constructor(listens: Subscriptions, stdin?: Readable, stdout?: Writable) {
    super(stdin, stdout);
    this.#listens = listens;
  }

  /** serveStdio has set `onmessage` by the time it starts the transport. */
  override async start(): Promise<void> {
    const deliver = this.onmessage;
    this.onmessage = (message) => {
      this.#read(message);
      deliver?.(message);
    };
    await super.start();
  }

  #read(message: JSONRPCMessage): void {
    if (isJSONRPCRequest(message) && message.method === 'subscriptions/listen') {
      const { data } = listenParams.safeParse(message.params);
      if (data) this.#listens.hold(message.id, data.notifications.resourceSubscriptions);
    } else if (isJSONRPCNotification(message) && message.method === 'notifications/cancelled') {
      const { data } = cancelledParams.safeParse(message.params);
      if (data) this.#listens.release(data.requestId);
    }
  }
}
