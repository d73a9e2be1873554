/** The connection to a Redis or Valkey: commands with a time limit, none that wait while it is away, and its own scripts. */
import { createHash } from 'node:crypto';
import type { RedisClientType } from '@redis/client';

import { SwitchboardError } from '../protocol/errors.ts';
import { limited } from '../util/limited.ts';
import { COMMAND_MS, RedisLine } from './redis-line.ts';
import { RedisPrimary } from './redis-primary.ts';
import { SCRIPTS } from './redis-scripts.ts';
import type { ScriptName } from './redis-scripts.ts';
import { readRedisUrl } from './redis-url.ts';

export interface RedisConnectionOptions {
  /** As {@link readRedisUrl} reads it. Never shown. */
  url: string;
  /** Something failed. Called for each failure, with words that hold no secret. */
  onFailure(detail: string): void;
  /** It is there: connected, or well again after a failure. @param server names the process; another one may lack what the former had. */
  onReady(server: string): void;
}

type OnText = (text: string) => void;

/** After so long without a failure it is taken for well. */
const WELL_AFTER_MS = 2000;
/** How long replicas may take to have what was written. */
const CONFIRM_MS = 500;
/** What one says that was the primary, and is no more. */
const DEMOTED = /^(READONLY|MASTERDOWN|UNBLOCKED) /;

const DIGESTS = Object.fromEntries(
  Object.entries(SCRIPTS).map(([name, text]) => [name, createHash('sha1').update(text).digest('hex')]),
) as Readonly<Record<ScriptName, string>>;

export class RedisConnection {
  readonly #options: RedisConnectionOptions;
  readonly #replicas: number;
  /** The one for commands, whose state is the store's. */
  readonly #main: RedisLine;
  /** The one that waits for replicas: what else is sent there would wait too. */
  readonly #confirming: RedisLine;
  readonly #listening: RedisLine;
  readonly #topics: Map<string, Set<OnText>> = new Map();
  #server = '';
  /** In ms of this process; nothing while all is well. */
  #failedAt: number | undefined;
  #closed = false;

