import { z } from 'zod';
import { path, type Thing } from '../api.ts';
import { Failure } from '../failure.ts';
import { tool, type Tool } from '../tool.ts';
import { deadline, fieldValues, given, owners, paging, processId, taskId, taskOfProcess } from './arguments.ts';
import { listIn } from '../listing.ts';
import { processNamed } from './names.ts';
import { valuesFor } from './values.ts';
import { done, ended, listOf, many, nameOf, one, process, task } from './things.ts';

const STATUSES = [
  'active',
  'complete',
  'incomplete',
  'inprogress',
  'not-started',
  'overdue',
  'due_soon',
  'hasproblem',
] as const;
const TYPES = ['task', 'approval', 'expiring', 'email', 'expiring_email'] as const;
const TASK_SORTS = ['deadline', '-deadline', 'newest', 'problems'] as const;

const status = z.enum(STATUSES).optional().describe('Only tasks with this status');
const day = z.iso.date().optional();
const filters = {
  status,
  owners: z.array(z.int()).optional().describe('Only tasks of one of these members'),
  guests: z.array(z.email()).optional().describe('Only tasks of one of these guests'),
  groups: z.array(z.string()).optional().describe('Only tasks of one of these groups, by id'),
  unassigned: z.boolean().optional().describe('Only tasks that nobody has'),
  deadline_on: day.describe('Only tasks due on this day'),
  deadline_before: day.describe('Only tasks due before this day'),
  deadline_after: day.describe('Only tasks due after this day'),
};

const changes = {
  title: z.string().min(1).max(600).optional(),
  summary: z.string().optional().describe('The description'),
  deadline: deadline.optional(),
  started_at: deadline.optional().describe('When it starts'),
  owners: owners.optional().describe('Who has it: all of them, since the list replaces the old one'),
  taskdata: fieldValues.optional(),
  max_assignable: z.int().positive().optional(),
  prevent_guest_comment: z.boolean().optional(),
};

/** Where a task is: within its process, or by itself. */
export function taskPath({ task_id, process_id }: { task_id: string; process_id?: string | undefined }): string {
  return process_id === undefined ? path`tasks/${task_id}` : path`runs/${process_id}/tasks/${task_id}`;
}

function completedPath(process_id: string | undefined): string {
  return process_id === undefined ? 'completed-tasks' : path`runs/${process_id}/completed-tasks`;
}

