/** The public contract suites (`mcp-switchboard/testing`), on every implementation of ours and on some of others. */
import { InMemoryTransport as InMemoryV2 } from '@modelcontextprotocol/client';
import { InMemoryTransport as InMemoryV1 } from '@modelcontextprotocol/sdk/inMemory.js';
import { describe, expect, it } from 'vitest';

import { memoryStore } from '../src/stores/memory.ts';
import type { SharedStore } from '../src/stores/store.ts';
import { sharedStoreContract, storeContract, transportContract, upstreamContract } from '../src/testing.ts';
import type { ContractCase, TransportPair } from '../src/testing.ts';
import { memoryPair } from '../src/transports/memory.ts';
import { asSdkTransport } from '../src/transports/sdk.ts';
import type { SdkTransport } from '../src/transports/sdk.ts';
import { WebSocketClientTransport, WebSocketServerTransport } from '../src/websocket.ts';
import type { WebSocketClient } from '../src/websocket.ts';
import { servers } from './support/gateway.ts';

const all = (cases: readonly ContractCase[]): void => {
  for (const { title, run } of cases) {
    it(title, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }
};

describe('the store of one process', () => all(sharedStoreContract(memoryStore)));

async function overWebSocket(): Promise<TransportPair> {
  const listening = new WebSocketServerTransport({ port: 0 });
  const url = await listening.listen();
  const connected = new Promise<WebSocketClient>((resolve) => listening.on('connect', resolve));
  return {
    client: new WebSocketClientTransport(url),
    server: async () => (await connected).transport,
    end: () => listening.close(),
  };
}

const linked = ([client, server]: readonly unknown[]): TransportPair => ({
  client: client as SdkTransport,
  server: server as SdkTransport,
});

describe('a WebSocket', () => all(transportContract(overWebSocket)));
describe('two ends in memory', () => all(transportContract(() => linked(memoryPair().map(asSdkTransport)))));
describe('two ends in memory of version 1 of the SDK', () =>
  all(transportContract(() => linked(InMemoryV1.createLinkedPair()))));
describe('two ends in memory of version 2 of the SDK', () =>
  all(transportContract(() => linked(InMemoryV2.createLinkedPair()))));

const gateway = { environment: process.env };
describe('a server as a command', () =>
  all(upstreamContract(servers.demo, { echo: { tool: 'echo', argument: 'text' }, gateway })));
describe('a published server of others', () =>
  all(
    upstreamContract(
      { ...servers.everything, isolation: 'shared' },
      { echo: { tool: 'echo', argument: 'message' }, gateway },
    ),
  ));

/** A store with one thing wrong. */
const broken =
  (change: (store: SharedStore) => Partial<SharedStore>): (() => SharedStore) =>
  () => {
    const store = memoryStore();
    return { ...store, ...change(store) };
  };
const failing = async (cases: readonly ContractCase[]): Promise<string[]> => {
  const ends = await Promise.all(
    cases.map(({ title, run }) =>
      run().then(
        () => [],
        () => [title],
      ),
    ),
  );
  return ends.flat();
};

describe('the contracts notice', () => {
  it('a store that gives one fact to several, or loses the order of its entries', async () => {
    const doubling = broken(({ facts }) => ({
      facts: {
        put: (...fact) => facts.put(...fact),
        get: (key) => facts.get(key),
        take: (key) => facts.get(key),
        delete: (key) => facts.delete(key),
        list: (prefix, limit) => facts.list(prefix, limit),
      },
    }));
    expect(await failing(storeContract(doubling))).toEqual(['gives a fact that several take to one of them']);
    const reversed = broken((store) => ({
      log(name) {
        const log = store.log(name);
        const after = log.after.bind(log);
        log.after = async (number) => [...(await after(number))].toReversed();
        return log;
      },
    }));
    expect((await failing(storeContract(reversed))).length).toBeGreaterThan(0);
  });

  it('a store that begins its epochs again, or writes for whoever has lost a lease', async () => {
    const forgetful = broken(({ leases }) => ({
      leases: {
        acquire: async (...wanted) => {
          const acquired = await leases.acquire(...wanted);
          return 'lease' in acquired ? { lease: { ...acquired.lease, epoch: 1 } } : acquired;
        },
        renew: (...renewed) => leases.renew(...renewed),
        release: (lease) => leases.release(lease),
        holder: (name) => leases.holder(name),
      },
    }));
    expect(await failing(sharedStoreContract(forgetful))).toContain(
      'lets the epoch of a lease grow, also after it was released and after its time',
    );
    const unfenced = broken(({ facts }) => ({
      facts: {
        put: (key, value, ttlMs) => facts.put(key, value, ttlMs),
        get: (key) => facts.get(key),
        take: (key) => facts.take(key),
        delete: (key) => facts.delete(key),
        list: (prefix, limit) => facts.list(prefix, limit),
      },
    }));
    expect(await failing(sharedStoreContract(unfenced))).toEqual([
      'refuses what is written under a lease that another has got since',
    ]);
  });

  it('a transport that changes ids', async () => {
    const texting = (): TransportPair => {
      const pair = linked(memoryPair().map(asSdkTransport));
      const { send } = pair.client;
      pair.client.send = (message) =>
        send({ ...(message as { id: unknown }), id: String((message as { id: unknown }).id) });
      return pair;
    };
    expect((await failing(transportContract(texting))).length).toBeGreaterThan(0);
  });

  it('a server that does not start', async () => {
    const cases = upstreamContract({ command: process.execPath, args: ['-e', ''] }, { gateway });
    expect((await failing(cases)).length).toBe(cases.length);
  });
});
