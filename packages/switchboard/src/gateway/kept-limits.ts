/** Lets limits hold over a restart: what clients have left of their rates, and who has shown wrong credentials. */
import { z } from 'zod';

import type { Lockout, LockoutState } from '../limits/lockout.ts';
import type { BucketState, RateLimit } from '../limits/token-bucket.ts';
import { Records } from '../stores/records.ts';
import type { Lease, SharedStore, StoreNotice } from '../stores/store.ts';
import { owned } from '../util/owned.ts';

export interface KeptLimitsOptions {
  store: SharedStore;
  /** @default they are counted where they are kept */
  rates?: RateLimit | undefined;
  lockout: Lockout;
  /** The lease to write under now. @default none is needed */
  lease?: (() => Lease | undefined) | undefined;
  onNotice(notice: StoreNotice): void;
}

interface LimitsRecord extends LockoutState {
  rates: BucketState[];
}

/** How often it is written; what was counted since is forgotten by a process that is killed. */
const WRITTEN_EVERY_MS = 2000;
/** Nothing of it holds for longer. */
const TTL_MS = 3_600_000;
/** More than is ever remembered. */
const MAX_CLIENTS = 100_000;

const buckets = z.array(z.tuple([z.string(), z.number(), z.number()])).max(MAX_CLIENTS);
const LIMITS: z.ZodType<LimitsRecord> = z.object({ rates: buckets, failures: buckets, guesses: buckets });

export class KeptLimits {
  readonly #records: Records<LimitsRecord>;
  readonly #options: KeptLimitsOptions;
  readonly #timer: NodeJS.Timeout;
  #written = '';
  /** Before that, what is here is not what there is. */
  #isRestored = false;

  constructor(options: KeptLimitsOptions) {
    const { store, onNotice } = options;
    this.#options = options;
    this.#records = new Records({ facts: store.facts, kind: 'limits', schema: LIMITS, onNotice });
    this.#timer = setInterval(() => this.#write(), WRITTEN_EVERY_MS).unref();
  }

  /** Goes on with what another process has left. Never rejects: where nothing can be read, everybody begins with a full rate. */
  async restore(): Promise<void> {
    const { rates, lockout } = this.#options;
    const record = await this.#records.get('all').catch(() => undefined);
    this.#isRestored = true;
    if (record === undefined) return;
    rates?.restore(record.rates);
    lockout.restore(record);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#write();
  }

  #write(): void {
    if (!this.#isRestored) return;
    const { rates, lockout, lease } = this.#options;
    const record = { rates: rates?.state ?? [], ...lockout.state };
    const text = JSON.stringify(record);
    if (text === this.#written) return;
    this.#written = text;
    owned(
      () => this.#records.put('all', record, TTL_MS, lease?.()),
      () => {},
    );
  }
}
