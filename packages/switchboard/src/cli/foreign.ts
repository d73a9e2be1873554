/** The server entries of other MCP programs: what they call what we have, and what of theirs has no meaning here. */
import { isUpstreamKey } from '../gateway/upstream-options.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { omit } from '../util/omit.ts';

/** The blocks in which files have servers: our own, and those of Claude, Cursor and others; of VS Code; of Zed; of opencode. */
export const BLOCKS = ['upstreams', 'mcpServers', 'servers', 'context_servers', 'mcp'] as const;
export type Block = (typeof BLOCKS)[number];

/** Keys that other programs know, and that say nothing about how a server is run. */
const MEANINGLESS: ReadonlySet<string> = new Set([
  'alwaysAllow',
  'authProviderType',
  'autoApprove',
  'autoStart',
  'description',
  'dev',
  'displayName',
  'enabled',
  'disabled',
  'gallery',
  'headersHelper',
  'icon',
  'name',
  'sandbox',
  'sandboxEnabled',
  'settings',
  'source',
  'timeout',
  'title',
  'transport',
  'trust',
  'type',
  'version',
]);

export interface Adopted {
  entry: unknown;
  /** Keys that were left alone. */
  ignored: string[];
}

/** An entry in our own words. */
export function adopt(block: Block, entry: unknown): Adopted {
  if (!isObject(entry)) return { entry, ignored: [] };
  if (block === 'upstreams') return { entry: withoutSwitch(asUpstream(entry)), ignored: [] };
  const own = asUpstream(inOurWords(entry));
  const ignored = Object.keys(own).filter((key) => MEANINGLESS.has(key) && !isUpstreamKey(key));
  return { entry: omit(own, ...ignored), ignored };
}

/** Whether another program would not start it either. */
export const isDisabled = (entry: unknown): boolean =>
  isObject(entry) && (entry['disabled'] === true || entry['enabled'] === false);

/** What is switched on again still says so: `"disabled": false`. */
const withoutSwitch = (entry: JsonObject): JsonObject =>
  omit(entry, ...['disabled', 'enabled'].filter((key) => typeof entry[key] === 'boolean'));

function inOurWords(entry: JsonObject): JsonObject {
  const { command, environment, httpUrl, serverUrl, tools, includeTools, excludeTools, disabledTools, ...rest } = entry;
  const url = httpUrl ?? serverUrl;
  const rules = rulesOf(tools, includeTools, excludeTools ?? disabledTools);
  return {
    ...rest,
    ...commandOf(command),
    ...(environment !== undefined && { env: environment }),
    ...(url !== undefined && { url }),
    ...(rules !== undefined && { tools: rules }),
  };
}

/** What may be used of a server, and what not. A list of `tools` is of those that may. */
function rulesOf(tools: unknown, include: unknown, exclude: unknown): unknown {
  if (tools !== undefined && !Array.isArray(tools)) return tools;
  const allow = include ?? (tools?.includes('*') === true ? undefined : tools);
  if (allow === undefined && exclude === undefined) return undefined;
  return { ...(allow !== undefined && { allow }), ...(exclude !== undefined && { deny: exclude }) };
}

/** A command as words in a list, or with its parts in an object. */
function commandOf(command: unknown): JsonObject {
  if (Array.isArray(command)) return { command: command[0], args: command.slice(1) };
  if (isObject(command)) {
    const { path, args, env } = command;
    return { command: path, ...(args !== undefined && { args }), ...(isObject(env) && { env }) };
  }
  return command === undefined ? {} : { command };
}

/** They say in `type` what ours show by having a command or a url, and where they mean the SSE transport. */
function asUpstream(entry: JsonObject): JsonObject {
  const isSse = entry['type'] === 'sse' && Object.hasOwn(entry, 'url');
  return isSse ? { ...omit(entry, 'type'), sse: true } : omit(entry, 'type');
}

/** What a text is that is no JSON, as the files of other programs are. */
export function foreignFormat(text: string, file: string): string | undefined {
  if (/\.toml$/i.test(file) || /^\s*\[[\w."'-]+\]\s*$/m.test(text)) return 'TOML, as Codex has it';
  if (/\.ya?ml$/i.test(file) || /^[\w-]+:(?:\s|$)/m.test(text)) return 'YAML, as Continue and Goose have it';
  return undefined;
}
