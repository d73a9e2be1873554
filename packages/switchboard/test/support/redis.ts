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

/** All keys, each behind the time that is left of it, in ms. */
const LISTED = `
local all = redis.call('KEYS', ARGV[1] .. ':*')
for at, key in ipairs(all) do all[at] = redis.call('PTTL', key) .. ' ' .. key end
return all`;
/** Ends of leases and of what an index lists, and when a bucket was last filled, are times; all else has its end from Redis itself. */
const PASS = `
local ms = tonumber(ARGV[2])
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. ':*')) do
  local kind = redis.call('TYPE', key).ok
  if kind == 'zset' then
    for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do redis.call('ZINCRBY', key, -ms, member) end
  elseif kind == 'hash' then
    for _, field in ipairs({'ends', 'at'}) do
      local value = redis.call('HGET', key, field)
      if value then redis.call('HSET', key, field, string.format('%d', tonumber(value) - ms)) end
    end
  end
  local left = redis.call('PTTL', key)
  if left >= 0 then redis.call('PEXPIRE', key, left - ms) end
end
return false`;

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

  /**
   * Lets time pass for all keys with this prefix, which nobody uses just now: everything with an end, or with a time in it, is as it would be
   * later.
   */
  async pass(prefix: string, ms: number): Promise<void> {
    const answer = await this.ask('EVAL', PASS, '0', prefix, String(ms));
    expect(answer).toBe('$-1\r\n');
  }

  /** How many keys there are of each kind, by their first words; those without an end by `endless` too. */
  async kinds(prefix: string): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const [, ends, key] of (await this.ask('EVAL', LISTED, '0', prefix)).matchAll(/^(-?\d+) (.+)$/gm)) {
      const kind = key!
        .slice(prefix.length + 1)
        .split(' ', 1)[0]!
        .trim();
      for (const each of ends === '-1' ? [kind, 'endless'] : [kind]) counts[each] = (counts[each] ?? 0) + 1;
    }
    return counts;
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
