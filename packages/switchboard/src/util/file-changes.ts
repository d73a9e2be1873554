/**
 * Tells that files have changed, by looking at them again and again: a file system tells nothing of what lies behind a symbolic link,
 * nor of a file that another has taken the place of. Node's own `watchFile` looks for the first time when it gets to it, and what
 * changes before is never told.
 */
import { statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';

export class FileChanges {
  readonly #files: readonly string[];
  #seen: string;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** Make it before the files are read: whatever changes from then on is told. */
  constructor(files: readonly string[]) {
    this.#files = files;
    this.#seen = files.map(stampNow).join('\n');
  }

  /** Begins to look. It does not keep the process alive. */
  watch(everyMs: number, onChange: () => void): void {
    this.#timer = setTimeout(() => void this.#look(everyMs, onChange), everyMs).unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #look(everyMs: number, onChange: () => void): Promise<void> {
    // Nobody waits for a disk that is far away.
    const now = (await Promise.all(this.#files.map(stampLater))).join('\n');
    if (this.#stopped) return;
    if (now !== this.#seen) {
      this.#seen = now;
      onChange();
    }
    this.watch(everyMs, onChange);
  }
}

/** The last of it changes with the file's rights too. */
const stampOf = ({ ino, size, mtimeMs, ctimeMs }: Stats): string => `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
const NONE = 'none';

function stampNow(file: string): string {
  try {
    return stampOf(statSync(file));
  } catch {
    return NONE;
  }
}

const stampLater = (file: string): Promise<string> => stat(file).then(stampOf, () => NONE);
