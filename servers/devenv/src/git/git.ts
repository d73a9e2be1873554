import type { CommandResult, Commands } from '../commands.ts';
import { DevenvError } from '../errors.ts';
import type { Root } from '../root.ts';
import { dirname } from 'node:path';

// Nothing of a repository's configuration may start a program of its choice when it is only looked at.
const SETTINGS = [
  'core.fsmonitor=false',
  'core.pager=cat',
  'log.showSignature=false',
  'gc.auto=0',
  'maintenance.auto=false',
];
/** Variables that would lead git to another repository, or change what it prints. */
const TAKEN_AWAY = [
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_OBJECT_DIRECTORY',
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_NAMESPACE',
  'GIT_COMMON_DIR',
  'GIT_PREFIX',
  'GIT_CONFIG_PARAMETERS',
  'GIT_CONFIG_COUNT',
  'GIT_EXTERNAL_DIFF',
  'GIT_TRACE',
];
const MAX_REF_LENGTH = 255;

export interface GitOptions {
  signal: AbortSignal;
  /** Exit codes that are an answer and no failure. @default [0] */
  codes?: readonly number[];
}

/**
 * git in the root. Output is NUL-separated, paths are taken literally, and a ref becomes the id of a commit before any other
 * command sees it, so that none can be read as an option.
 */
export class Git {
  readonly #commands: Commands;
  readonly #root: Root;
  readonly #env: Readonly<Record<string, string | undefined>>;

  constructor(commands: Commands, root: Root) {
    this.#commands = commands;
    this.#root = root;
    this.#env = {
      ...Object.fromEntries(TAKEN_AWAY.map((name) => [name, undefined])),
      LC_ALL: 'C',
      GIT_TERMINAL_PROMPT: '0',
      GIT_OPTIONAL_LOCKS: '0',
      GIT_LITERAL_PATHSPECS: '1',
      GIT_EDITOR: 'true',
      // A repository that surrounds the root is not looked for.
      GIT_CEILING_DIRECTORIES: dirname(root.path),
    };
  }

  /**
   * Runs a git command and gives what it did.
   *
   * @throws {DevenvError} `NOT_A_REPOSITORY`, `GIT_FAILED` with git's own words.
   */
  async result(args: readonly string[], { signal, codes = [0] }: GitOptions): Promise<CommandResult> {
    const result = await this.#commands.run('git', [...SETTINGS.flatMap((setting) => ['-c', setting]), ...args], {
      cwd: this.#root.path,
      env: this.#env,
      signal,
    });
    if (codes.includes(result.code)) return result;
    if (/not a git repository/i.test(result.stderr)) {
      throw new DevenvError('NOT_A_REPOSITORY', 'The root is not the top folder of a git repository.');
    }
    const words = result.stderr.trim().slice(0, 2_000) || `exit code ${result.code}`;
    throw new DevenvError('GIT_FAILED', `git ${args[0] ?? ''}: ${words}`);
  }

  /** What a git command printed. */
  async text(args: readonly string[], options: GitOptions): Promise<string> {
    return (await this.result(args, options)).stdout;
  }

  /** The fields of NUL-separated output. */
  async fields(args: readonly string[], options: GitOptions): Promise<string[]> {
    const fields = (await this.text(args, options)).split('\0');
    if (fields.at(-1) === '') fields.pop();
    return fields;
  }

  /**
   * The id of the commit that a ref means.
   *
   * @throws {DevenvError} `ARGUMENT_INVALID`, `REF_NOT_FOUND`
   */
  async commit(ref: string, signal: AbortSignal): Promise<string> {
    const commit = await this.findCommit(ref, signal);
    if (commit !== undefined) return commit;
    throw new DevenvError('REF_NOT_FOUND', `There is no branch, tag or commit ${JSON.stringify(ref)}.`);
  }

  async findCommit(ref: string, signal: AbortSignal): Promise<string | undefined> {
    checkRef(ref);
    const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`];
    const { code, stdout } = await this.result(args, { signal, codes: [0, 1, 128] });
    const id = stdout.trim();
    if (code === 0 && /^[0-9a-f]{40,64}$/.test(id)) return id;
    // 128 is also what there is to say outside of a repository.
    await this.text(['rev-parse', '--git-dir'], { signal });
    return undefined;
  }

  /** The id of a local branch's commit. */
  findBranch(name: string, signal: AbortSignal): Promise<string | undefined> {
    checkRef(name);
    return this.findCommit(`refs/heads/${name}`, signal);
  }

  /** The branch that is checked out; undefined when a commit is (a detached HEAD). */
  async currentBranch(signal: AbortSignal): Promise<string | undefined> {
    const { code, stdout } = await this.result(['symbolic-ref', '--quiet', '--short', 'HEAD'], {
      signal,
      codes: [0, 1],
    });
    return code === 0 ? stdout.trim() : undefined;
  }

  /** How many commits `to` has that `from` has not, and the other way round; both are ids. */
  async distance(from: string, to: string, signal: AbortSignal): Promise<{ ahead: number; behind: number }> {
    const counts = await this.text(['rev-list', '--left-right', '--count', `${from}...${to}`], { signal });
    const [behind = 0, ahead = 0] = counts.trim().split(/\s+/).map(Number);
    return { ahead, behind };
  }

  /** The last commit that two have in common; both are ids. */
  async mergeBase(one: string, other: string, signal: AbortSignal): Promise<string | undefined> {
    const { code, stdout } = await this.result(['merge-base', one, other], { signal, codes: [0, 1] });
    return code === 0 ? stdout.trim() : undefined;
  }

  /** The id of the tree that has nothing, to compare a first commit with. */
  async emptyTree(signal: AbortSignal): Promise<string> {
    return (await this.text(['hash-object', '-t', 'tree', '--stdin'], { signal })).trim();
  }
}

/** @throws {DevenvError} `ARGUMENT_INVALID` for what could be no ref, or could be an option. */
export function checkRef(ref: string): void {
  // oxlint-disable-next-line no-control-regex
  if (ref === '' || ref.length > MAX_REF_LENGTH || ref.startsWith('-') || /[\u0000-\u001f\u007f]/.test(ref)) {
    throw new DevenvError(
      'ARGUMENT_INVALID',
      `${JSON.stringify(ref.slice(0, MAX_REF_LENGTH))} cannot name a branch, tag or commit.`,
    );
  }
}
