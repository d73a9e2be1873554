import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const simulateBin: string = here('../../bin/simulate.js');
export const demo: string = here('../../../../servers/demo/dist/main.js');
const switchboard = here('../../../switchboard/dist/cli/main.js');

export interface Server {
  pid: number;
  ws: string;
  http: string;
}

/** What it prints first holds its port. */
async function start(args: readonly string[]): Promise<Server> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let printed = '';
  let port: string | undefined;
  while (port === undefined) {
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
    printed += chunk.toString();
    port = /(?:127\.0\.0\.1:|^)(\d+)(?=\D)/m.exec(printed)?.[1];
  }
  return { pid: child.pid!, ws: `ws://127.0.0.1:${port}/mcp`, http: `http://127.0.0.1:${port}/mcp` };
}

/** A server that does wrong at the calls with these numbers. */
export const startFaulty = (faults: Readonly<Record<string, readonly number[]>>): Promise<Server> =>
  start([here('../fixtures/faulty-server.mjs'), JSON.stringify(faults)]);

/** Switchboard with the demo server behind it. */
export const startSwitchboard = (...options: readonly string[]): Promise<Server> =>
  start([switchboard, 'serve', '--port', '0', '--log-level', 'error', ...options, '--', process.execPath, demo]);
