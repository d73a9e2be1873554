/** Other roles hold: ends who is connected and may not be any more, and tells the others to list again. */
import type { Registry } from '../callers/registry.ts';
import { notification } from '../protocol/jsonrpc.ts';
import { CATALOGUE } from '../router/exchange.ts';
import { ANONYMOUS_ROLE } from '../router/roles.ts';
import type { Roles } from '../router/roles.ts';

/** What lists there are. */
const KINDS = ['tools', 'prompts', 'resources'] as const;

/** @param isAccessOn whether callers can show who they are. */
export function announceRoles(roles: Roles, registry: Registry, isAccessOn: boolean): void {
  for (const conversation of registry.all) {
    const { identity, facts } = conversation;
    const isUnknown = isAccessOn && identity.via === 'nothing';
    if (isUnknown && !roles.has(ANONYMOUS_ROLE)) {
      conversation.close('unauthorized', 'the configuration was changed: authentication is required');
    } else if (facts.upstream !== CATALOGUE && !roles.of(identity.roles).serves(facts.upstream)) {
      conversation.close('goingAway', 'the configuration was changed: your role does not give access to this server');
    } else for (const kind of KINDS) conversation.notify(notification(`notifications/${kind}/list_changed`));
  }
}
