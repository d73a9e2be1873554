/** The MCP clients whose files are known, one row each: where the files are, what they look like, and what an entry for Switchboard is. */
import { join } from 'node:path';

import { isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { fromCodex, fromContinue, fromGemini, fromGoose, fromOpencode, fromWarp } from './dialects.ts';
import type { Dialect } from './dialects.ts';
import type { Path } from './format.ts';
import type { FormatName } from './formats.ts';
import type { Places } from './places.ts';

/** What an entry leads to. */
export interface Endpoint {
  /** Of Streamable HTTP. */
  url: string;
  /** The command of the bridge, for clients that start commands. */
  bridge: readonly [command: string, ...args: string[]];
  /** The environment variable that has what is sent as `Authorization: Bearer`. */
  keyVariable?: string | undefined;
  /** Whether the bridge is needed, as it has what the client cannot send or trust. */
  isBridged?: boolean;
}

export interface Client {
  name: string;
  format: FormatName;
  /** The key that the servers stand under. */
  block: string;
  /** Further blocks that a file has. */
  more?: (document: JsonObject) => Path[];
  /** Whether the block is a list with the name in each entry. */
  isList?: true;
  /** The files of a person. Of several in one list only the first that is there counts; `*` stands for any one folder. */
  files: (places: Places) => readonly (readonly string[])[];
  /** The files of a project, relative to its folder; of several in one list only the first counts, too. */
  project?: readonly (readonly string[])[];
  /** What its entries say, in the words of the others. */
  dialect?: Dialect;
  /** The entry for Switchboard; undefined where it cannot send a key itself, and needs the bridge. */
  entry: (endpoint: Endpoint) => JsonObject | undefined;
  /** What switches an entry off. */
  off?: readonly [key: string, value: boolean];
  /** How its file names an environment variable, in a header. */
  variable?: (name: string) => string;
  /** Whether the file of a person is carried to other machines: it must say the same on all of them. */
  isSynced?: true;
  /** Whether its servers are taken, but its file is left as it is. */
  isReadOnly?: string;
  /** What to know before its file is changed. */
  note?: string;
}

const EDITORS = ['Code', 'Code - Insiders', 'VSCodium'];

const shell = (name: string): string => `\${${name}}`;
const prefixed = (name: string): string => `\${env:${name}}`;
const braces = (name: string): string => `{env:${name}}`;

const DISABLED = ['disabled', true] as const;
const NOT_ENABLED = ['enabled', false] as const;

/** An entry with an address under one key, and a header for the key where the client fills in variables. */
const addressed =
  (key: string, more: JsonObject = {}, variable?: (name: string) => string) =>
  ({ url, keyVariable }: Endpoint): JsonObject | undefined => {
    if (keyVariable === undefined) return { ...more, [key]: url };
    if (variable === undefined) return undefined;
    return { ...more, [key]: url, headers: { Authorization: `Bearer ${variable(keyVariable)}` } };
  };

const none = (): undefined => undefined;

export const CLIENTS: Readonly<Record<string, Client>> = {
  'claude-desktop': {
    name: 'Claude Desktop',
    format: 'jsonc',
    block: 'mcpServers',
    files: ({ applications }) => [[join(applications, 'Claude', 'claude_desktop_config.json')]],
    entry: none,
    note: 'restart Claude Desktop afterwards',
  },
  'claude-code': {
    name: 'Claude Code',
    format: 'jsonc',
    block: 'mcpServers',
    // What is local to a project stands in the file of the person too.
    more: ({ projects }) =>
      isObject(projects) ? Object.keys(projects).map((path) => ['projects', path, 'mcpServers']) : [],
    files: ({ home, environment }) => [[join(environment['CLAUDE_CONFIG_DIR'] || home, '.claude.json')]],
    project: [['.mcp.json']],
    variable: shell,
    entry: addressed('url', { type: 'http' }, shell),
    note: 'Claude Code writes its file while it runs: end it first',
  },
  cursor: {
    name: 'Cursor',
    format: 'jsonc',
    block: 'mcpServers',
    files: ({ home }) => [[join(home, '.cursor', 'mcp.json')]],
    project: [['.cursor/mcp.json']],
    variable: prefixed,
    entry: addressed('url', {}, prefixed),
  },
  vscode: {
    name: 'VS Code',
    format: 'jsonc',
    block: 'servers',
    files: ({ applications }) =>
      EDITORS.flatMap((editor) => [
        [join(applications, editor, 'User', 'mcp.json')],
        [join(applications, editor, 'User', 'profiles', '*', 'mcp.json')],
      ]),
    project: [['.vscode/mcp.json']],
    variable: prefixed,
    entry: addressed('url', { type: 'http' }, prefixed),
    isSynced: true,
  },
  devin: {
    name: 'Devin Desktop',
    format: 'jsonc',
    block: 'mcpServers',
    files: ({ platform, applications, config }) => [
      [join(platform === 'win32' ? applications : config, 'devin', 'mcp_config.json')],
    ],
    project: [['.devin/mcp_config.json']],
    entry: addressed('url', { transport: 'http' }),
  },
  windsurf: {
    name: 'Windsurf',
    format: 'jsonc',
    block: 'mcpServers',
    files: ({ home }) => [
      [join(home, '.codeium', 'windsurf', 'mcp_config.json')],
      [join(home, '.codeium', 'mcp_config.json')],
    ],
    off: DISABLED,
    variable: prefixed,
    entry: addressed('serverUrl', {}, prefixed),
  },
  codex: {
    name: 'Codex',
    format: 'toml',
    block: 'mcp_servers',
    files: ({ home, environment }) => [[join(environment['CODEX_HOME'] || join(home, '.codex'), 'config.toml')]],
    project: [['.codex/config.toml']],
    dialect: fromCodex,
    off: NOT_ENABLED,
    entry: ({ url, keyVariable }) => ({
      url,
      ...(keyVariable !== undefined && { bearer_token_env_var: keyVariable }),
    }),
  },
  gemini: {
    name: 'Gemini CLI',
    format: 'jsonc',
    block: 'mcpServers',
    files: ({ home }) => [[join(home, '.gemini', 'settings.json')]],
    project: [['.gemini/settings.json']],
    dialect: fromGemini,
    variable: shell,
    entry: addressed('httpUrl', {}, shell),
  },
  opencode: {
    name: 'opencode',
    format: 'jsonc',
    block: 'mcp',
    files: ({ config }) => [[join(config, 'opencode', 'opencode.jsonc'), join(config, 'opencode', 'opencode.json')]],
    project: [['opencode.jsonc', 'opencode.json']],
    dialect: fromOpencode,
    off: NOT_ENABLED,
    variable: braces,
    entry: addressed('url', { type: 'remote' }, braces),
  },
  zed: {
    name: 'Zed',
    format: 'jsonc',
    block: 'context_servers',
    files: ({ platform, config, applications }) => [
      ...(platform === 'win32' ? [] : [[join(config, 'zed', 'settings.json')]]),
      ...(platform === 'linux' ? [] : [[join(applications, 'Zed', 'settings.json')]]),
    ],
    project: [['.zed/settings.json']],
    off: NOT_ENABLED,
    entry: addressed('url'),
  },
  cline: {
    name: 'Cline',
    format: 'jsonc',
    block: 'mcpServers',
    files: ({ home, applications }) => [
      ...EDITORS.map((editor) => [extensionFile(applications, editor, 'saoudrizwan.claude-dev', 'cline_mcp_settings')]),
      [join(home, '.cline', 'data', 'settings', 'cline_mcp_settings.json')],
    ],
    off: DISABLED,
    entry: addressed('url', { type: 'streamableHttp' }),
  },
  roo: {
    name: 'Roo Code',
    format: 'jsonc',
    block: 'mcpServers',
    files: ({ applications }) =>
      EDITORS.map((editor) => [extensionFile(applications, editor, 'rooveterinaryinc.roo-cline', 'mcp_settings')]),
    off: DISABLED,
    entry: addressed('url', { type: 'streamable-http' }),
    isReadOnly: 'Roo Code is no longer developed: its servers are taken, its file is left as it is',
  },
  continue: {
    name: 'Continue',
    format: 'yaml',
    block: 'mcpServers',
    isList: true,
    files: ({ home }) => [[join(home, '.continue', 'config.yaml')]],
    dialect: fromContinue,
    entry: addressed('url', { type: 'streamable-http' }),
  },
  goose: {
    name: 'Goose',
    format: 'yaml',
    block: 'extensions',
    files: ({ platform, applications, config }) => [
      platform === 'win32'
        ? [join(applications, 'Block', 'goose', 'config', 'config.yaml')]
        : [join(config, 'goose', 'config.yaml')],
    ],
    dialect: fromGoose,
    off: NOT_ENABLED,
    entry: addressed('uri', {
      enabled: true,
      type: 'streamable_http',
      name: 'switchboard',
      description: 'MCP servers shared by Switchboard',
      timeout: 300,
    }),
  },
  'lm-studio': {
    name: 'LM Studio',
    format: 'jsonc',
    block: 'mcpServers',
    files: ({ home }) => [[join(home, '.lmstudio', 'mcp.json')]],
    entry: addressed('url'),
  },
  kiro: {
    name: 'Kiro',
    format: 'jsonc',
    block: 'mcpServers',
    files: ({ home }) => [[join(home, '.kiro', 'settings', 'mcp.json')]],
    project: [['.kiro/settings/mcp.json']],
    off: DISABLED,
    variable: shell,
    entry: addressed('url', {}, shell),
  },
  copilot: {
    name: 'Copilot CLI',
    format: 'jsonc',
    block: 'mcpServers',
    files: ({ home, environment: { XDG_CONFIG_HOME: xdg } }) => [
      [
        ...(xdg ? [join(xdg, 'copilot', 'mcp-config.json'), join(xdg, '.copilot', 'mcp-config.json')] : []),
        join(home, '.copilot', 'mcp-config.json'),
      ],
    ],
    project: [['.mcp.json'], ['.github/mcp.json']],
    variable: shell,
    entry: (endpoint) => {
      const entry = addressed('url', { type: 'http' }, shell)(endpoint);
      return entry && { ...entry, tools: ['*'] };
    },
  },
  warp: {
    name: 'Warp',
    format: 'jsonc',
    block: 'mcpServers',
    files: ({ home }) => [[join(home, '.warp', '.mcp.json')]],
    project: [['.warp/.mcp.json']],
    dialect: fromWarp,
    entry: addressed('url'),
  },
  'jetbrains-air': {
    name: 'JetBrains Air',
    format: 'jsonc',
    block: 'mcpServers',
    files: () => [],
    project: [['.air/mcp.json'], ['.mcp.json']],
    entry: addressed('url', { type: 'http' }),
  },
  junie: {
    name: 'Junie',
    format: 'jsonc',
    block: 'mcpServers',
    files: ({ home }) => [[join(home, '.junie', 'mcp', 'mcp.json')]],
    project: [['.junie/mcp/mcp.json']],
    entry: none,
  },
};

/** The names that an entry of Switchboard gets. */
export const ENTRY_NAME: RegExp = /^switchboard(?:-mcp(?:-\d+)?)?$/;

export const CLIENT_IDS: readonly string[] = Object.keys(CLIENTS);

function extensionFile(applications: string, editor: string, extension: string, name: string): string {
  return join(applications, editor, 'User', 'globalStorage', extension, 'settings', `${name}.json`);
}

/** The entry for a client: its own way to an address, else the bridge. */
export function entryFor(client: Client, endpoint: Endpoint): JsonObject {
  const entry = endpoint.isBridged === true ? undefined : client.entry(endpoint);
  if (entry !== undefined) return entry;
  const [command, ...args] = endpoint.bridge;
  // What it starts inherits the environment, so no variable is named here.
  if (client.block === 'extensions') {
    return { enabled: true, type: 'stdio', name: 'switchboard', description: '', cmd: command, args, timeout: 300 };
  }
  return client.block === 'mcp' ? { type: 'local', command: [command, ...args] } : { command, args };
}
