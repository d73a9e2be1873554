import { posix } from 'node:path';
import picomatch from 'picomatch';
import { parse } from 'smol-toml';
import { beside, eachManifest, type Manifests, record, type Scan, text, texts } from './manifest.ts';

/** Python projects with a `pyproject.toml`, of PEP 621, uv or Poetry. One needs another by its name or its folder. */
export function scanPython(manifests: Manifests, scan: Scan): void {
  const projects = new Map<string, { project: Record<string, unknown>; tool: Record<string, unknown> }>();
  const files = new Map<string, Record<string, unknown>>();
  eachManifest(manifests, /(^|\/)pyproject\.toml$/, scan, (manifest, toml) => {
    const content = record(parse(toml));
    const tool = record(content['tool']);
    const project = { ...record(tool['poetry']), ...record(content['project']) };
    files.set(manifest, content);
    if (text(project['name']) !== undefined) projects.set(manifest, { project, tool });
  });
  const byName = new Map(
    [...projects].map(([manifest, { project }]) => [normal(text(project['name']) ?? ''), manifest]),
  );

  for (const [manifest, { project, tool }] of projects) {
    const content = files.get(manifest) ?? {};
    const lists = [
      project['dependencies'],
      ...Object.values(record(project['optional-dependencies'])),
      ...Object.values(record(content['dependency-groups'])),
    ];
    const poetry = poetryDependencies(record(tool['poetry']));
    const names = [
      ...lists.flatMap(texts).map((line) => /^[\w.-]+/.exec(line)?.[0] ?? ''),
      ...poetry.map(([name]) => name),
    ];
    const sources = [...Object.values(record(record(tool['uv'])['sources'])), ...poetry.map(([, source]) => source)];
    // A dependency may have several sources, for several platforms.
    const paths = sources.flat().flatMap((source) => text(record(source)['path']) ?? []);
    const needs = new Set(names.flatMap((name) => byName.get(normal(name)) ?? []));
    for (const path of paths) {
      const named = posix.join(beside(manifest, path), 'pyproject.toml');
      if (projects.has(named)) needs.add(named);
      else scan.problems.push({ manifest, message: `It needs the project at ${path}, which is not there.` });
    }
    needs.delete(manifest);
    const version = text(project['version']);
    scan.projects.push({
      kind: 'python',
      name: text(project['name']) ?? manifest,
      ...(version !== undefined && { version }),
      manifest,
      directory: posix.dirname(manifest),
      needs: [...needs],
      tasks: 'pytest' in tool ? { test: ['python3', '-m', 'pytest'] } : {},
    });
  }

  for (const [manifest, content] of files) {
    const workspace = record(record(record(content['tool'])['uv'])['workspace']);
    const patterns = texts(workspace['members']).map((pattern) => beside(manifest, pattern));
    if (patterns.length === 0) continue;
    const ignore = texts(workspace['exclude']).map((pattern) => beside(manifest, pattern));
    const matches = picomatch(patterns, { ignore });
    const members = [...projects.keys()].filter((one) => one === manifest || matches(posix.dirname(one)));
    scan.solutions.push({
      name: text(record(content['project'])['name']) ?? manifest,
      form: 'uv workspace',
      manifest,
      members,
    });
  }
}

/** Of a project of Poetry: those of all groups, which are told apart only in an installation. */
function poetryDependencies(poetry: Record<string, unknown>): [name: string, source: unknown][] {
  const groups = Object.values(record(poetry['group'])).map((group) => record(group)['dependencies']);
  return [poetry['dependencies'], poetry['dev-dependencies'], ...groups].flatMap((list) =>
    Object.entries(record(list)),
  );
}

/** The normal form of a name (PEP 503). */
function normal(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}
