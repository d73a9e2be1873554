import type { Environment } from './environment.ts';
import { listContainers } from './containers/containers.ts';
import { listBranches } from './git/branches.ts';
import { DevenvError } from './errors.ts';

/** A client waits for a completion while its user types. */
const COMPLETION_TIMEOUT_MS = 3_000;
/** As many as MCP allows in one answer. */
const MAX_COMPLETIONS = 100;

/** What an argument may be, from what there is now; nothing where that cannot be found out. */
export type Completion = (start: string) => Promise<string[]>;

/** The completions of one environment. */
export function completionsOf({ git, engine, jobs }: Environment): Record<'branch' | 'container' | 'job', Completion> {
  return {
    branch: starting(async (signal) => (await listBranches(git, signal)).map(({ name }) => name)),
    container: starting(async (signal) => (await listContainers(engine, signal)).map(({ name }) => name)),
    job: starting(() => Promise.resolve(jobs.list().map(({ id }) => id))),
  };
}

function starting(list: (signal: AbortSignal) => Promise<string[]>): Completion {
  return async (start) => {
    try {
      const all = await list(AbortSignal.timeout(COMPLETION_TIMEOUT_MS));
      return all.filter((one) => one.startsWith(start)).slice(0, MAX_COMPLETIONS);
    } catch (error) {
      if (error instanceof DevenvError || (error instanceof Error && error.name === 'TimeoutError')) return [];
      throw error;
    }
  };
}
