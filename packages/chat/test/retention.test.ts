/** What is kept of conversations and rooms in a store, and what is not. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from 'mcp-switchboard';
import type { SharedStore } from 'mcp-switchboard';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { CLUSTER_KEY } from '../../switchboard/test/support/cluster.ts';
import { RedisServer } from '../../switchboard/test/support/redis.ts';
import type { ChatOptions } from '../src/index.ts';
import type { Entry } from '../src/protocol.ts';
import { RawClient, startChat } from './support/chat.ts';
import type { Running } from './support/chat.ts';
import { startProbe } from './support/probe.ts';

let redis: RedisServer;
let prefixes = 0;

beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.kill());

const HOUR_MS = 3_600_000;

interface TestStore {
  /** For one chat after the other. */
  open(): Promise<SharedStore>;
  /** Everything that is in it, as text. */
  texts(): Promise<string>;
}

const newRedis = (): string => `${redis.url}/?prefix=test${++prefixes}`;

/** All that a Redis has under a prefix, but for the counters of leases: keys, values, and how long each is kept, in ms. */
async function inRedis(setting: string): Promise<{ key: string; text: string; ttlMs: number }[]> {
  const prefix = new URL(setting).searchParams.get('prefix')!;
  const keys = (await redis.ask('KEYS', `${prefix}*`)).split('\r\n').filter((line) => line.startsWith(prefix));
  return Promise.all(
    keys.map(async (key) => {
      const type = (await redis.ask('TYPE', key)).trim().slice(1);
      const ask = { list: ['LRANGE', key, '0', '-1'], hash: ['HGETALL', key], zset: ['ZRANGE', key, '0', '-1'] }[type];
      const ttlMs = Number((await redis.ask('PTTL', key)).trim().slice(1));
      return { key, text: await redis.ask(...(ask ?? ['GET', key])), ttlMs };
    }),
  );
}

const stores: Record<string, () => Promise<TestStore>> = {
  memory: async () => {
    const store = await openStore('memory');
    onTestFinished(() => store.close());
    const open = async (): Promise<SharedStore> => ({ ...store, close: async () => {} });
    return { open, texts: async () => JSON.stringify(await store.facts.list('', 1000)) };
  },
  sqlite: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'chat-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'chat.db');
    return { open: () => openStore(`sqlite:${file}`), texts: async () => readFileSync(file, 'latin1') };
  },
  redis: async () => {
    const setting = newRedis();
    const texts = async (): Promise<string> => JSON.stringify(await inRedis(setting));
    return { open: () => openStore(setting), texts };
  },
};

async function startKept(store: SharedStore, options: Partial<ChatOptions> = {}): Promise<Running> {
  // What is in a store that other machines reach is encrypted with the key of a cluster.
  const key = store.reach === 'cluster' ? { clusterKey: CLUSTER_KEY } : {};
  return startChat({ retentionHours: 1, gateway: { stateStore: store, ...key }, ...options });
}

interface Joined {
  client: RawClient;
  resume: { session_id: string; resume_token: string };
}

async function enter(url: string, name: string, room = 'planning'): Promise<Joined> {
  const client = await RawClient.v2(url);
  const { session_id, resume_token = '' } = await client.get('connection_established');
  client.send({ type: 'join', room, name });
  await client.get('joined');
  return { client, resume: { session_id, resume_token } };
}

async function comeBack(url: string, { resume }: Joined): Promise<RawClient> {
  const client = await RawClient.v2(url);
  client.send({ type: 'resume', ...resume, after: 0 });
  return client;
}

const texts = (entries: readonly Entry[]): string[] => entries.map(({ kind, text }) => `${kind}: ${text}`);

