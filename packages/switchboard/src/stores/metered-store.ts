/** A store that says how long each use of it takes, and what was refused. */
import { owned } from '../util/owned.ts';
import type { Facts, Lease, Leases, SharedStore } from './store.ts';
import { withParts } from './with-parts.ts';

/** Is told of it. None of it may throw. */
export interface StoreMeter {
  /** An operation was done. */
  used(operation: StoreOperation, ms: number): void;
  /** It could not be done. */
  failed(operation: StoreOperation): void;
  /** A lease was not there any more when it was to be renewed. */
  leaseLost(): void;
  /** A write was refused, as another has the lease. */
  fenced(): void;
}

/** What is done with a store, but for its logs, which are written behind. */
export type StoreOperation =
  | 'put'
  | 'get'
  | 'take'
  | 'delete'
  | 'list'
  | 'acquire'
  | 'renew'
  | 'release'
  | 'holder'
  | 'add'
  | 'tokens'
  | 'share'
  | 'publish'
  | 'recall';

export function meteredStore(store: SharedStore, meter: StoreMeter): SharedStore {
  const timed = async <T>(operation: StoreOperation, work: () => Promise<T>): Promise<T> => {
    const begun = performance.now();
    try {
      const done = await work();
      meter.used(operation, performance.now() - begun);
      return done;
    } catch (error) {
      meter.failed(operation);
      throw error;
    }
  };
  const { facts: kept, leases: held, counters, announcements } = store;
  /** A store that came back empty refuses too, until the owner of a lease has it again. */
  const countFenced = async ({ name, owner }: Lease): Promise<void> => {
    const holder = await held.holder(name);
    if (holder !== undefined && holder.owner !== owner) meter.fenced();
  };
  const facts: Facts = {
    async put(key, value, ttlMs, under) {
      const isKept = await timed('put', () => kept.put(key, value, ttlMs, under));
      if (!isKept && under !== undefined) {
        owned(
          () => countFenced(under),
          () => {},
        );
      }
      return isKept;
    },
    get: (key) => timed('get', () => kept.get(key)),
    take: (key) => timed('take', () => kept.take(key)),
    delete: (key, under) => timed('delete', () => kept.delete(key, under)),
    list: (prefix, limit) => timed('list', () => kept.list(prefix, limit)),
  };
  const leases: Leases = {
    acquire: (name, owner, ttlMs) => timed('acquire', () => held.acquire(name, owner, ttlMs)),
    async renew(lease, ttlMs) {
      const isHeld = await timed('renew', () => held.renew(lease, ttlMs));
      if (!isHeld) meter.leaseLost();
      return isHeld;
    },
    release: (lease) => timed('release', () => held.release(lease)),
    holder: (name) => timed('holder', () => held.holder(name)),
  };
  return withParts(store, {
    facts,
    leases,
    counters: {
      add: (name, by, ttlMs) => timed('add', () => counters.add(name, by, ttlMs)),
      take: (name, wanted, rate) => timed('tokens', () => counters.take(name, wanted, rate)),
      share: (name, count, max, under) => timed('share', () => counters.share(name, count, max, under)),
    },
    announcements: {
      publish: (topic, message) => timed('publish', () => announcements.publish(topic, message)),
      subscribe: (topic, onMessage) => announcements.subscribe(topic, onMessage),
    },
    recall: (name, options) => timed('recall', () => store.recall(name, options)),
  });
}
