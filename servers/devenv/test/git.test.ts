import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folder, Repository, write } from './support/repository.ts';
import { open } from './support/session.ts';

describe('the branches', () => {
  it('are listed with their last commit and how far they are from upstream and base', async () => {
    const origin = new Repository();
    origin.commit('first');
    const clone = folder();
    origin.git('clone', '--quiet', '.', clone);
    const repository = new Repository(clone);
    repository.git('switch', '--quiet', '--create', 'feature/one', '--track', 'origin/main');
    repository.commit('a | subject, with\tsigns');
    origin.commit('second');
    repository.git('fetch', '--quiet');
    const { call } = await open({ root: repository.root });
    const { data } = await call('branch_list');
    expect(data).toMatchObject({
      total: 2,
      branches: [
        {
          name: 'feature/one',
          current: true,
          author: 'Ann Author',
          subject: 'a | subject, with\tsigns',
          upstream: { name: 'origin/main', gone: false, ahead: 1, behind: 1 },
          base: { name: 'main', ahead: 1, behind: 0 },
        },
        { name: 'main', current: false, upstream: { name: 'origin/main', behind: 1 }, base: { ahead: 0, behind: 0 } },
      ],
    });
  });

  it('come in pages that go on where the last one ended, though branches came meanwhile', async () => {
    const repository = new Repository();
    repository.commit('first');
    for (const name of ['a', 'b', 'c']) repository.git('branch', name);
    const { call } = await open({ root: repository.root });
    const names = (data: { branches: { name: string }[] }): string[] => data.branches.map(({ name }) => name);
    const { data: first } = await call('branch_list', { limit: 2 });
    repository.git('branch', 'aa');
    const { data: second } = await call('branch_list', {
      limit: 2,
      cursor: (first as { nextCursor: string }).nextCursor,
    });
    expect([names(first), names(second)]).toEqual([
      ['a', 'b'],
      ['c', 'main'],
    ]);
    expect(second).not.toHaveProperty('nextCursor');
    expect(await call('branch_list', { cursor: 'x' })).toMatchObject({
      isError: true,
      error: { code: 'CURSOR_INVALID' },
    });
  });

  it('are created by the policy, and checked out', async () => {
    const repository = new Repository();
    const start = repository.commit('first');
    const { call } = await open({ root: repository.root });
    expect(await call('branch_create', { name: 'feature/login' })).toMatchObject({
      data: { name: 'feature/login', commit: start, checkedOut: true },
    });
    expect(repository.git('branch', '--show-current')).toBe('feature/login');
    await call('branch_create', { name: 'fix/it', from: 'main', checkout: false });
    expect(repository.git('rev-parse', 'fix/it')).toBe(start);
  });

  it.each([
    ['wrong', 'BRANCH_POLICY'],
    ['main', 'BRANCH_POLICY'],
    ['feature/', 'ARGUMENT_INVALID'],
    ['feature/a..b', 'ARGUMENT_INVALID'],
    ['--upload-pack=touch', 'ARGUMENT_INVALID'],
    ['feature/there', 'BRANCH_EXISTS'],
  ])('are not created with the name %s', async (name, code) => {
    const repository = new Repository();
    repository.commit('first');
    repository.git('branch', 'feature/there');
    const { call } = await open({ root: repository.root });
    expect(await call('branch_create', { name })).toMatchObject({ isError: true, error: { code } });
    expect(repository.git('branch', '--format=%(refname:short)').split('\n')).toEqual(['feature/there', 'main']);
  });
});

