import { posix } from 'node:path';
import type { Configuration } from '../configuration.ts';
import { DevenvError } from '../errors.ts';
import { scanProjects } from '../projects/projects.ts';
import type { Root } from '../root.ts';

const DEFAULT_TIMEOUT_MS = 30 * 60 * 1000;

/** Something long that can be run: a task of the configuration, or one that a project defines. */
export interface Task {
  name: string;
  command: readonly string[];
  /** Relative to the root. */
  directory: string;
  description: string;
  timeoutMs: number;
}

/** All tasks: those of the configuration, and `<kind>:<folder>:<task>` of the projects, such as `npm:packages/api:test`. */
export async function listTasks(root: Root, configuration: Configuration, signal: AbortSignal): Promise<Task[]> {
  const { projects } = await scanProjects(root, signal);
  const configured = Object.entries(configuration.settings.tasks).map(([name, task]) => ({
    name,
    command: task.command,
    directory: posix.normalize(task.directory),
    description: task.description ?? `From the configuration: ${task.command.join(' ')}`,
    timeoutMs: task.timeoutSeconds * 1000,
  }));
  const found = projects.flatMap(({ kind, id, directory, tasks }) =>
    Object.entries(tasks).map(([name, command]) => ({
      name: `${kind}:${directory}:${name}`,
      command,
      directory,
      description: `${command.join(' ')}, in the project ${id}`,
      timeoutMs: DEFAULT_TIMEOUT_MS,
    })),
  );
  // Two projects of one kind may share a folder; the first has the name.
  return [...new Map([...configured, ...found].toReversed().map((task) => [task.name, task])).values()].toReversed();
}

/** @throws {DevenvError} `TASK_NOT_FOUND` */
export async function findTask(
  root: Root,
  configuration: Configuration,
  name: string,
  signal: AbortSignal,
): Promise<Task> {
  const task = (await listTasks(root, configuration, signal)).find((one) => one.name === name);
  if (task) return task;
  throw new DevenvError('TASK_NOT_FOUND', `There is no task ${JSON.stringify(name)}.`);
}
