/**
 * The names of tools and prompts in a merged list: the upstream's name, two underscores, and the name there.
 *
 * Many clients take names of 64 characters at most. A longer one is cut, and ends with a hash of the whole in place of what is
 * missing, so that it is the same in every list and on every node. No character is split.
 */
import { createHash } from 'node:crypto';

import { cut } from '../../util/cut.ts';

export const MAX_NAME = 64;
const SEPARATOR = '__';
const HASH_LENGTH = 8;
const CUT = new RegExp(`_[0-9a-f]{${HASH_LENGTH}}$`);
/** How many cut names are remembered; others are looked up again. */
const MAX_CUT = 10_000;

/** Where a name leads. */
export interface Destination {
  upstream: string;
  /** The name there; of a cut name that nobody has listed yet, what is left of it. */
  name: string;
  /** Whether the name there must be looked up, as it may have been cut. */
  maybeCut: boolean;
}

export class Names {
  readonly #upstreams: () => Iterable<string>;
  /** Cut names, and what they were. */
  readonly #cut: Map<string, string> = new Map();

  constructor(upstreams: () => Iterable<string>) {
    this.#upstreams = upstreams;
  }

  /** The name in the merged list. */
  expose(upstream: string, name: string): string {
    const prefix = upstream + SEPARATOR;
    const whole = prefix + name;
    if (whole.length <= MAX_NAME) return whole;
    const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_LENGTH);
    const room = Math.max(0, MAX_NAME - prefix.length - HASH_LENGTH - 1);
    // As long as any other, so that it can be told that it was cut.
    const exposed = `${prefix}${cut(name, room).padEnd(room, '_')}_${hash}`;
    const [oldest] = this.#cut.keys();
    if (this.#cut.size >= MAX_CUT && oldest !== undefined) this.#cut.delete(oldest);
    this.#cut.set(exposed, name);
    return exposed;
  }

  /** Where a name leads: of two upstreams whose names it begins with, to the one with the longer name. */
  find(exposed: string): Destination | undefined {
    let upstream: string | undefined;
    for (const each of this.#upstreams()) {
      if (exposed.startsWith(each + SEPARATOR) && each.length > (upstream?.length ?? -1)) upstream = each;
    }
    if (upstream === undefined) return undefined;
    const known = this.#cut.get(exposed);
    const name = known ?? exposed.slice(upstream.length + SEPARATOR.length);
    return { upstream, name, maybeCut: known === undefined && exposed.length >= MAX_NAME && CUT.test(exposed) };
  }
}
