/** The rows as one Markdown table, and the ratios that the goals name. */
import { clientsOf, workloads } from './measure.mjs';

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
  const cpu = row.calls['100×4']?.cpuMicros ?? [];
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

const wanted = [
  ['ours-ws', 'minimal-ws', '100×4', 1],
  ['ours-ws', 'supergateway-ws', '100×4', 1.4],
  ['ours-http', 'minimal-http', '100×4', 0.9],
  ['ours-http', 'mcp-proxy', '100×4', 9],
  ['ours-ws', 'minimal-ws', '1 MiB', 1.8],
  ['ours-ws', 'minimal-ws', 'sessions', 0.8],
  ['ours-http', 'minimal-http', 'sessions', 0.8],
];

export function ratios(targets, rows) {
  const name = (key) => targets.find((target) => target.key === key)?.name.replaceAll('*', '');
  const lines = [];
  for (const [one, other, what, goal] of wanted) {
    const rates = [one, other].map((key) => {
      const row = rows.get(key);
      return what === 'sessions' ? row?.sessions.map(({ rate }) => rate) : row?.calls[what]?.rates;
    });
    if (rates.some((list) => !list?.length)) continue;
    const ratio = median(rates[0]) / median(rates[1]);
    lines.push(`- ${what}: ${name(one)} is ${number(ratio)} × ${name(other)} (goal ${goal})`);
  }
  return lines.join('\n');
}
