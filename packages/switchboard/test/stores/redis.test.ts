/** The store of many machines, with a real redis-server. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { RedisConnection } from '../../src/stores/redis-connection.ts';
import { RedisLogs } from '../../src/stores/redis-logs.ts';
import { redisStore } from '../../src/stores/redis.ts';
import { sharedStoreContract } from '../../src/stores/store-contract.ts';
import type { Log, SharedStore, StoreNotice } from '../../src/stores/store.ts';
import { RedisServer } from '../support/redis.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.kill());

let cluster = 0;
/** What nobody else has written to. */
const ownUrl = (redis: RedisServer = server): string => `${redis.url}/?prefix=test${++cluster}`;

describe('the contract of stores', () => {
  const urls = new WeakMap<object, string>();
  const open = (url: string): SharedStore => {
    const store = redisStore({ url });
    urls.set(store, url);
    return store;
  };
  for (const { title, run } of sharedStoreContract(() => open(ownUrl()), {
    again: (store) => open(urls.get(store)!),
  })) {
    it(title, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }
});

/** A store of a server of its own, and what it gave notice of. */
async function alone(args: readonly string[] = []) {
  const redis = await RedisServer.start(args);
  const notices: StoreNotice[] = [];
  const store = redisStore({ url: ownUrl(redis) });
  store.watch((notice) => notices.push(notice));
  onTestFinished(async () => {
    await store.close();
    await redis.kill();
  });
  return { redis, store, notices, types: () => notices.map(({ type }) => type) };
}

class CountedConnection extends RedisConnection {
  commands = 0;

  override run(...args: Parameters<RedisConnection['run']>): Promise<unknown> {
    this.commands++;
    return super.run(...args);
  }
}

describe('a redis-server', () => {
  it('is asked nothing for logs that end before they are written; while it is away none of them waits, and others in portions', async () => {
    const { redis } = await alone();
    const connection = new CountedConnection({ url: redis.url, onFailure() {}, onReady() {} });
    const logs = new RedisLogs({ connection, prefix: 'x:', onNotice() {} });
    onTestFinished(async () => {
      await logs.close();
      connection.close();
    });
    const open = (name: string, entry = 'a'): Log => {
      const log = logs.open(name, {});
      log.append(entry);
      return log;
    };
    open('same');
    await logs.flush();
    const atOnce = Array.from({ length: 1000 }, (_, n) => open(`short ${n}`));
    for (const log of atOnce) log.end();
    await logs.flush();
    expect(connection.commands).toBe(1);
    // What one of the same name had written before is given up also by one that was never written.
    logs.open('same', {}).end();
    const second = open('same');
    second.end();
    await logs.flush();
    expect([await logs.recall('same', {}), await redis.ask('KEYS', 'x:*')]).toEqual([undefined, '*0\r\n']);
    await redis.kill();
    connection.commands = 0;
    const waiting = Array.from({ length: 1200 }, (_, n) => open(`long ${n}`));
    await expect(logs.flush()).rejects.toMatchObject({ code: 'SWB_STORE_UNAVAILABLE' });
    expect(connection.commands).toBe(500);
    for (const log of waiting) log.end();
    await logs.flush();
    expect(connection.commands).toBe(500);
  });

  it('that is killed makes each use fail at once with a code, and one that is back empty is known as another', async () => {
    const { redis, store, notices, types } = await alone();
    const log = store.log('log');
    log.append('a');
    await store.flush();
    const life = await store.incarnation();
    const old = await store.leases.acquire('it', 'one', 60_000);
    await redis.kill();
    await expect(store.facts.put('key', {}, 1000)).rejects.toMatchObject({ code: 'SWB_STORE_UNAVAILABLE' });
    await expect.poll(types).toEqual(['away']);
    // What is appended meanwhile waits, and the rest of the log is written once more.
    expect(log.append('b')).toBe(2);
    await redis.start();
    await expect.poll(types, { timeout: 10_000 }).toEqual(['away', 'back']);
    expect(notices.at(-1)).toEqual({ type: 'back', lost: true });
    expect(await store.incarnation()).not.toBe(life);
    await store.flush();
    const other = redisStore({ url: `${redis.url}/?prefix=test${cluster}` });
    onTestFinished(() => other.close());
    const recalled = await other.recall('log');
    expect([recalled?.last, await recalled?.after(0)]).toEqual([2, ['a', 'b']]);
    // Epochs go on growing: who had a lease before is refused.
    const newer = await store.leases.acquire('it', 'two', 60_000);
    expect('lease' in newer && 'lease' in old && newer.lease.epoch > old.lease.epoch).toBe(true);
  });

  it('that is back has all again who listen to a topic, also those who began at the same time', async () => {
    const { redis, store, types } = await alone();
    await store.incarnation();
    const heard = new Set<string>();
    const names = ['one', 'two', 'three'];
    const [stop] = await Promise.all(
      names.map((name) => store.announcements.subscribe('topic', () => void heard.add(name))),
    );
    await redis.kill();
    await expect.poll(types, { timeout: 5000 }).toEqual(['away']);
    await redis.start();
    await expect.poll(types, { timeout: 10_000 }).toEqual(['away', 'back']);
    const publish = async (): Promise<string[]> => {
      await store.announcements.publish('topic', {});
      return [...heard].toSorted();
    };
    await expect.poll(publish, { timeout: 5000 }).toEqual(['one', 'three', 'two']);
    await stop!();
    heard.clear();
    await expect.poll(publish, { timeout: 5000 }).toEqual(['three', 'two']);
  });

  it('that hangs makes a use fail within its time limit, and is used again when it goes on', async () => {
    const { redis, store, notices, types } = await alone();
    await store.facts.put('key', { n: 1 }, 60_000);
    redis.signal('SIGSTOP');
    await expect(store.facts.get('key')).rejects.toMatchObject({ code: 'SWB_STORE_UNAVAILABLE' });
    redis.signal('SIGCONT');
    await expect.poll(() => store.facts.get('key').catch(() => undefined), { timeout: 10_000 }).toEqual({ n: 1 });
    await expect
      .poll(
        async () => {
          await store.facts.get('key').catch(() => {});
          return types();
        },
        { timeout: 10_000 },
      )
      .toEqual(['away', 'back']);
    expect(notices.at(-1)).toEqual({ type: 'back', lost: false });
  });

  it('wants its password, which no error and no notice repeats', async () => {
    const { redis } = await alone(['--requirepass', 'correct-horse']);
    const notices: StoreNotice[] = [];
    const open = (password: string): SharedStore => {
      const url = `redis://:${password}@127.0.0.1:${redis.port}`;
      const store = redisStore({ url });
      store.watch((notice) => notices.push(notice));
      onTestFinished(() => store.close());
      return store;
    };
    await open('correct-horse').facts.put('key', { n: 1 }, 60_000);
    const error: unknown = await open('wrong-horse')
      .facts.get('key')
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SWB_STORE_UNAVAILABLE' });
    expect(JSON.stringify([notices, String(error)])).not.toMatch(/horse/);
  });

  it('keeps no key without an end', async () => {
    const { redis, store } = await alone();
    await store.incarnation();
    await store.facts.put('node a', { n: 1 }, 60_000);
    await store.facts.put('session b', { n: 1 }, 60_000);
    const got = await store.leases.acquire('it', 'one', 60_000);
    if ('lease' in got) await store.leases.release(got.lease);
    await store.counters.add('count', 1, 60_000);
    await store.counters.take('bucket', 1, { perMinute: 60, burst: 5 });
    store.log('log').append('a');
    await store.flush();
    const keys = [...(await redis.ask('KEYS', '*')).matchAll(/^test\d+:.*$/gm)].map(([key]) => key);
    expect(keys.length).toBeGreaterThan(7);
    const ends = new Map<string, number>();
    for (const key of keys)
      ends.set(key.split(':').slice(1).join(':'), Number((await redis.ask('PTTL', key)).slice(1)));
    expect([...ends].filter(([, ms]) => !(ms > 0))).toEqual([]);
    expect(ends.get('index:node')).toBeGreaterThan(60_000);
    // The index is cleaned by whoever writes to it.
    await store.facts.put('node b', { n: 1 }, 1);
    await pause(5);
    await store.facts.put('node c', { n: 1 }, 60_000);
    expect(await redis.ask('ZCARD', `test${cluster}:index:node`)).toBe(':2\r\n');
    // One that an older version has made has no end, and gets that of the last fact in it.
    await store.facts.put('revoked a', { n: 1 }, 30 * 86_400_000);
    await redis.ask('PERSIST', `test${cluster}:index:revoked`);
    await store.facts.put('revoked b', { n: 1 }, 60_000);
    const left = Number((await redis.ask('PTTL', `test${cluster}:index:revoked`)).slice(1));
    expect(left).toBeGreaterThan(30 * 86_400_000);
  });

  it('that others have written garbage to is not believed', async () => {
    const { redis, store, notices } = await alone();
    const prefix = `test${cluster}`;
    await redis.ask('SET', `${prefix}:fact:bad`, 'no json');
    await redis.ask('SET', `${prefix}:fact:list`, '[]');
    expect([await store.facts.get('bad'), await store.facts.get('list')]).toEqual([undefined, undefined]);
    await redis.ask('RPUSH', `${prefix}:entries:log`, 'x');
    await redis.ask('HSET', `${prefix}:log:log`, 'last', 'many', 'start', '0');
    expect(await store.recall('log')).toBeUndefined();
    const heard: unknown[] = [];
    await store.announcements.subscribe('topic', (message) => heard.push(message));
    await redis.ask('PUBLISH', `${prefix}:topic:topic`, 'no json');
    await store.announcements.publish('topic', { n: 1 });
    await expect.poll(() => heard).toEqual([{ n: 1 }]);
    expect(notices.map(({ type }) => type)).toEqual(['garbage', 'garbage', 'garbage', 'garbage']);
  });
});
