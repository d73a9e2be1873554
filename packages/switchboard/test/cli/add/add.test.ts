/** Servers from the registry, files, bundles and addresses: what is added, what is refused, and what is asked first. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';

import { add } from '../../../src/cli/add/add.ts';
import type { AddFlags } from '../../../src/cli/add/add.ts';
import { REGISTRY } from '../../../src/cli/add/origin.ts';
import { readConfigFile } from '../../../src/cli/config.ts';
import { failure, isThere, makeHome } from '../../support/adopt.ts';
import type { Home } from '../../support/adopt.ts';
import { servers, startGateway } from '../../support/gateway.ts';
import { WireClient } from '../../support/wire.ts';

interface Answers {
  /** What is fetched, by address. */
  web?: Record<string, string | Uint8Array<ArrayBuffer>>;
  environment?: Record<string, string>;
  answers?: boolean[];
}

/** Runs `add`. @returns what it said, and what it fetched */
async function run(home: Home, source: string, flags: Partial<AddFlags> = {}, more: Answers = {}) {
  const { web = {}, environment = {}, answers } = more;
  const { situation, said } = home.situation({
    environment: { HOME: home.path, ...environment },
    ...(answers !== undefined && { answers }),
  });
  const fetched: string[] = [];
  const fetch = async (url: string): Promise<Response> => {
    fetched.push(url);
    return Object.hasOwn(web, url) ? new Response(web[url]) : new Response('', { status: 404 });
  };
  const reload = async (): Promise<string> => 'reloaded';
  await add(
    source,
    { set: [], registry: REGISTRY, yes: answers === undefined, ...flags },
    { ...situation, fetch, reload },
  );
  return { said: said.join('\n'), fetched };
}

/** The entry that comes of a `server.json`. */
async function entryOf(description: object, flags: Partial<AddFlags> = {}, more: Answers = {}): Promise<unknown> {
  const home = makeHome();
  home.write('project/server.json', { name: 'io.example/thing', description: 'Does things', ...description });
  const { fetched } = await run(home, 'server.json', flags, more);
  expect(fetched).toEqual([]);
  return home.config().upstreams['thing'];
}

const transport = { type: 'stdio' };
const npm = { registryType: 'npm', identifier: '@example/thing', version: '1.2.3', transport };

