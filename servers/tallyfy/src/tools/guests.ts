import { z } from 'zod';
import { path } from '../api.ts';
import { tool, type Tool } from '../tool.ts';
import { email, given, paging } from './arguments.ts';
import { anything, done, ended, guest, listOf, many, one } from './things.ts';

/** Guests: people outside of the organization who do tasks in it. The links with which they sign in are never in a result. */
export const guestTools: readonly Tool[] = [
  tool({
    name: 'get_organization_guests',
    title: 'List guests',
    description: 'Lists the guests of the organization.',
    effect: 'read',
    input: z.object({
      q: z.string().optional().describe('Part of the email address'),
      with_stats: z.boolean().default(false).describe('Also how many tasks each has and has completed'),
      ...paging,
    }),
    output: listOf(guest),
    run: async ({ q, with_stats, ...page }, { api }) =>
      many('guest', await api.list('guests', page, { q, with: with_stats ? 'stats' : undefined })),
  }),
  tool({
    name: 'get_guest',
    title: 'Read a guest',
    description: 'Reads a guest of the organization.',
    effect: 'read',
    input: z.object({ email }),
    output: z.object({ guest }),
    run: async ({ email }, { api }) => one('guest', await api.get(path`guests/${email}`)),
  }),
  tool({
    name: 'create_guest',
    title: 'Create a guest',
    description: 'Makes somebody who is not a member a guest of the organization.',
    effect: 'add',
    input: z.object({
      email,
      first_name: z.string().max(200).optional(),
      last_name: z.string().max(200).optional(),
      phone_1: z.string().max(20).optional(),
      phone_2: z.string().max(20).optional(),
      company_name: z.string().max(200).optional(),
      timezone: z.string().optional().describe('Such as Europe/Berlin'),
    }),
    output: z.object({ guest }),
    run: async (args, { api }) => one('guest', await api.post('guests', given(args))),
  }),
  tool({
    name: 'update_guest',
    title: 'Change who looks after a guest',
    description: 'Sets the members who look after a guest. Names and addresses of guests cannot be changed.',
    effect: 'change',
    input: z.object({
      email,
      associated_members: z.array(z.int()).describe('Numbers of members: replaces the old list'),
    }),
    output: z.object({ guest }),
    run: async ({ email, ...changes }, { api }) => one('guest', await api.put(path`guests/${email}`, changes)),
  }),
  tool({
    name: 'disable_guest',
    title: 'Disable a guest',
    description: 'Keeps a guest out of the organization, until enable_guest.',
    effect: 'end',
    input: z.object({ email }),
    output: done,
    asks: ({ email }) => ({
      doing: 'Disable the guest',
      name: email,
      consequence: 'They cannot work on their tasks until they are enabled again.',
    }),
    run: async ({ email }, { api }) => ended('The guest is disabled.', await api.delete(path`guests/${email}/disable`)),
  }),
  tool({
    name: 'enable_guest',
    title: 'Enable a guest',
    description: 'Lets a disabled guest in again.',
    effect: 'change',
    input: z.object({ email }),
    output: z.object({ guest: anything }),
    run: async ({ email }, { api }) => one('guest', await api.put(path`guests/${email}/enable`)),
  }),
  tool({
    name: 'delete_guest',
    title: 'Remove a guest',
    description: 'Removes a guest from the organization, and from all tasks.',
    effect: 'end',
    input: z.object({ email }),
    output: done,
    asks: ({ email }) => ({
      doing: 'Remove the guest',
      name: email,
      consequence: 'They are taken off all their tasks, which cannot be undone.',
    }),
    run: async ({ email }, { api }) => ended('The guest is removed.', await api.delete(path`guests/${email}`)),
  }),
];