describe('a merge', () => {
  it('is previewed with every conflict, and nothing is touched', async () => {
    const repository = conflicting();
    const { call } = await open({ root: repository.root });
    const before = repository.git('status', '--porcelain=v2', '--branch');
    const { data, summary } = await call('merge_preview', { source: 'feature/b' });
    expect(summary).toBe('feature/b conflicts with main in 2 files.');
    expect(data).toMatchObject({
      clean: false,
      upToDate: false,
      ahead: 1,
      behind: 1,
      conflicts: [
        { path: 'deleted.txt', messages: [expect.stringContaining('modify/delete')] },
        { path: 'file with space.txt', messages: [expect.stringContaining('Merge conflict')] },
      ],
    });
    expect(repository.git('status', '--porcelain=v2', '--branch')).toBe(before);
  });

  it('that conflicts is refused and leaves all as it was', async () => {
    const repository = conflicting();
    const { call } = await open({ root: repository.root });
    const head = repository.git('rev-parse', 'main');
    const { error } = await call('branch_merge', { source: 'feature/b' });
    expect(error).toMatchObject({ code: 'MERGE_CONFLICT', message: expect.stringContaining('file with space.txt') });
    expect(repository.git('rev-parse', 'main')).toBe(head);
    expect(repository.git('status', '--porcelain')).toBe('');
  });

  it('into the branch that is checked out changes its files', async () => {
    const repository = diverged();
    const { call } = await open({ root: repository.root });
    const { data } = await call('branch_merge', { source: 'feature/b', message: 'Bring b' });
    expect(data).toMatchObject({ merged: true, commit: repository.git('rev-parse', 'main') });
    expect(repository.git('log', '-1', '--format=%s %P')).toBe(
      `Bring b ${repository.git('rev-parse', 'main^1')} ${repository.git('rev-parse', 'feature/b')}`,
    );
    expect(repository.git('show', 'HEAD:b.txt')).toBe('b');
    expect(repository.git('status', '--porcelain')).toBe('');
    expect(await call('branch_merge', { source: 'feature/b' })).toMatchObject({ data: { merged: false } });
  });

  it('into another branch touches no file', async () => {
    const repository = diverged();
    repository.git('switch', '--quiet', '--detach', 'feature/b');
    write(repository.root, { 'b.txt': 'being written' });
    const { call } = await open({ root: repository.root });
    const { data } = await call('branch_merge', { source: 'feature/b', target: 'main' });
    expect(data).toMatchObject({ merged: true, commit: repository.git('rev-parse', 'main') });
    expect(repository.git('ls-tree', '--name-only', 'main').split('\n')).toEqual(['a.txt', 'b.txt', 'c.txt']);
    expect(repository.git('status', '--porcelain')).toBe('M b.txt');
  });

  it('waits until changes are committed', async () => {
    const repository = diverged();
    write(repository.root, { 'a.txt': 'changed' });
    const { call } = await open({ root: repository.root });
    const { error } = await call('branch_merge', { source: 'feature/b' });
    expect(error).toMatchObject({ code: 'WORKTREE_DIRTY', message: expect.stringContaining('a.txt') });
  });

  it('into a branch that is checked out in another folder is refused', async () => {
    const repository = diverged();
    repository.git('branch', 'elsewhere');
    repository.git('worktree', 'add', '--quiet', join(folder(), 'tree'), 'elsewhere');
    const { call } = await open({ root: repository.root });
    expect(await call('branch_merge', { source: 'feature/b', target: 'elsewhere' })).toMatchObject({
      error: { code: 'BRANCH_IN_USE' },
    });
  });
});

