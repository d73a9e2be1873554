/** The rows as one Markdown table, and what it says of the goals. */
import { BUSIEST, clientsOf, workloads } from './measure.mjs';

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};
const count = (value) => Math.round(value).toLocaleString('en-US');
const number = (value) => (value >= 100 ? count(value) : value >= 10 ? value.toFixed(1) : value.toFixed(2));
const size = (bytes) => (bytes >= 1e6 ? `${number(bytes / 1e6)} MB` : `${number(bytes / 1000)} KB`);
const NONE = '–';
/** Past this share of its core the load generator, not the target, may be what is measured. */
const BUSY = 0.95;

/** Where a target does not have the workload's number of clients, the cell says what it had. */
function load(target, { clients, inflight }) {
  if (target.link === 'pipe') return `1×${clients * inflight}: `;
  return clients > clientsOf(target) ? `${clientsOf(target)}×${inflight}: ` : '';
}

function cell(found, prefix) {
  if (!found?.rates.length) return NONE;
  const mark = median(found.loadBusy) > BUSY ? '\\*' : '';
  return `${prefix}${count(median(found.rates))}${mark} (${number(found.p50)} / ${number(found.p99)})`;
}

function opening(list) {
  if (list.length === 0) return [NONE, NONE];
  const of = (field) => median(list.map((entry) => entry[field]));
  return [
    `${number(of('rate'))} (${number(of('p50'))} / ${number(of('p99'))})`,
    `${size(of('bytesEach'))} of ${count(of('opened'))}`,
  ];
}

export function totals(row) {
  const sum = { crossed: 0, lost: 0, twice: 0, failed: 0 };
  for (const part of Object.values(row.counts)) for (const key of Object.keys(sum)) sum[key] += part[key];
  return sum;
}

function line(target, row) {
  const cpu = row.calls[BUSIEST]?.cpuMicros ?? [];
  const wrong = Object.values(totals(row)).join(' / ');
  const ready = row.readyMs.length ? count(median(row.readyMs)) : NONE;
  const measured = workloads.map((workload) => cell(row.calls[workload.name], load(target, workload)));
  const note = row.error ? ` (stopped: ${row.error.split('\n')[0].slice(0, 60)})` : '';
  const clients = clientsOf(target);
  return [
    target.name + note,
    clients,
    ...measured,
    cpu.length ? number(median(cpu)) : NONE,
    ...opening(row.sessions),
    ready,
    wrong,
  ];
}

export function table(targets, rows) {
  const head = [
    'target',
    'clients',
    ...workloads.map(({ name }) => name),
    'µs CPU a call',
    'sessions opened/s',
    'memory a session',
    'ready, ms',
    'crossed / lost / twice / failed',
  ];
  const lines = targets.map((target) => line(target, rows.get(target.key)));
  const text = (cells) => `| ${cells.join(' | ')} |`;
  return [text(head), text(head.map((_, i) => (i === 0 ? '---' : '--:'))), ...lines.map(text)].join('\n');
}

const WS = ['ours-ws', 'minimal-ws'];
const HTTP = ['ours-http', 'minimal-http'];
const rate = (what) => (row) => row.calls[what]?.rates.length > 0 && median(row.calls[what].rates);
const alone = (row) => row.calls['1×1']?.p50;
const opened = (row) => row.sessions.length > 0 && median(row.sessions.map((each) => each.rate));

/** Each: what is compared, of which two targets, and the least ratio; or the greatest, where less is better. */
const GOALS = [
  ...['10×1', '100×1', '100×4'].map((what) => [what, rate(what), ...WS, { least: 1 }]),
  ['1000×1', rate('1000×1'), ...WS, { least: 0.95 }],
  ['1000×1', rate('1000×1'), 'ours-ws', 'supergateway-ws', { least: 1.25 }],
  ...['10×1', '100×1', '100×4', '1000×1'].flatMap((what) => [
    [what, rate(what), ...HTTP, { least: 1 }],
    [what, rate(what), 'ours-http', 'mcp-proxy', { least: 15 }],
  ]),
  ['100×1', rate('100×1'), 'ours-modern', 'ours-http', { least: 0.9 }],
  ['100×1', rate('100×1'), 'ours-modern', 'sdk2-modern', { least: 10 }],
  ...['10 KB', '1 MiB'].flatMap((what) => [WS, HTTP].map((pair) => [what, rate(what), ...pair, { least: 1.5 }])),
  ...[WS, HTTP].map((pair) => ['sessions opened/s', opened, ...pair, { least: 0.85 }]),
  ['sessions opened/s', opened, 'ours-http', 'mcp-proxy', { least: 4 }],
  ...[WS, HTTP].map((pair) => ['one call alone, p50', alone, ...pair, { most: 1.1 }]),
];
const MOST_READY_MS = 200;

/** What was measured beside what is wanted. */
export function goals(targets, rows) {
  const name = (key) => targets.find((target) => target.key === key)?.name.replaceAll('*', '');
  const lines = [];
  for (const [what, of, one, other, { least, most }] of GOALS) {
    const [mine, theirs] = [one, other].map((key) => rows.get(key) && of(rows.get(key)));
    if (!mine || !theirs) continue;
    const ratio = mine / theirs;
    const isReached = least === undefined ? ratio <= most : ratio >= least;
    const wanted = least === undefined ? `≤ ${most}` : `≥ ${least}`;
    lines.push([what, `${name(one)}: ${name(other)}`, wanted, number(ratio), isReached ? 'yes' : '**no**']);
  }
  for (const key of ['ours-ws', 'ours-http']) {
    const ready = rows.get(key)?.readyMs ?? [];
    if (ready.length === 0) continue;
    const ms = median(ready);
    lines.push(['ready, ms', name(key), `≤ ${MOST_READY_MS}`, count(ms), ms <= MOST_READY_MS ? 'yes' : '**no**']);
  }
  const text = (cells) => `| ${cells.join(' | ')} |`;
  const head = ['goal', 'ratio of', 'wanted', 'measured', 'reached'];
  return lines.length === 0
    ? ''
    : [text(head), text(['---', '---', '--:', '--:', '---']), ...lines.map(text)].join('\n');
}
