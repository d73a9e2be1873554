/** Clients without a connection or session: those of modern HTTP and REST, known by the requests that they have under way. */
import type { Exchange } from '../router/exchange.ts';
import { MAX_OWN_WORDS, cut } from '../util/cut.ts';
import { clientOf } from './registry.ts';
import type { SessionFacts } from './session-facts.ts';

/**
 * One entry for each address, principal, server and name of a client, oldest first. The id is the address, as in events and requests, so
 * several may have the same.
 */
export function sessionlessClients(
  exchanges: Iterable<Pick<Exchange, 'scope' | 'slot' | 'startedAt'>>,
): SessionFacts[] {
  const clients = new Map<string, SessionFacts>();
  const bootedAt = Date.now() - performance.now();
  for (const { scope, slot, startedAt } of exchanges) {
    if (scope.loose !== true) continue;
    const { affinity, principal, transport, era, version, clientInfo } = scope;
    const client = clientOf(clientInfo);
    const key = JSON.stringify([affinity, principal, slot.upstream, era, version, client]);
    const at = Math.round(bootedAt + startedAt);
    const known = clients.get(key);
    if (known !== undefined) {
      known.startedAt = Math.min(known.startedAt, at);
      known.lastActivity = Math.max(known.lastActivity, at);
      known.inFlight++;
      continue;
    }
    const { address, userAgent } = scope.context?.() ?? {};
    clients.set(key, {
      id: affinity,
      state: 'ready',
      principal,
      upstream: slot.upstream,
      transport,
      era,
      ...client,
      version,
      ...(address !== undefined && { address }),
      ...(userAgent !== undefined && { userAgent: cut(userAgent, MAX_OWN_WORDS) }),
      startedAt: at,
      lastActivity: at,
      inFlight: 1,
      groups: [],
      metadata: {},
    });
  }
  return [...clients.values()];
}
