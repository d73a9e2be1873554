/** Who is behind a session: what the host knows, what the person has shown, and what of it is proven. */
import type { Credentials } from './credentials.ts';

export interface PersonOptions {
  /** As the host knows it; `anonymous` where it does not. */
  principal: string;
  /** The organization that the host knows it to belong to. */
  claimed: string | undefined;
  /** Where the client comes from, as its network is counted. */
  address: string;
  session: string;
  /** Whether credentials are needed. */
  mustAuthenticate: boolean;
  /** What is used for people who have not signed in. */
  fallback: Credentials | undefined;
}

export class Person {
  readonly principal: string;
  address: string;
  /** What the person has shown. */
  shown: Credentials | undefined;
  readonly #options: PersonOptions;

  constructor(options: PersonOptions) {
    this.#options = options;
    this.principal = options.principal;
    this.address = options.address;
  }

  /** What is used for this person. */
  get credentials(): Credentials | undefined {
    return this.shown ?? this.#options.fallback;
  }

  get isAuthenticated(): boolean {
    return this.credentials !== undefined || !this.#options.mustAuthenticate;
  }

  /** Who it is to the servers behind the chat: the principal, the owner of the credentials, or nobody else. */
  get key(): string {
    if (this.principal !== 'anonymous') return `principal ${this.principal}`;
    return this.shown === undefined ? `session ${this.#options.session}` : `credentials ${this.shown.key}`;
  }

  /** Whose quota it is: what a client cannot make up, which is its address as long as nothing is proven. */
  get account(): string {
    if (this.principal !== 'anonymous') return `principal ${this.principal}`;
    const proven = this.shown?.isProven === true ? this.shown : undefined;
    return proven === undefined ? `address ${this.address}` : `credentials ${proven.account}`;
  }

  /** The organization that was proven, or everybody's where nobody needs credentials. */
  get organization(): string | undefined {
    const { claimed, mustAuthenticate } = this.#options;
    if (claimed !== undefined) return `claim ${claimed}`;
    if (!mustAuthenticate) return '';
    return this.shown?.isProven === true ? this.shown.organization : undefined;
  }

  /** A text without this person's secrets. */
  readonly mask = (text: string): string => this.credentials?.mask(text) ?? text;
}
