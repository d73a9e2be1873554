import { z } from 'zod';
import { changeSchema } from '../git/changes.ts';
import { type Branch, checkNewBranch, createBranch, listBranches } from '../git/branches.ts';
import { shallowNote } from '../git/commits.ts';
import { mergeBranch, previewMerge, type Preview } from '../git/merge.ts';
import { DevenvError } from '../errors.ts';
import { pageInput, pageOf, pageOutput } from '../page.ts';
import { type Call, type Tool, tool } from './tool.ts';

const MAX_CHANGES = 500;

const distance = { ahead: z.int().describe('Commits it has that the other has not'), behind: z.int() };
const branchSchema = z.object({
  name: z.string(),
  current: z.boolean(),
  commit: z.string(),
  date: z.string(),
  author: z.string(),
  subject: z.string(),
  upstream: z.object({ name: z.string(), gone: z.boolean(), ...distance }).optional(),
  base: z
    .object({ name: z.string(), ...distance })
    .optional()
    .describe('How it stands to the base branch'),
});

const refs = {
  source: z.string().describe('What to merge: a branch, a tag or a commit'),
  target: z.string().optional().describe('The branch to merge into; the base branch of the configuration if absent'),
};
const previewSchema = z.object({
  source: z.string(),
  target: z.string(),
  sourceCommit: z.string(),
  targetCommit: z.string(),
  mergeBase: z.string().optional().describe('The last commit they have in common'),
  clean: z.boolean().describe('Whether it merges without a conflict'),
  upToDate: z.boolean().describe('Whether there is nothing to merge'),
  conflicts: z
    .array(z.object({ path: z.string(), messages: z.array(z.string()) }))
    .describe(`The first ${MAX_CHANGES} files`),
  ...distance,
  changedFiles: z.int(),
  changes: z.array(changeSchema).describe(`What would change in the target; the first ${MAX_CHANGES} files`),
});

