/** Secrets in the files of clients move into one file of variables, and are shown nowhere. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { readConfigFile } from '../../../src/cli/config.ts';
import { changedSince, cursor, failure, isThere, makeHome, one, servers } from '../../support/adopt.ts';

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
