/** Who is in on the strength of which identity: ends what they hold when that expires or is taken back. */
import { Numbered } from '../util/numbered.ts';
import { unreffed } from '../util/timers.ts';
import { canEnd, isExpired } from './identity.ts';
import type { Identity } from './identity.ts';

/** Something that is open for one caller: a connection, a session, an answer that is a stream. */
export interface Holder {
  /** As it is now: one who comes back with a newer token has another. */
  readonly identity: Identity;
  /** What the identity rests on has ended. @param why a sentence for the caller */
  lose(how: 'expired' | 'revoked', why: string): void;
}

/** How often it is looked for what has expired. */
const LOOK_MS = 500;

export class Standing {
  readonly #holders: Numbered<Holder> = new Numbered();
  readonly #isRevoked: (identity: Identity) => boolean;
  readonly #clock: NodeJS.Timeout;

  constructor(isRevoked: (identity: Identity) => boolean) {
    this.#isRevoked = isRevoked;
    this.#clock = unreffed(setInterval(() => this.#expire(), LOOK_MS));
  }

  /** How many hold something that could end. */
  get size(): number {
    return this.#holders.size;
  }

  /** @returns what to call when it has ended by itself. */
  hold(holder: Holder): () => void {
    if (!canEnd(holder.identity)) return () => {};
    const number = this.#holders.add(holder);
    return () => void this.#holders.delete(number);
  }

  /** Something was taken back: ends what rested on it. */
  review(): void {
    for (const holder of this.#holders.values()) {
      if (this.#isRevoked(holder.identity)) holder.lose('revoked', 'what you showed was taken back');
    }
  }

  close(): void {
    clearInterval(this.#clock);
    this.#holders.clear();
  }

  #expire(): void {
    const now = Date.now();
    for (const holder of this.#holders.values()) {
      if (isExpired(holder.identity, now)) holder.lose('expired', 'the credential has expired; connect with a new one');
    }
  }
}
