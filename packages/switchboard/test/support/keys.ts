/** A keys file of one test, as the command writes it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

import { makeKey } from '../../src/auth/api-keys.ts';
import type { ApiKey } from '../../src/auth/api-keys.ts';
import { readKeysFile, writeKeysFile } from '../../src/auth/keys-file.ts';

export interface TestKeys {
  path: string;
  /** Makes another key, and gives its text. */
  add(principal: string, roles?: string[], more?: Partial<Pick<ApiKey, 'expiresAt'>>): string;
  /** Changes what is kept of a principal's keys. */
  change(principal: string, what: Partial<ApiKey>): void;
  revoke(principal: string): void;
}

export function testKeys(): TestKeys {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-keys-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'keys.json');
  const change = (principal: string, what: Partial<ApiKey>): void =>
    writeKeysFile(
      path,
      readKeysFile(path).map((key) => (key.principal === principal ? { ...key, ...what } : key)),
    );
  return {
    path,
    add(principal, roles = [], more = {}) {
      const [text, kept] = makeKey({ principal, roles, ...more });
      writeKeysFile(path, [...readKeysFile(path, false), kept]);
      return text;
    },
    change,
    revoke: (principal) => change(principal, { revokedAt: new Date().toISOString() }),
  };
}

export const bearer = (token: string): { authorization: string } => ({ authorization: `Bearer ${token}` });
