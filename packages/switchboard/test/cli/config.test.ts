/** Configuration files, those of other MCP programs too. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { readConfig, readConfigFiles } from '../../src/cli/config.ts';
import type { ConfigFile } from '../../src/cli/config.ts';
import { file, run } from '../support/command.ts';
import { servers } from '../support/gateway.ts';

const read = (content: unknown, environment: Record<string, string> = {}, name = 'config.json'): ConfigFile =>
  readConfig(typeof content === 'string' ? content : JSON.stringify(content, undefined, 2), name, environment, {});

/** Files in a folder of the test's own. */
function folder(files: Record<string, string | object>): (name: string) => string {
  const path = mkdtempSync(join(tmpdir(), 'switchboard-config-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return (name) => join(path, name);
}

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing was thrown';
}

describe('a key that nobody knows', () => {
  const at = (entry: object): object => ({ mcpServers: { a: { command: 'x', ...entry } } });
  it.each([
    [
      'in an entry',
      at({ isolaton: 'shared' }),
      'config.json:5: mcpServers.a.isolaton: unknown key. Did you mean "isolation"?',
    ],
    [
      'that would be a rule',
      at({ tool: { deny: ['rm'] } }),
      'config.json:5: mcpServers.a.tool: unknown key. Did you mean "tools"?',
    ],
    [
      'within a rule',
      at({ tools: { denny: ['rm'] } }),
      'config.json:6: mcpServers.a.tools.denny: unknown key. Did you mean "deny"?',
    ],
    [
      'of a number',
      at({ maxMemry: '1GiB' }),
      'config.json:5: mcpServers.a.maxMemry: unknown key. Did you mean "maxMemory"?',
    ],
    [
      'of another kind of server',
      at({ headers: {} }),
      'config.json:5: mcpServers.a.headers: this is for a server with a url, and here is a command',
    ],
    [
      'like no other',
      { upstreams: { a: { command: 'x', colour: 1 } } },
      'config.json:5: upstreams.a.colour: unknown key.',
    ],
    [
      'of the whole',
      { upstreams: {}, maxConection: 1 },
      'config.json:3: maxConection: unknown option. Did you mean "maxConnections"?',
    ],
    [
      'beside a block of another program',
      { mcpServers: {}, role: {} },
      'config.json:3: role: unknown option. Did you mean "roles"?',
    ],
  ])('%s is refused with its line, in one sentence', (_where, content, message) => {
    expect(messageOf(() => read(content))).toBe(`The configuration is not valid: ${message}`);
  });

  it('is noted once, all together, where another program knows it', () => {
    const entry = { command: 'x', autoApprove: ['a'], alwaysAllow: [], timeout: 60, type: 'stdio', disabled: false };
    const { upstreams, notes } = read({ mcpServers: { a: entry, b: { command: 'y', trust: true } }, theme: 'dark' });
    expect(upstreams).toEqual({ a: { command: 'x' }, b: { command: 'y' } });
    expect(notes).toEqual([
      'without a meaning here, and left alone: mcpServers.a.autoApprove, mcpServers.a.alwaysAllow, mcpServers.a.timeout, ' +
        'mcpServers.a.disabled, mcpServers.b.trust, theme',
    ]);
  });
});

describe('the file of another program', () => {
  it.each([
    ['Zed', { context_servers: { a: { command: { path: 'x', args: ['1'], env: { K: 'v' } }, settings: {} } } }],
    ['Zed of today', { context_servers: { a: { source: 'custom', command: 'x', args: ['1'], env: { K: 'v' } } } }],
    ['opencode', { mcp: { a: { type: 'local', command: ['x', '1'], environment: { K: 'v' }, enabled: true } } }],
    [
      'VS Code, in its settings',
      { mcp: { servers: { a: { type: 'stdio', command: 'x', args: ['1'], env: { K: 'v' } } } } },
    ],
  ])('of %s is read', (_program, content) => {
    expect(read(content).upstreams).toEqual({ a: { command: 'x', args: ['1'], env: { K: 'v' } } });
  });

  it('may call a URL by another name, and list the tools that may be used', () => {
    const { upstreams } = read({
      mcpServers: {
        gemini: { httpUrl: 'https://a.example/mcp' },
        windsurf: { serverUrl: 'https://b.example/mcp' },
        all: { type: 'http', url: 'https://c.example/mcp', tools: ['*'] },
        some: { type: 'http', url: 'https://d.example/mcp', tools: ['a', 'b'] },
        rules: { command: 'x', includeTools: ['a'], excludeTools: ['b'] },
        none: { command: 'x', disabledTools: ['c'] },
      },
    });
    expect(upstreams).toEqual({
      gemini: { url: 'https://a.example/mcp' },
      windsurf: { url: 'https://b.example/mcp' },
      all: { url: 'https://c.example/mcp' },
      some: { url: 'https://d.example/mcp', tools: { allow: ['a', 'b'] } },
      rules: { command: 'x', tools: { allow: ['a'], deny: ['b'] } },
      none: { command: 'x', tools: { deny: ['c'] } },
    });
  });

  it.each([
    [
      'config.toml',
      '[mcp_servers.a]\ncommand = "x"\n',
      'config.toml:1: this is TOML, as Codex has it; Switchboard reads JSON',
    ],
    [
      'config.yaml',
      'mcpServers:\n  - name: a\n',
      'config.yaml:1: this is YAML, as Continue and Goose have it; Switchboard reads JSON',
    ],
    ['settings', 'extensions:\n  a:\n    cmd: x\n', 'settings:1: this is YAML'],
    ['broken.json', '{ "mcpServers": ', 'broken.json:1: ValueExpected in the JSON'],
  ])('that is no JSON is refused by its name: %s', (name, text, message) => {
    expect(() => read(text, {}, name)).toThrow(message);
  });

  it('of VS Code has its variables in a file beside, its inputs in the environment, and its folder', () => {
    const at = folder({
      '.vscode/mcp.json': {
        inputs: [
          { id: 'api-key', type: 'promptString', password: true },
          { id: 'region', type: 'pickString', default: 'eu' },
        ],
        servers: {
          a: {
            type: 'stdio',
            command: 'x',
            args: ['${workspaceFolder}/server.js', '${userHome}', '${input:region}'],
            env: { KEY: '${input:api-key}', OWN: 'entry' },
            envFile: '${workspaceFolder}/.env',
          },
        },
      },
      '.env': 'export TOKEN="a b" # comment\nOWN=file\n\nMULTI=\'x=y\'\n',
    });
    const { upstreams, notes } = readConfigFiles([at('.vscode/mcp.json')], { INPUT_API_KEY: 'secret' }, {});
    expect(upstreams['a']).toEqual({
      command: 'x',
      args: [at('server.js'), homedir(), 'eu'],
      env: { TOKEN: 'a b', OWN: 'entry', MULTI: 'x=y', KEY: 'secret' },
    });
    expect(notes).toEqual([]);
    expect(() => readConfigFiles([at('.vscode/mcp.json')], {}, {})).toThrow(
      'servers.a.env.KEY: ${input:api-key} asks a person, and nobody is there to be asked: set INPUT_API_KEY',
    );
  });

  it('may have a file of variables for all of it, of which each part gets what it names', () => {
    const at = folder({
      'a.json': {
        envFile: '.env',
        upstreams: {
          a: { command: 'x', env: { KEY: '${env:A_KEY}' } },
          b: { url: 'https://example.com/mcp', headers: { Authorization: 'Bearer ${env:B_KEY}' } },
          c: { command: 'y' },
        },
      },
      '.env': 'A_KEY=from the file\nB_KEY=one\n',
      'none.json': { envFile: 'none.env', upstreams: { c: { command: 'y' } } },
    });
    const { upstreams } = readConfigFiles([at('a.json')], { B_KEY: 'two' }, {});
    expect(upstreams).toEqual({
      a: { command: 'x', env: { KEY: 'from the file' } },
      b: { url: 'https://example.com/mcp', headers: { Authorization: 'Bearer two' } },
      c: { command: 'y' },
    });
    expect(messageOf(() => readConfigFiles([at('none.json')], {}, {}))).toContain(
      `none.json:1: envFile: ${at('none.env')} cannot be read (ENOENT)`,
    );
  });

  it('names a file of variables that cannot be read', () => {
    const at = folder({ 'a.json': { servers: { a: { command: 'x', envFile: 'none.env' } } } });
    expect(() => readConfigFiles([at('a.json')], {}, {})).toThrow(
      `a.json:1: servers.a.envFile: ${at('none.env')} cannot be read (ENOENT)`,
    );
  });
});

describe('several files', () => {
  it('are one, in which later ones count more, a server or a role at a time', () => {
    const at = folder({
      'one.json': {
        port: 1,
        isolation: 'shared',
        upstreams: { a: { command: 'x', args: ['1'] }, b: { command: 'y' } },
        roles: { r: { upstreams: ['a'] }, s: {} },
      },
      'two.json': {
        port: 2,
        upstreams: { a: { command: 'z' }, c: { command: 'c' } },
        roles: { r: { upstreams: ['c'] } },
      },
      'three.json': { mcpServers: { b: { command: 'y', disabled: true } } },
    });
    const all = readConfigFiles([at('one.json'), at('two.json'), at('three.json')], {}, {});
    expect(all).toMatchObject({ settings: { port: 2, isolation: 'shared' }, disabled: ['b'] });
    expect(all.upstreams).toEqual({ a: { command: 'z' }, c: { command: 'c' } });
    expect(all.access.roles).toEqual({ r: { upstreams: ['c'] }, s: {} });
  });

  it('are given by --config more than once, and looked at by doctor', async () => {
    const [one, two] = [file({ upstreams: { a: servers.scripted } }), file({ upstreams: { b: servers.scripted } })];
    const { stdout } = await run(['doctor', '--json', '--config', one, '--config', two]);
    expect(JSON.parse(stdout)).toContainEqual({ check: 'configuration', state: 'ok', detail: `${one}, ${two}: a, b` });
  });
});

describe('a file without a server that is on', () => {
  it('is not taken for no file', async () => {
    const path = file({ mcpServers: { a: { command: 'x', disabled: true } } });
    const { code, stderr } = await run(['serve', '--config', path]);
    expect(code).toBe(3);
    expect(stderr).toContain(`every server in ${path} is disabled: a; enable one, or give a command after --`);
    expect((await run(['doctor', '--config', path])).stderr).toContain(`every server in ${path} is disabled: a`);
  });
});

describe('roles without a default', () => {
  it('are warned of at the start and by doctor, as they let nobody in', async () => {
    const path = file({ upstreams: { a: servers.scripted }, roles: { reader: { upstreams: ['a'] } }, port: 0 });
    const warning = 'nobody gets a server: there is no role "default"';
    expect((await run(['doctor', '--config', path])).stderr).toContain(warning);
    const keys = file({ keys: [] });
    const withKeys = await run(['doctor', '--config', path], { env: { SWITCHBOARD_KEYS_FILE: keys } });
    expect(withKeys.stderr).toContain('callers whose key or token has none of reader get no server');
  });
});
