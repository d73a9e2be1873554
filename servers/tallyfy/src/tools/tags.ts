import { z } from 'zod';
import { path } from '../api.ts';
import { tool, type Tool } from '../tool.ts';
import { given, paging, processId, tagId, templateId } from './arguments.ts';
import { anything, done, ended, listOf, many, nameOf, one, tag } from './things.ts';

const color = z
  .string()
  .regex(/^#[\da-fA-F]{6}$/)
  .describe('Such as #3498db');
const title = z.string().min(1).max(30).describe('The name, which no other tag may have');

/** Tags, and what has them. */
export const tagTools: readonly Tool[] = [
  tool({
    name: 'get_tags',
    title: 'List tags',
    description: 'Lists the tags of the organization.',
    effect: 'read',
    input: z.object({
      q: z.string().optional().describe('Part of the name'),
      auto_generated: z.boolean().default(false).describe('Also the tags that Tallyfy made for processes'),
      ...paging,
    }),
    output: listOf(tag),
    run: async ({ q, auto_generated, ...page }, { api }) =>
      many('tag', await api.list('tags', page, { q, all: auto_generated || undefined })),
  }),
  tool({
    name: 'create_tag',
    title: 'Create a tag',
    description: 'Creates a tag.',
    effect: 'add',
    input: z.object({ title, color: color.optional() }),
    output: z.object({ tag }),
    run: async (args, { api }) => one('tag', await api.post('tags', given(args))),
  }),
  tool({
    name: 'update_tag',
    title: 'Change a tag',
    description: 'Changes the name or the color of a tag.',
    effect: 'change',
    input: z.object({ tag_id: tagId, title: title.optional(), color: color.optional() }),
    output: z.object({ tag }),
    run: async ({ tag_id, ...changes }, { api }) => one('tag', await api.put(path`tags/${tag_id}`, given(changes))),
  }),
  tool({
    name: 'delete_tag',
    title: 'Delete a tag',
    description: 'Deletes a tag for good, and takes it off everything that has it.',
    effect: 'end',
    input: z.object({ tag_id: tagId }),
    output: done,
    asks: async ({ tag_id }, { api }) => ({
      doing: 'Delete the tag',
      name: nameOf(await api.get(path`tags/${tag_id}`), tag_id),
      consequence: 'It is taken off everything that has it, and cannot be restored.',
    }),
    run: async ({ tag_id }, { api }) => ended('The tag is deleted.', await api.delete(path`tags/${tag_id}`)),
  }),
  tool({
    name: 'tag_template',
    title: 'Tag a template',
    description: 'Puts a tag on a template. The id of the association in the result is what untag takes.',
    effect: 'add',
    input: z.object({ template_id: templateId, tag_id: tagId }),
    output: z.object({ association: anything }),
    run: async ({ template_id, tag_id }, { api }) =>
      one(
        'association',
        await api.post('checklists/tags', {
          subject_id: template_id,
          subject_type: 'Checklist',
          tag_id,
          tag_type: 'private',
        }),
      ),
  }),
  tool({
    name: 'tag_process',
    title: 'Tag a process',
    description: 'Puts a tag on a process. The id of the association in the result is what untag takes.',
    effect: 'add',
    input: z.object({ process_id: processId, tag_id: tagId }),
    output: z.object({ association: anything }),
    run: async ({ process_id, tag_id }, { api }) =>
      one(
        'association',
        await api.post('checklists/tags', { subject_id: process_id, subject_type: 'Run', tag_id, tag_type: 'private' }),
      ),
  }),
  tool({
    name: 'untag',
    title: 'Take a tag off',
    description: 'Takes a tag off a template or a process.',
    effect: 'change',
    input: z.object({
      association_id: z
        .union([z.string().regex(/^[\w-]{1,64}$/), z.int()])
        .describe('The id of the association: what tag_template or tag_process gave, or the tags of the thing tell'),
    }),
    output: done,
    run: async ({ association_id }, { api }) =>
      ended('The tag is off.', await api.delete(path`checklists/tags/${association_id}`)),
  }),
];
