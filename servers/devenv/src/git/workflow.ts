import type { Finding } from '../checks/finding.ts';
import type { Settings } from '../configuration.ts';
import { policyFault } from './branches.ts';
import type { Git } from './git.ts';
import { readStatus } from './status.ts';

/** Checks the branch and the files against the policy; the state of each finding says how bad it is. */
export async function checkWorkflow(
  git: Git,
  policy: Settings['branches'],
  signal: AbortSignal,
): Promise<{ branch: string | undefined; findings: Finding[] }> {
  const { branch, upstream, changed, untracked, unmerged, underWay } = await readStatus(git, signal);
  const isProtected = branch !== undefined && policy.protected.includes(branch);
  const findings: Finding[] = [];
  const find = (check: string, state: Finding['state'], detail: string): void =>
    void findings.push({ check, state, detail });

  if (branch === undefined)
    find('branch', 'error', 'A commit is checked out and no branch: create one with branch_create.');
  else {
    const fault = isProtected ? undefined : policyFault(branch, policy);
    find('branch', fault === undefined ? 'ok' : 'warning', fault ?? `${branch} is a good name.`);
  }
  if (isProtected && changed.length > 0) {
    find(
      'protected',
      'error',
      `${changed.length} files are changed on the protected branch ${branch}: move them to a branch.`,
    );
  }
  if (unmerged.length > 0) find('unmerged', 'error', `Conflicts are not resolved in ${few(unmerged)}.`);
  if (underWay !== undefined) find('operation', 'error', `A ${underWay} was begun and is not finished.`);
  if (changed.length > 0) find('changed', 'warning', `Not committed: ${few(changed)}.`);
  if (untracked.length > 0) find('untracked', 'warning', `Not known to git: ${few(untracked)}.`);
  if (changed.length + untracked.length + unmerged.length === 0) find('files', 'ok', 'All is committed.');

  if (branch !== undefined && upstream === undefined) find('upstream', 'warning', 'The branch has no upstream.');
  if (upstream && upstream.behind > 0)
    find('upstream', 'warning', `It is ${upstream.behind} commits behind ${upstream.name}.`);
  else if (upstream) find('upstream', 'ok', `It is ${upstream.ahead} commits ahead of ${upstream.name}.`);

  if (await git.isShallow(signal))
    find('history', 'warning', 'The clone is shallow: commits before its boundary are not counted.');
  const [head, base] = [await git.findCommit('HEAD', signal), await git.findCommit(policy.base, signal)];
  if (head === undefined) find('commits', 'warning', `The branch ${branch ?? ''} has no commit yet.`);
  if (base === undefined) find('base', 'warning', `There is no base branch ${policy.base}.`);
  else if (head !== undefined) {
    const { behind } = await git.distance(base, head, signal);
    find('base', behind > 0 ? 'warning' : 'ok', `It is ${behind} commits behind ${policy.base}.`);
  }
  return { branch, findings };
}

function few(paths: readonly string[]): string {
  return `${paths.slice(0, 10).join(', ')}${paths.length > 10 ? ` and ${paths.length - 10} more` : ''}`;
}
