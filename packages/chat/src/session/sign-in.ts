/** Whether people must sign in, and whether what they show is right. One for all sessions. */
import { Credentials } from '../people/credentials.ts';
import type { KeyedTokenBucket } from '../people/keyed-token-bucket.ts';
import type { Verdict } from '../people/probe.ts';
import type { Auth } from '../protocol/client-messages.ts';

export interface SignInOptions {
  isNeeded: boolean;
  /** For people who have not signed in. */
  fallback: Credentials | undefined;
  /** Whether {@link check} proves that key and organization belong together. */
  isProving: boolean;
  /** By address. */
  attempts: KeyedTokenBucket;
  check(credentials: Credentials): Promise<Verdict>;
  /** What digests of credentials are made with. */
  salt(): string;
}

export const NOT_AUTHENTICATED = 'Please authenticate first by sending your API key and org ID';

export class SignIn {
  readonly isNeeded: boolean;
  readonly fallback: Credentials | undefined;
  readonly #options: SignInOptions;

  constructor(options: SignInOptions) {
    this.#options = options;
    this.isNeeded = options.isNeeded;
    this.fallback = options.fallback;
  }

  /** @returns the credentials, or what to tell the person instead. */
  async verify(
    { api_key, org_id }: Auth,
    address: string,
    onVerdict: (verdict: Verdict) => void,
  ): Promise<Credentials | string> {
    const { attempts, check, isProving, salt } = this.#options;
    if (!this.isNeeded) return 'No credentials are needed here, and yours were not kept or used. Send a query.';
    const [apiKey, orgId] = [api_key.trim(), org_id.trim()];
    if (apiKey === '' || orgId === '') return 'Both API key and org ID are required';
    if (attempts.wait(address) > 0) return 'Too many attempts; try again in a minute.';
    attempts.spend(address);
    const credentials = new Credentials(apiKey, orgId, salt());
    const verdict = await check(credentials);
    onVerdict(verdict);
    if (verdict === 'wrong') return 'Authentication failed: the API key or the organization ID is not right.';
    if (verdict === 'unknown') {
      return 'Authentication error: the credentials could not be checked; try again later.';
    }
    credentials.isProven = isProving;
    return credentials;
  }
}
