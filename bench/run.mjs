/** `node bench/run.mjs [--quick] [--only a,b] [--part calls|simulator|sessions|arrivals|console|paint|nodes] [--rounds n] [--sessions n] [--websockets n] [--json file] [--write]` */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { arrivals, arrivalsTable } from './arrivals.mjs';
import { consoles, consolesTable, firstPaint, paintTable } from './console.mjs';
import { calls, sessions } from './measure.mjs';
import { hasRedis, nodes, nodesTable } from './nodes.mjs';
import { endAll, pinned } from './processes.mjs';
import { isBuilt, simulated, simulatorTable } from './simulator.mjs';
import { manySessions, sessionsTable } from './sessions.mjs';
import { goals, table } from './table.mjs';
import { gateway, here, targets, versions } from './targets.mjs';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    part: { type: 'string' },
    rounds: { type: 'string' },
    sessions: { type: 'string' },
    websockets: { type: 'string' },
    json: { type: 'string' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const full = {
  rounds: 3,
  firstWarm: 2000,
  warm: 300,
  measure: 1000,
  manyRounds: 5,
  sessionRounds: 2,
  opening: 3000,
  sessions: 2000,
  ownSessions: 20,
  simulated: 5000,
  sessionCounts: [10, 100, 1000, 10_000],
  // A percentile of 99 needs a hundred.
  arrivals: 110,
  consoleRounds: 5,
  consoleMs: 5000,
  consoleSettleMs: 3000,
  consoleSessions: 10_000,
  paints: 9,
  frameMs: 15_000,
  idle: 5000,
  paced: 10_000,
  pacedMs: 20_000,
  websockets: 0,
};
const quick = {
  ...full,
  rounds: 1,
  firstWarm: 300,
  warm: 100,
  measure: 300,
  manyRounds: 1,
  sessionRounds: 1,
  opening: 500,
  sessions: 300,
  ownSessions: 4,
  simulated: 1500,
  sessionCounts: [10, 100],
  arrivals: 8,
  consoleRounds: 1,
  consoleMs: 1500,
  consoleSettleMs: 1500,
  consoleSessions: 300,
  paints: 3,
  frameMs: 3000,
  idle: 2000,
  paced: 500,
  pacedMs: 4000,
};

let stopped = false;

function install() {
  const mark = join(here, 'node_modules/.package-lock.json');
  const lock = join(here, 'package-lock.json');
  if (existsSync(mark) && statSync(mark).mtimeMs >= statSync(lock).mtimeMs) return;
  const options = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel', 'error'];
  const { status } = spawnSync('npm', options, {
    cwd: here,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error('npm ci in bench/ failed');
}

function chosen() {
  const keys = flags.only?.split(',');
  const unknown = keys?.filter((key) => !targets.some((target) => target.key === key)) ?? [];
  if (unknown.length > 0)
    throw new Error(`no target ${unknown.join(', ')}; there are ${targets.map(({ key }) => key).join(', ')}`);
  const built = existsSync(gateway);
  if (!built) process.stderr.write('Switchboard is not built, so its rows are left out: npm run build\n');
  return targets.filter(({ key }) => (keys?.includes(key) ?? true) && (built || !key.startsWith('ours')));
}

const PINNED = pinned ? 'target on core 0, load generator on core 1' : 'not pinned to cores';

function circumstances(where = PINNED) {
  const cores = cpus();
  const day = new Date().toISOString().slice(0, 10);
  const kind = flags.quick ? 'a quick run, only to see that everything works; ' : '';
  return `${kind}${day}, Node ${process.versions.node}, ${cores.length} cores (${cores[0]?.model.trim()}), ${where}; ${versions().join(', ')}.`;
}

/** @param mark the name of the place in the README */
function rewrite(mark, text) {
  const file = join(here, 'README.md');
  const between = new RegExp(`(<!-- ${mark} -->\\n)[^]*?(\\n?<!-- /${mark} -->)`);
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace(between, (_all, from, to) => `${from}${text}${to}`),
  );
}

/** Measures one part, where it is asked for, and shows its table. @returns what was found; undefined where it was left out */
async function part(name, canRun, measure, tableOf, where) {
  if ((flags.part ?? name) !== name || !canRun || stopped) return undefined;
  const found = await measure();
  if (stopped) return undefined;
  const text = [tableOf(found), circumstances(where)].join('\n\n');
  console.log(`${text}\n`);
  if (flags.write) rewrite(name, text);
  return found;
}

async function main() {
  if (flags.help) return console.log(`targets: ${targets.map(({ key }) => key).join(', ')}`);
  install();
  const list = chosen();
  const options = { ...(flags.quick ? quick : full) };
  if (flags.rounds) options.rounds = Number(flags.rounds);
  if (flags.sessions) {
    options.sessions = Number(flags.sessions);
    options.opening = Math.max(options.opening, options.sessions);
  }
  if (flags.websockets) options.websockets = Number(flags.websockets);
  const rows = new Map(list.map(({ key }) => [key, { key, readyMs: [], calls: {}, sessions: [], counts: {} }]));
  const began = performance.now();
  if ((flags.part ?? 'calls') === 'calls') {
    await calls(list, rows, options);
    await sessions(list, rows, options);
    if (stopped) return;
    const text = [table(list, rows), goals(list, rows), circumstances()].filter(Boolean).join('\n\n');
    console.log(`${text}\n`);
    if (flags.write) rewrite('table', text);
  }
  const storms = await part('simulator', isBuilt(), () => simulated(list, options), simulatorTable);
  const many = await part('sessions', existsSync(gateway), () => manySessions(options), sessionsTable);
  const came = await part('arrivals', existsSync(gateway), () => arrivals(options), arrivalsTable);
  const watched = await part('console', existsSync(gateway), () => consoles(options), consolesTable);
  const painted = await part('paint', existsSync(gateway), () => firstPaint(options), paintTable);
  // It takes minutes, and a Redis, so only who asks for it gets it.
  const isAsked = flags.part === 'nodes' && existsSync(gateway);
  if (isAsked && !hasRedis()) throw new Error('the part nodes needs redis-server: sudo apt install redis-server');
  const several = await part('nodes', isAsked, () => nodes(options), nodesTable, 'not pinned to cores');
  if (stopped) return;
  process.stderr.write(`took ${Math.round((performance.now() - began) / 1000)} s\n`);
  if (flags.json)
    writeFileSync(
      resolve(flags.json),
      JSON.stringify(
        {
          at: circumstances(),
          options,
          rows: [...rows.values()],
          storms: storms ?? [],
          many,
          came,
          watched,
          painted,
          several,
        },
        null,
        2,
      ),
    );
  if ([...rows.values(), ...(storms ?? [])].some(({ error }) => error)) process.exitCode = 1;
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    stopped = true;
    void endAll().then(() => process.exit(130));
  });
}
try {
  await main();
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
} finally {
  await endAll();
}
