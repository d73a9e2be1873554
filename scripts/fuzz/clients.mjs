/** Attacks of clients: over raw sockets with HTTP/1.1, HTTP/2 and WebSocket, and over stdio. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { root } from '../ready.mjs';
import { createHttp1 } from './http1.mjs';
import { createHttp2 } from './http2.mjs';
import { createMessages } from './message.mjs';
import { createOdd } from './odd.mjs';
import { CLI, Target } from './target.mjs';

const AT_A_TIME = 40;
const LINES_AT_A_TIME = 200;
const STDIO_MS = 30_000;

/** @returns what was done, and what is wrong since; nothing if it lives. */
export async function attackAsClients(dice, seconds) {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-fuzz-'));
  execFileSync(process.execPath, [CLI, 'certs', '--out', folder]);
  const tls = ['--tls-cert', join(folder, 'server.pem'), '--tls-key', join(folder, 'server-key.pem')];
  const [plain, secure] = [new Target(dice, false, []), new Target(dice, true, tls)];
  const pipe = new Pipe(dice);
  await Promise.all([plain.ready(), secure.ready()]);
  try {
    return await attack(dice, Date.now() + seconds * 1000, plain, secure, pipe);
  } finally {
    await Promise.all([plain.end(), secure.end(), pipe.end()]);
    rmSync(folder, { recursive: true });
  }
}

async function attack(dice, until, plain, secure, pipe) {
  const { pick, mutate } = dice;
  const odd = createOdd(dice);
  const oddMessage = () => odd.fromClient();
  const nearlyRight = createMessages(dice);
  const message = () => pick([nearlyRight, oddMessage])();
  const { http, oddHttp, frame, webSocket, oddWebSocket } = createHttp1(dice, message, oddMessage, plain);
  const http2 = createHttp2(dice, message, frame, secure);
  const kinds = [
    [plain, 'http/1.1', http],
    [plain, 'http/1.1', oddHttp],
    [plain, 'http/1.1', oddHttp],
    [plain, 'http/1.1', () => mutate(http())],
    [plain, 'http/1.1', webSocket],
    [plain, 'http/1.1', oddWebSocket],
    [plain, 'http/1.1', () => mutate(webSocket())],
    [secure, 'h2', http2],
    [secure, 'h2', http2],
  ];
  const faultOf = async () => (await plain.fault()) ?? (await secure.fault()) ?? pipe.fault();
  let fault = await faultOf();
  let sent = 0;
  const piped = (async () => {
    while (Date.now() < until && pipe.fault() === undefined) await pipe.attack();
  })();
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
    if (sent % (AT_A_TIME * 20) === 0 || plain.hasEnded || secure.hasEnded || pipe.hasEnded) fault ??= await faultOf();
  }
  await piped;
  return { did: `${sent} connections and ${pipe.sent} lines of hostile clients`, fault: fault ?? (await faultOf()) };
}

/** A Switchboard whose one client is on stdin and stdout. */
class Pipe {
  sent = 0;
  #child;
  #odd;
  #id = 0;
  #heard = new Map();
  #fault;
  #gone;

  constructor(dice) {
    this.#odd = createOdd(dice);
    this.#start();
  }

  get hasEnded() {
    return this.#child.signalCode !== null || (this.#child.exitCode ?? 0) !== 0;
  }

  fault() {
    return this.hasEnded ? 'Switchboard on stdio has ended' : this.#fault;
  }

  /** Sends some lines, and waits until what comes after them is answered. */
  async attack() {
    if (this.#child.exitCode === 0) this.#start();
    const child = this.#child;
    for (let n = 0; n < LINES_AT_A_TIME; n++) {
      // Ten unreadable ones in a row would be the end.
      if (n % 5 === 0) child.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
      child.stdin.write(`${this.#odd.fromClient(++this.#id)}\n`);
    }
    this.sent += LINES_AT_A_TIME;
    const id = `honest ${++this.#id}`;
    const answered = new Promise((resolve) => this.#heard.set(id, resolve));
    child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' })}\n`);
    const timer = setTimeout(() => (this.#fault = `nothing on stdio for ${STDIO_MS} ms`), STDIO_MS);
    await Promise.race([answered, this.#gone, new Promise((resolve) => setTimeout(resolve, STDIO_MS + 1000).unref())]);
    clearTimeout(timer);
  }

  async end() {
    if (this.#child.exitCode !== null || this.hasEnded) return;
    this.#child.kill();
    await this.#gone;
  }

  /** Ten unreadable messages in a row end a client, and with it the command that serves it: with 0. */
  #start() {
    const words = [
      'serve',
      '--transport',
      'stdio',
      '--log-level',
      'silent',
      '--rate-limit',
      'unlimited',
      '--',
      process.execPath,
    ];
    words.push(join(root, 'servers/demo/dist/main.js'));
    this.#child = spawn(process.execPath, [CLI, ...words], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#gone = once(this.#child, 'exit');
    this.#child.stdin.on('error', () => {});
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      if (line.includes('"reference":"')) this.#fault ??= `an internal error on stdio: ${line.slice(0, 1000)}`;
      const id = /"id":"(honest \d+)"/.exec(line)?.[1];
      this.#heard.get(id)?.();
      this.#heard.delete(id);
    });
    this.#child.stdin.write(
      '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{},"clientInfo":{"name":"f","version":"1"}}}\n',
    );
  }
}
