/** What a client is subscribed to, over the lifetime of its connection. Other servers of this repository use it too. */
import type { Readable, Writable } from 'node:stream';
import { isJSONRPCNotification, isJSONRPCRequest, type JSONRPCMessage } from '@modelcontextprotocol/server';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';

const listenParams = z.object({
  notifications: z.object({ resourceSubscriptions: z.array(z.string()).default([]) }),
});
const cancelledParams = z.object({ requestId: z.union([z.string(), z.number()]) });

/** What a subscription is known by: the URI itself in the legacy era, the id of the listen request in the modern one. */
export type SubscriptionKey = string | number;

/** The resources one connection is subscribed to; the same URI may be there more than once. */
export class Subscriptions {
  readonly #uris = new Map<SubscriptionKey, readonly string[]>();
  #changed: () => void = () => {};

  /** Subscribes to exactly these URIs. */
  subscribe(key: SubscriptionKey, uris: readonly string[]): void {
    this.#uris.set(key, uris);
    this.#changed();
  }

  /** Ends the subscription, if there is one. */
  unsubscribe(key: SubscriptionKey): void {
    if (this.#uris.delete(key)) this.#changed();
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
      if (data) this.#listens.subscribe(message.id, data.notifications.resourceSubscriptions);
    } else if (isJSONRPCNotification(message) && message.method === 'notifications/cancelled') {
      const { data } = cancelledParams.safeParse(message.params);
      if (data) this.#listens.unsubscribe(data.requestId);
    }
  }
}
