/** From the files of clients to one Switchboard, and back: in homes laid out as on each platform. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { CLIENT_IDS } from '../../../src/cli/adopt/clients.ts';
import { readConfig } from '../../../src/cli/config.ts';
import { BRIDGES, URL_OF_ALL, changedSince, makeHome } from '../../support/adopt.ts';

const PLATFORMS = ['linux', 'darwin', 'win32'] as const;
type Platform = (typeof PLATFORMS)[number];

interface Row {
  client: string;
  /** Where the file is, by platform; the same everywhere where it is one text. */
  file: string | Readonly<Partial<Record<Platform, string>>>;
  /** Whether it is a file of a project. */
  ofProject?: true;
  /** The file with two servers, and what it is afterwards. */
  text: string;
  after: string;
  environment?: Record<string, string>;
}

const AS = 'Library/Application Support';
const ROAMING = 'AppData/Roaming';
const application = (path: string): Row['file'] => ({
  linux: `.config/${path}`,
  darwin: `${AS}/${path}`,
  win32: `${ROAMING}/${path}`,
});

const bridge = (words: readonly string[]): string => {
  const [command, ...args] = [...words, 'connect', 'ws://127.0.0.1:8765/mcp'];
  return `{ "command": ${JSON.stringify(command)}, "args": [${args.map((each) => JSON.stringify(each)).join(', ')}] }`;
};

/** A file of JSON with the two servers, and with one entry in their place. */
function json(
  block: string,
  entry: string,
  servers = ['{ "command": "one", "args": ["-x"] }', '{ "command": "two" }'],
) {
  const around = (inside: string): string => `{
  "theme": "dark", "keep": [1, 2.50, "\\u00e4"],
  "${block}": {
${inside}
  }
}
`;
  return {
    text: around(`    "first": ${servers[0]},\n    "second": ${servers[1]}`),
    after: around(`    "switchboard": ${entry}`),
  };
}

const http = `{ "type": "http", "url": "${URL_OF_ALL}" }`;
const url = `{ "url": "${URL_OF_ALL}" }`;

