/** The built command in processes of their own, ended with the test. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

import { cli } from './gateway.ts';
import type { Json } from './wire.ts';

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export type Environment = Record<string, string | undefined>;

/** What tests start leaves nothing in the folders of whoever runs them. */
const STATE: Environment = { XDG_STATE_HOME: mkdtempSync(join(tmpdir(), 'switchboard-state-')) };
process.once('exit', () => rmSync(STATE['XDG_STATE_HOME']!, { recursive: true, force: true }));

export function start(args: readonly string[], env: Environment = {}): ChildProcess {
  const child = spawn(process.execPath, [cli, ...args], { env: { ...process.env, ...STATE, ...env } });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** A line as it is typed into a shell; whatever the shell has started ends with the test. */
export function shell(line: string, { cwd, env }: { cwd: string; env: Environment }): ChildProcess {
  const child = spawn('/bin/sh', ['-c', line], { cwd, env: { ...process.env, ...STATE, ...env }, detached: true });
  onTestFinished(() => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // All of it has ended.
    }
  });
  return child;
}

/** Runs the command to its end. */
export const run = (
  args: readonly string[],
  { env = {}, input = '' }: { env?: Environment; input?: string } = {},
): Promise<Ended> => ended(start(args, env), input);

/** Waits for the end of a child, and for all that it printed. */
export async function ended(child: ChildProcess, input = ''): Promise<Ended> {
  let [stdout, stderr] = ['', ''];
  child.stdout!.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  // One that has ended already takes nothing.
  child.stdin!.on('error', () => {}).end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

export interface Serving {
  child: ChildProcess;
  port: number;
  ws: string;
  http: string;
  /** What it logged so far. */
  log: Json[];
  /** Everything that it wrote to stderr. */
  stderr(): string;
  exit: Promise<number | null>;
}

/** `switchboard serve` on a free port. */
export const serve = (args: readonly string[], env: Environment = {}): Promise<Serving> =>
  served(start(['serve', '--port', '0', '--rate-limit', 'unlimited', '--warm', '0', ...args], env));

/** A `switchboard serve` that was started, once it serves. */
export async function served(child: ChildProcess): Promise<Serving> {
  const exit = once(child, 'exit').then(([code]) => code as number | null);
  const log: Json[] = [];
  const lines: string[] = [];
  createInterface({ input: child.stderr! }).on('line', (line) => {
    lines.push(line);
    if (line.startsWith('{')) log.push(JSON.parse(line) as Json);
  });
  let text = '';
  for await (const line of createInterface({ input: child.stdout! })) {
    text += `${line}\n`;
    if (line.startsWith('Ctrl-C')) break;
  }
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(text)?.[1]);
  const base = `127.0.0.1:${port}/mcp`;
  return { child, port, ws: `ws://${base}`, http: `http://${base}`, log, stderr: () => lines.join('\n'), exit };
}

export const folder = (): string => mkdtempSync(join(tmpdir(), 'switchboard-'));

/** A configuration file in a folder of its own. */
export function file(content: string | object): string {
  const path = join(folder(), 'config.jsonc');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}
