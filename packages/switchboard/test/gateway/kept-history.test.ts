/** The charts of operators over a restart: what the store has of them, and what becomes of it when it makes no sense. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

import type { GatewayOptions } from '../../src/gateway/gateway.ts';
import { KeptHistory } from '../../src/gateway/kept-history.ts';
import { History } from '../../src/observe/history.ts';
import type { HistoryRange, UpstreamLoad } from '../../src/observe/history.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { openStore } from '../../src/stores/open-store.ts';
import { openDatabase } from '../../src/stores/sqlite-engine.ts';
import type { StoreNotice } from '../../src/stores/store.ts';
import { folder } from '../support/command.ts';
import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { HttpClient } from '../support/http-client.ts';
import { http } from '../support/http.ts';
import { bearer } from '../support/keys.ts';

/** Gateways one after the other on one file. */
function successive(options: Partial<GatewayOptions> = {}): { file: string; next(): Promise<TestGateway> } {
  const path = folder();
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  const file = join(path, 'state.db');
  const next = async (): Promise<TestGateway> => {
    const stateStore = await openStore(`sqlite:${file}`);
    return startGateway({ upstreams: { demo: servers.scripted }, isolation: 'shared', stateStore, ...options });
  };
  return { file, next };
}

const asked = async <T>({ gateway }: TestGateway, path: string): Promise<T> => {
  const headers = bearer(gateway.adminToken!);
  return JSON.parse((await http(`${gateway.adminUrl}${path}`, { method: 'GET', headers })).body) as T;
};
const callsIn = async (test: TestGateway): Promise<number> =>
  (await asked<HistoryRange>(test, '/history?range=minute')).calls.reduce((sum, each) => sum + each, 0);
const changesOf = async (test: TestGateway): Promise<string[]> =>
  (await asked<{ text: string }[]>(test, '/history/changes')).map(({ text }) => text);
const STARTED_AGAIN = 'Switchboard started again';

it('shows the calls, servers and changes of before after a restart, and begins where the store has nonsense or another version', async () => {
  const { file, next } = successive();
  const first = await next();
  const client = await HttpClient.open(first.http);
  for (let nth = 0; nth < 5; nth++) await client.call('echo', { text: 'x' });
  await asked(first, '/history');
  await expect.poll(() => callsIn(first)).toBe(5);
  const before = await asked<UpstreamLoad[]>(first, '/history/upstreams?range=hour');
  expect(before).toMatchObject([{ upstream: 'demo', calls: 5, errors: 0 }]);
  expect(await changesOf(first)).not.toContain(STARTED_AGAIN);
  await first.gateway.close();

  const second = await next();
  await expect.poll(() => changesOf(second)).toContain(STARTED_AGAIN);
  expect(await callsIn(second)).toBe(5);
  expect(await asked(second, '/history/upstreams?range=hour')).toEqual(before);
  expect(await asked(second, '/history/upstreams?range=day')).toMatchObject([{ upstream: 'demo', calls: 5 }]);
  await second.gateway.close();

  const database = await openDatabase(file);
  const kept = "FROM facts WHERE key LIKE 'history-%'";
  expect(Number(database.prepare(`SELECT count(*) AS n ${kept}`).get()!['n'])).toBeLessThan(30);
  database.exec('UPDATE facts SET value = \'{"steps":[["x"]]}\' WHERE key LIKE \'history-%\'');
  database.close();
  const third = await next();
  await expect.poll(() => third.events.some(({ type }) => type === 'store.garbage')).toBe(true);
  expect([await callsIn(third), await changesOf(third)]).toEqual([0, []]);
  await third.gateway.close();
});

it('keeps what many servers and a busy day come to within its bounds, gone when it is too old, apart from that of another node', async () => {
  const start = 1_800_000_000_000;
  let now = start;
  const store = memoryStore({ now: () => now });
  onTestFinished(() => store.close());
  const notices: StoreNotice[] = [];
  const process = (name: string): { history: History; kept: KeptHistory } => {
    const look = (): never => ({ clients: 1, sessions: 1, inFlight: 1, memoryBytes: 1 }) as never;
    const history = new History({ look, now: () => now });
    onTestFinished(() => history.close());
    const upstreams = (): string[] => ['demo'];
    const onNotice = (notice: StoreNotice): void => void notices.push(notice);
    return {
      history,
      kept: new KeptHistory({ store, history, upstreams, onNotice, name: () => name, now: () => now }),
    };
  };
  const a = process('a');
  await a.kept.begin();
  const durations = [0.5, 2, 4, 8, 20, 40, 80, 200, 400, 800, 2000, 4000, 8000, 20_000, 40_000, 100_000, 400_000];
  for (let step = 0; step < 3600; step++) {
    for (const ms of durations)
      a.history.onEvent({ type: 'request.ended', upstream: 'demo', method: 'tools/call', outcome: 'ok', ms } as never);
    now += step < 2000 ? 40_000 : 1000;
  }
  const range = a.history.range('day');
  await a.kept.close();
  const facts = await store.facts.list('history-', 1000);
  const bytes = facts.reduce((sum, [, fact]) => sum + JSON.stringify(fact).length, 0);
  expect([facts.length < 25, bytes < 1_100_000]).toEqual([true, true]);

  const [again, other] = [process('a'), process('b')];
  await Promise.all([again.kept.begin(), other.kept.begin()]);
  expect(again.history.range('day')).toEqual(range);
  expect(again.history.range('hour')).toEqual(a.history.range('hour'));
  expect(again.history.usage('demo', 'day')).toEqual(a.history.usage('demo', 'day'));
  expect(other.history.range('day').calls.every((calls) => calls === 0)).toBe(true);
  for (const { kept } of [again, other]) await kept.close();
  now += 32 * 3_600_000;
  expect(await store.facts.list('history-', 1000)).toEqual([]);
  expect(notices).toEqual([]);
});
