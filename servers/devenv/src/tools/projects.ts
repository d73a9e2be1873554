import { z } from 'zod';
import { pageInput, pageOf, pageOutput } from '../page.ts';
import { reach } from '../projects/graph.ts';
import { KINDS } from '../projects/manifest.ts';
import { type Project, projectOf } from '../projects/projects.ts';
import { type Tool, tool } from './tool.ts';

const projectSchema = z.object({
  id: z.string(),
  kind: z.enum(KINDS),
  name: z.string(),
  version: z.string().optional(),
  directory: z.string(),
  manifest: z.string(),
  dependencies: z.array(z.string()).describe('The projects of this repository that it needs'),
});

/** The projects of the repository and their dependency graph. */
export const projectTools: readonly Tool[] = [
  tool({
    name: 'project_structure',
    title: 'Show the project structure',
    description:
      'Lists the projects below the root (npm, .NET, Python, Go, Cargo), the workspaces and solutions that hold them, the order to build them in, cycles, and what is wrong with their manifests.',
    effect: 'read',
    input: z.object({ ...pageInput, kind: z.enum(KINDS).optional().describe('Only projects of this kind') }),
    output: z.object({
      projects: z.array(projectSchema),
      ...pageOutput,
      buildOrder: z.array(z.string()).describe('All projects, each after those it needs'),
      cycles: z.array(z.array(z.string())).describe('Projects that need each other'),
      solutions: z.array(
        z.object({ name: z.string(), form: z.string(), manifest: z.string(), members: z.array(z.string()) }),
      ),
      problems: z.array(z.object({ manifest: z.string(), message: z.string() })),
      valid: z.boolean().describe('Whether there are neither cycles nor problems'),
    }),
    async run({ kind, ...request }, { environment, signal }) {
      const { projects, buildOrder, cycles, solutions, problems } = await environment.projects(signal);
      const chosen = projects.filter((project) => kind === undefined || project.kind === kind);
      const ids = new Set(chosen.map(({ id }) => id));
      const { items, ...page } = pageOf(chosen, ({ id }) => id, request);
      const data = {
        projects: items.map(shown),
        ...page,
        buildOrder: buildOrder.filter((id) => ids.has(id)),
        cycles,
        solutions: solutions.map((solution) => ({ ...solution })),
        problems,
        valid: cycles.length + problems.length === 0,
      };
      const summary = `${page.total} projects, ${solutions.length} workspaces and solutions, ${cycles.length} cycles, ${problems.length} problems.`;
      return { summary, data };
    },
  }),

  tool({
    name: 'project_dependencies',
    title: "Show a project's dependencies",
    description:
      'Tells which projects one needs, directly and in all, in the order to build them, and which projects need it.',
    effect: 'read',
    input: z.object({ project: z.string().describe('Its id, its name or its folder') }),
    output: z.object({
      project: projectSchema,
      direct: z.array(z.string()),
      all: z.array(z.string()).describe('With those that its dependencies need'),
      dependents: z.array(z.string()).describe('The projects that need it directly'),
      allDependents: z.array(z.string()),
      buildOrder: z.array(z.string()).describe('What to build for it, itself at last'),
      inCycle: z.boolean(),
    }),
    async run(args, { environment, signal }) {
      const graph = await environment.projects(signal);
      const project = projectOf(graph, args.project);
      const all = reach(graph.needs, [project.id]);
      const wanted = new Set([...all, project.id]);
      const allDependents = reach(graph.neededBy, [project.id]);
      const data = {
        project: shown(project),
        direct: project.needs,
        all,
        dependents: [...(graph.neededBy.get(project.id) ?? [])].sort(),
        allDependents,
        buildOrder: graph.buildOrder.filter((id) => wanted.has(id)),
        inCycle: graph.cycles.some((cycle) => cycle.includes(project.id)),
      };
      return { summary: `${project.id} needs ${all.length} projects, and ${allDependents.length} need it.`, data };
    },
  }),
];

function shown({ id, kind, name, version, directory, manifest, needs }: Project): z.infer<typeof projectSchema> {
  return { id, kind, name, ...(version !== undefined && { version }), directory, manifest, dependencies: needs };
}
