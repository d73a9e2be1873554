/** Repositories whose configuration names programs, and repositories that are not whole. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folder, Repository, write } from './support/repository.ts';
import { open } from './support/session.ts';

/** A repository that has a program named wherever git starts one to look at something; it leaves a mark when it runs. */
function trapped(): { repository: Repository; ran: () => boolean } {
  const mark = join(folder(), 'ran');
  const trap = join(folder(), 'trap.sh');
  write('/', { [trap]: `#!/bin/sh\necho "$0 $*" >> ${mark}\ncat\n` });
  chmodSync(trap, 0o755);
  const repository = new Repository();
  repository.commit('first', { '.gitattributes': '*.txt filter=a=b merge=own diff=own\n', 'a.txt': 'one\n' });
  repository.git('switch', '--quiet', '--create', 'feature/b');
  repository.commit('theirs', { 'a.txt': 'two\n', 'b.txt': 'b\n' });
  repository.git('switch', '--quiet', 'main');
  repository.commit('ours', { 'a.txt': 'three\n' });
  const settings = {
    'core.fsmonitor': trap,
    'core.hooksPath': folder(),
    'core.sshCommand': trap,
    'diff.external': trap,
    'diff.own.command': trap,
    'diff.own.textconv': trap,
    'filter.a=b.clean': trap,
    'filter.a=b.process': trap,
    'filter.a=b.required': 'true',
    'filter.a=b.smudge': trap,
    'merge.own.driver': `${trap} %A`,
  };
  for (const [name, value] of Object.entries(settings)) repository.git('config', name, value);
  // Its content has to be looked at: the time of the file does not tell.
  write(repository.root, { 'a.txt': 'other' });
  return { repository, ran: () => existsSync(mark) };
}

describe('a repository that names programs', () => {
  it('has none of them run by any tool that reads', async () => {
    const { repository, ran } = trapped();
    const { client, call } = await open({ root: repository.root, args: ['--read-only'] });
    const { tools } = await client.listTools();
    const names = tools
      .map(({ name }) => name)
      .filter((name) => /branch|merge|commit|change|workflow|environment|self/.test(name));
    expect(names).toContain('merge_preview');
    for (const name of names) {
      await call(name, { merge_preview: { source: 'feature/b' }, commit_details: { commit: 'HEAD' } }[name] ?? {});
    }
    expect(ran()).toBe(false);
  });

  it('is compared and merged in memory as git does it by itself, and told to have them', async () => {
    const { repository, ran } = trapped();
    const { call } = await open({ root: repository.root, args: ['--read-only'] });
    expect(await call('merge_preview', { source: 'feature/b' })).toMatchObject({
      data: { clean: false, conflicts: [{ path: 'a.txt' }], changedFiles: 2 },
    });
    expect(await call('change_impact')).toMatchObject({ data: { files: 1, changes: [{ path: 'a.txt' }] } });
    const { data } = await call('self_diagnostic');
    const { checks } = data as { checks: { check: string; detail: string }[] };
    expect(checks.find(({ check }) => check === 'programs')?.detail).toBe(
      'They never run, so files that need them may count as changed: filter.a=b.clean, filter.a=b.process, filter.a=b.smudge, merge.own.driver.',
    );
    expect(ran()).toBe(false);
  });

  it('is looked at in the root only, wherever its configuration says that the files are', async () => {
    const repository = new Repository();
    repository.commit('first', { 'a.txt': 'a' });
    const elsewhere = folder();
    write(elsewhere, { 'secret.txt': 's' });
    repository.git('config', 'core.worktree', elsewhere);
    const { call } = await open({ root: repository.root });
    const { data } = await call('change_impact');
    expect(data).toMatchObject({ files: 0, changes: [] });
  });

  it('can be looked at where a required filter is not installed', async () => {
    const repository = new Repository();
    repository.commit('first', { 'a.bin': 'x', 'a.txt': 'a' });
    repository.git('config', 'filter.lfs.process', 'git-lfs-that-is-not-there filter-process');
    repository.git('config', 'filter.lfs.clean', 'git-lfs-that-is-not-there clean');
    repository.git('config', 'filter.lfs.required', 'true');
    write(repository.root, { '.gitattributes': '*.bin filter=lfs\n', 'a.bin': 'other', 'a.txt': 'b' });
    const { call } = await open({ root: repository.root });
    expect(await call('change_impact')).toMatchObject({ isError: false, data: { files: 3 } });
    expect(await call('workflow_check')).toMatchObject({ isError: false });
  });
});

