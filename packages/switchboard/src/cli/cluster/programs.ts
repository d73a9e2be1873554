/** The programs that one command has started: each is known to run or to have ended, and none outlives the command. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';

import { SwitchboardError } from '../../protocol/errors.ts';
import { OrphanGuard } from '../../upstreams/orphan-guard.ts';

export interface ProgramsOptions {
  /** One has ended that was not told to. */
  onEnded(name: string, how: string): void;
  /** A line that one wrote to stderr. */
  onLine(name: string, line: string): void;
}

export interface ProgramOptions {
  /** Beside the variables of this process. */
  env?: Readonly<Record<string, string>>;
  /** What it prints on stdout once it can be used. @default nothing is waited for */
  ready?: RegExp;
  /** What it reads on stdin. */
  input?: string;
}

export interface Program {
  pid: number;
  /** Rejects when it ends before. */
  ready: Promise<void>;
}

/** How long one may take to end by itself. */
const END_MS = 15_000;
const MAX_TEXT = 100_000;

export class Programs {
  readonly #options: ProgramsOptions;
  readonly #children: Set<ChildProcess> = new Set();
  readonly #guard: OrphanGuard;
  readonly #mark: string = randomBytes(8).toString('hex');
  #ending: Promise<void> | undefined;

  constructor(options: ProgramsOptions) {
    this.#options = options;
    this.#guard = new OrphanGuard(`SWITCHBOARD_STARTED_BY=${this.#mark}`);
  }

  /** Whether they are told to end. */
  get isEnding(): boolean {
    return this.#ending !== undefined;
  }

  /** In a process group of its own: Ctrl-C in the terminal is for this process, which ends them in order. */
  start(name: string, command: string, args: readonly string[], options: ProgramOptions = {}): Program {
    const { env = {}, ready, input = '' } = options;
    const child = spawn(command, args, {
      env: { ...process.env, ...env, SWITCHBOARD_STARTED_BY: this.#mark },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.#children.add(child);
    child.stdin.on('error', () => {}).end(input);
    createInterface({ input: child.stderr }).on('line', (line) => this.#options.onLine(name, line));
    if (child.pid !== undefined) this.#guard.add(child.pid);
    const isReady = new Promise<void>((resolve, reject) => {
      const fail = (how: string, cause?: Error): void => {
        const isUnexpected = this.#children.delete(child) && this.#ending === undefined;
        if (child.pid !== undefined) this.#guard.remove(child.pid);
        if (isUnexpected) this.#options.onEnded(name, how);
        reject(new SwitchboardError('SWB_COMMAND_NOT_FOUND', { detail: `${name} ${how}`, cause }));
      };
      child.once('error', (error) => fail(error.message, error));
      child.once('exit', (code, signal) =>
        fail(signal === null ? `ended with code ${code}` : `was killed by ${signal}`),
      );
      let text = '';
      const onData = (chunk: Buffer): void => {
        text = (text + chunk.toString()).slice(-MAX_TEXT);
        if (ready?.test(text) !== true) return;
        child.stdout.off('data', onData).resume();
        resolve();
      };
      if (ready === undefined) {
        child.stdout.resume();
        resolve();
      } else child.stdout.on('data', onData);
    });
    isReady.catch(() => {});
    return { pid: child.pid ?? 0, ready: isReady };
  }

  /** Ends them, the last one first: who comes in before what serves them, and that before what it needs. Idempotent. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    for (const child of [...this.#children].toReversed()) {
      await new Promise<void>((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
          resolve();
          return;
        }
        const late = setTimeout(() => child.kill('SIGKILL'), END_MS);
        child.once('exit', () => {
          clearTimeout(late);
          resolve();
        });
        child.kill('SIGTERM');
      });
    }
  }
}
