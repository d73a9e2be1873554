/** Secrets in the files of clients move into one file of variables, and are shown nowhere. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { readConfigFile } from '../../../src/cli/config.ts';
import { changedSince, cursor, failure, isThere, makeHome, one, servers, under } from '../../support/adopt.ts';

describe('secrets', () => {
  const SECRETS = [
    'ghp_0123456789abcdef',
    'hunter2 $x',
    'sk-live-0123456789',
    'p4ssw0rd',
    'k-e-y',
    'Zm9v YmFy',
    'a"b\'c',
  ];
  const entries = {
    env: {
      command: 'x',
      env: { GITHUB_TOKEN: SECRETS[0], LOG_LEVEL: 'debug', DB_PASSWORD: SECRETS[1], ODD_KEY: SECRETS[6] },
    },
    args: {
      command: 'x',
      args: [
        '--api-key',
        SECRETS[2],
        '--verbose',
        `postgres://me:${SECRETS[3]}@db/x`,
        '--header',
        `Authorization: Bearer ${SECRETS[0]}`,
      ],
    },
    remote: {
      url: `https://mcp.example.com/mcp?api_key=${SECRETS[4]}&mode=a`,
      headers: { Authorization: `Basic ${SECRETS[5]}` },
    },
  };

  it('move into a file for their owner alone, and are shown nowhere', async () => {
    const home = makeHome();
    home.write(cursor, servers(entries));
    const said = await home.adopt();
    expect(home.config()).toEqual({
      envFile: '.env',
      upstreams: {
        env: {
          command: 'x',
          env: {
            GITHUB_TOKEN: '${env:GITHUB_TOKEN}',
            LOG_LEVEL: 'debug',
            DB_PASSWORD: '${env:DB_PASSWORD}',
            ODD_KEY: '${env:ODD_KEY}',
          },
          isolation: 'session',
        },
        args: {
          command: 'x',
          args: [
            '--api-key',
            '${env:ARGS_API_KEY}',
            '--verbose',
            'postgres://me:${env:ARGS_URL_PASSWORD}@db/x',
            '--header',
            'Authorization: Bearer ${env:ARGS_AUTHORIZATION}',
          ],
          isolation: 'session',
        },
        remote: {
          url: 'https://mcp.example.com/mcp?api_key=${env:REMOTE_API_KEY}&mode=a',
          headers: { Authorization: 'Basic ${env:REMOTE_AUTHORIZATION}' },
          isolation: 'session',
        },
      },
    });
    const env = join(home.path, '.config/switchboard/.env');
    expect(statSync(env).mode & 0o777).toBe(0o600);
    expect(statSync(join(home.path, home.configPath)).mode & 0o777).toBe(0o600);
    for (const secret of SECRETS) {
      expect(said).not.toContain(secret);
      expect(home.read(home.configPath)).not.toContain(secret);
      expect(home.read(cursor)).not.toContain(secret);
    }
    // Read as `serve` reads it, each is what it was.
    const { upstreams } = readConfigFile(join(home.path, home.configPath), {}, {});
    expect(upstreams['env']).toMatchObject({ env: entries.env.env });
    expect(upstreams['args']).toMatchObject({ args: entries.args.args });
    expect(upstreams['remote']).toMatchObject({ url: entries.remote.url, headers: entries.remote.headers });
  });

  it.each<[string, object]>([
    ['JSON in an argument', { command: 'x', args: ['--config', '{"apiKey":"S3CRET-1"}'] }],
    ['a header in one word with its flag', { command: 'x', args: ['--header=Authorization: Bearer S3CRET-1'] }],
    ['a variable in a command for a shell', { command: 'sh', args: ['-c', 'export GITHUB_TOKEN=S3CRET-1; npx x'] }],
    ['a flag in a command for a shell', { command: 'sh', args: ['-c', 'npx x --token "S3CRET-1"'] }],
    ['a setting with dots', { command: 'x', args: ['--set', 'db.password=S3CRET-1'] }],
    ['a token in the place of a user', { command: 'x', args: ['https://S3CRET-1@example.com/x'] }],
    ['a key in an address without headers', { url: 'https://mcp.example.com/mcp?exaApiKey=S3CRET-1' }],
    ['JSON in a variable', { command: 'x', env: { HEADERS: '{"Authorization":"Bearer S3CRET-1"}' } }],
    ['a connection string', { command: 'x', env: { DB: 'Server=x;User=sa;Password=S3CRET-1;' } }],
    ['names in one word', { command: 'x', env: { PGPASSWORD: 'S3CRET-1' } }],
    ['an authtoken', { command: 'x', env: { NGROK_AUTHTOKEN: 'S3CRET-1' } }],
    ['a password behind -p', { command: 'x', args: ['-p', 'S3CRET-1'] }],
    ['a password behind -p, of what npx runs', { command: 'npx', args: ['-y', 'x-mcp', '-p', 'S3CRET-1'] }],
    ['a password behind --password', { command: 'x', args: ['--password', 'S3CRET-1'] }],
    ['a name and a password behind -u', { command: 'x', args: ['-u', 'me:S3CRET-1'] }],
    ['the same in one word', { command: 'x', args: ['--proxy-user=me:S3CRET-1'] }],
    ['a header of any name', { command: 'x', args: ['-H', 'X-Team: S3CRET-1'] }],
    ['an address in one word with its flag', { command: 'x', args: ['--db=postgres://me:S3CRET-1@db/x'] }],
    ['an address with an @ in its password', { command: 'x', args: ['postgres://me:S3CRET@S3CRET-1@db/x'] }],
    ['an address without a scheme', { command: 'x', args: ['--db', 'me:S3CRET-1@tcp(db:3306)/x'] }],
    ['an address in a command for a shell', { command: 'sh', args: ['-c', 'psql "postgres://me:S3CRET-1@db/x"'] }],
    ['-p in a command for a shell', { command: 'sh', args: ['-c', 'x -p S3CRET-1 --verbose'] }],
    ['-u in a command for a shell', { command: 'sh', args: ['-c', 'curl -u me:S3CRET-1 http://127.0.0.1'] }],
    ['a known beginning, behind another name', { command: 'x', args: ['-e', 'OPENAI=sk-S3CRET-1234'] }],
  ])('move when they stand inside of something: %s', async (_, entry) => {
    const home = makeHome();
    home.write(cursor, servers({ odd: entry }));
    const said = await home.adopt();
    expect(said).not.toContain('S3CRET');
    expect(home.read(home.configPath)).not.toContain('S3CRET');
    expect(home.read('.config/switchboard/.env')).toContain('S3CRET');
    const { upstreams } = readConfigFile(join(home.path, home.configPath), {}, {});
    expect(upstreams['odd']).toMatchObject(entry);
  });

  it('beside a variable stay where they are, and are not shown', async () => {
    const home = makeHome();
    home.write(cursor, servers({ odd: { command: 'x', args: ['--config', '{"token":"S3CRET-1","at":"${HOME}"}'] } }));
    expect(under('Servers that are shared', await home.adopt())[1]).toBe('    runs       x --config …');
  });

  it('are not what only has a name like theirs', async () => {
    const home = makeHome();
    const args = [
      '--token=${HOME}',
      'image@sha256:0123456789abcdef0123456789abcdef',
      '{"auth":true}',
      'Author: me',
      'a=b',
      ...'-p 8080 -p 127.0.0.1:80:80 -p ./x -u 1000:1000 --user me'.split(' '),
      'image:1.2@sha256:0123',
      'npm:x@1.0',
      'http://localhost:3000/@x',
      'mkdir -p x && ls',
    ];
    const entry = { command: 'x', args, env: { MAX_TOKENS: '4096', KEYBOARD: 'de', URL: 'postgres://me@db/x' } };
    home.write(cursor, servers({ plain: entry }));
    await home.adopt();
    const fetched = { command: 'npx', args: ['-y', '-p', 'x-mcp', 'x', '--', '-p', '9'] };
    home.write('.gemini/settings.json', servers({ fetched }));
    await home.adopt();
    expect(home.config()).toEqual({
      upstreams: { plain: { ...entry, isolation: 'session' }, fetched: { ...fetched, isolation: 'session' } },
    });
  });

  it('stay, and their servers with them, where nobody agrees', async () => {
    const home = makeHome();
    home.write(cursor, servers({ ...entries, one }));
    const said = await home.adopt({}, { answers: [false, true] });
    expect(said).toContain('"env": its secrets stay where they are: GITHUB_TOKEN, DB_PASSWORD, ODD_KEY');
    expect(home.config()).toEqual({ upstreams: { one: { ...one, isolation: 'session' } } });
    expect(Object.keys((JSON.parse(home.read(cursor)) as { mcpServers: object }).mcpServers)).toEqual([
      'env',
      'args',
      'remote',
      'switchboard',
    ]);
    expect(isThere(home, '.config/switchboard/.env')).toBe(false);
  });

  it('are added to a file of variables that is there, which becomes for its owner alone, until all is undone', async () => {
    const home = makeHome();
    home.write('.config/switchboard/switchboard.json', '{\n  // mine\n  "port": 9000,\n  "envFile": "mine.env"\n}\n');
    home.write('.config/switchboard/mine.env', 'A=1\nGITHUB_TOKEN=other', 0o644);
    home.write(cursor, servers({ gh: { command: 'x', env: { GITHUB_TOKEN: SECRETS[0] } } }));
    const before = home.all();
    await home.adopt();
    expect(home.read('.config/switchboard/mine.env')).toBe(`A=1\nGITHUB_TOKEN=other\nGH_GITHUB_TOKEN=${SECRETS[0]}\n`);
    expect(statSync(join(home.path, '.config/switchboard/mine.env')).mode & 0o777).toBe(0o600);
    expect(home.read(home.configPath)).toMatch(
      /^\{\n {2}\/\/ mine\n {2}"port": 9000,\n {2}"envFile": "mine.env",\n {2}"upstreams": \{ "gh"/,
    );
    expect(home.read(cursor)).toContain('http://127.0.0.1:9000/mcp');
    await home.adopt({ undo: true, yes: true });
    expect(changedSince(home, before)).toEqual([]);
  });

  it('are not added to a file that would read them otherwise', async () => {
    const home = makeHome();
    home.write('.config/switchboard/.env', 'A="does not end');
    home.write(cursor, servers({ gh: { command: 'x', env: { GITHUB_TOKEN: SECRETS[0] } } }));
    const before = home.all();
    const error = await failure(home.adopt());
    expect(error).toMatchObject({ code: 'SWB_CONFIG_INVALID' });
    expect(error.message).not.toContain(SECRETS[0]);
    expect(changedSince(home, before)).toEqual([]);
  });

  it('get another name where the environment has that one, as it would count more', async () => {
    const home = makeHome();
    home.write(cursor, servers({ gh: { command: 'x', env: { GITHUB_TOKEN: SECRETS[0] } } }));
    await home.adopt({ yes: true }, { environment: { GITHUB_TOKEN: 'another' } });
    expect(home.config().upstreams['gh']).toMatchObject({ env: { GITHUB_TOKEN: '${env:GH_GITHUB_TOKEN}' } });
  });

  it('that an input of VS Code asked for are a variable with the answer', async () => {
    const home = makeHome();
    const file = '.config/Code/User/mcp.json';
    const inputs = [{ id: 'api-key', type: 'promptString', password: true }];
    home.write(file, { inputs, servers: { x: { type: 'stdio', command: 'x', env: { KEY: '${input:api-key}' } } } });
    await home.adopt({ yes: true }, { environment: { INPUT_API_KEY: 'secret-answer' } });
    expect(home.config().upstreams['x']).toMatchObject({ env: { KEY: '${env:INPUT_API_KEY}' } });
    expect(home.read('.config/switchboard/.env')).toBe('INPUT_API_KEY=secret-answer\n');
    expect(JSON.parse(home.read(file))).toMatchObject({ inputs });
  });
});
