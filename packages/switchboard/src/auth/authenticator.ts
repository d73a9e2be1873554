/**
 * Finds out who is calling: asks each method in turn about what the caller shows. Who shows something that is not good is
 * refused, also where nothing would have had to be shown.
 */
import { createHash } from 'node:crypto';

import { Lockout } from '../limits/lockout.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { OwnedKeys } from '../util/owned-keys.ts';
import { NOBODY, isExpired } from './identity.ts';
import type { Identity } from './identity.ts';
import type { Method, Shown } from './method.ts';
import type { Tickets } from './tickets.ts';

/** Of one principal fewer, as some have a new token for each request. */
const MAX_ACCEPTED = { max: 10_000, maxPerOwner: 32 };

const digestOf = (credential: string): string => createHash('sha256').update(credential).digest('base64');

/** The digests of what is shown, each for itself. A certificate counts where nothing else is shown; a ticket is good once. */
function digestsOf({ bearer, apiKey, certificate }: Shown): string[] {
  const words = [bearer, apiKey].filter((word) => word !== undefined);
  return (words.length > 0 ? words : [certificate?.fingerprint ?? '']).map(digestOf);
}

/** The one that an identity rests on: whatever was shown beside it proves nothing. */
function acceptedOf({ bearer = '', apiKey, certificate }: Shown, { via }: Identity): string {
  if (via === 'certificate') return digestOf(certificate?.fingerprint ?? '');
  return digestOf(via === 'api key' ? (apiKey ?? bearer) : bearer || (apiKey ?? ''));
}

export interface AuthenticatorOptions {
  methods: readonly Method[];
  tickets: Tickets;
  /** Whether who shows nothing may come in all the same. @default only where there are no methods */
  admitsNobody?: () => boolean;
  /** The clock, in ms. @default Date.now */
  now?: () => number;
}

export class Authenticator {
  readonly #options: AuthenticatorOptions;
  /** Who has shown wrong credentials. */
  readonly lockout: Lockout;
  /** Digests of what was right when it was last shown, by principal: who has one is no guesser. */
  readonly #accepted: OwnedKeys = new OwnedKeys(MAX_ACCEPTED);

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.lockout = new Lockout(options.now === undefined ? {} : { now: options.now });
  }

  /** Whether anybody can show who they are. */
  get isOn(): boolean {
    return this.#options.methods.length > 0;
  }

  /**
   * @throws {SwitchboardError} as {@link Method.identify}; in its place `SWB_RATE_LIMITED` for one wrong credential too many of an address.
   */
  async identify(shown: Shown): Promise<Identity> {
    const { methods, admitsNobody } = this.#options;
    if (methods.length === 0) return NOBODY;
    const isWordless = shown.bearer === undefined && shown.apiKey === undefined && shown.ticket === undefined;
    if (isWordless && shown.certificate === undefined) {
      if (admitsNobody?.() === true) return NOBODY;
      throw new SwitchboardError('SWB_UNAUTHORIZED', { detail: 'the request has no key, token or certificate' });
    }
    const isTicket = shown.ticket !== undefined;
    const digests = isTicket ? [] : digestsOf(shown);
    // Behind one address there may be others than the one who guesses; and who has a ticket was known when it got it.
    if (!digests.every((digest) => this.#accepted.get(digest) !== undefined)) this.lockout.check(shown.address);
    try {
      const identity = await this.#ask(shown);
      if (!isTicket) this.#accepted.set(acceptedOf(shown, identity), identity.principal, true);
      return identity;
    } catch (error) {
      for (const digest of digests) this.#accepted.delete(digest);
      // What is expired was good once: it is no guess.
      const isGuess =
        error instanceof SwitchboardError && error.code === 'SWB_UNAUTHORIZED' && error.data?.['expired'] !== true;
      if (isGuess) this.lockout.count(shown.address);
      throw error;
    }
  }

  /** Whether what an identity rests on was taken back. */
  isRevoked({ grant }: Identity): boolean {
    return grant !== undefined && this.#options.methods.some((method) => method.holds?.(grant) === false);
  }

  close(): void {
    for (const method of this.#options.methods) method.close?.();
  }

  async #ask(shown: Shown): Promise<Identity> {
    const { methods, tickets, now = Date.now } = this.#options;
    if (shown.ticket !== undefined) {
      const identity = await tickets.take(shown.ticket, shown.origin);
      if (identity === undefined || isExpired(identity, now()) || this.isRevoked(identity)) {
        const detail = 'the ticket is unknown, was used, has expired, or is for another origin; get another';
        throw new SwitchboardError('SWB_UNAUTHORIZED', { detail });
      }
      return identity;
    }
    for (const method of methods) {
      const identity = await method.identify(shown);
      if (identity !== undefined) return identity;
    }
    throw new SwitchboardError('SWB_UNAUTHORIZED', { detail: 'no such key or token' });
  }
}
