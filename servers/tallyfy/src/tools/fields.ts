import { z } from 'zod';
import { type Api, path, type Thing } from '../api.ts';
import { Failure } from '../failure.ts';
import { listIn } from '../listing.ts';
import { tool, type Tool } from '../tool.ts';
import { fieldId, fieldOfStep, given, stepId, templateId } from './arguments.ts';
import { stepPath } from './steps.ts';
import { anything, done, ended, field, listOf, nameOf, one, whole } from './things.ts';

const TYPES = [
  'text',
  'textarea',
  'radio',
  'dropdown',
  'multiselect',
  'date',
  'email',
  'file',
  'table',
  'assignees_form',
] as const;
/** The types that have options. */
const CHOICES: readonly string[] = ['radio', 'dropdown', 'multiselect'];

const fieldType = z.enum(TYPES);
const options = z.array(z.string().min(1)).min(1).describe('What can be chosen, in order');
const columns = z.array(z.string().min(1)).min(1).describe('The columns of a table, in order');
const settings = {
  guidance: z.string().optional().describe('A help text'),
  position: z.int().min(1).optional().describe('Its place, from 1'),
  options: options.optional(),
  columns: columns.optional(),
};
const created = { field_type: fieldType, label: z.string().min(1), required: z.boolean().default(false), ...settings };
const changed = {
  field_type: fieldType.optional(),
  label: z.string().min(1).optional(),
  required: z.boolean().optional(),
  ...settings,
};

/** The form fields of steps, and those of the kick-off form. */
export const fieldTools: readonly Tool[] = [
  tool({
    name: 'add_form_field_to_step',
    title: 'Add a form field',
    description: 'Adds a form field to a step of a template. suggest_form_fields_for_step tells which would fit.',
    effect: 'add',
    input: z.object({ template_id: templateId, step_id: stepId, ...created }),
    output: z.object({ field }),
    run: async ({ template_id, step_id, ...args }, { api }) =>
      one('field', await api.post(`${stepPath({ template_id, step_id })}/captures`, bodyOf(args))),
  }),
  tool({
    name: 'update_form_field',
    title: 'Change a form field',
    description: 'Changes a form field of a step; what is not given stays.',
    effect: 'change',
    input: z.object({ ...fieldOfStep, ...changed }),
    output: z.object({ field }),
    run: async ({ field_id, template_id, step_id, ...changes }, { api }) => {
      const at = stepPath({ template_id, step_id });
      return one('field', await changeField(api, at, field_id, changes));
    },
  }),
  tool({
    name: 'move_form_field',
    title: 'Move a form field',
    description: 'Moves a form field to another step of the same template.',
    effect: 'change',
    input: z.object({
      template_id: templateId,
      from_step: stepId.describe('The id of the step it is in'),
      field_id: fieldId,
      to_step: stepId.describe('The id of the step to move it to'),
      position: z.int().min(1).default(1).describe('Its place there, from 1'),
    }),
    output: z.object({ field: anything }),
    run: async ({ template_id, from_step, field_id, to_step, position }, { api }) =>
      one(
        'field',
        await api.put(path`checklists/${template_id}/steps/${from_step}/captures/${field_id}/move-out`, {
          target_step_id: to_step,
          position,
        }),
      ),
  }),
  tool({
    name: 'delete_form_field',
    title: 'Delete a form field',
    description: 'Deletes a form field of a step for good.',
    effect: 'end',
    input: z.object(fieldOfStep),
    output: done,
    asks: async ({ field_id, ...step }, { api }) => {
      const field = await fieldIn(api, stepPath(step), field_id);
      return {
        doing: 'Delete the form field',
        name: nameOf(field, field_id),
        consequence: 'What was filled into it is deleted too.',
      };
    },
    run: async ({ field_id, ...step }, { api }) =>
      ended('The form field is deleted.', await api.delete(`${stepPath(step)}/captures/${path`${field_id}`}`)),
  }),
  tool({
    name: 'get_dropdown_options',
    title: 'List the options of a form field',
    description:
      'Lists the options of a dropdown, multiselect or radio field, as {id, text}: the form in which values are set.',
    effect: 'read',
    input: z.object(fieldOfStep),
    output: listOf(z.looseObject({ text: z.string().nullish() })),
    run: async ({ field_id, ...step }, { api }) =>
      whole('option', listIn((await fieldIn(api, stepPath(step), field_id))['options'])),
  }),
  tool({
    name: 'update_dropdown_options',
    title: 'Set the options of a form field',
    description:
      'Replaces the options of a form field. Options that stay keep their ids, so that values keep their meaning.',
    effect: 'change',
    input: z.object({ ...fieldOfStep, options }),
    output: z.object({ field }),
    run: async ({ field_id, options, ...step }, { api }) =>
      one('field', await changeField(api, stepPath(step), field_id, { options })),
  }),
  tool({
    name: 'get_kickoff_fields',
    title: 'List the kick-off fields of a template',
    description:
      'Lists the form fields that are filled in when a process is launched. Their ids are the keys of prerun.',
    effect: 'read',
    input: z.object({ template_id: templateId }),
    output: listOf(field),
    run: async ({ template_id }, { api }) => whole('field', (await kickoff(api, template_id)).fields),
  }),
  tool({
    name: 'add_kickoff_field',
    title: 'Add a kick-off field',
    description: 'Adds a form field to the kick-off form of a template. suggest_kickoff_fields tells which would fit.',
    effect: 'add',
    input: z.object({ template_id: templateId, ...created }),
    output: listOf(field),
    run: async ({ template_id, ...args }, { api }) => {
      const { title, fields } = await kickoff(api, template_id);
      return setKickoff(api, template_id, title, [...fields, { position: fields.length + 1, ...bodyOf(args) }]);
    },
  }),
  tool({
    name: 'update_kickoff_field',
    title: 'Change a kick-off field',
    description: 'Changes a field of the kick-off form of a template; what is not given stays.',
    effect: 'change',
    input: z.object({ template_id: templateId, field_id: fieldId, ...changed }),
    output: listOf(field),
    run: async ({ template_id, field_id, ...changes }, { api }) => {
      const { title, fields } = await kickoff(api, template_id);
      const old = withId(fields, field_id);
      const changedField = { ...old, ...bodyOf(changes, old) };
      return setKickoff(
        api,
        template_id,
        title,
        fields.map((field) => (field === old ? changedField : field)),
      );
    },
  }),
  tool({
    name: 'delete_kickoff_field',
    title: 'Delete a kick-off field',
    description: 'Deletes a field of the kick-off form of a template for good.',
    effect: 'end',
    input: z.object({ template_id: templateId, field_id: fieldId }),
    output: done,
    asks: async ({ template_id, field_id }, { api }) => {
      const field = withId((await kickoff(api, template_id)).fields, field_id);
      return {
        doing: 'Delete the kick-off field',
        name: nameOf(field, field_id),
        consequence: 'It cannot be restored.',
      };
    },
    run: async ({ template_id, field_id }, { api }) =>
      ended('The kick-off field is deleted.', await api.delete(path`checklists/${template_id}/preruns/${field_id}`)),
  }),
];

