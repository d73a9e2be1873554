/**
 * The part of a run about many sessions: what opening one more costs, and a call, and memory, while ten to ten thousand are open;
 * and what one client that never reads costs the others.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { rss } from './memory.mjs';
import { ask, end, sleep, startLoad, startTarget } from './processes.mjs';
import { targets } from './targets.mjs';

const KEYS = ['ours-ws', 'ours-http'];
/** Sessions that make calls, and those that are opened one after the other, beside those that are open. */
const BUSY = 10;
const ONE_BY_ONE = 300;
const SPARE_FILES = 500;
const GOALS = { openingMs: 10, overheadMs: 5 };
const BESIDE = { size: 256 * 1024, everyMs: 100 };
const say = (text) => process.stderr.write(`${text}\n`);
const find = (key) => targets.find((target) => target.key === key);
/** Files that a process may have open; each session is one in the gateway and one in the load generator. */
export const maxFiles = () => Number(spawnSync('sh', ['-c', 'ulimit -Hn']).stdout ?? Number.NaN) || Infinity;

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const count = (value) => Math.round(value).toLocaleString('en-US');
const ms = (value) => String(Number(value.toPrecision(3)));

async function order(load, message) {
  const answer = await ask(load, message, 150_000);
  if (answer.error) throw new Error(answer.error);
  return answer;
}

async function kept(pid) {
  for (let i = 0; i < 2; i++) {
    process.kill(pid, 'SIGUSR2');
    await sleep(400);
  }
  return rss(pid);
}

async function measureLink(key, pipe, options) {
  const target = find(key);
  const rows = [];
  let running, load, holder;
  try {
    running = await startTarget(target, { collectable: true });
    load = startLoad(target, running);
    // Ten thousand sockets are work for their process too, which must not be measured.
    holder = startLoad(target, running);
    // The first sessions and calls compile the code.
    await order(load, { order: 'open', max: 50 });
    await order(load, { order: 'run', name: 'warm-up', clients: 50, inflight: 4, size: 100, warm: 0, measure: 1000 });
    await order(load, { order: 'close' });
    const idle = await kept(running.pid);
    for (const sessions of options.sessionCounts) {
      if (sessions + BUSY + ONE_BY_ONE + SPARE_FILES > maxFiles()) {
        say(`${key}: ${sessions} sessions need more open files than ${maxFiles()} (ulimit -n)`);
        continue;
      }
      say(`sessions, ${key}, ${sessions} open`);
      await order(holder, { order: 'open', max: sessions - BUSY, ms: 120_000 });
      await order(load, { order: 'open', max: BUSY });
      const bytesEach = ((await kept(running.pid)) - idle) / sessions;
      const opening = await order(load, { order: 'open', max: BUSY + ONE_BY_ONE, workers: 1 });
      const through = [];
      const direct = [];
      const run = { order: 'run', clients: BUSY, inflight: 1, size: 100, warm: options.warm, measure: options.measure };
      // Collecting garbage has thrown compiled code away.
      await order(load, { ...run, name: 'warm-up', warm: 0, measure: options.firstWarm });
      for (let round = 0; round < options.manyRounds; round++) {
        const named = { ...run, name: `10 of ${sessions}, round ${round}` };
        direct.push(await order(pipe, named));
        through.push(await order(load, named));
      }
      rows.push({ key, sessions, opening, bytesEach, through, direct });
      await order(load, { order: 'close' });
    }
  } finally {
    await Promise.all([end(load), end(holder), end(running?.child)]);
  }
  return rows;
}

/** The rate of 99 clients without a hundredth, with one that reads what it gets, and with one that does not; in turns. */
async function measureSlow(options) {
  const kinds = ['nobody', 'reads', 'never reads'];
  const found = Object.fromEntries(kinds.map((kind) => [kind, { rates: [], cpuMicros: [] }]));
  let running, load;
  try {
    running = await startTarget(find('ours-ws'));
    load = startLoad(find('ours-ws'), running);
    await order(load, { order: 'open', max: 99 });
    const run = { order: 'run', clients: 99, inflight: 1, size: 100 };
    await order(load, { ...run, name: 'warm-up', warm: 0, measure: options.firstWarm });
    for (let round = 0; round < options.rounds * 2; round++) {
      say(`slow reader, round ${round + 1} of ${options.rounds * 2}`);
      for (const kind of round % 2 === 0 ? kinds : kinds.toReversed()) {
        const beside = kind === 'nobody' ? undefined : { ...BESIDE, reads: kind === 'reads' };
        const { warm, measure } = options;
        const answer = await order(load, { ...run, name: kind, beside, warm, measure });
        found[kind].rates.push(answer.rate);
        found[kind].cpuMicros.push((answer.cpuMs * 1000) / answer.answers);
        Object.assign(found[kind], { p50: answer.p50, p99: answer.p99 });
      }
    }
  } finally {
    await Promise.all([end(load), end(running?.child)]);
  }
  return found;
}

