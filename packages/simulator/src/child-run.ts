/**
 * A run in a process of its own, for a program that must not suffer from it: a thread would share its memory limit, and end it with a crash.
 * The process has a lower priority, gets what it needs by message and not on its command line, and ends with the program.
 */
import { fork } from 'node:child_process';
import { constants, setPriority } from 'node:os';

import { SimulatorError } from './errors.ts';
import type { ErrorName } from './errors.ts';
import type { Result } from './result.ts';
import type { StepText } from './scenario.ts';
import type { Progress } from './watcher.ts';

/** What a run in a process of its own does. */
export interface ChildRunPlan {
  /** Where the clients connect to. */
  url: string;
  /** What each of them shows, such as `authorization`. */
  headers: Readonly<Record<string, string>>;
  /** By the names of the options of `mcp-simulate`, as written on the command line. */
  options: Readonly<Record<string, string>>;
  /** Weighted steps in place of `tool`, as in a scenario file. */
  steps?: readonly StepText[] | undefined;
}

/** How it stands, without the points before. */
export type ChildProgress = Omit<Progress, 'points'>;

/** A run that was started. */
export interface ChildRun {
  /** Rejects with a {@link SimulatorError}. */
  result: Promise<Result>;
  /** Ends it early; its result counts. */
  quit(): void;
  /** Ends its process at once. Then there is no result. */
  kill(): void;
}

export type ToChild = { plan: ChildRunPlan } | { quit: true };
export type FromChild =
  | { progress: ChildProgress }
  | { result: Result }
  | { error: { code: ErrorName | undefined; message: string } };

/** The heap of the process, in MiB: more than 500 clients need. */
const MAX_HEAP_MIB = 512;
/** How much of what it wrote last stands in an error. */
const MAX_WORDS = 500;

/**
 * Runs many clients against an MCP endpoint, as `run` does, in a process of its own.
 *
 * @param onProgress told about four times a second how it stands.
 */
export function runInChild(plan: ChildRunPlan, onProgress: (progress: ChildProgress) => void = () => {}): ChildRun {
  const { SystemRoot } = process.env;
  const child = fork(new URL('./child.js', import.meta.url), [], {
    // Nothing of this process's environment, which may hold secrets. Windows opens no socket without this one.
    env: SystemRoot === undefined ? {} : { SystemRoot },
    execArgv: [`--max-old-space-size=${MAX_HEAP_MIB}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-MAX_WORDS)));
  const send = (message: ToChild): void => void (child.connected && child.send(message, () => {}));
  const result = new Promise<Result>((resolve, reject) => {
    const failed = (detail: string): void => reject(new SimulatorError('SIM_ENDED', detail));
    child.once('error', ({ message }) => failed(message));
    // Not at the exit, which may come before what was sent last is read.
    child.once('close', (code, signal) => failed([`exited with ${code ?? signal}`, words.trim()].join(' ').trim()));
    child.on('message', (message: FromChild) => {
      if ('progress' in message) onProgress(message.progress);
      else if ('result' in message) resolve(message.result);
      else {
        const { code = 'SIM_ENDED', message: text } = message.error;
        reject(SimulatorError.said(code, text));
      }
    });
  });
  child.once('spawn', () => {
    try {
      setPriority(child.pid!, constants.priority.PRIORITY_BELOW_NORMAL);
    } catch {
      // It has ended, or the system has no priorities: it runs all the same.
    }
    send({ plan });
  });
  return { result, quit: () => send({ quit: true }), kill: () => void child.kill('SIGKILL') };
}
