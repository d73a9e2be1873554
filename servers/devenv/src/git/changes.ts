import { z } from 'zod';
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

/** What changed from one commit or tree to another; both are ids. */
export async function changesBetween(git: Git, from: string, to: string, signal: AbortSignal): Promise<Change[]> {
  return parseChanges(await git.fields(['diff-tree', '-r', ...FORM, from, to], { signal }));
}

/** What differs between a commit and the files as they are now, with those that git does not track yet. */
export async function changesInWorktree(git: Git, from: string, signal: AbortSignal): Promise<Change[]> {
  const tracked = parseChanges(await git.fields(['diff', ...FORM, '--ignore-submodules', from, '--'], { signal }));
  const untracked = await git.fields(['ls-files', '-z', '--others', '--exclude-standard'], { signal });
  return [...tracked, ...untracked.map((path) => ({ path, change: 'untracked' as const }))];
}

/** What a commit changed, against its first parent. */
export async function changesOf(
  git: Git,
  commit: { id: string; parents: readonly string[] },
  signal: AbortSignal,
): Promise<Change[]> {
  return changesBetween(git, commit.parents[0] ?? (await git.emptyTree(signal)), commit.id, signal);
}

/**
 * Reads `--raw --numstat -z`: records that begin with a colon, `:<modes> <ids> <kind>` and one path or two; then the counts,
 * `<added>\t<removed>\t<path>`, where a rename has no path there but two fields after it.
 */
export function parseChanges(fields: readonly string[]): Change[] {
  const changes = new Map<string, Change>();
  for (let at = 0; at < fields.length; at += 1) {
    const field = fields[at] ?? '';
    if (field.startsWith(':')) {
      const letter = /(\w)\d*$/.exec(field)?.[1] ?? 'M';
      const change = KINDS[letter as keyof typeof KINDS] ?? 'modified';
      const moved = letter === 'R' || letter === 'C';
      const from = moved ? fields[(at += 1)] : undefined;
      const path = fields[(at += 1)] ?? '';
      changes.set(path, { path, ...(from !== undefined && { from }), change });
      continue;
    }
    const [added = '-', removed = '-', ...rest] = field.split('\t');
    let path = rest.join('\t');
    if (path === '') path = fields[(at += 2)] ?? '';
    const change = changes.get(path);
    if (change && added !== '-') Object.assign(change, { added: Number(added), removed: Number(removed) });
  }
  return [...changes.values()];
}
