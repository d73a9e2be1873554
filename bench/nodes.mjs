/**
 * The part of a run about several nodes on one machine: what a call costs with more of them, what passing it on adds, how often the store is
 * asked, how long it takes until another node goes on, and very many sessions. It needs redis-server. Nothing is pinned to a core: nodes and
 * the load generator share what there is.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, fetch } from 'undici';
import { rss, tree } from './memory.mjs';
import { ask, end, freePort, sleep, start, startLoad, startTarget } from './processes.mjs';
import { maxFiles } from './sessions.mjs';
import { gateway, here } from './targets.mjs';

const GOALS = { forwardedMs: 1, takeoverMs: 3000, pacedMs: 20 };
const CHILD = { command: process.execPath, args: [join(here, 'child.mjs')], isolation: 'shared' };
const READY = /http:\/\/127\.0\.0\.1:\d+\/mcp/;
const COMMON = ['--rate-limit', 'unlimited', '--connect-rate-limit', 'unlimited'];
const LIMITS = ['--address-rate-limit', 'unlimited', '--max-connections', '100000', '--log-level', 'error'];
const BUSY = { clients: 100, inflight: 4 };
/** Three nodes that start at a time take a while on two cores. */
const START_MS = 60_000;
const TRIES = 3;
/** That are open when a node is killed. */
const SESSIONS = 8;
const SPARE_FILES = 1500;
const EVERY_MS = 10_000;
const say = (text) => process.stderr.write(`nodes: ${text}\n`);

export const hasRedis = () => spawnSync('redis-server', ['--version']).status === 0;

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const count = (value) => Math.round(value).toLocaleString('en-US');
const ms = (value) => String(Number(value.toPrecision(3)));

async function order(load, message) {
  const answer = await ask(load, message, 300_000);
  if (answer.error) throw new Error(answer.error);
  return answer;
}

