import { z } from 'zod';
import type { Thing } from '../api.ts';
import { listIn } from '../listing.ts';
import { tool, type Tool } from '../tool.ts';
import { anything, count } from './things.ts';

/** The names of the API. */
const TYPES = { tasks: 'task', processes: 'process', templates: 'blueprint', snippets: 'snippet' } as const;
type Kind = keyof typeof TYPES;
const KINDS = Object.keys(TYPES) as Kind[];

const input = z.object({
  query: z.string().min(1).max(500).describe('Words of the name; Tallyfy finds no misspelt ones'),
  per_page: z.int().min(1).max(100).default(20).describe('How many of each kind at most'),
});

/** Search by words. */
export const searchTools: readonly Tool[] = [
  searchFor('search_for_tasks', 'tasks'),
  searchFor('search_for_processes', 'processes'),
  searchFor('search_for_templates', 'templates'),
  tool({
    name: 'search_all',
    title: 'Search everything',
    description: 'Searches tasks, processes, templates and snippets by words.',
    effect: 'read',
    input: input.extend({ types: z.array(z.enum(KINDS)).min(1).default(KINDS).describe('What to search') }),
    output: z.object({
      total: z.int(),
      ...Object.fromEntries(KINDS.map((kind) => [kind, z.array(anything).optional()])),
    }),
    run: async ({ query, per_page, types }, { api }) =>
      found(await api.raw('search', asked(query, per_page, types)), types),
  }),
];

function searchFor(name: string, kind: Kind): Tool {
  return tool({
    name,
    title: `Search ${kind}`,
    description: `Searches ${kind} by words.`,
    effect: 'read',
    input,
    output: z.object({ total: z.int(), [kind]: z.array(anything) }),
    run: async ({ query, per_page }, { api }) => found(await api.raw('search', asked(query, per_page, [kind])), [kind]),
  });
}

function asked(search: string, per_page: number, kinds: readonly Kind[]): Record<string, string | number> {
  return { on: kinds.map((kind) => TYPES[kind]).join(','), search, per_page };
}

/** The answer has a list for each kind, by its name in the API: `{blueprint: {data: […]}}`. */
function found(answer: unknown, kinds: readonly Kind[]): { text: string; data: Record<string, unknown> } {
  const lists = (answer ?? {}) as Thing;
  const data = Object.fromEntries(kinds.map((kind) => [kind, listIn(lists[TYPES[kind]])]));
  const total = Object.values(data).reduce((sum, { length }) => sum + length, 0);
  return { text: `${count(total, 'match')}.`, data: { total, ...data } };
}