describe('a server.json', () => {
  it.each<[string, object, object]>([
    ['npm', npm, { command: 'npx', args: ['-y', '@example/thing@1.2.3'] }],
    [
      'PyPI',
      { registryType: 'pypi', identifier: 'thing', version: '1.0', transport, runtimeHint: 'uvx' },
      { command: 'uvx', args: ['thing@1.0'] },
    ],
    [
      'a container',
      {
        registryType: 'oci',
        identifier: 'docker.io/example/thing',
        version: '2.0',
        transport,
        environmentVariables: [{ name: 'MODE', value: 'fast' }],
      },
      {
        command: 'docker',
        args: ['run', '-i', '--rm', '-e', 'MODE', 'docker.io/example/thing:2.0'],
        env: { MODE: 'fast' },
      },
    ],
    [
      'NuGet',
      {
        registryType: 'nuget',
        identifier: 'Example.Thing',
        version: '0.4.0-beta',
        transport,
        packageArguments: [
          { type: 'positional', value: 'mcp' },
          { type: 'positional', value: 'start' },
        ],
      },
      { command: 'dnx', args: ['Example.Thing@0.4.0-beta', '--yes', '--', 'mcp', 'start'] },
    ],
    [
      'the older spelling',
      {
        registry_type: 'npm',
        identifier: 'thing',
        version: '1.0.0',
        package_arguments: [{ type: 'named', name: '--mode', default: 'local' }],
      },
      { command: 'npx', args: ['-y', 'thing@1.0.0', '--mode', 'local'] },
    ],
    [
      'arguments with variables',
      {
        ...npm,
        runtimeHint: 'npx',
        packageArguments: [
          {
            type: 'named',
            name: '--mount',
            value: 'src={source},dst={unknown}',
            variables: { source: { default: '/a' } },
          },
        ],
      },
      { command: 'npx', args: ['-y', '@example/thing@1.2.3', '--mount', 'src=/a,dst={unknown}'] },
    ],
  ])('with a package of %s is the command that starts it', async (_, each, entry) => {
    expect(await entryOf({ packages: [each] })).toEqual({ ...entry, isolation: 'session' });
  });

  it('with several ways is had by the first that can be used, or the one that is named', async () => {
    const sse = { type: 'sse', url: 'https://mcp.example.com/sse' };
    const remote = {
      type: 'streamable-http',
      url: 'https://{region}.example.com/mcp',
      variables: { region: { default: 'eu' } },
    };
    const packages = [{ ...npm, transport: { type: 'streamable-http', url: 'http://localhost' } }, npm];
    expect(await entryOf({ packages, remotes: [sse, remote] })).toMatchObject({ command: 'npx' });
    expect(await entryOf({ packages, remotes: [sse, remote] }, { via: 'remote' })).toEqual({
      url: 'https://eu.example.com/mcp',
      isolation: 'session',
    });
    expect((await failure(entryOf({ remotes: [sse] }))).message).toContain(
      'in no way that Switchboard can use: remote (sse)',
    );
  });

  const asking = {
    packages: [
      {
        ...npm,
        environmentVariables: [
          { name: 'API_KEY', description: 'of your account', isRequired: true, isSecret: true },
          { name: 'LEVEL', default: 'info', choices: ['info', 'debug'] },
          { name: 'OTHER' },
        ],
        packageArguments: [{ type: 'positional', valueHint: 'folder', isRequired: true }],
      },
    ],
  };

  it('gets values by --set, secrets in the file of variables, and the rest from the environment or its defaults', async () => {
    const home = makeHome();
    home.write('project/server.json', { name: 'io.example/thing', ...asking });
    const { said } = await run(
      home,
      'server.json',
      { set: ['API_KEY=k-1-secret', 'folder=/srv/${HOME}'] },
      { environment: { OTHER: 'x' } },
    );
    expect(home.config()).toEqual({
      envFile: '.env',
      upstreams: {
        thing: {
          command: 'npx',
          args: ['-y', '@example/thing@1.2.3', '/srv/$${HOME}'],
          env: { API_KEY: '${env:API_KEY}', LEVEL: 'info', OTHER: '${env:OTHER}' },
          isolation: 'session',
        },
      },
    });
    expect(said).not.toContain('k-1-secret');
    expect(said).toContain('runs       npx -y @example/thing@1.2.3 /srv/$${HOME} (variables API_KEY, LEVEL, OTHER)');
    expect(statSync(join(home.path, '.config/switchboard/.env')).mode & 0o777).toBe(0o600);
    const { upstreams } = readConfigFile(join(home.path, home.configPath), { OTHER: 'x' }, {});
    expect(upstreams['thing']).toMatchObject({
      args: ['-y', '@example/thing@1.2.3', '/srv/${HOME}'],
      env: { API_KEY: 'k-1-secret' },
    });
  });

  it.each<[string[], RegExp]>([
    [[], /it needs --set API_KEY=…, or the environment variable API_KEY: of your account; --set folder=…$/],
    [['API_KEY=k', 'folder=/a', 'LEVEL=loud'], /LEVEL: expected one of info, debug$/],
    [['API_KEY=k', 'folder=/a', 'colour=red'], /nothing asks for colour$/],
    [['API_KEY'], /expected name=value$/],
    [['API_KEY=\'"`', 'folder=/a'], /API_KEY: the value cannot be written/],
  ])('is not added with %j', async (set, why) => {
    const error = await failure(entryOf(asking, { set }));
    expect(error).toMatchObject({ code: 'SWB_USAGE', message: expect.stringMatching(why) as string });
  });

  it.each<[string, object]>([
    ['a package that is a flag', { ...npm, identifier: '--registry=https://evil.example' }],
    ['a package that is an address', { ...npm, identifier: 'https://evil.example/x.tgz' }],
    ['a version that is more than one word', { ...npm, version: '1.0.0 --eval' }],
    ['another program to start it', { ...npm, runtimeHint: 'bash' }],
    ['a registry that is not asked', { ...npm, registryBaseUrl: 'https://evil.example' }],
    ['a container that is a flag', { registryType: 'oci', identifier: '--privileged', version: '1', transport }],
    ['a variable that is none', { ...npm, environmentVariables: [{ name: 'A=B', value: 'x' }] }],
  ])('of somebody hostile, with %s, is refused', async (_, each) => {
    expect(await failure(entryOf({ packages: [each] }))).toMatchObject({ code: 'SWB_CONFIG_INVALID' });
  });

  it('gets no variable of this machine by naming it', async () => {
    const argument = { type: 'positional', value: '${env:AWS_SECRET}' };
    const headers = [{ name: 'X-A', value: '${env:AWS_SECRET}' }];
    const environment = { AWS_SECRET: 'mine' };
    expect(await entryOf({ packages: [{ ...npm, packageArguments: [argument] }] }, {}, { environment })).toMatchObject({
      args: ['-y', '@example/thing@1.2.3', '$${env:AWS_SECRET}'],
    });
    const remotes = [{ type: 'streamable-http', url: 'https://mcp.example.com/mcp', headers }];
    expect(await entryOf({ remotes }, {}, { environment })).toMatchObject({ headers: { 'X-A': '$${env:AWS_SECRET}' } });
  });
});

