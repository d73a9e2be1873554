/** One token for one owner: what a first start beyond this machine is protected with until there are keys. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

import type { Method, Shown } from './method.ts';
import type { Identity } from './identity.ts';

/** Whoever has the token. */
export const OWNER = 'owner';

/** 256 random bits. */
export const makeToken = (): string => randomBytes(32).toString('base64url');

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

export class OwnerToken implements Method {
  readonly #digest: Buffer;
  readonly #roles: () => readonly string[];

  /** @param roles what the owner may do: everything that there is now. */
  constructor(token: string, roles: () => readonly string[]) {
    this.#digest = digestOf(token);
    this.#roles = roles;
  }

  // oxlint-disable-next-line require-await
  async identify({ bearer, apiKey }: Shown): Promise<Identity | undefined> {
    const text = bearer ?? apiKey;
    if (text === undefined || !timingSafeEqual(digestOf(text), this.#digest)) return undefined;
    return { principal: OWNER, roles: this.#roles(), scopes: [], claims: { sub: OWNER }, via: 'token' };
  }
}