/** @returns one row for each way in and number of sessions, and what the slow reader cost. */
export async function manySessions(options) {
  const [load] = loadavg();
  const pipe = startLoad(find('pipe'), { pid: undefined });
  try {
    await order(pipe, { order: 'open', max: 1 });
    const rows = [];
    for (const key of KEYS) rows.push(...(await measureLink(key, pipe, options)));
    return { rows, slow: await measureSlow(options), load };
  } finally {
    await end(pipe);
  }
}

const text = (cells) => `| ${cells.join(' | ')} |`;

/** The median of the rounds: one round in which the machine did something else as well does not count. */
const typical = (rounds, of) => median(rounds.map(of));
const overhead = ({ through, direct }, of) => median(through.map((round, i) => of(round) - of(direct[i])));
const p50 = (round) => round.p50;
const p99 = (round) => round.p99;

function line(row) {
  const { key, sessions, opening, bytesEach, through } = row;
  const { crossed, lost, twice, failed } = through.at(-1).counts;
  return [
    find(key).name,
    count(sessions),
    `${ms(opening.p50)} / ${ms(opening.p99)}`,
    `${count(typical(through, ({ rate }) => rate))} (${ms(typical(through, p50))} / ${ms(typical(through, p99))})`,
    `${ms(overhead(row, p50))} / ${ms(overhead(row, p99))}`,
    ms(typical(through, ({ cpuMs, answers }) => (cpuMs * 1000) / answers)),
    `${ms(bytesEach / 1000)} KB`,
    [crossed, lost, twice, failed].join(' / '),
  ];
}

export function sessionsTable({ rows, slow, load }) {
  const columns = [
    'target',
    'sessions open',
    'opening one, ms',
    '10 busy: calls/s',
    'over the pipe, ms',
    'µs CPU a call',
    'memory a session',
    'crossed / lost / twice / failed',
  ];
  const table = [
    text(columns),
    text(columns.map((_, i) => (i === 0 ? '---' : '--:'))),
    ...rows.map((row) => text(line(row))),
  ];
  const worst = (of) => ms(Math.max(...rows.map(of)));
  const slowTable = [
    text(['99 clients beside one that', 'calls/s', 'p50 / p99, ms', 'µs CPU a call']),
    '| --- | --: | --: | --: |',
    ...Object.entries(slow).map(([kind, { rates, p50, p99, cpuMicros }]) =>
      text([
        kind === 'nobody' ? 'is not there' : `${kind} its results`,
        count(median(rates)),
        `${ms(p50)} / ${ms(p99)}`,
        ms(median(cpuMicros)),
      ]),
    ),
  ];
  const ratio = (what) => ms(what(slow['never reads']) / what(slow.reads));
  // Round by round, so that a machine which becomes slower counts for both.
  const rates = slow['never reads'].rates.map((rate, round) => rate / slow.reads.rates[round]);
  return [
    table.join('\n'),
    [
      `- opening one more session takes ${worst(({ opening }) => opening.p99)} ms at p99 at the worst (goal under ${GOALS.openingMs})`,
      `- a call takes ${worst((row) => overhead(row, p99))} ms longer than through the bare pipe at p99 at the worst (goal under ${GOALS.overheadMs})`,
    ].join('\n'),
    slowTable.join('\n'),
    `- beside one that never reads, 99 clients make ${ms(median(rates))} × the calls of those beside one that reads; their p99 is ${ratio(({ p99 }) => p99)} ×, their CPU a call ${ratio(({ cpuMicros }) => median(cpuMicros))} ×`,
    `A process may have ${maxFiles()} files open (\`ulimit -n\`). When the run began, ${ms(load)} processes wanted the ${availableParallelism()} cores: where that is more than one or two, others were measured too.`,
  ].join('\n\n');
}
