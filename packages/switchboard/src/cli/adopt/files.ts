/** Files of others, read so that they can be changed and given back: links, rights, and what changed meanwhile. */
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  rmdirSync,
  statSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

import { SwitchboardError } from '../../protocol/errors.ts';
import { writeWholeFile } from '../../util/whole-file.ts';

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
 * @param maxBytes one that is larger is left alone.
 * @returns the file; why it is left alone, in words that go on after its name; undefined where there is none.
 */
export function readForChange(
  path: string,
  within?: string,
  maxBytes: number = MAX_BYTES,
): FileState | string | undefined {
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
    if (size > maxBytes) return `is larger than ${maxBytes / 1024 / 1024} MiB`;
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
  const made = firstMissing(dirname(path));
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeWholeFile(path, bytes, mode);
  } catch (cause) {
    removeEmpty(dirname(path), made);
    const detail = `${path} (${codeOf(cause)}); if a program has it open, end that program and try again`;
    throw new SwitchboardError('SWB_FILE_NOT_WRITTEN', { detail, cause });
  }
}

/** What the error of a file says behind the sentence of the table and the name of the file. */
export const reasonIn = (error: SwitchboardError, path: string): string =>
  error.message.replace(`${error.entry.message}: `, '').replace(`${path} `, '');

/** The outermost folder that is not there on the way to one; undefined where all are there. */
export function firstMissing(folder: string): string | undefined {
  if (existsSync(folder)) return undefined;
  const parent = dirname(folder);
  return parent === folder ? undefined : (firstMissing(parent) ?? folder);
}

/** Removes folders that are empty, from one up to another that it is in or is; does nothing without the other. */
export function removeEmpty(folder: string, last: string | undefined): void {
  if (last === undefined || !isInside(last, folder)) return;
  try {
    rmdirSync(folder);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') return;
  }
  if (folder !== last) removeEmpty(dirname(folder), last);
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