interface FieldArguments {
  field_type?: string | undefined;
  options?: string[] | undefined;
  columns?: string[] | undefined;
  [setting: string]: unknown;
}

/** What the API takes: options and columns have ids. Those that stay keep theirs, and new ones get the next. */
function bodyOf({ options, columns, ...rest }: FieldArguments, old: Thing = {}): Thing {
  const type = rest.field_type ?? old['field_type'];
  if (options === undefined && CHOICES.includes(String(type)) && listIn(old['options']).length === 0) {
    throw new Failure('invalid', `A field of the type ${String(type)} needs options.`);
  }
  if (columns === undefined && type === 'table' && listIn(old['columns']).length === 0) {
    throw new Failure('invalid', 'A field of the type table needs columns.');
  }
  return given({
    ...rest,
    options: options && numbered(options, 'text', listIn(old['options'])),
    columns: columns && numbered(columns, 'label', listIn(old['columns'])),
  });
}

function numbered(texts: string[], key: string, old: Thing[]): Thing[] {
  let next = Math.max(0, ...old.map(({ id }) => Number(id) || 0)) + 1;
  return texts.map((text) => old.find((entry) => entry[key] === text) ?? { id: next++, [key]: text });
}

async function fieldIn(api: Api, step: string, fieldId: string): Promise<Thing> {
  return withId(listIn((await api.get(step))['captures']), fieldId);
}

function withId(fields: Thing[], id: string): Thing {
  const found = fields.find((field) => field['id'] === id);
  if (found) return found;
  const there = fields.map((field) => `'${nameOf(field, '')}' (${String(field['id'])})`).join(', ');
  throw new Failure('not_found', `There is no form field ${id} here${there && `, but ${there}`}.`);
}

/** The API wants type, label, requiredness and options with every change. */
async function changeField(api: Api, step: string, fieldId: string, changes: FieldArguments): Promise<Thing> {
  const old = await fieldIn(api, step, fieldId);
  const { label, field_type, required, options, columns } = old;
  const kept = given({ label, field_type, required, options, columns });
  return api.put(`${step}/captures/${path`${fieldId}`}`, { ...kept, ...bodyOf(changes, old) });
}

async function kickoff(api: Api, templateId: string): Promise<{ title: unknown; fields: Thing[] }> {
  const { title, prerun } = await api.get(path`checklists/${templateId}`);
  return { title, fields: listIn(prerun) };
}

/** The kick-off form is changed as a whole, with the template. */
async function setKickoff(api: Api, templateId: string, title: unknown, fields: Thing[]): ReturnType<Tool['run']> {
  const template = await api.put(path`checklists/${templateId}`, { title, prerun: fields });
  return whole('field', listIn(template['prerun']));
}
