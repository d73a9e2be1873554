/**
 * A child process that speaks MCP over its pipes (MCP, Transports, "stdio").
 *
 * It is started in a process group of its own and with a mark in its environment, so that it can be ended with everything it started, and
 * it is ended in three steps: its stdin is closed, then SIGTERM, then SIGKILL.
 */
import spawnProcess from 'cross-spawn';
import { execFile } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

import type { CloseName } from '../protocol/close-codes.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import type { Message } from '../protocol/jsonrpc.ts';
import type { Channel, ChannelHandlers } from '../transports/channel.ts';
import { LineSplitter } from '../transports/stdio/lines.ts';
import { PipeChannel } from '../transports/stdio/pipes.ts';
import type { PipeLimits } from '../transports/stdio/pipes.ts';
import { LastWords } from './last-words.ts';
import type { OrphanGuard } from './orphan-guard.ts';
import { MARK_VARIABLE } from './stragglers.ts';
import type { Stragglers } from './stragglers.ts';

export interface ProcessOptions {
  command: string;
  args: readonly string[];
  cwd?: string;
  /** The child's whole environment; nothing else is inherited. */
  env: Record<string, string>;
  limits: PipeLimits;
  guard: OrphanGuard;
  /** Finds what the child started and detached. */
  stragglers: Stragglers;
  /** Takes out of a line of stderr what nobody may see. */
  mask?(line: string): string;
  /** What may be behind an end before the first message, out of the last lines of stderr; joined to the reason. */
  explain?(stderr: string): string | undefined;
  /** Told each line of the child's stderr. */
  onStderr?(line: string): void;
  /** After stdin is closed, how long until SIGTERM. @default 2000 */
  stdinGraceMs?: number;
  /** After SIGTERM, how long until SIGKILL. @default 3000 */
  termGraceMs?: number;
}

const STDERR_LINE_BYTES = 8192;
const NOT_A_SERVER = 'An MCP server on stdio runs until its stdin is closed; check the command and its arguments';
/** How long a dead child's pipes may still deliver what it wrote last. */
const DRAIN_MS = 200;
/** How long what a dead child left running may take to end. */
const LEFTOVER_GRACE_MS = 1000;

/**
 * Starts the child; resolves when the system has started it, which says nothing yet about whether it speaks MCP.
 *
 * @throws {SwitchboardError} `SWB_COMMAND_NOT_FOUND` with the command and what to check.
 */
export async function connectProcess(options: ProcessOptions): Promise<ProcessChannel> {
  const mark = options.stragglers.newMark();
  const child = spawnProcess(options.command, [...options.args], {
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    env: { ...options.env, [MARK_VARIABLE]: mark },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  const channel = new ProcessChannel(child, mark, options);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause: NodeJS.ErrnoException) => {
      const detail =
        cause.code === 'ENOENT'
          ? `${JSON.stringify(options.command)} was not found; check the name, the PATH and the working directory (cwd)`
          : `${JSON.stringify(options.command)}: ${cause.message}`;
      reject(new SwitchboardError('SWB_COMMAND_NOT_FOUND', { detail, cause }));
    });
  });
  return channel;
}