const ROWS: readonly Row[] = [
  {
    client: 'claude-desktop',
    file: application('Claude/claude_desktop_config.json'),
    ...json('mcpServers', bridge(BRIDGES.here)),
  },
  { client: 'claude-code', file: '.claude.json', ...json('mcpServers', http) },
  {
    client: 'claude-code',
    file: 'conf/.claude.json',
    environment: { CLAUDE_CONFIG_DIR: '~/conf' },
    ...json('mcpServers', http),
  },
  { client: 'claude-code', file: 'project/.mcp.json', ofProject: true, ...json('mcpServers', http) },
  { client: 'cursor', file: '.cursor/mcp.json', ...json('mcpServers', url) },
  { client: 'cursor', file: 'project/.cursor/mcp.json', ofProject: true, ...json('mcpServers', url) },
  { client: 'vscode', file: application('Code/User/mcp.json'), ...json('servers', http) },
  { client: 'vscode', file: application('Code/User/profiles/-1a2b/mcp.json'), ...json('servers', http) },
  { client: 'vscode', file: application('Code - Insiders/User/mcp.json'), ...json('servers', http) },
  { client: 'vscode', file: 'project/.vscode/mcp.json', ofProject: true, ...json('servers', http) },
  {
    client: 'devin',
    file: {
      linux: '.config/devin/mcp_config.json',
      darwin: '.config/devin/mcp_config.json',
      win32: `${ROAMING}/devin/mcp_config.json`,
    },
    ...json('mcpServers', `{ "transport": "http", "url": "${URL_OF_ALL}" }`),
  },
  {
    client: 'devin',
    file: 'project/.devin/mcp_config.json',
    ofProject: true,
    ...json('mcpServers', `{ "transport": "http", "url": "${URL_OF_ALL}" }`),
  },
  {
    client: 'windsurf',
    file: '.codeium/windsurf/mcp_config.json',
    ...json('mcpServers', `{ "serverUrl": "${URL_OF_ALL}" }`),
  },
  { client: 'windsurf', file: '.codeium/mcp_config.json', ...json('mcpServers', `{ "serverUrl": "${URL_OF_ALL}" }`) },
  ...[
    { file: '.codex/config.toml' },
    { file: 'elsewhere/config.toml', environment: { CODEX_HOME: '~/elsewhere' } },
    { file: 'project/.codex/config.toml', ofProject: true as const },
  ].map((place) => ({
    client: 'codex',
    ...place,
    text: '# mine\nmodel = "x"\n\n[mcp_servers.first]\ncommand = "one"\nargs = ["-x"]\n\n[mcp_servers.second]\ncommand = "two"\n\n[tui]\nnotice = """\n[mcp_servers.text]\n"""\n',
    after: `# mine\nmodel = "x"\n\n[mcp_servers.switchboard]\nurl = "${URL_OF_ALL}"\n\n\n[tui]\nnotice = """\n[mcp_servers.text]\n"""\n`,
  })),
  { client: 'gemini', file: '.gemini/settings.json', ...json('mcpServers', `{ "httpUrl": "${URL_OF_ALL}" }`) },
  {
    client: 'gemini',
    file: 'project/.gemini/settings.json',
    ofProject: true,
    ...json('mcpServers', `{ "httpUrl": "${URL_OF_ALL}" }`),
  },
  ...['.config/opencode/opencode.json', '.config/opencode/opencode.jsonc', 'project/opencode.json'].map((file) => ({
    client: 'opencode',
    file,
    ...(file.startsWith('project') && { ofProject: true as const }),
    ...json('mcp', `{ "type": "remote", "url": "${URL_OF_ALL}" }`, [
      '{ "type": "local", "command": ["one", "-x"] }',
      '{ "type": "local", "command": ["two"], "enabled": true }',
    ]),
  })),
  {
    client: 'zed',
    file: {
      linux: '.config/zed/settings.json',
      darwin: '.config/zed/settings.json',
      win32: `${ROAMING}/Zed/settings.json`,
    },
    ...json('context_servers', url, [
      '{ "source": "custom", "command": "one", "args": ["-x"] }',
      '{ "command": { "path": "two" } }',
    ]),
  },
  { client: 'zed', file: { darwin: `${AS}/Zed/settings.json` }, ...json('context_servers', url) },
  { client: 'zed', file: 'project/.zed/settings.json', ofProject: true, ...json('context_servers', url) },
  {
    client: 'cline',
    file: application('Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json'),
    ...json('mcpServers', `{ "type": "streamableHttp", "url": "${URL_OF_ALL}" }`, [
      '{ "command": "one", "args": ["-x"], "disabled": false }',
      '{ "command": "two", "type": "stdio" }',
    ]),
  },
  {
    client: 'cline',
    file: '.cline/data/settings/cline_mcp_settings.json',
    ...json('mcpServers', `{ "type": "streamableHttp", "url": "${URL_OF_ALL}" }`),
  },
  {
    client: 'continue',
    file: '.continue/config.yaml',
    text: '# mine\nname: local\nmcpServers:\n  - name: first\n    command: one\n    args: [-x]\n  # between\n  - name: second\n    command: two\nmodels: []\n',
    after: `# mine\nname: local\nmcpServers:\n  - name: switchboard\n    type: streamable-http\n    url: ${URL_OF_ALL}\n  # between\nmodels: []\n`,
  },
  {
    client: 'goose',
    file: {
      linux: '.config/goose/config.yaml',
      darwin: '.config/goose/config.yaml',
      win32: `${ROAMING}/Block/goose/config/config.yaml`,
    },
    text: '# mine\nextensions:\n  developer:\n    type: builtin\n    enabled: true\n  first:\n    type: stdio\n    cmd: one\n    args: [-x]\n    enabled: true\n  second:\n    type: stdio\n    cmd: two\n    envs: {}\nGOOSE_MODEL: x # kept\n',
    after: `# mine\nextensions:\n  developer:\n    type: builtin\n    enabled: true\n  switchboard:\n    enabled: true\n    type: streamable_http\n    name: switchboard\n    description: MCP servers shared by Switchboard\n    timeout: 300\n    uri: ${URL_OF_ALL}\nGOOSE_MODEL: x # kept\n`,
  },
  { client: 'lm-studio', file: '.lmstudio/mcp.json', ...json('mcpServers', url) },
  { client: 'kiro', file: '.kiro/settings/mcp.json', ...json('mcpServers', url) },
  { client: 'kiro', file: 'project/.kiro/settings/mcp.json', ofProject: true, ...json('mcpServers', url) },
  {
    client: 'copilot',
    file: '.copilot/mcp-config.json',
    ...json('mcpServers', `{ "type": "http", "url": "${URL_OF_ALL}", "tools": ["*"] }`, [
      '{ "type": "local", "command": "one", "args": ["-x"], "tools": ["*"] }',
      '{ "command": "two" }',
    ]),
  },
  {
    client: 'copilot',
    file: 'xdg/copilot/mcp-config.json',
    environment: { XDG_CONFIG_HOME: '~/xdg' },
    ...json('mcpServers', `{ "type": "http", "url": "${URL_OF_ALL}", "tools": ["*"] }`),
  },
  {
    client: 'copilot',
    file: 'project/.github/mcp.json',
    ofProject: true,
    ...json('mcpServers', `{ "type": "http", "url": "${URL_OF_ALL}", "tools": ["*"] }`),
  },
  {
    client: 'warp',
    file: '.warp/.mcp.json',
    ...json('mcpServers', url, [
      '{ "command": "one", "args": ["-x"], "working_directory": null }',
      '{ "command": "two" }',
    ]),
  },
  { client: 'warp', file: 'project/.warp/.mcp.json', ofProject: true, ...json('mcpServers', url) },
  { client: 'jetbrains-air', file: 'project/.air/mcp.json', ofProject: true, ...json('mcpServers', http) },
  { client: 'junie', file: '.junie/mcp/mcp.json', ...json('mcpServers', bridge(BRIDGES.here)) },
  {
    client: 'junie',
    file: 'project/.junie/mcp/mcp.json',
    ofProject: true,
    ...json('mcpServers', bridge(BRIDGES.anywhere)),
  },
];

