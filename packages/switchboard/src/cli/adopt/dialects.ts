/** What the entries of some clients say in words of their own, in the words that the others have: see `foreign.ts`. */
import { isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { omit } from '../../util/omit.ts';

/** An entry in common words, or why it is no server that can be shared. */
export type Dialect = (entry: JsonObject) => JsonObject | string;

const variableIn = (name: unknown): string => `\${env:${String(name)}}`;

/** What is said in other words below, and what has a meaning for Codex alone. */
const CODEX_OWN = [
  'bearer_token_env_var',
  'default_tools_approval_mode',
  'disabled_tools',
  'enabled_tools',
  'env_http_headers',
  'env_vars',
  'experimental_environment',
  'http_headers',
  'required',
  'startup_timeout_ms',
  'startup_timeout_sec',
  'supports_parallel_tool_calls',
  'tool_timeout_sec',
  'tools',
];

export const fromCodex: Dialect = (entry) => {
  const { env_vars, http_headers, env_http_headers, bearer_token_env_var, enabled_tools, disabled_tools } = entry;
  const { tool_timeout_sec } = entry;
  // Codex knows no other variables, so a text that looks like one is none.
  const rest = literal(omit(entry, ...CODEX_OWN));
  const headers = {
    ...(isObject(http_headers) && (literal(http_headers) as JsonObject)),
    ...(isObject(env_http_headers) &&
      Object.fromEntries(Object.entries(env_http_headers).map(([name, variable]) => [name, variableIn(variable)]))),
    ...(bearer_token_env_var !== undefined && { Authorization: `Bearer ${variableIn(bearer_token_env_var)}` }),
  };
  const tools = rulesOf(enabled_tools, disabled_tools);
  return {
    ...(rest as JsonObject),
    ...(Array.isArray(env_vars) && { inheritEnv: env_vars }),
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(tools !== undefined && { tools }),
    ...(typeof tool_timeout_sec === 'number' && { requestTimeout: `${tool_timeout_sec}s` }),
  };
};

export const fromGoose: Dialect = (entry) => {
  const { type, cmd, envs, env_keys, uri, available_tools, timeout } = entry;
  if (typeof type === 'string' && !/^(stdio|sse|streamable_http)$/.test(type))
    return `it is built into Goose (${type})`;
  if (Array.isArray(env_keys) && env_keys.length > 0) {
    return `Goose keeps its ${env_keys.join(', ')} in a store of its own: put ${env_keys.length === 1 ? 'it' : 'them'} under envs, or leave it`;
  }
  const isEmpty = Array.isArray(available_tools) && available_tools.length === 0;
  const tools = rulesOf(isEmpty ? undefined : available_tools, undefined);
  return {
    ...omit(entry, 'cmd', 'envs', 'env_keys', 'uri', 'available_tools', 'timeout', 'bundled'),
    ...(cmd !== undefined && { command: cmd }),
    ...(envs !== undefined && { env: envs }),
    ...(uri !== undefined && { url: uri }),
    ...(tools !== undefined && { tools }),
    ...(typeof timeout === 'number' && { requestTimeout: `${timeout}s` }),
  };
};

export const fromContinue: Dialect = (entry) => {
  const { requestOptions } = entry;
  const headers = isObject(requestOptions) ? requestOptions['headers'] : undefined;
  return {
    ...omit(entry, 'requestOptions', 'connectionTimeout', 'faviconUrl', 'sourceFile'),
    ...(headers !== undefined && { headers }),
  };
};

/** There `url` is an address of the SSE transport. */
export const fromGemini: Dialect = (entry) =>
  entry['url'] !== undefined && entry['httpUrl'] === undefined && entry['type'] !== 'http'
    ? { ...entry, type: 'sse' }
    : entry;

/** There `{env:NAME}` is a variable. */
export const fromOpencode: Dialect = (entry) => {
  if (textsIn(entry).some((text) => text.includes('{file:')))
    return 'it reads a file with {file:…}, which only opencode does';
  return mapTexts(omit(entry, 'timeout'), (text) =>
    text.replaceAll(/(?<!\$)\{env:(\w+)\}/g, '${env:$1}'),
  ) as JsonObject;
};

export const fromWarp: Dialect = (entry) => {
  const { working_directory } = entry;
  return {
    ...omit(entry, 'working_directory', 'start_on_launch'),
    ...(working_directory != null && { cwd: working_directory }),
  };
};

function rulesOf(allow: unknown, deny: unknown): JsonObject | undefined {
  if (allow === undefined && deny === undefined) return undefined;
  return { ...(allow !== undefined && { allow }), ...(deny !== undefined && { deny }) };
}

const literal = (value: unknown): unknown => mapTexts(value, (text) => text.replaceAll('${', () => '$${'));

/** Every text in a value, but for keys. */
export function textsIn(value: unknown): string[] {
  const texts: string[] = [];
  mapTexts(value, (text) => (texts.push(text), text));
  return texts;
}

export function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((each) => mapTexts(each, change));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mapTexts(each, change)]));
}
