import { z } from 'zod';
import { path, type Thing } from '../api.ts';
import { listIn } from '../listing.ts';
import { tool, type Tool } from '../tool.ts';
import { automationId, given, owners, templateId } from './arguments.ts';
import { automation, done, ended, listOf, one, whole } from './things.ts';

/** What a condition may ask of a step, and of a form field. */
const STEP_OPERATIONS = [
  'completed',
  'reopened',
  'approved',
  'rejected',
  'acknowledged',
  'expired',
  'not_assigned',
] as const;
const FIELD_OPERATIONS = [
  'contains',
  'not_contains',
  'equals',
  'not_equals',
  'equals_any',
  'greater_than',
  'less_than',
  'is_empty',
  'is_not_empty',
] as const;

const logic = z.enum(['and', 'or']).default('and').describe('How it is joined with the other conditions');

/** A condition on a step has a time, and one without never holds; so there is always one. */
const condition = z.discriminatedUnion('on', [
  z.object({
    on: z.literal('step'),
    id: z.string().describe('The id of the step'),
    operation: z.enum(STEP_OPERATIONS),
    when: z.enum(['any_time', 'on-time', 'early_24', 'late_24']).default('any_time'),
    logic,
  }),
  z.object({
    on: z.enum(['field', 'kickoff_field']),
    id: z.string().describe('The id of the form field'),
    operation: z.enum(FIELD_OPERATIONS),
    value: z.string().optional().describe('What its value is compared with'),
    logic,
  }),
]);

const target_step_id = z.string().describe('The id of the step that it is done to');
const action = z.discriminatedUnion('verb', [
  z.object({ verb: z.enum(['show', 'hide', 'reopen', 'clear_assignees']), target_step_id }),
  z.object({ verb: z.enum(['assign', 'assign_only', 'unassign']), target_step_id, assignees: owners }),
  z.object({
    verb: z.literal('deadline'),
    target_step_id,
    deadline: z.object({
      value: z.int(),
      unit: z.enum(['minutes', 'hours', 'days', 'weeks', 'months']),
      option: z.enum(['from', 'before']),
    }),
  }),
  z.object({
    verb: z.literal('emit_webhook'),
    target_step_id,
    webhook_url: z.url({ protocol: /^https?$/ }),
    alias_name: z.string(),
  }),
]);

/** The names of the API. */
const SUBJECTS = { step: 'Step', field: 'Capture', kickoff_field: 'Prerun' } as const;
const TYPES: Record<z.output<typeof action>['verb'], string> = {
  show: 'visibility',
  hide: 'visibility',
  reopen: 'status',
  clear_assignees: 'assignment',
  assign: 'assignment',
  assign_only: 'assignment',
  unassign: 'assignment',
  deadline: 'deadline',
  emit_webhook: 'webhook',
};

const name = z.string().min(1).max(300);
const conditions = z.array(condition).min(1);
const actions = z.array(action).min(1);

/** The automation rules of templates. */
export const automationTools: readonly Tool[] = [
  tool({
    name: 'get_automation_rules',
    title: 'List the automation rules of a template',
    description: 'Lists the automation rules of a template, with their conditions and actions.',
    effect: 'read',
    input: z.object({ template_id: templateId }),
    output: listOf(automation),
    run: async ({ template_id }, { api }) =>
      // There is no address for the rules alone.
      whole('rule', listIn((await api.get(path`checklists/${template_id}`))['automated_actions'])),
  }),
  tool({
    name: 'create_automation_rule',
    title: 'Create an automation rule',
    description:
      'Adds an automation rule to a template: if the conditions hold, the actions are done to steps. ' +
      'No action can complete a step. analyze_template_automations tells afterwards whether rules contradict each other.',
    effect: 'add',
    input: z.object({ template_id: templateId, name, conditions, actions }),
    output: z.object({ rule: automation }),
    run: async ({ template_id, ...rule }, { api }) =>
      one('rule', await api.post(path`checklists/${template_id}/automated-actions`, bodyOf(rule))),
  }),
  tool({
    name: 'update_automation_rule',
    title: 'Change an automation rule',
    description: 'Changes an automation rule of a template. Conditions or actions that are given replace the old ones.',
    effect: 'change',
    input: z.object({
      template_id: templateId,
      automation_id: automationId,
      name: name.optional(),
      conditions: conditions.optional(),
      actions: actions.optional(),
    }),
    output: z.object({ rule: automation }),
    run: async ({ template_id, automation_id, ...changes }, { api }) =>
      one('rule', await api.put(path`checklists/${template_id}/automated-actions/${automation_id}`, bodyOf(changes))),
  }),
  tool({
    name: 'delete_automation_rule',
    title: 'Delete an automation rule',
    description: 'Deletes an automation rule of a template for good.',
    effect: 'end',
    input: z.object({ template_id: templateId, automation_id: automationId }),
    output: done,
    asks: ({ automation_id }) => ({
      doing: 'Delete the automation rule',
      name: automation_id,
      consequence: 'It cannot be restored.',
    }),
    run: async ({ template_id, automation_id }, { api }) =>
      ended(
        'The automation rule is deleted.',
        await api.delete(path`checklists/${template_id}/automated-actions/${automation_id}`),
      ),
  }),
];

interface RuleArguments {
  name?: string | undefined;
  conditions?: z.output<typeof conditions> | undefined;
  actions?: z.output<typeof actions> | undefined;
}

function bodyOf({ name, conditions, actions }: RuleArguments): Thing {
  return given({
    automated_alias: name,
    conditions: conditions?.map(({ on, id, operation, logic, ...rest }) => ({
      conditionable_id: id,
      conditionable_type: SUBJECTS[on],
      operation,
      // The API wants it to be there, even with nothing in it.
      statement: ('when' in rest ? rest.when : rest.value) ?? null,
      logic,
    })),
    then_actions: actions?.map(({ verb, ...rest }) => ({ action_type: TYPES[verb], action_verb: verb, ...rest })),
  });
}
