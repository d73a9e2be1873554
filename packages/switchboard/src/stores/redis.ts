/**
 * The store of many machines: a Redis or Valkey that all of them reach. Everything is under one prefix, so that others can use the same
 * one. While it is away each use fails at once, and what is appended to logs waits in memory.
 */
import { randomUUID } from 'node:crypto';

import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { owned } from '../util/owned.ts';
import { unreffed } from '../util/timers.ts';
import { RedisConnection } from './redis-connection.ts';
import { RedisLogs } from './redis-logs.ts';
import { RedisPrimary, nameOf } from './redis-primary.ts';
import { readRedisUrl } from './redis-url.ts';
import { LEASE_KEPT_MS, SHARES_KEPT_MS } from './store.ts';
import type {
  Acquired,
  Announcements,
  Counters,
  Fact,
  Facts,
  HeldLease,
  Lease,
  Leases,
  Portion,
  SharedStore,
  Shares,
  StoreNotice,
} from './store.ts';

export interface RedisStoreOptions {
  /**
   * `redis://` or `rediss://` (TLS), with user, password and number of the database; `redis+sentinel://host:26379,host:26379/name` where
   * Sentinels know which one is the primary. A `?prefix=` tells clusters apart that use one database. With `?replicas=1` leases, who owns
   * what, secrets, tickets that are used up and revocations count as written when so many replicas have them.
   */
  url: string;
}

/** The first word of keys that are listed again and again: they have an index, as looking through all keys takes time. */
const LISTED: ReadonlySet<string> = new Set(['node', 'revoked', 'kept']);
/** The first words of keys that must not be lost with a primary: who owns what, secrets of all, and what is not good any more. */
const CONFIRMED: ReadonlySet<string> = new Set(['owner', 'heir', 'secret', 'revoked', 'revocations']);
/** How many keys are looked at in one step of a list. */
const SCANNED = 1000;
/** How long a life of the store is known that nobody uses, and how often it is prolonged by who does. */
const LIFE_KEPT_MS = 30 * 86_400_000;
const LIFE_PROLONGED_MS = 3_600_000;
/** How long replicas may take to show that they follow. */
const INSPECT_MS = 500;

type Notify = (notice: StoreNotice) => void;

const wordOf = (key: string): string => key.split(' ', 1)[0]!;

class RedisFacts implements Facts {
  readonly #connection: RedisConnection;
  readonly #prefix: string;
  readonly #notify: Notify;

  constructor(connection: RedisConnection, prefix: string, notify: Notify) {
    this.#connection = connection;
    this.#prefix = prefix;
    this.#notify = notify;
  }

  async put(key: string, value: Fact, ttlMs: number, under?: Lease): Promise<boolean> {
    const args = [JSON.stringify(value), Math.max(1, Math.ceil(ttlMs)), under?.epoch ?? '', indexed(key)];
    const keys = this.#keysOf(key, under);
    const connection = this.#connection;
    const said = CONFIRMED.has(wordOf(key))
      ? await connection.runConfirmed('put', keys, args)
      : await connection.run('put', keys, args);
    return said === 1;
  }

  async get(key: string): Promise<Fact | undefined> {
    return this.#read(key, await this.#connection.command('GET', this.#keyOf(key)));
  }

  async take(key: string): Promise<Fact | undefined> {
    return this.#read(key, await this.#connection.runConfirmed('take', this.#keysOf(key, undefined), [key]));
  }

  async delete(key: string, under?: Lease): Promise<void> {
    await this.#connection.run('delete', this.#keysOf(key, under), [under?.epoch ?? '', key]);
  }

