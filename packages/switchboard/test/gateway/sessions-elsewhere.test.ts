/** The sessions of other nodes on the page that one node serves: named, slowly, and in bounds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

import { ASKED_EVERY_MS, MAX_ELSEWHERE, SessionsElsewhere } from '../../src/gateway/admin/sessions-elsewhere.ts';
import { openStore } from '../../src/stores/open-store.ts';
import { sees, startNode } from '../support/cluster.ts';
import type { TestNode } from '../support/cluster.ts';
import { HttpClient } from '../support/http-client.ts';
import { stream } from '../support/http.ts';
import { bearer } from '../support/keys.ts';
import type { Json } from '../support/wire.ts';

it('shows the sessions of all nodes with their node on one page, and what passes through one of its own', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-elsewhere-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const store = `sqlite:${join(folder, 'state.db')}`;
  const nodes: TestNode[] = [];
  for (const name of ['a', 'b']) {
    nodes.push(await startNode(store, name, { stateStore: await openStore(store, { shared: true }) }));
  }
  for (const node of nodes) await sees(node, ['a', 'b']);
  const [a, b] = nodes as [TestNode, TestNode];
  const own = await HttpClient.open(a.http);
  await HttpClient.open(b.http);
  const [id, other] = [a, b].map(({ gateway }) => gateway.operations.sessions()[0]!.id) as [string, string];

  const url = `${a.gateway.adminUrl}/live?topics=${encodeURIComponent(`sessions,elsewhere,messages:${id}`)}`;
  const live = await stream(url, { headers: bearer(a.gateway.adminToken!) });
  onTestFinished(() => live.destroy());
  const rows = (): Json[] =>
    live.received.flatMap(({ all, changed, rows: added }) =>
      [all, changed, added].flatMap((each) => each ?? []),
    ) as Json[];
  const where = (): unknown =>
    Object.fromEntries(rows().flatMap((row) => ('node' in row ? [[row['id'], row['node']]] : [])));
  await expect.poll(where, { timeout: 10_000 }).toEqual({ [id]: 'a', [other]: 'b' });
  await expect
    .poll(() => live.received.some(({ value }) => JSON.stringify(value) === '[{"node":"b","sessions":1,"leftOut":0}]'))
    .toBe(true);

  await own.call('echo', { text: 'secret words' });
  const messages = (): unknown =>
    rows().flatMap((row) => ('direction' in row ? [[row['direction'], row['kind'], row['name']]] : []));
  await expect.poll(messages, { timeout: 10_000 }).toEqual([
    ['in', 'request', 'tools/call echo'],
    ['out', 'result', 'tools/call echo'],
  ]);
  expect(JSON.stringify(live.received)).not.toContain('secret words');
  // Any node finds a session, wherever it is.
  expect((await a.admin(`GET /sessions/${other}/messages`)).json).toEqual({ messages: [] });
  expect((await a.admin('GET /sessions/none/messages')).status).toBe(404);
});

it('asks the other nodes slowly, waits for none of them, and names those that do not answer', async () => {
  let now = 0;
  const asked: string[] = [];
  const answers = new Map<string, () => unknown>([
    ['b', () => Array.from({ length: MAX_ELSEWHERE }, (_, nth) => ({ id: `b${nth}` }))],
    ['c', () => Promise.reject(new Error('gone'))],
  ]);
  const names = ['a', 'b', 'c'];
  const elsewhere = new SessionsElsewhere({
    cluster: {
      nodes: () => names.map((name) => ({ name, self: name === 'a' }) as never),
      self: () => expect.unreachable(),
      follow: () => Promise.reject(new Error('nobody watches')),
      ask: async ({ name }) => {
        asked.push(name);
        return answers.get(name)!();
      },
    },
    onFault: (error) => expect.unreachable(String(error)),
    now: () => now,
  });
  expect(elsewhere.look()).toEqual({ sessions: [], nodes: [] });
  await expect
    .poll(() => elsewhere.look().nodes)
    .toMatchObject([
      { node: 'b', sessions: MAX_ELSEWHERE, leftOut: MAX_ELSEWHERE / 2 },
      { node: 'c', sessions: 0, leftOut: 0, error: expect.any(String) as string },
    ]);
  expect(elsewhere.look().sessions).toHaveLength(MAX_ELSEWHERE / 2);
  expect(elsewhere.look().sessions[0]).toEqual({ id: 'b0', node: 'b' });
  now += ASKED_EVERY_MS - 1;
  elsewhere.look();
  expect(asked).toEqual(['b', 'c']);
  // One that takes long is asked less often, and what it said before stays meanwhile.
  let answer: (sessions: unknown) => void = () => {};
  answers.set('b', () => new Promise((resolve) => (answer = resolve)));
  names.pop();
  now += 1;
  elsewhere.look();
  now += 2000;
  elsewhere.look();
  expect([asked, elsewhere.look().sessions.length]).toEqual([['b', 'c', 'b'], MAX_ELSEWHERE / 2]);
  answer([{ id: 'b1' }]);
  await expect.poll(() => elsewhere.look().sessions).toEqual([{ id: 'b1', node: 'b' }]);
  now += 39_000;
  elsewhere.look();
  expect(asked).toHaveLength(3);
  // Nobody has looked for a while: it is as if it was the first time.
  now += 100_000;
  answers.set('b', () => []);
  expect(elsewhere.look()).toEqual({ sessions: [], nodes: [] });
  expect(asked).toHaveLength(4);
});
