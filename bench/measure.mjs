/** The two parts of a run: calls (all targets alive, rounds alternate between them) and sessions (one at a time). */
import { rss } from './memory.mjs';
import { ask, end, sleep, startLoad, startTarget } from './processes.mjs';

/** `sent` is the size of the request's text where it is not small; the sizes are those of both ways then. */
export const workloads = [
  { name: '1×1', clients: 1, inflight: 1, size: 100 },
  { name: '10×1', clients: 10, inflight: 1, size: 100 },
  { name: '100×1', clients: 100, inflight: 1, size: 100 },
  { name: '100×4', clients: 100, inflight: 4, size: 100 },
  { name: '1000×1', clients: 1000, inflight: 1, size: 100 },
  { name: '10 KB', clients: 10, inflight: 1, size: 10 * 1024, sent: 10 * 1024 },
  { name: '1 MiB', clients: 10, inflight: 1, size: 1024 * 1024, sent: 1024 * 1024 },
];
/** The one that keeps every target busiest. */
export const BUSIEST = '100×4';
const MANY_CLIENTS = 1000;
const OWN_CLIENTS = 10;
const say = (text) => process.stderr.write(`${text}\n`);

export const clientsOf = (target) => (target.link === 'pipe' ? 1 : target.own ? OWN_CLIENTS : MANY_CLIENTS);

function fail(row, error) {
  row.error ??= error.message;
  say(`${row.key}: ${error.message}`);
}

async function up(target, row, options) {
  const running = { target, row };
  try {
    running.process = await startTarget(target, options);
    running.load = startLoad(target, running.process);
    if (running.process.readyMs) row.readyMs.push(running.process.readyMs);
  } catch (error) {
    fail(row, error);
  }
  return running;
}

async function down({ load, process: target }) {
  if (load?.connected) await ask(load, { order: 'close' }, 5000).catch(() => {});
  await Promise.all([end(load), end(target?.child)]);
}

async function order(running, message) {
  if (running.row.error) return undefined;
  try {
    const answer = await ask(running.load, message);
    if (answer.counts) running.row.counts[running.part] = answer.counts;
    if (answer.error) throw new Error(answer.error);
    return answer;
  } catch (error) {
    fail(running.row, error);
    return undefined;
  }
}

async function callOnce(running, workload, { warm, measure }, keep) {
  const clients = running.target.own ? Math.min(workload.clients, OWN_CLIENTS) : workload.clients;
  const answer = await order(running, { order: 'run', ...workload, clients, warm, measure });
  if (!answer || !keep) return;
  const cell = (running.row.calls[workload.name] ??= { rates: [], cpuMicros: [], loadBusy: [] });
  cell.rates.push(answer.rate);
  cell.loadBusy.push(answer.loadBusy);
  if (answer.answers > 0) cell.cpuMicros.push((answer.cpuMs * 1000) / answer.answers);
  cell.p50 = answer.p50;
  cell.p99 = answer.p99;
}

export async function calls(targets, rows, options) {
  const all = [];
  try {
    for (const target of targets) {
      const running = await up(target, rows.get(target.key));
      running.part = 'calls';
      all.push(running);
      await order(running, { order: 'open', max: clientsOf(target) });
      const busiest = workloads.find(({ name }) => name === BUSIEST);
      await callOnce(running, { ...busiest, name: 'warm-up' }, { warm: 0, measure: options.firstWarm }, false);
    }
    for (let round = 0; round < options.rounds; round++) {
      say(`calls, round ${round + 1} of ${options.rounds}`);
      const turn = round % 2 === 0 ? all : all.toReversed();
      for (const workload of workloads) for (const running of turn) await callOnce(running, workload, options, true);
    }
  } finally {
    await Promise.all(all.map(down));
  }
}

/** What the tree holds once garbage is gone: idle heaps grow by tens of MB from opening sessions alone. */
async function kept(pid) {
  for (let i = 0; i < 2; i++) {
    process.kill(pid, 'SIGUSR2');
    await sleep(250);
  }
  return rss(pid);
}

async function sessionsOnce(target, row, options) {
  const running = await up(target, row, { collectable: true });
  running.part = `sessions ${row.sessions.length + 1}`;
  try {
    const most = target.own ? options.ownSessions : options.sessions;
    await order(running, { order: 'open', max: target.own ? 2 : 50 });
    await order(running, { order: 'close' });
    if (row.error) return;
    const idle = await kept(running.process.pid);
    const answer = await order(running, { order: 'open', max: most, ms: options.opening });
    if (!answer) return;
    const held = (await kept(running.process.pid)) - idle;
    const { rate, p50, p99, opened } = answer;
    row.sessions.push({ rate, p50, p99, opened, bytesEach: held / opened });
  } catch (error) {
    fail(row, error);
  } finally {
    await Promise.all([end(running.load), end(running.process?.child)]);
  }
}

export async function sessions(targets, rows, options) {
  for (let round = 0; round < options.sessionRounds; round++) {
    say(`sessions, round ${round + 1} of ${options.sessionRounds}`);
    for (const target of targets.filter(({ args, link }) => args && link !== 'modern')) {
      const row = rows.get(target.key);
      if (!row.error) await sessionsOnce(target, row, options);
    }
  }
}