  /** @throws {SwitchboardError} `SWB_STORE_INVALID` */
  constructor(options: RedisConnectionOptions) {
    const setting = readRedisUrl(options.url);
    if (setting === undefined) throw new SwitchboardError('SWB_STORE_INVALID', { detail: 'it is no URL of a Redis' });
    const primary = new RedisPrimary(setting);
    this.#options = options;
    this.#replicas = setting.replicas;
    this.#main = new RedisLine({
      setting,
      primary,
      isWatched: true,
      onReady: (server) => this.#recovered(server),
      onFailure: (detail) => {
        // The others may not have noticed yet.
        this.#confirming.drop();
        this.#listening.drop();
        this.#fail(detail);
      },
    });
    this.#confirming = new RedisLine({ setting, primary });
    this.#listening = new RedisLine({ setting, primary, prepare: (client) => this.#listenAgain(client) });
  }

  /** @throws {SwitchboardError} `SWB_STORE_UNAVAILABLE` */
  async command(...args: string[]): Promise<unknown> {
    return this.#guarded(() => this.#send(args));
  }

  /** Runs one of the scripts. @throws as {@link command} */
  run(name: ScriptName, keys: readonly string[], args: readonly (string | number)[] = []): Promise<unknown> {
    return this.#guarded(() => this.#evaluate(name, keys, args, (words) => this.#send(words)));
  }

  /**
   * The same, and waits until as many replicas have what was written as the URL asks for. Rejects where they do not: then it is written, but
   * may be lost with the primary.
   *
   * @throws as {@link command}
   */
  runConfirmed(name: ScriptName, keys: readonly string[], args: readonly (string | number)[] = []): Promise<unknown> {
    if (this.#replicas === 0) return this.run(name, keys, args);
    return this.#guarded(() => this.#evaluate(name, keys, args, (words) => this.#confirm(words)));
  }

  /** @returns stops listening. */
  async subscribe(channel: string, onText: OnText): Promise<() => Promise<void>> {
    if (this.#closed) throw unavailable();
    let isHeard = true;
    const hear: OnText = (text) => {
      if (isHeard) onText(text);
    };
    const forget = (): void => {
      isHeard = false;
      const listeners = this.#topics.get(channel);
      listeners?.delete(hear);
      if (listeners?.size === 0) this.#topics.delete(channel);
    };
    let client: RedisClientType | undefined;
    try {
      client = await this.#listening.client();
      // Another may have begun to listen to it meanwhile.
      this.#topics.set(channel, (this.#topics.get(channel) ?? new Set()).add(hear));
      await limited(client.subscribe(channel, hear), COMMAND_MS);
    } catch (cause) {
      forget();
      // It may come late. Where others listen to the channel, what is not confirmed yet of theirs would end with it.
      if (client !== undefined && !this.#topics.has(channel)) void this.#unsubscribe(client, channel, hear);
      throw unavailable(cause);
    }
    return async () => {
      forget();
      if (this.#closed) return;
      const now = await this.#listening.client().catch(() => undefined);
      if (now !== undefined) await this.#unsubscribe(now, channel, hear);
    };
  }

  close(): void {
    this.#closed = true;
    for (const line of [this.#main, this.#confirming, this.#listening]) line.close();
  }

  async #unsubscribe(client: RedisClientType, channel: string, onText: OnText): Promise<void> {
    try {
      await limited(client.unsubscribe(channel, onText), COMMAND_MS);
    } catch {
      // The connection has ended, and the subscription with it.
    }
  }

  async #listenAgain(client: RedisClientType): Promise<void> {
    const all = [...this.#topics].flatMap(([channel, listeners]) =>
      [...listeners].map((each) => [channel, each] as const),
    );
    await Promise.all(all.map(([channel, onText]) => limited(client.subscribe(channel, onText), COMMAND_MS)));
  }

  async #evaluate(
    name: ScriptName,
    keys: readonly string[],
    args: readonly (string | number)[],
    send: (words: string[]) => Promise<unknown>,
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args.map(String)];
    try {
      return await send(['EVALSHA', DIGESTS[name], ...rest]);
    } catch (error) {
      if (!(error as Error).message.startsWith('NOSCRIPT ')) throw error;
      return send(['EVAL', SCRIPTS[name], ...rest]);
    }
  }

  async #send(args: string[]): Promise<unknown> {
    const client = await this.#main.client();
    const answer = await limited(client.sendCommand(args), COMMAND_MS);
    // One that refuses to write may still be read.
    if (this.#failedAt !== undefined && performance.now() - this.#failedAt > WELL_AFTER_MS)
      this.#recovered(this.#server);
    return answer;
  }

  async #confirm(args: string[]): Promise<unknown> {
    const wanted = this.#replicas;
    const client = await this.#confirming.client();
    const waited = ['WAIT', String(wanted), String(CONFIRM_MS)];
    const [answer, replicas] = await limited(
      Promise.all([client.sendCommand(args), client.sendCommand(waited)]),
      COMMAND_MS,
    );
    const count = Number(replicas);
    if (count >= wanted) return answer;
    // What is queued up behind it would wait as long each, and come late.
    this.#confirming.drop();
    throw new Error(`${count} of ${wanted} replicas have what was written (replicas in the URL)`);
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw unavailable();
    try {
      return await work();
    } catch (error) {
      const { message } = error as Error;
      if (DEMOTED.test(message)) this.#main.drop();
      this.#fail(message);
      throw unavailable(error);
    }
  }

  #recovered(server: string): void {
    this.#failedAt = undefined;
    this.#server = server;
    this.#options.onReady(server);
  }

  #fail(detail: string): void {
    this.#failedAt = performance.now();
    if (!this.#closed) this.#options.onFailure(detail);
  }
}

/** Clients see it: where the store is, and what it says, is for operators. */
const unavailable = (cause?: unknown): SwitchboardError =>
  new SwitchboardError('SWB_STORE_UNAVAILABLE', { data: { retryAfterMs: 1000 }, cause });