describe('a clone that is not whole', () => {
  function origin(): Repository {
    const repository = new Repository();
    repository.git('config', 'uploadpack.allowFilter', 'true');
    repository.commit('first', { 'a.txt': 'one\n' });
    repository.commit('second', { 'a.txt': 'two\n' });
    repository.git('switch', '--quiet', '--create', 'feature/b');
    repository.commit('theirs', { 'a.txt': 'three\n' });
    repository.git('switch', '--quiet', 'main');
    repository.commit('ours', { 'a.txt': 'four\n' });
    return repository;
  }

  it('is never completed from elsewhere, and says what is missing', async () => {
    const mark = join(folder(), 'ran');
    const clone = folder();
    execFileSync('git', ['clone', '--quiet', '--filter=blob:none', `file://${origin().root}`, clone]);
    const repository = new Repository(clone);
    repository.git('branch', 'feature/b', 'origin/feature/b');
    repository.git('config', 'remote.origin.uploadpack', `touch ${mark}; git-upload-pack`);
    const { call } = await open({ root: clone, args: ['--read-only'] });
    expect(await call('merge_preview', { source: 'feature/b' })).toMatchObject({
      isError: true,
      error: { code: 'OBJECTS_MISSING', message: expect.stringContaining('partial clone') },
    });
    expect(existsSync(mark)).toBe(false);
  });

  it('says where its history ends', async () => {
    const clone = folder();
    const flags = ['--quiet', '--depth=1', '--no-single-branch'];
    execFileSync('git', ['clone', ...flags, `file://${origin().root}`, clone]);
    new Repository(clone).git('branch', 'feature/b', 'origin/feature/b');
    const { call } = await open({ root: clone });
    const shallow = 'The clone is shallow: commits before its boundary are not counted.';
    expect((await call('commit_list')).summary).toBe(`1 of 1 commits. ${shallow}`);
    expect((await call('branch_list')).summary).toContain(shallow);
    const { data } = await call('workflow_check');
    expect((data as { findings: object[] }).findings).toContainEqual({
      check: 'history',
      state: 'warning',
      detail: shallow,
    });
    expect(await call('merge_preview', { source: 'feature/b' })).toMatchObject({
      error: { code: 'UNRELATED', message: 'The two have no commit in common in this shallow clone.' },
    });
  });

  it('without a commit says so', async () => {
    const repository = new Repository();
    const { call } = await open({ root: repository.root });
    for (const [name, args] of Object.entries({
      commit_list: {},
      commit_details: { commit: 'HEAD' },
      change_impact: {},
      merge_preview: { source: 'main' },
      branch_create: { name: 'feature/x' },
    })) {
      expect(await call(name, args), name).toMatchObject({
        error: { code: 'NO_COMMITS', message: 'The branch "main" has no commit yet.' },
      });
    }
    expect(await call('workflow_check')).toMatchObject({ isError: false });
  });
});

