/** The file that API keys are kept in: read, written whole, and watched, as another process changes it. */
import { readFileSync, statSync } from 'node:fs';

import { SwitchboardError } from '../protocol/errors.ts';
import { FileChanges } from '../util/file-changes.ts';
import { writeWholeFile } from '../util/whole-file.ts';
import { ApiKeys, parseKeys, writeKeys } from './api-keys.ts';
import type { ApiKey } from './api-keys.ts';

/** How soon a change is seen. */
const LOOK_MS = 500;
/** More would be no keys file, and takes long to read. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * @param mustBe whether it is an error that there is no file; else there are no keys yet.
 * @throws {SwitchboardError} `SWB_CONFIG_INVALID` when it cannot be read, is none, or others can read it.
 */
export function readKeysFile(path: string, mustBe = true): ApiKey[] {
  const fail = (why: string, cause?: unknown): never => {
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: `the keys file ${path}: ${why}`, cause });
  };
  let text = '';
  try {
    const { mode, size } = statSync(path);
    const others = mode & 0o077;
    // Windows has other rights, which say nothing here.
    if (others !== 0 && process.platform !== 'win32') {
      fail(`others than its owner may read or write it (mode ${(mode & 0o777).toString(8)}); say chmod 600`);
    }
    if (size > MAX_BYTES) fail(`it has ${size} bytes, the limit is ${MAX_BYTES}`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof SwitchboardError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !mustBe) return [];
    fail(code === 'ENOENT' ? 'there is none; make a key with "switchboard keys create"' : message, error);
  }
  return parseKeys(text, path);
}

/** Puts another file in its place in one step, so that whoever reads meanwhile gets the old or the new. */
export const writeKeysFile = (path: string, keys: readonly ApiKey[]): void =>
  writeWholeFile(path, writeKeys(keys), 0o600);

/** The keys, of which these are revoked from now on, or were before. */
export function withRevoked(keys: readonly ApiKey[], ids: readonly string[]): ApiKey[] {
  const revokedAt = new Date().toISOString();
  return keys.map((key) => (ids.includes(key.id) ? { ...key, revokedAt: key.revokedAt ?? revokedAt } : key));
}

export interface KeysFileOptions {
  /** The keys are others now: some may have been revoked. */
  onChange(): void;
  /** The file cannot be read any more. Nobody's key is good until it can be again. */
  onFailed(error: SwitchboardError): void;
  /** Whether a key was revoked elsewhere. @default it was not */
  isRevoked?: ((key: ApiKey) => boolean) | undefined;
}

/** API keys as the file has them now. */
export class KeysFile extends ApiKeys {
  readonly #changes: FileChanges;

  /** @throws as {@link readKeysFile} */
  constructor(path: string, { onChange, onFailed, isRevoked }: KeysFileOptions) {
    super([], isRevoked);
    this.#changes = new FileChanges([path]);
    this.replace(readKeysFile(path));
    this.#changes.watch(LOOK_MS, () => {
      try {
        this.replace(readKeysFile(path));
      } catch (error) {
        this.replace([]);
        onFailed(error as SwitchboardError);
      }
      onChange();
    });
  }

  close(): void {
    this.#changes.stop();
  }
}
