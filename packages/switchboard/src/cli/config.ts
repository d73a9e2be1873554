/**
 * Reads a configuration file: JSON with comments, our own settings, and upstreams under `upstreams`, or under the blocks that the
 * files of other MCP programs have.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { findNodeAtLocation, parseTree, printParseErrorCode } from 'jsonc-parser';
import type { Node, ParseError } from 'jsonc-parser';

import { ACCESS_BLOCKS, readAccess } from '../gateway/access-options.ts';
import type { AccessOptions } from '../gateway/access-options.ts';
import { OPTIONS, readSettings } from '../gateway/options.ts';
import type { Problem } from '../gateway/options.ts';
import { SSE_IS_OFF, checkUpstream } from '../gateway/upstream-options.ts';
import type { UpstreamOptions } from '../gateway/upstream-options.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { didYouMean, nearest } from '../util/nearest.ts';
import { variablesOf, withEnvFile } from './env-file.ts';
import { settingsFromEnvironment } from './environment.ts';
import { BLOCKS, adopt, foreignFormat, isDisabled } from './foreign.ts';
import { expandVariables, inputVariable } from './variables.ts';

export interface ConfigFile {
  settings: JsonObject;
  upstreams: Record<string, UpstreamOptions>;
  /** Authentication and permissions. */
  access: AccessOptions;
  /** What the chat is told, unread; `switchboard chat` reads it. */
  chat: JsonObject;
  /** Servers that are switched off in it. */
  disabled: string[];
  /** What was left alone, in sentences. */
  notes: string[];
}

/** The block of `switchboard chat`. */
const CHAT = 'chat';
/** The file of variables that everything in the file may name. */
const ENV_FILE = 'envFile';
const OWN_BLOCKS = ['upstreams', ...ACCESS_BLOCKS, CHAT] as const;

/**
 * @param flags settings that count more than the file and the environment.
 * @throws {SwitchboardError} `SWB_CONFIG_INVALID` with file, line, key and what was expected, for every problem at once.
 */
export function readConfigFile(file: string, environment: NodeJS.ProcessEnv, flags: JsonObject): ConfigFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: `${file}: ${(cause as Error).message}`, cause });
  }
  return readConfig(text, file, environment, flags);
}

/** Several files as one: what a later one says counts more. A server or a role is taken as a whole from the last file that has it. */
export function readConfigFiles(
  files: readonly string[],
  environment: NodeJS.ProcessEnv,
  flags: JsonObject,
): ConfigFile {
  const all: ConfigFile = { settings: {}, upstreams: {}, access: {}, chat: {}, disabled: [], notes: [] };
  for (const file of files) {
    const { settings, upstreams, access, chat, disabled, notes } = readConfigFile(file, environment, flags);
    Object.assign(all.settings, settings);
    Object.assign(all.upstreams, upstreams);
    for (const name of disabled) delete all.upstreams[name];
    all.access = { ...all.access, ...access, ...(access.roles && { roles: { ...all.access.roles, ...access.roles } }) };
    all.chat = { ...all.chat, ...chat };
    all.disabled = [...all.disabled.filter((name) => !Object.hasOwn(upstreams, name)), ...disabled];
    all.notes.push(...notes.map((note) => `${file}: ${note}`));
  }
  return all;
}

/**
 * @param ofEnvFile what is going to be in the file of variables that it names. @default what is in it
 * @throws {SwitchboardError} as {@link readConfigFile}
 */
