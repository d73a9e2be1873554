/** One token for one owner: what a first start beyond this machine is protected with until there are keys. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

import type { Method, Shown } from './authenticator.ts';
import type { Identity } from './identity.ts';

/** Whoever has the token. */
export const OWNER = 'owner';

/** 256 random bits. */
export const makeToken = (): string => randomBytes(32).toString('base64url');

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

export class OwnerToken implements Method {
  readonly #digest: Buffer;
  readonly #identity: Identity;

  /** @param roles what the owner may do: everything that there is. */
  constructor(token: string, roles: readonly string[]) {
    this.#digest = digestOf(token);
    this.#identity = { principal: OWNER, roles, scopes: [], claims: { sub: OWNER }, via: 'token' };
  }

  // oxlint-disable-next-line require-await
  async identify({ bearer, apiKey }: Shown): Promise<Identity | undefined> {
    const text = bearer ?? apiKey;
    return text !== undefined && timingSafeEqual(digestOf(text), this.#digest) ? this.#identity : undefined;
  }
}
