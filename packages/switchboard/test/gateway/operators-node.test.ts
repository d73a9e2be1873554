/** Processes of one machine that share a file as their store: one of them answers operators, whichever is asked. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveConsole } from 'mcp-switchboard-console';
import { expect, it, onTestFinished } from 'vitest';

import type { GatewayOptions } from '../../src/gateway/gateway.ts';
import { openStore } from '../../src/stores/open-store.ts';
import { sees, startNode } from '../support/cluster.ts';
import type { TestNode } from '../support/cluster.ts';
import { http } from '../support/http.ts';
import type { HttpAnswer } from '../support/http.ts';
import { bearer, testKeys } from '../support/keys.ts';

const ADMIN_TOKEN = 'a'.repeat(32);

async function startBoth(options: Partial<GatewayOptions>): Promise<[TestNode, TestNode]> {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-operators-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const store = `sqlite:${join(folder, 'state.db')}`;
  const nodes: TestNode[] = [];
  // The first one to start is the one that answers.
  for (const name of ['a', 'b']) {
    const stateStore = await openStore(store, { shared: true });
    const own = { stateStore, adminToken: ADMIN_TOKEN, servePages: serveConsole, ...options };
    nodes.push(await startNode(store, name, own));
  }
  const [a, b] = nodes;
  return [a!, b!];
}

const selfOf = async (node: TestNode): Promise<unknown> => {
  const { nodes } = (await node.admin('GET /status')).json as { nodes: { name: string; self: boolean }[] };
  return nodes.find(({ self }) => self)?.name;
};

it('one of several processes answers operators and signs them in, until it ends; the one that was asked has checked who asks', async () => {
  const keys = testKeys();
  const ann = keys.add('ann', ['operator']);
  const [a, b] = await startBoth({ keysFile: keys.path });
  for (const node of [a, b]) await sees(node, ['a', 'b']);
  expect(await Promise.all([a, b].map(selfOf))).toEqual(['a', 'a']);

  const at = (node: TestNode, path: string): string => `http://127.0.0.1:${node.port}${path}`;
  const origin = (node: TestNode): Record<string, string> => ({ origin: at(node, '') });
  const signIn = (headers: Record<string, string>): Promise<HttpAnswer> =>
    http(at(b, '/console/api/sign-in'), { headers: { ...origin(b), 'content-type': '', ...headers } });
  const signedIn = await signIn(bearer(ann));
  expect(signedIn.status).toBe(200);
  const cookie = String(signedIn.headers['set-cookie']).split(';')[0]!;
  for (const node of [a, b]) {
    const { status, body } = await http(at(node, '/console/api/me'), { method: 'GET', headers: { cookie } });
    expect([status, JSON.parse(body)]).toMatchObject([200, { name: 'ann', role: 'operator' }]);
  }
  expect((await signIn(bearer('no-key'))).status).toBe(401);
  const foreign = { cookie, origin: 'http://localhost:1' };
  expect((await http(at(b, '/console/api/sign-out'), { headers: foreign })).status).toBe(403);
  // The token of a sign-in goes along to the one that answers.
  const { csrfToken } = JSON.parse(signedIn.body) as { csrfToken: string };
  for (const [token, status] of [
    ['', 403],
    [csrfToken, 404],
  ] as const) {
    const headers = { ...origin(b), cookie, 'switchboard-csrf-token': token };
    const ended = await http(at(b, '/console/api/sessions/none'), { method: 'DELETE', headers, body: '' });
    expect(ended.status).toBe(status);
  }
  const wrong = { authorization: `Bearer ${'b'.repeat(32)}` };
  expect((await http(at(b, '/admin/status'), { method: 'GET', headers: wrong })).status).toBe(401);
  const named = { authorization: `Bearer ${ADMIN_TOKEN}`, 'x-forwarded-for': '192.0.2.1' };
  expect((await http(at(b, '/admin/status'), { method: 'GET', headers: named })).status).toBe(404);

  await a.gateway.close();
  await expect.poll(() => selfOf(b), { timeout: 10_000 }).toBe('b');
});