export function readConfig(
  text: string,
  file: string,
  environment: NodeJS.ProcessEnv,
  flags: JsonObject,
  ofEnvFile?: string,
): ConfigFile {
  const syntax: ParseError[] = [];
  const tree = parseTree(text, syntax, { allowTrailingComma: true });
  const [first] = syntax;
  if (first !== undefined || tree === undefined) {
    const where = `${file}:${lineAt(text, first?.offset ?? 0)}`;
    const foreign = foreignFormat(text, file);
    const what =
      first === undefined
        ? 'the file is empty'
        : foreign === undefined
          ? `${printParseErrorCode(first.error)} in the JSON`
          : `this is ${foreign}; Switchboard reads JSON with comments, with its servers in "mcpServers": {"name": {"command": "…"}}`;
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: `${where}: ${what}` });
  }
  const root = valueOf(tree);
  const fail = (problems: readonly Problem[]): never => {
    const lines = problems.map(({ path, message }) => {
      return `${file}:${lineOf(text, tree, path)}: ${path.join('.')}${path.length > 0 ? ': ' : ''}${message}`;
    });
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: lines.join('\n') });
  };
  if (!isObject(root)) return fail([{ path: [], message: 'expected an object' }]);

  const { sse } = { sse: root['sse'], ...settingsFromEnvironment(environment), ...flags };
  const mayUseSse = readSettings({ sse }).settings.sse;
  const own = variablesOf(root[ENV_FILE], file, ofEnvFile);
  // What is set for this process counts more, as with settings.
  const known = { ...own.variables, ...environment };
  const problems: Problem[] = [...own.problems];
  const notes: string[] = [];
  const disabled: string[] = [];
  const ignored = new Set<string>();
  const upstreams: Record<string, UpstreamOptions> = {};
  const variables = { ...placesOf(file), ...known, ...inputsOf(root['inputs'], known) };
  for (const block of BLOCKS) {
    // The settings of VS Code have the block one level deeper.
    const found = root[block];
    const entries = block === 'mcp' && isObject(found) && isObject(found['servers']) ? found['servers'] : found;
    if (entries === undefined) continue;
    if (!isObject(entries)) {
      problems.push({ path: [block], message: 'expected an object with a name for each server' });
      continue;
    }
    for (const [name, entry] of Object.entries(entries)) {
      if (isDisabled(entry)) {
        disabled.push(name);
        notes.push(`${block}.${name} is disabled and left out`);
        continue;
      }
      if (isObject(entry) && entry['type'] === 'sse' && !mayUseSse) {
        problems.push({ path: [block, name, 'type'], message: SSE_IS_OFF });
        continue;
      }
      const adopted = adopt(block, entry);
      for (const key of adopted.ignored) ignored.add(`${block}.${name}.${key}`);
      const { value: expanded, problems: unknown } = expandVariables(adopted.entry, variables);
      const { entry: value, problems: unread } = withEnvFile(expanded, file);
      const all = [
        ...unread.map(({ path, message }) => ({ path: [name, ...path], message })),
        ...unknown.map(({ path, message }) => ({ path: [name, ...path], message })),
        ...checkUpstream(name, value, mayUseSse),
      ];
      problems.push(...all.map(({ path, message }) => ({ path: [block, ...path], message })));
      if (Object.hasOwn(upstreams, name)) problems.push({ path: [block, name], message: 'the name is used twice' });
      upstreams[name] = value as UpstreamOptions;
    }
  }

  const access: AccessOptions = {};
  for (const block of ACCESS_BLOCKS) {
    if (root[block] === undefined) continue;
    const { value, problems: unknown } = expandVariables(root[block], known);
    problems.push(...unknown.map(({ path, message }) => ({ path: [block, ...path], message })));
    problems.push(...readAccess(block, value).problems);
    Object.assign(access, { [block]: value });
  }

  const foreign = BLOCKS.some((block) => block !== 'upstreams' && root[block] !== undefined);
  const settings: JsonObject = {};
  for (const [name, value] of Object.entries(root)) {
    const others: readonly string[] = [...BLOCKS, ...OWN_BLOCKS, ENV_FILE, '$schema', ...(foreign ? ['inputs'] : [])];
    const names = [...OWN_BLOCKS, ENV_FILE, ...Object.keys(OPTIONS)];
    if (others.includes(name)) continue;
    if (Object.hasOwn(OPTIONS, name)) settings[name] = value;
    else if (foreign && nearest(name, names) === undefined) ignored.add(name);
    else problems.push({ path: [name], message: `unknown option.${didYouMean(name, names)}` });
  }
  if (ignored.size > 0) notes.push(`without a meaning here, and left alone: ${[...ignored].join(', ')}`);
  for (const [name, value] of Object.entries(settings)) {
    const parsed = OPTIONS[name as keyof typeof OPTIONS].type.safeParse(value);
    if (!parsed.success) problems.push(...parsed.error.issues.map(({ message }) => ({ path: [name], message })));
  }
  const { value: chat, problems: unknown } = expandVariables(root[CHAT] ?? {}, known, 'auth.');
  problems.push(...unknown.map(({ path, message }) => ({ path: [CHAT, ...path], message })));
  if (!isObject(chat)) problems.push({ path: [CHAT], message: 'expected an object' });
  if (problems.length > 0) fail(problems);
  return { settings, upstreams, access, disabled, notes, chat: isObject(chat) ? chat : {} };
}

/** What editors put in the place of `${workspaceFolder}` and `${userHome}`. */
function placesOf(file: string): Record<string, string> {
  const folder = dirname(resolve(file));
  const inside = /^\.(?:vscode|cursor|zed|gemini|kiro)$/.test(basename(folder));
  return { workspaceFolder: inside ? dirname(folder) : folder, userHome: homedir() };
}

/** What the `inputs` of VS Code ask a person for: from a variable `INPUT_…`, else their default. */
function inputsOf(
  inputs: unknown,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const found = Array.isArray(inputs) ? inputs.filter(isObject) : [];
  return Object.fromEntries(
    found.flatMap(({ id, default: otherwise }) => {
      if (typeof id !== 'string') return [];
      const value = environment[inputVariable(id)] ?? otherwise;
      return typeof value === 'string' ? [[`input:${id}`, value]] : [];
    }),
  );
}

/** The value of a tree, with `Map`-like safety: no key reaches a prototype. */
function valueOf(node: Node): unknown {
  if (node.type === 'array') return (node.children ?? []).map(valueOf);
  if (node.type !== 'object') return node.value;
  return Object.fromEntries(
    (node.children ?? []).map(({ children: [key, value] = [] }) => [key?.value, value && valueOf(value)]),
  );
}

/** The line of the deepest part of the path that is in the file. */
function lineOf(text: string, tree: Node, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length--) {
    const node = findNodeAtLocation(tree, path.slice(0, length));
    if (node !== undefined) return lineAt(text, node.parent?.offset ?? node.offset);
  }
  return 1;
}

const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;
