/** Which store a gateway uses, by the option that names it. */
import { memoryStore } from './memory.ts';
import { redisStore } from './redis.ts';
import type { SharedStore } from './store.ts';

/** @param setting `memory`, or the URL of a Redis or Valkey. Nothing is connected before it is used. */
export function openStore(setting: string): SharedStore {
  return setting === 'memory' ? memoryStore() : redisStore({ url: setting });
}
