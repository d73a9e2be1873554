/** Watches the credentials that open connections, sessions and streams rest on: ends each when its own expires or is revoked. */
import { IdRing } from '../util/id-ring.ts';
import { unreffed } from '../util/timers.ts';
import { canEnd, isExpired } from './identity.ts';
import type { Identity } from './identity.ts';

/** Something that is open for one caller and rests on its credential: a connection, a session, an answer that is a stream. */
export interface CredentialHolder {
  /** As it is now: one who comes back with a newer token has another. */
  readonly identity: Identity;
  /** The credential has expired or was revoked: ends what rests on it. @param why a sentence for the caller */
  invalidate(how: 'expired' | 'revoked', why: string): void;
}

/** How often expiry is checked. */
const LOOK_MS = 500;

export class CredentialWatcher {
  readonly #holders: IdRing<CredentialHolder> = new IdRing();
  readonly #isRevoked: (identity: Identity) => boolean;
  readonly #clock: NodeJS.Timeout;

  constructor(isRevoked: (identity: Identity) => boolean) {
    this.#isRevoked = isRevoked;
    this.#clock = unreffed(setInterval(() => this.#expire(), LOOK_MS));
  }

  /** How many are watched: those whose credential can end. */
  get size(): number {
    return this.#holders.size;
  }

  /** Invalidates the holder when its credential ends. @returns stops watching; call it when the holder has ended by itself. */
  watch(holder: CredentialHolder): () => void {
    if (!canEnd(holder.identity)) return () => {};
    const number = this.#holders.add(holder);
    return () => void this.#holders.delete(number);
  }

  /** A credential was revoked: ends what rested on it. */
  review(): void {
    for (const holder of this.#holders.values()) {
      if (this.#isRevoked(holder.identity)) holder.invalidate('revoked', 'what you showed was taken back');
    }
  }

  close(): void {
    clearInterval(this.#clock);
    this.#holders.clear();
  }

  #expire(): void {
    const now = Date.now();
    for (const holder of this.#holders.values()) {
      if (isExpired(holder.identity, now))
        holder.invalidate('expired', 'the credential has expired; connect with a new one');
    }
  }
}
