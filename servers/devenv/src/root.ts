import { realpath } from 'node:fs/promises';
import { realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { DevenvError } from './errors.ts';

/** The one folder that this server works in; no path leads out of it, neither by `..` nor by a link. */
export class Root {
  /** Its real path, without links. */
  readonly path: string;

  /** @throws {DevenvError} `PATH_NOT_FOUND` if there is no such folder. */
  constructor(path: string) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found?.isDirectory()) throw new DevenvError('PATH_NOT_FOUND', `There is no folder ${JSON.stringify(path)}.`);
    this.path = realpathSync(path);
  }

  /**
   * The real path of something that exists inside.
   *
   * @param path relative to the root.
   * @throws {DevenvError} `PATH_OUTSIDE`, `PATH_NOT_FOUND`
   */
  async existing(path: string): Promise<string> {
    const absolute = this.#inside(path);
    const real = await realpath(absolute).catch(() => undefined);
    if (real === undefined) throw new DevenvError('PATH_NOT_FOUND', `There is no ${JSON.stringify(path)} in the root.`);
    if (!this.#contains(real)) throw outside(path);
    return real;
  }

  /**
   * A path as git writes it: relative, with slashes. It need not exist, as a deleted file does not; but what exists of it
   * must be inside.
   *
   * @throws {DevenvError} `PATH_OUTSIDE`
   */
  async pathspec(path: string): Promise<string> {
    const absolute = this.#inside(path);
    let there = absolute;
    for (;;) {
      const real = await realpath(there).catch(() => undefined);
      if (real !== undefined) {
        if (!this.#contains(real)) throw outside(path);
        return slashes(relative(this.path, absolute)) || '.';
      }
      there = dirname(there);
    }
  }

  /** Whether a path, made real before, is the root or below it. */
  #contains(real: string): boolean {
    const path = relative(this.path, real);
    return path === '' || !(path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path));
  }

  #inside(path: string): string {
    if (path.includes('\0')) throw new DevenvError('ARGUMENT_INVALID', 'A path has a NUL character.');
    const absolute = isAbsolute(path) ? resolve(path) : join(this.path, path);
    if (!this.#contains(absolute)) throw outside(path);
    return absolute;
  }
}

/** A path with slashes, on every system. */
export function slashes(path: string): string {
  return sep === '/' ? path : path.replaceAll(sep, '/');
}

function outside(path: string): DevenvError {
  return new DevenvError('PATH_OUTSIDE', `${JSON.stringify(path)} leads out of the root.`);
}
