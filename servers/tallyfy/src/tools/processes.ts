import { z } from 'zod';
import { type Api, path, type Thing } from '../api.ts';
import { listIn } from '../listing.ts';
import { tool, type Tool } from '../tool.ts';
import { deadline, fieldValues, given, owners, paging, processId, templateId } from './arguments.ts';
import { valuesFor, type Values } from './values.ts';
import { anything, done, ended, listOf, many, nameOf, one, process } from './things.ts';

const STATUSES = ['active', 'complete', 'problem', 'issue', 'improvement', 'archived', 'delayed', 'starred'] as const;

/** Values of the kick-off form of a template, as the API takes them. */
async function kickoffValues(api: Api, templateId: string, values: Values): Promise<Thing> {
  return valuesFor(listIn((await api.get(path`checklists/${templateId}`))['prerun']), values);
}

/** Processes: templates that were launched. */
export const processTools: readonly Tool[] = [
  tool({
    name: 'get_organization_runs',
    title: 'List processes',
    description: 'Lists processes, the newest first.',
    effect: 'read',
    input: z.object({
      q: z.string().optional().describe('Part of the name'),
      status: z.enum(STATUSES).optional(),
      owners: z.array(z.int()).optional().describe('Only processes in which one of these members has a part'),
      groups: z.array(z.string()).optional().describe('Only processes in which one of these groups has a part, by id'),
      template_id: templateId.optional().describe('Only processes launched from this template'),
      folder: z.string().optional().describe('Only processes in the folder with this id'),
      tag: z.string().optional().describe('Only processes that have the tag with this id'),
      starred: z.boolean().optional(),
      type: z.enum(['procedure', 'form']).optional(),
      sort: z.enum(['created_at', '-created_at', 'name', '-name']).default('-created_at'),
      ...paging,
    }),
    output: listOf(process),
    run: async ({ page, per_page, all_pages, template_id, ...query }, { api }) =>
      many('process', await api.list('runs', { page, per_page, all_pages }, { ...query, checklist_id: template_id })),
  }),
  tool({
    name: 'get_process',
    title: 'Read a process',
    description: 'Reads a process with its progress, tags, and the task that is next.',
    effect: 'read',
    input: z.object({
      process_id: processId,
      form_fields_values: z.boolean().default(false).describe('Also what was filled into the form fields of its tasks'),
    }),
    output: z.object({ process }),
    run: async ({ process_id, form_fields_values }, { api }) =>
      one(
        'process',
        await api.get(path`runs/${process_id}`, {
          with: ['next_task', 'tags', 'tasks_meta'],
          form_fields_values: form_fields_values || undefined,
        }),
      ),
  }),
  tool({
    name: 'get_process_activity',
    title: 'Read what happened in a process',
    description: 'Lists what happened in a process, the newest first.',
    effect: 'read',
    input: z.object({ process_id: processId, verb: z.string().optional().describe('Such as completed'), ...paging }),
    output: listOf(anything),
    run: async ({ process_id, verb, ...page }, { api }) =>
      many(
        'event',
        await api.list('activity-feeds', page, {
          entity_type: 'run',
          entity_id: process_id,
          verb,
          sort: '-created_at',
        }),
      ),
  }),
  tool({
    name: 'launch_process',
    title: 'Launch a process',
    description:
      'Launches a process from a template: its tasks are created and those who have them are told. ' +
      'get_kickoff_fields tells what the template asks for at the start.',
    effect: 'add',
    input: z.object({
      template_id: templateId,
      name: z.string().min(1).max(550).optional().describe('The name; else the template names it'),
      summary: z.string().optional(),
      owner_id: z.int().optional().describe('The number of the member who owns it'),
      prerun: fieldValues
        .optional()
        .describe('Values of the kick-off fields, by the id or the label of the field; see update_task'),
      tasks: z
        .record(z.string(), z.object({ owners: owners.optional(), deadline: deadline.optional() }))
        .optional()
        .describe('Other owners and deadlines than the template has, by the id of the step'),
      roles: z.record(z.string(), z.unknown()).optional().describe('Who has which role, by the id of the role'),
      tags: z.array(z.string()).optional().describe('Ids of tags'),
      folders: z.array(z.string()).optional().describe('Ids of folders'),
      users: z.array(z.int()).optional().describe('Numbers of members'),
      groups: z.array(z.string()).optional().describe('Ids of groups'),
      parent_id: processId.optional().describe('The id of the process that this one is a part of'),
    }),
    output: z.object({ process }),
    run: async ({ template_id, prerun, ...args }, { api }) => {
      const kickoff = prerun && (await kickoffValues(api, template_id, prerun));
      return one('process', await api.post('runs', given({ ...args, prerun: kickoff, checklist_id: template_id })));
    },
  }),
  tool({
    name: 'update_process',
    title: 'Change a process',
    description: 'Changes a process; what is not given stays.',
    effect: 'change',
    input: z.object({
      process_id: processId,
      name: z.string().min(1).max(550).optional(),
      summary: z.string().optional(),
      owner_id: z.int().optional().describe('The number of the member who owns it'),
      starred: z.boolean().optional(),
      prerun: fieldValues
        .optional()
        .describe('Values of the kick-off fields, by the id or the label of the field; see update_task'),
      users: z.array(z.int()).optional().describe('All members it is assigned to: the list replaces the old one'),
      groups: z.array(z.string()).optional().describe('All groups it is assigned to: the list replaces the old one'),
    }),
    output: z.object({ process }),
    run: async ({ process_id, prerun, ...changes }, { api }) => {
      const at = path`runs/${process_id}`;
      const kickoff = prerun && (await kickoffValues(api, String((await api.get(at))['checklist_id']), prerun));
      return one('process', await api.put(at, given({ ...changes, prerun: kickoff })));
    },
  }),
  tool({
    name: 'archive_process',
    title: 'Archive a process',
    description: 'Archives a process with its tasks and comments.',
    effect: 'end',
    input: z.object({ process_id: processId }),
    output: done,
    asks: async ({ process_id }, { api }) => ({
      doing: 'Archive the process',
      name: nameOf(await api.get(path`runs/${process_id}`), process_id),
      consequence: 'Its tasks disappear with it. It can be reactivated.',
    }),
    run: async ({ process_id }, { api }) =>
      ended('The process is archived.', await api.delete(path`runs/${process_id}`)),
  }),
  tool({
    name: 'reactivate_process',
    title: 'Reactivate a process',
    description: 'Takes a process out of the archive, with all that was archived with it.',
    effect: 'change',
    input: z.object({ process_id: processId }),
    output: z.object({ process }),
    run: async ({ process_id }, { api }) => one('process', await api.put(path`runs/${process_id}/activate`)),
  }),
  tool({
    name: 'delete_process',
    title: 'Delete a process',
    description:
      'Deletes an archived process for good, with all its tasks, comments and files. Only an administrator may.',
    effect: 'end',
    input: z.object({ process_id: processId }),
    output: done,
    asks: ({ process_id }) => ({
      doing: 'Delete the process',
      name: process_id,
      consequence: 'Its tasks, comments, values and files are deleted too, and nothing can be restored.',
    }),
    run: async ({ process_id }, { api }) =>
      ended('The process is deleted.', await api.delete(path`runs/${process_id}/delete`)),
  }),
  tool({
    name: 'complete_kickoff_form',
    title: 'Complete the kick-off form',
    description: 'Completes the kick-off form of a process.',
    effect: 'end',
    input: z.object({ process_id: processId }),
    output: done,
    asks: async ({ process_id }, { api }) => ({
      doing: 'Complete the kick-off form of',
      name: nameOf(await api.get(path`runs/${process_id}`), process_id),
      consequence: 'The rules of the process may start tasks. It can be reopened.',
    }),
    run: async ({ process_id }, { api }) =>
      ended('The kick-off form is complete.', await api.post(path`runs/${process_id}/complete-prerun`)),
  }),
  tool({
    name: 'reopen_kickoff_form',
    title: 'Reopen the kick-off form',
    description: 'Makes the complete kick-off form of a process incomplete again.',
    effect: 'change',
    input: z.object({ process_id: processId }),
    output: done,
    run: async ({ process_id }, { api }) =>
      ended('The kick-off form is open again.', await api.delete(path`runs/${process_id}/complete-prerun`)),
  }),
];
