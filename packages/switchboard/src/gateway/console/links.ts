/** Links that sign in at the console: each is good once, for a short time. Only digests are kept. */
import { createHash, randomBytes } from 'node:crypto';

import type { Operator } from '../admin/operator.ts';

/** How long a link is good, in ms. */
export const LINK_MS: number = 15 * 60_000;
/** How many may be open; of more, the oldest is no longer good. */
export const MAX_LINKS = 32;

export const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('base64');
export const newSecret = (): string => randomBytes(32).toString('base64url');

interface Link {
  operator: Operator;
  expiresAt: number;
}

export class Links {
  readonly #links: Map<string, Link> = new Map();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** @returns what the link has behind its `#`. */
  make(operator: Operator): { secret: string; expiresAt: number } {
    const secret = newSecret();
    const expiresAt = this.#now() + LINK_MS;
    this.#links.set(digestOf(secret), { operator, expiresAt });
    if (this.#links.size > MAX_LINKS) this.#links.delete([...this.#links.keys()][0]!);
    return { secret, expiresAt };
  }

  /** Whom a link signs in; it is used up then. Undefined for one that was used, has expired or was never made. */
  take(secret: string): Operator | undefined {
    const digest = digestOf(secret);
    const link = this.#links.get(digest);
    this.#links.delete(digest);
    return link === undefined || link.expiresAt <= this.#now() ? undefined : link.operator;
  }
}
