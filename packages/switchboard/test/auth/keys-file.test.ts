import { pbkdf2 } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';

import { KeysFile } from '../../src/auth/keys-file.ts';
import { testKeys } from '../support/keys.ts';

function open(path: string): KeysFile {
  const file = new KeysFile(path, { onChange: () => {}, onFailed: () => {} });
  onTestFinished(() => file.close());
  return file;
}

const isGood = (file: KeysFile, bearer: string): Promise<boolean> =>
  file.identify({ address: '127.0.0.1', bearer }).then(
    () => true,
    () => false,
  );

it('a key that is revoked the moment after the file was read is good no longer, however busy the machine is', async () => {
  const keys = testKeys();
  const bearer = keys.add('ann');
  // What Node asks the system about files waits for these.
  for (let n = 0; n < 8; n++) pbkdf2('', '', 300_000, 64, 'sha512', () => {});
  const file = open(keys.path);
  keys.revoke('ann');
  expect(await isGood(file, bearer)).toBe(true);
  await expect.poll(() => isGood(file, bearer), { timeout: 10_000 }).toBe(false);
});

it('a file that others may read is no good until its rights are put right, which is seen though nothing was written', async () => {
  const keys = testKeys();
  const bearer = keys.add('ann');
  const file = open(keys.path);
  expect(await isGood(file, bearer)).toBe(true);
  chmodSync(keys.path, 0o644);
  await expect.poll(() => isGood(file, bearer), { timeout: 10_000 }).toBe(false);
  chmodSync(keys.path, 0o600);
  await expect.poll(() => isGood(file, bearer), { timeout: 10_000 }).toBe(true);
});
