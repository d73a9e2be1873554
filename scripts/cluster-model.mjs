// What a cluster asks of its store, and how far that carries: measures the operations of each event at a real Redis, and computes from that
// what 100 nodes and a million sessions need, second by second, while nodes die and are replaced.
//   node scripts/cluster-model.mjs [--sessions 1000000] [--nodes 100] [--seconds 900] [--seed 1] [--measured FILE]
// --measured reads what a former run has printed, and measures nothing.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { WebSocket } from 'ws';

import { ClusterNode, Redis } from './cluster/nodes.mjs';
import { RemoteServer } from './cluster/remote-server.mjs';
import { makeReady, root } from './ready.mjs';

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '1000000' },
    nodes: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '900' },
    seed: { type: 'string', default: '1' },
    measured: { type: 'string' },
  },
});

/** What a node asks for itself; all else that Redis counts is inside of a script. */
const OWN = ['evalsha', 'eval', 'get', 'getdel', 'mget', 'zrange', 'scan', 'publish'];
/** How often each event is measured, and how long it is waited for what is written behind. */
const TIMES = 100;
const BEHIND_MS = 400;
const LEASE_MS = 3000;

const measured = values.measured === undefined ? await measure() : JSON.parse(readFileSync(values.measured, 'utf8'));
console.log(JSON.stringify(measured, undefined, 1));
model(measured);

