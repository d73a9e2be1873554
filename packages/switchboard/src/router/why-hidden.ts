/** Why callers do not get a tool: the rule that hides it, in words for an operator. */
import { textOf } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { matchesPattern } from '../util/pattern.ts';
import { isDenied, isNamed, isServed } from './roles.ts';
import type { RoleRules } from './roles.ts';
import type { Rules } from './rules.ts';
import { isReadOnly } from './view.ts';

export interface Hiding {
  upstream: string;
  /** The rules for tools of the upstream, which hold for everybody. */
  rules: Rules | undefined;
  /** The roles of the caller that are configured, or the default one; absent where there are no roles at all. */
  roles: ReadonlyMap<string, RoleRules> | undefined;
}

/** @returns undefined where a caller with these roles sees the tool, and may call it. */
export function whyHidden(tool: JsonObject, { upstream, rules = {}, roles }: Hiding): string | undefined {
  const name = textOf(tool['name']);
  const denied = rules.deny?.find((pattern) => matchesPattern(pattern, name));
  if (denied !== undefined) return `tools.deny of the server ${upstream} has ${JSON.stringify(denied)}`;
  if (rules.allow?.some((pattern) => matchesPattern(pattern, name)) === false)
    return `tools.allow of the server ${upstream} does not have it`;
  if (roles === undefined) return undefined;
  if (roles.size === 0) return 'no role gives access: there is no role "default"';
  const reasons = [...roles].map(([role, its]) => {
    const why = whyHiddenByRole(tool, name, upstream, its);
    return why === undefined ? undefined : `role ${role}: ${why}`;
  });
  return reasons.includes(undefined) ? undefined : reasons.join('; ');
}

function whyHiddenByRole(tool: JsonObject, name: string, upstream: string, role: RoleRules): string | undefined {
  if (!isServed(role, upstream)) return `upstreams does not have ${upstream}`;
  const denied = role.tools?.deny?.find((pattern) => isDenied(pattern, upstream, name));
  if (denied !== undefined) return `tools.deny has ${JSON.stringify(denied)}`;
  if (role.tools?.allow?.some((pattern) => isNamed(pattern, upstream, name)) === false)
    return 'tools.allow does not have it';
  if (role.readOnly === true && !isReadOnly(tool)) return 'readOnly, and the tool does not say readOnlyHint';
  return undefined;
}
