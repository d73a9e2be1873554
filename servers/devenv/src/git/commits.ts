import { type Change, changesOf } from './changes.ts';
import type { Git } from './git.ts';

export interface Commit {
  id: string;
  parents: string[];
  author: string;
  email: string;
  date: string;
  subject: string;
  body: string;
}

const FORMAT = ['%H', '%P', '%an', '%ae', '%aI', '%s', '%b'].join('%x00');
const FIELDS = 7;

export interface CommitQuery {
  /** The id of the newest commit. */
  from: string;
  skip: number;
  limit: number;
  /** Only commits that touched this, as a path from the root. */
  path?: string | undefined;
}

/** Commits, newest first. */
export async function listCommits(
  git: Git,
  { from, skip, limit, path }: CommitQuery,
  signal: AbortSignal,
): Promise<Commit[]> {
  const paths = path === undefined ? [] : [path];
  const args = ['log', '-z', `--max-count=${limit}`, `--skip=${skip}`, `--format=${FORMAT}`, from, '--', ...paths];
  const fields = (await git.text(args, { signal })).split('\0');
  const commits: Commit[] = [];
  for (let at = 0; at + FIELDS <= fields.length; at += FIELDS) {
    const [id = '', parents = '', author = '', email = '', date = '', subject = '', body = ''] = fields.slice(
      at,
      at + FIELDS,
    );
    commits.push({
      id,
      parents: parents === '' ? [] : parents.split(' '),
      author,
      email,
      date,
      subject,
      body: body.trim(),
    });
  }
  return commits;
}

/** How many commits a query would find without its limit. */
export async function countCommits(git: Git, { from, path }: CommitQuery, signal: AbortSignal): Promise<number> {
  const paths = path === undefined ? [] : [path];
  return Number((await git.text(['rev-list', '--count', from, '--', ...paths], { signal })).trim());
}

/** One commit with what it changed. */
export async function commitWithChanges(
  git: Git,
  id: string,
  signal: AbortSignal,
): Promise<{ commit: Commit; changes: Change[] }> {
  const [commit] = await listCommits(git, { from: id, skip: 0, limit: 1 }, signal);
  if (!commit) throw new Error(`git log knows no commit ${id}`);
  return { commit, changes: await changesOf(git, commit, signal) };
}

/** What to add to a sentence about the history, where only the end of it was fetched. */
export async function shallowNote(git: Git, signal: AbortSignal): Promise<string> {
  return (await git.isShallow(signal)) ? ' The clone is shallow: commits before its boundary are not counted.' : '';
}