/** Operations and time of Redis, each event. */
async function measure() {
  makeReady();
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-model-'));
  const remote = await RemoteServer.start({ everyMs: 2 ** 31 - 1 });
  const config = join(folder, 'config.json');
  const upstreams = { remote: { url: remote.url } };
  writeFileSync(config, JSON.stringify({ upstreams, allowPrivateUpstreams: true }));
  const redis = await Redis.start();
  const atRest = await restOf(redis);
  const opUs = await costOfOne(redis);
  const args = ['--config', config, '--rate-limit', 'unlimited', '--connect-rate-limit', 'unlimited'];
  const create = (name) =>
    ClusterNode.create({ name, store: redis.port, args: [...args, '--max-connections', '5000'] });
  const [a, b] = await Promise.all(['a', 'b'].map(create));
  await Promise.all([a.start(), b.start()]);

  const look = async () => {
    const text = await redis.ask('INFO', 'everything');
    const all = [...text.matchAll(/^cmdstat_(\w+):calls=(\d+)/gm)].filter(([, name]) => OWN.includes(name));
    const ops = all.reduce((total, [, , calls]) => total + Number(calls), 0);
    const at = performance.now();
    return { ops, us: cpuUs(text) - (atRest * at) / 1000, at };
  };
  const results = { 'an operation, of many at once': { ops: 1, us: opUs } };
  let idle = { ops: 0, us: 0 };
  /** @param times how many events `work` makes. */
  const count = async (name, times, work, nodes = 2) => {
    const before = await look();
    await work();
    await pause(BEHIND_MS);
    const after = await look();
    const seconds = ((after.at - before.at) / 1000) * (nodes / 2);
    const each = (what) => Math.max(0, after[what] - before[what] - idle[what] * seconds) / times;
    results[name] = { ops: Number(each('ops').toFixed(2)), us: Number(each('us').toFixed(1)) };
    return results[name];
  };
  const rest = await count('idle of two nodes', 10, () => pause(10_000 - BEHIND_MS));
  idle = rest;
  delete results['idle of two nodes'];
  results['a node, each second, of 2'] = { ops: rest.ops / 2, us: rest.us / 2 };
  const addOthers = async () => {
    const { openStore } = await import(join(root, 'packages/switchboard/dist/index.js'));
    const store = await openStore(`redis://127.0.0.1:${redis.port}`);
    const record = {
      url: 'http://10.0.0.1:8766',
      version: '0.1.0',
      digest: 'x'.repeat(16),
      startedAt: 1,
      state: 'serving',
    };
    for (let nth = 0; nth < 98; nth++)
      await store.facts.put(`node other-${nth}`, { name: `n${nth}`, ...record }, 60_000);
    await store.close();
  };

  const at = ({ port }) => `http://127.0.0.1:${port}/mcp/remote`;
  const post = async (node, message, headers = {}) => {
    const answer = await fetch(at(node), {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    });
    await answer.text();
    return answer;
  };
  const clientInfo = { name: 'model', version: '1' };
  const initialize = {
    id: 0,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo },
  };
  const initialized = { method: 'notifications/initialized' };
  const call = (id) => ({ id, method: 'tools/call', params: { name: 'count', arguments: { text: `${id}`, ms: 0 } } });
  const sessions = [];
  await count('a session over HTTP: opened', TIMES, async () => {
    for (let nth = 0; nth < TIMES; nth++) {
      const { headers } = await post(a, initialize);
      const session = { 'mcp-session-id': headers.get('mcp-session-id') };
      await post(a, initialized, session);
      sessions.push(session);
    }
  });
  const inTurn = async (work) => {
    for (const [nth, session] of sessions.entries()) await work(session, nth + 1);
  };
  await count('a session over HTTP: a call at its node', TIMES, () =>
    inTurn((session, id) => post(a, call(id), session)),
  );
  await count('a session over HTTP: a call at another node', TIMES, () =>
    inTurn((session, id) => post(b, call(id), session)),
  );
  const level = { id: 'level', method: 'logging/setLevel', params: { level: 'info' } };
  await count('a session over HTTP: a change that is kept', TIMES, () => inTurn((session) => post(a, level, session)));

  const sockets = [];
  const openSocket = async (node, first) => {
    const socket = new WebSocket(at(node).replace('http', 'ws'), ['mcp.r1', 'mcp']);
    const client = { socket, received: 0, token: '', waiting: undefined };
    socket.on('message', (/** @type {Buffer} */ data) => {
      const message = JSON.parse(data.toString());
      if (message.params?.token !== undefined) client.token = message.params.token;
      if (!message.method?.startsWith('switchboard/ws/')) client.received++;
      client.waiting?.(message);
    });
    await once(socket, 'open');
    await says(client, first, ({ id, method }) => id === 0 || method === 'switchboard/ws/resumed');
    return client;
  };
  const says = (client, message, isAnswer) =>
    new Promise((resolve) => {
      client.waiting = (received) => isAnswer(received) && resolve(received);
      client.socket.send(JSON.stringify({ jsonrpc: '2.0', ...message }));
    });
  await count('a WebSocket: opened', TIMES, async () => {
    for (let nth = 0; nth < TIMES; nth++) {
      const client = await openSocket(a, initialize);
      client.socket.send(JSON.stringify({ jsonrpc: '2.0', ...initialized }));
      sockets.push(client);
    }
  });
  await count('a WebSocket: a call, confirmed late', TIMES, async () => {
    for (const client of sockets) await says(client, call(1), ({ id }) => id === 1);
  });
  await count('a WebSocket: a call, confirmed at once', TIMES, async () => {
    for (const client of sockets) {
      await says(client, call(2), ({ id }) => id === 2);
      client.socket.send(
        JSON.stringify({ jsonrpc: '2.0', method: 'switchboard/ws/ack', params: { h: client.received } }),
      );
    }
  });
  await count('a WebSocket: cut and resumed at its node', TIMES, () => resumeAll(a));
  async function resumeAll(node) {
    for (const [nth, old] of sockets.entries()) {
      old.socket.terminate();
      const params = { token: old.token, h: old.received, sent: 4, open: [] };
      const client = await openSocket(node, { method: 'switchboard/ws/resume', params });
      client.received += old.received;
      sockets[nth] = client;
    }
  }

  for (const { socket } of sockets) socket.on('error', () => {});
  await a.end('SIGKILL');
  await pause(2 * LEASE_MS);
  await count(
    'a session over HTTP: taken over from a node that is gone',
    TIMES,
    () => inTurn((session, id) => post(b, call(id), session)),
    1,
  );
  await count('a WebSocket: taken over from a node that is gone', TIMES, () => resumeAll(b), 1);
  await count(
    'a session over HTTP: ended',
    TIMES,
    async () => {
      for (const session of sessions) await fetch(at(b), { method: 'DELETE', headers: session });
    },
    1,
  );
  await count(
    'a WebSocket: ended',
    TIMES,
    async () => {
      for (const { socket } of sockets) socket.close(1000);
    },
    1,
  );
  idle = { ops: 0, us: 0 };
  await addOthers();
  const alone = await count('one of 100', 10, () => pause(10_000 - BEHIND_MS));
  delete results['one of 100'];
  results['a node, each second, of 100'] = alone;
  await b.end('SIGTERM');
  await redis.close();
  remote.close();
  rmSync(folder, { recursive: true, force: true });
  return results;
}

/** The processor time that Redis has used, with that for the network; the time that commands take counts others of this machine. */
function cpuUs(info) {
  const used = [...info.matchAll(/^used_cpu_(?:user|sys)_main_thread:([\d.]+)/gm)];
  return used.reduce((total, [, seconds]) => total + 1e6 * Number(seconds), 0);
}

/** What Redis uses each second for nobody. */
async function restOf(redis) {
  const before = cpuUs(await redis.ask('INFO', 'cpu'));
  await pause(5000);
  return (cpuUs(await redis.ask('INFO', 'cpu')) - before) / 5;
}

