/** The API keys of the keys file, for operators: listed without what opens anything, made, and revoked. */
import { MAX_KEY_LIFE_MS, keyState, makeKey } from '../auth/api-keys.ts';
import type { ApiKey } from '../auth/api-keys.ts';
import { isPrincipal } from '../auth/identity.ts';
import { readKeysFile, withRevoked, writeKeysFile } from '../auth/keys-file.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { BUILT_IN_ROLES } from '../router/roles.ts';
import type { Roles } from '../router/roles.ts';
import { didYouMean } from '../util/nearest.ts';

/** A key as operators see it. */
export type KeyFacts = Omit<ApiKey, 'digest'> & { state: 'good' | 'revoked' | 'expired' };

export interface NewKey {
  principal: string;
  roles?: readonly string[] | undefined;
  label?: string | undefined;
  /** How long it lasts, in ms. @default for ever */
  expires?: number | undefined;
}

/** How long the keys of {@link Keys.known} may be old, in ms. */
const KNOWN_MS = 5000;

export class Keys {
  readonly #file: string;
  readonly #roles: Roles;
  #known: { at: number; keys: KeyFacts[] } = { at: -Infinity, keys: [] };

  /** @param file empty where there is none. */
  constructor(file: string, roles: Roles) {
    this.#file = file;
    this.#roles = roles;
  }

  /** The newest first. @throws {SwitchboardError} `SWB_NOT_FOUND` where there is no keys file, `SWB_CONFIG_INVALID` */
  list(): KeyFacts[] {
    const keys = this.#read().map(factsOf).toReversed();
    this.#known = { at: performance.now(), keys };
    return keys;
  }

  /** The same for what is looked at often, some seconds old; empty where there is none that can be read. */
  known(): readonly KeyFacts[] {
    if (this.#file !== '' && performance.now() - this.#known.at > KNOWN_MS) {
      try {
        this.list();
      } catch {
        this.#known = { at: performance.now(), keys: [] };
      }
    }
    return this.#known.keys;
  }

  /**
   * @returns the key itself, which is not kept anywhere, and what is known of it. It opens something within a second.
   * @throws {SwitchboardError} `SWB_INVALID_PARAMS`, `SWB_FILE_NOT_WRITTEN`, and as {@link list}
   */
  create({ principal, roles = [], label, expires }: NewKey): KeyFacts & { key: string } {
    this.#check(principal, roles, expires);
    const before = this.#read();
    const [key, kept] = makeKey({
      principal,
      roles,
      ...(label !== undefined && { label }),
      ...(expires !== undefined && { expiresAt: new Date(Date.now() + expires).toISOString() }),
    });
    this.#write([...before, kept]);
    return { key, ...factsOf(kept) };
  }

  /** What was opened with it ends within a second. @throws {SwitchboardError} as {@link create}; `SWB_NOT_FOUND` for an unknown id */
  revoke(id: string): void {
    const keys = this.#read();
    if (!keys.some((key) => key.id === id)) {
      const hint = didYouMean(
        id,
        keys.map((key) => key.id),
      );
      throw new SwitchboardError('SWB_NOT_FOUND', { detail: `there is no key ${JSON.stringify(id)}.${hint}` });
    }
    this.#write(withRevoked(keys, [id]));
  }

  #check(principal: string, roles: readonly string[], expires: number | undefined): void {
    const wrong = (detail: string): never => {
      throw new SwitchboardError('SWB_INVALID_PARAMS', { detail });
    };
    if (!isPrincipal(principal)) {
      wrong(`body.principal: ${JSON.stringify(principal)} cannot be one; give a name of at most 200 characters`);
    }
    if (expires !== undefined && (expires <= 0 || expires > MAX_KEY_LIFE_MS)) {
      wrong('body.expires: expected a duration of up to 100 years, such as 12h or 90d');
    }
    const known = [...this.#roles.names, ...BUILT_IN_ROLES];
    const unknown = roles.find((role) => !known.includes(role));
    if (unknown !== undefined) {
      wrong(
        `body.roles: there is no role ${JSON.stringify(unknown)}; there are ${known.join(', ')}.${didYouMean(unknown, known)}`,
      );
    }
  }

  #read(): ApiKey[] {
    if (this.#file === '') {
      const detail = 'there is no keys file here; start Switchboard with --keys-file keys.json to have one';
      throw new SwitchboardError('SWB_NOT_FOUND', { detail });
    }
    return readKeysFile(this.#file);
  }

  #write(keys: readonly ApiKey[]): void {
    try {
      writeKeysFile(this.#file, keys);
    } catch (cause) {
      const detail = `the keys file ${this.#file}: ${(cause as Error).message}`;
      throw new SwitchboardError('SWB_FILE_NOT_WRITTEN', { detail, cause });
    }
    this.#known = { at: -Infinity, keys: [] };
  }
}

const factsOf = (kept: ApiKey): KeyFacts => {
  const { digest: _, ...facts } = kept;
  return { ...facts, state: keyState(facts) };
};
