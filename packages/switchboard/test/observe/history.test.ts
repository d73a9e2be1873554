/** What is kept of the past for operators: bounded, and a function of the events. */
import { describe, expect, it, onTestFinished } from 'vitest';

import type { GatewayEvent } from '../../src/observe/events.ts';
import { MAX_CHANGES } from '../../src/observe/changes.ts';
import { History, MAX_UPSTREAMS } from '../../src/observe/history.ts';
import type { Gauges } from '../../src/observe/history.ts';
import { percentileMs } from '../../src/observe/ring.ts';
import { MAX_ENDED, MAX_RECENT, MAX_REFUSED, RecentRequests } from '../../src/observe/recent-requests.ts';
import { MAX_LINE, MAX_LINES, StderrTail } from '../../src/observe/stderr-tail.ts';
import { SECONDS } from '../../src/observe/tally.ts';

const START = 1_800_000_000_000;

const ended = (more: Partial<Extract<GatewayEvent, { type: 'request.ended' }>> = {}): GatewayEvent => ({
  type: 'request.ended',
  exchange: 'x-1',
  method: 'tools/call',
  target: 'add',
  upstream: 'demo',
  session: 's',
  principal: 'ann',
  transport: 'websocket',
  era: 'legacy',
  ms: 3,
  outcome: 'ok',
  code: undefined,
  error: undefined,
  ...more,
});

const refused: GatewayEvent = {
  type: 'request.refused',
  code: 'SWB_RATE_LIMITED',
  upstream: 'demo',
  session: 's',
  principal: 'ann',
  transport: 'websocket',
  method: 'tools/call',
};

function startHistory(look: () => Gauges = () => ({ clients: 0, sessions: 0, inFlight: 0, memoryBytes: 0 })): {
  history: History;
  pass(ms: number): void;
} {
  let now = START;
  const history = new History({ look, now: () => now });
  onTestFinished(() => history.close());
  return { history, pass: (ms) => void (now += ms) };
}

const sum = (counts: readonly number[]): number => counts.reduce((all, each) => all + each, 0);

