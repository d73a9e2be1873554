/** Keeps conversations in a store, so that they outlive the process. Credentials are never among what is kept. */
import { createHash } from 'node:crypto';

import type { KeepOptions, Store } from 'mcp-switchboard';

import type { Entry } from '../protocol/history.ts';
import type { Archive } from './conversation.ts';

const MAX_ENTRIES = 1000;

export interface Kept {
  sessionId: string;
  entries: Entry[];
}

export class Archives {
  readonly #store: Store;
  readonly #keepMs: number;

  constructor(store: Store, keepMs: number) {
    this.#store = store;
    this.#keepMs = keepMs;
  }

  open(sessionId: string): Archive {
    const log = this.#store.log(nameOf(sessionId), this.#kept);
    return {
      add(entry) {
        log.append(JSON.stringify(entry));
        if (log.size > MAX_ENTRIES) log.trim(log.last - MAX_ENTRIES);
      },
      clear: () => log.trim(log.last),
    };
  }

  /** Lets whoever shows this token, and is this principal, find the conversation again. */
  async remember(token: string, sessionId: string, principal: string): Promise<void> {
    await this.#store.facts.put(keyOf(token), { sessionId, principal }, this.#keepMs);
  }

  async forget(token: string): Promise<void> {
    await this.#store.facts.delete(keyOf(token));
  }

  /** The conversation of a token, which is worth nothing afterwards. */
  async take(token: string, sessionId: string, principal: string): Promise<Kept | undefined> {
    const fact = await this.#store.facts.get(keyOf(token));
    if (fact?.['sessionId'] !== sessionId || fact['principal'] !== principal) return undefined;
    await this.forget(token);
    const log = await this.#store.recall(nameOf(sessionId), this.#kept);
    const texts = (await log?.after(0)) ?? [];
    const entries = texts.map(
      (text) => JSON.parse(typeof text === 'string' ? text : Buffer.from(text).toString()) as Entry,
    );
    return { sessionId, entries };
  }

  get #kept(): KeepOptions {
    return { ttlMs: this.#keepMs };
  }
}

const nameOf = (sessionId: string): string => `chat/${sessionId}`;

/** The token itself is written nowhere. */
const keyOf = (token: string): string => `chat/${createHash('sha256').update(token).digest('base64url')}`;
