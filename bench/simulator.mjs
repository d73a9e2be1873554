/** The third part of a run: the simulator against gateways, calm and in a storm, which also shows whose answers went astray. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { end, startSimulator, startTarget } from './processes.mjs';
import { here } from './targets.mjs';

export const simulator = join(here, '../packages/simulator/bin/simulate.js');
export const isBuilt = () => existsSync(join(here, '../packages/simulator/dist/main.js'));

/** The bare echo shows what the simulator itself can do. */
const KEYS = ['ws-echo', 'ours-ws', 'supergateway-ws', 'ours-http', 'mcp-proxy', 'ours-http-own', 'supergateway-http'];
const STORM = 'disconnect=0.5%,half-open=0.1%,cancel=5%,slow-reader=10%';
const STEP = { do: 'call', tool: 'echo', args: { text: '{{tag}}', size: 100 } };
const count = (value) => Math.round(value).toLocaleString('en-US');
const number = (value) => (value >= 100 ? count(value) : String(Number(value.toPrecision(3))));
const NONE = '–';

async function once(target, options, storm) {
  const running = await startTarget(target);
  const folder = mkdtempSync(join(tmpdir(), 'bench-simulator-'));
  const json = join(folder, 'result.json');
  try {
    const scenario = join(folder, 'scenario.json');
    writeFileSync(scenario, JSON.stringify({ steps: [{ ...STEP, progress: storm }] }));
    const what = target.echo ? ['--era', 'echo'] : ['--scenario', scenario, ...(storm ? ['--chaos', STORM] : [])];
    const load = ['--clients', String(target.own ? 5 : 50), '--in-flight', '2', '--duration', `${options.simulated}ms`];
    const watched = ['--pid', String(running.pid), '--timeout', '3s', '--settle', '2s', '--output', json];
    const child = startSimulator([simulator, running.url, ...what, ...load, ...watched]);
    let complaint = '';
    child.stderr.on('data', (chunk) => (complaint = (complaint + chunk).slice(-2000)));
    const code = await new Promise((done) => child.once('exit', done));
    await end(child);
    if (!existsSync(json)) throw new Error(`the simulator ended with ${code}: ${complaint}`);
    return JSON.parse(readFileSync(json, 'utf8'));
  } finally {
    rmSync(folder, { recursive: true });
    await end(running.child);
  }
}

const astray = ({ integrity, errorCount }) =>
  [integrity.crossed, integrity.lost, integrity.doubled, integrity.disordered, errorCount].map(count).join(' / ');

function line(target, { calm, storm, error }) {
  if (error) return [`${target.name} (stopped: ${error.split('\n')[0].slice(0, 80)})`, ...Array(7).fill(NONE)];
  const { rate, latency, processes, self } = calm;
  const busy = self.bottleneck ? '\\*' : '';
  const left = storm ? count(storm.processes.leftovers.length) : NONE;
  return [
    target.name,
    `${count(rate)}${busy} (${number(latency.p50)} / ${number(latency.p99)})`,
    `${number(processes.peakRss / 1e6)} MB`,
    number(processes.cpuPerAnswer),
    astray(calm),
    storm ? astray(storm) : NONE,
    `${count(processes.leftovers.length)} / ${left}`,
    `${count(self.cpu * 100)} %`,
  ];
}

export async function simulated(targets, options) {
  const rows = [];
  for (const target of targets.filter(({ key }) => KEYS.includes(key))) {
    process.stderr.write(`simulator, ${target.key}\n`);
    const row = {};
    try {
      row.calm = await once(target, options, false);
      // What only echoes has no calls that could be cancelled.
      if (!target.echo) row.storm = await once(target, options, true);
    } catch (error) {
      row.error = error.message;
      process.stderr.write(`${target.key}: ${error.message}\n`);
    }
    rows.push({ target, ...row });
  }
  return rows;
}

export function simulatorTable(rows) {
  const head = [
    'target',
    'calls/s (p50 / p99 ms)',
    'memory, at most',
    'µs CPU an answer',
    'calm: crossed / lost / doubled / disordered / errors',
    'storm: the same',
    'processes left, calm / storm',
    'CPU of the simulator',
  ];
  const text = (cells) => `| ${cells.join(' | ')} |`;
  const lines = rows.map(({ target, ...row }) => text(line(target, row)));
  return [text(head), text(head.map((_, index) => (index === 0 ? '---' : '--:'))), ...lines].join('\n');
}
