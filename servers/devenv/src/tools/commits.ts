import { z } from 'zod';
import { areas } from '../areas.ts';
import { riskOf } from '../git/risk.ts';
import { type Change, changeSchema, changesAt, changesBetween, changesInWorktree, changesOf } from '../git/changes.ts';
import { commitWithChanges, countCommits, listCommits, shallowNote } from '../git/commits.ts';
import { checkWorkflow } from '../git/workflow.ts';
import { findingSchema, worst } from '../checks/finding.ts';
import { DevenvError } from '../errors.ts';
import { pageInput, pageOutput, readCursor, writeCursor } from '../page.ts';
import { ownerFinder } from '../projects/projects.ts';
import { reach } from '../projects/graph.ts';
import { type Call, type Tool, tool } from './tool.ts';

const MAX_CHANGES = 500;
const MAX_PATHS = 500;

const commitFields = {
  id: z.string(),
  parents: z.array(z.string()),
  author: z.string(),
  email: z.string(),
  date: z.string(),
  subject: z.string(),
};
const totals = { files: z.int(), added: z.int().describe('Lines'), removed: z.int().describe('Lines') };
const areaSchema = z.object({ area: z.string(), ...totals });

/** Commits and changes: list, look at one, tell what a change reaches, and whether the way of working is kept. */
export const commitTools: readonly Tool[] = [
  tool({
    name: 'commit_list',
    title: 'List recent commits',
    description:
      'Lists commits, newest first, each with the areas of the repository that it touched. Pages stay the same while new commits come.',
    effect: 'read',
    input: z.object({
      ...pageInput,
      ref: z.string().default('HEAD').describe('A branch, a tag or a commit to start at'),
      path: z.string().max(1_000).optional().describe('Only commits that touched this file or folder'),
    }),
    output: z.object({
      commits: z.array(z.object({ ...commitFields, ...totals, areas: z.array(z.string()) })),
      ...pageOutput,
    }),
    async run({ ref, path, limit, cursor }, { environment, signal, progress }) {
      const { git, root } = environment;
      const { from, skip } =
        cursor === undefined ? { from: await git.commit(ref, signal), skip: 0 } : readPlace(cursor);
      const query = { from, skip, limit, path: path === undefined ? undefined : await root.pathspec(path) };
      const [found, total, areaOf] = await Promise.all([
        listCommits(git, query, signal),
        countCommits(git, query, signal),
        areaFinder(environment, signal),
      ]);
      const commits = await Promise.all(
        found.map(async (commit) => {
          const changes = await changesOf(git, commit, signal);
          progress(commit.subject, found.length);
          const { id, parents, author, email, date, subject } = commit;
          return {
            id,
            parents,
            author,
            email,
            date,
            subject,
            ...totalsOf(changes),
            areas: [...new Set(changes.map((change) => areaOf(change.path)))].sort(),
          };
        }),
      );
      const next = skip + found.length;
      const nextCursor = next < total ? { nextCursor: writeCursor(`${from} ${next}`) } : {};
      const summary = `${commits.length} of ${total} commits.${await shallowNote(git, signal)}`;
      return { summary, data: { commits, total, ...nextCursor } };
    },
  }),

  tool({
    name: 'commit_details',
    title: 'Look at a commit',
    description: 'Tells one commit: message, author, and each file it changed, with renames and lines, by area.',
    effect: 'read',
    input: z.object({ commit: z.string().describe('Its id, or a branch or tag') }),
    output: z.object({
      ...commitFields,
      body: z.string(),
      ...totals,
      areas: z.array(areaSchema),
      changes: z.array(changeSchema).describe(`The first ${MAX_CHANGES} files`),
    }),
    async run(args, { environment, signal }) {
      const { git } = environment;
      const { commit, changes } = await commitWithChanges(git, await git.commit(args.commit, signal), signal);
      const byArea = byAreaOf(changes, await areaFinder(environment, signal));
      const data = { ...commit, ...totalsOf(changes), areas: byArea, changes: changes.slice(0, MAX_CHANGES) };
      return { summary: `${commit.id.slice(0, 10)} ${commit.subject} (${changes.length} files)`, data };
    },
  }),

  tool({
    name: 'change_impact',
    title: 'Tell what a change reaches',
    description:
      'Tells what changes touch, by area, and which projects they reach through the dependency graph: of given paths, of one ref against another, or of the files as they are now against the base branch.',
    effect: 'read',
    input: z.object({
      paths: z
        .array(z.string().max(1_000))
        .min(1)
        .max(MAX_PATHS)
        .optional()
        .describe('Files and folders to look at instead of a comparison'),
      base: z.string().optional().describe('What to compare with; the base branch if absent'),
      head: z.string().optional().describe('What to look at: a ref; the files as they are now if absent'),
    }),
    output: z.object({
      ...totals,
      areas: z.array(areaSchema),
      projects: z.object({
        changed: z.array(z.string()),
        affected: z.array(z.string()).describe('Those that depend on the changed ones'),
      }),
      risk: z.enum(['low', 'medium', 'high']),
      reasons: z.array(z.string()),
      changes: z.array(changeSchema).describe(`The first ${MAX_CHANGES} files`),
    }),
    async run(args, call) {
      const changes = await impactOf(args, call);
      const { environment, signal } = call;
      const projects = await environment.projects(signal);
      const areaList = byAreaOf(changes, areas(environment.configuration.settings.areas, projects));
      const touched = changes.flatMap(({ path, from }) => (from === undefined ? [path] : [path, from]));
      const owner = ownerFinder(projects);
      const changed = [...new Set(touched.flatMap((path) => owner(path)?.id ?? []))].sort();
      const affected = reach(projects.neededBy, changed);
      const { risk, reasons } = riskOf({ files: changes.length, areas: areaList.length, affected: affected.length });
      const data = {
        ...totalsOf(changes),
        areas: areaList,
        projects: { changed, affected },
        risk,
        reasons,
        changes: changes.slice(0, MAX_CHANGES),
      };
      const found = `${changes.length} files in ${areaList.length} areas; ${changed.length} projects changed, ${affected.length} more affected. Risk: ${risk}.`;
      const summary = found + (args.paths ? '' : await shallowNote(environment.git, signal));
      return { summary, data };
    },
  }),

  tool({
    name: 'workflow_check',
    title: 'Check the way of working',
    description:
      'Checks branch name, protected branches, uncommitted and unmerged files, operations that were not finished, and the distance to upstream and base branch.',
    effect: 'read',
    input: z.object({ strict: z.boolean().default(false).describe('Whether warnings count as errors') }),
    output: z.object({
      branch: z.string().optional().describe('Absent if a commit is checked out'),
      state: z.enum(['ok', 'warning', 'error']),
      findings: z.array(findingSchema),
    }),
    async run({ strict }, call) {
      const { git, configuration } = call.environment;
      const { branch, findings } = await checkWorkflow(git, configuration.settings.branches, call.signal);
      const counted = strict
        ? findings.map((finding) => (finding.state === 'warning' ? { ...finding, state: 'error' as const } : finding))
        : findings;
      const state = worst(counted);
      const data = { ...(branch !== undefined && { branch }), state, findings: counted };
      return { summary: `The way of working: ${state}.`, data };
    },
  }),
];

