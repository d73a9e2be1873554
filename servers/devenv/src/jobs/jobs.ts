import { DevenvError } from '../errors.ts';
import type { Root } from '../root.ts';
import { Job } from './job.ts';
import type { Task } from './tasks.ts';

const MAX_RUNNING = 3;
const MAX_KEPT = 50;

/** The jobs of this process: at most 3 running, and the last 50 that are over. They end with the process. */
export class Jobs {
  readonly #root: Root;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #jobs = new Map<string, Job>();

  constructor(root: Root, env: Readonly<Record<string, string | undefined>>) {
    this.#root = root;
    this.#env = env;
  }

  /**
   * Starts a task.
   *
   * @param heard told the last line of each piece of output.
   * @throws {DevenvError} `JOB_LIMIT`, and `PATH_OUTSIDE` or `PATH_NOT_FOUND` for its folder.
   */
  async start(task: Task, heard?: (line: string) => void): Promise<Job> {
    const cwd = await this.#root.existing(task.directory);
    const running = this.list().filter(({ state }) => state === 'running');
    if (running.length >= MAX_RUNNING) {
      const names = running.map(({ id }) => id).join(', ');
      throw new DevenvError(
        'JOB_LIMIT',
        `${running.length} jobs are running (${names}), and ${MAX_RUNNING} is the most.`,
      );
    }
    const job = new Job(task, { cwd, env: this.#env }, heard);
    this.#jobs.set(job.id, job);
    this.#forget();
    return job;
  }

  /** Oldest first. */
  list(): Job[] {
    return [...this.#jobs.values()];
  }

  /** @throws {DevenvError} `JOB_NOT_FOUND` */
  get(id: string): Job {
    const job = this.#jobs.get(id);
    if (job) return job;
    throw new DevenvError('JOB_NOT_FOUND', `There is no job ${JSON.stringify(id)}.`);
  }

  /** Cancels what runs. */
  async close(): Promise<void> {
    await Promise.all(this.list().map((job) => job.cancel()));
  }

  #forget(): void {
    const over = this.list().filter(({ state }) => state !== 'running');
    for (const { id } of over.slice(0, Math.max(0, over.length - MAX_KEPT))) this.#jobs.delete(id);
  }
}
