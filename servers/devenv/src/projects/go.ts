import { posix } from 'node:path';
import { beside, eachManifest, type Manifests, type Scan } from './manifest.ts';

const TASKS = {
  build: ['go', 'build', './...'],
  test: ['go', 'test', './...'],
  vet: ['go', 'vet', './...'],
};

/** Go modules. One needs another if it requires it, and both are in one `go.work` or it replaces it by its folder. */
export function scanGo(manifests: Manifests, scan: Scan): void {
  const modules = new Map<string, Directives>();
  eachManifest(manifests, /(^|\/)go\.mod$/, scan, (manifest, content) => {
    const directives = directivesOf(content);
    if (directives.module?.[0] === undefined) throw new Error('It has no module line.');
    modules.set(manifest, directives);
  });

  const workspaceReplacements = new Map<string, { manifest: string; line: string }[]>();
  eachManifest(manifests, /(^|\/)go\.work$/, scan, (manifest, content) => {
    const members = (directivesOf(content).use ?? []).map((folder) => posix.join(beside(manifest, folder), 'go.mod'));
    for (const member of members.filter((one) => !modules.has(one))) {
      scan.problems.push({ manifest, message: `It uses ${member}, which is not there.` });
    }
    scan.solutions.push({
      name: posix.dirname(manifest),
      form: 'Go workspace',
      manifest,
      members: members.filter((one) => modules.has(one)),
    });
    for (const line of directivesOf(content).replace ?? []) {
      for (const member of members)
        workspaceReplacements.set(member, [...(workspaceReplacements.get(member) ?? []), { manifest, line }]);
    }
  });

  for (const [manifest, { module, require = [], replace = [] }] of modules) {
    const fellows = scan.solutions
      .filter(({ form, members }) => form === 'Go workspace' && members.includes(manifest))
      .flatMap(({ members }) => members);
    const required = new Set(require.map((line) => line.split(/\s+/)[0] ?? ''));
    const needs = new Set(fellows.filter((one) => required.has(modules.get(one)?.module?.[0] ?? '')));
    // Those of a workspace hold for each of its modules.
    const replacements = [
      ...replace.map((line) => ({ manifest, line })),
      ...(workspaceReplacements.get(manifest) ?? []),
    ];
    for (const { manifest: from, line } of replacements) {
      const [, path = '', folder] = /^(\S+)(?:\s+\S+)?\s+=>\s+(\.\S*)/.exec(line) ?? [];
      if (folder === undefined || !required.has(path)) continue;
      const named = posix.join(beside(from, folder), 'go.mod');
      if (modules.has(named)) needs.add(named);
      else scan.problems.push({ manifest, message: `It replaces ${path} by ${folder}, where there is no go.mod.` });
    }
    needs.delete(manifest);
    const name = module?.[0] ?? manifest;
    scan.projects.push({
      kind: 'go',
      name,
      manifest,
      directory: posix.dirname(manifest),
      needs: [...needs],
      tasks: TASKS,
    });
  }
}

type Directives = Partial<Record<'module' | 'require' | 'replace' | 'use', string[]>>;

/** The lines of each directive, whether they stand alone or in brackets (go.dev/ref/mod, "Lexical elements"). */
function directivesOf(content: string): Directives {
  const directives: Record<string, string[]> = {};
  let block: string | undefined;
  for (const raw of content.split('\n')) {
    const line = raw
      .replace(/\/\/.*$/, '')
      .trim()
      .replaceAll(/["`]/g, '');
    if (line === '') continue;
    const [word = '', ...rest] = line.split(/\s+/);
    if (block !== undefined) {
      if (line === ')') block = undefined;
      else (directives[block] ??= []).push(line);
    } else if (rest[0] === '(') block = word;
    else if (word.endsWith('(')) block = word.slice(0, -1);
    else (directives[word] ??= []).push(rest.join(' '));
  }
  return directives;
}
