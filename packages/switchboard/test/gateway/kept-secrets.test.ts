/** Secrets that processes with one store share. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';

import { KeptSecrets } from '../../src/gateway/kept-secrets.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import type { SharedStore, StoreNotice } from '../../src/stores/store.ts';
import { withParts } from '../../src/stores/with-parts.ts';

function newStore(): SharedStore {
  const store = memoryStore();
  onTestFinished(() => store.close());
  return store;
}

function secretsOf(store: SharedStore, ...keys: readonly Buffer[]): { secrets: KeptSecrets; notices: StoreNotice[] } {
  const notices: StoreNotice[] = [];
  const onNotice = (notice: StoreNotice): void => void notices.push(notice);
  const sealed = keys.length > 0 ? { keys: () => keys } : {};
  return { secrets: new KeptSecrets({ store, onNotice, ...sealed }), notices };
}

describe('a secret', () => {
  it('is the same for processes that ask at the same time, and another for another purpose', async () => {
    const store = newStore();
    const all = await Promise.all([1, 2, 3].map(() => secretsOf(store).secrets.get('chat')));
    expect(all[0]).toHaveLength(32);
    expect(all.every((each) => each.equals(all[0]!))).toBe(true);
    expect((await secretsOf(store).secrets.get('other')).equals(all[0]!)).toBe(false);
  });

  it('is in the store encrypted with the key of a cluster, and outlives a change of that key', async () => {
    const store = newStore();
    const [old, next, foreign] = [randomBytes(32), randomBytes(32), randomBytes(32)];
    const secret = await secretsOf(store, old).secrets.get('chat');
    const record = JSON.stringify(await store.facts.get('secret chat'));
    expect(Buffer.from(JSON.parse(record).secret, 'base64').includes(secret)).toBe(false);
    expect((await secretsOf(store, next, old).secrets.get('chat')).equals(secret)).toBe(true);
    expect((await secretsOf(store, next).secrets.get('chat')).equals(secret)).toBe(true);
    const { secrets, notices } = secretsOf(store, foreign);
    expect((await secrets.get('chat')).equals(secret)).toBe(false);
    expect(notices).toMatchObject([{ type: 'garbage', key: 'secret chat' }]);
  });

  it('is put again into a store that has come back empty, and stays the same for all', async () => {
    const store = newStore();
    const listeners: ((notice: StoreNotice) => void)[] = [];
    const watched = {
      ...withParts(store, {}),
      watch: (listener: (notice: StoreNotice) => void) => void listeners.push(listener),
    };
    const { secrets } = secretsOf(watched);
    const secret = await secrets.get('chat');
    await store.facts.delete('secret chat');
    for (const listener of listeners) listener({ type: 'back', lost: true });
    await expect.poll(() => store.facts.get('secret chat')).toBeDefined();
    expect((await secretsOf(store).secrets.get('chat')).equals(secret)).toBe(true);
    // Also before it was told.
    await store.facts.delete('secret chat');
    expect((await secrets.get('chat')).equals(secret)).toBe(true);
  });
});