class Redis {
  static async start() {
    const port = await freePort();
    const redis = new Redis();
    redis.port = Number(port);
    const args = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    redis.child = start(['redis-server', ...args], ['ignore', 'pipe', 'inherit']);
    await new Promise((resolve, reject) => {
      redis.child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)));
      redis.child.stdout.on('data', (chunk) => chunk.includes('Ready to accept connections') && resolve());
    });
    return redis;
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  async #info(section) {
    const socket = connect(this.port, '127.0.0.1').on('error', () => {});
    socket.end(`INFO ${section}\r\n`);
    let text = '';
    for await (const chunk of socket) text += chunk;
    return text;
  }

  /** Bytes that it uses. */
  async memory() {
    return Number(/^used_memory:(\d+)/m.exec(await this.#info('memory'))?.[1]);
  }

  /** Commands that it has carried out, those of scripts and not this one among them. */
  async commands() {
    const all = [...(await this.#info('commandstats')).matchAll(/^cmdstat_([\w|]+):calls=(\d+)/gm)];
    return all.reduce((sum, [, name, calls]) => sum + (name === 'info' ? 0 : Number(calls)), 0);
  }
}

/** What was started for one measurement, and ends with it. */
class Setup {
  #ended = [];
  folder = mkdtempSync(join(tmpdir(), 'switchboard-bench-'));

  async redis() {
    this.store = await Redis.start();
    this.#ended.push(this.store.child);
    this.keyFile = join(this.folder, 'key');
    writeFileSync(this.keyFile, randomBytes(48).toString('base64'), { mode: 0o600 });
    return this.store;
  }

  /** Each has a process of the server, unless all are to share one. */
  async #serve(flags, { placement = 'each', ...options } = {}) {
    const config = join(this.folder, `${placement}.json`);
    writeFileSync(config, JSON.stringify({ upstreams: { default: { ...CHILD, placement } } }));
    const args = [gateway, 'serve', '--port', '0', '--config', config, ...COMMON, ...LIMITS, ...flags];
    const target = { key: 'nodes', args: () => [args], ready: READY };
    const running = await startTarget(target, { pin: false, patienceMs: START_MS, ...options });
    this.#ended.push(running.child);
    return running;
  }

  alone = (options) => this.#serve(['--store', 'memory'], options);

  async workers(n, options) {
    const running = await this.#serve(['--workers', String(n)], options);
    // The port is served as soon as one of them is there.
    const metrics = new URL('/metrics', running.url);
    const isThere = async (name) => (await (await fetch(metrics)).text()).includes(`node="worker-${name}"`);
    for (let each = 1; each <= n; each++) while (!(await isThere(each))) await sleep(100);
    return running;
  }

  node(name, options) {
    const cluster = ['--store', this.store.url, '--cluster-key-file', this.keyFile, '--peer-listen', '127.0.0.1:0'];
    return this.#serve([...cluster, '--node-name', name], options);
  }

  load(link, more) {
    const load = startLoad({ link }, more, { pin: false });
    this.#ended.push(load);
    return load;
  }

  async end() {
    for (const child of this.#ended.toReversed()) await end(child);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function withSetup(measure) {
  const setup = new Setup();
  try {
    return await measure(setup);
  } finally {
    await setup.end();
  }
}

const pidsOf = (all) => all.map(({ pid }) => pid);
const withRedis = (n, options) => async (setup) => {
  await setup.redis();
  return Promise.all(['a', 'b', 'c'].slice(0, n).map((name) => setup.node(name, options)));
};
const WAYS = [
  ['one process', (setup) => setup.alone().then((one) => [one])],
  ['1 node with Redis', withRedis(1)],
  ['2 nodes', withRedis(2)],
  ['3 nodes', withRedis(3)],
  ['2 nodes that share the process of the server', withRedis(2, { placement: 'one' })],
  ['`--workers 2`', (setup) => setup.workers(2).then((one) => [one])],
];

/** Calls of sessions at the nodes that have them. Each client has connections of its own. */
async function measureWays(options) {
  const rows = [];
  for (const [name, startAll] of WAYS) {
    await withSetup(async (setup) => {
      say(name);
      const nodes = await startAll(setup);
      const row = { name, ws: [], http: [] };
      const urls = nodes.map(({ url }) => url);
      for (const link of ['ws', 'http']) {
        const own = link === 'ws' ? urls.map((url) => url.replace('http', 'ws')) : urls;
        const load = setup.load(link, { urls: own, pids: pidsOf(nodes), quiet: true, own: true });
        await order(load, { order: 'open', max: BUSY.clients });
        const run = { order: 'run', ...BUSY, size: 100 };
        await order(load, { ...run, name: 'warm-up', warm: 0, measure: options.firstWarm });
        const before = await setup.store?.commands();
        let answers = 0;
        const began = performance.now();
        for (let round = 0; round < options.rounds; round++) {
          const answer = await order(load, { ...run, name: link, warm: options.warm, measure: options.measure });
          row[link].push(answer);
          answers += answer.answers;
        }
        if (setup.store !== undefined) {
          const [took, asked] = [performance.now() - began, (await setup.store.commands()) - before];
          const idle = await setup.store.commands();
          await sleep(options.idle);
          const beats = (((await setup.store.commands()) - idle) * took) / options.idle;
          row.asked = Math.max(row.asked ?? 0, (asked - beats) / answers);
        }
        await order(load, { order: 'close' });
      }
      rows.push(row);
    });
  }
  return rows;
}

/** The same calls of one client at the node that has its session, and by way of another, in turns. */
const measureForward = (options) =>
  withSetup(async (setup) => {
    say('a call that is passed on');
    await setup.redis();
    const [a, b] = await Promise.all(['a', 'b'].map((name) => setup.node(name)));
    const pids = pidsOf([a, b]);
    const ways = {
      here: setup.load('http', { urls: [a.url], pids, quiet: true }),
      elsewhere: setup.load('http', { urls: [a.url], vias: [b.url], pids, quiet: true }),
    };
    const found = { here: [], elsewhere: [], busyHere: [], busyElsewhere: [] };
    for (const load of Object.values(ways)) await order(load, { order: 'open', max: BUSY.clients });
    const run = { order: 'run', size: 100, clients: 1, inflight: 1, warm: options.warm, measure: options.measure };
    for (let round = -1; round < options.rounds; round++) {
      for (const [name, load] of Object.entries(ways)) {
        const alone = await order(load, { ...run, name: `${name} ${round}` });
        const busy = await order(load, { ...run, ...BUSY, name: `busy ${name} ${round}` });
        if (round < 0) continue;
        found[name].push(alone);
        found[name === 'here' ? 'busyHere' : 'busyElsewhere'].push(busy);
      }
    }
    return found;
  });

const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
const clientInfo = { name: 'bench', version: '1.0.0' };
const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };

/** Each request on a connection of its own. */
async function post(url, session, method, of) {
  const dispatcher = new Agent({ connections: 1 });
  try {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: of });
    const id = session === undefined ? {} : { 'mcp-session-id': session };
    const answer = await fetch(url, { method: 'POST', headers: { ...headers, ...id }, body, dispatcher });
    await answer.text();
    return answer;
  } finally {
    await dispatcher.close();
  }
}

async function open(url) {
  const answer = await post(url, undefined, 'initialize', params);
  return answer.headers.get('mcp-session-id');
}

/** From the kill of a process that has some of these sessions until all of them are served again. */
async function takeover(url, pid, sessions) {
  // What a session is rebuilt from is written a moment later.
  await sleep(500);
  process.kill(pid, 'SIGKILL');
  const began = performance.now();
  const waiting = new Set(sessions);
  while (performance.now() - began < 4 * GOALS.takeoverMs) {
    for (const session of waiting) {
      const status = await post(url, session, 'tools/list', {}).then(
        (answer) => answer.status,
        () => 0,
      );
      if (status === 200) waiting.delete(session);
    }
    if (waiting.size === 0) return performance.now() - began;
    await sleep(10);
  }
  throw new Error(`nobody went on with ${waiting.size} of ${sessions.length} sessions`);
}

async function measureTakeovers() {
  const found = { nodes: [], workers: [] };
  for (let round = 0; round < TRIES; round++) {
    say(`takeover, round ${round + 1} of ${TRIES}`);
    await withSetup(async (setup) => {
      await setup.redis();
      const [a, b] = await Promise.all(['a', 'b'].map((name) => setup.node(name)));
      const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => open(a.url)));
      found.nodes.push(await takeover(b.url, a.pid, sessions));
    });
    await withSetup(async (setup) => {
      const all = await setup.workers(2);
      // Connections are spread over the workers, so that each has some.
      const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => open(all.url)));
      const [worker] = tree(all.pid).filter(({ parent }) => parent === all.pid);
      found.workers.push(await takeover(all.url, worker.pid, sessions));
    });
  }
  return found;
}