describe('the history', () => {
  it('counts calls, errors and refusals in steps that have ended, each in its own', () => {
    const { history, pass } = startHistory();
    history.onEvent(ended());
    expect(sum(history.range('minute').calls)).toBe(0);
    pass(1000);
    history.onEvent(ended({ outcome: 'error' }));
    history.onEvent(ended({ outcome: 'isError' }));
    history.onEvent(refused);
    pass(1000);
    const minute = history.range('minute');
    expect([minute.calls.slice(-2), minute.errors.slice(-2), minute.refused.slice(-2)]).toEqual([
      [1, 2],
      [0, 2],
      [0, 1],
    ]);
    expect([minute.calls.length, minute.from + 60 * minute.stepMs]).toEqual([60, START + 2000]);
  });

  it('has the same calls in the hour and in the day, and forgets them when those are over', () => {
    const { history, pass } = startHistory();
    for (let nth = 0; nth < 90; nth++) {
      history.onEvent(ended());
      pass(1000);
    }
    pass(600_000);
    expect([
      sum(history.range('minute').calls),
      sum(history.range('hour').calls),
      sum(history.range('day').calls),
    ]).toEqual([0, 90, 90]);
    pass(3_600_000);
    expect([sum(history.range('hour').calls), sum(history.range('day').calls)]).toEqual([0, 90]);
    pass(86_400_000);
    expect(sum(history.range('day').calls)).toBe(0);
    // The rings go round without keeping what stood in their places before.
    history.onEvent(ended());
    pass(300_000);
    expect(sum(history.range('day').calls)).toBe(1);
  });

  it('tells percentiles from the buckets of all durations, and none where nothing was called', () => {
    const { history, pass } = startHistory();
    for (let nth = 0; nth < 98; nth++) history.onEvent(ended({ ms: 3 }));
    for (let nth = 0; nth < 2; nth++) history.onEvent(ended({ ms: 800 }));
    // It lasts as long as its client likes.
    history.onEvent(ended({ method: 'subscriptions/listen', ms: 3_600_000 }));
    pass(1000);
    const { p50Ms, p99Ms } = history.range('minute');
    expect(p50Ms.at(-1)).toBeGreaterThan(2.5);
    expect(p50Ms.at(-1)).toBeLessThanOrEqual(5);
    expect(p99Ms.at(-1)).toBeGreaterThan(500);
    expect(p99Ms.at(-1)).toBeLessThanOrEqual(1000);
    expect(p50Ms.at(-2)).toBeNull();
    const beyond = new Float64Array(SECONDS.length + 1);
    beyond[SECONDS.length] = 1;
    expect(percentileMs(beyond, 0.5)).toBe(300_000);
  });

  it('tells the last minute of each server, of a bounded number of them', () => {
    const { history, pass } = startHistory();
    for (let nth = 0; nth < MAX_UPSTREAMS + 5; nth++) history.onEvent(ended({ upstream: `server-${nth}` }));
    pass(1000);
    const load = history.load();
    expect(load).toHaveLength(MAX_UPSTREAMS);
    expect(load[0]).toMatchObject({ upstream: 'server-0', calls: 1, errors: 0 });
    expect(load[0]!.p50Ms).toBeGreaterThan(0);
    // One that is removed makes room for another.
    const none = { added: [], changed: [], applied: [], restartNeeded: [] };
    history.onEvent({ type: 'reloaded', ...none, removed: ['server-0'] });
    history.onEvent(ended({ upstream: 'new' }));
    pass(1000);
    const names = history.load().map(({ upstream }) => upstream);
    expect([names.includes('server-0'), names.includes('new'), names.length]).toEqual([false, true, MAX_UPSTREAMS]);
    pass(120_000);
    expect(history.load()).toEqual([]);
  });

  it('tells each server in the last hour and day too, with the calls of the step that is under way', () => {
    const { history, pass } = startHistory();
    for (let nth = 0; nth < 30; nth++) history.onEvent(ended({ outcome: nth < 3 ? 'error' : 'ok' }));
    for (const range of ['minute', 'hour', 'day'] as const)
      expect(history.load(range), range).toMatchObject([{ upstream: 'demo', calls: 30, errors: 3 }]);
    pass(60_000);
    const [hour] = history.load('hour');
    expect([hour!.perSecond.length, hour!.perSecond.at(-1)]).toEqual([60, 0.5]);
    pass(3_000_000);
    expect(history.load()).toEqual([]);
    expect(history.load('hour')).toMatchObject([{ calls: 30 }]);
    pass(3_600_000);
    expect(history.load('hour')).toEqual([]);
    expect(history.load('day')).toMatchObject([{ calls: 30 }]);
    pass(86_400_000);
    expect(history.load('day')).toEqual([]);
  });

  it('has what the processes of a server use for as long as a measure holds, and nothing where none was made', () => {
    const { history, pass } = startHistory();
    history.measured('demo', { memoryBytes: 1000, cores: 0.25 });
    history.measured('demo', { memoryBytes: 3000, cores: 0.125 });
    pass(60_000);
    history.measured('demo', { memoryBytes: 0, cores: 0 });
    pass(5000);
    const { memoryBytes, cores, stepMs } = history.usage('demo', 'minute');
    // The most of a step counts.
    expect([memoryBytes[0], cores[0], memoryBytes.at(-6), memoryBytes.at(-1), stepMs]).toEqual([
      3000, 0.25, 3000, 0, 1000,
    ]);
    expect(history.usage('demo', 'hour').memoryBytes.at(-1)).toBe(3000);
    expect(history.usage('other', 'minute').memoryBytes.every((bytes) => bytes === null)).toBe(true);
    pass(90_000_000);
    for (const range of ['minute', 'hour', 'day'] as const)
      expect(history.usage('demo', range).cores.filter((used) => used !== null)).toEqual([]);
  });

  it('keeps what changed with its time and words: the same within a minute once, and a bounded number', () => {
    const { history, pass } = startHistory();
    const failed: GatewayEvent = { type: 'member.failed', upstream: 'files', slot: 'x', reason: 'exited with code 3' };
    for (let nth = 0; nth < 3; nth++) {
      history.onEvent(failed);
      pass(1000);
    }
    expect(history.changes()).toEqual([
      {
        time: START + 2000,
        type: 'member.failed',
        level: 'error',
        upstream: 'files',
        text: 'exited with code 3',
        count: 3,
      },
    ]);
    pass(61_000);
    history.onEvent(failed);
    expect(history.changes()).toHaveLength(2);
    for (let nth = 0; nth < MAX_CHANGES; nth++) history.onEvent({ ...failed, reason: `${'x'.repeat(2000)}${nth}` });
    expect(history.changes().length).toBeLessThanOrEqual(MAX_CHANGES);
    expect(Math.max(...history.changes().map(({ text }) => text.length))).toBeLessThanOrEqual(500);
  });

  it('says in words what operators did, and nothing of what they only looked at', () => {
    const { history } = startHistory();
    const acted = (action: string, subject?: string, outcome = 'ok'): void =>
      history.onEvent({
        type: 'operator.acted',
        operator: 'olga',
        action,
        ...(subject !== undefined && { subject }),
        outcome,
      });
    acted('POST /keys', 'bob (reader)');
    acted('POST /upstreams/{name}/restart', 'files $& more', 'SWB_UPSTREAM_NOT_FOUND');
    acted('GET /audit', 'principal=bob');
    acted('POST /configuration/preview', 'rateLimit');
    // What was refused before it was known what it is about.
    for (const route of ['POST /keys', 'POST /simulations', 'POST /console-link', 'DELETE /requests/{id}'])
      acted(route, undefined, 'SWB_FORBIDDEN');
    expect(history.changes().map(({ level, text }) => [level, text])).toEqual([
      ['info', 'olga made a key for bob (reader)'],
      ['warn', 'olga restarted files $& more: not done, SWB_UPSTREAM_NOT_FOUND'],
      ['warn', 'olga made a key: not done, SWB_FORBIDDEN'],
      ['warn', 'olga put a server under load: not done, SWB_FORBIDDEN'],
      ['warn', 'olga made a link to the console: not done, SWB_FORBIDDEN'],
      ['warn', 'olga cancelled the request: not done, SWB_FORBIDDEN'],
    ]);
  });

  it('looks at clients, sessions, calls in flight and memory each second', async () => {
    const { history, pass } = startHistory(() => ({ clients: 7, sessions: 5, inFlight: 2, memoryBytes: 1024 }));
    await expect
      .poll(() => {
        pass(1000);
        const { clients, sessions } = history.range('hour');
        return [clients.includes(7), sessions.includes(5)];
      })
      .toEqual([true, true]);
  });
});

