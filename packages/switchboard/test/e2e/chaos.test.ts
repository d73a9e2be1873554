/**
 * Clients of both eras over both ways in call servers of every isolation, all with the same ids, while servers are killed,
 * stopped, slowed and flooded, the configuration changes, and clients vanish.
 *
 * `CHAOS_SECONDS` says how long; `CHAOS_SEED` repeats what each actor does, though not how the system mixes them.
 */
import { setImmediate, setTimeout as pause } from 'node:timers/promises';
import { expect, it, onTestFailed } from 'vitest';

import type { SettingsInput } from '../../src/gateway/settings.ts';
import type { UpstreamOptions } from '../../src/gateway/upstream-options.ts';
import { CLOSE_CODES } from '../../src/protocol/close-codes.ts';
import { ERRORS } from '../../src/protocol/errors.ts';
import { callerKinds, openCaller } from '../support/callers.ts';
import { file, folder, run } from '../support/command.ts';
import type { Caller, CallerKind } from '../support/callers.ts';
import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { NOTHING, childrenOf, living, openFiles } from '../support/leftovers.ts';
import { random } from '../support/random.ts';
import type { Random } from '../support/random.ts';
import type { Json } from '../support/wire.ts';

const SECONDS = Number(process.env['CHAOS_SECONDS'] ?? 24);
const SEED = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
const ACTORS = 24;
const REQUEST_TIMEOUT_MS = 2000;
const START_TIMEOUT_MS = 5000;
/**
 * A call may wait for its turn and then for its server, for the full time each, and one over modern HTTP for the server's start before
 * them, to learn which headers it needs; the rest is for a machine that is busy.
 */
const DEADLINE_MS = START_TIMEOUT_MS + 2 * REQUEST_TIMEOUT_MS + 6000;
/** How long the last calls, and who opens or goes, may take when the time is over. */
const MAX_LATE_MS = 60_000;
const NAMES = ['own', 'shared', 'pooled', 'modern', 'visiting'] as const;
const KNOWN: ReadonlySet<number> = new Set(Object.values(ERRORS).map(({ code }) => code));
const CLOSES: ReadonlySet<number> = new Set(Object.values(CLOSE_CODES).map(({ code }) => code));
const TAG = /<[^<>\s]+>/g;

/** What went wrong, and how often what happened; both are looked at when all is over. */
interface Book {
  readonly problems: string[];
  readonly counts: Record<string, number>;
  /** What each actor does at the moment. */
  readonly doing: Map<string, string>;
  count(what: string): void;
}

/** A configuration; the round makes an upstream another than it was. */
function configuration(rounds: Record<string, number>): { upstreams: Record<string, UpstreamOptions> } {
  const env = (name: string): { env: Record<string, string> } => ({ env: { ROUND: String(rounds[name] ?? 0) } });
  return {
    upstreams: {
      own: { ...servers.scripted, ...env('own'), isolation: 'session' },
      shared: { ...servers.scripted, ...env('shared'), isolation: 'shared' },
      pooled: { ...servers.scripted, ...env('pooled'), isolation: 'pool', members: 2 },
      modern: { ...servers.demo, ...env('modern'), isolation: 'shared' },
      // There only every second time.
      ...((rounds['visiting'] ?? 0) % 2 === 0 && { visiting: { ...servers.scripted, isolation: 'shared' } }),
    },
  };
}

const settings: SettingsInput = {
  requestTimeout: `${REQUEST_TIMEOUT_MS}ms`,
  startTimeout: `${START_TIMEOUT_MS}ms`,
  livenessInterval: '500ms',
  livenessTimeout: '500ms',
  memberIdleTimeout: '1s',
  idleTimeout: '3s',
  // Not so short that a busy machine takes a client that reads for one that is frozen.
  pingInterval: '1500ms',
  drainTimeout: '1s',
  maxQueueSize: '2MiB',
  maxConcurrent: 20,
  maxConnections: 1000,
  maxMembers: 100,
  // What is killed again and again shall come back again and again.
  crashLimit: 10_000,
};

interface Call {
  tool: string;
  args: Json;
  /** Whether an answer with a result must carry the tag. */
  tagged: boolean;
}

/** Mostly honest work; now and then what hurts the server that serves it. */
function draw(luck: Random, upstream: string, tag: string): Call {
  if (upstream === 'modern') {
    if (luck.chance(0.7)) return { tool: 'echo', args: { text: tag }, tagged: true };
    return { tool: 'count', args: { to: 1 + luck.below(5), delayMs: luck.below(60) }, tagged: false };
  }
  const roll = luck.next();
  if (roll < 0.45) return { tool: 'echo', args: { text: tag }, tagged: true };
  if (roll < 0.75) {
    return { tool: 'slow', args: { ms: luck.below(300), steps: luck.below(4), text: tag }, tagged: true };
  }
  if (roll < 0.92) return { tool: 'big', args: { bytes: luck.below(400_000), say: tag }, tagged: true };
  const line = `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"debug","data":"flood"}}\n`;
  return luck.pick<Call>([
    { tool: 'never', args: {}, tagged: true },
    { tool: 'crash', args: {}, tagged: true },
    { tool: 'garbage', args: {}, tagged: false },
    { tool: 'compute', args: { ms: 400 }, tagged: false },
    { tool: 'flood', args: { line, ms: 200 }, tagged: true },
    { tool: 'deaf', args: {}, tagged: false },
    { tool: 'stubborn', args: {}, tagged: false },
    { tool: 'grandchild', args: {}, tagged: false },
  ]);
}

