import { type ChildProcess, execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import spawnProcess from 'cross-spawn';

/** After SIGTERM, how long until SIGKILL. */
const TERM_GRACE_MS = 2_000;
/** After SIGKILL, how long until the system has cleared away what was killed. */
const KILL_GRACE_MS = 1_000;
const POLL_MS = 20;

export interface TreeOptions {
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
}

/**
 * A child process with all that it starts: it leads a process group of its own, so that all of it can be ended. Its stdin is
 * empty, and no shell sees its arguments.
 */
export class ProcessTree {
  readonly child: ChildProcess;
  #ending: Promise<void> | undefined;

  constructor(command: string, args: readonly string[], { cwd, env }: TreeOptions) {
    this.child = spawnProcess(command, [...args], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Ends every process of the tree: SIGTERM, and SIGKILL for what is left after 2 s. Resolves when nothing is left. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    if (!this.#signal('SIGTERM') || (await this.#gone(TERM_GRACE_MS))) return;
    this.#signal('SIGKILL');
    await this.#gone(KILL_GRACE_MS);
  }

  /** Waits until nothing of the tree is left. @returns false if that takes too long. */
  async #gone(limitMs: number): Promise<boolean> {
    const deadline = Date.now() + limitMs;
    while (this.#signal(0) && !this.#onlyDead()) {
      if (Date.now() > deadline) return false;
      await sleep(POLL_MS);
    }
    return true;
  }

  /**
   * Whether all that is left of the group is dead and only waits to be cleared away by whoever adopted it, which in a container
   * may be nobody. Only Linux tells; elsewhere the answer is no.
   */
  #onlyDead(): boolean {
    const { pid, exitCode, signalCode } = this.child;
    if (process.platform !== 'linux' || (exitCode === null && signalCode === null)) return false;
    return !readdirSync('/proc').some((entry) => {
      if (!/^\d+$/.test(entry)) return false;
      const [state, , group] = statOf(entry);
      return group === String(pid) && state !== 'Z';
    });
  }

  /** @returns whether anything was there to receive it. */
  #signal(signal: NodeJS.Signals | 0): boolean {
    const { pid, exitCode, signalCode } = this.child;
    if (pid === undefined) return false;
    if (process.platform === 'win32') {
      const alive = exitCode === null && signalCode === null;
      if (alive && signal !== 0) execFile('taskkill', ['/pid', String(pid), '/T', '/F'], () => {});
      return alive;
    }
    try {
      return process.kill(-pid, signal);
    } catch {
      return false;
    }
  }
}

/** The state of a process, its parent and its group (proc(5), after the name in brackets); nothing if it is gone. */
function statOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
  } catch {
    return [];
  }
}
