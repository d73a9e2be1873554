import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { alive, folder, until, write } from './support/repository.ts';
import { flavours, open } from './support/session.ts';

type Shown = { job: { id: string; state: string; pid?: number; output: string } };

describe('the tasks', () => {
  it('are those of the configuration and of the projects', async () => {
    const { call } = await open({ root: tasks() });
    const { data } = await call('task_list', { contains: '' });
    expect((data as { tasks: { name: string }[] }).tasks.map(({ name }) => name)).toEqual([
      'cargo:crate:build',
      'cargo:crate:check',
      'cargo:crate:test',
      'escape',
      'fail',
      'forever',
      'hello',
      'npm:.:hello',
      'stubborn',
    ]);
    expect((await call('task_list', { contains: 'hello', limit: 1 })).data).toMatchObject({
      total: 2,
      tasks: [{ name: 'hello', directory: 'inner', timeoutSeconds: 1800 }],
    });
  });

  it('run to their end in their folder, with their output as progress', async () => {
    const root = tasks();
    const { call } = await open({ root });
    const heard: string[] = [];
    const onprogress = ({ message }: { message?: string | undefined }) => heard.push(message ?? '');
    const { data } = await call('task_run', { task: 'hello' }, { onprogress });
    expect(data).toMatchObject({
      job: { state: 'succeeded', exitCode: 0 },
      tail: `${join(root, 'inner')} "$(id)" && *\n`,
    });
    expect(heard).toEqual([`${join(root, 'inner')} "$(id)" && *`]);
    expect((await call('task_run', { task: 'npm:.:hello' })).data).toMatchObject({ job: { state: 'succeeded' } });
  });

  it('that fail are an error with the end of their output, without secrets', async () => {
    const { call } = await open({ root: tasks() });
    const { error } = await call('task_run', { task: 'fail' });
    expect(error).toMatchObject({
      code: 'TASK_FAILED',
      message: expect.stringMatching(/exit code 3.*\nSECRET_KEY=\[redacted\]\n$/),
    });
  });

  it('do not run outside of the root, and not under another name', async () => {
    const { call } = await open({ root: tasks() });
    expect(await call('task_run', { task: 'escape' })).toMatchObject({ error: { code: 'PATH_OUTSIDE' } });
    expect(await call('task_run', { task: 'rm -rf' })).toMatchObject({ error: { code: 'TASK_NOT_FOUND' } });
  });

  it.each(flavours)('end with all their processes when the call is cancelled, through %s', async (flavour) => {
    const root = tasks();
    const { call } = await open({ root }, flavour);
    const cancel = new AbortController();
    const running = call('task_run', { task: 'forever' }, { signal: cancel.signal });
    const pids = await pidsIn(root);
    expect(pids.every(alive)).toBe(true);
    cancel.abort('enough');
    await expect(running).rejects.toThrow();
    await until(() => !pids.some(alive));
    await expect
      .poll(async () => (await call('job_status')).data, { timeout: 10_000 })
      .toMatchObject({ jobs: [{ task: 'forever', state: 'cancelled' }] });
  });
});