/** One client, as long as it is there. */
interface ClientState {
  who: string;
  caller: Caller;
  book: Book;
  /** Whether it goes of its own will. */
  leaving: boolean;
  /** Whether the gateway has closed its connection. */
  closed: boolean;
  /** Whether it has asked for a flood, which may come on the stream of any of its requests. */
  flooded: boolean;
}

async function judge(client: ClientState, id: number, { tool, args, tagged }: Call, tag: string): Promise<void> {
  const { who, caller, book } = client;
  const startedAt = performance.now();
  const late = pause(DEADLINE_MS, undefined, { ref: false });
  const end = await Promise.race([caller.call(id, tool, args), late]);
  const ms = Math.round(performance.now() - startedAt);
  const problem = (what: string): void => void book.problems.push(`${who}, ${tool} ${id}, after ${ms} ms: ${what}`);
  if (end === undefined) {
    problem('no end');
    return;
  }
  if ('gone' in end) {
    book.count(`gone: ${end.gone.slice(0, 40)}`);
    // Of a connection that is closed the close code tells; anything else must end with a word.
    await setImmediate();
    // Who lets a flood pile up is cut.
    if (!client.leaving && !client.closed && !client.flooded) problem(`no answer: ${end.gone}`);
    return;
  }
  const { result, error } = end.answer as { result?: Json; error?: { code: number } };
  if (error !== undefined) {
    book.count(`error ${error.code}`);
    if (!KNOWN.has(error.code)) problem(`an unknown error: ${JSON.stringify(error)}`);
  } else if (tagged && !JSON.stringify(result).includes(tag)) {
    problem(`a stranger's answer: ${JSON.stringify(end.answer).slice(0, 200)}`);
  } else book.count('answered');
}

/** One client after the other, until the time is over. */
async function act(test: TestGateway, name: string, luck: Random, over: () => boolean, book: Book): Promise<void> {
  for (let round = 1; !over(); round++) {
    const kind: CallerKind = luck.pick(callerKinds);
    const path = luck.pick([...NAMES, undefined]);
    const origin = `127.0.0.1:${test.port}/mcp${path === undefined ? '' : `/${path}`}`;
    const who = `${name}.${round} (${kind} of ${path ?? 'all'})`;
    const own = `<${name}.${round}.`;
    const hear = (text: string): void => {
      const foreign = text.match(TAG)?.filter((tag) => !tag.startsWith(own)) ?? [];
      if (foreign.length > 0) book.problems.push(`${who} heard ${foreign.join(' ')}`);
    };
    let caller: Caller;
    book.doing.set(name, `${who} opens`);
    try {
      caller = await openCaller(kind, { ws: `ws://${origin}`, http: `http://${origin}` }, hear);
    } catch (error) {
      book.count(`not opened: ${(error as Error).message.slice(0, 60)}`);
      await pause(50);
      continue;
    }
    const state: ClientState = { who, caller, book, leaving: false, closed: false, flooded: false };
    void caller.closed.then((how) => {
      state.closed = true;
      if (state.leaving) return;
      book.count(`closed with ${how.slice(0, 40)}`);
      if (!CLOSES.has(Number.parseInt(how, 10))) book.problems.push(`${who} was closed with ${how}`);
    });
    book.doing.set(name, `${who} calls`);
    const calls: Promise<void>[] = [];
    for (let id = 1, most = 5 + luck.below(60); id <= most && !over() && !state.closed; id++) {
      const upstream = path ?? luck.pick(NAMES);
      const tag = `${own}${id}>`;
      const call = draw(luck, upstream, tag);
      if (path === undefined) call.tool = `${upstream}__${call.tool}`;
      state.flooded ||= call.tool.endsWith('flood');
      if (luck.chance(0.05)) {
        // What is cancelled need not have an end.
        void caller.call(id, call.tool, call.args);
        caller.cancel(id);
        book.count('cancelled');
        continue;
      }
      const judging = judge(state, id, call, tag);
      calls.push(judging);
      if (luck.chance(0.5)) await judging;
      else if (luck.chance(0.2)) await pause(luck.below(100));
    }
    const way = luck.pick(['leave', 'vanish', 'freeze', 'leave when done'] as const);
    book.count(way);
    book.doing.set(name, `${who} goes: ${way}`);
    if (way === 'leave when done') await Promise.all(calls);
    state.leaving = true;
    if (way === 'vanish' || way === 'freeze') caller[way]();
    else caller.leave();
    if (way === 'freeze') void pause(8000, undefined, { ref: false }).then(() => caller.vanish());
    // `ws` does not always tell of the end of a socket that it has reset itself.
    if (kind.endsWith('ws') && way.startsWith('leave')) await caller.closed;
  }
  book.doing.delete(name);
}

