// Ends and starts `switchboard serve` under load again and again, on the store that it has by default, and counts what clients see:
//   node scripts/restarts.mjs [--times 20] [--clients 10] [--signals SIGTERM,SIGKILL]
// It fails when a session or a resumable WebSocket is lost, when a call is made twice, or when one is neither answered nor failed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { makeReady, root } from './ready.mjs';

makeReady();
const dist = join(root, 'packages/switchboard/dist');
const { CLIENT_DEFAULTS, connectWebSocket } = await import(join(dist, 'transports/websocket/client.js'));

const { values } = parseArgs({
  options: {
    times: { type: 'string', default: '20' },
    clients: { type: 'string', default: '10' },
    signals: { type: 'string', default: 'SIGTERM,SIGKILL' },
  },
});
const times = Number(values.times);
const clients = Number(values.clients);
/** How long each process serves. */
const SERVE_MS = 1500;
/** Between two calls of a client. */
const THINK_MS = 20;

/** A remote server, which outlives the gateway and counts how often each call reaches it. */
const reached = new Map();
const remote = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => (body += chunk));
  request.once('end', () => {
    if (request.method !== 'POST') return response.writeHead(405).end();
    const { id, method, params } = JSON.parse(body);
    if (id === undefined) return response.writeHead(202).end();
    const answer = (result) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id, ...result }));
    };
    if (method === 'initialize') {
      const serverInfo = { name: 'counting', version: '1' };
      return answer({ result: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo } });
    }
    if (method !== 'tools/call') return answer({ error: { code: -32601, message: 'unknown' } });
    const { text } = params.arguments;
    reached.set(text, (reached.get(text) ?? 0) + 1);
    return setTimeout(() => answer({ result: { content: [{ type: 'text', text }] } }), 5);
  });
}).listen(0, '127.0.0.1');
await once(remote, 'listening');

const folder = mkdtempSync(join(tmpdir(), 'switchboard-restarts-'));
const config = join(folder, 'config.json');
const upstreams = { counting: { url: `http://127.0.0.1:${remote.address().port}/`, isolation: 'shared' } };
writeFileSync(config, JSON.stringify({ upstreams, allowPrivateUpstreams: true }));

const probe = createServer().listen(0, '127.0.0.1');
await once(probe, 'listening');
const { port } = probe.address();
probe.close();

async function start() {
  const args = [
    join(dist, 'cli/main.js'),
    'serve',
    '--port',
    String(port),
    '--config',
    config,
    '--rate-limit',
    'unlimited',
  ];
  const child = spawn(process.execPath, [...args, '--log-level', 'error'], {
    env: { ...process.env, XDG_STATE_HOME: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) if (line.startsWith('Ctrl-C')) break;
  return { child, exit };
}

const initialize = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'restarts', version: '1' },
};
const call = (text) => ({ name: 'count', arguments: { text } });

/** What is counted of one round. */
let round;
const newRound = () => ({ ok: 0, failed: {}, unreachable: 0, wrong: 0, lost: 0, dropped: 0, gaps: [] });
const fail = (code) => (round.failed[code] = (round.failed[code] ?? 0) + 1);
const load = { isOn: true };

/** Notes how long a client went without an answer over a restart. */
class Gap {
  #last = performance.now();
  answered() {
    const now = performance.now();
    if (killedAt > this.#last) round.gaps.push(now - killedAt);
    this.#last = now;
  }
}
let killedAt = 0;
let seq = 0;

async function overHttp() {
  const url = `http://127.0.0.1:${port}/mcp`;
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const post = (body) => fetch(url, { method: 'POST', headers, body: JSON.stringify({ jsonrpc: '2.0', ...body }) });
  const opened = await post({ id: 0, method: 'initialize', params: initialize });
  headers['mcp-session-id'] = opened.headers.get('mcp-session-id');
  await opened.text();
  await (await post({ method: 'notifications/initialized' })).text();
  const gap = new Gap();
  for (let id = 1; load.isOn; id++) {
    const text = `http ${++seq}`;
    try {
      const response = await post({ id, method: 'tools/call', params: call(text) });
      const body = await response.text();
      const messages = (
        body.startsWith('{')
          ? [body]
          : body
              .split('\n')
              .filter((line) => line.startsWith('data: {'))
              .map((line) => line.slice(6))
      ).map((each) => JSON.parse(each));
      const answer = messages.find((message) => message.id === id || message.error);
      if (response.status === 404) round.lost++;
      if (answer?.result?.content[0].text === text) {
        round.ok++;
        gap.answered();
      } else if (answer?.error) fail(answer.error.data?.code ?? answer.error.code);
      else round.wrong++;
    } catch {
      // Nothing listens, or the connection was cut: the client knows.
      round.unreachable++;
    }
    await pause(THINK_MS);
  }
}

async function overWebSocket() {
  const channel = await connectWebSocket(new URL(`ws://127.0.0.1:${port}/mcp`), CLIENT_DEFAULTS);
  const waiting = new Map();
  channel.start({
    onMessage(message) {
      if ('method' in message) {
        if (message.method === 'notifications/switchboard/dropped') round.dropped++;
        return;
      }
      const settle = waiting.get(message.id);
      if (settle === undefined) round.wrong++;
      waiting.delete(message.id);
      settle?.(message);
    },
    onBadMessage: () => round.wrong++,
    onClose: () => {
      if (load.isOn) round.lost++;
      for (const settle of waiting.values()) settle({ error: { code: 'closed' } });
    },
  });
  const ask = (id, method, params) =>
    new Promise((resolve) => {
      waiting.set(id, resolve);
      channel.send({ jsonrpc: '2.0', id, method, params });
    });
  await ask(0, 'initialize', initialize);
  channel.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  const gap = new Gap();
  for (let id = 1; load.isOn; id++) {
    const text = `websocket ${++seq}`;
    const answer = await ask(id, 'tools/call', call(text));
    if (answer.result?.content[0].text === text) {
      round.ok++;
      gap.answered();
    } else if (answer.error) fail(answer.error.data?.code ?? answer.error.code);
    else round.wrong++;
    await pause(THINK_MS);
  }
  channel.close();
}

let served = await start();
round = newRound();
const working = Array.from({ length: clients }, () => [overHttp(), overWebSocket()]).flat();
await pause(SERVE_MS);
let isBad = false;
for (const signal of values.signals.split(',')) {
  round = newRound();
  for (let n = 0; n < times; n++) {
    killedAt = performance.now();
    served.child.kill(signal);
    await served.exit;
    served = await start();
    await pause(SERVE_MS);
  }
  const { ok, failed, unreachable, wrong, lost, dropped, gaps } = round;
  const sorted = gaps.toSorted((a, b) => a - b);
  const at = (share) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  const repeated = [...reached.values()].filter((count) => count > 1).length;
  isBad ||= wrong > 0 || lost > 0 || repeated > 0;
  const facts = { signal, times, clients: 2 * clients, ok, failed, unreachable, wrong, lost, repeated, dropped };
  console.log(JSON.stringify({ ...facts, gapMs: { p50: at(0.5), p95: at(0.95), max: at(1) } }));
}
load.isOn = false;
const isOver = await Promise.race([Promise.all(working).then(() => true), pause(10_000, false)]);
if (!isOver) console.log('a call was neither answered nor failed');
served.child.kill('SIGTERM');
await served.exit;
remote.closeAllConnections();
remote.close();
rmSync(folder, { recursive: true, force: true });
process.exit(isBad || !isOver ? 1 : 0);
