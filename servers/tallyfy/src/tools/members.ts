import { z } from 'zod';
import { path } from '../api.ts';
import { tool, type Tool } from '../tool.ts';
import { memberId, paging } from './arguments.ts';
import { anything, done, ended, listOf, many, member, nameOf, one } from './things.ts';

const role = z.enum(['light', 'standard', 'admin']);

/** The organization and its members. */
export const memberTools: readonly Tool[] = [
  tool({
    name: 'get_me',
    title: 'Who am I',
    description: 'Reads the member whose API key is used.',
    effect: 'read',
    input: z.object({}),
    output: z.object({ member }),
    run: async (_args, { api }) => one('member', await api.get('me')),
  }),
  tool({
    name: 'get_organization',
    title: 'Read the organization',
    description: 'Reads the organization that is worked in.',
    effect: 'read',
    input: z.object({}),
    output: z.object({ organization: anything }),
    run: async (_args, { api }) => one('organization', await api.get('')),
  }),
  tool({
    name: 'get_organization_users',
    title: 'List members',
    description: 'Lists the members of the organization.',
    effect: 'read',
    input: z.object({
      q: z.string().optional().describe('Part of the name or the email address'),
      with_groups: z.boolean().default(false).describe('Also the groups each is in'),
      ...paging,
    }),
    output: listOf(member),
    run: async ({ q, with_groups, ...page }, { api }) =>
      many('member', await api.list('users', page, { q, with: with_groups ? 'groups' : undefined })),
  }),
  tool({
    name: 'get_user',
    title: 'Read a member',
    description: 'Reads a member of the organization.',
    effect: 'read',
    input: z.object({ user_id: memberId }),
    output: z.object({ member }),
    run: async ({ user_id }, { api }) => one('member', await api.get(path`users/${user_id}`)),
  }),
  tool({
    name: 'invite_user_to_organization',
    title: 'Invite a member',
    description: 'Sends an email that invites somebody to become a member of the organization.',
    effect: 'add',
    input: z.object({
      email: z.email(),
      first_name: z.string().min(1).max(32),
      last_name: z.string().min(1).max(32),
      role: role.default('light'),
      message: z
        .string()
        .min(1)
        .max(5_000)
        .default('You are invited to work with us in Tallyfy.')
        .describe('In the email'),
    }),
    output: z.object({ member }),
    run: async (args, { api }) => one('member', await api.post('users/invite', args)),
  }),
  tool({
    name: 'change_user_role',
    title: 'Change the role of a member',
    description: 'Gives a member another role.',
    effect: 'change',
    input: z.object({ user_id: memberId, role }),
    output: z.object({ member: anything }),
    run: async ({ user_id, role }, { api }) => one('member', await api.put(path`users/${user_id}/role`, { role })),
  }),
  tool({
    name: 'disable_user',
    title: 'Disable a member',
    description: 'Takes a member out of the organization, until enable_user.',
    effect: 'end',
    input: z.object({ user_id: memberId }),
    output: done,
    asks: async ({ user_id }, { api }) => ({
      doing: 'Disable the member',
      name: nameOf(await api.get(path`users/${user_id}`), String(user_id)),
      consequence: 'They lose access to the organization until they are enabled again.',
    }),
    run: async ({ user_id }, { api }) =>
      ended('The member is disabled.', await api.delete(path`users/${user_id}/disable`)),
  }),
  tool({
    name: 'enable_user',
    title: 'Enable a member',
    description: 'Gives a disabled member access to the organization again.',
    effect: 'change',
    input: z.object({ user_id: memberId }),
    output: z.object({ member: anything }),
    run: async ({ user_id }, { api }) => one('member', await api.put(path`users/${user_id}/enable`)),
  }),
];
