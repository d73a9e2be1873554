/** Memory and CPU of a process with all its descendants, from /proc; elsewhere than Linux the tree is empty. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const PAGE = 4096;
const TICK_MS = 10;

function read(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name may hold spaces and parentheses, so fields are counted after the last one.
    const f = text.slice(text.lastIndexOf(')') + 2).split(' ');
    if (f[0] === 'Z') return undefined;
    const cpu = (Number(f[11]) + Number(f[12])) * TICK_MS;
    return { pid, parent: Number(f[1]), cpu, start: f[19], rss: Number(f[21]) * PAGE };
  } catch {
    return undefined;
  }
}

export function tree(root) {
  if (!existsSync('/proc/self/stat')) return [];
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const children = new Map();
  for (const name of all) {
    const entry = read(Number(name));
    if (!entry) continue;
    if (!children.has(entry.parent)) children.set(entry.parent, []);
    children.get(entry.parent).push(entry);
  }
  const found = [read(root)].filter(Boolean);
  for (let i = 0; i < found.length; i++) found.push(...(children.get(found[i].pid) ?? []));
  return found;
}

const sum = (root, field) => tree(root).reduce((total, entry) => total + entry[field], 0);
export const rss = (root) => sum(root, 'rss');
export const cpu = (root) => sum(root, 'cpu');

/** Still the same process, not a later one with its number. */
export const alive = (entry) => read(entry.pid)?.start === entry.start;
