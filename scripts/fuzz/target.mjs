/** A Switchboard that is attacked, in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect as connectTls } from 'node:tls';

import { root } from '../ready.mjs';

export const CLI = join(root, 'packages/switchboard/dist/cli/main.js');
const MAX_GROWTH_MB = 300;
/** Shorter than the time limits of Switchboard: most of what is sent is never finished. */
const PATIENCE_MS = 300;
const CONNECT_MS = 5000;
const HONEST = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'honest', version: '1' } },
};
/** What is attacked. */
export class Target {
  #child;
  #dice;
  #secure;
  port = 0;
  startMb = 0;
  /** Of a session that is open, for those who say that it is theirs. */
  session = 'x';

  /** @param dice decides where what is sent is cut in two. */
  constructor(dice, secure, options, words = ['--', process.execPath, join(root, 'servers/demo/dist/main.js')]) {
    this.#dice = dice;
    this.#secure = secure;
    const command = [CLI, 'serve', '--port', '0', '--isolation', 'shared', '--log-level', 'silent'];
    // Some attacks are good enough to open a session, and nobody ends those.
    command.push(
      '--max-connections',
      '5000',
      '--idle-timeout',
      '20s',
      '--rate-limit',
      'unlimited',
      ...options,
      ...words,
    );
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
        const { next, below } = this.#dice;
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
      socket.once('close', () => {
        this.session = /^mcp-session-id: (\S+)/im.exec(heard)?.[1] ?? 'x';
        resolve(heard.startsWith('HTTP/1.1 200 ') && heard.includes('"result"'));
      });
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
