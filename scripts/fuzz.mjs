// Sends a running Switchboard what no client would send, over raw sockets of this machine, and sees that it lives: `node scripts/fuzz.mjs
// [seconds] [seed]`. It ends with 1 when Switchboard dies, answers with an error of its own, forgets its manners to an honest client, or
// grows without end; the seed says what was sent.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { makeReady, root } from './ready.mjs';

const [seconds = '20', seedText = String(Date.now() % 2 ** 31)] = process.argv.slice(2);
const MAX_GROWTH_MB = 300;
const AT_A_TIME = 40;
/** Shorter than the time limits of Switchboard: most of what is sent is never finished. */
const PATIENCE_MS = 300;

/** mulberry32: small, and the same everywhere. */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
const next = random(Number(seedText));
const below = (limit) => Math.floor(next() * limit);
const pick = (list) => list[below(list.length)];
const some = (most, make) => Array.from({ length: below(most + 1) }, make);

const IDS = [
  '1',
  '"1"',
  '0',
  '""',
  'null',
  '1.5',
  '-0',
  '1e400',
  '123456789012345678901234567890',
  '{}',
  '"__proto__"',
];
const METHODS = [
  'initialize',
  'ping',
  'tools/list',
  'tools/call',
  'notifications/initialized',
  'notifications/cancelled',
  '__proto__',
  '',
  '\\u0000',
  'subscriptions/listen',
  'server/discover',
  'switchboard/resume',
  'completion/complete',
  'resources/read',
];
const VALUES = [
  '{}',
  '[]',
  'null',
  '"x"',
  '{"name":"echo","arguments":{"text":"x"}}',
  '{"__proto__":{"a":1}}',
  '{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"f","version":"1"}}',
  '{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"progressToken":1}}',
  '{"requestId":1}',
  '{"uri":"%%%"}',
  `${'['.repeat(700)}${']'.repeat(700)}`,
];
const message = () =>
  `{"jsonrpc":"2.0",${next() < 0.8 ? `"id":${pick(IDS)},` : ''}"method":"${pick(METHODS)}","params":${pick(VALUES)}}`;

/** Some bytes changed, left out, doubled or cut off. */
function mutate(bytes) {
  let out = Buffer.from(bytes);
  for (let n = below(4); n > 0 && out.length > 0; n--) {
    const at = below(out.length);
    const kind = below(4);
    if (kind === 0) out[at] = below(256);
    else if (kind === 1) out = Buffer.concat([out.subarray(0, at), out.subarray(at + 1 + below(8))]);
    else if (kind === 2) out = Buffer.concat([out.subarray(0, at), out.subarray(Math.max(0, at - below(32)))]);
    else out = out.subarray(0, at);
  }
  return out;
}

const HEADERS = [
  'Content-Type: application/json',
  'Accept: */*',
  'Accept: application/json, text/event-stream',
  'Transfer-Encoding: chunked',
  'Content-Length: 5',
  'Content-Length: -1',
  'Expect: 100-continue',
  'Connection: close',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Version: 99',
  'Sec-WebSocket-Protocol: mcp',
  'Sec-WebSocket-Protocol: mcp.r1',
  'Sec-WebSocket-Protocol: ,,,',
  'Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99',
  'Origin: null',
  'Mcp-Session-Id: x',
  'Last-Event-ID: 1--1',
  'MCP-Protocol-Version: 2026-07-28',
  'Mcp-Method: tools/call',
  'Mcp-Name: =?base64?%%?=',
  'Content-Encoding: gzip',
  'X-Forwarded-For: ,,,',
  'Host: evil.example',
];