async function impactOf(
  { paths, base, head }: { paths?: string[] | undefined; base?: string | undefined; head?: string | undefined },
  { environment: { git, root, configuration }, signal }: Call,
): Promise<Change[]> {
  if (paths) {
    return changesAt(git, await Promise.all(paths.map((path) => root.pathspec(path))), signal);
  }
  const target = await git.commit(base ?? configuration.settings.branches.base, signal);
  const tip = await git.commit(head ?? 'HEAD', signal);
  // What came to the base meanwhile is not part of the change.
  const from = (await git.mergeBase(target, tip, signal)) ?? target;
  return head === undefined ? changesInWorktree(git, from, signal) : changesBetween(git, from, tip, signal);
}

async function areaFinder(environment: Call['environment'], signal: AbortSignal): Promise<(path: string) => string> {
  return areas(environment.configuration.settings.areas, await environment.projects(signal));
}

function totalsOf(changes: readonly Change[]): { files: number; added: number; removed: number } {
  const sum = (of: 'added' | 'removed'): number => changes.reduce((total, change) => total + (change[of] ?? 0), 0);
  return { files: changes.length, added: sum('added'), removed: sum('removed') };
}

function byAreaOf(changes: readonly Change[], areaOf: (path: string) => string): z.infer<typeof areaSchema>[] {
  const byArea = new Map<string, Change[]>();
  for (const change of changes) {
    const area = areaOf(change.path);
    const own = byArea.get(area);
    if (own === undefined) byArea.set(area, [change]);
    else own.push(change);
  }
  return [...byArea].map(([area, own]) => ({ area, ...totalsOf(own) })).sort((a, b) => b.files - a.files);
}

function readPlace(cursor: string): { from: string; skip: number } {
  const [, from, skip] = /^([0-9a-f]{40,64}) (\d{1,9})$/.exec(readCursor(cursor)) ?? [];
  if (from === undefined) throw new DevenvError('CURSOR_INVALID', 'The cursor is not one of commit_list.');
  return { from, skip: Number(skip) };
}
