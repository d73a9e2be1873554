/** What a store has of kept conversations after an hour of people who come, come back and go, of processes that end and that are killed. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SharedStore } from 'mcp-switchboard';
import { expect, it, onTestFinished } from 'vitest';

import { redisStore } from '../../switchboard/src/stores/redis.ts';
import { sqliteStore } from '../../switchboard/src/stores/sqlite.ts';
import { RedisServer } from '../../switchboard/test/support/redis.ts';
import { Retention } from '../src/kept/retention.ts';
import { Vault } from '../src/kept/vault.ts';
import type { Entry } from '../src/protocol.ts';

/** Six of these are an hour. */
const PERIOD_MS = 600_000;
/** For longer than two of them, and less than three. */
const KEEP_MS = 1_500_000;

const said = (seq: number, text: string): Entry => ({
  kind: 'person',
  seq,
  at: new Date().toISOString(),
  from: 'Ada',
  text,
});

interface Aged {
  open(): Promise<SharedStore>;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
  /** How much there is of each kind. */
  kinds(): Promise<Record<string, number>>;
}

async function hour({ open, pass, kinds }: Aged): Promise<void> {
  const vault = new Vault(randomBytes(32));
  const limits = { maxKeptConversations: 1000, maxKeptEach: 100, maxKeptBytes: 1_000_000 };
  const failures: unknown[] = [];
  const counts: Record<string, number>[] = [];
  for (let nth = 0; nth < 6; nth++) {
    const store = await open();
    const retention = new Retention({ store, vault, keepMs: KEEP_MS, limits, fail: (error) => failures.push(error) });
    const left: (() => Promise<void>)[] = [];
    for (let n = 0; n < 5; n++) {
      const { archive, session, leave } = retention.session(`${nth} ${n}`, 'ada', () => 'ada');
      session.token = `${nth} ${n} first`;
      session.token = `${nth} ${n}`;
      archive.add(said(1, 'one'));
      archive.add(said(2, 'two'));
      left.push(leave);
    }
    // Somebody comes back who was here ten minutes ago, and goes on.
    const back = await retention.take(`${nth - 1} 0`, `${nth - 1} 0`, 'ada');
    expect(back?.entries.map(({ text }) => text)).toEqual(nth === 0 ? undefined : ['one', 'two']);
    if (back !== undefined) {
      const again = retention.session(back.sessionId, 'ada', () => 'ada', back.log);
      again.session.token = `${nth} back`;
      again.archive.add(said(3, 'three'));
      left.push(again.leave);
    }
    const room = await retention.room('here', `room ${nth}`);
    room.archive.add(said(1, 'hello'));
    room.save([{ session: `${nth} 1`, name: 'Ada' }]);
    left.push(room.leave);
    await retention.flush();
    // A process that is killed leaves nothing in order.
    if (nth % 2 === 0) await Promise.all(left.map((leave) => leave()));
    retention.close();
    await store.close();
    counts.push(await kinds());
    await pass(PERIOD_MS);
  }
  expect(failures).toEqual([]);
  expect(Object.keys(counts[5]!).length).toBeGreaterThan(2);
  // From when there are as many behind it as are kept.
  expect(counts.slice(4)).toEqual([counts[3], counts[3]]);
  await pass(31 * 86_400_000);
  expect(await kinds()).toEqual({});
}

it('a Redis has as many keys after an hour of kept conversations as before, and none when nobody has come for a month', async () => {
  const redis = await RedisServer.start();
  onTestFinished(() => redis.kill());
  await hour({
    open: async () => redisStore({ url: `${redis.url}/?prefix=hour` }),
    pass: (ms) => redis.pass('hour', ms),
    kinds: () => redis.kinds('hour'),
  });
});

it('a file has as many rows after an hour of kept conversations as before, and none when nobody has come for a month', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'chat-hour-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  let now = Date.now();
  const open = (): Promise<SharedStore> => sqliteStore({ file: join(folder, 'chat.db'), now: () => now });
  await hour({
    open,
    async pass(ms) {
      now += ms;
    },
    async kinds() {
      const store = await open();
      const facts = await store.facts.list('', 10_000);
      await store.close();
      const counts: Record<string, number> = {};
      for (const [key] of facts) {
        const kind = key.split(' ').slice(0, -1).join(' ');
        counts[kind] = (counts[kind] ?? 0) + 1;
      }
      return counts;
    },
  });
});
