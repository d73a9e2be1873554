/** What adopt makes of what it finds: what is one server, what is left alone and why, and what an entry says in the words of Switchboard. */
import { describe, expect, it } from 'vitest';

import { URL_OF_ALL, changedSince, cursor, failure, makeHome, one, servers, under } from '../../support/adopt.ts';

describe('the same server', () => {
  it('of several clients is one, also where it is written in another way', async () => {
    const home = makeHome();
    const npx = ['-y', '@modelcontextprotocol/server-memory'];
    home.write(cursor, servers({ memory: { command: 'npx', args: npx, env: {} } }));
    home.write(
      '.codeium/windsurf/mcp_config.json',
      servers({ mem: { command: 'cmd', args: ['/c', 'npx', ...npx.slice(1)] } }),
    );
    home.write('.codex/config.toml', `[mcp_servers.memory]\ncommand = "npx"\nargs = ["--yes", "${npx[1]}"]\n`);
    const said = await home.adopt();
    expect(under('Servers that are shared', said)).toEqual([
      '  memory (Cursor, Windsurf, Codex: the same server in 3 places)',
      '    runs       npx -y @modelcontextprotocol/server-memory',
      '    isolation  shared: all clients keep one memory',
    ]);
    expect(Object.keys(home.config().upstreams)).toEqual(['memory']);
  });

  it('with other variables, or another list of tools, is another, and gets another name', async () => {
    const home = makeHome();
    home.write(cursor, servers({ github: { command: 'gh', env: { GITHUB_TOKEN: 'ghp_aaaaaaaaaaaa' } } }));
    home.write(
      '.gemini/settings.json',
      servers({ github: { command: 'gh', env: { GITHUB_TOKEN: 'ghp_bbbbbbbbbbbb' } } }),
    );
    home.write(
      '.kiro/settings/mcp.json',
      servers({ github: { command: 'gh', env: { GITHUB_TOKEN: 'ghp_aaaaaaaaaaaa' }, disabledTools: ['drop'] } }),
    );
    await home.adopt();
    expect(home.config().upstreams).toEqual({
      github: { command: 'gh', env: { GITHUB_TOKEN: '${env:GITHUB_TOKEN}' }, isolation: 'session' },
      'github-gemini-cli': {
        command: 'gh',
        env: { GITHUB_TOKEN: '${env:GITHUB_GEMINI_CLI_GITHUB_TOKEN}' },
        isolation: 'session',
      },
      'github-kiro': {
        command: 'gh',
        env: { GITHUB_TOKEN: '${env:GITHUB_TOKEN}' },
        tools: { deny: ['drop'] },
        isolation: 'session',
      },
    });
  });

  it('is the same also when its clients wait for it longer or shorter: the longest time counts', async () => {
    const home = makeHome();
    const goose = (name: string, seconds: number): string =>
      `  ${name}: { type: stdio, cmd: ${name}, args: [-x], timeout: ${seconds} }\n`;
    home.write('.codex/config.toml', '[mcp_servers.two]\ncommand = "two"\nargs = ["-x"]\ntool_timeout_sec = 90\n');
    home.write(cursor, servers({ one }));
    home.write('.config/goose/config.yaml', `extensions:\n${goose('one', 300)}${goose('two', 600)}`);
    const said = await home.adopt();
    expect(said).toContain('one (Cursor, Goose: the same server in 2 places)');
    // Goose writes the time that is usual with Switchboard too into every entry.
    expect(home.config().upstreams).toEqual({
      one: { ...one, isolation: 'session' },
      two: { command: 'two', args: ['-x'], requestTimeout: '600s', isolation: 'session' },
    });
    expect(said).toContain(`"uri": "${URL_OF_ALL}" }`);
  });

  it('that the configuration has already is not added again', async () => {
    const home = makeHome();
    home.write(cursor, servers({ github: { command: 'gh', env: { GITHUB_TOKEN: 'ghp_aaaaaaaaaaaa' } } }));
    await home.adopt();
    const config = home.read(home.configPath);
    home.write('.gemini/settings.json', servers({ gh: { command: 'gh', env: { GITHUB_TOKEN: 'ghp_aaaaaaaaaaaa' } } }));
    expect(await home.adopt()).toContain('github (Gemini CLI), which the configuration has already');
    expect(home.read(home.configPath)).toBe(config);
    expect(home.read('.gemini/settings.json')).toContain(URL_OF_ALL);
  });
});

