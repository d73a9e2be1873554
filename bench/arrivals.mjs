/**
 * The part of a run about arrivals: what it takes to open a session at a `serve` with nothing set, where each session has a process of
 * its own, and clients come one after the other while one that is there already makes calls. Without that one a virtual machine sleeps
 * between arrivals, and its waking takes longer than what is measured.
 */
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { end, sleep, startTarget } from './processes.mjs';
import { gateway, here } from './targets.mjs';

const GOAL_MS = 10;
const EVERY_MS = 500;
/** How long the client that is there rests between two calls. */
const REST_MS = 5;
const SETTLE_MS = 1000;
/** Fewer than a `serve` with nothing set lets in; the oldest leave when more come. */
const MAX_OPEN = 40;
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

/** The floor: one process for all, which runs already. */
const minimal = {
  name: 'minimal gateway, one process for all',
  target: (script) => ({
    key: 'arrivals-minimal',
    link: 'ws',
    args: (port) => [['minimal.mjs', port, process.execPath, script]],
  }),
};
const ours = (name, ...warm) => ({
  name,
  target: (script) => ({
    key: 'arrivals',
    args: () => [[gateway, 'serve', '--port', '0', '--log-level', 'warn', ...warm, '--', process.execPath, script]],
    ready: /ws:\/\/127\.0\.0\.1:\d+\/mcp/,
  }),
});
const DEFAULT = ours('Switchboard, `--warm auto`, the default');
/** Of what is only there to compare with, a part of the arrivals is enough. */
const COMPARED = 1 / 4;
const ways = [minimal, DEFAULT, { ...ours('Switchboard, `--warm 0`', '--warm', '0'), share: COMPARED }];

/** From the first byte to the answer of `initialize`, in ms. */
async function open(url) {
  const began = performance.now();
  const socket = new WebSocket(url, ['mcp']);
  await new Promise((done, fail) => socket.once('open', done).once('error', fail));
  socket.send(initialize);
  await new Promise((done, fail) => socket.once('message', done).once('close', fail));
  return { ms: performance.now() - began, socket };
}

/** Makes one call after the other until its socket ends. */
function work(socket) {
  let id = 0;
  const call = () => socket.send(JSON.stringify({ jsonrpc: '2.0', id: ++id, method: 'tools/list' }));
  socket.on('message', () => setTimeout(() => socket.readyState === WebSocket.OPEN && call(), REST_MS));
  socket.send(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }));
  call();
}

async function measure([server, script], way, { arrivals }) {
  const running = await startTarget(way.target(script), { pin: false });
  const sockets = [];
  try {
    const first = await open(running.url);
    sockets.push(first.socket);
    work(first.socket);
    await sleep(SETTLE_MS);
    const others = [];
    for (let i = 0; i < arrivals * (way.share ?? 1); i++) {
      const { ms, socket } = await open(running.url);
      sockets.push(socket);
      others.push(ms);
      if (sockets.length > MAX_OPEN) sockets.splice(1, 1)[0].terminate();
      await sleep(EVERY_MS);
    }
    others.sort((a, b) => a - b);
    const at = (share) => others[Math.ceil(others.length * share) - 1];
    return { server, way: way.name, first: first.ms, p50: at(0.5), p99: at(0.99) };
  } finally {
    for (const socket of sockets) socket.terminate();
    await end(running.child);
  }
}

export async function arrivals(options) {
  const [load] = loadavg();
  const rows = [];
  for (const server of servers) for (const way of ways) rows.push(await measure(server, way, options));
  return { rows, load };
}

const ms = (value) => String(Number(value.toPrecision(3)));

export function arrivalsTable({ rows, load }) {
  const worst = (name) => Math.max(...rows.filter(({ way }) => way === name).map(({ p99 }) => p99));
  return [
    [
      '| server | gateway | the first, ms | further ones, p50 / p99, ms |',
      '| --- | --- | --: | --: |',
      ...rows.map(
        ({ server, way, first, p50, p99 }) => `| ${server} | ${way} | ${ms(first)} | ${ms(p50)} / ${ms(p99)} |`,
      ),
    ].join('\n'),
    `- opening a session takes ${ms(worst(DEFAULT.name))} ms at p99 at the worst after the first (goal under ${GOAL_MS}); ` +
      `at the minimal gateway, which starts no process, ${ms(worst(minimal.name))} ms`,
    `When the run began, ${ms(load)} processes wanted the ${availableParallelism()} cores: where that is more than one or two, others were measured too.`,
  ].join('\n\n');
}
