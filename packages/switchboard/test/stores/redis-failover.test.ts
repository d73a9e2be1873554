/** A Redis whose replica takes over, behind the same address. */
import { expect, it, onTestFinished } from 'vitest';

import { redisStore } from '../../src/stores/redis.ts';
import { isRedisUrl, readRedisUrl } from '../../src/stores/redis-url.ts';
import type { Acquired, Lease, SharedStore, StoreNotice } from '../../src/stores/store.ts';
import { startCutter } from '../support/cutter.ts';
import { RedisServer, startPair } from '../support/redis.ts';

function open(url: string): { store: SharedStore; notices: StoreNotice[]; types(): string[] } {
  const notices: StoreNotice[] = [];
  const store = redisStore({ url });
  store.watch((notice) => notices.push(notice));
  onTestFinished(() => store.close());
  return { store, notices, types: () => notices.map(({ type }) => type) };
}

function got(acquired: Acquired): Lease {
  if (!('lease' in acquired)) throw new Error(`another has it: ${acquired.heldBy.owner}`);
  return acquired.lease;
}

it('a replica that takes over without what it had not heard of yet: that is said, epochs grow, and logs are written again', async () => {
  const { primary, replica } = await startPair();
  const way = await startCutter(primary.port, () => Infinity);
  const { store, notices, types } = open(`redis://127.0.0.1:${way.port}`);
  const early = got(await store.leases.acquire('node', 'one', 60_000));
  const log = store.log('log', { under: early });
  log.append('a');
  await store.flush();
  await store.facts.put('kept', { n: 1 }, 60_000);
  await expect.poll(() => replica.ask('EXISTS', 'switchboard:fact:kept')).toContain(':1');
  // From here on nothing of the primary reaches it.
  await replica.ask('REPLICAOF', 'NO', 'ONE');
  const lost = got(await store.leases.acquire('it', 'one', 60_000));
  log.append('b');
  await store.flush();
  way.target = replica.port;
  await primary.kill();
  await expect.poll(types, { timeout: 10_000 }).toEqual(['away', 'back']);
  expect(notices.at(-1)).toEqual({ type: 'back', lost: true });
  expect(await store.facts.get('kept')).toEqual({ n: 1 });
  await store.flush();

  // Whoever gets the lease now gets another epoch than the one that was lost.
  const { store: other } = open(replica.url);
  const newer = got(await other.leases.acquire('it', 'two', 60_000));
  expect(newer.epoch).toBeGreaterThan(lost.epoch);
  expect(await store.facts.put('kept', { n: 2 }, 60_000, lost)).toBe(false);
  expect(await store.leases.renew(lost, 60_000)).toBe(false);
  const recalled = await other.recall('log');
  expect([recalled?.last, await recalled?.after(0)]).toEqual([2, ['a', 'b']]);
});

it('a log whose lease the store has lost waits until its owner has it again, and is not given up', async () => {
  const { primary, replica } = await startPair();
  const way = await startCutter(primary.port, () => Infinity);
  const { store, types } = open(`redis://127.0.0.1:${way.port}`);
  await replica.ask('REPLICAOF', 'NO', 'ONE');
  let lease = got(await store.leases.acquire('node', 'one', 60_000));
  const log = store.log('log', {
    get under() {
      return lease;
    },
  });
  log.append('a');
  await store.flush();
  way.target = replica.port;
  await primary.kill();
  log.append('b');
  await expect.poll(types, { timeout: 10_000 }).toContain('back');
  await expect(store.flush()).rejects.toThrow();
  lease = got(await store.leases.acquire('node', 'one', 60_000));
  await store.flush();
  const recalled = await open(replica.url).store.recall('log');
  expect([recalled?.last, await recalled?.after(0)]).toEqual([2, ['a', 'b']]);
  expect(types()).not.toContain('fenced');
});

