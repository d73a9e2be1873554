import { z } from 'zod';
import { path } from '../api.ts';
import { tool, type Tool } from '../tool.ts';
import { folderId, given, paging, processId, templateId } from './arguments.ts';
import { anything, done, ended, folder, listOf, many, one, template } from './things.ts';

const folderType = z.enum(['template', 'process']).describe('What the folder is for');
const name = z.string().min(1).max(32);
const parent = folderId.optional().describe('The id of the folder it is in, which must be for the same');
/** The names of the API. */
const TYPES = { template: 'checklist', process: 'run' } as const;

/** Folders, and what is in them. */
export const folderTools: readonly Tool[] = [
  tool({
    name: 'get_folders',
    title: 'List folders',
    description: 'Lists the folders for templates, or those for processes, with the folders in them.',
    effect: 'read',
    input: z.object({ folder_type: folderType, q: z.string().optional().describe('Part of the name'), ...paging }),
    output: listOf(folder),
    run: async ({ folder_type, q, ...page }, { api }) =>
      many(
        'folder',
        await api.list('folders', page, { folder_type: TYPES[folder_type], q, with: 'children', sort: 'position' }),
      ),
  }),
  tool({
    name: 'create_folder',
    title: 'Create a folder',
    description: 'Creates a folder. What it is for cannot be changed later.',
    effect: 'add',
    input: z.object({ name, folder_type: folderType.default('template'), parent_id: parent }),
    output: z.object({ folder }),
    run: async ({ folder_type, ...rest }, { api }) =>
      one('folder', await api.post('folders', given({ ...rest, folder_type: TYPES[folder_type] }))),
  }),
  tool({
    name: 'update_folder',
    title: 'Change a folder',
    description: 'Renames a folder, or puts it into another.',
    effect: 'change',
    input: z.object({ folder_id: folderId, name: name.optional(), parent_id: parent }),
    output: z.object({ folder }),
    run: async ({ folder_id, ...changes }, { api }) =>
      one('folder', await api.put(path`folders/${folder_id}`, given(changes))),
  }),
  tool({
    name: 'delete_folder',
    title: 'Delete a folder',
    description: 'Deletes a folder for good. What was in it is not deleted.',
    effect: 'end',
    input: z.object({ folder_id: folderId }),
    output: done,
    asks: ({ folder_id }) => ({
      doing: 'Delete the folder',
      name: folder_id,
      consequence: 'What is in it stays, outside of it. The folder cannot be restored.',
    }),
    run: async ({ folder_id }, { api }) =>
      ended('The folder is deleted.', await api.delete(path`folders/${folder_id}`)),
  }),
  tool({
    name: 'add_process_to_folder',
    title: 'Put a process into a folder',
    description: 'Puts a process into a folder for processes. The id in the result is what remove_from_folder takes.',
    effect: 'change',
    input: z.object({ folder_id: folderId, process_id: processId }),
    output: z.object({ association: anything }),
    run: async ({ folder_id, process_id }, { api }) =>
      one(
        'association',
        await api.post('folders/add-object', { folder_id, subject_id: process_id, subject_type: 'Run' }),
      ),
  }),
  tool({
    name: 'add_template_to_folder',
    title: 'Put a template into a folder',
    description: 'Puts a template into a folder for templates, and out of the one it is in.',
    effect: 'change',
    input: z.object({ folder_id: folderId, template_id: templateId }),
    output: z.object({ template }),
    run: async ({ folder_id, template_id }, { api }) => {
      const at = path`checklists/${template_id}`;
      // The API wants the title each time.
      const { title } = await api.get(at);
      return one('template', await api.put(at, { title, folder_id }));
    },
  }),
  tool({
    name: 'remove_from_folder',
    title: 'Take a process out of a folder',
    description: 'Takes a process out of a folder.',
    effect: 'change',
    input: z.object({
      association_id: z
        .int()
        .positive()
        .describe('The number that add_process_to_folder gave, not the id of the process'),
    }),
    output: done,
    run: async ({ association_id }, { api }) =>
      ended('It is out of the folder.', await api.delete(path`folders-objects/${association_id}`)),
  }),
];