describe('what cannot be shared is left alone, with the reason:', () => {
  it.each<[string, object | string, string, string?]>([
    ['a server that is switched off', { ...one, disabled: true }, 'it is disabled'],
    ['a sandbox', { ...one, sandboxEnabled: true }, 'the client runs it in a sandbox'],
    [
      'an input without an answer',
      { ...one, env: { A: '${input:key}' } },
      'it asks for the input "key": set INPUT_KEY',
    ],
    [
      'a variable that is not set',
      { ...one, env: { A: '${env:NOT_SET_HERE}' } },
      'it needs the environment variable NOT_SET_HERE',
    ],
    [
      'the folder of a window',
      { ...one, args: ['${workspaceFolder}/x'] },
      '${workspaceFolder} is another folder in each window',
    ],
    [
      'a variable of the client alone',
      { ...one, args: ['${command:pick}'] },
      '${command:pick} is known to the client alone',
    ],
    ['a secret of the client', { ...one, env: { A: '${{ secrets.A }}' } }, 'it has secrets of its client'],
    [
      'SSE',
      { type: 'sse', url: 'https://mcp.example.com/sse', headers: { A: 'x' } },
      'it speaks the SSE transport of 2024',
    ],
    ['a socket', { type: 'http', url: 'unix:///run/mcp.sock' }, 'it is reached through a socket'],
    [
      'a remote server that people sign in to',
      { url: 'https://mcp.example.com/mcp' },
      'https://mcp.example.com is a remote server without a key',
    ],
    [
      'a client that signs in',
      { url: 'https://mcp.example.com/mcp', headers: { A: 'x' }, auth: { CLIENT_ID: 'x' } },
      'the client signs in for it ("auth")',
    ],
    ['a command that is relative to nothing known', { command: './server' }, 'its command is relative to the folder'],
    ['a folder that is relative to nothing known', { ...one, cwd: 'server' }, 'its cwd is relative to the folder'],
    ['a key that nobody knows', { ...one, isolaton: 'shared' }, 'isolaton: unknown key. Did you mean "isolation"?'],
    ['no entry at all', 'one', 'it is no object'],
    [
      'a file of variables that cannot be read',
      { ...one, envFile: '/nowhere/.env' },
      'envFile: /nowhere/.env cannot be read',
    ],
    ['a file of variables without a path', { ...one, envFile: 5 }, 'envFile: expected the path of a file'],
    [
      'a variable that only objects have',
      { ...one, env: { A: '${constructor}' } },
      'it needs the environment variable constructor',
    ],
    ['Switchboard by another name of this machine', { url: 'http://localhost:8765/mcp' }, 'it is Switchboard already'],
    ['Switchboard at an address of IPv6', { url: 'http://[::1]:8765/mcp?x=1' }, 'it is Switchboard already'],
    [
      'a bridge to Switchboard',
      { command: 'npx', args: ['-y', 'mcp-remote', 'http://127.0.0.1:8765/mcp'] },
      'it is Switchboard already',
    ],
  ])('%s', async (_, entry, why) => {
    const home = makeHome();
    home.write(cursor, servers({ odd: entry }));
    const before = home.all();
    const said = await home.adopt();
    expect(under('Left alone', said)[0]).toContain(`  Cursor, ~/.cursor/mcp.json:3 "odd": ${why}`);
    expect(said).toContain('There is nothing to change.');
    expect(changedSince(home, before)).toEqual([]);
  });

  it('what only Goose has, and what Gemini means by url', async () => {
    const home = makeHome();
    home.write(
      '.config/goose/config.yaml',
      'extensions:\n  dev: { type: builtin }\n  kept: { type: stdio, cmd: x, env_keys: [A_TOKEN] }\n',
    );
    home.write('.gemini/settings.json', servers({ old: { url: 'http://127.0.0.1:1/sse' } }));
    expect(under('Left alone', await home.adopt())).toEqual([
      '  Gemini CLI, ~/.gemini/settings.json:3 "old": it speaks the SSE transport of 2024; give the address of Streamable HTTP',
      '  Goose, ~/.config/goose/config.yaml:2 "dev": it is built into Goose (builtin)',
      '  Goose, ~/.config/goose/config.yaml:3 "kept": Goose keeps its A_TOKEN in a store of its own: put it under envs, or leave it',
    ]);
  });

  it('and stays beside the new entry, with its name', async () => {
    const home = makeHome();
    home.write(cursor, servers({ switchboard: { command: 'x', disabled: true }, one }));
    await home.adopt();
    expect(JSON.parse(home.read(cursor))).toEqual(
      servers({ switchboard: { command: 'x', disabled: true }, 'switchboard-mcp': { url: URL_OF_ALL } }),
    );
  });
});