it('one that is slow is waited for, and one that was cut off and is reached again at once is the same', async () => {
  const redis = await RedisServer.start();
  onTestFinished(() => redis.kill());
  const way = await startCutter(redis.port, () => Infinity);
  const { store, notices, types } = open(`redis://127.0.0.1:${way.port}`);
  const heard: unknown[] = [];
  await store.announcements.subscribe('topic', (message) => heard.push(message));
  const log = store.log('log');
  log.append('a');
  await store.flush();
  await redis.ask('CLIENT', 'PAUSE', '400', 'ALL');
  expect(await store.facts.put('kept', { n: 1 }, 60_000)).toBe(true);
  expect(notices).toEqual([]);
  for (const n of [1, 2, 3]) {
    way.cutAll();
    log.append(`b${n}`);
    await expect.poll(() => types().filter((type) => type === 'back'), { timeout: 10_000 }).toHaveLength(n);
  }
  await store.flush();
  const [cut, again] = [{ type: 'away' }, { type: 'back', lost: false }];
  expect(notices).toMatchObject([cut, again, cut, again, cut, again]);
  const announce = async (): Promise<number> => {
    await store.announcements.publish('topic', { n: 1 });
    return heard.length;
  };
  await expect.poll(announce).toBeGreaterThan(0);
  const recalled = await open(redis.url).store.recall('log');
  expect([recalled?.last, await recalled?.after(0)]).toEqual([4, ['a', 'b1', 'b2', 'b3']]);
});

it('with replicas in the URL no lease is given, and no ticket is used up, that replicas do not have; the rest goes on', async () => {
  const { primary, replica } = await startPair();
  const { store, notices } = open(`${primary.url}/?replicas=1`);
  const lease = got(await store.leases.acquire('it', 'one', 60_000));
  await store.facts.put('ticket one', { n: 1 }, 60_000);
  expect(await store.facts.take('ticket one')).toEqual({ n: 1 });
  replica.signal('SIGSTOP');
  const unavailable = { code: 'SWB_STORE_UNAVAILABLE' };
  await Promise.all([
    expect(store.leases.acquire('other', 'one', 60_000)).rejects.toMatchObject(unavailable),
    expect(store.leases.renew(lease, 60_000)).rejects.toMatchObject(unavailable),
    expect(store.facts.put('owner x', { n: 1 }, 60_000, lease)).rejects.toMatchObject(unavailable),
  ]);
  expect(notices).toMatchObject([
    { type: 'away', detail: '0 of 1 replicas have what was written (replicas in the URL)' },
  ]);
  expect(await store.facts.put('session x', { n: 1 }, 60_000, lease)).toBe(true);
  replica.signal('SIGCONT');
  await expect.poll(() => store.leases.renew(lease, 60_000).catch(() => undefined), { timeout: 10_000 }).toBe(true);
});

it('has a URL that says all of it, or is refused', () => {
  expect(
    readRedisUrl('rediss+sentinel://me:p%40ss@one,[::1]:7000/main/3?replicas=1&sentinelPassword=s&prefix=p'),
  ).toEqual({
    username: 'me',
    password: 'p@ss',
    endpoints: [
      { host: 'one', port: 26_379 },
      { host: '::1', port: 7000 },
    ],
    group: 'main',
    sentinel: { password: 's' },
    tls: true,
    database: 3,
    prefix: 'p:',
    replicas: 1,
  });
  expect(readRedisUrl('redis://:secret@host/')).toEqual({
    password: 'secret',
    endpoints: [{ host: 'host', port: 6379 }],
    sentinel: {},
    tls: false,
    database: 0,
    prefix: 'switchboard:',
    replicas: 0,
  });
  const wrong = [
    'redis://',
    'redis://a,b',
    'redis://host/main',
    'redis://host:99999',
    'redis://host/0/1',
    'redis://host?replica=1',
    'redis://host?replicas=many',
    'redis://u:%zz@host',
    'redis+sentinel://host:26379',
    'http://host',
  ];
  expect(wrong.filter(isRedisUrl)).toEqual([]);
});
