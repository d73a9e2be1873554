/** The URL of a Redis or Valkey, or of the Sentinels that know which one of several is the primary. */

export interface RedisEndpoint {
  host: string;
  port: number;
}

export interface RedisCredentials {
  username?: string;
  password?: string;
}

export interface RedisSetting extends RedisCredentials {
  /** Where it is; with a `group`, where the Sentinels are. */
  endpoints: readonly RedisEndpoint[];
  /** The name that Sentinels have for the primary and its replicas. */
  group?: string;
  /** For the Sentinels, which have their own. */
  sentinel: RedisCredentials;
  tls: boolean;
  database: number;
  /** Before every key and channel, with its colon. */
  prefix: string;
  /** How many replicas must have what must not be lost, before it counts as written. */
  replicas: number;
}

const SHAPE = /^redis(s?)(\+sentinel)?:\/\/(?:([^/?#]*)@)?([^/?#@]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/;
const ENDPOINT = /^(?:\[([\da-f:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/i;
const PARAMETERS: ReadonlySet<string> = new Set(['prefix', 'replicas', 'sentinelUsername', 'sentinelPassword']);
const DEFAULT_PREFIX = 'switchboard';
const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;
const MAX_REPLICAS = 100;

/**
 * Reads `redis://user:password@host:6379/0`, `rediss://…` (TLS) or `redis+sentinel://user:password@host:26379,host:26379/group/0`, with
 * parameters such as `?prefix=` and `?replicas=`. Undefined where it is none of them.
 */
export function readRedisUrl(text: string): RedisSetting | undefined {
  const shape = SHAPE.exec(text);
  if (shape === null) return undefined;
  const [, tls, sentinel, userInfo = '', hosts = '', path = '', query = ''] = shape;
  const isSentinel = sentinel !== undefined;
  const endpoints = hosts.split(',').map((host) => readEndpoint(host, isSentinel ? SENTINEL_PORT : REDIS_PORT));
  const names = path.split('/').filter((name) => name !== '');
  const group = isSentinel ? decoded(names.shift() ?? '') : undefined;
  const [database = '0', ...more] = names;
  const parameters = new URLSearchParams(query);
  const replicas = parameters.get('replicas') ?? '0';
  const credentials = readCredentials(userInfo);
  const isWhole =
    endpoints.every((endpoint) => endpoint !== undefined) &&
    (isSentinel ? group !== undefined && group !== '' : endpoints.length === 1) &&
    more.length === 0 &&
    [database, replicas].every((number) => /^\d{1,5}$/.test(number)) &&
    Number(replicas) <= MAX_REPLICAS &&
    [...parameters.keys()].every((name) => PARAMETERS.has(name)) &&
    credentials !== undefined;
  if (!isWhole) return undefined;
  return {
    ...credentials,
    endpoints,
    ...(group !== undefined && { group }),
    sentinel: named(parameters.get('sentinelUsername') ?? '', parameters.get('sentinelPassword') ?? ''),
    tls: tls !== '',
    database: Number(database),
    prefix: `${parameters.get('prefix') ?? DEFAULT_PREFIX}:`,
    replicas: Number(replicas),
  };
}

/** Whether a store is one that many machines reach. */
export const isRedisUrl = (text: string): boolean => readRedisUrl(text) !== undefined;

function readEndpoint(text: string, defaultPort: number): RedisEndpoint | undefined {
  const [found, bracketed, plain, port = String(defaultPort)] = ENDPOINT.exec(text) ?? [];
  return found === undefined || Number(port) > 65_535 ? undefined : { host: bracketed ?? plain!, port: Number(port) };
}

function readCredentials(text: string): RedisCredentials | undefined {
  const at = text.indexOf(':');
  const username = decoded(at < 0 ? text : text.slice(0, at));
  const password = decoded(at < 0 ? '' : text.slice(at + 1));
  return username === undefined || password === undefined ? undefined : named(username, password);
}

const named = (username: string, password: string): RedisCredentials => ({
  ...(username !== '' && { username }),
  ...(password !== '' && { password }),
});

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
