// Three nodes behind a balancer under load, while one kind of fault comes again and again; counts what clients see:
//   node scripts/cluster-faults.mjs --fault kill|stop|redis|empty|cut|rolling [--minutes 3] [--clients 200] [--seed 1]
//                                   [--balancer haproxy|nginx] [--every 15] [--think 500] [--own 4] [--log FILE]
// kill: a node is ended by SIGKILL and started again. stop: a node hangs for 30 s. redis: Redis is killed and is back after 5 s, with what
// it had; empty: without it. cut: a node does not reach Redis for 15 s, but clients and the other nodes do reach it. rolling: a node is taken
// out of the balancer, drained, and started again; no call may fail but those of sessions with a server of their own. none: no fault, to
// compare with.
// It fails when an answer or a message reaches somebody else, comes twice or out of order, when a call is made twice, or neither answered nor
// failed, or after a kill not within 2 s, when a session that can move is lost, when a WebSocket misses what a fault does not explain, and when
// a session or a process is left at the end.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { startBalancer } from './cluster/balancer.mjs';
import { Ledger } from './cluster/ledger.mjs';
import { ClusterNode, Line, Redis } from './cluster/nodes.mjs';
import { RemoteServer } from './cluster/remote-server.mjs';
import { makeReady, root } from './ready.mjs';

makeReady();
const { TIMED_OUT, makeClient } = await import('./cluster/clients.mjs');

const { values } = parseArgs({
  options: {
    fault: { type: 'string', default: 'kill' },
    minutes: { type: 'string', default: '3' },
    clients: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    balancer: { type: 'string', default: 'haproxy' },
    every: { type: 'string', default: '15' },
    think: { type: 'string', default: '500' },
    own: { type: 'string', default: '4' },
    log: { type: 'string' },
  },
});
const [minutes, clients, seed, every, thinkMs, own] = ['minutes', 'clients', 'seed', 'every', 'think', 'own'].map(
  (name) => {
    const value = Number(values[name]);
    if (!(value >= 0)) throw new Error(`--${name} is a number, not ${values[name]}`);
    return value;
  },
);

/** Between two numbers that a client is told. */
const TELL_MS = 100;
/** How long the load runs before the first fault, and how long clients may take to end and nodes to forget them. */
const SETTLE_MS = 3000;
const END_MS = 40_000;
const STOPPED_MS = 30_000;
const CUT_MS = 15_000;
const AWAY_MS = 5000;
const NAMES = ['a', 'b', 'c'];
const ISOLATIONS = ['remote', 'shared', 'pool'];

