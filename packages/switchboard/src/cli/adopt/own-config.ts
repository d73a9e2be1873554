/** Switchboard's own configuration file, with the servers that are in it, and its file of variables. */
import { delimiter, dirname, join, resolve } from 'node:path';
import { parseEnv } from 'node:util';

import { SwitchboardError } from '../../protocol/errors.ts';
import { isObject, textOf } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { adopt } from '../foreign.ts';
import { BLOCKS } from '../foreign.ts';
import { expandVariables } from '../variables.ts';
import type { Endpoint } from './clients.ts';
import { readForChange } from './files.ts';
import type { FileState } from './files.ts';
import { Unreadable, changeText, parseDocument } from './format.ts';
import { jsonc } from './jsonc.ts';
import { ownFolder } from './places.ts';
import type { Places } from './places.ts';
import { identityOf } from './shareable.ts';
import { withVariables } from './secrets.ts';

export interface OwnConfig {
  path: string;
  /** As it was read; undefined where there is none. */
  file: FileState | undefined;
  value: JsonObject;
  env: { path: string; file: FileState | undefined; variables: Readonly<Record<string, string>>; isNamed: boolean };
  /** The servers in it: names by what they are. */
  servers: ReadonlyMap<string, string>;
  names: ReadonlySet<string>;
}

const EMPTY = { plain: '{\n  "upstreams": {}\n}\n', withVariables: '{\n  "envFile": ".env",\n  "upstreams": {}\n}\n' };

/** @throws {SwitchboardError} `SWB_CONFIG_INVALID` when a file is there that cannot be read or changed */
export function readOwnConfig(path: string, environment: Readonly<Record<string, string | undefined>>): OwnConfig {
  const file = mustRead(path);
  const value = file === undefined ? {} : valueOf(path, file.text);
  const named = value['envFile'];
  const envPath = resolve(dirname(path), typeof named === 'string' ? named : '.env');
  const env = mustRead(envPath);
  const variables = env === undefined ? {} : (parseEnv(env.text) as Record<string, string>);
  const servers = new Map<string, string>();
  const names = new Set<string>();
  for (const block of BLOCKS) {
    const entries = value[block];
    if (!isObject(entries)) continue;
    for (const [name, entry] of Object.entries(entries)) {
      names.add(name);
      const { value: filled } = expandVariables(adopt(block, entry).entry, { ...variables, ...environment });
      if (isObject(filled)) servers.set(identityOf(filled), name);
    }
  }
  const isNamed = typeof named === 'string';
  return { path, file, value, env: { path: envPath, file: env, variables, isNamed }, servers, names };
}

function mustRead(path: string): FileState | undefined {
  const file = readForChange(path);
  if (typeof file !== 'string') return file;
  throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: `${path} ${file}` });
}

function valueOf(path: string, text: string): JsonObject {
  try {
    return parseDocument(jsonc, text).value;
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: `${path}:${error.line ?? 1}: ${error.message}` });
  }
}

/**
 * The text of the configuration with further servers.
 *
 * @param hasVariables whether they need the file of variables.
 */
export function withServers(
  { file, path, env }: OwnConfig,
  servers: readonly { name: string; value: JsonObject }[],
  hasVariables: boolean,
): string {
  const name = dirname(env.path) === dirname(resolve(path)) ? '.env' : env.path;
  const isNew = file === undefined;
  const added = hasVariables && !env.isNamed && !isNew;
  const before = file?.text ?? (hasVariables ? EMPTY.withVariables : EMPTY.plain);
  try {
    const named = added ? changeText(jsonc, before, [{ path: [], add: [{ name: 'envFile', value: name }] }]) : before;
    return changeText(jsonc, named, [{ path: ['upstreams'], add: servers }]);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: `${path}: ${error.message}` });
  }
}

/**
 * The text of the file of variables with further ones.
 *
 * @throws {SwitchboardError} `SWB_CONFIG_INVALID` where the file is such that they would be read as something else, as behind a quote
 * that does not end
 */
export function withSecrets({ env }: OwnConfig, variables: ReadonlyMap<string, string>): string {
  const text = withVariables(env.file?.text ?? '', variables);
  if (text !== undefined) return text;
  const detail = `${env.path}: what is added to it would not be read as it is; is there a quote that does not end?`;
  throw new SwitchboardError('SWB_CONFIG_INVALID', { detail });
}

/**
 * Where a Switchboard with this configuration is reached.
 *
 * @returns why clients cannot be led to it by an address alone, where they need more.
 */
export function endpointOf(
  { value, path }: OwnConfig,
  environment: Readonly<Record<string, string | undefined>>,
  bridge: readonly [string, ...string[]],
): Endpoint | string {
  const setting = (name: string): unknown =>
    environment[`SWITCHBOARD_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`] ?? value[name];
  for (const name of ['keysFile', 'token', 'tlsCert', 'tlsClientCa']) {
    const given = setting(name);
    if (typeof given === 'string' && given !== '') return `${name} is set in ${path}`;
  }
  if (isObject(value['jwt'])) return `jwt is set in ${path}`;
  const port = Number(setting('port')) || 8765;
  const host = textOf(setting('host')) || '127.0.0.1';
  const shown = /^(?:0\.0\.0\.0|::|localhost)$/.test(host) ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  const place = `${shown}:${port}/mcp`;
  const [command, ...args] = bridge;
  return { url: `http://${place}`, bridge: [command, ...args, 'connect', `ws://${place}`] };
}

/** The configuration that a flag names, else the only one that the environment names, else that of the user. */
export function configPath(flag: string | undefined, places: Places, folder: string): string {
  if (flag !== undefined) return resolve(folder, flag);
  const [named, ...others] = (places.environment['SWITCHBOARD_CONFIG'] ?? '')
    .split(delimiter)
    .filter((file) => file !== '');
  return named === undefined || others.length > 0
    ? join(ownFolder(places), 'switchboard.json')
    : resolve(folder, named);
}
