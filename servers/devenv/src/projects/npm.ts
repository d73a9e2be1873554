import { posix } from 'node:path';
import picomatch from 'picomatch';
import { beside, eachManifest, type Manifests, record, type Scan, text, texts } from './manifest.ts';

const DEPENDENCIES = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'];
const SCRIPT_NAME = /^[A-Za-z0-9][\w:.-]{0,99}$/;

/** npm packages. One needs another if both are in one workspace, or if it names the other's folder. */
export function scanNpm(manifests: Manifests, scan: Scan): void {
  const packages = new Map<string, Record<string, unknown>>();
  eachManifest(manifests, /(^|\/)package\.json$/, scan, (path, json) => packages.set(path, record(JSON.parse(json))));

  for (const [manifest, content] of packages) {
    const { workspaces } = content;
    const patterns = texts(Array.isArray(workspaces) ? workspaces : record(workspaces)['packages']);
    if (patterns.length === 0) continue;
    const members = membersOf(manifest, patterns, [...packages.keys()]);
    scan.solutions.push({ name: text(content['name']) ?? manifest, form: 'npm workspaces', manifest, members });
  }

  for (const [manifest, content] of packages) {
    const directory = posix.dirname(manifest);
    const fellows = scan.solutions
      .filter(({ form, members }) => form === 'npm workspaces' && members.includes(manifest))
      .flatMap(({ members }) => members);
    const needs = new Set<string>();
    for (const [name, version] of DEPENDENCIES.flatMap((kind) => Object.entries(record(content[kind])))) {
      const [, folder] = /^(?:file|link|portal):(.+)$/.exec(text(version) ?? '') ?? [];
      const named = folder === undefined ? undefined : posix.join(beside(manifest, folder), 'package.json');
      const fellow = named ?? fellows.find((one) => packages.get(one)?.['name'] === name);
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

function membersOf(manifest: string, patterns: readonly string[], candidates: readonly string[]): string[] {
  const folder = posix.dirname(manifest);
  const absolute = (pattern: string): string => posix.join(folder, pattern.replace(/\/$/, ''));
  const wanted = patterns.filter((pattern) => !pattern.startsWith('!')).map(absolute);
  const unwanted = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => absolute(pattern.slice(1)));
  const matches = picomatch(wanted, { ignore: unwanted });
  return candidates.filter((one) => one !== manifest && matches(posix.dirname(one)));
}
