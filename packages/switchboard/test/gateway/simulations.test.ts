/** Loads that operators run from here: with the real simulator in its own process, and a real server. */
import { existsSync, readFileSync } from 'node:fs';
import * as simulator from 'mcp-switchboard-simulator';
import { expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';

import { SimulatorError } from 'mcp-switchboard-simulator';
import type { GatewayOptions } from '../../src/gateway/gateway.ts';
import { simulationDetail } from '../../src/gateway/admin/simulation-shapes.ts';
import { LoadDoor } from '../../src/gateway/load-door.ts';
import { MAX_RUNS, Simulations } from '../../src/gateway/simulations.ts';
import type { SimulationFacts } from '../../src/gateway/simulations.ts';
import type { LoadResult, LoadRun, Simulator } from '../../src/gateway/simulator.ts';
import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http, stream } from '../support/http.ts';
import type { HttpAnswer } from '../support/http.ts';
import { bearer, testKeys } from '../support/keys.ts';
import type { Json } from '../support/wire.ts';

interface LoadTest extends TestGateway {
  ask(line: string, body?: Json): Promise<HttpAnswer & { json: Json }>;
  /** Starts a run, and resolves with what it found. */
  finished(id: string): Promise<Json>;
}

async function startLoaded(options: Partial<GatewayOptions> = {}): Promise<LoadTest> {
  const test = await startGateway({
    upstreams: { demo: servers.demo, scripted: servers.scripted },
    isolation: 'shared',
    simulator: () => Promise.resolve(simulator),
    ...options,
  });
  const ask: LoadTest['ask'] = async (line, body) => {
    const [method = '', path = ''] = line.split(' ');
    const headers = {
      ...bearer(test.gateway.adminToken!),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    const answer = await http(`${test.gateway.adminUrl}${path}`, { method, headers, body: body ?? '' });
    const isJson = /json/.test(String(answer.headers['content-type']));
    return { ...answer, json: isJson ? (JSON.parse(answer.body) as Json) : {} };
  };
  const finished = async (id: string): Promise<Json> => {
    const get = async (): Promise<Json> => (await ask(`GET /simulations/${id}`)).json;
    await expect.poll(async () => (await get())['state'], { timeout: 20_000 }).not.toBe('running');
    return get();
  };
  return { ...test, ask, finished };
}

/** The processes of the simulator that this one has; known on Linux. */
const simulatorsBelow = (): string[] =>
  existsSync('/proc/self/stat')
    ? readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
        .split(' ')
        .filter((pid) => pid !== '' && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('simulator'))
    : [];

it('are started, watched and compared: no rate, key or certificate stops their clients, and nothing of them stays', async () => {
  const keys = testKeys();
  keys.add('ann');
  const { gateway, ask, finished, events } = await startLoaded({
    keysFile: keys.path,
    rateLimit: 5,
    maxSessionsPerPrincipal: 2,
  });
  const order = { upstream: 'demo', clients: 6, duration: '1s', tool: 'echo', arguments: { text: 'a {{tag}}' } };
  const started = await ask('POST /simulations', order);
  expect(started.status).toBe(202);
  const { id } = started.json as { id: string };
  const points = await stream(`${gateway.adminUrl}/live?topics=simulations,simulation:${id}`, {
    method: 'GET',
    headers: bearer(gateway.adminToken!),
  });
  const refused = await ask('POST /simulations', order);
  expect([refused.status, refused.body]).toEqual([503, expect.stringContaining('only one run at a time')]);
  const found = await finished(id);
  expect(found).toMatchObject({ state: 'done', operator: 'local', errors: 0, faults: 0, codes: {}, upstream: 'demo' });
  expect(simulationDetail.safeParse(found).error).toBeUndefined();
  expect(found['answers']).toBeGreaterThan(5);
  expect(found['openedAt']).toBeGreaterThanOrEqual(found['startedAt'] as number);
  expect((found['points'] as unknown[]).length).toBeGreaterThan(1);
  expect(points.received.some((message) => Array.isArray(message['rows'] ?? message['all']))).toBe(true);
  points.destroy();
  expect(found['result']).toMatchObject({ integrity: { crossed: 0, unproven: 0 }, clients: 6 });
  expect(found['result']).not.toHaveProperty('histogram');
  expect(events).toContainEqual(
    expect.objectContaining({
      type: 'operator.acted',
      action: 'POST /simulations',
      subject: 'demo echo 6 clients',
      outcome: 'ok',
    }),
  );
  const report = await ask(`GET /simulations/${id}/report?before=${id}`);
  expect(report.headers['content-security-policy']).toContain("sandbox allow-scripts; default-src 'none'");
  expect(report.body).toContain('beside an earlier run');
  await expect.poll(() => gateway.stats.connections).toBe(0);
  await expect.poll(simulatorsBelow).toEqual([]);
});

it('end early with what they found, and with the gateway at once; a server cannot be overwhelmed from here', async () => {
  const { gateway, ask, finished } = await startLoaded({ maxConnections: 20, maxRequestsInFlight: 60 });
  for (const [body, status, said] of [
    [{ upstream: 'demo', clients: 501 }, 400, 'clients'],
    [{ upstream: 'demo', duration: '11m' }, 400, 'expected 10m at most'],
    [{ upstream: 'demo', rate: 10_001 }, 400, 'rate'],
    [{ upstream: 'demo', tool: 'echo', steps: [{ do: 'list' }] }, 400, 'either a tool or steps'],
    [{ upstream: 'demo', url: 'http://example.com' }, 400, 'url'],
    [{ upstream: 'demoo' }, 404, 'Did you mean'],
    [{ upstream: 'demo', clients: 11 }, 503, 'which is 10 now'],
    [{ upstream: 'demo', clients: 4, inFlight: 16 }, 503, 'may have 60 (maxRequestsInFlight)'],
    [{ upstream: 'demo', rate: 0.001 }, 400, 'rate'],
  ] as const) {
    const answer = await ask('POST /simulations', body);
    expect([answer.status, answer.body]).toEqual([status, expect.stringContaining(said)]);
  }
  const long = { upstream: 'demo', clients: 2, duration: '5m', steps: [{ do: 'list', what: 'tools' }] };
  const { id } = (await ask('POST /simulations', long)).json as { id: string };
  await expect
    .poll(async () => (await ask(`GET /simulations/${id}`)).json['answers'], { timeout: 20_000 })
    .toBeGreaterThan(0);
  expect((await ask(`DELETE /simulations/${id}`)).status).toBe(200);
  expect(await finished(id)).toMatchObject({ state: 'stopped', result: { steps: [{ name: 'list tools' }] } });
  const unknown = { upstream: 'demo', clients: 1, duration: '1s', tool: 'nothing' };
  const failed = await finished(((await ask('POST /simulations', unknown)).json as { id: string }).id);
  expect(failed).toMatchObject({ state: 'failed', error: expect.stringContaining('has no "nothing"') as string });
  expect((await ask(`GET /simulations/${String(failed['id'])}/report`)).body).toContain('it failed');
  await ask('POST /simulations', long);
  await gateway.close();
  expect(simulatorsBelow()).toEqual([]);
});

it('says what to do where there is no simulator, and keeps no run of it', async () => {
  const { ask } = await startLoaded({ simulator: () => Promise.resolve(undefined) });
  const answer = await ask('POST /simulations', { upstream: 'demo' });
  expect([answer.status, answer.body]).toEqual([
    404,
    expect.stringContaining('install the package mcp-switchboard-simulator'),
  ]);
  expect(JSON.parse((await ask('GET /simulations')).body)).toEqual([]);
});

it('lets nobody in at the door of a run who does not show its secret, nor a page; it closes with the run', async () => {
  const arrived: unknown[] = [];
  const { gateway } = await startGateway({ upstreams: { demo: servers.scripted } });
  const door = await LoadDoor.open({
    settings: gateway.settings,
    max: 1,
    onClient: (channel) => {
      arrived.push(channel);
      throw new Error('there is no room');
    },
  });
  onTestFinished(() => door.close());
  const knock = (headers: Readonly<Record<string, string>>): Promise<string> =>
    new Promise((resolve) => {
      const socket = new WebSocket(door.url, ['mcp'], { headers });
      socket.once('error', ({ message }) => resolve(message));
      socket.once('close', (code, reason) => resolve(`closed ${code} ${String(reason)}`));
    });
  expect(await knock({})).toContain('401');
  expect(await knock({ authorization: `Bearer ${'x'.repeat(43)}` })).toContain('401');
  expect(await knock({ ...door.headers, origin: 'http://127.0.0.1' })).toContain('401');
  expect(arrived).toHaveLength(0);
  expect(await knock(door.headers)).toBe('closed 1013 there is no room');
  const { url } = door;
  expect((await http(url.replace('ws:', 'http:'), { method: 'GET' })).status).toBe(404);
  door.close();
  await expect(http(url.replace('ws:', 'http:'), { method: 'GET' })).rejects.toThrow('ECONNREFUSED');
});

const LONG = 'x'.repeat(1000);

/** A simulator whose runs end when a test says so. */
function scripted(startServer: () => Promise<unknown> = () => Promise.resolve()): {
  simulations: Simulations;
  runs: (LoadRun & { fail(error: Error): void; end(): void })[];
  closed: () => number;
} {
  const runs: (LoadRun & { fail(error: Error): void; end(): void })[] = [];
  let closed = 0;
  const integrity = { crossed: 1, lost: 0, doubled: 0, disordered: 0 };
  const found: LoadResult = {
    rate: 1,
    latency: { p50: 1, p99: 2 },
    answers: 3,
    errorCount: 2,
    errors: { [`${LONG}a`]: 1, [`${LONG}b`]: 1 },
    integrity,
    server: LONG,
    steps: [{ name: LONG }],
  };
  const fake: Simulator = {
    runInChild: () => {
      let [end, fail] = [(): void => {}, (_error: Error): void => {}];
      const result = new Promise<LoadResult>((resolve, reject) => {
        end = () => resolve(found);
        fail = reject;
      });
      const run = { result, quit: end, kill: () => fail(new SimulatorError('SIM_ENDED', 'killed')), end, fail };
      runs.push(run);
      return run;
    },
    reportOf: () => '',
  };
  const simulations = new Simulations({
    simulator: () => Promise.resolve(fake),
    checkUpstream: () => {},
    freePlaces: () => 100,
    maxInFlight: () => 256,
    startServer,
    openDoor: () => Promise.resolve({ url: 'ws://x', headers: {}, close: () => closed++ } as never),
  });
  return { simulations, runs, closed: () => closed };
}

const ended = (simulations: Simulations, id: string): Promise<unknown> =>
  expect.poll(() => simulations.list().find((run) => run.id === id)?.state ?? 'gone').not.toBe('running');

it('keeps the last runs and no more, one that was ended by its process among them, and closes each door', async () => {
  const { simulations, runs, closed } = scripted();
  const started: SimulationFacts[] = [];
  for (let nth = 0; nth < MAX_RUNS + 2; nth++) {
    started.push(await simulations.start({ upstream: 'demo' }, 'olga'));
    await expect.poll(() => runs.length).toBe(nth + 1);
    if (nth === MAX_RUNS + 1) runs[nth]!.kill();
    else runs[nth]!.end();
    await ended(simulations, started[nth]!.id);
  }
  expect(simulations.list()).toHaveLength(MAX_RUNS);
  expect(simulations.list()[0]).toMatchObject({ state: 'failed', error: expect.stringContaining('killed') as string });
  expect(simulations.list()[1]).toMatchObject({ state: 'done', faults: 1, p99: 2 });
  const short = LONG.slice(0, 200);
  expect(simulations.get(simulations.list()[1]!.id).result).toMatchObject({
    errors: { [short]: 2 },
    server: short,
    steps: [{ name: short }],
  });
  const { id } = simulations.list()[1]!;
  expect(
    [`simulation ${id}`, `simulation ${id}0`, `simulation ${started[0]!.id}`].map((name) =>
      simulations.isPrincipal(name),
    ),
  ).toEqual([true, false, false]);
  expect(() => simulations.get(started[0]!.id)).toThrow('the last 10 are kept');
  expect(closed()).toBe(MAX_RUNS + 2);
});

it('ends a run that goes on beyond its duration', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const { simulations, runs } = scripted();
    const { id } = await simulations.start({ upstream: 'demo', duration: 1000 }, 'olga');
    while (runs.length === 0) await new Promise(setImmediate);
    await vi.advanceTimersByTimeAsync(61_001);
    expect(simulations.get(id)).toMatchObject({ state: 'failed' });
  } finally {
    vi.useRealTimers();
  }
});