/** Branches: list, create by policy, preview and do a merge. */
export const branchTools: readonly Tool[] = [
  tool({
    name: 'branch_list',
    title: 'List the branches',
    description:
      'Lists the local branches by name, each with its last commit, how far it is ahead of and behind its upstream, and of the base branch.',
    effect: 'read',
    input: z.object({
      ...pageInput,
      contains: z.string().max(255).optional().describe('Only names that contain this'),
    }),
    output: z.object({ branches: z.array(branchSchema), ...pageOutput }),
    async run({ contains = '', ...request }, { environment: { git, configuration }, signal, progress }) {
      const all = (await listBranches(git, signal)).filter(({ name }) => name.includes(contains));
      const { items, ...page } = pageOf(all, ({ name }) => name, request);
      const base = configuration.settings.branches.base;
      const baseCommit = await git.findCommit(base, signal);
      const branches = await Promise.all(
        items.map(async (branch: Branch) => {
          const apart = baseCommit !== undefined && (await git.distance(baseCommit, branch.commit, signal));
          progress(branch.name, items.length);
          return { ...branch, ...(apart && { base: { name: base, ...apart } }) };
        }),
      );
      const summary = `${branches.length} of ${page.total} branches.${await shallowNote(git, signal)}`;
      return { summary, data: { branches, ...page } };
    },
  }),

  tool({
    name: 'branch_create',
    title: 'Create a branch',
    description:
      'Creates a branch whose name keeps to the policy of the configuration, from the base branch or another start, and checks it out unless told not to.',
    effect: 'change',
    input: z.object({
      name: z.string().describe('The whole name, such as feature/login'),
      from: z.string().optional().describe('Where it starts: a branch, a tag or a commit; the base branch if absent'),
      checkout: z.boolean().default(true).describe('Whether to check it out'),
    }),
    output: z.object({ name: z.string(), commit: z.string(), checkedOut: z.boolean() }),
    async question(args, call) {
      const { from, commit } = await newBranch(args, call);
      return `Create the branch ${args.name} at ${from} (${commit.slice(0, 10)})${args.checkout ? ' and check it out' : ''}?`;
    },
    async run(args, call) {
      const { name, checkout } = args;
      const { from, commit } = await newBranch(args, call);
      await createBranch(call.environment.git, { name, commit, checkout }, call.signal);
      const summary = `Created ${name} at ${from} (${commit.slice(0, 10)})${checkout ? ' and checked it out' : ''}.`;
      return { summary, data: { name, commit, checkedOut: checkout } };
    },
  }),

  tool({
    name: 'merge_preview',
    title: 'Preview a merge',
    description:
      'Merges in memory and tells every conflict and every file that would change. Neither files nor branches change.',
    effect: 'read',
    input: z.object(refs),
    output: previewSchema,
    async run(args, call) {
      const { environment, signal } = call;
      const { preview, target } = await look(args, call);
      const { source, conflicts, base, changes, ahead } = preview;
      const named = { source: args.source, target };
      const upToDate = ahead === 0;
      const found = upToDate
        ? `${target} has all of ${args.source} already.`
        : preview.clean
          ? `${args.source} merges into ${target} without conflicts: ${ahead} commits, ${changes.length} files.`
          : `${args.source} conflicts with ${target} in ${conflicts.length} files.`;
      const summary = found + (await shallowNote(environment.git, signal));
      const data = {
        ...named,
        sourceCommit: source,
        targetCommit: preview.target,
        ...(base !== undefined && { mergeBase: base }),
        clean: preview.clean,
        upToDate,
        conflicts: conflicts.slice(0, MAX_CHANGES),
        ahead,
        behind: preview.behind,
        changedFiles: changes.length,
        changes: changes.slice(0, MAX_CHANGES),
      };
      return { summary, data };
    },
  }),

  tool({
    name: 'branch_merge',
    title: 'Merge a branch',
    description:
      'Merges into a branch with a merge commit, if there is no conflict; it never stops half-way. A branch that is not checked out is moved without touching files, and then no hooks run.',
    effect: 'destroy',
    input: z.object({
      ...refs,
      message: z.string().max(10_000).optional().describe('The message of the merge commit'),
    }),
    output: z.object({ source: z.string(), target: z.string(), commit: z.string(), merged: z.boolean() }),
    async question(args, call) {
      const { preview, target } = await look(args, call);
      const { clean, ahead, conflicts, changes, source } = preview;
      const what = `Merge ${args.source} (${source.slice(0, 10)}) into ${target} (${preview.target.slice(0, 10)})?`;
      const how = clean
        ? `${ahead} commits, ${changes.length} files, no conflicts.`
        : `It will be refused: ${conflicts.length} files conflict.`;
      return `${what} ${how}`;
    },
    async run(args, call) {
      const { preview, target } = await look(args, call);
      const named = { source: args.source, target };
      if (preview.ahead === 0) {
        const summary = `${target} has all of ${args.source} already.`;
        return { summary, data: { ...named, commit: preview.target, merged: false } };
      }
      const { git } = call.environment;
      const message = args.message ?? `Merge ${args.source} into ${target}`;
      const commit = await mergeBranch(git, { preview, branch: target, message }, call.signal);
      return {
        summary: `Merged ${args.source} into ${target} as ${commit.slice(0, 10)}.`,
        data: { ...named, commit, merged: true },
      };
    },
  }),
];

async function newBranch(
  { name, from }: { name: string; from?: string | undefined },
  { environment: { git, configuration }, signal }: Call,
): Promise<{ from: string; commit: string }> {
  const policy = configuration.settings.branches;
  await checkNewBranch(git, name, policy, signal);
  const start = from ?? policy.base;
  return { from: start, commit: await git.commit(start, signal) };
}

async function look(
  args: { source: string; target?: string | undefined },
  { environment: { git, configuration }, signal }: Call,
): Promise<{ preview: Preview; target: string }> {
  const target = args.target ?? configuration.settings.branches.base;
  const targetCommit = await git.findBranch(target, signal);
  if (targetCommit === undefined) await git.commit('HEAD', signal);
  if (targetCommit === undefined)
    throw new DevenvError('REF_NOT_FOUND', `There is no branch ${JSON.stringify(target)}.`);
  return { preview: await previewMerge(git, await git.commit(args.source, signal), targetCommit, signal), target };
}
