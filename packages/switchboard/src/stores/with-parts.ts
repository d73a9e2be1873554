import type { SharedStore } from './store.ts';

/** A store with parts of its own in place of some of another's. */
export const withParts = (
  store: SharedStore,
  parts: Partial<Pick<SharedStore, 'facts' | 'leases' | 'counters' | 'announcements' | 'log' | 'recall'>>,
): SharedStore => ({
  reach: store.reach,
  facts: store.facts,
  leases: store.leases,
  counters: store.counters,
  announcements: store.announcements,
  log: (name, options) => store.log(name, options),
  recall: (name, options) => store.recall(name, options),
  incarnation: () => store.incarnation(),
  watch: (listener) => store.watch(listener),
  lagMs: () => store.lagMs?.() ?? 0,
  flush: () => store.flush(),
  close: () => store.close(),
  ...parts,
});
