/**
 * The part of a run about arrivals: what it takes to open a session at a `serve` with nothing set, where each session has a process of
 * its own, and clients come one after the other.
 */
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { end, sleep, startTarget } from './processes.mjs';
import { gateway, here } from './targets.mjs';

const GOAL_MS = 10;
const EVERY_MS = 500;
const initialize = JSON.stringify({
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } },
});
const servers = [
  ['the least server, without an SDK', join(here, 'child.mjs')],
  ['the demo server, on the official SDK', join(here, '../servers/demo/dist/main.js')],
];

/** From the first byte to the answer of `initialize`, in ms. */
async function open(url) {
  const began = performance.now();
  const socket = new WebSocket(url, ['mcp']);
  await new Promise((done, fail) => socket.once('open', done).once('error', fail));
  socket.send(initialize);
  await new Promise((done, fail) => socket.once('message', done).once('close', fail));
  return { ms: performance.now() - began, socket };
}

async function measure([name, script], warm, { arrivals }) {
  const target = {
    key: 'arrivals',
    args: () => [[gateway, 'serve', '--port', '0', '--log-level', 'warn', ...warm, '--', process.execPath, script]],
    ready: /ws:\/\/127\.0\.0\.1:\d+\/mcp/,
  };
  const running = await startTarget(target, { pin: false });
  const sockets = [];
  try {
    const times = [];
    for (let i = 0; i <= arrivals; i++) {
      const { ms, socket } = await open(running.url);
      sockets.push(socket);
      times.push(ms);
      await sleep(EVERY_MS);
    }
    const [first, ...others] = times;
    others.sort((a, b) => a - b);
    const at = (share) => others[Math.ceil(others.length * share) - 1];
    return { name, warm: warm.at(-1) ?? 'auto, the default', first, p50: at(0.5), p99: at(0.99) };
  } finally {
    for (const socket of sockets) socket.terminate();
    await end(running.child);
  }
}

export async function arrivals(options) {
  const [load] = loadavg();
  const rows = [];
  for (const server of servers)
    for (const warm of [[], ['--warm', '0']]) rows.push(await measure(server, warm, options));
  return { rows, load };
}

const ms = (value) => String(Number(value.toPrecision(3)));

export function arrivalsTable({ rows, load }) {
  const worst = Math.max(...rows.filter(({ warm }) => warm !== '0').map(({ p99 }) => p99));
  return [
    [
      '| server | `--warm` | the first, ms | further ones, p50 / p99, ms |',
      '| --- | --- | --: | --: |',
      ...rows.map(
        ({ name, warm, first, p50, p99 }) => `| ${name} | ${warm} | ${ms(first)} | ${ms(p50)} / ${ms(p99)} |`,
      ),
    ].join('\n'),
    `- opening a session takes ${ms(worst)} ms at p99 at the worst after the first (goal under ${GOAL_MS})`,
    `When the run began, ${ms(load)} processes wanted the ${availableParallelism()} cores: where that is more than one or two, others were measured too.`,
  ].join('\n\n');
}