/** What the most frequent operation costs where many come at once, as they do when Redis is busy: one entry of a log. */
async function costOfOne(redis) {
  const { SCRIPTS } = await import(join(root, 'packages/switchboard/dist/stores/redis-scripts.js'));
  const sha = createHash('sha1').update(SCRIPTS.append).digest('hex');
  await redis.ask('SCRIPT', 'LOAD', SCRIPTS.append);
  const [count, portion] = [20_000, 500];
  const one = (nth) => {
    const words = ['EVALSHA', sha, '3', `model:entries:${nth}`, `model:log:${nth}`, 'model:lease:', '', '60000'];
    const all = [...words, '1', '1', '1', '0', `t${'x'.repeat(200)}`];
    return `*${all.length}\r\n${all.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
  };
  const before = cpuUs(await redis.ask('INFO', 'cpu'));
  const socket = connect(redis.port, '127.0.0.1');
  for (let at = 0; at < count; at += portion) {
    socket.write(Array.from({ length: portion }, (_, nth) => one(at + nth)).join(''));
    for (let answers = 0; answers < portion;) {
      const [chunk] = await once(socket, 'data');
      answers += chunk.toString().split('$2').length - 1;
    }
  }
  socket.destroy();
  const used = cpuUs(await redis.ask('INFO', 'cpu')) - before;
  await redis.ask('FLUSHALL');
  return Number((used / count).toFixed(1));
}

/** The same load as in the benchmark: a call each 10 s; sessions last half an hour, half of them are WebSockets, which are cut once an hour. */
function model(costs) {
  const [all, nodes, seconds] = [values.sessions, values.nodes, values.seconds].map(Number);
  let state = Number(values.seed);
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  /** How many of many independent events happen in this second. */
  const some = (mean) => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
  };
  const [http, sockets] = [all / 2, all / 2];
  const perNode = all / nodes;
  const [LIFE, CALL_EVERY, CUT_EVERY, AGAIN] = [1800, 10, 3600, 1800];
  const beat = costs['a node, each second, of 100'];
  // Each node reads the records of all.
  const lists = { ops: beat.ops, us: beat.us * (nodes / 100) };
  const { us } = costs['an operation, of many at once'];
  const cost = (name) => ({ ops: costs[name].ops, us: costs[name].ops * us });
  let waiting = [];
  const total = [];
  for (let second = 0; second < seconds; second++) {
    const events = [
      [nodes, lists],
      [some(http / LIFE), cost('a session over HTTP: opened')],
      [some(http / LIFE), cost('a session over HTTP: ended')],
      [some(http / LIFE), cost('a session over HTTP: a change that is kept')],
      [some(http / CALL_EVERY), cost('a session over HTTP: a call at another node')],
      [some(sockets / LIFE), cost('a WebSocket: opened')],
      [some(sockets / LIFE), cost('a WebSocket: ended')],
      [some(sockets / CALL_EVERY), cost('a WebSocket: a call, confirmed late')],
      [some(sockets / CUT_EVERY), cost('a WebSocket: cut and resumed at its node')],
      // Each record is written again after half its time.
      [some(all / AGAIN), { ops: 1, us }],
    ];
    // A node dies after a third of the time; from two thirds on all are replaced, one each two seconds.
    const isDeath = second === Math.round(seconds / 3);
    const isReplaced = second >= (seconds * 2) / 3 && second % 2 === 0 && (second - (seconds * 2) / 3) / 2 < nodes;
    if (isDeath || isReplaced)
      waiting.push({ http: perNode / 2, sockets: perNode / 2, since: second + LEASE_MS / 1000 });
    for (const each of waiting) {
      if (each.since > second) continue;
      const moved = Math.min(each.http, some(each.http / CALL_EVERY));
      const resumed = Math.min(each.sockets, some(each.sockets / 3));
      events.push([moved, cost('a session over HTTP: taken over from a node that is gone')]);
      events.push([resumed, cost('a WebSocket: taken over from a node that is gone')]);
      each.http -= moved;
      each.sockets -= resumed;
    }
    waiting = waiting.filter((each) => each.http + each.sockets > 1);
    const sum = (what) => events.reduce((so, [count, each]) => so + Math.max(0, count) * each[what], 0);
    total.push({ second, ops: sum('ops'), busy: sum('us') / 1e6 });
  }
  const part = (name, from, to) => {
    const some_ = total.slice(Math.round(from), Math.round(to));
    const mean = (what) => some_.reduce((sum, each) => sum + each[what], 0) / some_.length;
    const most = (what) => Math.max(...some_.map((each) => each[what]));
    return {
      phase: name,
      'operations/s': Math.round(mean('ops')),
      'at the most': Math.round(most('ops')),
      'Redis busy': `${Math.round(mean('busy') * 100)} %`,
      'busy at the most': `${Math.round(most('busy') * 100)} %`,
    };
  };
  console.log(`${nodes} nodes, ${all} sessions:`);
  console.table([
    part('quiet', 0, seconds / 3),
    part('a node dies', seconds / 3, seconds / 3 + 60),
    part('all nodes are replaced', (seconds * 2) / 3, (seconds * 2) / 3 + 2 * nodes + 10),
  ]);
}
