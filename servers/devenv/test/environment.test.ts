import { symlinkSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FakeEngine, dockerContainer } from './support/engine.ts';
import { folder, Repository, write } from './support/repository.ts';
import { open } from './support/session.ts';

describe('the services', () => {
  it.each([
    ['tcp', undefined, 'It takes connections.'],
    ['postgres', 'S', 'PostgreSQL, with TLS'],
    ['mysql', '\u004a\0\0\0\u000a8.4.0\0more', 'MySQL 8.4.0'],
    ['redis', '+PONG\r\n', 'Redis'],
    ['redis', '-NOAUTH Authentication required.\r\n', 'Redis, which asks for a password'],
    ['kafka', '\0\0\0\u0010\0\0\0\u0001\0\0', 'Kafka'],
    ['amqp', '\u0001\0\0\0\0\u0001\0\0', 'AMQP'],
    ['nats', 'INFO {}\r\n', 'NATS'],
  ])('of kind %s are greeted in their protocol', async (kind, answer, detail) => {
    const said: string[] = [];
    const speaksFirst = kind === 'mysql' || kind === 'nats';
    const port = await listen(
      createServer((socket) => {
        if (answer !== undefined && speaksFirst) socket.write(answer, 'latin1');
        socket.on('data', (chunk) => {
          said.push(chunk.toString('latin1'));
          if (answer !== undefined) socket.write(answer, 'latin1');
        });
      }),
    );
    const { call } = await open({ root: configured({ services: { it: { kind, port } } }) });
    expect((await call('service_check', { service: 'it' })).data).toMatchObject({
      services: [{ name: 'it', kind, address: `127.0.0.1:${port}`, reachable: true, detail }],
    });
    expect(said).toHaveLength(speaksFirst || answer === undefined ? 0 : 1);
  });

  it('of kind http are asked for their path', async () => {
    const paths: (string | undefined)[] = [];
    const server = createHttpServer(({ url }, response) => {
      paths.push(url);
      response.writeHead(url === '/health' ? 200 : 503).end();
    });
    const port = await listen(server);
    const services = { well: { kind: 'http', port, path: '/health' }, ill: { kind: 'http', port } };
    const { call } = await open({ root: configured({ services }) });
    expect((await call('service_check')).data).toMatchObject({
      services: [
        { name: 'well', reachable: true, detail: 'HTTP 200' },
        { name: 'ill', reachable: false, detail: 'It answers with status 503.' },
      ],
    });
    expect(new Set(paths)).toEqual(new Set(['/', '/health']));
  });

  it('that are away, silent or something else cannot be reached', async () => {
    const closed = await freePort();
    const silent = await listen(createServer(() => {}));
    const other = await listen(
      createServer((socket) => socket.on('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))),
    );
    const services = {
      closed: { kind: 'postgres', port: closed },
      silent: { kind: 'redis', port: silent },
      other: { kind: 'postgres', port: other },
    };
    const { call } = await open({ root: configured({ services }) });
    expect((await call('service_check')).data).toMatchObject({
      services: [
        { reachable: false, detail: 'ECONNREFUSED' },
        { reachable: false, detail: 'It takes the connection but does not answer.' },
        { reachable: false, detail: 'It is no PostgreSQL server.' },
      ],
    });
    expect(await call('service_check', { service: 'none' })).toMatchObject({
      error: { code: 'SERVICE_NOT_FOUND', message: expect.stringContaining('closed, silent, other') },
    });
  });
});

describe('the environment', () => {
  it('is checked section by section, with progress', async () => {
    const engine = new FakeEngine({ containers: [dockerContainer('db')] });
    const closed = await freePort();
    const repository = new Repository();
    repository.commit('first', {
      'package.json': { name: 'all' },
      'devenv.json': { services: { db: { kind: 'postgres', port: closed, required: false } }, ports: [closed] },
    });
    const { call } = await open({ root: repository.root, env: engine.env });
    const heard: string[] = [];
    const { data } = await call('environment_status', {}, { onprogress: ({ message }) => heard.push(message ?? '') });
    const { sections } = data as { sections: { section: string; findings: unknown[] }[] };
    expect(Object.fromEntries(sections.map(({ section, findings }) => [section, findings]))).toMatchObject({
      toolchains: expect.arrayContaining([expect.objectContaining({ check: 'git', state: 'ok' })]),
      git: [{ check: 'git', state: 'ok', detail: 'main is checked out; 0 files changed, 0 untracked.' }],
      projects: [{ state: 'ok', detail: '1 projects.' }],
      services: [{ check: 'db', state: 'warning', detail: `127.0.0.1:${closed}: ECONNREFUSED` }],
      ports: [{ check: `port ${closed}`, detail: 'It is free.' }],
      containers: [{ check: 'db', state: 'ok' }],
      disk: [{ check: 'disk', detail: expect.stringContaining('GiB') }],
    });
    expect(heard).toHaveLength(7);
    expect((await call('environment_status', { sections: ['disk'] })).data).toMatchObject({
      sections: [{ section: 'disk' }],
    });
  });

  it('tells what a folder without git and without an engine lacks', async () => {
    const engine = new FakeEngine({ containers: [], down: ['docker', 'podman'] });
    const { call } = await open({ root: folder(), env: engine.env });
    expect((await call('environment_status', { sections: ['git', 'containers'] })).data).toMatchObject({
      state: 'error',
      sections: [
        { section: 'git', state: 'error', findings: [{ detail: expect.stringContaining('--root') }] },
        { section: 'containers', state: 'warning' },
      ],
    });
  });
});

describe('the server itself', () => {
  it('is checked by doing what it needs', async () => {
    const engine = new FakeEngine({ containers: [] });
    const repository = new Repository();
    repository.commit('first');
    const { call, pid } = await open({ root: repository.root, env: engine.env });
    const { data } = await call('self_diagnostic');
    expect(data).toMatchObject({
      state: 'ok',
      server: { pid, root: repository.root, readOnly: false, node: process.version },
      counts: { ok: 8, warnings: 0, errors: 0 },
    });
    const checks = (data as { checks: { check: string }[] }).checks.map(({ check }) => check);
    expect(checks).toEqual(['root', 'configuration', 'git', 'repository', 'programs', 'engine', 'processes', 'jobs']);
  });
});

describe('the configuration', () => {
  it('is read again when it is told to, and stays as it was if the file is wrong', async () => {
    const root = configured({ ports: [8080] });
    const { call, client } = await open({ root });
    expect((await call('configuration_status')).data).toMatchObject({
      file: 'devenv.json',
      found: true,
      reloads: 0,
      ports: [8080],
    });
    write(root, { 'devenv.json': { ports: [9090], branches: { base: 'trunk' } } });
    expect((await call('configuration_reload')).data).toMatchObject({
      reloads: 1,
      ports: [9090],
      branches: { base: 'trunk' },
    });
    write(root, { 'devenv.json': { ports: [0], nonsense: 1 } });
    const { error } = await call('configuration_reload');
    expect(error).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/nonsense[\s\S]*ports\[0\]|ports\[0\][\s\S]*nonsense/),
    });
    expect((await call('configuration_status')).data).toMatchObject({
      ports: [9090],
      lastError: expect.stringContaining('devenv.json'),
    });
    const { contents } = await client.readResource({ uri: 'devenv://configuration' });
    expect(JSON.parse((contents[0] as { text: string }).text)).toMatchObject({ ports: [9090] });
  });

  it('that is wrong at the start does not keep the server from telling so', async () => {
    const { call } = await open({ root: configured({ ports: 'all' }) });
    expect((await call('self_diagnostic')).data).toMatchObject({
      checks: expect.arrayContaining([expect.objectContaining({ check: 'configuration', state: 'error' })]),
    });
  });

  it('is not read through a link that leads out of the root', async () => {
    const elsewhere = configured({ ports: [1234] });
    const root = folder();
    symlinkSync(join(elsewhere, 'devenv.json'), join(root, 'devenv.json'));
    const { call } = await open({ root });
    expect((await call('configuration_status')).data).toMatchObject({ found: false, ports: [] });
    expect(await call('configuration_reload')).toMatchObject({ isError: true, error: { code: 'CONFIG_INVALID' } });
  });

  it('may be another file', async () => {
    const elsewhere = folder();
    write(elsewhere, { 'mine.json': { ports: [1234] } });
    const { call } = await open({ root: folder(), args: ['--config', `${elsewhere}/mine.json`] });
    expect((await call('configuration_status')).data).toMatchObject({ found: true, ports: [1234] });
  });
});

function configured(configuration: object): string {
  const root = folder();
  write(root, { 'devenv.json': configuration });
  return root;
}

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})));
  onTestFinished(() => {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
