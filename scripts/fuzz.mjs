// Sends a running Switchboard what no client would send, over raw sockets of this machine, and sees that it lives: `node scripts/fuzz.mjs
// [seconds] [seed]`. It ends with 1 when Switchboard dies, answers with an error of its own, forgets its manners to an honest client, or
// grows without end; the seed says what was sent.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect as connectTls } from 'node:tls';

import { createDice } from './fuzz/dice.mjs';
import { createHttp1 } from './fuzz/http1.mjs';
import { createHttp2 } from './fuzz/http2.mjs';
import { createMessages } from './fuzz/message.mjs';
import { makeReady, root } from './ready.mjs';

const [seconds = '20', seedText = String(Date.now() % 2 ** 31)] = process.argv.slice(2);
const MAX_GROWTH_MB = 300;
const AT_A_TIME = 40;
/** Shorter than the time limits of Switchboard: most of what is sent is never finished. */
const PATIENCE_MS = 300;
const CONNECT_MS = 5000;
const CLI = join(root, 'packages/switchboard/dist/cli/main.js');
const HONEST = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'honest', version: '1' } },
};

const dice = createDice(Number(seedText));
const { next, below, pick, mutate } = dice;
const message = createMessages(dice);
const { http, frame, webSocket } = createHttp1(dice, message);
const http2 = createHttp2(dice, message, frame);

/** What is attacked. */
class Target {
  #child;
  #secure;
  port = 0;
  startMb = 0;

  constructor(secure, options) {
    this.#secure = secure;
    const server = join(root, 'servers/demo/dist/main.js');
    const command = [CLI, 'serve', '--port', '0', '--isolation', 'shared', '--log-level', 'silent'];
    // Some attacks are good enough to open a session, and nobody ends those.
    command.push('--max-connections', '5000', '--idle-timeout', '2s', '--rate-limit', 'unlimited');
    command.push(...options, '--', process.execPath, server);
    this.#child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] });
  }

  async ready() {
    for await (const line of createInterface({ input: this.#child.stdout })) {
      this.port = Number(/^ {2}HTTP .*:(\d+)\//.exec(line)?.[1] ?? this.port);
      if (line.startsWith('Ctrl-C')) break;
    }
  }

  get hasEnded() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get residentMb() {
    if (process.platform !== 'linux') return 0;
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.#child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  }

  connect(protocol) {
    if (!this.#secure) return connect(this.port, '127.0.0.1');
    const tls = { rejectUnauthorized: false, ALPNProtocols: [protocol] };
    return connectTls({ port: this.port, host: '127.0.0.1', ...tls });
  }

  /** @returns what was answered, which must not be an error of Switchboard's own. */
  send(protocol, bytes) {
    return new Promise((resolve) => {
      let heard = '';
      const socket = this.connect(protocol);
      let timer = setTimeout(() => socket.destroy(), CONNECT_MS);
      socket.once(this.#secure ? 'secureConnect' : 'connect', () => {
        clearTimeout(timer);
        timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
        const cut = next() < 0.3 ? below(bytes.length + 1) : bytes.length;
        socket.write(bytes.subarray(0, cut));
        if (cut < bytes.length) setImmediate(() => socket.write(bytes.subarray(cut)));
      });
      socket.on('data', (chunk) => (heard = (heard + chunk.toString('latin1')).slice(0, 100_000)));
      socket.on('error', () => {});
      socket.once('close', () => {
        clearTimeout(timer);
        resolve(heard);
      });
    });
  }

  /** Whether an honest client is served: it asks as one of the attacks would, and waits for the answer. */
  isServing() {
    const body = JSON.stringify(HONEST);
    const head = [
      'POST /mcp HTTP/1.1',
      'Host: localhost',
      'Connection: close',
      'Content-Type: application/json',
      'Accept: application/json, text/event-stream',
      `Content-Length: ${body.length}`,
    ];
    return new Promise((resolve) => {
      let heard = '';
      const socket = this.connect('http/1.1').setTimeout(10_000, () => socket.destroy());
      socket.on('data', (chunk) => (heard += chunk));
      socket.on('error', () => {});
      socket.once('close', () => resolve(heard.startsWith('HTTP/1.1 200 ') && heard.includes('"result"')));
      socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
    });
  }

  /** What is wrong with it; nothing if it lives. */
  async fault() {
    if (this.hasEnded) return 'Switchboard has ended';
    if (!(await this.isServing())) return 'an honest client is not served any more';
    this.startMb ||= this.residentMb;
    const grown = this.residentMb - this.startMb;
    return grown > MAX_GROWTH_MB ? `it grew from ${this.startMb.toFixed()} MB by ${grown.toFixed()}` : undefined;
  }

  async end() {
    if (this.hasEnded) return;
    this.#child.kill();
    await once(this.#child, 'exit');
  }
}

makeReady();
const folder = mkdtempSync(join(tmpdir(), 'switchboard-fuzz-'));
execFileSync(process.execPath, [CLI, 'certs', '--out', folder]);
const tls = ['--tls-cert', join(folder, 'server.pem'), '--tls-key', join(folder, 'server-key.pem')];
const [plain, secure] = [new Target(false, []), new Target(true, tls)];
await Promise.all([plain.ready(), secure.ready()]);

const kinds = [
  [plain, 'http/1.1', http],
  [plain, 'http/1.1', () => mutate(http())],
  [plain, 'http/1.1', webSocket],
  [plain, 'http/1.1', () => mutate(webSocket())],
  [secure, 'h2', http2],
  [secure, 'h2', http2],
];
let fault;
let sent = 0;
const until = Date.now() + Number(seconds) * 1000;
while (Date.now() < until && fault === undefined) {
  const attacks = Array.from({ length: AT_A_TIME }, () => {
    const [target, protocol, make] = pick(kinds);
    return { target, protocol, bytes: make() };
  });
  const answers = await Promise.all(attacks.map(({ target, protocol, bytes }) => target.send(protocol, bytes)));
  sent += attacks.length;
  answers.forEach((heard, at) => {
    if (!/SWB_INTERNAL|HTTP\/1\.1 500/.test(heard)) return;
    const said = JSON.stringify(attacks[at].bytes.toString('latin1')).slice(0, 4000);
    fault ??= `an internal error for ${said}\n${heard.slice(0, 1000)}`;
  });
  if (sent % (AT_A_TIME * 20) === 0 || plain.hasEnded || secure.hasEnded) {
    fault ??= (await plain.fault()) ?? (await secure.fault());
  }
}
fault ??= (await plain.fault()) ?? (await secure.fault());
await Promise.all([plain.end(), secure.end()]);
rmSync(folder, { recursive: true });
process.stdout.write(`${sent} attacks in ${seconds} s, seed ${seedText}: ${fault ?? 'it lives'}\n`);
process.exit(fault === undefined ? 0 : 1);
