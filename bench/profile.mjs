/**
 * `node bench/profile.mjs [--target ours-ws] [--clients 100] [--inflight 1] [--size 100] [--sent 100] [--functions 20]`: what a target spends
 * its time on under a load, by the processor's profiler of Node: the child is not in it.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ask, end, endAll, startLoad, startTarget } from './processes.mjs';
import { targets } from './targets.mjs';

const option = (value) => ({ type: 'string', default: value });
const { values: flags } = parseArgs({
  options: {
    target: option('ours-ws'),
    clients: option('100'),
    inflight: option('1'),
    size: option('100'),
    sent: option('100'),
    functions: option('20'),
  },
});
const [WARM_MS, MEASURE_MS, INTERVAL_US] = [2500, 5000, 200];

/** What a function of the profile belongs to. */
function groupOf({ functionName, url }) {
  if (functionName === '(garbage collector)') return 'collecting garbage';
  if (/^(write|shutdown|read)/.test(functionName) && url === '') return 'system calls that write';
  if (functionName === 'parseMessage' || functionName === 'written' || /^(parse|stringify)$/.test(functionName))
    return 'JSON';
  if (/json-scan|lazy-result|large-call/.test(url)) return 'proving JSON';
  if (url.includes('/switchboard/dist/')) return 'own code';
  if (url.includes('/bench/')) return 'own code';
  if (url.includes('node_modules/ws/')) return 'ws';
  if (url.includes('node_modules/')) return 'other packages';
  if (url.startsWith('node:')) return 'Node: streams, HTTP, timers';
  return 'the rest of V8 and Node';
}

async function profile(target, folder) {
  const flag = ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-interval=${INTERVAL_US}`];
  const began = performance.now();
  const gateway = await startTarget({ ...target, args: (port) => [flag, ...target.args(port)] });
  const load = startLoad(target, gateway);
  const [clients, inflight, size, sent] = ['clients', 'inflight', 'size', 'sent'].map((name) => Number(flags[name]));
  await ask(load, { order: 'open', max: clients });
  const order = { order: 'run', name: 'profile', clients, inflight, size, sent };
  await ask(load, { ...order, warm: 0, measure: WARM_MS });
  const from = performance.now() - began;
  const found = await ask(load, { ...order, warm: 0, measure: MEASURE_MS });
  const to = performance.now() - began;
  await ask(load, { order: 'close' }).catch(() => {});
  await Promise.all([end(load), end(gateway.child)]);
  return { from, to, found };
}

/** The time of each function, in µs, between two times after the start of the process. */
function timesOf(file, from, to) {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8'));
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const times = new Map();
  let now = 0;
  for (const [at, id] of samples.entries()) {
    now += timeDeltas[at];
    const frame = frames.get(id);
    if (now < from * 1000 || now > to * 1000 || frame.functionName === '(idle)') continue;
    times.set(frame, (times.get(frame) ?? 0) + timeDeltas[at]);
  }
  return times;
}

function show(times, name) {
  const total = [...times.values()].reduce((sum, each) => sum + each, 0);
  const by = (key) => {
    const sums = new Map();
    for (const [frame, time] of times) sums.set(key(frame), (sums.get(key(frame)) ?? 0) + time);
    return [...sums].sort(([, one], [, other]) => other - one);
  };
  const line = ([what, time]) => `${((100 * time) / total).toFixed(1).padStart(6)} %  ${what}`;
  const short = ({ functionName, url, lineNumber }) =>
    `${functionName || '(anonymous)'} ${url.replace(/^.*\/(dist|node_modules)\//, '$1/')}:${lineNumber + 1}`;
  console.log(
    [name, ...by(groupOf).map(line), '', ...by(short).slice(0, Number(flags.functions)).map(line)].join('\n'),
  );
}

const target = targets.find(({ key }) => key === flags.target);
if (target?.args === undefined) throw new Error(`no target ${flags.target}: see node bench/run.mjs --help`);
const folder = mkdtempSync(join(tmpdir(), 'bench-profile-'));
try {
  const { from, to, found } = await profile(target, folder);
  const [file] = readdirSync(folder)
    .map((name) => join(folder, name))
    .toSorted((one, other) => readFileSync(other).length - readFileSync(one).length);
  const load = `${flags.clients}×${flags.inflight}, ${flags.sent} bytes in and ${flags.size} out`;
  show(timesOf(file, from, to), `${flags.target}, ${load}: ${Math.round(found.rate)} calls/s while it was watched`);
} finally {
  await endAll();
  rmSync(folder, { recursive: true, force: true });
}
process.exit();
