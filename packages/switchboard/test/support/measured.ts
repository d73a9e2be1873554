/** A gateway in a process of its own that can be asked what it holds (fixtures/measured-gateway.mjs), and other programs of that kind. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}.mjs`, import.meta.url));

/** What a gateway holds when garbage was collected. */
export interface Held {
  bytes: number;
  rss: number;
  files: number;
  timers: number;
}

export function startProgram(name: string, args: readonly string[], execArgv: string[] = []): ChildProcess {
  const child = fork(fixture(name), args, { execArgv, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** @returns the process, and its addresses. */
export async function startMeasured(
  options: object,
  flags: readonly string[] = [],
): Promise<{ gateway: ChildProcess; websocket: string; http: string }> {
  const gateway = startProgram('measured-gateway', [JSON.stringify(options)], ['--expose-gc', ...flags]);
  return { gateway, ...(await hear<{ websocket: string; http: string }>(gateway)) };
}

/** The next thing that a child says; it is an error that it ends instead. */
export async function hear<T>(child: ChildProcess): Promise<T> {
  const ended = new AbortController();
  const { signal } = ended;
  const exit = once(child, 'exit', { signal }).then(([code, why]) => {
    throw new Error(`${child.spawnfile} ended with ${String(code ?? why)}`);
  });
  exit.catch(() => {});
  const [message] = (await Promise.race([once(child, 'message', { signal }), exit])) as [T];
  ended.abort();
  return message;
}

export function ask<T>(child: ChildProcess, what: string): Promise<T> {
  child.send(what);
  return hear<T>(child);
}
