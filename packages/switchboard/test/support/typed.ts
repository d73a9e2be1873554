/** Lines as a user types them, in a folder where the commands of this repository are installed. */
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { onTestFinished } from 'vitest';

import { ended, folder, shell } from './command.ts';
import type { Ended, Environment } from './command.ts';
import { root } from './gateway.ts';

const COMMANDS: Readonly<Record<string, string>> = {
  switchboard: 'packages/switchboard/bin/switchboard.js',
  'mcp-simulate': 'packages/simulator/bin/simulate.js',
  'mcp-switchboard-demo': 'servers/demo/bin/demo.js',
  'mcp-switchboard-devenv': 'servers/devenv/bin/devenv.js',
  'mcp-switchboard-luno': 'servers/luno/bin/luno.js',
  'mcp-switchboard-tallyfy': 'servers/tallyfy/bin/tallyfy.js',
};

export interface Open {
  child: ChildProcess;
  /** What it printed until it was open. */
  printed: string;
  /** The addresses that it serves at. */
  urls: string[];
  /** What it wrote to stderr so far. */
  stderr(): string;
  exit: Promise<number | null>;
}

export interface Terminal {
  cwd: string;
  env: Environment;
  /** Runs a line to its end. */
  run(line: string, env?: Environment): Promise<Ended>;
  /** Runs a line that goes on, until it says that it is open. */
  open(line: string, env?: Environment): Promise<Open>;
}

/** A folder with a user's files, and the environment in which a line runs there. */
export function terminal(): Terminal {
  const cwd = folder();
  const bin = join(cwd, 'bin');
  mkdirSync(bin);
  for (const [name, path] of Object.entries(COMMANDS)) symlinkSync(join(root, path), join(bin, name));
  symlinkSync(process.execPath, join(bin, 'node'));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true, maxRetries: 3 }));
  const env = { PATH: `${bin}:${process.env['PATH']}`, XDG_RUNTIME_DIR: cwd, SWITCHBOARD_ADMIN_TOKEN: undefined };
  return {
    cwd,
    env,
    run: (line, more = {}) => ended(shell(line, { cwd, env: { ...env, ...more } })),
    open: (line, more = {}) => opened(shell(line, { cwd, env: { ...env, ...more } })),
  };
}

async function opened(child: ChildProcess): Promise<Open> {
  const exit = once(child, 'exit').then(([code]) => code as number | null);
  let [printed, stderr] = ['', ''];
  child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  for await (const line of createInterface({ input: child.stdout! })) {
    printed += `${line}\n`;
    if (line.startsWith('Ctrl-C')) break;
  }
  const urls = [...printed.matchAll(/^ {2}\w+ +((?:https?|wss?):\/\/\S+)$/gm)].map(([, url]) => url!);
  return { child, printed, urls, stderr: () => stderr, exit };
}
