/**
 * Files that are replaced all at once: whoever reads meanwhile gets the old one or the new one, never half of either. The new one is written
 * beside the old one under a name with the number of this process, so that what a killed process left behind can be told from what another
 * is writing right now.
 */
import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fchownSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { isAlive } from './alive.ts';

/** @throws what the file system says; then the file is as it was */
export function writeWholeFile(path: string, content: Buffer | string, mode: number): void {
  clearLeftovers(dirname(path), basename(path));
  const next = `${path}.switchboard-${process.pid}-${randomUUID().slice(0, 8)}.tmp`;
  try {
    const file = openSync(next, 'wx', 0o600);
    try {
      writeFileSync(file, content);
      keepOwner(path, file);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    chmodSync(next, mode);
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}

/**
 * Removes what processes that were killed left in a folder. What cannot be removed stays.
 *
 * @param name of the file that they were writing. @default any
 */
export function clearLeftovers(folder: string, name?: string): void {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return;
  }
  for (const each of names) {
    const [, of, pid] = /^(.+)\.switchboard-(\d+)-[\da-f]{8}\.tmp$/.exec(each) ?? [];
    if (of === undefined || (name !== undefined && of !== name)) continue;
    // A file is written within one turn, so none of this process is still being written.
    if (Number(pid) !== process.pid && isAlive(Number(pid))) continue;
    try {
      rmSync(join(folder, each), { force: true });
    } catch {
      // The next run tries again.
    }
  }
}

/** A file that an administrator changes stays its owner's. */
function keepOwner(path: string, file: number): void {
  if (process.getuid?.() !== 0) return;
  try {
    const { uid, gid } = statSync(path);
    fchownSync(file, uid, gid);
  } catch {
    // There was none, or the file system has no owners.
  }
}
