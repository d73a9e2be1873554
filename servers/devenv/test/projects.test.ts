import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { orderOf, reach } from '../src/projects/graph.ts';
import { projectOf, scanProjects } from '../src/projects/projects.ts';
import { Root } from '../src/root.ts';
import { folder, write } from './support/repository.ts';
import { open } from './support/session.ts';

const never = new AbortController().signal;
const scan = (files: Record<string, string | object>) => {
  const root = folder();
  write(root, files);
  return scanProjects(new Root(root), never);
};

describe('the projects', () => {
  it('of npm need each other in a workspace or by a folder, and not by a name alone', async () => {
    const { needs, solutions, problems } = await scan({
      'package.json': { name: 'all', workspaces: ['packages/*', '!packages/old'] },
      'packages/a/package.json': { name: '@x/a' },
      'packages/b/package.json': { name: '@x/b', devDependencies: { '@x/a': '^1.0.0', zod: '4' } },
      'packages/old/package.json': { name: 'old', dependencies: { '@x/a': '1' } },
      'tools/t/package.json': { name: 't', dependencies: { old: 'file:../../packages/old', lost: 'link:../lost' } },
      'node_modules/@x/a/package.json': { name: '@x/a' },
    });
    expect(Object.fromEntries(needs)).toEqual({ all: [], '@x/a': [], '@x/b': ['@x/a'], old: [], t: ['old'] });
    expect(solutions).toMatchObject([{ form: 'npm workspaces', members: ['@x/a', '@x/b'] }]);
    expect(problems).toEqual([{ manifest: 'tools/t/package.json', message: expect.stringContaining('../lost') }]);
  });

  it('of pnpm need each other by name, by folder and under another name', async () => {
    const { needs, solutions } = await scan({
      'package.json': { name: 'all' },
      'pnpm-workspace.yaml': 'packages:\n  - "packages/*"\n  - "!packages/old"\n',
      'packages/a/package.json': { name: '@x/a' },
      'packages/b/package.json': { name: '@x/b', dependencies: { '@x/a': 'workspace:^' } },
      'packages/c/package.json': { name: '@x/c', dependencies: { other: 'workspace:@x/a@*', b: 'workspace:../b' } },
      'packages/old/package.json': { name: 'old', dependencies: { '@x/a': '1' } },
    });
    expect(Object.fromEntries(needs)).toEqual({
      all: [],
      '@x/a': [],
      '@x/b': ['@x/a'],
      '@x/c': ['@x/a', '@x/b'],
      old: [],
    });
    expect(solutions).toMatchObject([{ name: 'all', form: 'pnpm workspace', members: ['@x/a', '@x/b', '@x/c'] }]);
  });

  it('are members of a workspace as its last glob that matches says, and may begin with a byte order mark', async () => {
    const { solutions, problems } = await scan({
      'package.json': `\uFEFF${JSON.stringify({ name: 'all', workspaces: ['packages/*', '!packages/old*', 'packages/old-b'] })}`,
      'packages/a/package.json': { name: 'a' },
      'packages/old-a/package.json': { name: 'old-a' },
      'packages/old-b/package.json': '\uFEFF{"name": "old-b"}',
    });
    expect(problems).toEqual([]);
    expect(solutions).toMatchObject([{ members: ['a', 'old-b'] }]);
  });

  it('of .NET may be named in lists, by globs, and by what only a build knows', async () => {
    const { needs, problems } = await scan({
      'a/A.csproj': '<Project />',
      'b/B.csproj': '<Project />',
      'c/C.csproj':
        '<Project><ItemGroup><ProjectReference Include="..\\a\\A.csproj; ..\\b\\B.csproj" /></ItemGroup></Project>',
      'd/D.csproj':
        '<Project><ItemGroup><ProjectReference Include="$(Root)x.csproj;../{a,b}/../a/*.csproj" /></ItemGroup></Project>',
    });
    expect(problems).toEqual([]);
    expect(Object.fromEntries(needs)).toMatchObject({ C: ['A', 'B'], D: ['A'] });
  });

  it('of Poetry need each other in any group', async () => {
    const { needs, problems } = await scan({
      'core/pyproject.toml': '[tool.poetry]\nname = "core"\n',
      'api/pyproject.toml':
        '[tool.poetry]\nname = "api"\n[tool.poetry.group.dev.dependencies]\ncore = { path = "../core", develop = true }\n',
      'web/pyproject.toml':
        '[tool.poetry]\nname = "web"\n[tool.poetry.dependencies]\napi = [{ path = "../api", markers = "a" }, { version = "1" }]\n',
    });
    expect(problems).toEqual([]);
    expect(Object.fromEntries(needs)).toEqual({ core: [], api: ['core'], web: ['api'] });
  });

  it('of Go take the replacements of their workspace', async () => {
    const { needs, problems } = await scan({
      'go.work': 'go 1.24\nuse(\n\t`./a`\n)\nreplace example.com/b => ./vendored/b\n',
      'a/go.mod': 'module example.com/a\nrequire example.com/b v1.0.0\n',
      'vendored/b/go.mod': 'module example.com/b\n',
    });
    expect(problems).toEqual([]);
    expect(Object.fromEntries(needs)).toMatchObject({ 'example.com/a': ['example.com/b'] });
  });

  it('of .NET are read from project references, whose folders of a solution are no projects', async () => {
    const { needs, solutions, problems, buildOrder } = await scan({
      'All.sln': [
        'Project("{9A19103F-16F7-4668-BE54-9A1E7A4F7556}") = "Core", "src\\Core\\Core.csproj", "{1}"',
        'Project("{fae04ec0-301f-11d3-bf4b-00c04f79efbc}") = "App", "src\\App\\App.csproj", "{2}"',
        'Project("{2150e333-8fdc-42a3-9474-1a3956d46de8}") = "folder", "folder", "{3}"',
        'Project("{9A19103F-16F7-4668-BE54-9A1E7A4F7556}") = "Gone", "src\\Gone\\Gone.csproj", "{4}"',
      ].join('\r\n'),
      'New.slnx': '<Solution><Folder Name="/src/"><Project Path="src/Core/Core.csproj" /></Folder></Solution>',
      'src/Core/Core.csproj': '<Project Sdk="Microsoft.NET.Sdk" />',
      'src/App/App.csproj':
        '<Project><ItemGroup><ProjectReference Include="..\\Core\\Core.csproj" /></ItemGroup></Project>',
      'src/App/obj/Debug/x.csproj': '<Project />',
    });
    expect(Object.fromEntries(needs)).toEqual({ App: ['Core'], Core: [] });
    expect(buildOrder).toEqual(['Core', 'App']);
    expect(solutions).toMatchObject([
      { name: 'All', members: ['App', 'Core'] },
      { name: 'New', members: ['Core'] },
    ]);
    expect(problems).toEqual([{ manifest: 'All.sln', message: expect.stringContaining('src/Gone/Gone.csproj') }]);
  });

  it('of Python need each other by name, in any spelling, or by folder', async () => {
    const { needs, solutions } = await scan({
      'pyproject.toml': '[project]\nname = "root"\n[tool.uv.workspace]\nmembers = ["libs/*"]\n',
      'libs/core/pyproject.toml': '[project]\nname = "My_Core"\nversion = "1.0"\n',
      'libs/api/pyproject.toml':
        '[project]\nname = "api"\ndependencies = ["my-core>=1; python_version > \'3\'", "httpx"]\n',
      'poetry/pyproject.toml':
        '[tool.poetry]\nname = "old"\n[tool.poetry.dependencies]\napi = { path = "../libs/api" }\n',
    });
    expect(Object.fromEntries(needs)).toEqual({ root: [], My_Core: [], api: ['My_Core'], old: ['api'] });
    expect(solutions).toMatchObject([{ form: 'uv workspace', members: ['My_Core', 'api', 'root'] }]);
  });

  it('of Go need each other in a workspace, or by replacement', async () => {
    const { needs, solutions } = await scan({
      'go.work': 'go 1.24\nuse (\n\t./a\n\t./b // the second\n)\n',
      'a/go.mod': 'module example.com/a\n\ngo 1.24\n',
      'b/go.mod': 'module example.com/b\nrequire (\n\texample.com/a v0.0.0\n\texample.com/other v1.0.0\n)\n',
      'c/go.mod': 'module example.com/c\nrequire example.com/b v0.0.0\nreplace example.com/b => ../b\n',
      'd/go.mod': 'module example.com/d\nrequire example.com/a v1.0.0\n',
    });
    expect(Object.fromEntries(needs)).toEqual({
      'example.com/a': [],
      'example.com/b': ['example.com/a'],
      'example.com/c': ['example.com/b'],
      'example.com/d': [],
    });
    expect(solutions).toMatchObject([{ form: 'Go workspace', members: ['example.com/a', 'example.com/b'] }]);
  });

  it('of Cargo need each other by folder, in the crate or through the workspace, but for tests', async () => {
    const { needs, cycles, solutions } = await scan({
      'Cargo.toml': '[workspace]\nmembers = ["crates/*"]\n[workspace.dependencies]\ncore = { path = "crates/core" }\n',
      'crates/core/Cargo.toml': '[package]\nname = "core"\n[dev-dependencies]\napp = { path = "../app" }\n',
      'crates/app/Cargo.toml': '[package]\nname = "app"\n[dependencies]\ncore.workspace = true\nserde = "1"\n',
      'crates/win/Cargo.toml':
        '[package]\nname = "win"\n[target."cfg(windows)".dependencies]\napp = { path = "../app" }\n',
    });
    expect(Object.fromEntries(needs)).toEqual({ core: [], app: ['core'], win: ['app'] });
    expect(cycles).toEqual([]);
    expect(solutions).toMatchObject([{ form: 'Cargo workspace', members: ['app', 'core', 'win'] }]);
  });

  it('of one name go by their kind or their manifest', async () => {
    const projects = await scan({
      'package.json': { name: 'app' },
      'Cargo.toml': '[package]\nname = "app"\n',
      'x/package.json': { name: 'twin' },
      'y/package.json': { name: 'twin' },
    });
    expect(projects.projects.map(({ id }) => id).sort()).toEqual([
      'cargo:app',
      'npm:app',
      'x/package.json',
      'y/package.json',
    ]);
    expect(projectOf(projects, 'x').id).toBe('x/package.json');
  });

  it('whose manifests cannot be read are problems, and links are not followed', async () => {
    const outside = folder();
    write(outside, { 'package.json': { name: 'secret' } });
    const root = folder();
    write(root, { 'a/package.json': '{', 'b/Cargo.toml': '=', 'c/App.csproj': '<Project>', 'd/file': '' });
    symlinkSync(join(outside, 'package.json'), join(root, 'd/package.json'));
    symlinkSync(outside, join(root, 'linked'));
    const { projects, problems } = await scanProjects(new Root(root), never);
    expect(projects).toEqual([]);
    expect(problems.map(({ manifest }) => manifest).sort()).toEqual(['a/package.json', 'b/Cargo.toml', 'c/App.csproj']);
    expect(JSON.stringify(problems)).not.toContain('secret');
  });
});