function http() {
  const body = message();
  const lines = [
    `${pick(['POST', 'POST', 'GET', 'DELETE', 'OPTIONS', 'PUT', 'CONNECT', 'PRI'])} ${pick(['/mcp', '/mcp', '/mcp/x', '/', '/metrics', '/healthz', '*', 'http://a/', '/mcp?%00', '//'])} HTTP/1.1`,
    'Host: localhost',
    ...some(5, () => pick(HEADERS)),
  ];
  if (next() < 0.7)
    lines.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body) + pick([0, 0, 0, 1, -1])}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}${next() < 0.2 ? `\r\n${body}` : ''}`);
}

/** A frame that is masked, as those of clients are, if the dice say so. */
function frame() {
  const payload = Buffer.from(pick([message, message, () => 'x'.repeat(below(70_000)), () => '']).call());
  const mask = Buffer.from(some(0, () => 0).concat([1, 2, 3, 4].map(() => below(256))));
  const masked = next() < 0.95;
  const body = masked ? Buffer.from(payload.map((byte, at) => byte ^ mask[at % 4])) : payload;
  const first = pick([0x81, 0x81, 0x81, 0x81, 0x01, 0x80, 0x82, 0x88, 0x89, 0x8a, 0xc1, 0x83, 0xf1]);
  const bit = masked ? 0x80 : 0;
  let size;
  if (body.length < 126) size = Buffer.from([first, bit | body.length]);
  else {
    const long = next() < 0.1 || body.length > 65_535;
    size = Buffer.alloc(long ? 10 : 4);
    size[0] = first;
    size[1] = bit | (long ? 127 : 126);
    if (long) size.writeBigUInt64BE(next() < 0.1 ? 2n ** 63n - 1n : BigInt(body.length), 2);
    else size.writeUInt16BE(body.length, 2);
  }
  return Buffer.concat([size, ...(masked ? [mask] : []), body]);
}

function webSocket() {
  const upgrade = `GET /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: ${pick(['mcp', 'mcp', 'mcp.r1', 'mcp.r1, mcp'])}\r\n\r\n`;
  return Buffer.concat([Buffer.from(upgrade), ...some(8, () => (next() < 0.7 ? frame() : mutate(frame())))]);
}

/** @returns what was answered, which must not be an error of Switchboard's own. */
function send(port, bytes) {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(port, '127.0.0.1', () => {
      const cut = next() < 0.3 ? below(bytes.length + 1) : bytes.length;
      socket.write(bytes.subarray(0, cut));
      if (cut < bytes.length) setImmediate(() => socket.write(bytes.subarray(cut)));
    });
    const timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
    socket.on('data', (chunk) => (heard = (heard + chunk.toString('latin1')).slice(0, 100_000)));
    socket.on('error', () => {});
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(heard);
    });
  });
}

makeReady();
const command = [
  join(root, 'packages/switchboard/dist/cli/main.js'),
  'serve',
  '--port',
  '0',
  '--isolation',
  'shared',
  // Some attacks are good enough to open a session, and nobody ends those.
  '--max-connections',
  '5000',
  '--idle-timeout',
  '2s',
  '--rate-limit',
  'unlimited',
  '--log-level',
  'silent',
  '--',
  process.execPath,
  join(root, 'servers/demo/dist/main.js'),
];
const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] });
const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
let port = 0;
for await (const line of createInterface({ input: child.stdout })) {
  port = Number(/^ {2}HTTP .*:(\d+)\//.exec(line)?.[1] ?? port);
  if (line.startsWith('Ctrl-C')) break;
}

const residentMb = () => {
  if (process.platform !== 'linux') return 0;
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
};

async function isServing() {
  const response = await fetch(`http://127.0.0.1:${port}/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"honest","version":"1"}}}',
    signal: AbortSignal.timeout(10_000),
  });
  const session = response.headers.get('mcp-session-id');
  const served = response.ok && (await response.text()).includes('"result"');
  if (session !== null)
    await fetch(`http://127.0.0.1:${port}/mcp`, { method: 'DELETE', headers: { 'mcp-session-id': session } });
  return served;
}

const faults = [];
let sent = 0;
let startMb = 0;
const until = Date.now() + Number(seconds) * 1000;
while (Date.now() < until && faults.length === 0 && !hasEnded()) {
  const attacks = Array.from({ length: AT_A_TIME }, () =>
    pick([http, () => mutate(http()), webSocket, () => mutate(webSocket())])(),
  );
  const answers = await Promise.all(attacks.map((bytes) => send(port, bytes)));
  sent += attacks.length;
  answers.forEach((heard, at) => {
    if (/SWB_INTERNAL|HTTP\/1\.1 500/.test(heard))
      faults.push(
        `an internal error for ${JSON.stringify(attacks[at].toString('latin1')).slice(0, 4000)}\n${heard.slice(0, 1000)}`,
      );
  });
  if (sent % (AT_A_TIME * 20) === 0 && !hasEnded()) {
    if (!(await isServing().catch(() => false))) faults.push('an honest client is not served any more');
    startMb ||= residentMb();
    if (residentMb() - startMb > MAX_GROWTH_MB)
      faults.push(`it grew from ${startMb.toFixed()} to ${residentMb().toFixed()} MB`);
  }
}
if (hasEnded()) faults.push('Switchboard has ended');
else {
  if (!(await isServing().catch(() => false))) faults.push('an honest client is not served at the end');
  child.kill();
  await once(child, 'exit');
}
process.stdout.write(
  `${sent} attacks in ${seconds} s, seed ${seedText}: ${faults.length === 0 ? 'it lives' : faults.join('\n')}\n`,
);
process.exit(faults.length === 0 ? 0 : 1);