export class ProcessChannel implements Channel {
  readonly #child: ChildProcess;
  readonly #mark: string;
  readonly #pipes: PipeChannel;
  readonly #options: ProcessOptions;
  readonly #words: LastWords = new LastWords();
  #handlers: ChannelHandlers | undefined;
  #hasSpoken = false;
  #closing = false;
  /** It was closed from this side before it closed its pipes. */
  #isAsked = false;
  #gone = false;
  #goneBeforeStart: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param mark by which what it started is found. */
  constructor(child: ChildProcess, mark: string, options: ProcessOptions) {
    this.#child = child;
    this.#mark = mark;
    this.#options = options;
    this.#pipes = new PipeChannel(child.stdout as Readable, child.stdin as Writable, options.limits);
    if (child.pid !== undefined) options.guard.add(child.pid);
    const lines = new LineSplitter(
      STDERR_LINE_BYTES,
      (line) => this.#keepStderr(line.toString('utf8').trimEnd()),
      () => {},
    );
    child.stderr?.on('data', (chunk: Buffer) => lines.push(chunk));
    child.stdin?.on('error', () => {});
    child.once('exit', (code, signal) => this.#exited(code, signal));
  }

  get maxQueueBytes(): number {
    return this.#options.limits.maxQueueBytes;
  }

  get isFull(): boolean {
    return this.#pipes.isFull;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** What it wrote on stderr, or before its first message on stdout, as a clause; undefined when it wrote nothing. */
  get lastWords(): string | undefined {
    return this.#words.clause((text) => this.#masked(text));
  }

  start(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    if (this.#goneBeforeStart !== undefined) {
      handlers.onClose(this.#goneBeforeStart);
      return;
    }
    const keepOutput = (chunk: Buffer): void => this.#words.addOutput(chunk.toString('utf8'));
    this.#child.stdout?.on('data', keepOutput);
    this.#pipes.start({
      onMessage: (message) => {
        if (!this.#hasSpoken) this.#child.stdout?.off('data', keepOutput);
        this.#hasSpoken = true;
        if (!this.#closing) handlers.onMessage(message);
      },
      onBatch: (parts) => {
        if (!this.#closing) handlers.onBatch?.(parts);
      },
      onBadMessage: (error, foreign) => handlers.onBadMessage(error, foreign),
      onDrain: () => handlers.onDrain?.(),
      onClose: (reason) => {
        // Who waits for its answers need not wait until it has been ended.
        if (this.#pipes.closedFor?.why === 'overloaded') {
          handlers.onBadMessage(new SwitchboardError('SWB_OVERLOADED', { detail: reason }));
        }
        // Closed pipes mean a child that is ending; one that closed them and lives on is of no use.
        this.#end();
      },
    });
  }

  send(message: Message): void {
    this.#pipes.send(message);
  }

  /** `onClose` follows once the process is gone. */
  close(_why?: CloseName, _reason?: string): void {
    this.#isAsked ||= !this.#closing;
    this.#end();
  }

  #end(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#pipes.close();
    if (this.#gone) return;
    const { stdinGraceMs = 2000, termGraceMs = 3000 } = this.#options;
    this.#child.stdin?.end();
    this.#timer = setTimeout(() => {
      this.#signal('SIGTERM');
      this.#timer = setTimeout(() => this.#signal('SIGKILL'), termGraceMs);
    }, stdinGraceMs);
  }

  #exited(code: number | null, signal: NodeJS.Signals | null): void {
    clearTimeout(this.#timer);
    this.#gone = true;
    this.#endLeftovers();
    const how = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
    const isStart = !this.#isAsked && !this.#hasSpoken;
    let reported = false;
    const report = (): void => {
      if (reported) return;
      reported = true;
      clearTimeout(drain);
      this.#closing = true;
      const words = this.lastWords ?? (isStart ? 'it wrote nothing to stderr' : undefined);
      const causes = [
        this.#hasSpoken ? undefined : this.#options.explain?.(this.#words.stderr),
        isStart && code === 0 ? NOT_A_SERVER : undefined,
      ];
      const reason = [
        words === undefined ? how : `${how}; ${words}`,
        ...causes.filter((each) => each !== undefined),
      ].join('. ');
      this.#child.stdout?.destroy();
      this.#child.stderr?.destroy();
      this.#pipes.close();
      if (this.#handlers === undefined) this.#goneBeforeStart = reason;
      else this.#handlers.onClose(reason);
    };
    const drain = setTimeout(report, DRAIN_MS);
    this.#child.once('close', report);
  }

  /** Whatever the child started and left behind goes with it; the guard watches until it is gone. */
  #endLeftovers(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    const { guard, stragglers } = this.#options;
    const ends = [stragglers.end(this.#mark, LEFTOVER_GRACE_MS)];
    if (this.#signal('SIGTERM')) ends.push(this.#killGroupLater());
    Promise.all(ends).then(
      () => guard.remove(pid),
      () => guard.remove(pid),
    );
  }

  async #killGroupLater(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, LEFTOVER_GRACE_MS).unref());
    this.#signal('SIGKILL');
  }

  /** @returns whether anything was there to receive it. */
  #signal(signal: NodeJS.Signals): boolean {
    const { pid } = this.#child;
    if (pid === undefined) return false;
    if (process.platform === 'win32') {
      if (!this.#gone) execFile('taskkill', ['/pid', String(pid), '/T', '/F'], () => {});
      return false;
    }
    try {
      return process.kill(-pid, signal);
    } catch {
      return false;
    }
  }

  #keepStderr(text: string): void {
    const line = this.#masked(text);
    this.#words.add(line);
    this.#options.onStderr?.(line);
  }

  #masked(text: string): string {
    return this.#options.mask?.(text) ?? text;
  }
}
