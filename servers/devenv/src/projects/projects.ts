import { glob } from 'tinyglobby';
import { DevenvError } from '../errors.ts';
import type { Root } from '../root.ts';
import { scanCargo } from './cargo.ts';
import { scanDotnet } from './dotnet.ts';
import { scanGo } from './go.ts';
import { type Graph, type Order, orderOf, turned } from './graph.ts';
import { type Found, type Problem, readManifests, type Scan, type Solution } from './manifest.ts';
import { scanNpm } from './npm.ts';
import { scanPython } from './python.ts';

const MANIFESTS = [
  '**/package.json',
  '**/pnpm-workspace.yaml',
  '**/*.{cs,fs,vb}proj',
  '**/*.{sln,slnx}',
  '**/pyproject.toml',
  '**/go.{mod,work}',
  '**/Cargo.toml',
];
const IGNORED = [
  'node_modules',
  '.git',
  'bin',
  'obj',
  'target',
  'dist',
  'build',
  'vendor',
  '.venv',
  'venv',
  '__pycache__',
];
const MAX_MANIFESTS = 2_000;
const MAX_DEPTH = 12;

/** A project among the others: it goes by its id, and so do those it needs. */
export interface Project extends Omit<Found, 'needs'> {
  /** Its name; with its kind before it, or its manifest instead, where another has the same. */
  id: string;
  needs: string[];
}

/** The projects of a repository and how they hang together. */
export interface Projects extends Order {
  projects: Project[];
  /** Workspaces and solutions; their members are ids. */
  solutions: Solution[];
  /** What is wrong: manifests that cannot be read, references that lead nowhere. */
  problems: Problem[];
  needs: Graph;
  neededBy: Graph;
}

/**
 * Reads the manifests of npm, .NET, Python, Go and Cargo below the root. Links are not followed, and folders of installed and
 * built things are left out.
 *
 * @throws {DevenvError} `PROJECTS_TOO_MANY` above 2000 manifests.
 */
export async function scanProjects(root: Root, signal: AbortSignal): Promise<Projects> {
  const paths = await glob(MANIFESTS, {
    cwd: root.path,
    ignore: IGNORED.map((folder) => `**/${folder}/**`),
    followSymbolicLinks: false,
    expandDirectories: false,
    deep: MAX_DEPTH,
    signal,
  });
  signal.throwIfAborted();
  if (paths.length > MAX_MANIFESTS) {
    throw new DevenvError(
      'PROJECTS_TOO_MANY',
      `There are ${paths.length} manifests, and ${MAX_MANIFESTS} is the most.`,
    );
  }
  const { manifests, problems } = await readManifests(root, paths.sort());
  const scan: Scan = { projects: [], solutions: [], problems: [...problems] };
  for (const read of [scanNpm, scanDotnet, scanPython, scanGo, scanCargo]) read(manifests, scan);
  return connect(scan);
}

function connect(scan: Scan): Projects {
  const ids = new Map(scan.projects.map((project) => [project.manifest, idOf(project, scan.projects)]));
  const toIds = (manifests: readonly string[]): string[] => manifests.flatMap((one) => ids.get(one) ?? []).sort();
  const projects = scan.projects.map((project) => ({
    ...project,
    id: ids.get(project.manifest) ?? project.manifest,
    needs: toIds(project.needs),
  }));
  const needs = new Map(projects.map(({ id, needs }) => [id, needs]));
  return {
    projects,
    solutions: scan.solutions.map((solution) => ({ ...solution, members: toIds(solution.members) })),
    problems: scan.problems,
    needs,
    neededBy: turned(needs),
    ...orderOf(needs),
  };
}

function idOf({ name, kind, manifest }: Found, all: readonly Found[]): string {
  const namesakes = all.filter((other) => other.name === name);
  if (namesakes.length === 1) return name;
  return namesakes.filter((other) => other.kind === kind).length === 1 ? `${kind}:${name}` : manifest;
}

/** Finds the project that a file belongs to: the one with the longest folder around it. */
export function ownerFinder({ projects }: Projects): (path: string) => Project | undefined {
  const byFolder = new Map<string, Project>();
  for (const project of projects) if (!byFolder.has(project.directory)) byFolder.set(project.directory, project);
  return (path) => {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const owner = byFolder.get(path.slice(0, end));
      if (owner !== undefined) return owner;
    }
    return byFolder.get('.');
  };
}

/**
 * A project by its id, its name or its folder.
 *
 * @throws {DevenvError} `PROJECT_NOT_FOUND`
 */
export function projectOf({ projects }: Projects, wanted: string): Project {
  const found =
    projects.find(({ id }) => id === wanted) ??
    projects.find(({ name, directory }) => name === wanted || directory === wanted);
  if (found) return found;
  throw new DevenvError('PROJECT_NOT_FOUND', `There is no project ${JSON.stringify(wanted)}.`);
}
