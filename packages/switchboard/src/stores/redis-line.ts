/** One connection to the primary of a Redis, made again whenever it has ended, wherever the primary is by then. */
import { setTimeout as pause } from 'node:timers/promises';
import type { RedisClientType } from '@redis/client';

import { backoffMs } from '../util/backoff.ts';
import { limited } from '../util/limited.ts';
import { once } from '../util/once.ts';
import { owned } from '../util/owned.ts';
import { clientFor, nameOf } from './redis-primary.ts';
import type { RedisPrimary } from './redis-primary.ts';
import type { RedisEndpoint, RedisSetting } from './redis-url.ts';

export interface RedisLineOptions {
  setting: RedisSetting;
  primary: RedisPrimary;
  /** Looks for signs of life, and whether Sentinels have made another one the primary. @default false */
  isWatched?: boolean;
  /** Prepares a new connection, before others may use it. @default nothing is to be done */
  prepare?(client: RedisClientType): Promise<void>;
  /** It is connected. @param server names the process that it is connected to. */
  onReady?(server: string): void;
  /** It could not be connected, or is connected no more. Holds no secret. */
  onFailure?(detail: string): void;
}

/** How long a connection, and a command, may take. */
const CONNECT_MS = 2000;
export const COMMAND_MS = 2000;
/** Commands under way; one more is refused. */
const MAX_COMMANDS = 20_000;
/** How often a quiet connection is looked at, and how long it may be silent. */
const SILENCE = { pingMs: 1000, longestMs: 5000 };
/** How often Sentinels are asked whether the primary is still the same. */
const LOOK_MS = 2000;
const WAIT = { firstMs: 50, maxMs: 2000 };
/** More failures make no wait longer. */
const MAX_FAILURES = 16;

export class RedisLine {
  readonly #options: RedisLineOptions;
  readonly #stop = new AbortController();
  /** Settled when the first attempt has succeeded or failed. */
  #first: Promise<void> | undefined;
  #client: RedisClientType | undefined;
  #failure = 'it is closed';

  constructor(options: RedisLineOptions) {
    this.#options = options;
  }

  /** Connected, at the first use. Rejects at once while it is not, but for the first attempt, which may take a moment. */
  async client(): Promise<RedisClientType> {
    this.#first ??= new Promise((resolve) => {
      owned(
        () => this.#keep(resolve),
        () => {},
      );
    });
    await this.#first;
    if (this.#client === undefined) throw new Error(this.#failure);
    return this.#client;
  }

  /** Ends the connection, with all that is under way on it; another is made. */
  drop(): void {
    this.#client?.destroy();
  }

  close(): void {
    this.#stop.abort();
    this.drop();
  }

  async #keep(onAttempted: () => void): Promise<void> {
    const { signal } = this.#stop;
    let failures = 0;
    while (!signal.aborted) {
      try {
        const { ended } = await this.#connect();
        failures = 0;
        onAttempted();
        await ended;
        this.#fail('the connection was closed');
      } catch (error) {
        this.#fail((error as Error).message);
      }
      onAttempted();
      failures = Math.min(failures + 1, MAX_FAILURES);
      await pause(backoffMs(failures, WAIT), undefined, { signal, ref: false }).catch(() => {});
    }
  }

  #fail(detail: string): void {
    const isNew = this.#client !== undefined;
    this.#client = undefined;
    // Why it has ended says more than that it has.
    if (!isNew || this.#failure === '') this.#failure = detail;
    if (!this.#stop.signal.aborted) this.#options.onFailure?.(this.#failure);
  }

  /** Resolves when it is connected, with a promise of the end of that. */
  async #connect(): Promise<{ ended: Promise<void> }> {
    const { setting, primary, isWatched, prepare, onReady } = this.#options;
    const { username, password, tls, database } = setting;
    const at = await primary.find();
    const client = await clientFor(at, {
      credentials: { ...(username !== undefined && { username }), ...(password !== undefined && { password }) },
      tls,
      database,
      connectMs: CONNECT_MS,
      ...(isWatched === true && { silence: SILENCE }),
      maxCommands: MAX_COMMANDS,
    });
    client.on('error', (error: Error) => (this.#failure = error.message));
    const ended = new Promise<void>((resolve) => {
      client.once('end', resolve);
      client.once('terminated', () => resolve());
    });
    let server: string;
    try {
      await limited(client.connect(), CONNECT_MS);
      const { role } = await limited(client.hello(), COMMAND_MS);
      if (role !== 'master') throw new Error(`${nameOf(at)} is a ${role}, which cannot be written to`);
      await prepare?.(client);
      server = await serverOf(client, at);
      if (this.#stop.signal.aborted) throw new Error('it is closed');
    } catch (error) {
      client.destroy();
      throw error;
    }
    this.#failure = '';
    this.#client = client;
    const stopLooking = isWatched === true && primary.isMovable ? this.#follow(client, at) : () => {};
    onReady?.(server);
    return { ended: ended.finally(stopLooking) };
  }

  /** Ends the connection when the primary is another one: the former may not know that yet. */
  #follow(client: RedisClientType, at: RedisEndpoint): () => void {
    const { primary } = this.#options;
    const look = async (): Promise<void> => {
      const now = await primary.find();
      if (nameOf(now) !== nameOf(at)) client.destroy();
    };
    const timer = setInterval(
      () =>
        owned(look, () => {
          // Sentinels that do not answer say nothing.
        }),
      LOOK_MS,
    ).unref();
    return once(() => clearInterval(timer));
  }
}

/** Another name after a restart, and for another one: `INFO` may be forbidden, and then it is the address. */
async function serverOf(client: RedisClientType, at: RedisEndpoint): Promise<string> {
  const info = await limited(client.info('server'), COMMAND_MS).catch(() => '');
  const [, run] = /^run_id:(\w+)/m.exec(info) ?? [];
  return run ?? nameOf(at);
}
