/** Where the Redis is that can be written to: at its address, or wherever Sentinels say that the primary is now. */
import type { RedisClientType } from '@redis/client';

import { limited } from '../util/limited.ts';
import type { RedisCredentials, RedisEndpoint, RedisSetting } from './redis-url.ts';

/** How long one Sentinel may take: others know it too. */
const SENTINEL_MS = 1000;

export class RedisPrimary {
  readonly #setting: RedisSetting;
  /** The one that answered last comes first. */
  #sentinels: readonly RedisEndpoint[];

  constructor(setting: RedisSetting) {
    this.#setting = setting;
    this.#sentinels = setting.endpoints;
  }

  /** Whether it may be elsewhere another time. */
  get isMovable(): boolean {
    return this.#setting.group !== undefined;
  }

  /** Rejects where no Sentinel knows. */
  async find(): Promise<RedisEndpoint> {
    const { group, endpoints } = this.#setting;
    if (group === undefined) return endpoints[0]!;
    const failures: string[] = [];
    for (const sentinel of this.#sentinels) {
      try {
        const found = await this.#ask(sentinel, group);
        this.#sentinels = [sentinel, ...this.#sentinels.filter((other) => other !== sentinel)];
        return found;
      } catch (error) {
        failures.push(`${nameOf(sentinel)}: ${(error as Error).message}`);
      }
    }
    throw new Error(`no Sentinel says where the primary of ${JSON.stringify(group)} is (${failures.join('; ')})`);
  }

  async #ask(sentinel: RedisEndpoint, group: string): Promise<RedisEndpoint> {
    const { sentinel: credentials, tls } = this.#setting;
    const client = await clientFor(sentinel, { credentials, tls, connectMs: SENTINEL_MS });
    client.on('error', () => {});
    try {
      await limited(client.connect(), SENTINEL_MS);
      const said = await limited(client.sendCommand(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', group]), SENTINEL_MS);
      const [host, port] = Array.isArray(said) ? (said as unknown[]).map(String) : [];
      if (host === undefined || !/^\d{1,5}$/.test(port ?? '')) throw new Error('it does not know that name');
      return { host, port: Number(port) };
    } finally {
      client.destroy();
    }
  }
}

export const nameOf = ({ host, port }: RedisEndpoint): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

export interface ClientOptions {
  credentials: RedisCredentials;
  tls: boolean;
  connectMs: number;
  database?: number;
  /** How long the connection may be silent, and how often it is asked for a sign of life, in ms. @default it may always be silent */
  silence?: { longestMs: number; pingMs: number };
  maxCommands?: number;
}

/** A client that is not connected yet, and connects once: whoever has it makes another when it has ended. */
export async function clientFor(
  { host, port }: RedisEndpoint,
  { credentials, tls, connectMs, database = 0, silence, maxCommands }: ClientOptions,
): Promise<RedisClientType> {
  const { createClient } = await import('@redis/client');
  return createClient({
    ...credentials,
    ...(database > 0 && { database }),
    socket: {
      host,
      port,
      connectTimeout: connectMs,
      reconnectStrategy: false,
      ...(tls && { tls }),
      ...(silence !== undefined && { socketTimeout: silence.longestMs }),
    },
    ...(silence !== undefined && { pingInterval: silence.pingMs }),
    // What waits for a store that is away would come late, and all at once.
    disableOfflineQueue: true,
    ...(maxCommands !== undefined && { commandsQueueMaxLength: maxCommands }),
  });
}
