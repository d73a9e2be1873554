import { DevenvError } from '../errors.ts';
import { type Change, changesBetween } from './changes.ts';
import type { Git } from './git.ts';
import { operationsUnderWay, operationText } from './operations.ts';

export interface Conflict {
  path: string;
  /** What git says of it. */
  messages: string[];
}

export interface Preview {
  /** Ids of both commits, and of the last one they have in common. */
  source: string;
  target: string;
  base: string | undefined;
  clean: boolean;
  conflicts: Conflict[];
  /** What the source has that the target has not, and the other way round. */
  ahead: number;
  behind: number;
  /** What the merge would change in the target. */
  changes: Change[];
  /** The tree that the merge gives. */
  tree: string;
}

/** Merges two commits in memory: neither the files nor any branch changes. Both are ids. */
export async function previewMerge(git: Git, source: string, target: string, signal: AbortSignal): Promise<Preview> {
  const args = ['merge-tree', '--write-tree', '-z', target, source];
  const { code, stdout, stderr } = await git.result(args, { signal, codes: [0, 1, 128] });
  if (code === 128) throw await whyNoMerge(git, stderr, signal);
  const { tree, conflicts } = parseMergeTree(stdout);
  const [distance, base, changes] = await Promise.all([
    git.distance(target, source, signal),
    git.mergeBase(target, source, signal),
    changesBetween(git, target, tree, signal),
  ]);
  return { source, target, base, clean: code === 0, conflicts, ...distance, changes, tree };
}

async function whyNoMerge(git: Git, words: string, signal: AbortSignal): Promise<DevenvError> {
  if (!/unrelated histories/.test(words)) return git.failure('merge-tree', words);
  const shallow = (await git.isShallow(signal)) ? ' in this shallow clone' : '';
  return new DevenvError('UNRELATED', `The two have no commit in common${shallow}.`);
}

/**
 * Reads `merge-tree -z`: the tree; `<mode> <id> <stage>\t<path>` of each conflicted file; nothing; then messages, each with a
 * number of paths, those paths, its kind, and its text.
 */
export function parseMergeTree(output: string): { tree: string; conflicts: Conflict[] } {
  const [tree = '', ...fields] = output.split('\0');
  const conflicts = new Map<string, Conflict>();
  let at = 0;
  for (; at < fields.length && fields[at] !== ''; at += 1) {
    const path = fields[at]?.replace(/^[^\t]*\t/, '') ?? '';
    if (!conflicts.has(path)) conflicts.set(path, { path, messages: [] });
  }
  at += 1;
  while (at < fields.length) {
    const count = Number(fields[at]);
    if (!Number.isInteger(count) || fields[at] === '') break;
    const paths = fields.slice(at + 1, at + 1 + count);
    const kind = fields[at + 1 + count] ?? '';
    const text = (fields[at + 2 + count] ?? '').trim();
    at += 3 + count;
    if (kind === 'Auto-merging') continue;
    for (const path of paths) conflicts.get(path)?.messages.push(text);
  }
  return { tree, conflicts: [...conflicts.values()] };
}

export interface MergeRequest {
  preview: Preview;
  /** The branch that is merged into. */
  branch: string;
  message: string;
}

/**
 * Merges with a merge commit, and gives its id. A branch that is checked out in the root is merged by `git merge`, after a look
 * that its files are clean; any other one is moved without touching a file, so that a merge never stops half-way.
 *
 * @throws {DevenvError} `MERGE_CONFLICT`, `OBJECTS_MISSING`, `WORKTREE_DIRTY`, `BRANCH_IN_USE`, `MERGE_MOVED`
 */
export async function mergeBranch(
  git: Git,
  { preview, branch, message }: MergeRequest,
  signal: AbortSignal,
): Promise<string> {
  if (!preview.clean) {
    const paths = preview.conflicts.map(({ path }) => path).join(', ');
    throw new DevenvError('MERGE_CONFLICT', `The merge would conflict in ${paths}.`);
  }
  const underWay = (await operationsUnderWay(git, signal)).find(({ branches }) => branches.includes(branch));
  if (underWay !== undefined) {
    const what = `${JSON.stringify(branch)} is part of ${operationText(underWay)}, which is not finished.`;
    throw new DevenvError('BRANCH_IN_USE', what);
  }
  const where = await checkedOut(git, branch, signal);
  if (where === 'elsewhere') {
    throw new DevenvError('BRANCH_IN_USE', `${JSON.stringify(branch)} is checked out in another folder.`);
  }
  return where === 'here'
    ? mergeHere(git, preview, message, signal)
    : moveBranch(git, { preview, branch, message }, signal);
}

async function mergeHere(git: Git, { source, target }: Preview, message: string, signal: AbortSignal): Promise<string> {
  const dirty = await git.fields(['status', '--porcelain', '-z', '--untracked-files=no'], { signal, acts: true });
  if (dirty.length > 0) {
    throw new DevenvError(
      'WORKTREE_DIRTY',
      `There are changes that are not committed: ${dirty.slice(0, 20).join(', ')}.`,
    );
  }
  if ((await git.commit('HEAD', signal)) !== target) throw moved();
  try {
    await git.text(['merge', '--no-ff', '--no-edit', '--quiet', '-m', message, source], { signal, acts: true });
  } catch (error) {
    // Not under the signal: a merge that was cancelled half-way is taken back too.
    await git.result(['merge', '--abort'], { signal: AbortSignal.timeout(10_000), codes: [0, 128], acts: true });
    throw error;
  }
  return git.commit('HEAD', signal);
}

async function moveBranch(git: Git, { preview, branch, message }: MergeRequest, signal: AbortSignal): Promise<string> {
  const { tree, target, source } = preview;
  const args = ['commit-tree', tree, '-p', target, '-p', source, '-m', message];
  const commit = (await git.text(args, { signal })).trim();
  // Only if the branch is still where it was looked at.
  const update = ['update-ref', '-m', `merge: ${message}`, '--end-of-options', `refs/heads/${branch}`, commit, target];
  const { code } = await git.result(update, { signal, codes: [0, 1, 128] });
  if (code !== 0) throw moved();
  return commit;
}

async function checkedOut(git: Git, branch: string, signal: AbortSignal): Promise<'here' | 'elsewhere' | 'nowhere'> {
  if ((await git.currentBranch(signal)) === branch) return 'here';
  const fields = await git.fields(['worktree', 'list', '--porcelain', '-z'], { signal });
  return fields.includes(`branch refs/heads/${branch}`) ? 'elsewhere' : 'nowhere';
}

function moved(): DevenvError {
  return new DevenvError('MERGE_MOVED', 'The branch is not where it was when the merge was looked at.');
}
