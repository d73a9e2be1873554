import { z } from 'zod';
import { path } from '../api.ts';
import { tool, type Tool } from '../tool.ts';
import { given, groupId, paging } from './arguments.ts';
import { done, ended, group, listOf, many, nameOf, one } from './things.ts';

const people = {
  members: z.array(z.int()).optional().describe('Numbers of all members of the group: the list replaces the old one'),
  guests: z.array(z.email()).optional().describe('Email addresses of all guests in it: the list replaces the old one'),
};
const name = z.string().min(1).max(200);

/** Groups of members and guests, to whom work is assigned. */
export const groupTools: readonly Tool[] = [
  tool({
    name: 'get_groups',
    title: 'List groups',
    description: 'Lists the groups of the organization, with their members and guests.',
    effect: 'read',
    input: z.object({ q: z.string().optional().describe('Part of the name'), ...paging }),
    output: listOf(group),
    run: async ({ q, ...page }, { api }) => many('group', await api.list('groups', page, { q })),
  }),
  tool({
    name: 'get_group',
    title: 'Read a group',
    description: 'Reads a group, with its members and guests.',
    effect: 'read',
    input: z.object({ group_id: groupId }),
    output: z.object({ group }),
    run: async ({ group_id }, { api }) => one('group', await api.get(path`groups/${group_id}`)),
  }),
  tool({
    name: 'create_group',
    title: 'Create a group',
    description: 'Creates a group of members and guests.',
    effect: 'add',
    input: z.object({ name, description: z.string(), ...people }),
    output: z.object({ group }),
    run: async (args, { api }) => one('group', await api.post('groups', given(args))),
  }),
  tool({
    name: 'update_group',
    title: 'Change a group',
    description: 'Changes a group; what is not given stays.',
    effect: 'change',
    input: z.object({ group_id: groupId, name: name.optional(), description: z.string().optional(), ...people }),
    output: z.object({ group }),
    run: async ({ group_id, ...changes }, { api }) => {
      const at = path`groups/${group_id}`;
      // The API wants the description each time.
      const description = changes.description ?? (await api.get(at))['description'] ?? '';
      return one('group', await api.put(at, given({ ...changes, description })));
    },
  }),
  tool({
    name: 'delete_group',
    title: 'Delete a group',
    description: 'Deletes a group for good; its members and guests stay.',
    effect: 'end',
    input: z.object({ group_id: groupId }),
    output: done,
    asks: async ({ group_id }, { api }) => ({
      doing: 'Delete the group',
      name: nameOf(await api.get(path`groups/${group_id}`), group_id),
      consequence: 'What is assigned to it loses it, and it cannot be restored.',
    }),
    run: async ({ group_id }, { api }) => ended('The group is deleted.', await api.delete(path`groups/${group_id}`)),
  }),
];
