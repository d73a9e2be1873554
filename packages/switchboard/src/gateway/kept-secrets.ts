/**
 * Secrets that every process with the same store has, also after a restart. The first one that needs a secret makes it. In a cluster the store
 * has it encrypted with the cluster's key, so that it outlives a change of that key.
 */
import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';

import { SwitchboardError } from '../protocol/errors.ts';
import { Records } from '../stores/records.ts';
import type { SharedStore, StoreNotice } from '../stores/store.ts';
import { owned } from '../util/owned.ts';

export interface KeptSecretsOptions {
  store: SharedStore;
  /** The first key closes, all of them open. A store that other machines reach is given no secret without one. @default none: the store is this machine's or this process's own */
  keys?: (() => readonly Buffer[]) | undefined;
  onNotice(notice: StoreNotice): void;
}

const BYTES = 32;
/** How long a secret is kept after it was last asked for. */
const KEPT_MS = 366 * 86_400_000;
/** How long one process may take to make a secret, and how often the others look whether it has. */
const MAKING_MS = 5000;
const POLL_MS = 100;
const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

const schema = z.object({ secret: z.base64() });

export class KeptSecrets {
  readonly #options: KeptSecretsOptions;
  readonly #records: Records<z.infer<typeof schema>>;
  readonly #process = randomUUID();
  /** What was given, for a store that has lost it. */
  readonly #given: Map<string, Buffer> = new Map();
  /** Whether the store may have lost what is in {@link #given}. */
  #isLost = false;

  constructor(options: KeptSecretsOptions) {
    const { store, onNotice } = options;
    this.#options = options;
    this.#records = new Records({ facts: store.facts, kind: 'secret', schema, onNotice });
  }

  /** @throws {SwitchboardError} `SWB_STORE_UNAVAILABLE`; `SWB_CONFIG_INVALID` where whoever reads the store could read the secret. */
  async get(purpose: string): Promise<Buffer> {
    const { keys, store } = this.#options;
    const { leases, reach } = store;
    if (reach === 'cluster' && keys === undefined) {
      const detail = `clusterKey: a store that other machines reach keeps no secret (of ${purpose}) without a key; make one with "openssl rand -base64 48", and set SWITCHBOARD_CLUSTER_KEY or clusterKeyFile`;
      throw new SwitchboardError('SWB_CONFIG_INVALID', { detail });
    }
    const until = performance.now() + 2 * MAKING_MS;
    for (;;) {
      const making = await leases.acquire(`secret ${purpose}`, this.#process, MAKING_MS);
      if ('lease' in making) {
        try {
          const secret = (await this.#read(purpose)) ?? this.#given.get(purpose) ?? randomBytes(BYTES);
          const text = this.#close(purpose, secret).toString('base64');
          if (await this.#records.put(purpose, { secret: text }, KEPT_MS, making.lease)) {
            this.#remember(purpose, secret);
            return secret;
          }
        } finally {
          await leases.release(making.lease).catch(() => {});
        }
      }
      if (performance.now() > until) {
        throw new SwitchboardError('SWB_STORE_UNAVAILABLE', { detail: `another process keeps making "${purpose}"` });
      }
      await pause(POLL_MS);
    }
  }

  /** The first one of a purpose stays: this process goes on with it. */
  #remember(purpose: string, secret: Buffer): void {
    if (this.#given.size === 0) this.#options.store.watch((notice) => this.#onNotice(notice));
    if (!this.#given.has(purpose)) this.#given.set(purpose, secret);
  }

  /** A store that has come back empty gets again what it had. */
  #onNotice(notice: StoreNotice): void {
    if (notice.type !== 'back') return;
    this.#isLost ||= notice.lost;
    if (!this.#isLost) return;
    owned(
      async () => {
        for (const purpose of this.#given.keys()) await this.get(purpose);
        this.#isLost = false;
      },
      // It is tried again when it is back the next time.
      () => {},
    );
  }

  /** One that no key opens counts as none. */
  async #read(purpose: string): Promise<Buffer | undefined> {
    const record = await this.#records.get(purpose);
    if (record === undefined) return undefined;
    const bytes = Buffer.from(record.secret, 'base64');
    const opened = this.#open(purpose, bytes);
    if (opened?.length === BYTES) return opened;
    this.#options.onNotice({ type: 'garbage', key: `secret ${purpose}`, detail: 'no key of this cluster opens it' });
    return undefined;
  }

  #close(purpose: string, secret: Buffer): Buffer {
    const key = this.#options.keys?.()[0];
    if (key === undefined) return secret;
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(ALGORITHM, key, iv).setAAD(Buffer.from(purpose));
    const text = Buffer.concat([cipher.update(secret), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), text]);
  }

  #open(purpose: string, bytes: Buffer): Buffer | undefined {
    const { keys } = this.#options;
    if (keys === undefined) return bytes;
    if (bytes.length !== IV_BYTES + TAG_BYTES + BYTES) return undefined;
    const iv = bytes.subarray(0, IV_BYTES);
    for (const key of keys()) {
      const cipher = createDecipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(purpose));
      cipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
      try {
        return Buffer.concat([cipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), cipher.final()]);
      } catch {
        // It is of another key.
      }
    }
    return undefined;
  }
}
