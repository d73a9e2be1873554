/** The connection to a Redis or Valkey: commands with a time limit, none that wait while it is away, and its own scripts. */
import { createHash } from 'node:crypto';
import type { RedisClientType } from '@redis/client';

import { SwitchboardError } from '../protocol/errors.ts';
import { backoffMs } from '../util/backoff.ts';
import { SCRIPTS } from './redis-scripts.ts';
import type { ScriptName } from './redis-scripts.ts';

export interface RedisConnectionOptions {
  /** `redis://` or `rediss://`, with user, password and number of the database. Never shown. */
  url: string;
  /** Something failed. Called for each failure, with words that hold no secret. */
  onFailure(detail: string): void;
  /** It is there: connected, or well again after a failure. */
  onReady(): void;
}

type Client = RedisClientType;

/** How long a connection, and a command, may take. */
const CONNECT_MS = 2000;
const COMMAND_MS = 2000;
/** Commands under way; one more is refused. */
const MAX_COMMANDS = 20_000;
/** How often a quiet connection is looked at, and how long it may be silent. */
const PING_MS = 1000;
const SILENCE_MS = 5000;
const LONGEST_WAIT_MS = 2000;
/** After so long without a failure it is taken for well. */
const WELL_AFTER_MS = 2000;

const DIGESTS = Object.fromEntries(
  Object.entries(SCRIPTS).map(([name, text]) => [name, createHash('sha1').update(text).digest('hex')]),
) as Readonly<Record<ScriptName, string>>;

export class RedisConnection {
  readonly #options: RedisConnectionOptions;
  readonly #clients: Client[] = [];
  /** Settled when the first attempt has succeeded, failed, or taken too long. */
  #first: Promise<Client> | undefined;
  #listening: Promise<Client> | undefined;
  /** In ms of this process; nothing while all is well. */
  #failedAt: number | undefined;
  #closed = false;

  constructor(options: RedisConnectionOptions) {
    this.#options = options;
  }

  /** @throws {SwitchboardError} `SWB_STORE_UNAVAILABLE` */
  async command(...args: string[]): Promise<unknown> {
    try {
      return await this.#send(args);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** Runs one of the scripts. @throws as {@link command} */
  async run(name: ScriptName, keys: readonly string[], args: readonly (string | number)[] = []): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args.map(String)];
    try {
      return await this.#send(['EVALSHA', DIGESTS[name], ...rest]);
    } catch (error) {
      if (!(error as Error).message.startsWith('NOSCRIPT ')) throw this.#failed(error);
      return this.command('EVAL', SCRIPTS[name], ...rest);
    }
  }

  /** @returns stops listening. */
  async subscribe(channel: string, onText: (text: string) => void): Promise<() => Promise<void>> {
    if (this.#closed) throw unavailable();
    this.#listening ??= this.#connect(false);
    const client = await this.#listening;
    try {
      await limited(client.subscribe(channel, onText), COMMAND_MS);
    } catch (cause) {
      throw unavailable(cause);
    }
    return async () => {
      if (!this.#closed) await limited(client.unsubscribe(channel, onText), COMMAND_MS).catch(() => {});
    };
  }

  close(): void {
    this.#closed = true;
    for (const client of this.#clients) client.destroy();
    this.#clients.length = 0;
  }

  async #send(args: string[]): Promise<unknown> {
    if (this.#closed) throw unavailable();
    this.#first ??= this.#connect(true);
    const client = await this.#first;
    const answer = await limited(client.sendCommand(args), COMMAND_MS);
    // One that refuses to write may still be read.
    if (this.#failedAt !== undefined && performance.now() - this.#failedAt > WELL_AFTER_MS) this.#recovered();
    return answer;
  }

  #recovered(): void {
    this.#failedAt = undefined;
    this.#options.onReady();
  }

  #fail(detail: string): void {
    this.#failedAt = performance.now();
    if (!this.#closed) this.#options.onFailure(detail);
  }

  /** @param isMain whether it is the one for commands, whose state is the store's. */
  async #connect(isMain: boolean): Promise<Client> {
    const { createClient } = await import('@redis/client');
    const { url } = this.#options;
    const client = createClient({
      url,
      socket: {
        connectTimeout: CONNECT_MS,
        ...(isMain && { socketTimeout: SILENCE_MS }),
        // It is tried for as long as this process lives: whoever needs the store is told meanwhile that it is away.
        reconnectStrategy: (retries) => backoffMs(Math.min(retries + 1, 16), { firstMs: 50, maxMs: LONGEST_WAIT_MS }),
      },
      ...(isMain && { pingInterval: PING_MS }),
      // What waits for a store that is away would come late, and all at once.
      disableOfflineQueue: isMain,
      commandsQueueMaxLength: MAX_COMMANDS,
    }) as unknown as Client;
    if (this.#closed) throw unavailable();
    this.#clients.push(client);
    client.on('error', (error: Error) => {
      if (isMain) this.#fail(error.message);
    });
    if (isMain) client.on('ready', () => this.#recovered());
    // It goes on trying when this takes too long.
    await limited(client.connect(), CONNECT_MS).catch((error: Error) => {
      if (isMain) this.#fail(error.message);
    });
    return client;
  }

  #failed(thrown: unknown): SwitchboardError {
    if (thrown instanceof SwitchboardError) return thrown;
    const { message } = thrown as Error;
    this.#fail(message);
    return unavailable(thrown);
  }
}

function limited<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    // A process that had no time to look has not waited: what has come meanwhile is read first.
    timer = setTimeout(() => setImmediate(() => reject(new Error(`no answer within ${ms} ms`))), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Clients see it: where the store is, and what it says, is for operators. */
const unavailable = (cause?: unknown): SwitchboardError =>
  new SwitchboardError('SWB_STORE_UNAVAILABLE', { data: { retryAfterMs: 1000 }, cause });
