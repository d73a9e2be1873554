import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dockerContainer, FakeEngine, podmanContainer } from './support/engine.ts';
import { alive, folder, until, write } from './support/repository.ts';
import { flavours, open } from './support/session.ts';

describe('the containers', () => {
  it('of Docker are listed with health and ports, and without their environment', async () => {
    const engine = new FakeEngine({
      containers: [
        dockerContainer('db', {
          State: { Health: { Status: 'unhealthy', FailingStreak: 3, Log: [{ Output: 'no answer\n' }] } },
        }),
        dockerContainer('app', { State: { Status: 'exited', ExitCode: 137, OOMKilled: true } }),
      ],
    });
    const { call } = await open({ root: folder(), env: engine.env });
    const { data, content } = await call('container_list');
    expect(data).toMatchObject({
      total: 2,
      summary: { running: 1, healthy: 0, unhealthy: 1 },
      containers: [
        { name: 'app', status: 'exited', health: 'none' },
        {
          name: 'db',
          image: 'postgres:17',
          status: 'running',
          health: 'unhealthy',
          ports: [
            { container: '5432/tcp', host: ['127.0.0.1:5432'] },
            { container: '9999/tcp', host: [] },
          ],
        },
      ],
    });
    expect(JSON.stringify(content)).not.toContain('of-the-container');
    expect((await call('container_list', { running: true })).data).toMatchObject({ total: 1 });
    expect((await call('container_list', { limit: 1 })).data).toMatchObject({ nextCursor: expect.any(String) });
  });

  it('of Podman are listed when Docker does not answer', async () => {
    const engine = new FakeEngine({ containers: [podmanContainer('cache', 'healthy')], down: ['docker'] });
    const { call } = await open({ root: folder(), env: engine.env });
    expect((await call('container_list')).data).toMatchObject({
      containers: [{ name: 'cache', image: 'docker.io/library/redis:8', health: 'healthy', restarts: 2 }],
    });
  });

  it('are not there when no engine answers', async () => {
    const engine = new FakeEngine({ containers: [], down: ['docker', 'podman'] });
    const { call } = await open({ root: folder(), env: engine.env });
    const { error } = await call('container_list');
    expect(error).toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringContaining('podman: Cannot connect'),
    });
  });

  it('are asked of the chosen engine only', async () => {
    const engine = new FakeEngine({ containers: [] });
    const { call } = await open({ root: folder(), env: engine.env, args: ['--engine', 'podman'] });
    await call('container_list');
    expect(new Set(engine.calls.map(([name]) => name))).toEqual(new Set(['podman']));
  });

  it('tell why they do not run well', async () => {
    const engine = new FakeEngine({
      containers: [
        dockerContainer('db', {
          State: { Health: { Status: 'unhealthy', FailingStreak: 3, Log: [{ Output: 'PASSWORD=hunter2 refused' }] } },
        }),
        dockerContainer('app', { State: { Status: 'exited', ExitCode: 137, OOMKilled: true } }),
      ],
    });
    const { call } = await open({ root: folder(), env: engine.env });
    expect((await call('container_health', { container: 'db' })).data).toMatchObject({
      ok: false,
      faults: ['Its health check has failed 3 times; it said: PASSWORD=[redacted] refused.'],
    });
    expect((await call('container_health', { container: 'app' })).data).toMatchObject({
      ok: false,
      exitCode: 137,
      faults: ['It does not run: it is exited, with exit code 137.', 'It was ended because it used too much memory.'],
    });
  });

  it.each([
    ['gone', 'CONTAINER_NOT_FOUND'],
    ['--help', 'ARGUMENT_INVALID'],
    ['a b', 'ARGUMENT_INVALID'],
  ])('are not found under the name %s', async (container, code) => {
    const engine = new FakeEngine({ containers: [] });
    const { call } = await open({ root: folder(), env: engine.env });
    for (const tool of ['container_health', 'container_logs', 'container_restart']) {
      expect(await call(tool, { container })).toMatchObject({ isError: true, error: { code } });
    }
  });
});

