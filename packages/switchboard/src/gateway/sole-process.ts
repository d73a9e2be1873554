/** This process as the only one that uses a store which other machines could reach: a Redis, without an address for other nodes. */
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
import type { Settings } from './settings.ts';

export interface SoleProcessOptions {
  settings: Settings;
  store: SharedStore;
  /** Another process goes on with what is here: it has to end. */
  onLost(error: SwitchboardError): void;
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
  constructor({ settings, store, onLost, onNotice, emit }: SoleProcessOptions) {
    this.#key = clusterKeyOf(settings, (error) => emit({ type: 'failed', where: 'cluster key', error }));
    const sealed = this.#key && sealedStore(store, this.#key, onNotice);
    this.store = sealed?.store ?? store;
    this.programStore = sealed?.forProgram ?? store;
    this.#use = new SoleUse({ store, onLost });
  }

  /** For what the store has encrypted; nothing where there is no key. */
  get secretKeys(): SealKeys | undefined {
    const key = this.#key;
    return key && (() => key.derived('secrets'));
  }

  /** Under which this process writes. */
  get lease(): Lease | undefined {
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