describe('a branch', () => {
  it.each(['rebase', 'bisect'] as const)('is not moved while a %s of it is under way', async (operation) => {
    const repository = new Repository();
    repository.commit('first', { 'a.txt': 'one\n' });
    repository.git('switch', '--quiet', '--create', 'feature/b');
    repository.commit('b', { 'b.txt': 'b\n' });
    repository.git('switch', '--quiet', '--create', 'feature/c', 'main');
    for (const text of ['two', 'three', 'four']) repository.commit(text, { 'a.txt': `${text}\n` });
    const before = repository.git('rev-parse', 'feature/c');
    if (operation === 'bisect') {
      repository.git('bisect', 'start', 'feature/c', 'main');
    } else {
      repository.git('switch', '--quiet', '--create', 'other', 'main');
      repository.commit('conflicts', { 'a.txt': 'else\n' });
      repository.git('switch', '--quiet', 'feature/c');
      expect(() => repository.git('rebase', 'other')).toThrow();
    }
    const { call } = await open({ root: repository.root });
    expect(await call('branch_merge', { source: 'feature/b', target: 'feature/c' })).toMatchObject({
      error: { code: 'BRANCH_IN_USE', message: expect.stringContaining(`a ${operation} here`) },
    });
    expect(repository.git('rev-parse', 'feature/c')).toBe(before);
    const { data } = await call('workflow_check');
    expect((data as { findings: object[] }).findings).toContainEqual(expect.objectContaining({ check: 'operation' }));
  });

  it('is not moved while another folder rebases it', async () => {
    const repository = new Repository();
    repository.commit('first', { 'a.txt': 'one\n' });
    repository.git('switch', '--quiet', '--create', 'feature/c');
    repository.commit('c', { 'a.txt': 'c\n' });
    repository.git('switch', '--quiet', 'main');
    repository.git('switch', '--quiet', '--create', 'feature/b');
    repository.commit('b', { 'b.txt': 'b\n' });
    repository.git('switch', '--quiet', 'main');
    repository.commit('main', { 'a.txt': 'main\n' });
    const tree = join(folder(), 'tree');
    repository.git('worktree', 'add', '--quiet', tree, 'feature/c');
    expect(() => execFileSync('git', ['rebase', 'main'], { cwd: tree, stdio: 'pipe' })).toThrow();
    const { call } = await open({ root: repository.root });
    expect(await call('branch_merge', { source: 'feature/b', target: 'feature/c' })).toMatchObject({
      error: { code: 'BRANCH_IN_USE' },
    });
  });

  it('is meant where a tag has its name', async () => {
    const repository = new Repository();
    const first = repository.commit('first', { 'a.txt': 'a' });
    repository.git('switch', '--quiet', '--create', 'feature/b');
    repository.commit('b', { 'b.txt': 'b' });
    for (const name of ['feature/b', 'main']) repository.git('tag', name, first);
    const { call } = await open({ root: repository.root });
    const { data } = await call('branch_list');
    expect((data as { branches: object[] }).branches).toMatchObject([
      { name: 'feature/b', current: true, base: { name: 'main', ahead: 1 } },
      { name: 'main' },
    ]);
    expect(await call('merge_preview', { source: 'feature/b' })).toMatchObject({ data: { ahead: 1, upToDate: false } });
    expect((await call('workflow_check')).data).toMatchObject({ branch: 'feature/b' });
  });
});

describe('a commit of 120,000 files', () => {
  it('is counted, and its first files are told', async () => {
    const repository = new Repository();
    const files = Array.from({ length: 120_000 }, (_, index) => {
      const path = `${'folder-with-a-long-name-'.repeat(3)}${index % 100}/${'file'.repeat(5)}-${index}.txt`;
      return `M 100644 :1 ${path}`;
    });
    const head =
      'blob\nmark :1\ndata 2\nx\n\ncommit refs/heads/main\ncommitter A <a@example.com> 0 +0000\ndata 5\nlarge\n';
    execFileSync('git', ['fast-import', '--quiet'], { cwd: repository.root, input: `${head}${files.join('\n')}\n` });
    const { call } = await open({ root: repository.root });
    const { data } = await call('commit_details', { commit: 'main' });
    expect(data).toMatchObject({ files: 120_000, added: 120_000 });
    expect((data as { changes: object[] }).changes).toHaveLength(500);
    expect(await call('commit_list')).toMatchObject({ data: { commits: [{ files: 120_000 }] } });
  });
});

describe('a folder as a path of change_impact', () => {
  it('stands for the files in it, and a deleted file for itself', async () => {
    const repository = new Repository();
    repository.commit('first', {
      'package.json': { name: 'all', workspaces: ['packages/*'] },
      'packages/a/package.json': { name: 'a' },
      'packages/a/src/x.js': 'x',
      'packages/b/package.json': { name: 'b', dependencies: { a: '*' } },
    });
    const { call } = await open({ root: repository.root });
    expect(await call('change_impact', { paths: ['packages/a'] })).toMatchObject({
      data: { files: 2, projects: { changed: ['a'], affected: ['b'] } },
    });
    expect(await call('change_impact', { paths: ['packages/b/gone.js'] })).toMatchObject({
      data: { files: 1, projects: { changed: ['b'] } },
    });
    expect(await call('change_impact', { paths: ['.'] })).toMatchObject({ data: { files: 4 } });
  });
});
