/** A real redis-server for the tests of one file, without a file of its own; it can be killed, stopped and started again, empty. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';

import { freePort } from './port.ts';

export class RedisServer {
  readonly port: number;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(port: number, args: readonly string[]) {
    this.port = port;
    this.#args = args;
  }

  /** @param args beside those that keep it in memory and on this machine. */
  static async start(args: readonly string[] = []): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), args);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Empty, at the same port. */
  async start(): Promise<void> {
    const own = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    const child = spawn('redis-server', [...own, ...this.#args], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)));
      child.stdout.on('data', (chunk: Buffer) => {
        if (chunk.includes('Ready to accept connections')) resolve();
      });
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    await exit;
  }

  /** A command in words, as redis-cli would send it. @returns what it answers, as it came. */
  async ask(...words: string[]): Promise<string> {
    const socket = connect(this.port, '127.0.0.1');
    const bulk = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('');
    socket.end(`*${words.length}\r\n${bulk}`);
    let text = '';
    for await (const chunk of socket as AsyncIterable<Buffer>) text += chunk.toString('utf8');
    return text;
  }
}

/** A primary and a replica that follows it, for one test. */
export async function startPair(): Promise<{ primary: RedisServer; replica: RedisServer }> {
  // At once, and without a file of what it gets.
  const atOnce = ['--repl-diskless-sync-delay', '0', '--repl-diskless-load', 'on-empty-db'];
  const primary = await RedisServer.start(atOnce);
  onTestFinished(() => primary.kill());
  const replica = await RedisServer.start([...atOnce, '--replicaof', '127.0.0.1', String(primary.port)]);
  onTestFinished(() => replica.kill());
  await expect
    .poll(() => replica.ask('INFO', 'replication'), { timeout: 10_000, interval: 50 })
    .toContain('master_link_status:up');
  // What is written comes to it once the primary has heard from it.
  await primary.ask('SET', 'followed', '1', 'EX', '60');
  await expect.poll(() => replica.ask('EXISTS', 'followed'), { timeout: 10_000, interval: 50 }).toContain(':1');
  return { primary, replica };
}

/** A real Sentinel that watches a primary as `group`, and has found its replica. @returns its port. */
export async function startSentinel(primary: RedisServer, group: string): Promise<number> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-'));
  const file = join(folder, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor ${group} 127.0.0.1 ${primary.port} 1`,
    `sentinel down-after-milliseconds ${group} 500`,
    `sentinel failover-timeout ${group} 5000`,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const child = spawn('redis-server', [file, '--sentinel'], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit');
    rmSync(folder, { recursive: true, force: true });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the Sentinel ended with ${code}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      if (chunk.includes('+slave slave')) resolve();
    });
  });
  return port;
}
