/** What an operator takes back at one node of a cluster is taken back at all of them, whatever their files say. */
import { chmodSync, copyFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';

import { readKeysFile } from '../../src/auth/keys-file.ts';
import type { Change } from '../../src/gateway/change.ts';
import { redisStore } from '../../src/stores/redis.ts';
import { sees, startNode } from '../support/cluster.ts';
import type { TestNode } from '../support/cluster.ts';
import { http } from '../support/http.ts';
import { bearer, testKeys } from '../support/keys.ts';
import { RedisServer } from '../support/redis.ts';
import { WireClient, initializeParams } from '../support/wire.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.kill());

it('a key that is revoked at one node ends what is open with it at each, and is refused there, also where the file is another copy', async () => {
  const keys = testKeys();
  const [ann, ben] = [bearer(keys.add('ann')), bearer(keys.add('ben'))];
  const idOfBen = readKeysFile(keys.path)[1]!.id;
  const copy = `${keys.path}.copy`;
  copyFileSync(keys.path, copy);
  chmodSync(copy, 0o600);
  const store = `${redis.url}/?prefix=revocation`;
  let reloads = 0;
  const onReload = (): Change => {
    reloads++;
    return { added: [], changed: [], removed: [], applied: [], restartNeeded: [] };
  };
  const a = await startNode(store, 'a', { keysFile: keys.path, onReload });
  const b = await startNode(store, 'b', { keysFile: copy, onReload });
  await sees(a, ['a', 'b']);
  const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() };
  const enter = async (node: TestNode, headers: Record<string, string>): Promise<number> =>
    (await http(node.http, { headers, body: initialize })).status;
  const [first, second, other] = await Promise.all(
    [ann, ben, ben].map((headers, n) => WireClient.open((n === 2 ? a : b).ws, { headers })),
  );

  keys.revoke('ann');
  expect(await first!.closed).toMatchObject({ code: 3000 });
  expect(await enter(b, ann)).toBe(401);
  expect(await enter(b, ben)).toBe(200);

  expect((await b.admin(`DELETE /keys/${idOfBen}`)).status).toBe(200);
  expect((await Promise.all([second!.closed, other!.closed])).map(({ code }) => code)).toEqual([3000, 3000]);
  expect([await enter(a, ben), await enter(b, ben)]).toEqual([401, 401]);
  expect(readKeysFile(copy)[1]).toHaveProperty('revokedAt');
  expect((await b.admin('DELETE /keys/000000000000')).status).toBe(404);

  // One that begins later has a copy of the time before, and the store has something else among what was revoked.
  const { facts } = storeAt(store);
  await facts.put('revoked forged', { at: new Date().toISOString() }, 60_000);
  const c = await startNode(store, 'c', { keysFile: copyOf(copy, ['ann']) });
  expect([await enter(c, ann), await enter(c, ben)]).toEqual([401, 401]);
  expect(c.events).toContainEqual(expect.objectContaining({ type: 'store.garbage', key: 'revoked forged' }));
  await sees(a, ['a', 'b', 'c']);
  await a.admin('POST /reload');
  expect(reloads).toBe(2);
});

function storeAt(url: string): ReturnType<typeof redisStore> {
  const opened = redisStore({ url });
  onTestFinished(() => opened.close());
  return opened;
}

/** A copy in which these are not revoked. */
function copyOf(path: string, principals: readonly string[]): string {
  const keys = testKeys();
  copyFileSync(path, keys.path);
  chmodSync(keys.path, 0o600);
  for (const principal of principals) keys.change(principal, { revokedAt: undefined });
  return keys.path;
}
