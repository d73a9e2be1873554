import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git } from './git.ts';

/** Something that was begun in a folder and is not finished; it will move a branch when it ends. */
export interface Operation {
  kind: 'merge' | 'cherry-pick' | 'revert' | 'rebase' | 'bisect';
  /** The branches that it belongs to. */
  branches: string[];
  /** Whether it is under way in the root, and not in another folder of the same repository. */
  here: boolean;
}

const HEADS = { MERGE_HEAD: 'merge', CHERRY_PICK_HEAD: 'cherry-pick', REVERT_HEAD: 'revert' } as const;

/** What is under way in any folder that the repository is checked out in (gitrepository-layout). */
export async function operationsUnderWay(git: Git, signal: AbortSignal): Promise<Operation[]> {
  const args = ['rev-parse', '--path-format=absolute', '--git-dir', '--git-common-dir'];
  const [own = '', common = ''] = (await git.text(args, { signal })).split('\n');
  const others = await readdir(join(common, 'worktrees')).catch(() => []);
  const folders = [common, ...others.map((name) => join(common, 'worktrees', name))];
  const found = await Promise.all(folders.map((folder) => operationsIn(folder, folder === own)));
  return found.flat();
}

async function operationsIn(folder: string, here: boolean): Promise<Operation[]> {
  const read = (path: string): Promise<string | undefined> =>
    readFile(join(folder, path), 'utf8').catch(() => undefined);
  const head = await read('HEAD');
  const operations: Operation[] = [];
  for (const [file, kind] of Object.entries(HEADS) as [keyof typeof HEADS, Operation['kind']][]) {
    if ((await read(file)) !== undefined) operations.push({ kind, branches: branchesIn(head), here });
  }
  for (const rebase of ['rebase-merge', 'rebase-apply']) {
    const begun = await read(join(rebase, 'head-name'));
    if (begun === undefined) continue;
    // `rebase --update-refs` moves the branches in between, too.
    const between = await read(join(rebase, 'update-refs'));
    operations.push({ kind: 'rebase', branches: [...branchesIn(begun), ...branchesIn(between)], here });
  }
  const bisected = await read('BISECT_START');
  if (bisected !== undefined) operations.push({ kind: 'bisect', branches: [bisected.trim()], here });
  return operations;
}

/** The branches whose full names stand in a file of git. */
function branchesIn(text = ''): string[] {
  return [...text.matchAll(/^(?:ref: )?refs\/heads\/(.+)$/gm)].map(([, name = '']) => name.trim());
}

/** For a message: `a rebase in the folder "tree"`. */
export function operationText({ kind, here }: Operation): string {
  return `a ${kind} ${here ? 'here' : 'in another folder'}`;
}
