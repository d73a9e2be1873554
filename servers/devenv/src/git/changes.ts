import { z } from 'zod';
import { DevenvError } from '../errors.ts';
import type { Git } from './git.ts';

/** What happened to one file. */
export interface Change {
  path: string;
  from?: string | undefined;
  change: (typeof KINDS)[keyof typeof KINDS];
  added?: number | undefined;
  removed?: number | undefined;
}

const KINDS = {
  A: 'added',
  C: 'copied',
  D: 'deleted',
  M: 'modified',
  R: 'renamed',
  T: 'retyped',
  U: 'unmerged',
  '?': 'untracked',
} as const;

export const changeSchema: z.ZodType<Change> = z.object({
  path: z.string(),
  from: z.string().optional().describe('The path before, of a file that was renamed or copied'),
  change: z.enum(Object.values(KINDS)),
  added: z.int().optional().describe('Lines added; absent of a binary file'),
  removed: z.int().optional().describe('Lines removed; absent of a binary file'),
});

const FORM = ['-M', '-z', '--raw', '--numstat', '--no-ext-diff', '--no-textconv'];
/** So many files of one comparison are told apart. */
const MAX_FILES = 1_000_000;

/** What changed from one commit or tree to another; both are ids. @throws {DevenvError} `OUTPUT_TOO_LARGE` */
export async function changesBetween(git: Git, from: string, to: string, signal: AbortSignal): Promise<Change[]> {
  return readChanges(git, ['diff-tree', '-r', ...FORM, from, to], signal);
}

/** What differs between a commit and the files as they are now, with those that git does not track yet. */
export async function changesInWorktree(git: Git, from: string, signal: AbortSignal): Promise<Change[]> {
  const tracked = await readChanges(git, ['diff', ...FORM, '--ignore-submodules', from, '--'], signal);
  const untracked = await git.fields(['ls-files', '-z', '--others', '--exclude-standard'], { signal });
  return [...tracked, ...untracked.map((path) => ({ path, change: 'untracked' as const }))];
}

/**
 * Paths as if each had been modified; a folder stands for all files in it. What is not there, as a deleted file, stays as it is.
 *
 * @param paths as git writes them
 */
export async function changesAt(git: Git, paths: readonly string[], signal: AbortSignal): Promise<Change[]> {
  const files = new Set<string>();
  const found = new Set<string>();
  const take = (file: string): void => {
    files.add(file);
    found.add(file);
    for (let end = file.lastIndexOf('/'); end > 0; end = file.lastIndexOf('/', end - 1)) found.add(file.slice(0, end));
  };
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...paths];
  await git.eachField(args, take, { signal });
  for (const path of paths) if (path !== '.' && !found.has(path)) files.add(path);
  return [...files].map((path) => ({ path, change: 'modified' }));
}

/** What a commit changed, against its first parent. */
export async function changesOf(
  git: Git,
  commit: { id: string; parents: readonly string[] },
  signal: AbortSignal,
): Promise<Change[]> {
  return changesBetween(git, commit.parents[0] ?? (await git.emptyTree(signal)), commit.id, signal);
}

async function readChanges(git: Git, args: readonly string[], signal: AbortSignal): Promise<Change[]> {
  const reader = new ChangeReader();
  await git.eachField(args, (field) => reader.take(field), { signal });
  return reader.changes;
}

/**
 * Reads `--raw --numstat -z` field by field: records that begin with a colon, `:<modes> <ids> <kind>` and one path or two; then
 * the counts, `<added>\t<removed>\t<path>`, where a rename has no path there but two fields after it.
 */
export class ChangeReader {
  readonly #changes = new Map<string, Change>();
  /** What the fields that come next are for. */
  #next: ((field: string) => void)[] = [];

  get changes(): Change[] {
    return [...this.#changes.values()];
  }

  take(field: string): void {
    const next = this.#next.shift();
    if (next !== undefined) next(field);
    else if (field.startsWith(':')) this.#raw(field);
    else this.#counts(field);
  }

  #raw(field: string): void {
    const letter = /(\w)\d*$/.exec(field)?.[1] ?? 'M';
    const change = KINDS[letter as keyof typeof KINDS] ?? 'modified';
    let from: string | undefined;
    if (letter === 'R' || letter === 'C') this.#next.push((path) => void (from = path));
    this.#next.push((path) => {
      if (this.#changes.size >= MAX_FILES) {
        throw new DevenvError('OUTPUT_TOO_LARGE', `More than ${MAX_FILES} files changed.`);
      }
      this.#changes.set(path, { path, ...(from !== undefined && { from }), change });
    });
  }

  #counts(field: string): void {
    const [added = '-', removed = '-', ...rest] = field.split('\t');
    const count = (path: string): void => {
      const change = this.#changes.get(path);
      if (change && added !== '-') Object.assign(change, { added: Number(added), removed: Number(removed) });
    };
    const path = rest.join('\t');
    if (path === '') this.#next.push(() => {}, count);
    else count(path);
  }
}
