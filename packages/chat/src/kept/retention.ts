/**
 * Keeps conversations, rooms, and who may come back to them in a store, so that they outlive the process. All of it is sealed and has an end; of
 * credentials nothing is kept. Nothing waits for the store but whoever opens a room or comes back.
 */
import type { KeepOptions, Store } from 'mcp-switchboard';
import { z } from 'zod';

import type { ChatLimits } from '../options.ts';
import { KeptIndex } from './kept-index.ts';
import type { Entry } from '../protocol/history.ts';
import type { Indexed } from './kept-index.ts';
import { KeptLog } from './kept-log.ts';
import type { Archive, Kept } from './kept-log.ts';
import { KeptSession, sessionRecord } from './kept-session.ts';
import type { SessionRecord } from './kept-session.ts';
import type { Vault } from './vault.ts';

export interface RetentionOptions {
  store: Store;
  vault: Vault;
  /** How long a conversation is kept after its last use, in ms. */
  keepMs: number;
  limits: Pick<ChatLimits, 'maxKeptConversations' | 'maxKeptEach' | 'maxKeptBytes'>;
  /** How what is written for a time of this length is kept. @default for that time, by whoever writes */
  keep?(ttlMs: number): KeepOptions;
  /** Notes what could not be kept or read. */
  fail(error: unknown): void;
}

/** Somebody who is in a room, or was when its process ended. */
export interface KeptPerson {
  session: string;
  name: string;
}

/** A session that is kept. */
export interface OpenSession {
  readonly archive: Archive;
  readonly session: KeptSession;
  /** Resolves when all of it is written that was to be, or cannot be. */
  flush(): Promise<void>;
  /** Nothing more is kept of it. @param after what is still said. @default nothing is waited for */
  leave(after?: Promise<unknown>): Promise<void>;
}

/** A room that is kept. */
export interface OpenRoom extends Kept {
  readonly archive: Archive;
  /** Who was in it, in the order in which they came. */
  readonly people: readonly KeptPerson[];
  save(people: readonly KeptPerson[]): void;
  /** As for a session. */
  leave(after?: Promise<unknown>): Promise<void>;
}

const LONGEST_LIST = 1000;
const people = z.array(z.object({ session: z.string(), name: z.string() })).max(LONGEST_LIST);

export class Retention {
  readonly #options: RetentionOptions;
  readonly #index: KeptIndex;
  /** What is written or left just now, by what it is about. */
  readonly #pending: Map<string, Promise<void>> = new Map();

