// The programs of a cluster on this machine: a Redis, and nodes that share it. All of them end with this process.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { root } from '../ready.mjs';
import { freePort } from './balancer.mjs';

const START_MS = 60_000;
const key = randomBytes(48).toString('base64');
const adminToken = randomBytes(24).toString('base64url');
const running = new Set();
process.on('exit', () => {
  for (const child of running) {
    child.kill('SIGCONT');
    child.kill('SIGKILL');
  }
});

/** A program that can be ended and started again. */
class Program {
  child;
  exit = Promise.resolve();
  #command;
  #args;
  #options;

  constructor(command, args, options = {}) {
    this.#command = command;
    this.#args = args;
    this.#options = options;
  }

  /** Resolves when it has printed that it is ready. */
  async start() {
    const { env, ready, log } = this.#options;
    const child = spawn(this.#command, this.#args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    running.add(child);
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      text = (text + chunk).slice(-4000);
      log?.write(chunk);
    });
    this.exit = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        running.delete(child);
        resolve(code ?? signal);
      });
    });
    await new Promise((resolve, reject) => {
      const fail = (why) => reject(new Error(`${this.#command} ${why}: ${text.trim()}`));
      const late = setTimeout(() => {
        child.kill('SIGKILL');
        fail(`is not ready after ${START_MS} ms`);
      }, START_MS);
      child.once('error', (error) => fail(error.message));
      child.once('close', (code, signal) => fail(`ended with ${code ?? signal}`));
      child.stdout.setEncoding('utf8').on('data', (chunk) => {
        text = (text + chunk).slice(-4000);
        if (!ready.test(text)) return;
        clearTimeout(late);
        resolve();
      });
    });
  }

  signal(signal) {
    this.child.kill(signal);
  }

  /** Resolves when it has ended. */
  async end(signal = 'SIGKILL') {
    this.child?.kill('SIGCONT');
    this.child?.kill(signal);
    await this.exit;
  }
}

/** A Redis of its own, which keeps what it has over a restart if it is to. */
export class Redis extends Program {
  port;
  #folder;

  /** @param keeps whether it writes each change to disk. */
  static async start({ keeps = false } = {}) {
    const [port, folder] = [await freePort(), mkdtempSync(join(tmpdir(), 'switchboard-redis-'))];
    const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', folder];
    const kept = keeps ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
    const redis = new Redis('redis-server', [...args, ...kept], { ready: /Ready to accept connections/ });
    redis.port = port;
    redis.#folder = folder;
    await redis.start();
    return redis;
  }

  /** Sends one command, and gives what comes back as it is. */
  async ask(...words) {
    const socket = connect(this.port, '127.0.0.1');
    socket.end(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`);
    let text = '';
    for await (const chunk of socket) text += chunk.toString('utf8');
    return text;
  }

  async end(signal) {
    await super.end(signal);
  }

  async close() {
    await this.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A port that leads to another one, and can be cut: what comes then waits, as when packets are lost. */
export class Line {
  port;
  #sockets = new Set();
  #isCut = false;
  #server;

  static async to(port) {
    const line = new Line();
    line.#server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      for (const [from, to] of [
        [near, far],
        [far, near],
      ]) {
        line.#sockets.add(from);
        from.on('data', (chunk) => to.write(chunk));
        from.on('error', () => {});
        from.on('close', () => {
          line.#sockets.delete(from);
          to.destroy();
        });
        if (line.#isCut) from.pause();
      }
    }).listen(0, '127.0.0.1');
    await once(line.#server, 'listening');
    line.port = line.#server.address().port;
    return line;
  }

  cut() {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.pause();
  }

  mend() {
    this.#isCut = false;
    for (const socket of this.#sockets) socket.resume();
  }

  close() {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** One `switchboard serve` of a cluster, on the same port each time that it is started. */
export class ClusterNode extends Program {
  name;
  port;

  /**
   * @param options.store the port of Redis.
   * @param options.args further flags, and the server.
   * @param options.logFile where its log goes. @default nowhere
   */
  static async create({ name, store, args, logFile }) {
    const port = await freePort();
    const flags = ['serve', '--port', `${port}`, '--node-name', name, '--peer-listen', '127.0.0.1:0'];
    const node = new ClusterNode(
      process.execPath,
      [join(root, 'packages/switchboard/dist/cli/main.js'), ...flags, '--store', `redis://127.0.0.1:${store}`, ...args],
      {
        env: { SWITCHBOARD_CLUSTER_KEY: key, SWITCHBOARD_ADMIN_TOKEN: adminToken },
        ready: /Ctrl-C/,
        ...(logFile !== undefined && { log: createWriteStream(logFile, { flags: 'a' }) }),
      },
    );
    node.name = name;
    node.port = port;
    return node;
  }

  /** Asks its admin API. */
  async ask(method, path, body) {
    const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' };
    const answer = await fetch(`http://127.0.0.1:${this.port}/admin${path}`, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} at node ${this.name}: ${answer.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  /** The names of the nodes that it sees. */
  async seen() {
    return (await this.ask('GET', '/status')).nodes.map(({ name }) => name).toSorted();
  }
}
