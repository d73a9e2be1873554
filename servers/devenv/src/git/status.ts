import type { Git } from './git.ts';
import { operationsUnderWay } from './operations.ts';

export interface Status {
  branch: string | undefined;
  upstream: { name: string; ahead: number; behind: number } | undefined;
  changed: string[];
  untracked: string[];
  unmerged: string[];
  /** What was begun in this folder and is not finished: a merge, a rebase. */
  underWay: string | undefined;
}

/** The state of the branch and the files. */
export async function readStatus(git: Git, signal: AbortSignal): Promise<Status> {
  // Submodules have a configuration of their own, which names programs of its own: they are not looked into.
  const args = ['--porcelain=v2', '-z', '--branch', '--untracked-files=normal', '--ignore-submodules=dirty'];
  const status = parseStatus(await git.fields(['status', ...args], { signal }));
  const underWay = (await operationsUnderWay(git, signal)).find(({ here }) => here)?.kind;
  return { ...status, underWay };
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
