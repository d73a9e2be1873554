/**
 * Facts of one kind, read through a schema: what another process wrote, or another version of this one, is a value of its type, or it
 * counts as nothing and is told of. It stays until its time is over, as a newer version may understand it.
 */
import type { ZodType } from 'zod';

import type { Fact, Facts, Lease, StoreNotice } from './store.ts';

export interface RecordsOptions<T extends object> {
  facts: Facts;
  /** What its keys begin with, such as `session`. */
  kind: string;
  schema: ZodType<T>;
  /** Told once of what counts as nothing. Must not throw. */
  onNotice(notice: StoreNotice): void;
}

/** Keys that were told of; after so many each is told again. */
const MAX_TOLD = 1000;

export class Records<T extends object> {
  readonly #options: RecordsOptions<T>;
  readonly #told: Set<string> = new Set();

  constructor(options: RecordsOptions<T>) {
    this.#options = options;
  }

  /** As {@link Facts.put}. */
  put(name: string, value: T, ttlMs: number, under?: Lease): Promise<boolean> {
    return this.#options.facts.put(this.#keyOf(name), value as Fact, ttlMs, under);
  }

  /** As {@link Facts.get}; garbage counts as nothing. */
  async get(name: string): Promise<T | undefined> {
    const key = this.#keyOf(name);
    return this.#read(key, await this.#options.facts.get(key));
  }

  /** As {@link Facts.take}; garbage counts as nothing. */
  async take(name: string): Promise<T | undefined> {
    const key = this.#keyOf(name);
    return this.#read(key, await this.#options.facts.take(key));
  }

  /** As {@link Facts.delete}. */
  delete(name: string, under?: Lease): Promise<void> {
    return this.#options.facts.delete(this.#keyOf(name), under);
  }

  /** All of this kind, with their names, in no order. @param limit how many at the most. */
  async list(limit: number): Promise<(readonly [name: string, value: T])[]> {
    const { facts, kind } = this.#options;
    const found = await facts.list(`${kind} `, limit);
    return found.flatMap(([key, fact]) => {
      const value = this.#read(key, fact);
      return value === undefined ? [] : [[key.slice(kind.length + 1), value] as const];
    });
  }

  #keyOf(name: string): string {
    return `${this.#options.kind} ${name}`;
  }

  #read(key: string, fact: Fact | undefined): T | undefined {
    if (fact === undefined) return undefined;
    const { schema, onNotice } = this.#options;
    const parsed = schema.safeParse(fact);
    if (parsed.success) return parsed.data;
    if (this.#told.has(key)) return undefined;
    if (this.#told.size >= MAX_TOLD) this.#told.clear();
    this.#told.add(key);
    const [issue] = parsed.error.issues;
    onNotice({ type: 'garbage', key, detail: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unreadable'}` });
    return undefined;
  }
}
