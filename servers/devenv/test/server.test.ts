import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { ERRORS } from '../src/errors.ts';
import { dockerContainer, FakeEngine } from './support/engine.ts';
import { folder, Repository } from './support/repository.ts';
import { flavours, open, program } from './support/session.ts';

/** What each tool does to the world: reads, changes, or destroys; `i` where twice is as good as once. */
const TOOLS = {
  branch_list: 'read i',
  branch_create: 'change',
  merge_preview: 'read i',
  branch_merge: 'destroy',
  commit_list: 'read i',
  commit_details: 'read i',
  change_impact: 'read i',
  workflow_check: 'read i',
  project_structure: 'read i',
  project_dependencies: 'read i',
  container_list: 'read i',
  container_health: 'read i',
  container_logs: 'read i',
  container_restart: 'destroy',
  compose_status: 'read i',
  compose_restart: 'destroy',
  environment_status: 'read i',
  service_check: 'read i',
  self_diagnostic: 'read i',
  configuration_status: 'read i',
  configuration_reload: 'change i',
  task_list: 'read i',
  task_run: 'destroy',
  job_start: 'destroy',
  job_status: 'read i',
  job_cancel: 'destroy i',
};

describe('the server', () => {
  it.each(flavours)('has these tools, with annotations and both schemas, through %s', async (flavour) => {
    const { client } = await open({ root: folder() }, flavour);
    const { tools } = await client.listTools();
    const told = tools.map(({ name, annotations = {} }) => {
      const effect = annotations.readOnlyHint ? 'read' : annotations.destructiveHint ? 'destroy' : 'change';
      return [name, annotations.idempotentHint ? `${effect} i` : effect];
    });
    expect(Object.fromEntries(told)).toEqual(TOOLS);
    for (const tool of tools) {
      expect(tool).toMatchObject({
        title: expect.any(String),
        description: expect.stringMatching(/\.$/),
        inputSchema: { type: 'object' },
        outputSchema: { type: 'object' },
      });
    }
    expect(client.getInstructions()).toMatch(/merge_preview before branch_merge/);
  });

  it('has only tools that read when it is read-only, and says so', async () => {
    const { client, call } = await open({ root: folder(), args: ['--read-only'] });
    const { tools } = await client.listTools();
    const reading = Object.entries(TOOLS).filter(([, effect]) => effect.startsWith('read'));
    expect(tools.map(({ name }) => name)).toEqual(reading.map(([name]) => name));
    expect(client.getInstructions()).toMatch(/read-only/);
    await expect(call('branch_create', { name: 'feature/x' })).rejects.toThrow('branch_create');
  });

  it.each(flavours)(
    'answers with a sentence, JSON and data, and errors with a code and what to do, through %s',
    async (flavour) => {
      const repository = new Repository();
      repository.commit('first');
      const { call } = await open({ root: repository.root }, flavour);
      const { content, data } = await call('branch_list');
      expect(content[0]?.text).toBe('1 of 1 branches.');
      expect(JSON.parse(content[1]?.text ?? '')).toEqual(data);
      const { isError, error, summary } = await call('commit_details', { commit: 'nowhere' });
      expect(isError).toBe(true);
      expect(error).toEqual({
        code: 'REF_NOT_FOUND',
        message: 'There is no branch, tag or commit "nowhere".',
        remedy: ERRORS.REF_NOT_FOUND,
      });
      expect(summary).toBe(`REF_NOT_FOUND: There is no branch, tag or commit "nowhere".\n${ERRORS.REF_NOT_FOUND}`);
      expect(await call('branch_list', { limit: 201 })).toMatchObject({
        isError: true,
        summary: expect.stringContaining('200'),
      });
    },
  );

  it.each(flavours)('completes branches and containers for prompts and resources, through %s', async (flavour) => {
    const repository = new Repository();
    repository.commit('first');
    repository.git('branch', 'feature/one');
    const engine = new FakeEngine({ containers: [dockerContainer('db'), dockerContainer('web')] });
    const { client } = await open({ root: repository.root, env: engine.env }, flavour);
    const complete = async (ref: Parameters<typeof client.complete>[0]['ref'], name: string, value: string) =>
      (await client.complete({ ref, argument: { name, value } })).completion.values;
    expect(await complete({ type: 'ref/prompt', name: 'review_branch' }, 'branch', 'f')).toEqual(['feature/one']);
    expect(await complete({ type: 'ref/prompt', name: 'diagnose_container' }, 'container', '')).toEqual(['db', 'web']);
    expect(await complete({ type: 'ref/resource', uri: 'devenv://container/{name}/logs' }, 'name', 'w')).toEqual([
      'web',
    ]);
    expect(await complete({ type: 'ref/resource', uri: 'devenv://job/{id}/output' }, 'id', '')).toEqual([]);
    const { messages } = await client.getPrompt({ name: 'review_branch', arguments: { branch: 'feature/one' } });
    expect(messages).toMatchObject([{ content: { text: expect.stringContaining('merge_preview') } }]);
    const { prompts } = await client.listPrompts();
    expect(prompts.map(({ name }) => name)).toEqual(['review_branch', 'diagnose_container', 'start_working']);
  });

  it('completes nothing where there is no repository and no engine', async () => {
    const engine = new FakeEngine({ containers: [], down: ['docker', 'podman'] });
    const { client } = await open({ root: folder(), env: engine.env });
    const complete = async (name: string, argument: string) =>
      (await client.complete({ ref: { type: 'ref/prompt', name }, argument: { name: argument, value: '' } })).completion
        .values;
    expect(await complete('review_branch', 'branch')).toEqual([]);
    expect(await complete('diagnose_container', 'container')).toEqual([]);
  });
});

