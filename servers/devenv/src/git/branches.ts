import { DevenvError } from '../errors.ts';
import type { Settings } from '../configuration.ts';
import { checkRef, type Git } from './git.ts';

export interface Branch {
  name: string;
  current: boolean;
  commit: string;
  date: string;
  author: string;
  subject: string;
  /** The branch of a remote that it follows, and how far apart they are. */
  upstream?: { name: string; gone: boolean; ahead: number; behind: number };
}

const FIELDS = [
  '%(refname:lstrip=2)',
  '%(HEAD)',
  '%(objectname)',
  '%(committerdate:iso-strict)',
  '%(authorname)',
  '%(upstream:lstrip=2)',
  '%(upstream:track,nobracket)',
  '%(contents:subject)',
];

/** The local branches. */
export async function listBranches(git: Git, signal: AbortSignal): Promise<Branch[]> {
  const format = FIELDS.map((field) => `${field}%00`).join('');
  const text = await git.text(['for-each-ref', `--format=${format}`, 'refs/heads'], { signal });
  const records = text.split('\0\n').filter((record) => record !== '');
  return records.map((record) => {
    const [name = '', head, commit = '', date = '', author = '', upstream = '', track = '', subject = ''] =
      record.split('\0');
    const count = (word: string): number => Number(new RegExp(`${word} (\\d+)`).exec(track)?.[1] ?? 0);
    return {
      name,
      current: head === '*',
      commit,
      date,
      author,
      subject,
      ...(upstream !== '' && {
        upstream: { name: upstream, gone: track === 'gone', ahead: count('ahead'), behind: count('behind') },
      }),
    };
  });
}

/** What the policy says against a name, or undefined. */
export function policyFault(name: string, policy: Settings['branches']): string | undefined {
  if (policy.protected.includes(name)) return `${JSON.stringify(name)} is a protected branch.`;
  if (policy.prefixes.some((prefix) => name.startsWith(prefix) && name.length > prefix.length)) return undefined;
  return `${JSON.stringify(name)} does not begin with one of ${policy.prefixes.join(' ')} and go on after it.`;
}

/**
 * Says why a branch of this name cannot be made.
 *
 * @throws {DevenvError} `ARGUMENT_INVALID`, `BRANCH_POLICY`, `BRANCH_EXISTS`
 */
export async function checkNewBranch(
  git: Git,
  name: string,
  policy: Settings['branches'],
  signal: AbortSignal,
): Promise<void> {
  checkRef(name);
  const { code } = await git.result(['check-ref-format', `refs/heads/${name}`], { signal, codes: [0, 1] });
  if (code !== 0)
    throw new DevenvError('ARGUMENT_INVALID', `git does not take ${JSON.stringify(name)} as the name of a branch.`);
  const fault = policyFault(name, policy);
  if (fault !== undefined) throw new DevenvError('BRANCH_POLICY', fault);
  if ((await git.findBranch(name, signal)) !== undefined) {
    throw new DevenvError('BRANCH_EXISTS', `There is a branch ${JSON.stringify(name)} already.`);
  }
}

/** Makes a branch at a commit, and checks it out if it is asked to; git refuses where files would be overwritten. */
export async function createBranch(
  git: Git,
  { name, commit, checkout }: { name: string; commit: string; checkout: boolean },
  signal: AbortSignal,
): Promise<void> {
  if (checkout) await git.text(['switch', '--quiet', '--no-track', '--create', name, commit], { signal, acts: true });
  else await git.text(['branch', '--no-track', '--end-of-options', name, commit], { signal });
}