/** What very many sessions take in Redis, and how fast calls are answered while each makes one every 10 s. */
const measureMany = (options) =>
  withSetup(async (setup) => {
    const { paced: sessions } = options;
    say(`${sessions} sessions in use`);
    const redis = await setup.redis();
    const node = await setup.node('a');
    const load = setup.load('http', { url: node.url, pid: node.pid, quiet: true });
    await order(load, { order: 'open', max: 50 });
    await sleep(500);
    const empty = await redis.memory();
    const opening = await order(load, { order: 'open', max: sessions, ms: 120_000, workers: 50 });
    await sleep(500);
    const bytes = (await redis.memory()) - empty;
    await order(load, { order: 'pace', everyMs: EVERY_MS, measure: options.firstWarm });
    const paced = await order(load, { order: 'pace', everyMs: EVERY_MS, measure: options.pacedMs });
    return { sessions: opening.opened, rate: opening.rate, bytesEach: bytes / (opening.opened - 50), paced };
  });

async function kept(pid) {
  for (let i = 0; i < 2; i++) {
    for (const { pid: each } of tree(pid).filter(({ parent }) => parent === pid)) process.kill(each, 'SIGUSR2');
    await sleep(500);
  }
  return rss(pid);
}

/** Very many WebSockets, over as many workers and load generators as the open files of a process demand, from several addresses. */
const measureWebSockets = (wanted) =>
  withSetup(async (setup) => {
    const room = Math.min(maxFiles() - SPARE_FILES, 20_000);
    const [workers, loads] = [Math.max(2, Math.ceil(wanted / room)), Math.ceil(wanted / room)];
    say(`${wanted} WebSockets over ${workers} workers`);
    const all = await setup.workers(workers, { collectable: true });
    const url = all.url.replace('http', 'ws');
    const first = setup.load('ws', { url, pid: all.pid });
    await order(first, { order: 'open', max: 25 * workers });
    await order(first, { order: 'close' });
    const idle = await kept(all.pid);
    const began = performance.now();
    const generators = Array.from({ length: loads }, (_, nth) => {
      const addresses = Array.from({ length: 8 }, (_each, index) => `127.0.${nth + 1}.${index + 1}`);
      return setup.load('ws', { url, pid: all.pid, addresses });
    });
    const max = Math.ceil(wanted / loads);
    const opened = await Promise.all(
      generators.map((load) => order(load, { order: 'open', max, ms: 240_000, workers: 25 })),
    );
    const sum = opened.reduce((total, each) => total + each.opened, 0);
    const rate = sum / ((performance.now() - began) / 1000);
    const bytesEach = ((await kept(all.pid)) - idle) / sum;
    const run = { order: 'run', name: 'calls', clients: 100, inflight: 1, size: 100, warm: 500, measure: 2000 };
    const calls = await order(generators[0], run);
    return { wanted, workers, opened: sum, rate, bytesEach, p99: Math.max(...opened.map(({ p99 }) => p99)), calls };
  });