  constructor(options: RetentionOptions) {
    const { store, keepMs, limits } = options;
    this.#options = options;
    this.#index = new KeptIndex({
      facts: store.facts,
      keepMs,
      maxAll: limits.maxKeptConversations,
      maxEach: limits.maxKeptEach,
      drop: (name, facts) => this.#drop(name, facts),
    });
  }

  /**
   * @param id of a session.
   * @param account whose it is, for limits; asked when something is said.
   * @param was its conversation, where that is kept already, or what was said in it at another node.
   */
  session(id: string, principal: string, account: () => string, was: KeptLog | readonly Entry[] = []): OpenSession {
    const { vault } = this.#options;
    const name = this.#sessionName(id);
    let owner: string | undefined;
    const indexed = (token: string): Indexed => {
      owner ??= vault.name('owner', account());
      return { owner, facts: [this.#tokenKey(token)] };
    };
    const session: KeptSession = new KeptSession(
      {
        remember: (token, room) => {
          const index = indexed(token);
          void this.#do(name, async () => {
            await this.#put(this.#tokenKey(token), { sessionId: id, principal, ...(room !== undefined && { room }) });
            await this.#index.note(name, index);
          });
        },
        forget: (token) => void this.#do(name, () => this.#options.store.facts.delete(this.#tokenKey(token))),
      },
      was instanceof KeptLog || was.length > 0,
    );
    const archive = was instanceof KeptLog ? was : this.#log(name, () => session.begin(), was);
    const flush = async (): Promise<void> => {
      await this.#pending.get(name);
      await this.#options.store.flush().catch(this.#options.fail);
    };
    return { archive, session, flush, leave: (after) => this.#leave(name, archive, after) };
  }

  /** The conversation of a token, which is worth nothing afterwards, for the principal that it was given to. */
  async take(
    token: string,
    sessionId: string,
    principal: string,
  ): Promise<(Kept & SessionRecord & { log: KeptLog }) | undefined> {
    const { facts } = this.#options.store;
    const key = this.#tokenKey(token);
    const name = this.#sessionName(sessionId);
    await this.#pending.get(name);
    const record = this.#read(sessionRecord, key, await facts.get(key));
    if (record?.sessionId !== sessionId || record.principal !== principal) return undefined;
    // Of two who show it, one gets it.
    if ((await facts.take(key)) === undefined) return undefined;
    const log = this.#log(name, () => {});
    try {
      return { ...record, ...(await this.#recall(log)), log };
    } catch (error) {
      await this.giveBack(token, { ...record, log });
      throw error;
    }
  }

  /** What was taken is not gone on with after all: the token is good again. Never rejects. */
  giveBack(token: string, { sessionId, principal, room, log }: SessionRecord & { log: KeptLog }): Promise<void> {
    const key = this.#tokenKey(token);
    return this.#do(this.#sessionName(sessionId), async () => {
      await log.leave();
      await this.#put(key, { sessionId, principal, ...(room !== undefined && { room }) });
    });
  }

  /** Opens a room, as it was left where it was. */
  async room(organization: string, room: string): Promise<OpenRoom> {
    const { store, vault } = this.#options;
    const name = `chat ${vault.name('room', organization, room)}`;
    const key = `chat room ${vault.name('people', organization, room)}`;
    await this.#pending.get(name);
    const owner = vault.name('owner', 'organization', organization);
    const index = { owner, facts: [key] };
    let there: readonly KeptPerson[] = [];
    const write = (): void => {
      void this.#do(name, async () => {
        await this.#put(key, there);
        await this.#index.note(name, index);
      });
    };
    const log = this.#log(name, write);
    const kept = await this.#recall(log);
    const were = this.#read(people, key, await store.facts.get(key)) ?? [];
    const save = (now: readonly KeptPerson[]): void => {
      there = now;
      if (log.isBegun) write();
    };
    return { ...kept, archive: log, people: were, save, leave: (after) => this.#leave(name, log, after) };
  }

  /** Resolves when all is written that was to be, or cannot be. */
  async flush(): Promise<void> {
    const { store, fail } = this.#options;
    await Promise.all(this.#pending.values());
    await store.flush().catch(fail);
  }

  #log(name: string, onBegin: () => void, earlier: readonly Entry[] = []): KeptLog {
    const { store, vault, keepMs, limits, keep = (ttlMs) => ({ ttlMs }) } = this.#options;
    return new KeptLog({ store, vault, name, keep: keep(keepMs), maxBytes: limits.maxKeptBytes, earlier, onBegin });
  }

  #leave(name: string, log: KeptLog, after?: Promise<unknown>): Promise<void> {
    if (after === undefined) log.close();
    return this.#do(name, async () => {
      this.#index.leave(name);
      await after;
      await log.leave();
    });
  }

  async #recall(log: KeptLog): Promise<Kept> {
    const { entries, seq, unread } = (await log.recall()) ?? { entries: [], seq: 0, unread: 0 };
    if (unread > 0) this.#options.fail(new Error(`${unread} kept entries cannot be read, and are left out`));
    return { entries, seq };
  }

  async #put(key: string, value: unknown): Promise<void> {
    const { store, vault, keepMs, keep } = this.#options;
    await store.facts.put(key, { sealed: vault.seal(value, key) }, keepMs, keep?.(keepMs).under);
  }

  #read<Type>(schema: z.ZodType<Type>, key: string, fact: Record<string, unknown> | undefined): Type | undefined {
    if (fact === undefined) return undefined;
    const read = schema.safeParse(this.#options.vault.open(fact['sealed'], key));
    if (read.success) return read.data;
    this.#options.fail(new Error('what a store has of a chat cannot be read, and is left out'));
    return undefined;
  }

  async #drop(name: string, facts: readonly string[]): Promise<void> {
    const { store } = this.#options;
    for (const key of facts) if (key.startsWith('chat ')) await store.facts.delete(key);
    (await store.recall(name))?.end();
  }

  /** One after the other for each conversation. Never rejects. */
  #do(name: string, work: () => Promise<unknown>): Promise<void> {
    const done = (this.#pending.get(name) ?? Promise.resolve())
      .then(work)
      .then(() => {}, this.#options.fail)
      .finally(() => {
        if (this.#pending.get(name) === done) this.#pending.delete(name);
      });
    this.#pending.set(name, done);
    return done;
  }

  #sessionName(id: string): string {
    return `chat ${this.#options.vault.name('session', id)}`;
  }

  /** The token itself is written nowhere. */
  #tokenKey(token: string): string {
    return `chat token ${this.#options.vault.name('token', token)}`;
  }
}
