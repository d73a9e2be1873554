import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { ApiKeys, makeKey } from '../../src/auth/api-keys.ts';
import { readKeysFile } from '../../src/auth/keys-file.ts';
import { testKeys } from '../support/keys.ts';

const address = '127.0.0.1';

describe('an API key', () => {
  it('has 256 random bits, says whose it is, and is kept as a digest only', async () => {
    const [text, kept] = makeKey({ principal: 'ann', roles: ['reader'] });
    expect(text).toMatch(/^swb_[0-9a-f]{12}_[\w-]{43}$/);
    expect(JSON.stringify(kept)).not.toContain(text.slice(17));
    const keys = new ApiKeys([kept]);
    const expected = { principal: 'ann', roles: ['reader'], via: 'api key' };
    expect(await keys.identify({ address, bearer: text })).toMatchObject(expected);
    expect(await keys.identify({ address, apiKey: text })).toMatchObject(expected);
  });

  it.each([
    ['another secret', (text: string) => `${text.slice(0, -1)}${text.endsWith('A') ? 'B' : 'A'}`],
    ['an unknown id', (text: string) => text.replace(/_[0-9a-f]{12}_/, '_000000000000_')],
    ['something behind it', (text: string) => `${text}x`],
    ['nothing but its id', (text: string) => text.slice(0, 17)],
  ])('is refused with %s', async (_, spoil) => {
    const [text, kept] = makeKey({ principal: 'ann', roles: [] });
    const refused = { code: 'SWB_UNAUTHORIZED' };
    await expect(new ApiKeys([kept]).identify({ address, bearer: spoil(text) })).rejects.toMatchObject(refused);
  });

  it('is refused when it was revoked or has expired, and leaves other kinds of tokens to others', async () => {
    const [text, kept] = makeKey({ principal: 'ann', roles: [], expiresAt: '2020-01-01T00:00:00Z' });
    await expect(new ApiKeys([kept]).identify({ address, bearer: text })).rejects.toMatchObject({
      code: 'SWB_UNAUTHORIZED',
      data: { expired: true },
    });
    const revoked = new ApiKeys([{ ...kept, expiresAt: undefined, revokedAt: '2020-01-01T00:00:00Z' }]);
    await expect(revoked.identify({ address, bearer: text })).rejects.toMatchObject({ code: 'SWB_UNAUTHORIZED' });
    expect(await revoked.identify({ address, bearer: 'a.b.c' })).toBeUndefined();
  });
});

describe('the keys file', () => {
  it('is for its owner alone, and is refused when others can read it', () => {
    const keys = testKeys();
    keys.add('ann');
    expect(statSync(keys.path).mode & 0o777).toBe(0o600);
    chmodSync(keys.path, 0o644);
    expect(() => readKeysFile(keys.path)).toThrow(/mode 644.*chmod 600/);
  });

  it.each([
    ['no JSON', '{'],
    ['another version', '{"version":2,"keys":[]}'],
    [
      'a key of nobody',
      JSON.stringify({ version: 1, keys: [{ ...makeKey({ principal: 'x', roles: [] })[1], principal: 'anonymous' }] }),
    ],
  ])('is refused with %s, and not repeated', (_, text) => {
    const keys = testKeys();
    keys.add('ann');
    writeFileSync(keys.path, text);
    expect(() => readKeysFile(keys.path)).toThrow(/keys\.json/);
    try {
      readKeysFile(keys.path);
    } catch (error) {
      const digest = /"digest":"([^"]+)"/.exec(text)?.[1] ?? '\0';
      expect((error as Error).message).not.toContain(digest);
    }
  });

  it('holds no key that could be used', () => {
    const keys = testKeys();
    const text = keys.add('ann');
    // The secret may have an underscore too.
    const [, secret = text] = /^swb_[0-9a-f]{12}_(.+)$/.exec(text) ?? [];
    expect(readFileSync(keys.path, 'utf8')).not.toContain(secret);
  });
});
