/**
 * Announcements that only nodes of the cluster can make: each carries a seal over its topic, its time and itself, and is heard once. Who can write
 * to the store makes none of its own, and repeats none.
 */
import { randomBytes } from 'node:crypto';

import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import type { SealKey } from '../stores/sealed-facts.ts';
import type { Announcements, StoreNotice } from '../stores/store.ts';
import { Nonces, WINDOW_MS } from './signature.ts';

/** How many are remembered for a window. */
const MAX_HEARD = 50_000;
const SEAL = 'seal';
const NONCE = /^[\w-]{22}$/;

export class SealedAnnouncements implements Announcements {
  readonly #announcements: Announcements;
  readonly #key: SealKey;
  readonly #onNotice: (notice: StoreNotice) => void;
  /** The topics of which it was said that something was dropped. */
  readonly #noticed: Set<string> = new Set();

  /** @param onNotice told once for each topic that something was dropped. Must not throw. */
  constructor(announcements: Announcements, key: SealKey, onNotice: (notice: StoreNotice) => void) {
    this.#announcements = announcements;
    this.#key = key;
    this.#onNotice = onNotice;
  }

  publish(topic: string, message: JsonObject): Promise<void> {
    const at = Date.now();
    const nonce = randomBytes(16).toString('base64url');
    const code = this.#key.sign(sealed(topic, at, nonce, message));
    return this.#announcements.publish(topic, { ...message, [SEAL]: { at, nonce, code } });
  }

  subscribe(topic: string, onMessage: (message: JsonObject) => void): Promise<() => Promise<void>> {
    // Each listener hears all of them.
    const heard = new Nonces(MAX_HEARD);
    return this.#announcements.subscribe(topic, (announced) => {
      const { [SEAL]: seal, ...message } = announced;
      const wrong = this.#wrongWith(topic, seal, message, heard);
      if (wrong === undefined) onMessage(message);
      else this.#notice(topic, wrong);
    });
  }

  #wrongWith(topic: string, seal: unknown, message: JsonObject, heard: Nonces): string | undefined {
    if (!isObject(seal)) return 'it has no seal of this cluster';
    const { at, nonce, code } = seal;
    if (typeof at !== 'number' || typeof nonce !== 'string' || !NONCE.test(nonce) || typeof code !== 'string')
      return 'its seal cannot be read';
    if (!this.#key.verifies(sealed(topic, at, nonce, message), code)) return 'it has no seal of this cluster';
    const offMs = Date.now() - at;
    if (Math.abs(offMs) > WINDOW_MS)
      return `it was made ${Math.round(offMs / 1000)} s ago, and ${WINDOW_MS / 1000} is the most`;
    if (heard.has(nonce)) return 'it was heard before';
    try {
      heard.remember(nonce, at + WINDOW_MS);
    } catch {
      return `more than ${MAX_HEARD} came within ${WINDOW_MS / 1000} s, the limit`;
    }
    return undefined;
  }

  #notice(topic: string, detail: string): void {
    if (this.#noticed.has(topic)) return;
    this.#noticed.add(topic);
    this.#onNotice({ type: 'garbage', key: `topic ${topic}`, detail });
  }
}

/** As text, as it is after the store has had it. */
const sealed = (topic: string, at: number, nonce: string, message: JsonObject): readonly unknown[] => [
  'announcement',
  topic,
  at,
  nonce,
  JSON.stringify(message),
];