const fileOn = ({ file }: Row, platform: Platform): string | undefined =>
  typeof file === 'string' ? file : file[platform];

/** The files of all clients on a platform, as many at a time as do not hide each other. */
const CASES = PLATFORMS.flatMap((platform) => {
  const all = ROWS.flatMap((row) => {
    const path = fileOn(row, platform);
    return path === undefined ? [] : [{ ...row, path }];
  });
  const isApart = ({ path, environment }: (typeof all)[number]): boolean =>
    environment !== undefined || path.endsWith('opencode.json');
  return [
    { platform, what: 'all clients', rows: all.filter((row) => !isApart(row)) },
    ...all.filter(isApart).map((row) => ({ platform, what: row.path, rows: [row] })),
  ];
});

describe('adopt', () => {
  it.each(CASES)('and back, for $what on $platform', async ({ platform, rows }) => {
    const home = makeHome(platform);
    const [{ environment: more = {} } = {}] = rows;
    const moved = Object.entries(more).map(([name, value]) => [name, value.replace('~', home.path)]);
    const windows = { APPDATA: join(home.path, ROAMING), LOCALAPPDATA: join(home.path, 'AppData/Local') };
    const environment = { HOME: home.path, ...(platform === 'win32' && windows), ...Object.fromEntries(moved) };
    for (const { path, text } of rows) home.write(path, text, 0o640);
    const before = home.all();
    const said = await home.adopt({ yes: true, project: '.' }, { environment });
    for (const { path, after } of rows) {
      expect(home.read(path), path).toBe(after);
      expect(home.all()[path]!.slice(0, 4), path).toBe('640 ');
      expect(said).toContain(`~/${path}`);
    }
    const isMoved = platform === 'linux' && more['XDG_CONFIG_HOME'] !== undefined;
    const config = isMoved ? 'xdg/switchboard/switchboard.json' : home.configPath;
    const { upstreams } = readConfig(home.read(config), config, {}, {});
    const wanted = [
      { command: 'one', args: ['-x'], isolation: 'session' },
      expect.objectContaining({ command: 'two', isolation: 'session' }),
    ];
    const both = [...new Set(rows.map(({ ofProject }) => ofProject === true))];
    expect(Object.values(upstreams)).toHaveLength(2 * both.length);
    for (const ofProject of both) {
      const own = Object.values(upstreams).filter((upstream) => 'cwd' in upstream === ofProject);
      expect(own).toEqual(
        wanted.map((each) => (ofProject ? (expect.objectContaining({ cwd: home.project }) as object) : each)),
      );
    }
    expect(await home.adopt({ yes: true, project: '.' }, { environment })).toContain('nothing to change');

    await home.adopt({ undo: true, yes: true }, { environment });
    expect(changedSince(home, before)).toEqual([]);
  });

  it('is tried with every client that there is', () => {
    // Roo Code is read only, and has a test of its own.
    expect([...new Set(ROWS.map(({ client }) => client)), 'roo'].toSorted()).toEqual([...CLIENT_IDS].toSorted());
  });
});
