/** What every transport does, whoever wrote it: two ends of one connection, as the official SDK uses them. */
import assert from 'node:assert/strict';

import type { JsonObject } from '../protocol/jsonrpc.ts';
import type { ContractCase } from '../util/contract.ts';
import type { SdkTransport } from './sdk.ts';

/** Two ends of one connection, on which nothing is started. */
export interface TransportPair {
  /** The end of the client, which opens the connection when it is started. */
  client: SdkTransport;
  /** The end of the server, or how it is got once the client is connected. */
  server: SdkTransport | (() => Promise<SdkTransport>);
  /** Ends what stands around the two, such as a server that listens. */
  end?(): Promise<void>;
}

const MANY = 200;
const LARGE = 1024 * 1024;
const LIMIT_MS = 10_000;

/** What arrives at one end, in order. */
class Inbox {
  readonly messages: JsonObject[] = [];
  readonly closed: Promise<void>;
  #wake: () => void = () => {};

  constructor(transport: SdkTransport) {
    transport.onmessage = (message: never) => {
      this.messages.push(message);
      this.#wake();
    };
    this.closed = new Promise((resolve) => {
      transport.onclose = () => {
        resolve();
      };
    });
  }

  async first(count: number): Promise<JsonObject[]> {
    while (this.messages.length < count)
      await within(new Promise<void>((resolve) => (this.#wake = resolve)), `${count} messages`);
    return this.messages;
  }
}

async function within<Value>(promise: Promise<Value>, what: string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new assert.AssertionError({ message: `no ${what} within ${LIMIT_MS} ms` })),
      LIMIT_MS,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * What a transport of MCP has to do, as tests for any runner: one for the official SDK that is to be used with `WebSocketServerTransport`, with a
 * gateway, or in place of ours.
 *
 * @param open makes a new connection; called for each test, which closes it.
 * @example
 * ```ts
 * import { test } from 'node:test';
 * import { InMemoryTransport } from '@modelcontextprotocol/client';
 *
 * const open = () => {
 *   const [client, server] = InMemoryTransport.createLinkedPair();
 *   return { client, server };
 * };
 * for (const { title, run } of transportContract(open)) test(title, run);
 * ```
 */
export function transportContract(open: () => TransportPair | Promise<TransportPair>): ContractCase[] {
  type Ends = { client: SdkTransport; server: SdkTransport; atClient: Inbox; atServer: Inbox };
  const test = (title: string, run: (ends: Ends) => Promise<void>): ContractCase => ({
    title,
    async run() {
      const pair = await open();
      const { client } = pair;
      try {
        const atClient = new Inbox(client);
        const starting = client.start();
        // Together with the start: one that fails must not wait for a server that never comes.
        const arrived = Promise.all([typeof pair.server === 'function' ? pair.server() : pair.server, starting]);
        const [server] = await within(arrived, 'the connection');
        const atServer = new Inbox(server);
        await server.start();
        await run({ client, server, atClient, atServer });
      } finally {
        await client.close();
        await pair.end?.();
      }
    },
  });
  const request = (id: unknown, params: JsonObject = {}): JsonObject => ({
    jsonrpc: '2.0',
    id,
    method: 'test/ask',
    params,
  });
  const answer = (id: unknown, result: JsonObject = {}): JsonObject => ({ jsonrpc: '2.0', id, result });

  return [
    test('carries a request there and its answer back, with the id as it was', async ({
      client,
      server,
      atClient,
      atServer,
    }) => {
      const ids = [0, 7, -1, 'a', '', '1', 'ä\n"', Number.MAX_SAFE_INTEGER];
      for (const id of ids) await client.send(request(id));
      assert.deepEqual(
        (await atServer.first(ids.length)).map(({ id }) => id),
        ids,
      );
      for (const id of ids) await server.send(answer(id));
      assert.deepEqual(
        (await atClient.first(ids.length)).map(({ id }) => id),
        ids,
      );
    }),
    test('keeps the order of messages in both directions', async ({ client, server, atClient, atServer }) => {
      const numbers = Array.from({ length: MANY }, (_, n) => n);
      const note = (n: number): JsonObject => ({ jsonrpc: '2.0', method: 'notifications/test', params: { n } });
      await Promise.all(numbers.flatMap((n) => [client.send(note(n)), server.send(note(n))]));
      for (const inbox of [atClient, atServer]) {
        const received = await inbox.first(MANY);
        assert.deepEqual(
          received.map(({ params }) => (params as { n: number }).n),
          numbers,
        );
      }
    }),
    test('carries every character, and a message of 1 MiB', async ({ client, atServer }) => {
      const texts = ['\u0000\u001f"\\\n\r\u2028\u{1F600}', 'x'.repeat(LARGE)];
      for (const [id, text] of texts.entries()) await client.send(request(id, { text }));
      const received = await atServer.first(texts.length);
      assert.deepEqual(
        received.map(({ params }) => (params as { text: string }).text),
        texts,
      );
    }),
    test('tells both ends that it was closed, and can be closed again', async ({
      client,
      server,
      atClient,
      atServer,
    }) => {
      await client.close();
      await client.close();
      await within(Promise.all([atClient.closed, atServer.closed]), 'close at both ends');
      await server.close();
    }),
    test('delivers nothing after it was closed, and no send waits forever', async ({
      client,
      server,
      atClient,
      atServer,
    }) => {
      await server.close();
      await within(Promise.all([atClient.closed, atServer.closed]), 'close at both ends');
      for (const end of [client, server])
        await within(
          end.send(request(1)).catch(() => {}),
          'end of a send',
        );
      assert.deepEqual([atClient.messages, atServer.messages], [[], []]);
    }),
  ];
}