describe('a name', () => {
  const address = `${REGISTRY}/v0.1/servers/io.example%2Fthing/versions/latest`;
  const server = { name: 'io.example/thing', description: 'Does \u001b[2Jthings', packages: [npm] };

  it('is looked up in the registry, shown, and added after a yes', async () => {
    const home = makeHome();
    const web = { [address]: JSON.stringify({ server, _meta: {} }) };
    const first = await run(home, 'io.example/thing', {}, { web, answers: [false] });
    expect(first.said).toContain(
      'io.example/thing from io.example/thing of registry.modelcontextprotocol.io ("Does \uFFFD[2Jthings")',
    );
    expect(first.said).toContain(
      'runs       npx -y @example/thing@1.2.3\n    isolation  session: nothing is known of it',
    );
    expect(first.said).toContain('Nothing was changed.');
    expect(home.all()).toEqual({});
    const { said, fetched } = await run(home, 'io.example/thing', { name: 'mine' }, { web, answers: [true] });
    expect(fetched).toEqual([address]);
    expect(said).toMatch(/reloaded$/);
    expect(Object.keys(home.config().upstreams)).toEqual(['mine']);
    expect(await failure(run(home, 'io.example/thing', { name: 'mine' }, { web }))).toMatchObject({
      code: 'SWB_USAGE',
    });
  });

  it('that is not there, or is no answer, is refused', async () => {
    const home = makeHome();
    expect((await failure(run(home, 'io.example/thing'))).message).toContain('there is no such server');
    const web = { [address]: '<html>' };
    expect(await failure(run(home, 'io.example/thing', {}, { web }))).toMatchObject({ code: 'SWB_CONFIG_INVALID' });
    const large = { [address]: ' '.repeat(2 * 1024 * 1024) };
    expect((await failure(run(home, 'io.example/thing', {}, { web: large }))).message).toContain('larger than 1 MiB');
    expect((await failure(run(home, 'thing'))).message).toContain('"thing" is no file, no address, and no name');
    expect(home.all()).toEqual({});
  });
});

describe('an address', () => {
  it('is that of a remote server, whose key moves into the file of variables; nothing is fetched', async () => {
    const home = makeHome();
    const { fetched, said } = await run(home, 'https://mcp.example.com/mcp?api_key=k-1-secret');
    expect(fetched).toEqual([]);
    expect(said).not.toContain('k-1-secret');
    expect(home.config().upstreams).toEqual({
      example: { url: 'https://mcp.example.com/mcp?api_key=${env:EXAMPLE_API_KEY}', isolation: 'session' },
    });
  });

  it('shows no password, and takes an address without a name', async () => {
    const home = makeHome();
    const { said } = await run(home, 'http://me:p-1-secret@127.0.0.1:9/mcp');
    expect(said).not.toContain('p-1-secret');
    expect(home.config().upstreams).toEqual({
      server: { url: 'http://me:${env:SERVER_URL_PASSWORD}@127.0.0.1:9/mcp', isolation: 'session' },
    });
    expect(await failure(run(home, 'http://[::1]:9/mcp', { name: '…' }))).toMatchObject({ code: 'SWB_USAGE' });
  });

  it('of a description or a bundle must be one that nobody on the way can change', async () => {
    const home = makeHome();
    expect(await failure(run(home, 'http://example.com/server.json'))).toMatchObject({ code: 'SWB_USAGE' });
    expect(await failure(run(home, 'http://example.com/thing.mcpb'))).toMatchObject({ code: 'SWB_USAGE' });
    const web = { 'https://example.com/server.json': JSON.stringify({ name: 'io.example/thing', packages: [npm] }) };
    await run(home, 'https://example.com/server.json', {}, { web });
    expect(Object.keys(home.config().upstreams)).toEqual(['thing']);
  });
});

