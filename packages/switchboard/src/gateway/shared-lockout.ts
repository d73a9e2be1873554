/** Wrong credentials count together at all nodes of a cluster: each tells the others how many were shown, from where. */
import { z } from 'zod';

import type { Lockout } from '../limits/lockout.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import type { Announcements, StoreNotice } from '../stores/store.ts';
import { owned } from '../util/owned.ts';

export interface SharedLockoutOptions {
  announcements: Announcements;
  lockout: Lockout;
  /** The id of this node now. */
  self(): string;
  onNotice(notice: StoreNotice): void;
}

const TOPIC = 'lockout';
/** How long failures are gathered: a flood of them must not become one at the store. */
const GATHERED_MS = 100;
/** How many blocks of addresses are told of at a time; the rest of a flood from more is known here alone. */
const MAX_BLOCKS = 1000;
const MAX_COUNT = 1000;

const announced = z.object({
  from: z.string(),
  failures: z.array(z.tuple([z.string().min(1).max(64), z.number().int().min(1).max(MAX_COUNT)])).max(MAX_BLOCKS),
});

export class SharedLockout {
  readonly #options: SharedLockoutOptions;
  readonly #failures: Map<string, number> = new Map();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SharedLockoutOptions) {
    this.#options = options;
    options.lockout.watch((block) => this.#gather(block));
  }

  /** Listens to the others from now on. Rejects with `SWB_STORE_UNAVAILABLE`. */
  async join(): Promise<void> {
    await this.#options.announcements.subscribe(TOPIC, (message) => this.#hear(message));
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #gather(block: string): void {
    const count = this.#failures.get(block) ?? 0;
    if (count >= MAX_COUNT || (count === 0 && this.#failures.size >= MAX_BLOCKS)) return;
    this.#failures.set(block, count + 1);
    this.#timer ??= setTimeout(() => this.#announce(), GATHERED_MS).unref();
  }

  #announce(): void {
    const { announcements, self } = this.#options;
    const message = { from: self(), failures: [...this.#failures] };
    this.#timer = undefined;
    this.#failures.clear();
    owned(
      () => announcements.publish(TOPIC, message),
      // They are counted here all the same.
      () => {},
    );
  }

  #hear(message: JsonObject): void {
    const { lockout, self, onNotice } = this.#options;
    const { success, data } = announced.safeParse(message);
    if (!success) onNotice({ type: 'garbage', key: `topic ${TOPIC}`, detail: 'it is no list of failures' });
    else if (data.from !== self()) for (const [block, count] of data.failures) lockout.learn(block, count);
  }
}
