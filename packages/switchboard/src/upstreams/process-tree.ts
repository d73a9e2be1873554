/**
 * What the processes of this machine use, read from `/proc` (Linux, proc(5)); elsewhere nothing is known.
 *
 * A child is often a shell or `npx` that started the server, so what counts is the child with everything below it, and with
 * what is left in its process group.
 */
import { readFile, readdir } from 'node:fs/promises';

export interface Usage {
  /** Resident memory. */
  memoryBytes: number;
  /** Processor time since each process began. */
  cpuMs: number;
}

interface Process extends Usage {
  pid: number;
  parent: number;
  group: number;
  state: string;
}

/** The kernel counts processor time for programs in hundredths of a second on every Linux (USER_HZ). */
const TICK_MS = 10;

export class ProcessTree {
  readonly #processes: readonly Process[];

  constructor(processes: readonly Process[]) {
    this.#processes = processes;
  }

  /** What a process and everything below it uses; nothing when it is not there. */
  usage(root: number): Usage | undefined {
    const family = new Set([root]);
    // A child may stand before its parent, so this goes on until nobody is added.
    for (let known = 0; known < family.size;) {
      known = family.size;
      for (const { pid, parent, group } of this.#processes) if (family.has(parent) || group === root) family.add(pid);
    }
    const members = this.#processes.filter(({ pid }) => family.has(pid));
    if (!members.some(({ pid }) => pid === root)) return undefined;
    return {
      memoryBytes: members.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
      cpuMs: members.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    };
  }
}

/** Everything that runs now; empty where there is no `/proc`. Never rejects. */
export async function readProcessTree(): Promise<ProcessTree> {
  const names = await readdir('/proc').catch((): string[] => []);
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  const processes = await Promise.all(pids.map((pid) => readProcess(pid)));
  return new ProcessTree(processes.filter((each) => each !== undefined));
}

/** Whether a process is stopped by a signal or a debugger, so that it cannot be working. */
export async function isStopped(pid: number): Promise<boolean> {
  const process = await readProcess(pid);
  return process !== undefined && /^[Tt]$/.test(process.state);
}

/** Nothing when the process has ended meanwhile. */
async function readProcess(pid: number): Promise<Process | undefined> {
  try {
    const [stat, status] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'latin1'),
      readFile(`/proc/${pid}/status`, 'latin1'),
    ]);
    // The name in parentheses may hold anything, also parentheses: what counts comes after the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state = '', parent, group] = fields;
    const [userTicks, systemTicks] = [Number(fields[11]), Number(fields[12])];
    // A zombie, and the kernel's own, have no memory.
    const kib = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
    return {
      pid,
      parent: Number(parent),
      group: Number(group),
      state,
      memoryBytes: kib * 1024,
      cpuMs: (userTicks + systemTicks) * TICK_MS,
    };
  } catch {
    return undefined;
  }
}
