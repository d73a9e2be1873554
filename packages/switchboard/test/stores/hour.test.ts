/** What a store has after an hour of clients that come and go, of gateways that end and that are killed: as much as before. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

import type { GatewayOptions } from '../../src/gateway/gateway.ts';
import { redisStore } from '../../src/stores/redis.ts';
import { openDatabase } from '../../src/stores/sqlite-engine.ts';
import { sqliteStore } from '../../src/stores/sqlite.ts';
import type { SharedStore } from '../../src/stores/store.ts';
import { CLUSTER_KEY } from '../support/cluster.ts';
import { servers, startGateway } from '../support/gateway.ts';
import { HttpClient } from '../support/http-client.ts';
import { RedisServer } from '../support/redis.ts';
import { WireClient, initializeParams } from '../support/wire.ts';

/** Six of these are an hour. */
const PERIOD_MS = 600_000;
/** What is left of a session is kept for longer than two of them, and less than three. */
const timed: GatewayOptions = {
  upstreams: { default: { ...servers.scripted, isolation: 'shared' } },
  idleTimeout: '25m',
  resumeWindow: '12m',
};

const OF_CLIENTS = /session|conversation|resume|stream|^facts$|^logs$|^entries$/;

interface Aged {
  open(): Promise<SharedStore>;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
  /** How much there is of each kind. */
  kinds(): Promise<Record<string, number>>;
  options?: Partial<GatewayOptions>;
}

/** A WebSocket that can be taken up elsewhere. */
async function conversation(url: string): Promise<WireClient> {
  const client = await WireClient.open(url, {}, ['mcp.r1', 'mcp']);
  client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
  await client.answer(0);
  await client.notification('switchboard/ws/session');
  client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  await client.call(1, 'echo', { text: 'x' });
  return client;
}

/** Ten minutes of a gateway. @returns how much there is after its end. */
async function period({ open, kinds, options }: Aged, isKilled: boolean): Promise<Record<string, number>> {
  const stateStore = await open();
  const records = async (): Promise<number> => (await stateStore.facts.list('session ', 1000)).length;
  const before = await records();
  const { gateway, http, ws } = await startGateway({ ...timed, ...options, stateStore });
  const sessions = await Promise.all(Array.from({ length: 3 }, () => HttpClient.open(http)));
  await Promise.all(sessions.map((session) => session.call('echo', { text: 'x' })));
  const sockets = await Promise.all(Array.from({ length: 3 }, () => conversation(ws)));
  // One of each ends as it should.
  await sessions[0]!.end();
  sockets[0]!.socket.close();
  await sockets[0]!.closed;
  await expect.poll(records, { timeout: 5000 }).toBe(before + 4);
  await stateStore.flush();
  // Nothing of what it knows is written then.
  if (isKilled) await stateStore.close();
  await gateway.close();
  return kinds();
}

async function hour(aged: Aged): Promise<void> {
  const counts: Record<string, number>[] = [];
  for (let nth = 0; nth < 6; nth++) {
    counts.push(await period(aged, nth % 2 === 1));
    await aged.pass(PERIOD_MS);
  }
  expect(Object.keys(counts[5]!).length).toBeGreaterThan(2);
  // Others of each kind that clients leave, and no more of them; of nodes and what they own there are as many as were killed.
  const known = counts.map((kinds) =>
    Object.entries(kinds)
      .filter(([kind]) => OF_CLIENTS.test(kind))
      .toSorted(([one], [other]) => one.localeCompare(other)),
  );
  expect(known.slice(4)).toEqual(known.slice(2, 4));
  expect(Object.entries(counts[5]!).filter(([kind, count]) => !OF_CLIENTS.test(kind) && count > 6)).toEqual([]);
  await aged.pass(31 * 86_400_000);
  expect(await aged.kinds()).toEqual({});
}

it('a Redis has as many keys after an hour of sessions and conversations as before, and none when nobody has come for a month', async () => {
  const redis = await RedisServer.start();
  onTestFinished(() => redis.kill());
  await hour({
    open: async () => redisStore({ url: `${redis.url}/?prefix=hour` }),
    pass: (ms) => redis.pass('hour', ms),
    kinds: () => redis.kinds('hour'),
    options: { peerListen: '127.0.0.1:0', clusterKey: CLUSTER_KEY, nodeName: 'a' },
  });
});

it('a file has as many rows after an hour of sessions and conversations as before, and none when nobody has come for a month', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-hour-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'state.db');
  let now = Date.now();
  const open = (): Promise<SharedStore> => sqliteStore({ file, now: () => now });
  await hour({
    open,
    async pass(ms) {
      now += ms;
    },
    async kinds() {
      // What has ended is looked for when it is opened.
      await (await open()).close();
      const database = await openDatabase(file);
      const tables = ['facts', 'leases', 'counters', 'logs', 'entries', 'announcements'].map((table) => {
        const row = database.prepare(`SELECT count(*) AS n FROM ${table}`).get();
        return [table, Number(row?.['n'])] as const;
      });
      database.close();
      return Object.fromEntries(tables.filter(([, count]) => count > 0));
    },
  });
});