describe('commits', () => {
  it('are listed with what they touched, in pages that stay while commits come', async () => {
    const repository = new Repository();
    repository.commit('first', { 'api/a.txt': '1\n2\n', 'web/b.txt': 'b\n' });
    repository.commit('second | with a bar', { 'api/a.txt': '1\n' });
    const { call } = await open({ root: repository.root });
    const { data: first } = await call('commit_list', { limit: 1 });
    expect(first).toMatchObject({
      total: 2,
      commits: [
        { subject: 'second | with a bar', email: 'ann@example.com', files: 1, added: 0, removed: 1, areas: ['api'] },
      ],
    });
    repository.commit('third');
    const { data: second } = await call('commit_list', {
      limit: 1,
      cursor: (first as { nextCursor: string }).nextCursor,
    });
    expect(second).toMatchObject({ commits: [{ subject: 'first', files: 2, added: 3, areas: ['api', 'web'] }] });
    expect(second).not.toHaveProperty('nextCursor');
    expect((await call('commit_list', { path: 'web' })).data).toMatchObject({
      total: 1,
      commits: [{ subject: 'first' }],
    });
  });

  it('are in the areas of the configuration', async () => {
    const repository = new Repository();
    repository.commit('first', {
      'devenv.json': { areas: { database: ['**/*.sql'], pipeline: ['.ci/**'] } },
      'api/one.sql': '',
      '.ci/run': '',
      'api/code.ts': '',
    });
    const { call } = await open({ root: repository.root });
    expect((await call('commit_list')).data).toMatchObject({
      commits: [{ areas: ['(root)', 'api', 'database', 'pipeline'] }],
    });
  });

  it('are told with renames, binary files and paths with signs', async () => {
    const repository = new Repository();
    repository.commit('first', { 'old name.txt': 'one\ntwo\nthree\nfour\n', 'gone.txt': 'x\n' });
    repository.git('mv', 'old name.txt', 'new\tname.txt');
    repository.git('rm', '--quiet', 'gone.txt');
    repository.commit('second\n\nWith a body.\nOf two lines.', { 'picture.bin': '\0\u0001' });
    const { call } = await open({ root: repository.root });
    const { data } = await call('commit_details', { commit: 'HEAD' });
    expect(data).toMatchObject({ subject: 'second', body: 'With a body.\nOf two lines.', files: 3 });
    expect((data as { changes: unknown[] }).changes).toEqual([
      { path: 'gone.txt', change: 'deleted', added: 0, removed: 1 },
      { path: 'new\tname.txt', from: 'old name.txt', change: 'renamed', added: 0, removed: 0 },
      { path: 'picture.bin', change: 'added' },
    ]);
  });

  it.each([['--all'], ['-n1'], ['no-such'], ['main\nx'], ['']])('are not found under %j', async (commit) => {
    const repository = new Repository();
    repository.commit('first');
    const { call } = await open({ root: repository.root });
    const { error } = await call('commit_details', { commit });
    expect(error?.code).toBe(commit === 'no-such' ? 'REF_NOT_FOUND' : 'ARGUMENT_INVALID');
  });
});

describe('the impact of a change', () => {
  it('is told by area and reaches the projects that depend on it, with what is not committed', async () => {
    const repository = new Repository();
    repository.commit('first', {
      'package.json': { name: 'all', workspaces: ['packages/*'] },
      'packages/base/package.json': { name: 'base' },
      'packages/app/package.json': { name: 'app', dependencies: { base: '*' } },
      'packages/site/package.json': { name: 'site', dependencies: { app: '*' } },
    });
    repository.git('switch', '--quiet', '--create', 'feature/x');
    repository.commit('change', { 'packages/base/index.js': '1\n' });
    write(repository.root, { 'docs/new.md': 'new\n' });
    const { call } = await open({ root: repository.root });
    expect((await call('change_impact')).data).toMatchObject({
      files: 2,
      areas: [
        { area: 'base', files: 1, added: 1 },
        { area: 'docs', files: 1 },
      ],
      projects: { changed: ['all', 'base'], affected: ['app', 'site'] },
      risk: 'high',
      changes: [
        { path: 'packages/base/index.js', change: 'added' },
        { path: 'docs/new.md', change: 'untracked' },
      ],
    });
    expect((await call('change_impact', { head: 'feature/x' })).data).toMatchObject({ files: 1 });
    expect((await call('change_impact', { paths: ['packages/site/a.js'] })).data).toMatchObject({
      projects: { changed: ['site'], affected: [] },
      risk: 'low',
    });
  });

  it('of commits on the base that came meanwhile is no part of it', async () => {
    const repository = diverged();
    const { call } = await open({ root: repository.root });
    const { data } = await call('change_impact', { head: 'feature/b', base: 'main' });
    expect((data as { changes: { path: string }[] }).changes.map(({ path }) => path)).toEqual(['b.txt']);
  });
});

