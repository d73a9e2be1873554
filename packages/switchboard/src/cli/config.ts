/**
 * Reads a configuration file: JSON with comments, our own settings, and upstreams under `upstreams`, or under `mcpServers` or
 * `servers` as the files of other MCP programs have them.
 */
import { readFileSync } from 'node:fs';
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
import { omit } from '../util/omit.ts';
import { settingsFromEnvironment } from './environment.ts';
import { expandVariables } from './variables.ts';

export interface ConfigFile {
  settings: JsonObject;
  upstreams: Record<string, UpstreamOptions>;
  /** Who may come in, and what they may use. */
  access: AccessOptions;
  /** What was left alone, in sentences. */
  notes: string[];
}

const BLOCKS = ['upstreams', 'mcpServers', 'servers'] as const;

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

export function readConfig(text: string, file: string, environment: NodeJS.ProcessEnv, flags: JsonObject): ConfigFile {
  const syntax: ParseError[] = [];
  const tree = parseTree(text, syntax, { allowTrailingComma: true });
  const [first] = syntax;
  if (first !== undefined || tree === undefined) {
    const where = `${file}:${lineAt(text, first?.offset ?? 0)}`;
    const what = first === undefined ? 'the file is empty' : `${printParseErrorCode(first.error)} in the JSON`;
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
  const problems: Problem[] = [];
  const notes: string[] = [];
  const upstreams: Record<string, UpstreamOptions> = {};
  for (const block of BLOCKS) {
    const entries = root[block];
    if (entries === undefined) continue;
    if (!isObject(entries)) {
      problems.push({ path: [block], message: 'expected an object with a name for each server' });
      continue;
    }
    for (const [name, entry] of Object.entries(entries)) {
      if (isObject(entry) && (entry['disabled'] === true || entry['enabled'] === false)) {
        notes.push(`${block}.${name} is disabled there and left out`);
        continue;
      }
      if (isObject(entry) && entry['type'] === 'sse' && !mayUseSse) {
        problems.push({ path: [block, name, 'type'], message: SSE_IS_OFF });
        continue;
      }
      const { value, problems: unknown } = expandVariables(adopt(entry), environment);
      const all = [
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
    const { value, problems: unknown } = expandVariables(root[block], environment);
    problems.push(...unknown.map(({ path, message }) => ({ path: [block, ...path], message })));
    problems.push(...readAccess(block, value).problems);
    Object.assign(access, { [block]: value });
  }

  const foreign = root['mcpServers'] !== undefined || root['servers'] !== undefined;
  const settings: JsonObject = {};
  for (const [name, value] of Object.entries(root)) {
    if (([...BLOCKS, ...ACCESS_BLOCKS] as readonly string[]).includes(name) || name === '$schema') continue;
    if (Object.hasOwn(OPTIONS, name)) settings[name] = value;
    else if (foreign) notes.push(`${name} is no option of Switchboard and left alone`);
    else
      problems.push({
        path: [name],
        message: `unknown option; known: upstreams, ${ACCESS_BLOCKS.join(', ')}, ${Object.keys(OPTIONS).join(', ')}`,
      });
  }
  for (const [name, value] of Object.entries(settings)) {
    const parsed = OPTIONS[name as keyof typeof OPTIONS].type.safeParse(value);
    if (!parsed.success) problems.push(...parsed.error.issues.map(({ message }) => ({ path: [name], message })));
  }
  if (problems.length > 0) fail(problems);
  return { settings, upstreams, access, notes };
}

/** Entries of other programs say in `type` what ours show by having a command or a url, and where they mean the SSE transport. */
function adopt(entry: unknown): unknown {
  if (!isObject(entry)) return entry;
  const adopted = omit(entry, 'type');
  return entry['type'] === 'sse' && Object.hasOwn(entry, 'url') ? { ...adopted, sse: true } : adopted;
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
