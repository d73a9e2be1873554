/**
 * Processes that a child started and that left its process group, with `setsid` for example: they are found by a mark in the environment
 * that they inherited (`/proc/PID/environ`, proc(5)), and ended. Linux only; elsewhere nothing is found. A process that is to outlive its
 * server is started without the variable.
 */
import { randomBytes } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';

/** The variable with the mark. Its value is no secret. */
export const MARK_VARIABLE = 'MCP_SWITCHBOARD_MEMBER';

export class Stragglers {
  /** All marks of this Switchboard begin with it. */
  readonly run: string = randomBytes(8).toString('hex');
  #seq = 0;
  #scanning: Promise<ReadonlyMap<string, number[]>> | undefined;
  #next: Promise<ReadonlyMap<string, number[]>> | undefined;

  newMark(): string {
    return `${this.run}-${++this.#seq}`;
  }

  /** Ends every process with this mark: SIGTERM, and after `graceMs` SIGKILL. Resolves when there is none. Never rejects. */
  async end(mark: string, graceMs: number): Promise<void> {
    if (!signal(await this.#carriers(mark), 'SIGTERM')) return;
    await new Promise((resolve) => setTimeout(resolve, graceMs).unref());
    signal(await this.#carriers(mark), 'SIGKILL');
  }

  /** However many members end at once, one scan runs at a time, and one that begins now serves all who ask before it does. */
  async #carriers(mark: string): Promise<number[]> {
    const scan = (): Promise<ReadonlyMap<string, number[]>> => {
      this.#next = undefined;
      this.#scanning = scanMarks(this.run).finally(() => (this.#scanning = undefined));
      return this.#scanning;
    };
    this.#next ??= this.#scanning === undefined ? Promise.resolve().then(scan) : this.#scanning.then(scan);
    return (await this.#next).get(mark) ?? [];
  }
}

/** @returns whether there was one to receive it. */
function signal(pids: readonly number[], name: NodeJS.Signals): boolean {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // It has ended meanwhile.
    }
  }
  return pids.length > 0;
}

async function scanMarks(run: string): Promise<ReadonlyMap<string, number[]>> {
  const found = new Map<string, number[]>();
  const names = await readdir('/proc').catch((): string[] => []);
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    // Of other users' processes it cannot be read, and of those that have ended it is empty.
    const environ = await readFile(`/proc/${name}/environ`, 'latin1').catch(() => '');
    const at = `\0${environ}`.indexOf(`\0${MARK_VARIABLE}=${run}-`);
    if (at < 0) continue;
    const [entry = ''] = environ.slice(at).split('\0', 1);
    const mark = entry.slice(MARK_VARIABLE.length + 1);
    found.set(mark, [...(found.get(mark) ?? []), Number(name)]);
  }
  return found;
}
