import { z } from 'zod';
import { DevenvError } from '../errors.ts';
import { type Job, JOB_STATES } from '../jobs/job.ts';
import { findTask, listTasks } from '../jobs/tasks.ts';
import { pageInput, pageOf, pageOutput } from '../page.ts';
import { type Call, type Tool, tool } from './tool.ts';

const TAIL_CHARACTERS = 4_000;

const taskInput = z.object({ task: z.string().max(500).describe('The name of a task that task_list lists') });
const jobInput = z.object({ job: z.string().max(100).describe('The id of a job') });
const taskSchema = z.object({
  name: z.string(),
  command: z.array(z.string()),
  directory: z.string(),
  description: z.string(),
  timeoutSeconds: z.int(),
});
const jobSchema = z.object({
  id: z.string(),
  task: z.string(),
  state: z.enum(JOB_STATES),
  pid: z.int().optional(),
  startedAt: z.string(),
  endedAt: z.string().optional(),
  seconds: z.number(),
  exitCode: z.int().optional().describe('Absent while it runs, and if a signal ended it'),
  output: z.string().describe('The URI of the resource with its output'),
});
const jobOutput = z.object({ job: jobSchema, tail: z.string().describe('The end of its output') });

/** Long work: the tasks of the configuration and the projects, run while the caller waits or as jobs. */
export const jobTools: readonly Tool[] = [
  tool({
    name: 'task_list',
    title: 'List the tasks',
    description:
      'Lists what can be run: the tasks of the configuration, the scripts of npm packages, and build and test of the other projects.',
    effect: 'read',
    input: z.object({
      ...pageInput,
      contains: z.string().max(255).optional().describe('Only names that contain this'),
    }),
    output: z.object({ tasks: z.array(taskSchema), ...pageOutput }),
    async run({ contains = '', ...request }, { environment: { root, configuration }, signal }) {
      const all = (await listTasks(root, configuration, signal)).filter((task) => task.name.includes(contains));
      const { items, ...page } = pageOf(all, (task) => task.name, request);
      const tasks = items.map(({ timeoutMs, command, ...task }) => ({
        ...task,
        command: [...command],
        timeoutSeconds: timeoutMs / 1000,
      }));
      return { summary: `${tasks.length} of ${page.total} tasks.`, data: { tasks, ...page } };
    },
  }),

  tool({
    name: 'task_run',
    title: 'Run a task',
    description:
      'Runs a task to its end, with its output as progress. Cancelling the call ends all its processes. For what takes long, use job_start.',
    effect: 'destroy',
    openWorld: true,
    timeoutMs: 0,
    input: taskInput,
    output: jobOutput,
    question: questionOf,
    async run(args, { environment, signal, progress }) {
      const task = await findTask(environment.root, environment.configuration, args.task, signal);
      signal.throwIfAborted();
      const job = await environment.jobs.start(task, progress);
      const cancel = (): void => void job.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      if (signal.aborted) cancel();
      await job.ended;
      signal.removeEventListener('abort', cancel);
      signal.throwIfAborted();
      if (job.state === 'timed_out')
        throw new DevenvError('TIMEOUT', `${task.name} was not done after ${task.timeoutMs} ms.`);
      if (job.state !== 'succeeded') {
        const how = job.state === 'cancelled' ? 'was cancelled' : `failed with exit code ${job.exitCode ?? 'none'}`;
        throw new DevenvError('TASK_FAILED', `${task.name} ${how}. The end of its output:\n${tailOf(job)}`);
      }
      return { summary: `${task.name} succeeded.`, data: { job: shown(job), tail: tailOf(job) } };
    },
  }),

  tool({
    name: 'job_start',
    title: 'Start a job',
    description: 'Starts a task and answers at once. At most 3 jobs run at the same time; they end with this server.',
    effect: 'destroy',
    openWorld: true,
    input: taskInput,
    output: z.object({ job: jobSchema }),
    question: questionOf,
    async run(args, { environment, signal }) {
      const task = await findTask(environment.root, environment.configuration, args.task, signal);
      const job = await environment.jobs.start(task);
      return { summary: `Started ${task.name} as ${job.id}.`, data: { job: shown(job) } };
    },
  }),

  tool({
    name: 'job_status',
    title: 'Show the jobs',
    description: 'Tells of one job, with the end of its output, or of all that run and the last 50 that are over.',
    effect: 'read',
    input: z.object({ job: jobInput.shape.job.optional().describe('The id of a job; all jobs if absent') }),
    output: z.object({ jobs: z.array(jobSchema), tail: z.string().optional() }),
    run({ job }, { environment: { jobs } }) {
      if (job === undefined) {
        const all = jobs.list();
        const running = all.filter(({ state }) => state === 'running').length;
        return Promise.resolve({
          summary: `${running} jobs running, ${all.length} in all.`,
          data: { jobs: all.map(shown) },
        });
      }
      const one = jobs.get(job);
      return Promise.resolve({ summary: `${one.id} ${one.state}.`, data: { jobs: [shown(one)], tail: tailOf(one) } });
    },
  }),

  tool({
    name: 'job_cancel',
    title: 'Cancel a job',
    description: 'Ends every process of a job, and answers when they are gone. One that is over stays as it is.',
    effect: 'destroy',
    idempotent: true,
    input: jobInput,
    output: jobOutput,
    question: (args, { environment: { jobs } }) => {
      const { id, task, state } = jobs.get(args.job);
      return Promise.resolve(`Cancel the job ${id} (${task.name}), which is ${state}?`);
    },
    async run(args, { environment: { jobs } }) {
      const job = jobs.get(args.job);
      await job.cancel();
      return { summary: `${job.id} ${job.state}.`, data: { job: shown(job), tail: tailOf(job) } };
    },
  }),
];

/** The URI of a job's output. */
export function outputUri(id: string): string {
  return `devenv://job/${id}/output`;
}

async function questionOf(args: { task: string }, { environment, signal }: Call): Promise<string> {
  const { name, command, directory } = await findTask(environment.root, environment.configuration, args.task, signal);
  return `Run ${name}, which is ${JSON.stringify(command)} in ${directory}?`;
}

function shown(job: Job): z.infer<typeof jobSchema> {
  const { id, task, state, pid, startedAt, endedAt, exitCode } = job;
  const seconds = ((endedAt ?? new Date()).getTime() - startedAt.getTime()) / 1000;
  return {
    id,
    task: task.name,
    state,
    ...(pid !== undefined && state === 'running' && { pid }),
    startedAt: startedAt.toISOString(),
    ...(endedAt && { endedAt: endedAt.toISOString() }),
    seconds,
    ...(exitCode !== undefined && { exitCode }),
    output: outputUri(id),
  };
}

function tailOf({ output }: Job): string {
  return output.slice(-TAIL_CHARACTERS);
}
