/** Limits that hold beyond this process: at all nodes of a cluster, and over restarts. */
import type { Identity } from '../auth/identity.ts';
import type { Registry } from '../callers/registry.ts';
import type { Lockout } from '../limits/lockout.ts';
import { SharedRates } from '../limits/shared-rates.ts';
import { RateLimit } from '../limits/token-bucket.ts';
import type { Limiter } from '../limits/token-bucket.ts';
import type { SharedStore, StoreNotice } from '../stores/store.ts';
import { isOfMany } from './admission.ts';
import type { Admission } from './admission.ts';
import type { Cluster } from './cluster.ts';
import { KeptLimits } from './kept-limits.ts';
import type { Settings } from './settings.ts';
import type { SoleProcess } from './sole-process.ts';
import { SharedLockout } from './shared-lockout.ts';
import { SharedPlaces } from './shared-places.ts';

export interface SharedLimitsOptions {
  settings: Settings;
  store: SharedStore;
  cluster: Cluster | undefined;
  /** Where this process has a store alone that others could reach. */
  sole: Pick<SoleProcess, 'lease'> | undefined;
  registry(): Registry;
  onNotice(notice: StoreNotice): void;
}

export class SharedLimits {
  /** Counts requests. */
  readonly rates: Limiter;
  readonly #options: SharedLimitsOptions;
  readonly #local: RateLimit;
  #places: SharedPlaces | undefined;
  #lockout: SharedLockout | undefined;
  #kept: KeptLimits | undefined;

  constructor(options: SharedLimitsOptions) {
    const { settings, store, cluster } = options;
    const rate = { perMinute: settings.rateLimit };
    const local = new RateLimit(rate);
    this.#options = options;
    this.#local = local;
    this.rates =
      cluster === undefined
        ? local
        : new SharedRates({
            local,
            rate,
            take: (client, wanted, portions) => store.counters.take(`rate ${client}`, wanted, portions),
            isShared: isOfMany,
          });
  }

  /** Sessions and connections; nothing where they count here alone. */
  get places(): SharedPlaces | undefined {
    return this.#places;
  }

  /** These are to hold beyond this process. */
  cover(admission: Admission, lockout: Lockout): void {
    const { store, cluster, sole, registry, onNotice } = this.#options;
    if (cluster !== undefined) {
      this.#kept = new KeptLimits({ store, lockout, onNotice });
      const { announcements, counters } = store;
      this.#lockout = new SharedLockout({ announcements, lockout, self: () => cluster.nodes.id, onNotice });
      this.#places = new SharedPlaces({
        counters,
        lease: () => cluster.nodes.lease,
        maxOf: (identity) => admission.maxSessions(identity),
        countOf: (principal) => registry().countOf(principal),
        makeRoom: (principal) => registry().makeRoom(principal),
        makeRoomAt: (lease, principal) => cluster.makeRoom(lease, principal),
      });
    } else if (store.reach !== 'process') {
      this.#kept = new KeptLimits({ store, rates: this.#local, lockout, lease: () => sole?.lease, onNotice });
    }
  }

  /** Goes on with what was counted before, and hears of what others count. Rejects with `SWB_STORE_UNAVAILABLE`. */
  async join(): Promise<void> {
    await this.#lockout?.join();
    await this.#kept?.restore();
  }

  /** As {@link SharedPlaces.reserve}. */
  async reservePlace(identity: Identity): Promise<() => void> {
    return (await this.#places?.reserve(identity)) ?? (() => {});
  }

  close(): void {
    this.#lockout?.close();
    this.#places?.close();
    this.#kept?.close();
  }
}
