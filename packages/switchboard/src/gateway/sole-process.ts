/** This process as the only one that uses a store which other machines could reach: a Redis, without an address for other nodes. */
import type { Registry } from '../callers/registry.ts';
import { clusterKeyOf } from '../peers/cluster-key-file.ts';
import type { ClusterKeyFile } from '../peers/cluster-key-file.ts';
import type { ClusterKey } from '../peers/cluster-key.ts';
import { sealedStore } from '../peers/sealed-store.ts';
import { SoleUse } from '../peers/sole-use.ts';
import type { SwitchboardError } from '../protocol/errors.ts';
import type { SealKeys } from '../router/catalogue/seal.ts';
import type { Lease, SharedStore, StoreNotice } from '../stores/store.ts';
import type { ConversationsElsewhere } from '../transports/websocket/conversations-elsewhere.ts';
import { newToken } from '../transports/websocket/conversation.ts';
import type { Emit } from '../observe/events.ts';
import { owned } from '../util/owned.ts';
import type { Settings } from './settings.ts';

export interface SoleProcessOptions {
  settings: Settings;
  store: SharedStore;
  /** The conversations here, which another process goes on with when the store is lost to it. */
  registry(): Registry;
  /** Ends what cannot go on then. */
  close(): Promise<void>;
  onNotice(notice: StoreNotice): void;
  emit: Emit;
}

export class SoleProcess {
  /** The store; with a key of a cluster only counts what somebody who has it has put there. */
  readonly store: SharedStore;
  /** The same for the program around the gateway, which seals its logs itself. */
  readonly programStore: SharedStore;
  readonly #key: ClusterKey | ClusterKeyFile | undefined;
  readonly #use: SoleUse;

  /** @throws {SwitchboardError} `SWB_CONFIG_INVALID` */
  constructor({ settings, store, registry, close, onNotice, emit }: SoleProcessOptions) {
    this.#key = clusterKeyOf(settings, (error) => emit({ type: 'failed', where: 'cluster key', error }));
    const sealed = this.#key && sealedStore(store, this.#key, onNotice);
    this.store = sealed?.store ?? store;
    this.programStore = sealed?.forProgram ?? store;
    // What is here goes on at another process, and nothing that is written here counts any more.
    const onLost = (error: SwitchboardError): void => {
      emit({ type: 'failed', where: 'store', error });
      registry().giveUp('another process goes on with it');
      owned(close, () => {});
    };
    this.#use = new SoleUse({ store, onLost });
  }

  /** For what the store has encrypted; nothing where there is no key. */
  get secretKeys(): SealKeys | undefined {
    const key = this.#key;
    return key && (() => key.derived('secrets'));
  }

  /** Under which this process writes. */
  get lease(): Lease {
    return this.#use.lease;
  }

  /** All conversations over WebSocket are here, and written under the lease. */
  get conversations(): ConversationsElsewhere {
    return {
      newId: newToken,
      lease: () => this.lease,
      isCertain: () => true,
      takeOver: (_id, goOn) => goOn(),
    };
  }

  /** @throws {SwitchboardError} `SWB_STORE_IN_USE` */
  join(): Promise<void> {
    return this.#use.join();
  }

  async close(): Promise<void> {
    await this.#use.close();
    if (this.#key !== undefined && 'close' in this.#key) this.#key.close();
  }
}
