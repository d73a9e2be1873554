/** The built command with TLS: a folder of certificates that `switchboard certs` made, and servers that are ended with their test. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';

import { cli, servers } from './gateway.ts';

const runFile = promisify(execFile);
export const run: typeof runFile = runFile;
export const folder: string = mkdtempSync(join(tmpdir(), 'switchboard-certs-'));
export const path = (name: string): string => join(folder, name);
export const demo: string[] = ['--', servers.demo.command, ...servers.demo.args];

export const certs = (...args: string[]): Promise<{ stdout: string }> =>
  run(process.execPath, [cli, 'certs', '--out', folder, ...args]);

/** @returns the addresses that it prints. */
export async function serve(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ ws: string; http: string }> {
  const child = spawn(process.execPath, [cli, 'serve', '--port', '0', ...args, ...demo], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(async () => {
    child.kill();
    if (child.exitCode === null) await once(child, 'exit');
  });
  const found: Record<string, string> = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const [, kind, url] = /^ {2}(WebSocket|HTTP) +(\S+)$/.exec(line) ?? [];
    if (kind !== undefined) found[kind] = url!.replace('127.0.0.1', 'localhost');
    if (line.startsWith('Ctrl-C')) break;
  }
  return { ws: found['WebSocket'] ?? '', http: found['HTTP'] ?? '' };
}

export const own = (): string[] => ['--tls-cert', path('server.pem'), '--tls-key', path('server-key.pem')];
export const call = (url: string): Promise<{ stdout: string }> =>
  run(process.execPath, [cli, 'call', url, 'echo', '--args', '{"text":"safe"}'], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: path('ca.pem') },
  });