describe.each(Object.keys(stores))('with retention, in a %s store', (name) => {
  it('a room is there after a restart: its people in their order, what was said, and a turn that was interrupted', async () => {
    const { open } = await stores[name]!();
    const one = await startKept(await open());
    const ada = await enter(one.url, 'Ada');
    const bob = await enter(one.url, 'Bob');
    ada.client.send({ type: 'query', content: 'echo is for later' });
    bob.client.send({ type: 'query', content: '@assistant add a=1 b=2' });
    await ada.client.get('response');
    bob.client.send({ type: 'query', content: '@assistant count to=1000 delayMs=1000' });
    const { turn } = await ada.client.get('tool_call');
    await one.chat.close();

    const two = await startKept(await open());
    const bobAgain = await comeBack(two.url, bob);
    expect(await bobAgain.get('resumed')).toMatchObject({ room: 'planning', session_id: bob.resume.session_id });
    const { entries } = await bobAgain.get('history');
    expect(texts(entries).map((text) => text.replace(/\s+/g, ' '))).toEqual([
      'person: echo is for later',
      'person: @assistant add a=1 b=2',
      'tool: 3',
      'model: Done: `add` says: 3',
      'person: @assistant count to=1000 delayMs=1000',
      'model: ',
    ]);
    expect(entries.at(-1)).toMatchObject({ turn, stopped: 'interrupted', seq: 6 });
    expect((await bobAgain.get('presence')).people).toEqual([
      { name: 'Ada', typing: false, connected: false },
      { name: 'Bob', typing: false, connected: true },
    ]);
    // Ada came first, and is not back yet; nobody else is called so.
    bobAgain.send({ type: 'query', content: 'clear' });
    expect(await bobAgain.get('error')).toMatchObject({ code: 'forbidden' });
    const eve = await RawClient.v2(two.url);
    eve.send({ type: 'join', room: 'planning', name: 'Ada' });
    expect(await eve.get('error')).toMatchObject({ code: 'forbidden' });
    const adaAgain = await comeBack(two.url, ada);
    await adaAgain.get('presence', ({ people }) => people[0]!.connected && people[0]!.name === 'Ada');
    adaAgain.send({ type: 'query', content: '@assistant echo again' });
    expect((await bobAgain.get('response')).seq).toBe(9);
    adaAgain.send({ type: 'query', content: 'clear' });
    await bobAgain.get('info', ({ event }) => event === 'cleared');
    expect([...bobAgain.received, ...adaAgain.received].filter(({ type }) => type === 'said')).toHaveLength(2);
    expect(bobAgain.allAreKnown && adaAgain.allAreKnown).toBe(true);
    await two.chat.close();

    // What was cleared is gone, and the numbers go on.
    const three = await startKept(await open());
    const last = await enter(three.url, 'Cyd');
    expect((await last.client.get('history')).entries).toEqual([]);
    last.client.send({ type: 'query', content: 'hello' });
    expect((await last.client.get('said')).entry.seq).toBe(10);
    await three.chat.close();
  });

  it('a conversation of one goes on after a restart, and no credentials are in the store', async () => {
    const { open, texts: inStore } = await stores[name]!();
    const probe = await startProbe(() => true);
    const credentials = { headers: { 'X-Key': '${auth.api_key}' }, probe };
    const org_id = 'organization-of-ada';
    const one = await startKept(await open(), { credentials });
    const before = await RawClient.v2(one.url);
    const { session_id, resume_token = '' } = await before.get('connection_established');
    before.send({ type: 'auth', api_key: 'secret-api-key', org_id });
    before.send({ type: 'query', content: `echo my key is secret-api-key of ${org_id}` });
    await before.get('response');
    before.send({ type: 'join', room: 'planning', name: 'Ada' });
    await before.get('presence');
    before.send({ type: 'query', content: 'echo the secret-api-key' });
    await before.get('response');
    await one.chat.close();
    const stored = await inStore();
    expect(stored.length).toBeGreaterThan(100);
    expect(stored).not.toMatch(new RegExp(`secret-api-key|${org_id}|${resume_token}|${session_id}|my key is|planning`));

    const two = await startKept(await open(), { credentials });
    const after = await RawClient.v2(two.url);
    after.send({ type: 'resume', session_id, resume_token, after: 0 });
    // Who it is has to be shown again; then the room is there, and the place in it.
    const resumed = await after.get('resumed');
    expect(resumed).toMatchObject({ session_id, authenticated: false });
    expect(resumed.room).toBeUndefined();
    const { entries } = await after.get('history');
    expect(entries.map(({ kind }) => kind)).toEqual(['person', 'tool', 'model']);
    expect(texts(entries)[0]).toBe('person: echo my key is *** of ***');
    after.send({ type: 'auth', api_key: 'secret-api-key', org_id });
    await after.get('auth_success');
    after.send({ type: 'join', room: 'planning', name: 'Ada' });
    expect(texts((await after.get('history')).entries)[0]).toBe('person: echo the ***');
    expect((await after.get('presence')).people).toHaveLength(1);
    expect(after.texts.join()).not.toContain('secret-api-key');
    // A token is good once.
    const thief = await RawClient.v2(two.url);
    thief.send({ type: 'resume', session_id, resume_token, after: 0 });
    expect(await thief.get('error')).toMatchObject({ code: 'not_found' });
    await two.chat.close();
  });

  it('without retention, nothing is in the store', async () => {
    const { open } = await stores[name]!();
    const { url, chat } = await startChat({ gateway: { stateStore: await open() } });
    const ada = await enter(url, 'Ada');
    ada.client.send({ type: 'query', content: 'echo hello' });
    await ada.client.get('response');
    await chat.close();
    const store = await open();
    const keys = (await store.facts.list('', 1000)).map(([key]) => key);
    expect(keys.filter((key) => /^(chat|secret) /.test(key))).toEqual([]);
    await store.close();
  });
});

