/** The processes of a server, from `/proc`: what they use, and which of them are left when their time is over. Linux only. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';

const TICK_MS = 10;

interface Process {
  pid: number;
  parent: number;
  name: string;
  /** Since the machine started; with the pid it names a process for good, as pids are used again. */
  start: string;
  cpuMs: number;
}

export interface Usage {
  rss: number;
  /** User and system time of every process that was ever seen in the tree: it does not fall when one of them ends. */
  cpuMs: number;
  /** Undefined where they may not be read. */
  descriptors: number | undefined;
  processes: number;
}

/** A process that is still there and should not be. */
export interface Leftover {
  pid: number;
  name: string;
  /** Whether its parent is gone, so that nobody will end it any more. */
  orphan: boolean;
}

export const hasProcFs = (): boolean => existsSync('/proc/self/stat');

export class ProcessTree {
  readonly #root: number;
  readonly #self: boolean;
  /** Those that were there before the run. */
  readonly #before = new Set<string>();
  readonly #seen = new Map<string, Process>();

  /** @param root the pid; its descendants count, and it itself unless it is this process */
  constructor(root: number) {
    this.#root = root;
    this.#self = root === process.pid;
  }

  /** What is there now was there before the run. @returns whether the root is there at all */
  begin(): boolean {
    for (const each of this.#members()) this.#before.add(keyOf(each));
    return this.#self || read(this.#root) !== undefined;
  }

  usage(): Usage {
    const members = this.#members();
    const descriptors = members.map(({ pid }) => descriptorsOf(pid));
    return {
      rss: members.reduce((sum, { pid }) => sum + rssOf(pid), 0),
      cpuMs: [...this.#seen.values()].reduce((sum, { cpuMs }) => sum + cpuMs, 0),
      descriptors: descriptors.includes(undefined)
        ? undefined
        : descriptors.reduce((sum: number, each) => sum + each!, 0),
      processes: members.length,
    };
  }

  /** Those that began during the run and are still there, wherever they hang now. */
  leftovers(): Leftover[] {
    const inside = new Set(this.#members().map(keyOf));
    return [...this.#seen.values()]
      .filter((each) => !this.#before.has(keyOf(each)) && each.pid !== this.#root)
      .filter(({ pid, start }) => read(pid)?.start === start)
      .map((each) => ({ pid: each.pid, name: each.name, orphan: !inside.has(keyOf(each)) }));
  }

  /** A process below the root, to be killed in a storm. */
  anyChild(random: () => number): number | undefined {
    const children = this.#members().filter(({ pid }) => pid !== this.#root);
    return children[Math.floor(random() * children.length)]?.pid;
  }

  #members(): Process[] {
    if (!hasProcFs()) return [];
    const children = new Map<number, Process[]>();
    for (const name of readdirSync('/proc')) {
      const each = /^\d+$/.test(name) ? read(Number(name)) : undefined;
      if (each === undefined) continue;
      const siblings = children.get(each.parent);
      if (siblings === undefined) children.set(each.parent, [each]);
      else siblings.push(each);
    }
    const root = this.#self ? undefined : read(this.#root);
    const found = root === undefined ? [...(children.get(this.#root) ?? [])] : [root];
    // The simulator itself, where the server has started it, is not what is measured.
    const inside = (pid: number): Process[] => (children.get(pid) ?? []).filter((each) => each.pid !== process.pid);
    for (const each of found) found.push(...inside(each.pid));
    for (const each of found) this.#seen.set(keyOf(each), each);
    return found;
  }
}

const keyOf = ({ pid, start }: Process): string => `${pid} ${start}`;

function read(pid: number): Process | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name may hold spaces and parentheses, so fields are counted after the last one.
    const end = text.lastIndexOf(')');
    const fields = text.slice(end + 2).split(' ');
    if (fields[0] === 'Z') return undefined;
    return {
      pid,
      parent: Number(fields[1]),
      name: text.slice(text.indexOf('(') + 1, end),
      start: fields[19] ?? '',
      cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
    };
  } catch {
    return undefined;
  }
}

function rssOf(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function descriptorsOf(pid: number): number | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return undefined;
  }
}