  async list(prefix: string, limit: number): Promise<readonly (readonly [string, Fact])[]> {
    const isIndexed = prefix.includes(' ') && LISTED.has(wordOf(prefix));
    const keys = await (isIndexed ? this.#inIndex(prefix) : this.#found(prefix, limit));
    const wanted = keys.slice(0, limit);
    if (wanted.length === 0) return [];
    const texts = (await this.#connection.command('MGET', ...wanted.map((key) => this.#keyOf(key)))) as unknown[];
    return wanted.flatMap((key, index) => {
      const value = this.#read(key, texts[index]);
      return value === undefined ? [] : [[key, value] as const];
    });
  }

  async #inIndex(prefix: string): Promise<string[]> {
    const all = (await this.#connection.command('ZRANGE', this.#indexOf(prefix), '0', '-1')) as string[];
    return all.filter((key) => key.startsWith(prefix));
  }

  async #found(prefix: string, limit: number): Promise<string[]> {
    const start = this.#keyOf('');
    // What has a meaning in a pattern stands for itself.
    const pattern = `${(start + prefix).replaceAll(/[*?[\]\\^-]/g, String.raw`\$&`)}*`;
    const found = new Set<string>();
    let cursor = '0';
    do {
      const said = await this.#connection.command('SCAN', cursor, 'MATCH', pattern, 'COUNT', String(SCANNED));
      const [next, keys] = said as [string, string[]];
      for (const key of keys) found.add(key.slice(start.length));
      cursor = next;
    } while (cursor !== '0' && found.size < limit);
    return [...found];
  }

  #read(key: string, text: unknown): Fact | undefined {
    if (typeof text !== 'string') return undefined;
    try {
      const value: unknown = JSON.parse(text);
      if (isObject(value)) return value;
    } catch {
      // Told below.
    }
    this.#notify({ type: 'garbage', key, detail: 'it is no object of JSON' });
    return undefined;
  }

  #keyOf(key: string): string {
    return `${this.#prefix}fact:${key}`;
  }

  #indexOf(key: string): string {
    return `${this.#prefix}index:${wordOf(key)}`;
  }

  #keysOf(key: string, under: Lease | undefined): string[] {
    return [this.#keyOf(key), `${this.#prefix}lease:${under?.name ?? ''}`, this.#indexOf(key)];
  }
}

const indexed = (key: string): string => (LISTED.has(wordOf(key)) ? key : '');

class RedisLeases implements Leases {
  readonly #connection: RedisConnection;
  readonly #prefix: string;

  constructor(connection: RedisConnection, prefix: string) {
    this.#connection = connection;
    this.#prefix = prefix;
  }

