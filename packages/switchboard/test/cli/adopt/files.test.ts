/** Files of projects, links, files that cannot be changed or have changed, and files that somebody wrote to do harm. */
import { chmodSync, linkSync, mkdirSync, rmdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';

import { readConfigFile } from '../../../src/cli/config.ts';
import { URL_OF_ALL, changedSince, cursor, failure, makeHome, one, servers, under } from '../../support/adopt.ts';
import type { Home } from '../../support/adopt.ts';

describe('a project', () => {
  const inProject = { project: '.' };

  it('has its servers started in its folder, but for those to which it makes no difference', async () => {
    const home = makeHome();
    home.write('project/.vscode/mcp.json', {
      servers: {
        dev: { type: 'stdio', command: './dev', args: ['${workspaceFolder}/src'], envFile: '${workspaceFolder}/.env' },
        time: { type: 'stdio', command: 'uvx', args: ['mcp-server-time'] },
      },
    });
    home.write('project/.env', 'A=1\n');
    await home.adopt({ yes: true, ...inProject });
    expect(home.config().upstreams).toEqual({
      dev: {
        command: './dev',
        args: [`${home.project}/src`],
        envFile: `${home.project}/.env`,
        cwd: home.project,
        isolation: 'session',
      },
      time: { command: 'uvx', args: ['mcp-server-time'], isolation: 'shared' },
    });
    const { upstreams } = readConfigFile(join(home.path, home.configPath), {}, {});
    expect(upstreams['dev']).toMatchObject({ env: { A: '1' } });
  });

  it('of Claude Code is one of many in the file of the person', async () => {
    const home = makeHome();
    const projects = { '/srv/app': { mcpServers: { dev: { command: 'dev' } }, history: [1] }, '/srv/none': {} };
    home.write('.claude.json', { numStartups: 3, mcpServers: { one }, projects });
    await home.adopt();
    expect(home.config().upstreams).toEqual({
      one: { ...one, isolation: 'session' },
      dev: { command: 'dev', cwd: '/srv/app', isolation: 'session' },
    });
    const switchboard = { type: 'http', url: URL_OF_ALL };
    expect(JSON.parse(home.read('.claude.json'))).toEqual({
      numStartups: 3,
      mcpServers: { switchboard },
      projects: { ...projects, '/srv/app': { mcpServers: { switchboard }, history: [1] } },
    });
  });

  it('is left alone when nobody is asked, and it was not named', async () => {
    const home = makeHome();
    home.write('project/.mcp.json', servers({ evil: { command: 'curl', args: ['https://example.com'] } }));
    const before = home.all();
    expect(await home.adopt({ yes: true })).toContain('the servers of a project are taken with --project');
    expect(changedSince(home, before)).toEqual([]);
    const said = await home.adopt({}, { answers: [true] });
    expect(said).toContain('runs       curl https://example.com');
    expect(said).toContain('Note: a file of the project may be shared with others');
    expect(Object.keys(home.config().upstreams)).toEqual(['evil']);
  });

  it('may have one file for several clients, which is changed once', async () => {
    const home = makeHome();
    home.write('project/.mcp.json', servers({ one }));
    const said = await home.adopt({ yes: true, ...inProject });
    expect(said).toContain('Claude Code, Copilot CLI, JetBrains Air, ~/project/.mcp.json: one');
    expect(JSON.parse(home.read('project/.mcp.json'))).toEqual(
      servers({ switchboard: { type: 'http', url: URL_OF_ALL } }),
    );
  });

  it('whose file leads out of it is left alone', async () => {
    const home = makeHome();
    const outside = home.write('.bash_profile.json', servers({ one }));
    mkdirSync(join(home.project, '.cursor'));
    symlinkSync(outside, join(home.project, '.cursor/mcp.json'));
    symlinkSync(home.path, join(home.project, '.vscode'));
    home.write('mcp.json', { servers: { one } });
    const before = home.all();
    const said = await home.adopt({ yes: true, ...inProject });
    expect(under('Left alone', said)).toEqual([
      `  Cursor, ~/project/.cursor/mcp.json: leads out of the project, to ${outside}`,
      `  VS Code, ~/project/.vscode/mcp.json: leads out of the project, to ${join(home.path, 'mcp.json')}`,
    ]);
    expect(changedSince(home, before)).toEqual([]);
  });
});

describe('a file', () => {
  it('that is a link stays one, and what it leads to is changed', async () => {
    const home = makeHome();
    const real = home.write('dotfiles/cursor.json', servers({ one }));
    mkdirSync(join(home.path, '.cursor'));
    symlinkSync(real, join(home.path, cursor));
    expect(await home.adopt()).toContain(
      '~/.cursor/mcp.json (a link to ~/dotfiles/cursor.json, which is changed): one',
    );
    expect(home.read('dotfiles/cursor.json')).toContain(URL_OF_ALL);
    expect(statSync(join(home.path, cursor)).isFile()).toBe(true);
  });

  it.each<[string, string, (home: Home) => void]>([
    [
      'is a link to nothing',
      'is a link to nothing',
      (home) => symlinkSync(join(home.path, 'gone'), join(home.path, cursor)),
    ],
    ['is read-only', 'is read-only', (home) => chmodSync(home.write(cursor, servers({ one })), 0o444)],
    [
      'has another name',
      'has several names',
      (home) => linkSync(home.write('other.json', servers({ one })), join(home.path, cursor)),
    ],
    [
      'stands in a folder that cannot be looked into',
      'cannot be read (ELOOP)',
      (home) => {
        rmdirSync(join(home.path, '.cursor'));
        symlinkSync('.cursor', join(home.path, '.cursor'));
      },
    ],
    ['is a folder', 'is no file', (home) => mkdirSync(join(home.path, cursor))],
    [
      'is not UTF-8',
      'is not UTF-8',
      (home) => writeFileSync(join(home.path, cursor), Buffer.from('{"mcpServers":{"a\xff":1}}', 'latin1')),
    ],
    [
      'does not parse',
      ':3: cannot be read: CommaExpected in the JSON',
      (home) => void home.write(cursor, '{\n  "mcpServers": {"one": {"command": "x"}}\n  "b": 1\n}\n'),
    ],
  ])('that %s is left alone', async (_, why, make) => {
    const home = makeHome();
    mkdirSync(join(home.path, '.cursor'), { recursive: true });
    make(home);
    home.write('.gemini/settings.json', servers({ one }));
    const before = home.all();
    const said = await home.adopt();
    expect(under('Left alone', said)[0]).toContain(
      `  Cursor, ~/.cursor/mcp.json${why.startsWith(':') ? '' : ': '}${why}`,
    );
    expect(changedSince(home, before)).not.toContain(cursor);
    expect(home.read('.gemini/settings.json')).toContain(URL_OF_ALL);
  });

  it('that is nested without an end, or is nothing but blanks, keeps no other from being changed', async () => {
    const home = makeHome();
    const inside = `${'{"a":'.repeat(1500)}1${'}'.repeat(1500)}`;
    home.write('.gemini/settings.json', `{"mcpServers":{"a":{"command":"x"}},"deep":${inside}}`);
    home.write('.config/goose/config.yaml', 'extensions: &all\n  a: { type: stdio, cmd: x }\n  again: *all\n');
    home.write('.kiro/settings/mcp.json', `{${' '.repeat(300_000)}"mcpServers":{"b":{"command":"x"}}}`);
    home.write(cursor, servers({ one }));
    expect(under('Left alone', await home.adopt())).toEqual([
      '  Gemini CLI, ~/.gemini/settings.json: cannot be read: it is nested too deeply',
      '  Goose, ~/.config/goose/config.yaml: cannot be read: it is nested too deeply',
    ]);
    expect(Object.keys(home.config().upstreams)).toEqual(['one', 'b']);
  });

  it('that has changed since it was shown is left, and the others are written', async () => {
    const home = makeHome();
    home.write(cursor, servers({ one }));
    home.write('.gemini/settings.json', servers({ one }));
    const changing = async (): Promise<boolean> => (home.write(cursor, servers({ one, two: one })), true);
    const error = await failure(home.adopt({}, { ask: changing }));
    expect(error).toMatchObject({ code: 'SWB_FILE_NOT_WRITTEN' });
    expect(error.message).toContain('~/.cursor/mcp.json has changed since it was shown; run this again');
    expect(home.read('.gemini/settings.json')).toContain(URL_OF_ALL);
    expect(JSON.parse(home.read(cursor))).toEqual(servers({ one, two: one }));
  });

  it('that cannot be written is named once, with the reason, and the others are written', async () => {
    const home = makeHome();
    // No name is left for what is written beside it.
    const real = home.write('x'.repeat(250), servers({ one }));
    mkdirSync(join(home.path, '.cursor'));
    symlinkSync(real, join(home.path, cursor));
    home.write('.gemini/settings.json', servers({ one }));
    expect((await failure(home.adopt())).message).toMatch(
      /^A file was not written: ~\/x+… \(ENAMETOOLONG\); if a program has it open, end that program and try again$/,
    );
    expect(home.read('.gemini/settings.json')).toContain(URL_OF_ALL);
  });

  it('of Switchboard that cannot be made, as a file has the name of its folder, stops all of it', async () => {
    const home = makeHome();
    home.write(cursor, servers({ one }));
    home.write('.local/state', 'a file');
    const before = home.all();
    expect(await failure(home.adopt())).toMatchObject({ code: 'SWB_FILE_NOT_WRITTEN' });
    expect(await home.adopt({ status: true })).toContain('adopt has changed nothing');
    expect(changedSince(home, before)).toEqual([]);
  });

  it('of Switchboard that has changed since stops all of it', async () => {
    const home = makeHome();
    home.write(cursor, servers({ one, gh: { command: 'x', env: { A_TOKEN: 'abc' } } }));
    const changing = async (): Promise<boolean> => (home.write(home.configPath, '{}'), true);
    const before = home.all();
    const error = await failure(home.adopt({}, { ask: changing }));
    expect(error).toMatchObject({ code: 'SWB_FILE_NOT_WRITTEN' });
    expect(error.message).toContain('nothing was changed');
    expect(changedSince(home, before)).toEqual([home.configPath]);
  });

  it('is not changed by a look, without an answer, or after a no', async () => {
    const home = makeHome();
    home.write(cursor, servers({ one }));
    const before = home.all();
    expect(await home.adopt({ dryRun: true })).toMatch(
      /- line 3: one\n {4}\+ "switchboard": \{ "url": "http:.*\n\nNothing was changed/,
    );
    expect(await failure(home.adopt({}, { answers: [] }))).toMatchObject({ code: 'SWB_USAGE' });
    expect(await home.adopt({}, { answers: [false] })).toContain('Nothing was changed.');
    expect(changedSince(home, before)).toEqual([]);
  });

  it('of a client cannot be that of Switchboard too', async () => {
    const home = makeHome();
    home.write(cursor, servers({ one }));
    const before = home.all();
    const error = await failure(home.adopt({ yes: true, config: join(home.path, cursor) }));
    expect(error).toMatchObject({ code: 'SWB_USAGE' });
    expect(error.message).toContain('is a file of Cursor; name one for Switchboard alone');
    expect(changedSince(home, before)).toEqual([]);
  });

  it('of Switchboard that requires keys stops adopt, as an address alone would lead nowhere', async () => {
    const home = makeHome();
    home.write(cursor, servers({ one }));
    home.write(home.configPath, { keysFile: 'keys.json' });
    const before = home.all();
    const error = await failure(home.adopt());
    expect(error).toMatchObject({ code: 'SWB_USAGE' });
    expect(error.message).toMatch(/keysFile is set in .*: add the entry of each with switchboard connect-client/);
    expect(changedSince(home, before)).toEqual([]);
  });

  it('of a client that is not named stays', async () => {
    const home = makeHome();
    home.write(cursor, servers({ one }));
    home.write('.gemini/settings.json', servers({ two: { command: 'two' } }));
    await home.adopt({ yes: true, only: 'gemini' });
    expect(Object.keys(home.config().upstreams)).toEqual(['two']);
    expect(JSON.parse(home.read(cursor))).toEqual(servers({ one }));
    expect((await failure(home.adopt({ only: 'cursr' }))).message).toMatch(
      /unknown client "cursr".*Did you mean "cursor"\?/,
    );
  });
});

describe('a hostile file', () => {
  it('cannot steer the terminal, begin a line, or have a name that is not allowed', async () => {
    const home = makeHome();
    const name = 'x\u001b[2J\u202e\n  evil, of Cursor';
    home.write(
      cursor,
      servers({
        [name]: { command: 'a\u001b]0;b\u0007', args: ['\n  runs nothing'] },
        __proto__x: one,
        '../../etc': { command: 'up' },
      }),
    );
    const said = await home.adopt();
    // oxlint-disable-next-line no-control-regex
    expect(said).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(said).not.toMatch(/^ *(?:evil|runs nothing)/m);
    expect(Object.keys(home.config().upstreams)).toEqual(['x-2J-evil-of-Cursor', 'proto__x', 'etc']);
    expect(home.config().upstreams['x-2J-evil-of-Cursor']).toMatchObject({ args: ['\n  runs nothing'] });
  });

  it('puts nothing into the configuration beside its servers, whatever its values have in them', async () => {
    const home = makeHome();
    const odd = '"}}, "port": 1, "x": {"command": "evil';
    const env = { A_TOKEN: `v'"\nPATH=/evil`, B_TOKEN: 'x\nLD_PRELOAD=/evil.so' };
    const entry = { command: odd, env, cwd: '/x\n"' };
    const all = { b: { ...entry, env: { C_TOKEN: `'"\`` } }, a: entry };
    // A key that JavaScript would not write.
    home.write(cursor, JSON.stringify(servers(all)).replace('"a":', '"__proto__": {"command": "q"}, "a":'));
    const said = await home.adopt();
    expect(under('Left alone', said)).toEqual([
      '  Cursor, ~/.cursor/mcp.json:1 "b": its C_TOKEN cannot be written into a file of variables',
    ]);
    const { upstreams, settings } = readConfigFile(join(home.path, home.configPath), {}, {});
    expect(upstreams).toEqual({
      a: { ...entry, isolation: 'session' },
      proto__: { command: 'q', isolation: 'session' },
    });
    expect(settings).toEqual({});
    expect(parseEnv(home.read('.config/switchboard/.env'))).toEqual(env);
    expect(({} as { command?: string }).command).toBeUndefined();
  });
});
