/**
 * Where a Switchboard that runs tells the commands of the same user how to reach it: `<port>.json` in `$XDG_RUNTIME_DIR/switchboard`, or
 * in `~/.switchboard`. It holds the token of the admin API, so it is made for its owner alone.
 */
import { lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { isObject } from '../protocol/jsonrpc.ts';
import { isAlive } from '../util/alive.ts';
import { duration } from './table.ts';

/** How many servers are named. */
const MAX_SERVERS = 4;

export interface RunFile {
  /** Of the admin API. */
  url: string;
  token: string;
  pid: number;
  /** Where clients are served. @default the port of the admin API */
  port?: number;
  /** What it serves, for people: the name of each server and its program. */
  servers?: readonly string[];
  /** In ms since 1970. */
  startedAt?: number;
}

export function runFolder(environment: NodeJS.ProcessEnv): string {
  const { XDG_RUNTIME_DIR: runtime = '' } = environment;
  return runtime === '' ? join(environment['HOME'] ?? homedir(), '.switchboard') : join(runtime, 'switchboard');
}

/** Lets the commands of this user find one that runs; says on stderr why they will not. @returns what undoes that. */
export function announceRun(
  environment: NodeJS.ProcessEnv,
  {
    url,
    token,
    port,
    servers,
  }: { url?: string | undefined; token?: string | undefined; port?: number | undefined; servers?: readonly string[] },
): () => void {
  if (url === undefined || token === undefined) return () => {};
  try {
    const startedAt = Date.now();
    return writeRunFile(environment, {
      url,
      token,
      pid: process.pid,
      ...(port !== undefined && { port }),
      ...(servers !== undefined && { servers }),
      startedAt,
    });
  } catch (error) {
    process.stderr.write(`switchboard: commands will not find this one by themselves: ${(error as Error).message}\n`);
    return () => {};
  }
}

/** @returns what removes it. @throws when the folder or the file cannot be made, or others could read it. */
export function writeRunFile(environment: NodeJS.ProcessEnv, run: RunFile): () => void {
  const folder = runFolder(environment);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${new URL(run.url).port}.json`);
  // One that is there belonged to who had the port before; what others may have put there is not written through.
  rmSync(path, { force: true });
  writeFileSync(path, `${JSON.stringify(run)}\n`, { mode: 0o600, flag: 'wx' });
  return () => {
    if (readRunFile(path)?.pid === run.pid) rmSync(path, { force: true });
  };
}

/** Those whose Switchboard runs. What one that was killed left behind is removed. */
export function runFiles(environment: NodeJS.ProcessEnv): RunFile[] {
  const folder = runFolder(environment);
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => /^\d+\.json$/.test(name));
  } catch {
    return [];
  }
  return names.toSorted().flatMap((name) => {
    const run = readRunFile(join(folder, name));
    if (run === undefined) return [];
    if (isAlive(run.pid)) return [run];
    rmSync(join(folder, name), { force: true });
    return [];
  });
}

/** How people choose one of several: where it is, its process, since when it runs, and what it serves. */
export function describeRun({ url, port, pid, servers = [], startedAt }: RunFile): string {
  const at = new URL(url);
  const own = port === undefined || String(port) === at.port ? '' : `, clients at port ${port}`;
  const since = startedAt === undefined ? '' : `, for ${duration(Date.now() - startedAt)}`;
  const served = servers.length === 0 ? '' : `: ${servers.slice(0, MAX_SERVERS).join(', ')}`;
  const more = servers.length > MAX_SERVERS ? ` and ${servers.length - MAX_SERVERS} more` : '';
  return `--url ${at.origin}   process ${pid}${since}${own}${served}${more}`;
}

/** @returns nothing when it is not there, is no such file, or belongs to somebody else. */
function readRunFile(path: string): RunFile | undefined {
  try {
    const { mode, uid } = lstatSync(path);
    const isOurs = process.platform === 'win32' || (uid === process.getuid?.() && (mode & 0o077) === 0);
    const run: unknown = isOurs ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
    if (!isObject(run)) return undefined;
    const { url, token, pid, port, servers, startedAt } = run;
    if (typeof url !== 'string' || typeof token !== 'string' || typeof pid !== 'number') return undefined;
    return {
      url,
      token,
      pid,
      ...(typeof port === 'number' && { port }),
      ...(Array.isArray(servers) && { servers: servers.filter((each) => typeof each === 'string') }),
      ...(typeof startedAt === 'number' && { startedAt }),
    };
  } catch {
    return undefined;
  }
}
