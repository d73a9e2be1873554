/** What of an upstream a client gets to see: which tools, prompts and resources, and how tools are described. */
import { SwitchboardError } from '../protocol/errors.ts';
import { isObject, textOf } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { shown } from '../protocol/shown.ts';
import { matchesPattern } from '../util/pattern.ts';
import type { Scope } from './exchange.ts';
import { resourceRules } from './resource-rules.ts';
import type { Rules } from './rules.ts';

/** What a server offers. */
export type Kind = 'tools' | 'prompts' | 'resources';

/**
 * Asked by name, never by what the server has: what is refused looks the same whether it exists or not. The names are the
 * server's own; a resource's name is its URI, or for a template the template.
 */
export interface View {
  /** Whether others see something else, so that what a client saw must not be kept for them. */
  readonly personal: boolean;
  /** Whether there are rules for resources, so that URIs go on in the form that the rules judged. @default false */
  readonly rulesUris?: boolean;
  permits(kind: Kind, name: string): boolean;
  /** Whether a tool that is permitted is so only if its server says that it changes nothing. @default none is */
  onlyReadOnly?(tool: string): boolean;
  /** What to say of a tool in place of its own description. */
  description(tool: string): string | undefined;
}

/** The view of whoever asks. It gives the same object for the same rights, as what is learned through a view is kept with it. */
export type ViewOf = (scope: Scope) => View;

/** Which tools, prompts and resources can be seen and used, and how tools are described. */
export interface ViewRules extends Partial<Record<Kind, Rules>> {
  /** Descriptions of tools, by name. */
  describe?: Readonly<Record<string, string>>;
}

/** The view that rules make, the same for everybody; nothing where there are no rules. */
export function viewOfRules({ tools, prompts, resources, describe }: ViewRules): View | undefined {
  if (tools === undefined && prompts === undefined && resources === undefined && describe === undefined)
    return undefined;
  const descriptions = new Map(Object.entries(describe ?? {}));
  const passesUri = resourceRules(resources);
  return {
    personal: false,
    rulesUris: resources !== undefined,
    permits: (kind, name) =>
      kind === 'resources' ? passesUri(name) : passes(kind === 'tools' ? tools : prompts, name),
    description: (tool) => descriptions.get(tool),
  };
}

function passes({ allow, deny }: Rules = {}, name: string): boolean {
  const isNamed = (pattern: string): boolean => matchesPattern(pattern, name);
  return !(deny?.some(isNamed) ?? false) && (allow?.some(isNamed) ?? true);
}

/** The lists: where their entries stand in the result, and what an entry goes by. */
export const LISTS: ReadonlyMap<string, { kind: Kind; items: string; name: string }> = new Map([
  ['tools/list', { kind: 'tools', items: 'tools', name: 'name' }],
  ['prompts/list', { kind: 'prompts', items: 'prompts', name: 'name' }],
  ['resources/list', { kind: 'resources', items: 'resources', name: 'uri' }],
  ['resources/templates/list', { kind: 'resources', items: 'resourceTemplates', name: 'uriTemplate' }],
  ['resources/directory/read', { kind: 'resources', items: 'resources', name: 'uri' }],
  ['skills/list', { kind: 'resources', items: 'skills', name: 'uri' }],
]);

/** A page of a list as seen through a view. */
export function pageThrough(view: View, method: string, page: JsonObject): JsonObject {
  const list = LISTS.get(method);
  if (list === undefined) return page;
  const { kind, items, name } = list;
  const found: unknown[] = Array.isArray(page[items]) ? page[items] : [];
  const isSeen = (item: JsonObject): boolean => {
    const own = textOf(item[name]);
    return view.permits(kind, own) && (kind !== 'tools' || isReadOnly(item) || view.onlyReadOnly?.(own) !== true);
  };
  const seen = found.filter((item): item is JsonObject => isObject(item) && isSeen(item));
  const described = seen.map((item) => {
    const description = kind === 'tools' ? view.description(textOf(item[name])) : undefined;
    return description === undefined ? item : { ...item, description };
  });
  return { ...page, [items]: described, ...(view.personal && 'cacheScope' in page && { cacheScope: 'private' }) };
}

/** Whether a tool says of itself that it changes nothing (MCP, ToolAnnotations). */
export const isReadOnly = ({ annotations }: JsonObject): boolean =>
  isObject(annotations) && annotations['readOnlyHint'] === true;

/** What a request is about: a tool, a prompt or a resource. */
export interface Target {
  kind: Kind;
  name: unknown;
  /** Where the name stands in the params. */
  at: 'name' | 'uri' | 'ref';
}

/** Nothing for a request that is about none of them. */
export function targetOf(method: string, params: JsonObject | undefined): Target | undefined {
  switch (method) {
    case 'tools/call':
      return { kind: 'tools', name: params?.['name'], at: 'name' };
    case 'prompts/get':
      return { kind: 'prompts', name: params?.['name'], at: 'name' };
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
    case 'resources/directory/read':
    case 'skills/get':
      return { kind: 'resources', name: params?.['uri'], at: 'uri' };
    case 'completion/complete': {
      const ref = isObject(params?.['ref']) ? params['ref'] : {};
      const isPrompt = ref['type'] === 'ref/prompt';
      return { kind: isPrompt ? 'prompts' : 'resources', name: isPrompt ? ref['name'] : ref['uri'], at: 'ref' };
    }
    default:
      return undefined;
  }
}

/** What a client is told of everything that it cannot reach by name, whatever the reason. */
export function unknownName({ kind, name }: Target): SwitchboardError {
  const named = name === undefined ? 'without a name' : shown(name);
  const detail = `${kind.slice(0, -1)} ${named}; ${kind}/list tells what there is`;
  return new SwitchboardError('SWB_UNKNOWN_NAME', { detail });
}
