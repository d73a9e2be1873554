/** What to do about each error; README.md documents the table. */
export const ERRORS: Readonly<Record<ErrorCode, string>> = {
  ARGUMENT_INVALID: 'Correct the argument that the message names.',
  PATH_OUTSIDE: 'Name a path inside the root, relative to it. Links that lead out of the root are not followed.',
  PATH_NOT_FOUND: 'Check the path; it is relative to the root.',
  REF_NOT_FOUND: 'Name a branch, a tag or a commit that exists: branch_list and commit_list tell them.',
  NO_COMMITS: 'Make a first commit.',
  OBJECTS_MISSING:
    'Fetch the missing files with git, for example by a checkout of the branch; this server fetches nothing.',
  NOT_A_REPOSITORY: 'Start the server with --root at the top folder of a git repository.',
  BRANCH_EXISTS: 'Choose another name, or use the branch that is there.',
  BRANCH_POLICY: 'Choose a name that the policy in the message allows; the configuration file can change the policy.',
  BRANCH_IN_USE:
    'Merge in the folder where the branch is checked out, or check out another branch there first; finish or abort what is under way.',
  UNRELATED: 'Merge branches that have a commit in common; of a shallow clone, fetch more history first.',
  WORKTREE_DIRTY: 'Commit or stash the changes that the message names, then try again.',
  MERGE_CONFLICT: 'Resolve the conflicts that the message names on the source branch, then try again.',
  MERGE_MOVED: 'Look at merge_preview again: one of the branches has moved in the meantime.',
  GIT_FAILED: 'Read the words of git in the message.',
  PROJECT_NOT_FOUND: 'Name one of the projects that project_structure lists.',
  PROJECTS_TOO_MANY: 'Start the server with --root at a smaller folder.',
  ENGINE_UNAVAILABLE: 'Install and start Docker or Podman, or choose one with --engine.',
  ENGINE_FAILED: 'Read the words of the container engine in the message.',
  CONTAINER_NOT_FOUND: 'Name one of the containers that container_list lists.',
  COMPOSE_NOT_FOUND: 'Put a compose file into the root, or start the server with --root at the folder that has it.',
  SERVICE_NOT_FOUND: 'Name one of the services that the message lists.',
  CONFIG_INVALID: 'Correct the configuration file where the message says; until then the former configuration stays.',
  TASK_NOT_FOUND: 'Name one of the tasks that task_list lists.',
  TASK_FAILED: 'Read the end of the output in the message.',
  JOB_NOT_FOUND: 'Name one of the jobs that job_status lists; the oldest finished ones are forgotten.',
  JOB_LIMIT: 'Wait for a job to end, or cancel one with job_cancel.',
  CURSOR_INVALID: 'Give the nextCursor of the page before, unchanged, or no cursor for the first page.',
  COMMAND_NOT_FOUND: 'Install the program that the message names, and put it on the PATH of this server.',
  OUTPUT_TOO_LARGE: 'Ask for less: a smaller limit, fewer lines, a narrower range.',
  OVERLOADED: 'Wait for the calls under way to end, then try again.',
  TIMEOUT: 'Ask for less, or start the server with a longer --timeout.',
  DECLINED: 'Do not try again unless the user asks for it.',
  INTERNAL: 'This is a fault of the server: report it with the message.',
};

export type ErrorCode =
  | 'ARGUMENT_INVALID'
  | 'PATH_OUTSIDE'
  | 'PATH_NOT_FOUND'
  | 'REF_NOT_FOUND'
  | 'NO_COMMITS'
  | 'OBJECTS_MISSING'
  | 'NOT_A_REPOSITORY'
  | 'BRANCH_EXISTS'
  | 'BRANCH_POLICY'
  | 'BRANCH_IN_USE'
  | 'UNRELATED'
  | 'WORKTREE_DIRTY'
  | 'MERGE_CONFLICT'
  | 'MERGE_MOVED'
  | 'GIT_FAILED'
  | 'PROJECT_NOT_FOUND'
  | 'PROJECTS_TOO_MANY'
  | 'ENGINE_UNAVAILABLE'
  | 'ENGINE_FAILED'
  | 'CONTAINER_NOT_FOUND'
  | 'COMPOSE_NOT_FOUND'
  | 'SERVICE_NOT_FOUND'
  | 'CONFIG_INVALID'
  | 'TASK_NOT_FOUND'
  | 'TASK_FAILED'
  | 'JOB_NOT_FOUND'
  | 'JOB_LIMIT'
  | 'CURSOR_INVALID'
  | 'COMMAND_NOT_FOUND'
  | 'OUTPUT_TOO_LARGE'
  | 'OVERLOADED'
  | 'TIMEOUT'
  | 'DECLINED'
  | 'INTERNAL';

/** An error that a caller can act on: what was wrong with which value, a code, and what to do. */
export class DevenvError extends Error {
  readonly code: ErrorCode;

  /** @param message what was wrong, with the offending value; a whole sentence. */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DevenvError';
    this.code = code;
  }

  /** What to do about it. */
  get remedy(): string {
    return ERRORS[this.code];
  }
}

/** The error as one of this server's own: what nobody foresaw is `INTERNAL`. */
export function devenvError(error: unknown): DevenvError {
  if (error instanceof DevenvError) return error;
  return new DevenvError('INTERNAL', error instanceof Error ? error.message : String(error), { cause: error });
}
