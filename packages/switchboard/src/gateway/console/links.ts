/** Links that sign in at the console: each is good once, for a short time, and no longer than what its maker signed in with. Only digests are kept. */
import { createHash, randomBytes } from 'node:crypto';

import type { CredentialWatcher } from '../../auth/credential-watcher.ts';
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
  /** Stops watching the credential of its maker. */
  release(): void;
}

export class Links {
  readonly #links: Map<string, Link> = new Map();
  readonly #credentials: CredentialWatcher;
  readonly #now: () => number;

  constructor(credentials: CredentialWatcher, now: () => number = Date.now) {
    this.#credentials = credentials;
    this.#now = now;
  }

  /** @returns what the link has behind its `#`. */
  make(operator: Operator): { secret: string; expiresAt: number } {
    const secret = newSecret();
    const digest = digestOf(secret);
    const { identity, until = Infinity } = operator.signedIn ?? {};
    const expiresAt = Math.min(this.#now() + LINK_MS, until);
    const release =
      identity === undefined
        ? (): void => {}
        : this.#credentials.watch({ identity, invalidate: () => void this.#remove(digest) });
    this.#links.set(digest, { operator, expiresAt, release });
    if (this.#links.size > MAX_LINKS) this.#remove([...this.#links.keys()][0]!);
    return { secret, expiresAt };
  }

  /** Whom a link signs in; it is used up then. Undefined for one that was used, has ended or was never made. */
  take(secret: string): Operator | undefined {
    const link = this.#remove(digestOf(secret));
    return link === undefined || link.expiresAt <= this.#now() ? undefined : link.operator;
  }

  close(): void {
    for (const digest of this.#links.keys()) this.#remove(digest);
  }

  #remove(digest: string): Link | undefined {
    const link = this.#links.get(digest);
    this.#links.delete(digest);
    link?.release();
    return link;
  }
}
