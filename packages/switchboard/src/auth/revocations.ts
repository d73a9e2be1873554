/**
 * API keys that were revoked at some node of a cluster are refused at all of them, also where a node's keys file is a copy that does not say
 * so. The store has a digest of each; whoever has no copy of the key, or of the file, finds out nothing from it and makes none up.
 */
import { createHash, randomUUID } from 'node:crypto';
import { z } from 'zod';

import { Records } from '../stores/records.ts';
import type { SharedStore, StoreNotice } from '../stores/store.ts';
import { owned } from '../util/owned.ts';
import type { ApiKey } from './api-keys.ts';

export interface RevocationsOptions {
  store: Pick<SharedStore, 'facts' | 'announcements' | 'watch'>;
  /** The keys of this node's file, those among them that are revoked there. */
  keys(): readonly ApiKey[];
  /** More keys are revoked than before. */
  onChange(): void;
  onNotice(notice: StoreNotice): void;
}

const TOPIC = 'revocations';
/** How often it is looked for revocations that were not heard of. */
const LOOK_MS = 1000;
/** A revocation is known for so long after the last node that has the key ran; each writes it again, in looks. */
const TTL_MS = 30 * 86_400_000;
const LOOKS = 21_600;
const MAX_REVOKED = 10_000;
/** The name of the record that is another one after each change. */
const LATEST = 'latest';

const revoked = z.object({ at: z.string() });
const latest = z.object({ id: z.string() });

/** What the store knows a key by. */
const nameOf = ({ id, digest }: Pick<ApiKey, 'id' | 'digest'>): string =>
  createHash('sha256')
    .update(JSON.stringify([id, digest]))
    .digest('base64url');

export class Revocations {
  readonly #options: RevocationsOptions;
  readonly #records: Records<z.infer<typeof revoked>>;
  readonly #latest: Records<z.infer<typeof latest>>;
  readonly #revoked: Set<string> = new Set();
  readonly #names: WeakMap<ApiKey, string> = new WeakMap();
  /** Those that the store has from here. */
  readonly #told: Set<string> = new Set();
  #seen: string | undefined;
  #looking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looks = 0;

  constructor(options: RevocationsOptions) {
    const { store, onNotice } = options;
    this.#options = options;
    this.#records = new Records({ facts: store.facts, kind: 'revoked', schema: revoked, onNotice });
    this.#latest = new Records({ facts: store.facts, kind: 'revocations', schema: latest, onNotice });
    store.watch((notice) => {
      if (notice.type === 'back' && notice.lost) this.#told.clear();
    });
  }

  /** Whether a key was revoked, here or elsewhere. */
  has(key: ApiKey): boolean {
    return this.#revoked.size > 0 && this.#revoked.has(this.#nameOf(key));
  }

  /** Knows what the others have revoked, and hears of it from now on. Rejects with `SWB_STORE_UNAVAILABLE`. */
  async join(): Promise<void> {
    await this.#options.store.announcements.subscribe(TOPIC, () => this.#look());
    await this.#read();
    await this.publish();
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  /** Tells the others what is revoked here; while the store is away, later. Resolves when the store has it. */
  async publish(): Promise<void> {
    const at = new Date().toISOString();
    const own = this.#options.keys().filter((key) => key.revokedAt !== undefined || this.has(key));
    const untold = own.map((key) => this.#nameOf(key)).filter((name) => !this.#told.has(name));
    if (untold.length === 0) return;
    await Promise.all(untold.map((name) => this.#records.put(name, { at }, TTL_MS)));
    const id = randomUUID();
    await this.#latest.put(LATEST, { id }, TTL_MS);
    for (const name of untold) this.#told.add(name);
    await this.#options.store.announcements.publish(TOPIC, { id });
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #nameOf(key: ApiKey): string {
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const name = nameOf(key);
    this.#names.set(key, name);
    return name;
  }

  /** What cannot be seen now is seen later, when the store is back. */
  #look(): void {
    this.#looking ??= this.#read()
      .then(() => {
        if (++this.#looks % LOOKS === 0) this.#told.clear();
        return this.publish();
      })
      .finally(() => (this.#looking = undefined));
    owned(
      () => this.#looking,
      () => {},
    );
  }

  async #read(): Promise<void> {
    const id = (await this.#latest.get(LATEST))?.id;
    if (id === this.#seen) return;
    const found = await this.#records.list(MAX_REVOKED);
    // A store that has lost all is told again.
    if (id === undefined) this.#told.clear();
    this.#seen = id;
    const before = this.#revoked.size;
    for (const [name] of found) this.#revoked.add(name);
    if (this.#revoked.size > before) this.#options.onChange();
  }
}
