/** Which store a gateway uses, by the option that names it. */
import { SwitchboardError } from '../protocol/errors.ts';
import { memoryStore } from './memory.ts';
import { redisStore } from './redis.ts';
import { sqliteStore } from './sqlite.ts';
import type { SharedStore } from './store.ts';

/** How a store is opened. */
export interface OpenStoreOptions {
  /** How large its file may get, in bytes. @default 268435456 */
  maxBytes?: number;
  /** Whether several processes of this machine may have its file open at a time. @default false */
  shared?: boolean;
}

/** What a file is named after. */
const FILE = /^sqlite:(.+)$/s;

/** A store that needs no opening: in memory, or at a URL, where nothing is connected before it is used. Undefined for a file. */
export function openedAtOnce(setting: string): SharedStore | undefined {
  if (setting === 'memory' || setting === 'auto') return memoryStore();
  return FILE.test(setting) ? undefined : redisStore({ url: setting });
}

/**
 * Opens a store for `createGateway`, which closes it.
 *
 * @param setting as the option `store`: `memory`; `sqlite:` and a file, which is made for its owner alone, with folders that are missing; or
 * the URL of a Redis or Valkey, or of the Sentinels that know its primary.
 * @throws {SwitchboardError} `SWB_STORE_INVALID` with the file, what is wrong with it and what to do; nothing in it has changed then.
 * @example
 * ```ts
 * const stateStore = await openStore('sqlite:/var/lib/switchboard/state.db');
 * const gateway = createGateway({ upstreams, isolation: 'shared', stateStore });
 * ```
 */
export async function openStore(
  setting: string,
  { maxBytes, shared = false }: OpenStoreOptions = {},
): Promise<SharedStore> {
  const opened = openedAtOnce(setting);
  if (opened !== undefined) return opened;
  const [, file] = FILE.exec(setting) ?? [];
  if (file === undefined) throw new SwitchboardError('SWB_STORE_INVALID', { detail: 'it has no name' });
  return sqliteStore({ file, shared, ...(maxBytes !== undefined && { maxBytes }) });
}