it('ends a run that goes on although it was stopped', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const { simulations, runs } = scripted();
    const { id } = await simulations.start({ upstream: 'demo', duration: 600_000 }, 'olga');
    while (runs.length === 0) await new Promise(setImmediate);
    runs[0]!.quit = () => {};
    simulations.stop(id);
    await vi.advanceTimersByTimeAsync(60_001);
    expect(simulations.get(id)).toMatchObject({ state: 'failed' });
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

it('waits until the server has started, or does not, and not where it is stopped or the gateway ends', async () => {
  let started = (): void => {};
  const slow = scripted(() => new Promise<void>((resolve) => (started = resolve)));
  await slow.simulations.start({ upstream: 'demo' }, 'olga');
  expect(slow.runs).toHaveLength(0);
  started();
  await expect.poll(() => slow.runs.length).toBe(1);
  await slow.simulations.close();

  const broken = scripted(() => Promise.reject(new Error('it lists nothing')));
  await broken.simulations.start({ upstream: 'demo' }, 'olga');
  await expect.poll(() => broken.runs.length).toBe(1);
  await broken.simulations.close();

  const hung = scripted(() => new Promise(() => {}));
  const stopped = await hung.simulations.start({ upstream: 'demo' }, 'olga');
  hung.simulations.stop(stopped.id);
  await ended(hung.simulations, stopped.id);
  expect(hung.simulations.get(stopped.id).error).toContain('before its server had started');
  await hung.simulations.start({ upstream: 'demo' }, 'olga');
  await hung.simulations.close();
  expect([hung.runs.length, hung.closed()]).toEqual([0, 0]);
});