/** Tasks: those of processes, and one-off tasks. */
export const taskTools: readonly Tool[] = [
  tool({
    name: 'get_my_tasks',
    title: 'List my tasks',
    description: 'Lists the tasks of the member whose API key is used.',
    effect: 'read',
    input: z.object({ status, sort: z.enum(TASK_SORTS).optional(), ...paging }),
    output: listOf(task),
    run: async ({ status, sort, ...page }, { api }) => many('task', await api.list('me/tasks', page, { status, sort })),
  }),
  tool({
    name: 'get_user_tasks',
    title: 'List the tasks of a member',
    description: 'Lists the tasks of a member, the newest first.',
    effect: 'read',
    input: z.object({ user_id: z.int().positive(), status, ...paging }),
    output: listOf(task),
    run: async ({ user_id, status = 'all', ...page }, { api }) =>
      many('task', await api.list(path`users/${user_id}/tasks`, page, { status, sort_by: 'newest' })),
  }),
  tool({
    name: 'get_organization_tasks',
    title: 'List tasks',
    description:
      'Lists the tasks of the whole organization, of processes and by themselves, with many ways to choose among them.',
    effect: 'read',
    input: z.object({
      q: z.string().optional().describe('Part of the name of the task or its process'),
      ...filters,
      tag: z.string().optional().describe('Only tasks with this tag, by its name'),
      folder: z.string().optional().describe('Only tasks in the folder with this id'),
      is_oneoff: z.boolean().optional().describe('Only tasks by themselves, or only tasks of processes'),
      archived: z.enum(['true', 'only']).optional().describe('Also archived tasks, or only those'),
      sort: z.enum(TASK_SORTS).optional(),
      ...paging,
    }),
    output: listOf(task),
    run: async ({ page, per_page, all_pages, ...query }, { api }) =>
      many('task', await api.list('tasks', { page, per_page, all_pages }, query)),
  }),
  tool({
    name: 'get_tasks_for_process',
    title: 'List the tasks of a process',
    description: 'Lists the tasks of a process in their order. The process is given by its id, or by its exact name.',
    effect: 'read',
    input: z.object({
      process_id: processId.optional(),
      process_name: z.string().min(1).optional().describe('The name of the process, if its id is not known'),
      ...filters,
      sort: z.enum(['position', '-position', 'deadline', '-deadline']).default('position'),
      ...paging,
    }),
    output: listOf(task).extend({ process }),
    run: async ({ process_id, process_name, page, per_page, all_pages, ...query }, { api }) => {
      const process = await processNamed(api, { id: process_id, name: process_name });
      const listed = await api.list(path`runs/${String(process['id'])}/tasks`, { page, per_page, all_pages }, query);
      const { text, data } = many('task', listed);
      return { text, data: { process, ...data } };
    },
  }),
  tool({
    name: 'get_task',
    title: 'Read a task',
    description: 'Reads a task of a process or a one-off task, with its form fields and their values.',
    effect: 'read',
    input: z.object(taskOfProcess),
    output: z.object({ task }),
    run: async (args, { api }) => one('task', await api.get(taskPath(args), { with: 'form_fields,summary' })),
  }),
  tool({
    name: 'create_standalone_task',
    title: 'Create a task',
    description:
      'Creates a one-off task. From a sentence with names and dates in words, create_task_from_text does it.',
    effect: 'add',
    input: z.object({
      title: z.string().min(1).max(600),
      description: z.string().optional(),
      task_type: z.enum(TYPES).default('task'),
      owners: owners.describe('Who has the task: at least one'),
      deadline,
      started_at: deadline.optional().describe('When it starts'),
      separate_task_for_each_assignee: z.boolean().optional(),
      everyone_must_complete: z.boolean().optional(),
      max_assignable: z.int().positive().optional(),
      prevent_guest_comment: z.boolean().optional(),
      top_secret: z.boolean().optional().describe('Whether only those who have it may see it'),
      tags: z.array(z.string()).optional().describe('Ids of tags'),
      process_id: processId.optional().describe('The id of a process to put the task into'),
    }),
    output: z.object({ task }),
    run: async ({ process_id, ...args }, { api }) => {
      const { users, guests, groups } = args.owners;
      if (users.length + guests.length + groups.length === 0) {
        throw new Failure('invalid', 'A task needs an owner: a member, a guest or a group.');
      }
      return one('task', await api.post('tasks', given({ ...args, run_id: process_id })));
    },
  }),
  tool({
    name: 'update_task',
    title: 'Change a task',
    description:
      'Changes a task that is not complete, or fills in its form fields; what is not given stays. Form fields that are ' +
      'required must be filled in before complete_task.',
    effect: 'change',
    input: z.object({ ...taskOfProcess, ...changes }),
    output: z.object({ task }),
    run: async ({ task_id, process_id, ...changes }, { api }) => {
      const at = taskPath({ task_id, process_id });
      // For a one-off task the API wants these each time.
      const { taskdata } = changes;
      const old = process_id === undefined || taskdata ? await api.get(at, taskdata && { with: 'form_fields' }) : {};
      const kept = process_id === undefined ? keptOf(old) : {};
      const filled = taskdata && { taskdata: valuesFor(listIn(old['form_fields']), taskdata) };
      return one('task', await api.put(at, { ...kept, ...given(changes), ...filled }));
    },
  }),
  tool({
    name: 'complete_task',
    title: 'Complete a task',
    description: 'Completes a task. An approval is completed by saying whether it is approved.',
    effect: 'end',
    input: z.object({
      ...taskOfProcess,
      is_approved: z.boolean().optional().describe('For an approval: true approves it, false rejects it'),
      override_user: z.int().optional().describe('The number of the member who completed it, if that is another'),
    }),
    output: done,
    asks: async ({ task_id, process_id, is_approved }, { api }) => ({
      doing: is_approved === undefined ? 'Complete the task' : is_approved ? 'Approve the task' : 'Reject the task',
      name: nameOf(await api.get(taskPath({ task_id, process_id })), task_id),
      consequence: 'The rules of its process may start other tasks and send messages.',
    }),
    run: async ({ process_id, ...args }, { api }) =>
      ended('The task is complete.', await api.post(completedPath(process_id), given(args))),
  }),
  tool({
    name: 'reopen_task',
    title: 'Reopen a task',
    description: 'Makes a complete task incomplete again.',
    effect: 'change',
    input: z.object(taskOfProcess),
    output: z.object({ task }),
    run: async ({ task_id, process_id }, { api }) =>
      one('task', await api.delete(`${completedPath(process_id)}/${path`${task_id}`}`)),
  }),
  tool({
    name: 'archive_task',
    title: 'Archive a task',
    description: 'Archives a one-off task. The tasks of a process are archived with it.',
    effect: 'end',
    input: z.object({ task_id: taskId }),
    output: done,
    asks: async ({ task_id }, { api }) => ({
      doing: 'Archive the task',
      name: nameOf(await api.get(taskPath({ task_id })), task_id),
      consequence: 'It can be restored.',
    }),
    run: async ({ task_id }, { api }) => ended('The task is archived.', await api.delete(taskPath({ task_id }))),
  }),
  tool({
    name: 'restore_task',
    title: 'Restore a task',
    description: 'Takes a one-off task out of the archive.',
    effect: 'change',
    input: z.object({ task_id: taskId }),
    output: done,
    run: async ({ task_id }, { api }) => ended('The task is restored.', await api.put(path`tasks/${task_id}/restore`)),
  }),
  tool({
    name: 'delete_task',
    title: 'Delete a task',
    description: 'Deletes a one-off task for good.',
    effect: 'end',
    input: z.object({ task_id: taskId }),
    output: done,
    asks: ({ task_id }) => ({ doing: 'Delete the task', name: task_id, consequence: 'It cannot be restored.' }),
    run: async ({ task_id }, { api }) => ended('The task is deleted.', await api.delete(path`tasks/${task_id}/delete`)),
  }),
];

/** What a change of a one-off task must repeat; owners are given as things and taken as ids. */
function keptOf({ title, deadline, owners }: Thing): Thing {
  const { users = [], guests = [], groups = [] } = (owners ?? {}) as Record<string, unknown[]>;
  const ids = (list: unknown[], key: string): unknown[] =>
    list.map((entry) => (typeof entry === 'object' && entry !== null ? (entry as Thing)[key] : entry));
  return {
    title,
    deadline,
    owners: { users: ids(users, 'id'), guests: ids(guests, 'email'), groups: ids(groups, 'id') },
  };
}