describe('the newest requests', () => {
  it('are numbered, and the oldest make room', () => {
    const recent = new RecentRequests();
    for (let nth = 1; nth <= MAX_ENDED + 10; nth++) recent.onEvent(ended({ exchange: `x-${nth}` }));
    recent.onEvent(refused);
    const all = recent.list();
    expect([all.length, all[0]!.nr, all.at(-1)!.nr, recent.count]).toEqual([
      MAX_ENDED + 1,
      11,
      MAX_ENDED + 11,
      MAX_ENDED + 11,
    ]);
    expect(all.at(-1)).toMatchObject({ outcome: 'refused', error: 'SWB_RATE_LIMITED', method: 'tools/call' });
    expect(recent.list(MAX_ENDED + 9).map(({ id }) => id)).toEqual([`x-${MAX_ENDED + 10}`, undefined]);
    expect(recent.list(0, 1)).toHaveLength(1);
    expect(recent.list(recent.count)).toEqual([]);
  });

  it('that were refused make room for each other only: a flood hides nobody else’s', () => {
    const recent = new RecentRequests();
    recent.onEvent(ended({ exchange: 'of ann' }));
    for (let nth = 0; nth < 2 * MAX_RECENT; nth++) recent.onEvent(refused);
    const all = recent.list();
    expect([all.length, all[0]!.id, all.at(-1)!.nr]).toEqual([MAX_REFUSED + 1, 'of ann', 2 * MAX_RECENT + 1]);
  });

  it('say why they failed: by the name of the error, or by the number of the server', () => {
    const recent = new RecentRequests();
    recent.onEvent(ended({ outcome: 'error', code: 31002, error: 'SWB_TIMEOUT' }));
    recent.onEvent(ended({ outcome: 'error', code: -32602 }));
    expect(recent.list().map(({ error }) => error)).toEqual(['SWB_TIMEOUT', '-32602']);
  });
});

describe('the lines on stderr', () => {
  it('are kept by server, so many and so long, and forgotten with a server that is removed', () => {
    const tail = new StderrTail();
    const say = (upstream: string, line: string): void => tail.onEvent({ type: 'upstream.stderr', upstream, line });
    for (let nth = 0; nth <= MAX_LINES; nth++) say('files', `line ${nth}`);
    say('demo', 'x'.repeat(MAX_LINE * 2));
    expect([tail.list('files').length, tail.list('files')[0]!.line, tail.count('files')]).toEqual([
      MAX_LINES,
      'line 1',
      MAX_LINES + 1,
    ]);
    expect(tail.list('files', MAX_LINES).map(({ line }) => line)).toEqual([`line ${MAX_LINES}`]);
    expect(tail.list('demo')[0]!.line.length).toBeLessThanOrEqual(MAX_LINE);
    const nothing = { added: [], changed: [], applied: [], restartNeeded: [] };
    tail.onEvent({ type: 'reloaded', ...nothing, removed: ['files'] });
    expect([tail.list('files'), tail.count('files')]).toEqual([[], 0]);
    expect(tail.list('__proto__')).toEqual([]);
  });
});
