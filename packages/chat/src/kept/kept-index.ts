/**
 * Which conversations a store has, so that there are not too many: whoever has too many gives up the oldest of them, and when all together are
 * too many, it is whoever has most. So nobody makes others give theirs up who has more than they.
 */
import type { Facts } from 'mcp-switchboard';
import { z } from 'zod';

export interface KeptIndexOptions {
  facts: Facts;
  /** How long a conversation is kept after it was last noted, in ms. */
  keepMs: number;
  maxAll: number;
  maxEach: number;
  /** Deletes a conversation, and what belongs to it. */
  drop(name: string, facts: readonly string[]): Promise<void>;
}

/** One conversation in the store. */
export interface Indexed {
  /** Whose it is, as the store may know it. */
  owner: string;
  /** The keys of the facts that belong to it. */
  facts: string[];
}

/** A word of its own, by which a store finds them without looking through all that it has. */
const PREFIX = 'kept ';
/** Where versions before had them. A node of such a version must not give up what goes on here. */
const FORMER_PREFIX = 'chat kept ';
const schema = z.object({ owner: z.string(), at: z.number(), facts: z.array(z.string()).max(4) });

export class KeptIndex {
  readonly #options: KeptIndexOptions;
  /** Those that go on here; they are not deleted. */
  readonly #noted: Set<string> = new Set();

  constructor(options: KeptIndexOptions) {
    this.#options = options;
  }

  /** Notes that a conversation is in use. For one that was not noted here before, room is made. */
  async note(name: string, { owner, facts }: Indexed): Promise<void> {
    if (!this.#noted.has(name)) {
      await this.#makeRoom(name, owner);
      await this.#options.facts.delete(FORMER_PREFIX + name);
    }
    this.#noted.add(name);
    await this.#options.facts.put(PREFIX + name, { owner, at: Date.now(), facts }, this.#options.keepMs);
  }

  /** It does not go on here. */
  leave(name: string): void {
    this.#noted.delete(name);
  }

  /** For one more conversation of an owner. Only one more than there may be is ever looked at. */
  async #makeRoom(name: string, owner: string): Promise<void> {
    const { facts, maxAll, maxEach, drop } = this.#options;
    const all = (await facts.list(PREFIX, maxAll + 1)).flatMap(([key, fact]) => {
      const { success, data } = schema.safeParse(fact);
      return success ? [{ name: key.slice(PREFIX.length), ...data }] : [];
    });
    if (all.some((each) => each.name === name)) return;
    const own = all.filter((each) => each.owner === owner);
    const crowd = own.length >= maxEach ? own : all.length >= maxAll ? ofLargest(all) : [];
    const [oldest] = crowd.filter((each) => !this.#noted.has(each.name)).toSorted((one, other) => one.at - other.at);
    if (oldest === undefined) return;
    await drop(oldest.name, oldest.facts);
    await facts.delete(PREFIX + oldest.name);
  }
}

/** What the owner has that has most. */
function ofLargest<Each extends { owner: string }>(all: readonly Each[]): Each[] {
  const byOwner = new Map<string, Each[]>();
  for (const each of all) byOwner.set(each.owner, [...(byOwner.get(each.owner) ?? []), each]);
  return [...byOwner.values()].reduce((most, some) => (some.length > most.length ? some : most), []);
}
