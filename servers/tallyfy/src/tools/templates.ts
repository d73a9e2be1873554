import { z } from 'zod';
import { path } from '../api.ts';
import { tool, type Tool } from '../tool.ts';
import { given, paging, templateId } from './arguments.ts';
import { templateNamed } from './names.ts';
import { done, ended, listOf, many, nameOf, one, template } from './things.ts';

const title = z.string().min(1).max(250);
const settings = {
  summary: z.string().max(2_000).optional(),
  guidance: z.string().optional().describe('How to use it'),
  owner_id: z.int().optional().describe('The number of the member who owns it'),
  starred: z.boolean().optional(),
  webhook: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Told of what happens to its processes'),
  default_process_name_format: z.string().max(550).optional(),
  auto_naming: z.boolean().optional(),
  folder_id: z.string().optional(),
};

/** Templates: what processes are launched from. */
export const templateTools: readonly Tool[] = [
  tool({
    name: 'get_all_templates',
    title: 'List templates',
    description: 'Lists templates.',
    effect: 'read',
    input: z.object({
      q: z.string().optional().describe('Part of the title'),
      type: z.enum(['procedure', 'form', 'document']).optional(),
      starred: z.boolean().optional(),
      folder: z.string().optional().describe('Only templates in the folder with this id'),
      tag: z.string().optional().describe('Only templates that have the tag with this id'),
      owner_id: z.int().optional(),
      archived: z.enum(['true', 'only']).optional().describe('Also archived templates, or only those'),
      ...paging,
    }),
    output: listOf(template),
    run: async ({ page, per_page, all_pages, ...query }, { api }) =>
      many('template', await api.list('checklists', { page, per_page, all_pages }, query)),
  }),
  tool({
    name: 'get_template',
    title: 'Read a template',
    description: 'Reads a template with its steps, kick-off fields and automation rules, by its id or its exact title.',
    effect: 'read',
    input: z.object({
      template_id: templateId.optional(),
      template_name: z.string().min(1).optional().describe('The title, if the id is not known'),
    }),
    output: z.object({ template }),
    run: async ({ template_id, template_name }, { api }) =>
      one('template', await templateNamed(api, { id: template_id, name: template_name })),
  }),
  tool({
    name: 'create_template',
    title: 'Create a template',
    description: 'Creates an empty template; add_step_to_template and add_kickoff_field fill it.',
    effect: 'add',
    input: z.object({ title, type: z.enum(['procedure', 'form', 'document']).default('procedure'), ...settings }),
    output: z.object({ template }),
    run: async (args, { api }) => one('template', await api.post('checklists', given(args))),
  }),
  tool({
    name: 'update_template',
    title: 'Change a template',
    description: 'Changes a template; what is not given stays. Processes that were launched from it stay as they are.',
    effect: 'change',
    input: z.object({ template_id: templateId, title: title.optional(), ...settings }),
    output: z.object({ template }),
    run: async ({ template_id, ...changes }, { api }) => {
      const at = path`checklists/${template_id}`;
      // The API wants the title each time.
      const title = changes.title ?? (await api.get(at))['title'];
      return one('template', await api.put(at, given({ ...changes, title })));
    },
  }),
  tool({
    name: 'clone_template',
    title: 'Copy a template',
    description: 'Makes a copy of a template.',
    effect: 'add',
    input: z.object({ template_id: templateId, new_name: title.optional().describe('The title of the copy') }),
    output: z.object({ template }),
    run: async ({ template_id, new_name }, { api }) =>
      one(
        'template',
        await api.post(path`checklists/${template_id}/clone`, given({ tenant: api.orgId, title: new_name })),
      ),
  }),
  tool({
    name: 'archive_template',
    title: 'Archive a template',
    description: 'Archives a template. Processes that were launched from it go on.',
    effect: 'end',
    input: z.object({ template_id: templateId }),
    output: done,
    asks: async ({ template_id }, { api }) => ({
      doing: 'Archive the template',
      name: nameOf(await api.get(path`checklists/${template_id}`), template_id),
      consequence: 'Nothing can be launched from it, and automations and jobs that name it lose it.',
    }),
    run: async ({ template_id }, { api }) =>
      ended('The template is archived.', await api.delete(path`checklists/${template_id}`)),
  }),
  tool({
    name: 'delete_template',
    title: 'Delete a template',
    description: 'Deletes an archived template for good. Only an administrator may.',
    effect: 'end',
    input: z.object({ template_id: templateId }),
    output: done,
    asks: ({ template_id }) => ({
      doing: 'Delete the template',
      name: template_id,
      consequence: 'Its steps, form fields and automations are deleted too, and nothing can be restored.',
    }),
    run: async ({ template_id }, { api }) =>
      ended('The template is deleted.', await api.delete(path`checklists/${template_id}/delete`)),
  }),
];
