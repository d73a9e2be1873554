/** A store that other machines reach, of which only counts what somebody with the key of the cluster has put there. */
import { SealedFacts } from '../stores/sealed-facts.ts';
import { SealedLogs } from '../stores/sealed-logs.ts';
import type { SharedStore, StoreNotice } from '../stores/store.ts';
import { withParts } from '../stores/with-parts.ts';
import type { ClusterKey } from './cluster-key.ts';
import { SealedAnnouncements } from './sealed-announcements.ts';

export interface SealedStore {
  /** Facts, announcements and logs are sealed. */
  store: SharedStore;
  /** The same, but for its logs: a program around the gateway seals those itself. */
  forProgram: SharedStore;
}

/** The file of one machine is for its owner alone, and outlives the key: it stays as it is. */
export function sealedStore(store: SharedStore, key: ClusterKey, onNotice: (notice: StoreNotice) => void): SealedStore {
  if (store.reach !== 'cluster') return { store, forProgram: store };
  const facts = new SealedFacts(store.facts, key, onNotice);
  const announcements = new SealedAnnouncements(store.announcements, key, onNotice);
  const logs = new SealedLogs(store, key, onNotice);
  const forProgram = withParts(store, { facts, announcements });
  return {
    store: withParts(forProgram, {
      log: (name, options) => logs.log(name, options),
      recall: (name, options) => logs.recall(name, options),
    }),
    forProgram,
  };
}