describe('what is kept', () => {
  it('ends by itself: each key in Redis has a time, and whoever only looks in leaves nothing', async () => {
    const setting = newRedis();
    const { url, chat } = await startKept(await openStore(setting), { retentionHours: 2 });
    const idle = await RawClient.v2(url);
    await idle.get('connection_established');
    const ada = await enter(url, 'Ada');
    ada.client.send({ type: 'query', content: 'echo hello' });
    await ada.client.get('response');
    await chat.close();
    const kept = await inRedis(setting);
    const ours = kept.filter(({ key }) => key.includes(':chat '));
    expect(ours.filter(({ key }) => key.includes('chat token'))).toHaveLength(1);
    expect(ours.length).toBeGreaterThan(2);
    const lasting = (times: typeof kept): string[] => times.map(({ key, ttlMs }) => `${key} ${ttlMs}`);
    expect(lasting(ours.filter(({ ttlMs }) => ttlMs <= HOUR_MS || ttlMs > 2 * HOUR_MS))).toEqual([]);
    expect(lasting(kept.filter(({ key, ttlMs }) => ttlMs < 0 && !/:(life|epoch)$/.test(key)))).toEqual([]);
  });

  it('is found in Redis without a look through all keys, also where there is much of others', async () => {
    const own = await RedisServer.start();
    onTestFinished(() => own.kill());
    await own.ask('EVAL', "for n = 1, 5000 do redis.call('SET', 'other:' .. n, n) end", '0');
    const { url } = await startKept(await openStore(`${own.url}/?prefix=kept`));
    const ada = await enter(url, 'Ada');
    ada.client.send({ type: 'query', content: '@assistant echo hello' });
    await ada.client.get('response');
    const noted = (): Promise<string> => own.ask('ZCARD', 'kept:index:kept');
    await expect.poll(noted, { timeout: 5000 }).toBe(':2\r\n');
    expect(await own.ask('INFO', 'commandstats')).not.toContain('cmdstat_scan');
  });

  it('is written again soon after Redis has come back empty, though nobody has said anything since', async () => {
    const own = await RedisServer.start();
    onTestFinished(() => own.kill());
    const setting = `${own.url}/?prefix=again`;
    const cluster = { store: setting, peerListen: '127.0.0.1:0', clusterKey: 'cluster-key-of-the-tests-0123456789' };
    const { url } = await startChat({ retentionHours: 1, gateway: cluster });
    const ada = await enter(url, 'Ada');
    ada.client.send({ type: 'query', content: '@assistant echo hello' });
    await ada.client.get('response');
    const bob = await RawClient.v2(url);
    bob.send({ type: 'query', content: 'echo hello' });
    await bob.get('response');
    const kinds = async (): Promise<string[]> => {
      const keys = [
        ...(await own.ask('KEYS', 'again:*')).matchAll(/^again:(?:fact:)?(chat \w+|kept chat|entries:chat) /gm),
      ];
      return keys.map(([, kind]) => kind!).toSorted();
    };
    const all = [
      'chat room',
      'chat token',
      'chat token',
      'entries:chat',
      'entries:chat',
      'kept chat',
      'kept chat',
      'kept chat',
    ];
    await expect.poll(kinds, { timeout: 5000 }).toEqual(all);
    await own.kill();
    await own.start();
    await expect.poll(kinds, { timeout: 10_000, interval: 100 }).toEqual(all);
  });

  it('is limited: in the bytes of a conversation, and in how many there are of one organization', async () => {
    const { open } = await stores['memory']!();
    const limits = { maxKeptBytes: 4096, maxKeptEach: 2 };
    const one = await startKept(await open(), limits);
    for (const room of ['first', 'second', 'third']) {
      const { client } = await enter(one.url, 'Ada', room);
      for (let nth = 1; nth <= 3; nth++) client.send({ type: 'query', content: `echo ${nth} ${'x'.repeat(1000)}` });
      for (let nth = 1; nth <= 3; nth++) await client.get('response');
      client.send({ type: 'leave' });
      await client.get('left');
    }
    await one.chat.close();
    const two = await startKept(await open(), limits);
    const lengths: number[] = [];
    for (const room of ['first', 'second', 'third']) {
      const { client } = await enter(two.url, 'Ada', room);
      lengths.push((await client.get('history')).entries.length);
    }
    // Nine were said in each.
    expect(lengths).toEqual([0, 1, 1]);
    await two.chat.close();
  });

  it('is read with care: what was put into the store by others, or in another place, is left out and noted', async () => {
    const setting = newRedis();
    const one = await startKept(await openStore(setting));
    for (const room of ['first', 'second']) {
      const { client } = await enter(one.url, 'Ada', room);
      client.send({ type: 'query', content: `echo of ${room}` });
      await client.get('response');
    }
    await one.chat.close();
    const logs = (await inRedis(setting)).filter(({ key }) => key.includes(':entries:chat '));
    expect(logs).toHaveLength(2);
    const [own, other] = logs.map(({ key }) => key);
    const [, , foreign = ''] = (await redis.ask('LRANGE', other!, '0', '0')).split('\r\n');
    await redis.ask('LSET', own!, '0', foreign);
    await redis.ask(
      'LSET',
      own!,
      '1',
      't{"kind":"person","seq":1,"at":"2026-01-01T00:00:00Z","from":"Ada","text":"lie"}',
    );
    const failures: string[] = [];
    const two = await startKept(await openStore(setting), {
      onEvent: (event) => {
        if (event.type === 'failed') failures.push(String(event.error));
      },
    });
    const lengths = [];
    for (const room of ['first', 'second']) {
      const { client } = await enter(two.url, 'Bob', room);
      lengths.push((await client.get('history')).entries.length);
    }
    expect(lengths.toSorted((a, b) => a - b)).toEqual([2, 3]);
    expect(failures).toEqual(['Error: 2 kept entries cannot be read, and are left out']);
    await two.chat.close();
  });
});