/** Numbers from 0 to below 1 that are the same for the same seed. */
function seeded(state) {
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
const choose = seeded(seed);

const folder = mkdtempSync(join(tmpdir(), 'switchboard-faults-'));
const reachedFile = join(folder, 'reached');
writeFileSync(reachedFile, '');
const remote = await RemoteServer.start({ everyMs: TELL_MS });
const config = join(folder, 'config.json');
const counting = { command: process.execPath, args: [join(root, 'scripts/cluster/counting-server.mjs'), reachedFile] };
const upstreams = {
  remote: { url: remote.url },
  shared: { ...counting, isolation: 'shared' },
  pool: { ...counting, isolation: 'pool', members: 2 },
  own: { ...counting, isolation: 'session' },
};
writeFileSync(config, JSON.stringify({ upstreams, allowPrivateUpstreams: true }));

const redis = await Redis.start({ keeps: values.fault === 'redis' });
const lines = await Promise.all(NAMES.map(() => Line.to(redis.port)));
const flags = [
  '--rate-limit',
  'unlimited',
  '--connect-rate-limit',
  'unlimited',
  '--max-connections',
  '2000',
  '--resume-window',
  '30s',
];
const nodes = await Promise.all(
  NAMES.map((name, nth) =>
    ClusterNode.create({
      name,
      store: lines[nth].port,
      args: ['--config', config, ...flags, '--log-level', values.log === undefined ? 'error' : 'info'],
      logFile: values.log,
    }),
  ),
);
await Promise.all(nodes.map((node) => node.start()));
const balancer = await startBalancer(
  values.balancer,
  nodes.map(({ port }) => port),
);

const ledger = new Ledger();
const anyNode = () => nodes[Math.floor(choose() * nodes.length)];
async function nodesSeeEachOther() {
  for (const node of nodes) {
    while ((await node.seen().catch(() => [])).join() !== NAMES.join()) await pause(100);
  }
}

const FAULTS = {
  none: () => pause(0),
  async kill() {
    const node = anyNode();
    await node.end('SIGKILL');
    await node.start();
  },
  async stop() {
    const node = anyNode();
    node.signal('SIGSTOP');
    await pause(STOPPED_MS);
    node.signal('SIGCONT');
  },
  async redis() {
    await redis.end('SIGKILL');
    await pause(AWAY_MS);
    await redis.start();
  },
  async empty() {
    await redis.end('SIGKILL');
    await pause(AWAY_MS);
    await redis.start();
  },
  async cut() {
    const line = lines[nodes.indexOf(anyNode())];
    line.cut();
    await pause(CUT_MS);
    line.mend();
  },
  async rolling() {
    for (const [nth, node] of nodes.entries()) {
      await balancer.setUsed(nth, false);
      await node.ask('POST', '/drain', {});
      const code = await node.exit;
      if (code !== 0) ledger.report(`node ${node.name} ended with ${String(code)}`);
      await node.start();
      await nodesSeeEachOther();
      await balancer.setUsed(nth, true);
    }
  },
};
if (!Object.hasOwn(FAULTS, values.fault)) {
  throw new Error(`--fault is one of ${Object.keys(FAULTS).join(', ')}, not ${values.fault}`);
}

const load = { isOn: true };
await nodesSeeEachOther();
const working = Array.from({ length: clients }, (_, nth) => {
  const upstream = nth < own ? 'own' : ISOLATIONS[nth % ISOLATIONS.length];
  const url = `http://127.0.0.1:${balancer.port}/mcp/${upstream}`;
  const isMovable = upstream !== 'own';
  return makeClient(nth, { url, isMovable, ledger, random: seeded(seed + nth), thinkMs, told: remote.told }).run(load);
});
await pause(SETTLE_MS);
const end = performance.now() + minutes * 60_000;
while (performance.now() < end) {
  const next = performance.now() + every * 1000;
  const fault = ledger.begin();
  await FAULTS[values.fault]();
  await nodesSeeEachOther();
  fault.to = performance.now();
  await pause(Math.max(0, next - performance.now()));
}
load.isOn = false;
const isOver = await Promise.race([Promise.all(working).then(() => true), pause(END_MS, false)]);
if (!isOver) ledger.report('clients did not come to their end');

/** What a node still has of clients that have left. */
async function leftAt(node) {
  const { clients: open, requests, parked } = await node.ask('GET', '/status');
  return open + requests + parked;
}
let left = 0;
for (const until = performance.now() + END_MS; performance.now() < until; await pause(200)) {
  left = (await Promise.all(nodes.map(leftAt))).reduce((sum, each) => sum + each, 0);
  if (left === 0) break;
}

// What is written behind is written.
await pause(SETTLE_MS);
const counted = new Map(remote.reached);
for (const text of readFileSync(reachedFile, 'utf8').split('\n').filter(Boolean)) {
  counted.set(text, (counted.get(text) ?? 0) + 1);
}
const repeated = [...counted].filter(([, count]) => count > 1).map(([text]) => text);
const { answered, failed, crossed, doubled, disordered, lost, begunAgain, told, missed, unexplained, dropped } = ledger;
const { wrong, waitsMs, late, failedMovable } = ledger;
const facts = { fault: values.fault, faults: ledger.faults.length, clients, minutes, seed, balancer: values.balancer };
const calls = { answered, failed, failedMovable, repeated: repeated.length, waitsMs, late };
const messages = { crossed, doubled, disordered, told, missed, unexplained, dropped };
const kept = { left, keys: await keys() };
if (left > 0) console.log(`left: ${JSON.stringify(await nodes[0].ask('GET', '/sessions'))}`);
await balancer.stop();
await Promise.all(nodes.map((node) => node.end('SIGTERM')));
const processes = await processesLeft();
console.log(JSON.stringify({ ...facts, ...calls, ...messages, lost, begunAgain, ...kept, processes }));
for (const text of repeated.slice(0, 5)) console.log(`made twice: ${text}`);

// No balancer takes back what it has sent to a node that hangs.
if (values.fault !== 'stop' && TIMED_OUT in failed) ledger.report('calls were neither answered nor failed');
// That a node was killed is known sooner than its lease ends.
if (values.fault === 'kill' && Object.keys(late).length > 0) ledger.report('calls waited for more than 2 s');
// A session with a server of its own ends with its node.
const isFailed = values.fault === 'rolling' && Object.keys(failedMovable).length > 0;
for (const each of wrong) console.log(`wrong: ${each}`);
const bad = crossed + doubled + disordered + unexplained + repeated.length + lost + left + processes + wrong.length;
await redis.close();
for (const line of lines) line.close();
remote.close();
rmSync(folder, { recursive: true, force: true });
process.exit(bad > 0 || isFailed || !isOver ? 1 : 0);

/** How many of the servers' processes are there, some time after all nodes have ended. */
async function processesLeft() {
  const running = () =>
    readdirSync('/proc').filter((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(reachedFile);
      } catch {
        // It has ended meanwhile.
        return false;
      }
    });
  for (const until = performance.now() + END_MS; performance.now() < until; await pause(200)) {
    if (running().length === 0) break;
  }
  return running().length;
}

/** How many keys the store has, by their kinds. */
async function keys() {
  const all = (await redis.ask('KEYS', '*')).split('\r\n').filter((line) => line.startsWith('switchboard:'));
  const kinds = all.map(
    (key) => key.split(':')[1] + (key.startsWith('switchboard:fact:') ? ` ${key.split(/[: ]/)[2]}` : ''),
  );
  return Object.fromEntries([...new Set(kinds)].map((kind) => [kind, kinds.filter((each) => each === kind).length]));
}