describe('the graph', () => {
  it('is ordered with dependencies first, and tells its cycles', () => {
    const graph = new Map([
      ['app', ['lib', 'self']],
      ['lib', ['base', 'ring1']],
      ['base', []],
      ['ring1', ['ring2']],
      ['ring2', ['ring1']],
      ['self', ['self']],
    ]);
    const { buildOrder, cycles } = orderOf(graph);
    for (const [name, needed] of [
      ['app', 'lib'],
      ['app', 'self'],
      ['lib', 'base'],
      ['lib', 'ring1'],
    ] as const) {
      expect(buildOrder.indexOf(name)).toBeGreaterThan(buildOrder.indexOf(needed));
    }
    expect(buildOrder).toHaveLength(6);
    expect(cycles).toEqual([['ring1', 'ring2'], ['self']]);
    expect(reach(graph, ['lib'])).toEqual(['base', 'ring1', 'ring2']);
  });
});

describe('the project tools', () => {
  it('show the structure in pages, and the dependencies of one project', async () => {
    const root = folder();
    write(root, {
      'package.json': { name: 'all', version: '1.0.0', workspaces: ['p/*'] },
      'p/a/package.json': { name: 'a', dependencies: { c: '*' } },
      'p/b/package.json': { name: 'b', dependencies: { a: '*' } },
      'p/c/package.json': { name: 'c', dependencies: { a: '*' } },
      'Cargo.toml': '[package]\nname = "crate"\n',
    });
    const { call, client } = await open({ root });
    const { data } = await call('project_structure', { kind: 'npm', limit: 2 });
    expect(data).toMatchObject({
      total: 4,
      projects: [
        { id: 'a', directory: 'p/a', dependencies: ['c'] },
        { id: 'all', version: '1.0.0' },
      ],
      nextCursor: expect.any(String),
      cycles: [['a', 'c']],
      valid: false,
    });
    expect((await call('project_dependencies', { project: 'p/b' })).data).toMatchObject({
      project: { id: 'b' },
      direct: ['a'],
      all: ['a', 'c'],
      buildOrder: ['a', 'c', 'b'],
      inCycle: false,
    });
    expect((await call('project_dependencies', { project: 'a' })).data).toMatchObject({
      dependents: ['b', 'c'],
      allDependents: ['b', 'c'],
      inCycle: true,
    });
    expect(await call('project_dependencies', { project: 'z' })).toMatchObject({
      error: { code: 'PROJECT_NOT_FOUND' },
    });
    const { contents } = await client.readResource({ uri: 'devenv://projects' });
    expect(JSON.parse((contents[0] as { text: string }).text)).toMatchObject({ cycles: [['a', 'c']] });
  });
});