export async function nodes(options) {
  const [load] = loadavg();
  const rows = await measureWays(options);
  const forward = await measureForward(options);
  const takeovers = await measureTakeovers();
  const many = await measureMany(options);
  const sockets = options.websockets > 0 ? await measureWebSockets(options.websockets) : undefined;
  return { rows, forward, takeovers, many, sockets, load };
}

const text = (cells) => `| ${cells.join(' | ')} |`;
const typical = (rounds, of) => median(rounds.map(of));
const cpuOf = ({ cpuMs, answers }) => (cpuMs * 1000) / answers;
const verdict = (value, goal) => `${ms(value)} ms (goal under ${goal} ms${value < goal ? '' : ', **missed**'})`;

function totals({ rows, forward, many, sockets }) {
  const all = [
    ...rows.flatMap(({ ws, http }) => [ws.at(-1), http.at(-1)]),
    forward.busyHere.at(-1),
    forward.busyElsewhere.at(-1),
    many.paced,
    ...(sockets === undefined ? [] : [sockets.calls]),
  ];
  const sum = (key) => all.reduce((total, { counts }) => total + counts[key], 0);
  return ['crossed', 'lost', 'twice', 'failed'].map(sum).join(' / ');
}

export function nodesTable(found) {
  const { rows, forward, takeovers, many, sockets, load } = found;
  const cell = (rounds) =>
    `${count(typical(rounds, ({ rate }) => rate))} (${ms(typical(rounds, ({ p50 }) => p50))} / ${ms(typical(rounds, ({ p99 }) => p99))})`;
  const columns = [
    '100 clients, 4 calls in flight each',
    'WebSocket: calls/s (p50 / p99 ms)',
    'µs CPU a call',
    'HTTP: calls/s (p50 / p99 ms)',
    'µs CPU a call',
    'commands of Redis a call',
  ];
  const p50 = (rounds) => typical(rounds, (round) => round.p50);
  const added = median(forward.elsewhere.map((round, index) => round.p50 - forward.here[index].p50));
  const { paced } = many;
  return [
    [
      text(columns),
      text(columns.map((_, index) => (index === 0 ? '---' : '--:'))),
      ...rows.map(({ name, ws, http, asked }) =>
        text([
          name,
          cell(ws),
          ms(typical(ws, cpuOf)),
          cell(http),
          ms(typical(http, cpuOf)),
          asked === undefined ? '–' : String(Math.max(0, Number(asked.toFixed(4)))),
        ]),
      ),
    ].join('\n'),
    [
      `- one call alone takes ${ms(p50(forward.here))} ms at p50 at the node that has its session, and ${ms(p50(forward.elsewhere))} ms by way of another one: ${verdict(added, GOALS.forwardedMs)} more`,
      `- when all calls are passed on, one takes ${ms(typical(forward.busyElsewhere, cpuOf))} µs CPU in both nodes together; ${ms(typical(forward.busyHere, cpuOf))} µs without`,
      `- a session goes on at another node ${verdict(median(takeovers.nodes), GOALS.takeoverMs)} after its node was killed, at another worker ${verdict(median(takeovers.workers), GOALS.takeoverMs)} after one was killed; the slowest of ${TRIES}: ${ms(Math.max(...takeovers.nodes))} and ${ms(Math.max(...takeovers.workers))} ms`,
      `- ${count(many.sessions)} sessions over HTTP, opened at ${count(many.rate)} a second, take ${ms(many.bytesEach / 1000)} KB of Redis each`,
      `- while each of them makes a call every ${EVERY_MS / 1000} s (${count(paced.answers)} calls), p50 is ${ms(paced.p50)} ms and p99 ${verdict(paced.p99, GOALS.pacedMs)}`,
      ...(sockets === undefined
        ? []
        : [
            `- ${count(sockets.opened)} of ${count(sockets.wanted)} WebSockets are open over ${sockets.workers} workers; they came in at ${count(sockets.rate)} a second (p99 ${ms(sockets.p99)} ms), and keep ${ms(sockets.bytesEach / 1000)} KB each. 100 of them make ${count(sockets.calls.rate)} calls/s then (p99 ${ms(sockets.calls.p99)} ms)`,
          ]),
      `- crossed / lost / twice / failed: ${totals(found)}`,
    ].join('\n'),
    `When the run began, ${ms(load)} processes wanted the ${availableParallelism()} cores: where that is more than one or two, others were measured too.`,
  ].join('\n\n');
}
