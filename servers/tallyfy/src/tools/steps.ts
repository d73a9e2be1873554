import { z } from 'zod';
import { type Api, path, type Thing } from '../api.ts';
import { Failure } from '../failure.ts';
import { listIn } from '../listing.ts';
import { tool, type Tool } from '../tool.ts';
import { given, stepId, templateId } from './arguments.ts';
import { done, ended, listOf, nameOf, one, step, whole } from './things.ts';

const TYPES = ['task', 'approval', 'expiring', 'email', 'expiring_email'] as const;

/** When a step is due: so long after the launch, or before it. */
const deadline = z.object({
  value: z.int().min(0),
  unit: z.enum(['minutes', 'hours', 'days', 'weeks', 'months']),
  option: z.enum(['from', 'before']).default('from').describe('From the launch of the process on, or before it'),
});

const settings = {
  summary: z.string().optional().describe('The description'),
  position: z.int().min(1).optional().describe('Its place among the steps, from 1'),
  step_type: z.enum(TYPES).optional(),
  deadline: deadline.optional(),
  allow_guest_owners: z.boolean().optional(),
  max_assignable: z.int().positive().optional(),
  can_complete_only_assignees: z.boolean().optional(),
  everyone_must_complete: z.boolean().optional(),
  prevent_guest_comment: z.boolean().optional(),
  webhook: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Told when a task of the step is completed'),
};

const assignees = {
  assignees: z.array(z.int()).optional().describe('Numbers of members'),
  guests: z.array(z.email()).optional().describe('Email addresses of guests'),
  groups: z.array(z.string()).optional().describe('Ids of groups'),
};

const title = z.string().min(1).max(600);
const ofTemplate = { template_id: templateId, step_id: stepId };

export function stepPath({ template_id, step_id }: { template_id: string; step_id: string }): string {
  return path`checklists/${template_id}/steps/${step_id}`;
}

/** The steps of templates. */
export const stepTools: readonly Tool[] = [
  tool({
    name: 'get_template_steps',
    title: 'List the steps of a template',
    description: 'Lists the steps of a template with their form fields.',
    effect: 'read',
    input: z.object({ template_id: templateId }),
    output: listOf(step),
    run: async ({ template_id }, { api }) =>
      whole('step', listIn(await api.raw(path`checklists/${template_id}/steps`))),
  }),
  tool({
    name: 'get_step',
    title: 'Read a step',
    description: 'Reads a step of a template with its form fields.',
    effect: 'read',
    input: z.object(ofTemplate),
    output: z.object({ step }),
    run: async (args, { api }) => one('step', await api.get(stepPath(args))),
  }),
  tool({
    name: 'add_step_to_template',
    title: 'Add a step',
    description: 'Adds a step to a template. suggest_step_deadline tells which deadline would fit.',
    effect: 'add',
    input: z.object({ template_id: templateId, title, ...settings, ...assignees }),
    output: z.object({ step }),
    run: async ({ template_id, ...args }, { api }) =>
      one('step', await api.post(path`checklists/${template_id}/steps`, given(args))),
  }),
  tool({
    name: 'update_step',
    title: 'Change a step',
    description: 'Changes a step of a template, also its place, deadline or assignees; what is not given stays.',
    effect: 'change',
    input: z.object({ ...ofTemplate, title: title.optional(), ...settings, ...assignees }),
    output: z.object({ step }),
    run: async ({ template_id, step_id, ...changes }, { api }) =>
      one('step', await changeStep(api, stepPath({ template_id, step_id }), () => given(changes))),
  }),
  tool({
    name: 'edit_description_on_step',
    title: 'Describe a step',
    description: 'Replaces the description of a step of a template.',
    effect: 'change',
    input: z.object({ ...ofTemplate, description: z.string() }),
    output: z.object({ step }),
    run: async ({ description, ...args }, { api }) =>
      one('step', await changeStep(api, stepPath(args), () => ({ summary: description }))),
  }),
  tool({
    name: 'add_assignees_to_step',
    title: 'Assign a step',
    description: 'Adds members, guests and groups to those who get the tasks of a step.',
    effect: 'change',
    input: z.object({ ...ofTemplate, ...assignees }),
    output: z.object({ step }),
    run: async ({ template_id, step_id, assignees = [], guests = [], groups = [] }, { api }) => {
      const changes = (old: Assignees): Thing => ({
        assignees: [...new Set([...old.assignees, ...assignees])],
        guests: [...new Set([...old.guests, ...guests])],
        groups: [...new Set([...old.groups, ...groups])],
      });
      return one('step', await changeStep(api, stepPath({ template_id, step_id }), changes));
    },
  }),
  tool({
    name: 'delete_step',
    title: 'Delete a step',
    description: 'Deletes a step of a template for good, with its form fields.',
    effect: 'end',
    input: z.object(ofTemplate),
    output: done,
    asks: async (args, { api }) => ({
      doing: 'Delete the step',
      name: nameOf(await api.get(stepPath(args)), args.step_id),
      consequence: 'Its form fields and what was filled into them are deleted too.',
    }),
    run: async (args, { api }) => ended('The step is deleted.', await api.delete(stepPath(args))),
  }),
];

interface Assignees {
  assignees: unknown[];
  guests: unknown[];
  groups: unknown[];
}

/** Changes a step. The API wants its title each time, and takes assignees that are left out for none: so they are sent again. */
async function changeStep(api: Api, at: string, changes: (old: Assignees) => Thing): Promise<Thing> {
  const { title, assignees, guests, groups } = await api.get(at);
  if (!Array.isArray(assignees) || !Array.isArray(guests) || !Array.isArray(groups)) {
    throw new Failure(
      'unexpected_answer',
      'Tallyfy did not tell who the step is assigned to, so a change would have taken it from them all; nothing was sent.',
    );
  }
  const old = { assignees, guests, groups };
  return api.put(at, { title, ...old, ...changes(old) });
}