const EVILS = ['kill', 'stop', 'reload', 'stop a while', 'cancel', 'restart'] as const;

/** Does something evil every few moments. */
async function torment({ gateway }: TestGateway, luck: Random, over: () => boolean, book: Book): Promise<void> {
  const rounds: Record<string, number> = {};
  const victims = async (): Promise<number[]> =>
    (await gateway.operations.upstreams()).flatMap(({ members }) => members.flatMap(({ pid }) => pid ?? []));
  const signal = async (name: NodeJS.Signals): Promise<number | undefined> => {
    const pids = await victims();
    if (pids.length === 0) return undefined;
    const pid = luck.pick(pids);
    try {
      process.kill(pid, name);
    } catch {}
    return pid;
  };
  for (let turn = 0; !over(); turn++) {
    await pause(100 + luck.below(400));
    const evil = EVILS[turn % EVILS.length]!;
    book.count(`torment: ${evil}`);
    book.doing.set('torment', evil);
    if (evil === 'kill') await signal('SIGKILL');
    else if (evil === 'stop') await signal('SIGSTOP');
    else if (evil === 'stop a while') {
      const pid = await signal('SIGSTOP');
      await pause(luck.below(800));
      try {
        if (pid !== undefined) process.kill(pid, 'SIGCONT');
      } catch {}
    } else if (evil === 'reload') {
      const name = luck.pick(NAMES);
      rounds[name] = (rounds[name] ?? 0) + 1;
      gateway.reload({ ...settings, port: 0, rateLimit: 'unlimited', ...configuration(rounds) });
    } else if (evil === 'restart') await gateway.operations.restart(luck.pick(['own', 'shared', 'pooled', 'modern']));
    else {
      const requests = gateway.operations.requests();
      if (requests.length > 0) gateway.operations.cancel(luck.pick(requests).id, 'chaos');
    }
  }
}

it(
  `in ${SECONDS} s of chaos every call ends, nothing crosses, and nothing is left`,
  async () => {
    const counts: Record<string, number> = {};
    const doing = new Map<string, string>();
    const book: Book = { problems: [], counts, doing, count: (what) => (counts[what] = (counts[what] ?? 0) + 1) };
    onTestFailed(() => console.error(`CHAOS_SEED=${SEED}`, counts));
    const files = openFiles(process.pid);
    const children = childrenOf(process.pid).length;
    const before = living();
    const test = await startGateway({ ...settings, ...configuration({}) });
    const luck = random(SEED);
    const endAt = performance.now() + SECONDS * 1000;
    const over = (): boolean => performance.now() > endAt;
    const actors = Array.from({ length: ACTORS }, (_, n) => act(test, `c${n}`, luck.fork(), over, book));
    const all = Promise.all([...actors, torment(test, luck.fork(), over, book).finally(() => doing.delete('torment'))]);
    await Promise.race([all, pause(SECONDS * 1000 + MAX_LATE_MS, undefined, { ref: false })]);
    expect([...doing.values()], 'who never came to an end').toEqual([]);
    expect(book.problems).toEqual([]);
    // It was chaos, and yet most were served.
    for (const evil of EVILS) expect(counts[`torment: ${evil}`], evil).toBeGreaterThan(0);
    expect(counts['answered']).toBeGreaterThan(SECONDS * 5);

    // Nobody is there any more: the servers end too, after their idle time. One that was killed many times may start only now, as its next
    // start waits for up to 30 s, whether its caller still does or not.
    await expectEmpty(test, { withinMs: 75_000 });
    await expect.poll(() => childrenOf(process.pid).length, { timeout: 15_000 }).toBe(children);
    expect(test.gateway.stats.parked).toBe(0);
    expect(test.events.filter(({ type }) => type === 'failed')).toEqual([]);
    await test.gateway.close();
    test.events.length = 0;
    await expect.poll(() => openFiles(process.pid), { timeout: 15_000 }).toBe(files);
    await expect.poll(living, { timeout: 10_000 }).toEqual(before);
    expect(before).toEqual(NOTHING);
    const doctor = await run(['doctor', '--json', '--config', file({ upstreams: { demo: servers.demo } })], {
      env: { XDG_RUNTIME_DIR: folder(), SWITCHBOARD_PORT: '0' },
    });
    const findings = JSON.parse(doctor.stdout) as { check: string; state: string; detail: string }[];
    expect(findings.filter(({ state }) => state === 'failed')).toEqual([]);
    expect(findings).toContainEqual(expect.objectContaining({ check: 'orphans', state: 'ok' }));
  },
  (SECONDS + 185) * 1000,
);
