import type { Readable, Writable } from 'node:stream';
import { isJSONRPCNotification, isJSONRPCRequest, type JSONRPCMessage } from '@modelcontextprotocol/server';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';
import type { Subscriptions } from './subscriptions.ts';

const listenParams = z.object({
  notifications: z.object({ resourceSubscriptions: z.array(z.string()).default([]) }),
});
const cancelledParams = z.object({ requestId: z.union([z.string(), z.number()]) });

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
