/**
 * Keeps conversations, rooms, and who may come back to them in a store, so that they outlive the process. All of it is sealed and has an end; of
 * credentials nothing is kept. Nothing waits for the store but whoever opens a room or comes back.
 */
import type { KeepOptions, SharedStore } from 'mcp-switchboard';
import { z } from 'zod';

import type { ChatLimits } from '../options.ts';
import { KeptIndex } from './kept-index.ts';
import type { Entry } from '../protocol/history.ts';
import { KeptLog } from './kept-log.ts';
import type { Archive, Kept } from './kept-log.ts';
import { KeptSession, sessionRecord } from './kept-session.ts';
import type { SessionRecord } from './kept-session.ts';
import { KeptWrites } from './kept-writes.ts';
import type { Write } from './kept-writes.ts';
import type { Vault } from './vault.ts';

export interface RetentionOptions {
  store: SharedStore;
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
  readonly #writes: KeptWrites;
  /** What is open here, by the name of its conversation: each writes again what it is found by. */
  readonly #open: Map<string, () => void> = new Map();

  constructor(options: RetentionOptions) {
    const { store, keepMs, limits } = options;
    this.#options = options;
    this.#writes = new KeptWrites(options.fail);
    // The logs are written again by the store itself.
    store.watch((notice) => {
      if (notice.type === 'back' && notice.lost) this.refresh();
    });
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
    const keep = this.#keep();
    const forget = async (tokens: readonly string[]): Promise<void> => {
      for (const token of tokens) await this.#options.store.facts.delete(this.#tokenKey(token));
    };
    let owner: string | undefined;
    const write: Write = async () => {
      const { token, room, formerTokens } = session;
      if (token === '') return true;
      const key = this.#tokenKey(token);
      const isKept = await this.#put(key, { sessionId: id, principal, ...(room !== undefined && { room }) }, keep);
      if (!isKept) return false;
      await this.#index.note(name, { owner: owner!, facts: [key] });
      await forget(formerTokens);
      session.forgot(formerTokens);
      return true;
    };
    const session: KeptSession = new KeptSession(
      {
        remember: () => {
          owner ??= vault.name('owner', account());
          void this.#writes.write(name, write);
        },
        forget: (tokens) => {
          this.#writes.drop(name);
          void this.#writes.do(name, () => forget(tokens));
        },
      },
      was instanceof KeptLog || was.length > 0,
    );
    const archive = was instanceof KeptLog ? was : this.#log(name, keep, () => session.begin(), was);
    const flush = async (): Promise<void> => {
      await this.#writes.settled(name);
      await this.#options.store.flush().catch(this.#options.fail);
    };
    const leave = this.#opened(name, archive, () => session.refresh());
    return { archive, session, flush, leave };
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
    await this.#writes.settled(name);
    const record = this.#read(sessionRecord, key, await facts.get(key));
    if (record?.sessionId !== sessionId || record.principal !== principal) return undefined;
    // Of two who show it, one gets it.
    if ((await facts.take(key)) === undefined) return undefined;
    const log = this.#log(name, this.#keep(), () => {});
    try {
      return { ...record, ...(await this.#recall(log)), log };
    } catch (error) {
      await this.giveBack(token, { ...record, log });
      throw error;
    }
  }

  /** What was taken is not gone on with after all: the token is good again. Never rejects. */
  async giveBack(token: string, { sessionId, principal, room, log }: SessionRecord & { log: KeptLog }): Promise<void> {
    const key = this.#tokenKey(token);
    const name = this.#sessionName(sessionId);
    const record = { sessionId, principal, ...(room !== undefined && { room }) };
    void this.#writes.do(name, () => log.leave());
    await this.#writes.write(name, () => this.#put(key, record, this.#keep()));
  }

  /** Opens a room, as it was left where it was. */
  async room(organization: string, room: string): Promise<OpenRoom> {
    const { store, vault } = this.#options;
    const name = `chat ${vault.name('room', organization, room)}`;
    const key = `chat room ${vault.name('people', organization, room)}`;
    await this.#writes.settled(name);
    const keep = this.#keep();
    const owner = vault.name('owner', 'organization', organization);
    const index = { owner, facts: [key] };
    let there: readonly KeptPerson[] = [];
    const write = (): void => {
      void this.#writes.write(name, async () => {
        if (!(await this.#put(key, there, keep))) return false;
        await this.#index.note(name, index);
        return true;
      });
    };
    const log = this.#log(name, keep, write);
    const kept = await this.#recall(log);
    const were = this.#read(people, key, await store.facts.get(key)) ?? [];
    const save = (now: readonly KeptPerson[]): void => {
      there = now;
      if (log.isBegun) write();
    };
    there = were;
    const leave = this.#opened(name, log, () => save(there));
    return { ...kept, archive: log, people: were, save, leave };
  }

  /** Writes again what is open here, so that it is kept as long as it is used, and that a store has it again that has lost it. */
  refresh(): void {
    for (const write of this.#open.values()) write();
  }

  /** Resolves when all is written that was to be, or cannot be. */
  async flush(): Promise<void> {
    const { store, fail } = this.#options;
    await this.#writes.flush();
    await store.flush().catch(fail);
  }

  /** Nothing is written any more. */
  close(): void {
    this.#writes.close();
  }

  /** Of one session or room: what it writes under stays the same, also when this node was taken for gone and has become another. */
  #keep(): KeepOptions {
    const { keepMs, keep = (ttlMs) => ({ ttlMs }) } = this.#options;
    return keep(keepMs);
  }

  #log(name: string, keep: KeepOptions, onBegin: () => void, earlier: readonly Entry[] = []): KeptLog {
    const { store, vault, limits } = this.#options;
    return new KeptLog({ store, vault, name, keep, maxBytes: limits.maxKeptBytes, earlier, onBegin });
  }

  /** @returns what leaves it. */
  #opened(name: string, log: KeptLog, write: () => void): (after?: Promise<unknown>) => Promise<void> {
    this.#open.set(name, write);
    return (after) => {
      // The same conversation may be open again already.
      if (this.#open.get(name) === write) this.#open.delete(name);
      if (after === undefined) log.close();
      return this.#writes.do(name, async () => {
        await this.#writes.finish(name);
        this.#index.leave(name);
        await after;
        await log.leave();
      });
    };
  }

  async #recall(log: KeptLog): Promise<Kept> {
    const { entries, seq, unread } = (await log.recall()) ?? { entries: [], seq: 0, unread: 0 };
    if (unread > 0) this.#options.fail(new Error(`${unread} kept entries cannot be read, and are left out`));
    return { entries, seq };
  }

  #put(key: string, value: unknown, { under }: KeepOptions): Promise<boolean> {
    const { store, vault, keepMs } = this.#options;
    return store.facts.put(key, { sealed: vault.seal(value, key) }, keepMs, under);
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

  #sessionName(id: string): string {
    return `chat ${this.#options.vault.name('session', id)}`;
  }

  /** The token itself is written nowhere. */
  #tokenKey(token: string): string {
    return `chat token ${this.#options.vault.name('token', token)}`;
  }
}