describe('a question', () => {
  it.each(flavours)('is put again when its matter has changed until the answer, through %s', async (flavour) => {
    const repository = new Repository();
    repository.commit('first', { a: 'a' });
    repository.git('switch', '--quiet', '--create', 'feature/b');
    repository.commit('one', { b: '1' });
    repository.git('switch', '--quiet', 'main');
    const asked: string[] = [];
    const answer = (message: string) => {
      asked.push(message);
      if (asked.length === 1) {
        repository.git('switch', '--quiet', 'feature/b');
        repository.commit('two', { c: '2' });
        repository.git('switch', '--quiet', 'main');
      }
      return { action: 'accept', content: { proceed: true } } as const;
    };
    const { call } = await open({ root: repository.root, answer }, flavour);
    expect((await call('branch_merge', { source: 'feature/b' })).data).toMatchObject({ merged: true });
    expect(asked).toEqual([
      expect.stringContaining('1 commits, 1 files'),
      expect.stringContaining('2 commits, 2 files'),
    ]);
  });

  it('is not put where the thing cannot be done anyway', async () => {
    const repository = new Repository();
    repository.commit('first');
    const asked: string[] = [];
    const answer = (message: string) => ({ action: asked.push(message) > 0 ? 'accept' : 'decline' }) as const;
    const { call } = await open({ root: repository.root, answer });
    expect(await call('branch_create', { name: 'nonsense' })).toMatchObject({ error: { code: 'BRANCH_POLICY' } });
    expect(asked).toEqual([]);
  });
});

describe('the program', () => {
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', input: '' });
    return { status, stdout, stderr };
  };

  it('prints its usage and its version', () => {
    expect(run('--help')).toEqual({ status: 0, stdout: expect.stringMatching(/^Usage: /), stderr: '' });
    expect(run('--version')).toEqual({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), stderr: '' });
  });

  it.each([
    [['--port'], "'--port'"],
    [['--engine', 'lxc'], '"lxc"'],
    [['--timeout', '30'], '"30"'],
    [['--timeout', '0s'], '"0s"'],
    [['--root', '/no/such/folder'], '"/no/such/folder"'],
  ])('exits with 2 and names what is wrong with %j', (args, told) => {
    expect(run(...args)).toEqual({ status: 2, stdout: '', stderr: expect.stringContaining(told) });
  });

  it('ends without an error when its input ends', () => {
    expect(run('--root', folder())).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});
