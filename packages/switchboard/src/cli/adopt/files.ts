/** Files of others, read so that they can be changed and given back: links, rights, and what changed meanwhile. */
import { randomUUID } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  fchownSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

import { SwitchboardError } from '../../protocol/errors.ts';

/** A file as it was read. */
export interface FileState {
  /** Where it is, behind links. */
  path: string;
  bytes: Buffer;
  text: string;
  mode: number;
  /** Where the link is that led to it. */
  link?: string;
}

/** Files of clients with a history in them become large; one larger than this is no configuration. */
const MAX_BYTES = 64 * 1024 * 1024;

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unreadable';

/**
 * @param within the folder that it must be in, also behind links.
 * @returns the file; why it is left alone, in words that go on after its name; undefined where there is none.
 */
export function readForChange(path: string, within?: string): FileState | string | undefined {
  let isLink: boolean;
  try {
    isLink = lstatSync(path).isSymbolicLink();
  } catch (error) {
    return /^(?:ENOENT|ENOTDIR)$/.test(codeOf(error)) ? undefined : `cannot be read (${codeOf(error)})`;
  }
  try {
    const real = realpathSync(path);
    if (within !== undefined && !isInside(realpathSync(within), real)) return `leads out of the project, to ${real}`;
    const { mode, nlink, size, uid } = statSync(real);
    if (!statSync(real).isFile()) return 'is no file';
    if (size > MAX_BYTES) return `is larger than ${MAX_BYTES / 1024 / 1024} MiB`;
    if ((mode & 0o200) === 0 || !isWritable(real)) return 'is read-only';
    if (nlink > 1) return 'has several names (hard links), of which only this one would change';
    const own = process.getuid?.();
    if (own !== undefined && own !== 0 && uid !== own) return 'belongs to another user';
    const bytes = readFileSync(real);
    return { path: real, bytes, text: textOf(bytes), mode: mode & 0o777, ...(isLink && { link: path }) };
  } catch (error) {
    if (error instanceof TypeError) return 'is not UTF-8';
    return isLink && codeOf(error) === 'ENOENT' ? 'is a link to nothing' : `cannot be read (${codeOf(error)})`;
  }
}

/** @throws {TypeError} for bytes that would not come back as they are */
const textOf = (bytes: Buffer): string => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`);
}

export const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** The bytes of a file as it is now; undefined where there is none; why it cannot be read, in words that go on after its name. */
export function bytesAt(path: string): Buffer | string | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    return /^(?:ENOENT|ENOTDIR)$/.test(codeOf(error)) ? undefined : `cannot be read (${codeOf(error)})`;
  }
}

/** Makes a folder that only its owner can look into. @throws {SwitchboardError} `SWB_FILE_NOT_WRITTEN` */
export function makePrivate(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
  } catch (cause) {
    throw new SwitchboardError('SWB_FILE_NOT_WRITTEN', { detail: `${folder} (${codeOf(cause)})`, cause });
  }
}

/** @throws {SwitchboardError} `SWB_FILE_NOT_WRITTEN` */
export function remove(path: string): void {
  try {
    rmSync(path);
  } catch (cause) {
    throw new SwitchboardError('SWB_FILE_NOT_WRITTEN', { detail: `${path} (${codeOf(cause)})`, cause });
  }
}

/**
 * Puts bytes in the place of a file, all at once: nobody ever reads a half of them.
 *
 * @throws {SwitchboardError} `SWB_FILE_NOT_WRITTEN`; then the file is as it was
 */
export function writeWhole(path: string, bytes: Buffer, mode: number): void {
  const next = `${path}.${randomUUID().slice(0, 8)}.tmp`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const file = openSync(next, 'wx', 0o600);
    try {
      writeFileSync(file, bytes);
      keepOwner(path, file);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    chmodSync(next, mode);
    renameSync(next, path);
  } catch (cause) {
    rmSync(next, { force: true });
    const detail = `${path} (${codeOf(cause)}); if a program has it open, end that program and try again`;
    throw new SwitchboardError('SWB_FILE_NOT_WRITTEN', { detail, cause });
  }
}

/** One that an administrator changes stays its owner's. */
function keepOwner(path: string, file: number): void {
  if (process.getuid?.() !== 0) return;
  try {
    const { uid, gid } = statSync(path);
    fchownSync(file, uid, gid);
  } catch {
    // There was none, or the file system has no owners.
  }
}

/** Paths in which `*` stands for any one folder, as those that there are. */
export function expandPath(path: string): string[] {
  const at = path.split(sep).indexOf('*');
  if (at === -1) return [path];
  const parts = path.split(sep);
  const folder = parts.slice(0, at).join(sep) || sep;
  let names: string[];
  try {
    names = readdirSync(folder).toSorted();
  } catch {
    return [];
  }
  return names.flatMap((name) => expandPath(join(folder, name, ...parts.slice(at + 1))));
}