describe('a bundle', () => {
  const manifest = {
    manifest_version: '0.3',
    name: 'thing',
    version: '1.0.0',
    server: {
      type: 'node',
      entry_point: 'server/index.js',
      mcp_config: {
        command: 'node',
        args: ['${__dirname}/server/index.js', '${user_config.folder}', '${OTHER}'],
        env: { TOKEN: '${user_config.token}', UNSET: '${user_config.none}' },
        platform_overrides: { win32: { command: 'node.exe' } },
      },
    },
    user_config: {
      folder: { type: 'directory', title: 'Folder', default: '${HOME}/Documents' },
      token: { type: 'string', title: 'Token', sensitive: true, required: true },
      none: { type: 'string', title: 'None' },
    },
  };
  const zip = (files: Record<string, string>): Uint8Array<ArrayBuffer> =>
    zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, strToU8(text)])));
  const good = zip({ 'manifest.json': JSON.stringify(manifest), 'server/index.js': '// server' });

  it('is unpacked after a yes, for its owner alone, and started from there', async () => {
    const home = makeHome();
    const web = { 'https://example.com/thing-1.0.0.mcpb': good };
    const set = ['token=t-1-secret'];
    await run(home, 'https://example.com/thing-1.0.0.mcpb', { set }, { web, answers: [false] });
    expect(home.all()).toEqual({});
    const { said } = await run(home, 'https://example.com/thing-1.0.0.mcpb', { set }, { web, answers: [true] });
    expect(said).not.toContain('t-1-secret');
    const digest = createHash('sha256').update(good).digest('hex').slice(0, 12);
    const folder = join(home.path, '.local/share/switchboard/bundles', `thing-${digest}`);
    expect(home.config().upstreams).toEqual({
      thing: {
        command: 'node',
        args: [`${folder}/server/index.js`, `${home.path}/Documents`, '$${OTHER}'],
        env: { TOKEN: '${env:THING_TOKEN}' },
        isolation: 'session',
      },
    });
    expect(home.read(`.local/share/switchboard/bundles/thing-${digest}/server/index.js`)).toBe('// server');
    expect(statSync(folder).mode & 0o077).toBe(0);
  });

  it('serves its tools', { timeout: 15_000 }, async () => {
    const home = makeHome();
    const program = readFileSync(servers.scripted.args[0], 'utf8');
    const server = { type: 'node', entry_point: 'main.mjs' };
    home.write('project/thing.mcpb', '');
    writeFileSync(
      join(home.project, 'thing.mcpb'),
      zip({ 'manifest.json': JSON.stringify({ name: 'thing', server }), 'main.mjs': program }),
    );
    await run(home, 'thing.mcpb');
    const { upstreams } = readConfigFile(join(home.path, home.configPath), {}, {});
    const { ws } = await startGateway({ upstreams });
    const client = await WireClient.session(ws);
    client.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    expect(await client.answer(1)).toHaveProperty('result.tools');
  });

  it('of a server.json is fetched, and must be the one that was described', async () => {
    const home = makeHome();
    const url = 'https://example.com/thing.mcpb';
    const packages = (fileSha256: string): object => ({
      name: 'io.example/thing',
      packages: [{ registryType: 'mcpb', identifier: url, fileSha256, transport }],
    });
    home.write('project/server.json', packages(createHash('sha256').update(good).digest('hex')));
    await run(home, 'server.json', { set: ['token=t'] }, { web: { [url]: good } });
    expect(home.config().upstreams['thing']).toMatchObject({ command: 'node' });
    home.write('project/server.json', packages('0'.repeat(64)));
    const error = await failure(run(home, 'server.json', { name: 'b', set: ['token=t'] }, { web: { [url]: good } }));
    expect(error).toMatchObject({ code: 'SWB_CONFIG_INVALID' });
    expect(error.message).toContain('is not the bundle that was described');
  });

  it.each<[string, Uint8Array, RegExp]>([
    [
      'with a file outside of it',
      zip({ 'manifest.json': JSON.stringify(manifest), '../../.bashrc': 'evil' }),
      /would lie elsewhere: "\.\.\/\.\.\/\.bashrc"/,
    ],
    [
      'with an absolute path',
      zip({ 'manifest.json': JSON.stringify(manifest), '/etc/evil': 'evil' }),
      /would lie elsewhere/,
    ],
    [
      'with a path of Windows',
      zip({ 'manifest.json': JSON.stringify(manifest), 'a\\..\\b': 'evil' }),
      /would lie elsewhere/,
    ],
    ['without a manifest', zip({ 'a.js': '' }), /has no manifest\.json/],
    ['with a manifest that is none', zip({ 'manifest.json': '[]' }), /is no JSON object/],
    [
      'for another platform',
      zip({ 'manifest.json': JSON.stringify({ ...manifest, compatibility: { platforms: ['darwin'] } }) }),
      /is for darwin only/,
    ],
    ['that is cut off', good.slice(0, 40), /cannot be unpacked/],
  ])('%s is refused, and nothing is written', async (_, bytes, why) => {
    const home = makeHome();
    home.write('project/thing.mcpb', '');
    writeFileSync(join(home.project, 'thing.mcpb'), bytes);
    const error = await failure(run(home, 'thing.mcpb', { set: ['token=t'] }));
    expect(error).toMatchObject({ code: 'SWB_CONFIG_INVALID', message: expect.stringMatching(why) as string });
    expect(isThere(home, '.local')).toBe(false);
    expect(isThere(home, home.configPath)).toBe(false);
  });
});