describe('the jobs', () => {
  it('start, tell how they are, and are cancelled with all their processes', async () => {
    const root = tasks();
    const { call, client } = await open({ root });
    const { job } = (await call('job_start', { task: 'stubborn' })).data as Shown;
    expect(job).toMatchObject({ state: 'running', pid: expect.any(Number), output: `devenv://job/${job.id}/output` });
    const pids = await pidsIn(root);
    expect(pids).toContain(job.pid);
    expect((await call('job_status', { job: job.id })).data).toMatchObject({
      jobs: [{ id: job.id, state: 'running' }],
    });
    const { resources } = await client.listResources();
    expect(resources).toContainEqual(expect.objectContaining({ uri: job.output, name: 'Output of stubborn' }));

    const cancelled = await call('job_cancel', { job: job.id });
    expect(cancelled.data).toMatchObject({ job: { id: job.id, state: 'cancelled' }, tail: 'begun\n' });
    expect(pids.some(alive)).toBe(false);
    const { contents } = await client.readResource({ uri: job.output });
    expect(contents).toMatchObject([{ mimeType: 'text/plain', text: 'begun\n' }]);
    expect((await call('job_cancel', { job: job.id })).data).toMatchObject({ job: { state: 'cancelled' } });
  });

  it('are three at most at the same time', async () => {
    const { call } = await open({ root: tasks() });
    for (let number = 1; number <= 3; number += 1) await call('job_start', { task: 'forever' });
    expect(await call('job_start', { task: 'hello' })).toMatchObject({ isError: true, error: { code: 'JOB_LIMIT' } });
  });

  it('are not found under another id', async () => {
    const { call, client } = await open({ root: tasks() });
    expect(await call('job_status', { job: 'job-1' })).toMatchObject({ error: { code: 'JOB_NOT_FOUND' } });
    await expect(client.readResource({ uri: 'devenv://job/job-1/output' })).rejects.toThrow('JOB_NOT_FOUND');
  });

  it('end when their time is over', async () => {
    const root = folder();
    write(root, { 'devenv.json': { tasks: { slow: { ...forever(root), timeoutSeconds: 1 } } } });
    const { call } = await open({ root });
    const running = call('task_run', { task: 'slow' });
    const pids = await pidsIn(root);
    expect(await running).toMatchObject({ isError: true, error: { code: 'TIMEOUT' } });
    expect(pids.some(alive)).toBe(false);
  });

  it('end with the server', async () => {
    const root = tasks();
    const session = await open({ root });
    await session.call('job_start', { task: 'forever' });
    const pids = await pidsIn(root);
    await session.close();
    await expect.poll(() => [...pids, session.pid].filter(alive), { timeout: 10_000 }).toEqual([]);
  });

  it.each(flavours)('are asked for with their command, through %s', async (flavour) => {
    const asked: string[] = [];
    const answer = (message: string) => {
      asked.push(message);
      return { action: 'accept', content: { proceed: false } } as const;
    };
    const { call } = await open({ root: tasks(), answer }, flavour);
    expect(await call('job_start', { task: 'fail' })).toMatchObject({ isError: true, error: { code: 'DECLINED' } });
    expect(asked).toEqual([expect.stringMatching(/^Run fail, which is \["node","-e",.*\] in \.\?$/)]);
  });
});

/** A folder with tasks of a configuration and of projects. */
function tasks(): string {
  const root = folder();
  const node = (code: string, ...args: string[]): string[] => ['node', '-e', code, ...args];
  const hello = 'console.log(process.cwd(), ...process.argv.slice(1))';
  write(root, {
    'devenv.json': {
      tasks: {
        hello: { command: node(hello, '"$(id)"', '&&', '*'), directory: 'inner' },
        fail: { command: node('console.log("SECRET_KEY=abc"); process.exitCode = 3') },
        escape: { command: node(hello), directory: '..' },
        forever: forever(root),
        stubborn: forever(root, 'process.on("SIGTERM", () => {});'),
      },
    },
    'inner/file': '',
    'package.json': { name: 'all', scripts: { hello: 'node --version', '-x': 'node --version' } },
    'crate/Cargo.toml': '[package]\nname = "crate"\n',
  });
  return root;
}

/** A task that starts a process of its own, writes down both pids, and never ends. */
function forever(root: string, first = ''): { command: string[] } {
  const child = `${first} setInterval(() => {}, 1000); process.send("ready")`;
  const code = `
    const child = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio: ['ignore', 1, 2, 'ipc'] });
    child.once('message', () => {
      console.log('begun');
      require('fs').writeFileSync(${JSON.stringify(join(root, 'pids'))}, process.pid + ' ' + child.pid + '.');
    });
    setInterval(() => {}, 1000);`;
  return { command: ['node', '-e', code] };
}

async function pidsIn(root: string): Promise<number[]> {
  const file = join(root, 'pids');
  await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('.'));
  return readFileSync(file, 'utf8').split(' ').map(Number.parseFloat);
}