describe('the check of the way of working', () => {
  it('finds nothing wrong with a clean branch of a good name, but the missing upstream', async () => {
    const repository = new Repository();
    repository.commit('first');
    repository.git('switch', '--quiet', '--create', 'feature/x');
    const { call } = await open({ root: repository.root });
    expect((await call('workflow_check')).data).toMatchObject({
      branch: 'feature/x',
      state: 'warning',
      findings: [
        { check: 'branch', state: 'ok' },
        { check: 'files', state: 'ok' },
        { check: 'upstream', state: 'warning' },
        { check: 'base', state: 'ok' },
      ],
    });
    expect((await call('workflow_check', { strict: true })).data).toMatchObject({ state: 'error' });
  });

  it('finds changes on a protected branch, conflicts and a merge that was not finished', async () => {
    const repository = conflicting();
    expect(() => repository.git('merge', 'feature/b')).toThrow();
    const { call } = await open({ root: repository.root });
    const { data } = await call('workflow_check');
    const findings = (data as { findings: { check: string; state: string }[] }).findings;
    expect(findings.filter(({ state }) => state === 'error').map(({ check }) => check)).toEqual([
      'unmerged',
      'operation',
    ]);
    repository.git('merge', '--abort');
    write(repository.root, { 'deleted.txt': 'changed' });
    expect((await call('workflow_check')).data).toMatchObject({
      findings: expect.arrayContaining([expect.objectContaining({ check: 'protected', state: 'error' })]),
    });
  });

  it('finds a commit that is checked out without a branch', async () => {
    const repository = new Repository();
    repository.commit('first');
    repository.git('switch', '--quiet', '--detach');
    const { call } = await open({ root: repository.root });
    expect((await call('workflow_check')).data).toMatchObject({
      state: 'error',
      findings: [{ check: 'branch', state: 'error' }, { check: 'files' }, { check: 'base' }],
    });
  });
});

describe('the root', () => {
  it('is not a repository though a folder around it is', async () => {
    const repository = new Repository();
    repository.commit('first', { 'inner/file.txt': 'x' });
    const { call } = await open({ root: join(repository.root, 'inner') });
    expect(await call('branch_list')).toMatchObject({ isError: true, error: { code: 'NOT_A_REPOSITORY' } });
  });

  it.each([['../outside'], ['a/../../outside'], ['/etc/passwd'], ['link/secret']])(
    'is not left by the path %s',
    async (path) => {
      const repository = new Repository();
      repository.commit('first', { 'a/file.txt': 'x' });
      const outside = folder();
      write(outside, { secret: 'x' });
      symlinkSync(outside, join(repository.root, 'link'));
      const { call } = await open({ root: repository.root });
      for (const [tool, args] of [
        ['commit_list', { path }],
        ['change_impact', { paths: [path] }],
      ] as const) {
        expect(await call(tool, args)).toMatchObject({ isError: true, error: { code: 'PATH_OUTSIDE' } });
      }
    },
  );

  it('takes paths literally, and those of deleted files', async () => {
    const repository = new Repository();
    repository.commit('first', { 'a.txt': 'x', '*.txt': 'star' });
    repository.git('rm', '--quiet', 'a.txt');
    repository.commit('second');
    const { call } = await open({ root: repository.root });
    expect((await call('commit_list', { path: '*.txt' })).data).toMatchObject({ total: 1 });
    expect((await call('commit_list', { path: 'a.txt' })).data).toMatchObject({ total: 2 });
  });

  it('may be reached through a link itself', async () => {
    const repository = new Repository();
    repository.commit('first');
    const link = join(folder(), 'link');
    mkdirSync(join(link, '..'), { recursive: true });
    symlinkSync(repository.root, link);
    const { call } = await open({ root: link });
    expect((await call('branch_list')).data).toMatchObject({ total: 1 });
  });
});

/** Branches main and feature/b that each added a file. */
function diverged(): Repository {
  const repository = new Repository();
  repository.commit('first', { 'a.txt': 'a' });
  repository.git('switch', '--quiet', '--create', 'feature/b');
  repository.commit('b', { 'b.txt': 'b' });
  repository.git('switch', '--quiet', 'main');
  repository.commit('c', { 'c.txt': 'c' });
  return repository;
}

/** Branches main and feature/b that changed the same file, and one deleted what the other changed. */
function conflicting(): Repository {
  const repository = new Repository();
  repository.commit('first', { 'file with space.txt': 'a', 'deleted.txt': 'a' });
  repository.git('switch', '--quiet', '--create', 'feature/b');
  repository.git('rm', '--quiet', 'deleted.txt');
  repository.commit('b', { 'file with space.txt': 'b' });
  repository.git('switch', '--quiet', 'main');
  repository.commit('c', { 'file with space.txt': 'c', 'deleted.txt': 'c' });
  return repository;
}