describe('a name for Switchboard', () => {
  it('is never that of an entry that stays', async () => {
    const home = makeHome();
    const off = { command: 'x', disabled: true };
    home.write(cursor, servers({ switchboard: off, 'switchboard-mcp': off, one }));
    await home.adopt();
    expect(home.read(cursor).match(/"switchboard[^"]*":/g)).toEqual([
      '"switchboard":',
      '"switchboard-mcp":',
      '"switchboard-mcp-2":',
    ]);
  });
});

describe('an entry for one server of Switchboard, or one that is switched off', () => {
  it('does not stand for all of them', async () => {
    const home = makeHome();
    home.write(cursor, servers({ memory: { url: `${URL_OF_ALL}/memory` }, one }));
    home.write('.kiro/settings/mcp.json', servers({ old: { url: URL_OF_ALL, disabled: true }, one }));
    await home.adopt();
    expect(JSON.parse(home.read(cursor))).toMatchObject(servers({ switchboard: { url: URL_OF_ALL } }));
    expect(JSON.parse(home.read('.kiro/settings/mcp.json'))).toMatchObject(
      servers({ switchboard: { url: URL_OF_ALL } }),
    );
  });
});

describe('a file whose entries cannot be changed alone', () => {
  it('keeps its servers and their secrets, and Switchboard gets none of them', async () => {
    const home = makeHome();
    home.write(
      '.config/goose/config.yaml',
      'extensions:\n  a: { type: stdio, cmd: a, envs: { A_TOKEN: abc }, args: &words [x] }\nother: *words\n',
    );
    home.write(cursor, servers({ one }));
    const said = await home.adopt();
    expect(said).toContain('Goose, ~/.config/goose/config.yaml: its entries cannot be changed');
    expect(under('Servers that are shared', said)[0]).toBe('  one (Cursor)');
    expect(home.config()).toEqual({ upstreams: { one: { ...one, isolation: 'session' } } });
  });
});

describe('a project that is not there', () => {
  it('is an error', async () => {
    const home = makeHome();
    home.write(cursor, servers({ one }));
    const before = home.all();
    expect(await failure(home.adopt({ yes: true, project: 'nowhere' }))).toMatchObject({
      code: 'SWB_USAGE',
      message: expect.stringContaining(`--project: no folder ${JSON.stringify(`${home.project}/nowhere`)}`),
    });
    expect(changedSince(home, before)).toEqual([]);
  });
});