  async acquire(name: string, owner: string, ttlMs: number): Promise<Acquired> {
    const keys = [this.#keyOf(name), `${this.#prefix}epoch`];
    const said = await this.#connection.runConfirmed('acquire', keys, [owner, ttlMs, LEASE_KEPT_MS]);
    const [got, holder, epoch] = said as [number, string, string];
    const lease = { name, owner: holder, epoch: Number(epoch) };
    return got === 1 ? { lease } : { heldBy: lease };
  }

  async renew({ name, epoch }: Lease, ttlMs: number): Promise<boolean> {
    const args = [epoch, ttlMs, LEASE_KEPT_MS];
    return (await this.#connection.runConfirmed('renew', [this.#keyOf(name)], args)) === 1;
  }

  async release({ name, epoch }: Lease): Promise<void> {
    await this.#connection.run('renew', [this.#keyOf(name)], [epoch, 0, LEASE_KEPT_MS]);
  }

  async holder(name: string): Promise<HeldLease | undefined> {
    const said = (await this.#connection.run('holder', [this.#keyOf(name)])) as [string?, string?, number?];
    const [owner, epoch, endsInMs] = said;
    return owner === undefined ? undefined : { name, owner, epoch: Number(epoch), endsInMs: Number(endsInMs) };
  }

  #keyOf(name: string): string {
    return `${this.#prefix}lease:${name}`;
  }
}

class RedisCounters implements Counters {
  readonly #connection: RedisConnection;
  readonly #prefix: string;

  constructor(connection: RedisConnection, prefix: string) {
    this.#connection = connection;
    this.#prefix = prefix;
  }

  async add(name: string, by: number, ttlMs: number): Promise<number> {
    return Number(await this.#connection.run('add', [`${this.#prefix}count:${name}`], [by, Math.ceil(ttlMs)]));
  }

  async take(name: string, wanted: number, rate: { perMinute: number; burst: number }): Promise<Portion> {
    const args = [wanted, rate.perMinute, rate.burst];
    const said = await this.#connection.run('takeTokens', [`${this.#prefix}bucket:${name}`], args);
    const [granted, waitMs, left] = said as [number, number, number];
    return { granted, left, waitMs };
  }

  async share(name: string, count: number, max: number, under: Lease): Promise<Shares> {
    const leases = `${this.#prefix}lease:`;
    const limit = max === Infinity ? '' : max;
    const args = [under.name, under.epoch, count, limit, SHARES_KEPT_MS, leases, under.owner];
    const keys = [`${this.#prefix}shares:${name}`, leases + under.name];
    const [isTaken, ...said] = (await this.#connection.run('share', keys, args)) as [number, ...string[]];
    const others: Record<string, number> = {};
    for (let at = 0; at < said.length; at += 2) others[said[at]!] = Number(said[at + 1]) || 0;
    return { isTaken: isTaken === 1, others };
  }
}

class RedisAnnouncements implements Announcements {
  readonly #connection: RedisConnection;
  readonly #prefix: string;
  readonly #notify: Notify;

  constructor(connection: RedisConnection, prefix: string, notify: Notify) {
    this.#connection = connection;
    this.#prefix = prefix;
    this.#notify = notify;
  }

  async publish(topic: string, message: JsonObject): Promise<void> {
    await this.#connection.command('PUBLISH', `${this.#prefix}topic:${topic}`, JSON.stringify(message));
  }

  subscribe(topic: string, onMessage: (message: JsonObject) => void): Promise<() => Promise<void>> {
    return this.#connection.subscribe(`${this.#prefix}topic:${topic}`, (text) => {
      try {
        const message: unknown = JSON.parse(text);
        if (!isObject(message)) throw new TypeError('it is no object');
        onMessage(message);
      } catch {
        this.#notify({ type: 'garbage', key: `topic ${topic}`, detail: 'an announcement is no object of JSON' });
      }
    });
  }
}

/**
 * Nothing is connected before it is used.
 *
 * @throws {SwitchboardError} `SWB_STORE_INVALID` where the URL is none of a Redis.
 */
export function redisStore({ url }: RedisStoreOptions): SharedStore {
  const listeners: Notify[] = [];
  const onNotice: Notify = (notice) => {
    // What a listener throws belongs to it: the store goes on, and the others hear of it.
    for (const listener of listeners)
      owned(
        () => listener(notice),
        () => {},
      );
  };
  let isAway = false;
  /** The life of the store and the process that has it, as they were last known. */
  let known: { life: string; server: string } | undefined;
  const connection = new RedisConnection({
    url,
    onFailure: (detail) => {
      if (!isAway) onNotice({ type: 'away', detail });
      isAway = true;
    },
    onReady: (server) => void returned(server),
  });
  const { prefix } = readRedisUrl(url)!;
  const logs = new RedisLogs({ connection, prefix, onNotice });

  const incarnation = async (): Promise<string> => {
    const key = `${prefix}life`;
    await connection.command('SET', key, randomUUID(), 'NX', 'PX', String(LIFE_KEPT_MS));
    return String(await connection.command('GETEX', key, 'PX', String(LIFE_KEPT_MS)));
  };
  const prolonger = unreffed(
    setInterval(() => {
      if (known !== undefined) void incarnation().catch(() => {});
    }, LIFE_PROLONGED_MS),
  );
  /** It may be another one than before, or the same without what it had; what a replica had not heard of yet is lost when it takes over. */
  async function returned(server: string): Promise<void> {
    const former = known;
    try {
      known = { life: await incarnation(), server };
    } catch {
      // It is away again, and tells when it is back.
      return;
    }
    const wasAway = isAway;
    isAway = false;
    const lost = former !== undefined && (former.life !== known.life || former.server !== known.server);
    if (lost) logs.writeAgain();
    if (wasAway || lost) onNotice({ type: 'back', lost });
  }

  return {
    reach: 'cluster',
    facts: new RedisFacts(connection, prefix, onNotice),
    leases: new RedisLeases(connection, prefix),
    counters: new RedisCounters(connection, prefix),
    announcements: new RedisAnnouncements(connection, prefix, onNotice),
    log: (name, options = {}) => logs.open(name, options),
    recall: (name, options = {}) => logs.recall(name, options),
    incarnation,
    watch: (listener) => void listeners.push(listener),
    lagMs: () => logs.lagMs,
    async flush() {
      await logs.flush();
      // What is answered after it was done before it.
      await connection.command('PING');
    },
    async close() {
      clearInterval(prolonger);
      await logs.close();
      connection.close();
    },
  };
}

/**
 * Looks at a Redis for who sets it up: where the primary is, and how many replicas have what was written a moment ago.
 *
 * @throws {SwitchboardError} `SWB_STORE_UNAVAILABLE`
 */
export async function inspectRedis(url: string): Promise<{ primary: string; replicas: number }> {
  const setting = readRedisUrl(url)!;
  const connection = new RedisConnection({ url, onFailure() {}, onReady() {} });
  try {
    const primary = nameOf(await new RedisPrimary(setting).find());
    await connection.command('SET', `${setting.prefix}doctor`, '', 'PX', '1000');
    const confirmed = await connection.command('WAIT', String(Math.max(1, setting.replicas)), String(INSPECT_MS));
    return { primary, replicas: Number(confirmed) };
  } finally {
    connection.close();
  }
}
