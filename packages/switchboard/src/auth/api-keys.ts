/**
 * API keys: long random texts that are shown once and kept as a digest.
 *
 * A key has 256 random bits, so that nobody finds it by trying digests, and a fast one (SHA-256) is enough; scrypt and its like make
 * up for the guessable words that people choose, at tens of milliseconds for each request, which would be a way to stall the gateway.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

import { SwitchboardError } from '../protocol/errors.ts';
import type { Method, Shown } from './method.ts';
import { isExpired, isPrincipal } from './identity.ts';
import type { Identity } from './identity.ts';

/** `swb_`, the key's id, and the secret. The beginning lets people and scanners of leaked secrets tell what it is. */
const KEY = /^swb_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;
const PREFIX = 'swb_';

/** What is kept of a key. */
export interface ApiKey {
  /** Stands in the key too; not a secret. */
  id: string;
  /** SHA-256 of the whole key, base64url. */
  digest: string;
  principal: string;
  roles: readonly string[];
  /** What it is for, in words. */
  label?: string | undefined;
  /** ISO 8601, as the others. */
  createdAt: string;
  expiresAt?: string | undefined;
  revokedAt?: string | undefined;
}

/** A key lasts at most so long, in ms, where it ends at all. */
export const MAX_KEY_LIFE_MS: number = 100 * 365 * 86_400_000;

/** Whether a key opens anything. */
export function keyState(
  { revokedAt, expiresAt }: Pick<ApiKey, 'revokedAt' | 'expiresAt'>,
  now: number = Date.now(),
): 'good' | 'revoked' | 'expired' {
  if (revokedAt !== undefined) return 'revoked';
  return expiresAt !== undefined && Date.parse(expiresAt) <= now ? 'expired' : 'good';
}

const date = z.iso.datetime({ offset: true });
const key = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{12}$/),
  digest: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  principal: z.string().refine(isPrincipal, 'no name for a principal'),
  roles: z.array(z.string()),
  label: z.string().max(200).optional(),
  createdAt: date,
  expiresAt: date.optional(),
  revokedAt: date.optional(),
});
const file = z.strictObject({ version: z.literal(1), keys: z.array(key) });

/** Reads the text of a keys file. @throws {SwitchboardError} `SWB_CONFIG_INVALID`; what the file holds is not repeated. */
export function parseKeys(text: string, path: string): ApiKey[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: `${path}: it is not valid JSON`, cause });
  }
  const read = file.safeParse(value);
  if (read.success) return read.data.keys;
  const places = read.error.issues.map(({ path: at, code }) => `${at.join('.') || 'the whole'} (${code})`).join(', ');
  throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: `${path}: no keys file; wrong: ${places}` });
}

export const writeKeys = (keys: readonly ApiKey[]): string => `${JSON.stringify({ version: 1, keys }, null, 2)}\n`;

/** Makes a key. @returns its text, which is not kept anywhere, and what is kept. */
export function makeKey(about: Pick<ApiKey, 'principal' | 'roles' | 'label' | 'expiresAt'>): [string, ApiKey] {
  const id = randomBytes(6).toString('hex');
  const text = `${PREFIX}${id}_${randomBytes(32).toString('base64url')}`;
  const kept = { id, digest: digestOf(text).toString('base64url'), ...about, createdAt: new Date().toISOString() };
  return [text, kept];
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();
const NO_DIGEST = Buffer.alloc(32);

/** Changes whenever a key's rights do, so that sessions which began with others end. */
const grantOf = ({ id, principal, roles }: ApiKey): string => `key ${id} ${JSON.stringify([principal, roles])}`;

export class ApiKeys implements Method {
  #keys: Map<string, ApiKey> = new Map();
  #all: readonly ApiKey[] = [];
  readonly #isRevoked: (key: ApiKey) => boolean;

  /** @param isRevoked whether a key was revoked that does not say so itself. @default it was not */
  constructor(keys: readonly ApiKey[] = [], isRevoked: (key: ApiKey) => boolean = () => false) {
    this.#isRevoked = isRevoked;
    this.replace(keys);
  }

  /** Those that are revoked among them. */
  get all(): readonly ApiKey[] {
    return this.#all;
  }

  /** These are the keys from now on. */
  replace(keys: readonly ApiKey[]): void {
    this.#all = keys;
    this.#keys = new Map(keys.filter(({ revokedAt }) => revokedAt === undefined).map((each) => [each.id, each]));
  }

  // oxlint-disable-next-line require-await
  async identify({ apiKey, bearer }: Shown): Promise<Identity | undefined> {
    const text = apiKey ?? (bearer?.startsWith(PREFIX) === true ? bearer : undefined);
    if (text === undefined) return undefined;
    const known = this.#find(KEY.exec(text)?.[1] ?? '');
    const kept = known === undefined ? NO_DIGEST : Buffer.from(known.digest, 'base64url');
    // Compared also where there is none: how long it takes must not tell which ids exist.
    const isRight = timingSafeEqual(digestOf(text), kept);
    if (known === undefined || !isRight) throw new SwitchboardError('SWB_UNAUTHORIZED', { detail: 'no such key' });
    const identity: Identity = {
      principal: known.principal,
      roles: known.roles,
      scopes: [],
      claims: { sub: known.principal },
      via: 'api key',
      grant: grantOf(known),
      ...(known.expiresAt !== undefined && { expiresAt: Date.parse(known.expiresAt) }),
    };
    if (isExpired(identity)) {
      throw new SwitchboardError('SWB_UNAUTHORIZED', { detail: 'the key has expired', data: { expired: true } });
    }
    return identity;
  }

  holds(grant: string): boolean | undefined {
    const id = /^key ([0-9a-f]{12}) /.exec(grant)?.[1];
    if (id === undefined) return undefined;
    const key = this.#find(id);
    return key !== undefined && grantOf(key) === grant;
  }

  #find(id: string): ApiKey | undefined {
    const key = this.#keys.get(id);
    return key === undefined || this.#isRevoked(key) ? undefined : key;
  }
}