describe('what the clients call otherwise', () => {
  it('is taken in the words of Switchboard', async () => {
    const home = makeHome();
    home.write(
      '.codex/config.toml',
      `[mcp_servers.local]
command = "x"
args = ["\${HOME}"]
env_vars = ["LUNO_KEY_ID"]
cwd = "/srv"
startup_timeout_sec = 20
tool_timeout_sec = 90
enabled_tools = ["read"]
disabled_tools = ["drop"]
[mcp_servers.remote]
url = "https://mcp.example.com/mcp"
bearer_token_env_var = "REMOTE_TOKEN"
http_headers = { "X-Plain" = "1", Accept = "text/plain" }
env_http_headers = { "X-Team" = "TEAM" }
`,
    );
    home.write('.config/opencode/opencode.json', {
      mcp: { oc: { type: 'local', command: ['y', '-v'], environment: { TEAM: '{env:TEAM}' } } },
    });
    home.write(
      '.continue/config.yaml',
      'mcpServers:\n  - { name: ct, type: streamable-http, url: "http://127.0.0.1:9/mcp", requestOptions: { headers: { Accept: "a/b" } } }\n',
    );
    home.write(
      '.config/goose/config.yaml',
      'extensions:\n  gs: { type: stdio, cmd: z, args: [], envs: { MODE: fast }, available_tools: [a], timeout: 60 }\n',
    );
    const said = await home.adopt({ yes: true }, { environment: { HOME: home.path, REMOTE_TOKEN: 'r', TEAM: 't' } });
    expect(home.config().upstreams).toEqual({
      local: {
        command: 'x',
        args: ['$${HOME}'],
        cwd: '/srv',
        inheritEnv: ['LUNO_KEY_ID'],
        tools: { allow: ['read'], deny: ['drop'] },
        requestTimeout: '90s',
        isolation: 'session',
      },
      remote: {
        url: 'https://mcp.example.com/mcp',
        headers: {
          'X-Plain': '${env:REMOTE_X_PLAIN}',
          Accept: 'text/plain',
          'X-Team': '${env:TEAM}',
          Authorization: 'Bearer ${env:REMOTE_TOKEN}',
        },
        isolation: 'session',
      },
      oc: { command: 'y', args: ['-v'], env: { TEAM: '${env:TEAM}' }, isolation: 'session' },
      ct: { url: 'http://127.0.0.1:9/mcp', headers: { Accept: 'a/b' }, isolation: 'session' },
      gs: {
        command: 'z',
        args: [],
        env: { MODE: 'fast' },
        tools: { allow: ['a'] },
        requestTimeout: '60s',
        isolation: 'session',
      },
    });
    expect(said).toContain('These variables must be set where Switchboard runs: REMOTE_TOKEN, TEAM');
  });
});

describe('with --keep', () => {
  it('entries stay, switched off, where the client can do that', async () => {
    const home = makeHome();
    home.write(
      '.kiro/settings/mcp.json',
      '{\n  "mcpServers": {\n    "one": {\n      "command": "one" // mine\n    }\n  }\n}\n',
    );
    home.write('.codex/config.toml', '[mcp_servers.one]\ncommand = "one"\n');
    home.write(cursor, servers({ one: { command: 'one' } }));
    const before = home.all();
    const said = await home.adopt({ yes: true, keep: true });
    expect(said).toContain('- line 3: one (switched off)');
    expect(home.read('.kiro/settings/mcp.json')).toBe(
      `{\n  "mcpServers": {\n    "one": {\n      "disabled": true,\n      "command": "one" // mine\n    },\n    "switchboard": { "url": "${URL_OF_ALL}" }\n  }\n}\n`,
    );
    expect(home.read('.codex/config.toml')).toBe(
      `[mcp_servers.one]\nenabled = false\ncommand = "one"\n\n[mcp_servers.switchboard]\nurl = "${URL_OF_ALL}"\n`,
    );
    expect(JSON.parse(home.read(cursor))).toEqual(servers({ switchboard: { url: URL_OF_ALL } }));
    await home.adopt({ undo: true, yes: true });
    expect(changedSince(home, before)).toEqual([]);
  });
});

describe('Roo Code', () => {
  it('gives its servers, and keeps its file', async () => {
    const home = makeHome();
    const file = '.config/Code/User/globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json';
    home.write(file, servers({ one }));
    const before = home.read(file);
    expect(await home.adopt()).toContain('Roo Code is no longer developed');
    expect(home.read(file)).toBe(before);
    expect(Object.keys(home.config().upstreams)).toEqual(['one']);
  });
});