describe('the logs of a container', () => {
  it('come without secrets, from the tail that was asked for', async () => {
    const logs = 'ready\npostgres://app:s3cret@db/app\ntoken: abc123def\nfrom the server: value-of-mine\n';
    const engine = new FakeEngine({ containers: [dockerContainer('db')], logs });
    const env = { ...engine.env, MY_API_KEY: 'value-of-mine' };
    const { call, client } = await open({ root: folder(), env });
    const { data } = await call('container_logs', { container: 'db', lines: 7, since: '10m' });
    const clean = 'ready\npostgres://[redacted]@db/app\ntoken: [redacted]\nfrom the server: [redacted]\n';
    expect(data).toEqual({ container: 'db', lines: 4, logs: clean });
    expect(engine.calls.at(-1)?.slice(0, 6)).toEqual(['docker', 'logs', '--tail', '7', '--since', '10m']);
    const { contents } = await client.readResource({ uri: 'devenv://container/db/logs' });
    expect(contents).toMatchObject([{ text: clean }]);
    expect(await call('container_logs', { container: 'db', since: '--follow' })).toMatchObject({
      error: { code: 'ARGUMENT_INVALID' },
    });
  });

  it.each(flavours)('end with their process when the call is cancelled, through %s', async (flavour) => {
    const engine = new FakeEngine({ containers: [dockerContainer('db')], hang: true });
    const { call } = await open({ root: folder(), env: engine.env }, flavour);
    const cancel = new AbortController();
    const reading = call('container_logs', { container: 'db' }, { signal: cancel.signal });
    const file = join(engine.folder, 'pid');
    await until(() => existsSync(file) && readFileSync(file, 'utf8') !== '');
    const pid = Number(readFileSync(file, 'utf8'));
    expect(alive(pid)).toBe(true);
    cancel.abort('enough');
    await expect(reading).rejects.toThrow();
    await until(() => !alive(pid));
  });

  it('end with their process after the time limit', async () => {
    const engine = new FakeEngine({ containers: [dockerContainer('db')], hang: true });
    const { call } = await open({ root: folder(), env: engine.env, args: ['--timeout', '1s'] });
    const { error } = await call('container_logs', { container: 'db' });
    expect(error).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('1000 ms') });
    const pid = Number(readFileSync(join(engine.folder, 'pid'), 'utf8'));
    await until(() => !alive(pid));
  });

  it('end with their process when the client goes', async () => {
    const engine = new FakeEngine({ containers: [dockerContainer('db')], hang: true });
    const session = await open({ root: folder(), env: engine.env });
    const reading = session.call('container_logs', { container: 'db' }).catch(() => {});
    const file = join(engine.folder, 'pid');
    await until(() => existsSync(file) && readFileSync(file, 'utf8') !== '');
    const pid = Number(readFileSync(file, 'utf8'));
    await session.close();
    await reading;
    await expect.poll(() => [pid, session.pid].filter(alive), { timeout: 10_000 }).toEqual([]);
  });
});

describe('a restart', () => {
  it.each(flavours)('of a container is asked for first, through %s', async (flavour) => {
    const engine = new FakeEngine({ containers: [dockerContainer('db', { State: { Status: 'exited' } })] });
    const asked: string[] = [];
    let action: 'accept' | 'decline' = 'decline';
    const answer = (message: string) => {
      asked.push(message);
      return action === 'accept' ? { action, content: { proceed: true } } : { action };
    };
    const { call } = await open({ root: folder(), env: engine.env, answer }, flavour);
    expect(await call('container_restart', { container: 'db' })).toMatchObject({
      isError: true,
      error: { code: 'DECLINED' },
    });
    expect(engine.calls.some(([, command]) => command === 'restart')).toBe(false);
    action = 'accept';
    expect((await call('container_restart', { container: 'db' })).data).toMatchObject({
      container: { status: 'running' },
    });
    expect(asked).toEqual(Array(2).fill('Restart the container db (postgres:17), which is exited?'));
    expect(engine.calls.filter(([, command]) => command === 'restart')).toEqual([
      ['docker', 'restart', '--time', '10', Buffer.from('db').toString('hex').padEnd(64, '0')],
    ]);
  });

  it('is done at once where the client cannot ask', async () => {
    const engine = new FakeEngine({ containers: [dockerContainer('db', { State: { Status: 'exited' } })] });
    const { call } = await open({ root: folder(), env: engine.env });
    expect((await call('container_restart', { container: 'db' })).data).toMatchObject({
      container: { status: 'running' },
    });
  });

  it('of a service names it to Compose as it is in the file', async () => {
    const root = folder();
    write(root, { 'compose.yaml': 'services: {}' });
    const engine = new FakeEngine({ containers: [] });
    const { call } = await open({ root, env: engine.env });
    await call('compose_restart', { service: 'db' });
    const file = join(root, 'compose.yaml');
    expect(engine.calls).toContainEqual([
      'docker',
      'compose',
      '--file',
      file,
      '--project-directory',
      root,
      'restart',
      'db',
    ]);
    const { error } = await call('compose_restart', { service: '--help' });
    expect(error).toMatchObject({
      code: 'SERVICE_NOT_FOUND',
      message: expect.stringContaining('The compose file has db, web.'),
    });
  });
});

describe('the compose services', () => {
  it('have the containers that Compose started in the root', async () => {
    const root = folder();
    write(root, { 'docker-compose.yml': 'services: {}' });
    const labels = (service: string, from: string): object => ({
      'com.docker.compose.service': service,
      'com.docker.compose.project.working_dir': from,
    });
    const engine = new FakeEngine({
      containers: [
        dockerContainer('app-db-1', { Labels: labels('db', root) }),
        dockerContainer('other-db-1', { Labels: labels('db', '/somewhere/else') }),
      ],
    });
    const { call } = await open({ root, env: engine.env });
    const { data } = await call('compose_status');
    expect(data).toMatchObject({
      file: 'docker-compose.yml',
      services: [
        { name: 'db', running: true, ok: true, containers: [{ name: 'app-db-1', service: 'db' }] },
        { name: 'web', running: false, ok: false, containers: [] },
      ],
    });
  });

  it('are not read from a folder above, nor through a link that leads out', async () => {
    const above = folder();
    write(above, { 'compose.yaml': 'services: {}', 'inner/file': '' });
    const engine = new FakeEngine({ containers: [] });
    const { call } = await open({ root: join(above, 'inner'), env: engine.env });
    expect(await call('compose_status')).toMatchObject({ error: { code: 'COMPOSE_NOT_FOUND' } });
    symlinkSync(join(above, 'compose.yaml'), join(above, 'inner', 'compose.yaml'));
    expect(await call('compose_status')).toMatchObject({ error: { code: 'PATH_OUTSIDE' } });
  });
});
