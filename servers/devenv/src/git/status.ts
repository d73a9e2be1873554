import type { Git } from './git.ts';

export interface Status {
  branch: string | undefined;
  upstream: { name: string; ahead: number; behind: number } | undefined;
  changed: string[];
  untracked: string[];
  unmerged: string[];
  /** What was begun and is not finished: a merge, a rebase. */
  underWay: string | undefined;
}

const OPERATIONS = {
  MERGE_HEAD: 'merge',
  CHERRY_PICK_HEAD: 'cherry-pick',
  REVERT_HEAD: 'revert',
  REBASE_HEAD: 'rebase',
} as const;

/** The state of the branch and the files. */
export async function readStatus(git: Git, signal: AbortSignal): Promise<Status> {
  const fields = await git.fields(['status', '--porcelain=v2', '-z', '--branch', '--untracked-files=normal'], {
    signal,
  });
  const status = parseStatus(fields);
  for (const [ref, operation] of Object.entries(OPERATIONS)) {
    if ((await git.findCommit(ref, signal)) !== undefined) return { ...status, underWay: operation };
  }
  return status;
}

/** Reads `status --porcelain=v2 -z --branch`; a rename (`2`) has its former path in the field after it. */
export function parseStatus(fields: readonly string[]): Status {
  const status: Status = {
    branch: undefined,
    upstream: undefined,
    changed: [],
    untracked: [],
    unmerged: [],
    underWay: undefined,
  };
  for (let at = 0; at < fields.length; at += 1) {
    const field = fields[at] ?? '';
    const words = field.split(' ');
    const rest = (from: number): string => words.slice(from).join(' ');
    if (field.startsWith('# branch.head ')) status.branch = rest(2) === '(detached)' ? undefined : rest(2);
    else if (field.startsWith('# branch.upstream ')) status.upstream = { name: rest(2), ahead: 0, behind: 0 };
    else if (field.startsWith('# branch.ab ') && status.upstream) {
      Object.assign(status.upstream, { ahead: Number(words[2]), behind: -Number(words[3]) });
    } else if (words[0] === '1') status.changed.push(rest(8));
    else if (words[0] === '2') {
      status.changed.push(rest(9));
      at += 1;
    } else if (words[0] === 'u') status.unmerged.push(rest(10));
    else if (words[0] === '?') status.untracked.push(rest(1));
  }
  return status;
}
