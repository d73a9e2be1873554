import { StringDecoder } from 'node:string_decoder';
import type { CommandOptions, CommandResult, Commands } from '../commands.ts';
import { DevenvError } from '../errors.ts';
import type { Root } from '../root.ts';
import { dirname } from 'node:path';
import { asVariables, neutralSettings, NO_TRANSPORT, programSettings } from './neutral.ts';

const SETTINGS: Readonly<Record<string, string>> = { 'gc.auto': '0', 'maintenance.auto': 'false' };
/** What git says when an object is missing and may not be fetched. */
const MISSING_OBJECT = /promisor remote|lazy fetching disabled|transport '[^']*' not allowed|missing blob object/i;
/** Variables that would lead git to another repository, or change what it prints. */
const TAKEN_AWAY = [
  'GIT_DIR',
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
/** Of output that is not kept. */
const MAX_STREAMED_BYTES = 1024 * 1024 * 1024;

export interface GitOptions {
  signal: AbortSignal;
  /** Exit codes that are an answer and no failure. @default [0] */
  codes?: readonly number[];
  /**
   * Whether the programs that the repository names may run: its hooks, filters and merge drivers. Only for what a user has
   * agreed to, such as a merge. @default false
   */
  acts?: boolean;
}

/**
 * git in the root. Output is NUL-separated, paths are taken literally, and a ref becomes the id of a commit before any other
 * command sees it, so that none can be read as an option.
 */
export class Git {
  readonly #commands: Commands;
  readonly #root: Root;
  readonly #env: Readonly<Record<string, string | undefined>>;
  /** The names of all settings, as they were when a call first asked. */
  readonly #settingNames = new WeakMap<AbortSignal, Promise<string[]>>();

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
      // Wherever the configuration says that the files are, it is the root that is looked at.
      GIT_WORK_TREE: root.path,
      // A repository that surrounds the root is not looked for.
      GIT_CEILING_DIRECTORIES: dirname(root.path),
    };
  }

  /** The settings of the repository that name a program, which runs only when a tool acts. */
  async programs(signal: AbortSignal): Promise<string[]> {
    return programSettings(await this.#names(signal));
  }

  /** Whether the history ends at a commit whose parents were not fetched. */
  async isShallow(signal: AbortSignal): Promise<boolean> {
    return (await this.text(['rev-parse', '--is-shallow-repository'], { signal })).trim() === 'true';
  }

  /**
   * Runs a git command and gives what it did.
   *
   * @throws {DevenvError} `NOT_A_REPOSITORY`, `OBJECTS_MISSING`, `GIT_FAILED` with git's own words.
   */
  async result(
    args: readonly string[],
    {
      signal,
      codes = [0],
      acts = false,
      onStdout,
      maxBytes,
    }: GitOptions & Pick<CommandOptions, 'onStdout' | 'maxBytes'>,
  ): Promise<CommandResult> {
    const settings = acts ? SETTINGS : { ...SETTINGS, ...neutralSettings(await this.#names(signal)) };
    const result = await this.#commands.run('git', args, {
      cwd: this.#root.path,
      env: { ...this.#env, ...asVariables(settings), ...(!acts && NO_TRANSPORT) },
      signal,
      ...(onStdout && { onStdout }),
      ...(maxBytes !== undefined && { maxBytes }),
    });
    if (codes.includes(result.code)) return result;
    throw this.failure(args[0] ?? '', result.stderr || `exit code ${result.code}`);
  }

  /** The error for what a git command said as it failed. */
  failure(command: string, words: string): DevenvError {
    if (/not a git repository/i.test(words)) {
      return new DevenvError('NOT_A_REPOSITORY', 'The root is not the top folder of a git repository.');
    }
    if (MISSING_OBJECT.test(words)) {
      return new DevenvError(
        'OBJECTS_MISSING',
        'This is a partial clone, and files that the answer needs were not fetched.',
      );
    }
    return new DevenvError('GIT_FAILED', `git ${command}: ${words.trim().slice(0, 2_000)}`);
  }

  async #names(signal: AbortSignal): Promise<string[]> {
    let names = this.#settingNames.get(signal);
    if (names === undefined) this.#settingNames.set(signal, (names = this.#readNames(signal)));
    return names;
  }

  async #readNames(signal: AbortSignal): Promise<string[]> {
    const { stdout } = await this.#commands.run('git', ['config', '--null', '--name-only', '--list'], {
      cwd: this.#root.path,
      env: this.#env,
      signal,
    });
    return stdout.split('\0').filter((name) => name !== '');
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

  /** Takes the fields of NUL-separated output one by one, however many there are; none is kept. */
  async eachField(args: readonly string[], take: (field: string) => void, options: GitOptions): Promise<void> {
    const decoder = new StringDecoder('utf8');
    let rest = '';
    const read = (text: string): void => {
      const fields = (rest + text).split('\0');
      rest = fields.pop() ?? '';
      for (const field of fields) take(field);
    };
    await this.result(args, {
      ...options,
      maxBytes: MAX_STREAMED_BYTES,
      onStdout: (chunk) => read(decoder.write(chunk)),
    });
    read(decoder.end());
    if (rest !== '') take(rest);
  }

  /**
   * The id of the commit that a ref means; of a branch and a tag with the same name, the branch is meant.
   *
   * @throws {DevenvError} `ARGUMENT_INVALID`, `REF_NOT_FOUND`, `NO_COMMITS`
   */
  async commit(ref: string, signal: AbortSignal): Promise<string> {
    const commit = await this.findCommit(ref, signal);
    if (commit !== undefined) return commit;
    if ((await this.findCommit('HEAD', signal)) === undefined) {
      const branch = await this.currentBranch(signal);
      throw new DevenvError('NO_COMMITS', `The branch ${JSON.stringify(branch)} has no commit yet.`);
    }
    throw new DevenvError('REF_NOT_FOUND', `There is no branch, tag or commit ${JSON.stringify(ref)}.`);
  }

  /** As {@link commit}, without an error. */
  async findCommit(ref: string, signal: AbortSignal): Promise<string | undefined> {
    checkRef(ref);
    return (await this.#find(`refs/heads/${ref}`, signal)) ?? this.#find(ref, signal);
  }

  async #find(ref: string, signal: AbortSignal): Promise<string | undefined> {
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
    return this.#find(`refs/heads/${name}`, signal);
  }

  /** The branch that is checked out; undefined when a commit is (a detached HEAD). */
  async currentBranch(signal: AbortSignal): Promise<string | undefined> {
    const { code, stdout } = await this.result(['symbolic-ref', '--quiet', 'HEAD'], { signal, codes: [0, 1] });
    // Not `--short`, which says `heads/x` where there is a tag x too.
    return code === 0 ? stdout.trim().replace(/^refs\/heads\//, '') : undefined;
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
