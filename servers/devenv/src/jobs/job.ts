import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProcessTree, type TreeOptions } from '../process-tree.ts';
import type { Task } from './tasks.ts';

export const JOB_STATES = ['running', 'succeeded', 'failed', 'cancelled', 'timed_out'] as const;
export type JobState = (typeof JOB_STATES)[number];

/** How much of a job's output is kept: its end. */
const MAX_OUTPUT_BYTES = 1024 * 1024;
const LONGEST_LINE = 200;
/** After the process is gone, how long its pipes may still deliver what it wrote last. */
const DRAIN_MS = 200;

/** A task under way, or done. It begins at once. */
export class Job {
  readonly id: string = `job-${randomBytes(6).toString('hex')}`;
  readonly task: Task;
  readonly startedAt: Date = new Date();
  /** Settles when the job is over; never fails. */
  readonly ended: Promise<void>;
  readonly #tree: ProcessTree;
  readonly #chunks: Buffer[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #heard: (line: string) => void;
  #bytes = 0;
  #dropped = 0;
  #state: JobState = 'running';
  #stopped: 'cancelled' | 'timed_out' | undefined;
  #exitCode: number | undefined;
  #endedAt: Date | undefined;

  /** @param heard told the last line of each piece of output. */
  constructor(task: Task, options: TreeOptions, heard: (line: string) => void = () => {}) {
    this.task = task;
    this.#heard = heard;
    const [command = '', ...args] = task.command;
    this.#tree = new ProcessTree(command, args, options);
    this.#timer = setTimeout(() => void this.#stop('timed_out'), task.timeoutMs);
    const { child } = this.#tree;
    child.stdout?.on('data', (chunk: Buffer) => this.#keep(chunk));
    child.stderr?.on('data', (chunk: Buffer) => this.#keep(chunk));
    this.ended = new Promise((resolve) => {
      child.once('error', (error: Error) => {
        this.#keep(Buffer.from(`${command} cannot be started: ${error.message}\n`));
        this.#end(undefined);
        resolve();
      });
      const closed = once(child, 'close').catch(() => {});
      child.once('exit', (code) => {
        // What the task left running goes with it. What left its process group may still hold the pipes.
        void Promise.all([this.#tree.end(), Promise.race([closed, sleep(DRAIN_MS)])]).then(() => {
          this.#end(code ?? undefined);
          resolve();
        });
      });
    });
  }

  get pid(): number | undefined {
    return this.#tree.pid;
  }

  get state(): JobState {
    return this.#state;
  }

  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  get endedAt(): Date | undefined {
    return this.#endedAt;
  }

  /** How many bytes of the beginning are not kept any more. */
  get dropped(): number {
    return this.#dropped;
  }

  /** What it printed, as far as it is kept. */
  get output(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  /** Ends every process of the job; settles when they are gone. Does nothing to one that is over. */
  async cancel(): Promise<void> {
    await this.#stop('cancelled');
    await this.ended;
  }

  async #stop(why: 'cancelled' | 'timed_out'): Promise<void> {
    if (this.#state !== 'running') return;
    this.#stopped ??= why;
    await this.#tree.end();
  }

  #end(code: number | undefined): void {
    if (this.#state !== 'running') return;
    clearTimeout(this.#timer);
    this.#exitCode = code;
    this.#endedAt = new Date();
    this.#state = this.#stopped ?? (code === 0 ? 'succeeded' : 'failed');
  }

  #keep(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes > MAX_OUTPUT_BYTES) {
      const [first] = this.#chunks;
      if (!first) break;
      const surplus = Math.min(first.length, this.#bytes - MAX_OUTPUT_BYTES);
      if (surplus === first.length) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(surplus);
      this.#bytes -= surplus;
      this.#dropped += surplus;
    }
    const line = chunk.toString().trimEnd().split('\n').at(-1)?.slice(0, LONGEST_LINE) ?? '';
    if (line !== '') this.#heard(line);
  }
}
