import { posix } from 'node:path';
import { parse as parseYaml } from 'yaml';
import {
  beside,
  eachManifest,
  folderMatcher,
  type Manifests,
  record,
  type Scan,
  type Solution,
  text,
  texts,
} from './manifest.ts';

const DEPENDENCIES = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'];
const WORKSPACES: ReadonlySet<string> = new Set(['npm workspaces', 'pnpm workspace']);
const SCRIPT_NAME = /^[A-Za-z0-9][\w:.-]{0,99}$/;

/** npm packages. One needs another if both are in one workspace, or if it names the other's folder. */
export function scanNpm(manifests: Manifests, scan: Scan): void {
  const packages = new Map<string, Record<string, unknown>>();
  eachManifest(manifests, /(^|\/)package\.json$/, scan, (path, json) => packages.set(path, record(JSON.parse(json))));

  for (const [manifest, content] of packages) {
    const { workspaces } = content;
    const patterns = texts(Array.isArray(workspaces) ? workspaces : record(workspaces)['packages']);
    if (patterns.length > 0) scan.solutions.push(workspaceOf('npm workspaces', manifest, patterns, packages));
  }
  eachManifest(manifests, /(^|\/)pnpm-workspace\.yaml$/, scan, (manifest, yaml) => {
    const patterns = texts(record(parseYaml(yaml))['packages']);
    scan.solutions.push(workspaceOf('pnpm workspace', manifest, patterns, packages));
  });

  for (const [manifest, content] of packages) {
    const directory = posix.dirname(manifest);
    const fellows = scan.solutions
      .filter(({ form, members }) => WORKSPACES.has(form) && members.includes(manifest))
      .flatMap(({ members }) => members);
    const needs = new Set<string>();
    for (const [name, version] of DEPENDENCIES.flatMap((kind) => Object.entries(record(content[kind])))) {
      const { folder, alias = name } = namedIn(text(version) ?? '');
      const named = folder === undefined ? undefined : posix.join(beside(manifest, folder), 'package.json');
      const fellow = named ?? fellows.find((one) => packages.get(one)?.['name'] === alias);
      if (fellow === undefined) continue;
      if (packages.has(fellow)) needs.add(fellow);
      else
        scan.problems.push({
          manifest,
          message: `It needs ${name} at ${String(folder)}, where there is no package.json.`,
        });
    }
    const scripts = Object.keys(record(content['scripts'])).filter((name) => SCRIPT_NAME.test(name));
    const version = text(content['version']);
    scan.projects.push({
      kind: 'npm',
      name: text(content['name']) ?? directory,
      ...(version !== undefined && { version }),
      manifest,
      directory,
      needs: [...needs],
      tasks: Object.fromEntries(scripts.map((name) => [name, ['npm', 'run', name]])),
    });
  }
}

type Packages = ReadonlyMap<string, Record<string, unknown>>;

/** The workspace that a manifest declares; the package in its own folder is not listed among its members. */
function workspaceOf(
  form: Solution['form'],
  manifest: string,
  patterns: readonly string[],
  packages: Packages,
): Solution {
  const own = posix.join(posix.dirname(manifest), 'package.json');
  const isMember = folderMatcher(manifest, patterns);
  const members = [...packages.keys()].filter((one) => one !== own && isMember(posix.dirname(one)));
  return { name: text(packages.get(own)?.['name']) ?? manifest, form, manifest, members };
}

/** The folder or the package that a version names instead of a number: `file:../a`, `workspace:../a`, `workspace:@x/a@*`. */
function namedIn(version: string): { folder?: string; alias?: string } {
  const [, folder] = /^(?:file|link|portal):(.+)$/.exec(version) ?? /^workspace:(\.{1,2}\/.*)$/.exec(version) ?? [];
  if (folder !== undefined) return { folder };
  const [, alias] = /^workspace:(@?[^@]+)@/.exec(version) ?? [];
  return alias === undefined ? {} : { alias };
}
