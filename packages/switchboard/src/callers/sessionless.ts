/** Clients without a connection or session: those of modern HTTP and REST, known by the requests that they have under way. */
import { createHash } from 'node:crypto';

import type { Exchange } from '../router/exchange.ts';
import { MAX_OWN_WORDS, cut } from '../util/cut.ts';
import { clientOf } from './registry.ts';
import type { SessionFacts } from './session-facts.ts';

/** What is known of a client by one of its requests. */
type Request = Pick<Exchange, 'scope' | 'slot'>;

/** What tells a client apart: its address, principal, server, era, version and name. */
function marksOf({ scope, slot }: Request): string {
  const { affinity, principal, era, version, clientInfo } = scope;
  return JSON.stringify([affinity, principal, slot.upstream, era, version, clientOf(clientInfo)]);
}

const keyOf = (marks: string, address: string): string =>
  `${createHash('sha256').update(marks).digest('hex').slice(0, 12)}@${address}`;

/** The {@link SessionFacts.key} of the client of a request; undefined of one with a session. */
export function sessionlessKey(request: Request): string | undefined {
  return request.scope.loose === true ? keyOf(marksOf(request), request.scope.affinity) : undefined;
}

/** How many of them there are. */
export function countSessionless(exchanges: Iterable<Request>): number {
  const known = new Set<string>();
  for (const exchange of exchanges) if (exchange.scope.loose === true) known.add(marksOf(exchange));
  return known.size;
}

/**
 * One entry for each address, principal, server and name of a client, oldest first. The id is the address, as in events and requests, so
 * several may have the same; the key tells them apart.
 */
export function sessionlessClients(exchanges: Iterable<Request & Pick<Exchange, 'startedAt'>>): SessionFacts[] {
  const clients = new Map<string, SessionFacts>();
  const bootedAt = Date.now() - performance.now();
  for (const exchange of exchanges) {
    const { scope, slot, startedAt } = exchange;
    if (scope.loose !== true) continue;
    const { affinity, principal, transport, era, version, clientInfo } = scope;
    const marks = marksOf(exchange);
    const at = Math.round(bootedAt + startedAt);
    const known = clients.get(marks);
    if (known !== undefined) {
      known.startedAt = Math.min(known.startedAt, at);
      known.lastActivity = Math.max(known.lastActivity, at);
      known.inFlight++;
      continue;
    }
    const { address, userAgent } = scope.context?.() ?? {};
    clients.set(marks, {
      id: affinity,
      key: keyOf(marks, affinity),
      state: 'ready',
      principal,
      upstream: slot.upstream,
      transport,
      era,
      ...clientOf(clientInfo),
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
