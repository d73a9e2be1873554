/** What servers and hooks may know of a caller. */
import type { JsonObject } from '../protocol/jsonrpc.ts';
import type { SessionContext } from '../protocol/session-context.ts';
import type { Arrival } from './arrival.ts';
import type { SessionFacts } from './session-facts.ts';

/** @param facts of the session or connection, where the request has one. */
export function sessionContext(
  { identity, id, loose, address, userAgent, transport }: Arrival,
  clientInfo: JsonObject | undefined,
  facts?: Pick<SessionFacts, 'startedAt' | 'groups' | 'metadata'>,
): SessionContext {
  const { name, version } = clientInfo ?? {};
  return {
    ...(loose !== true && { session: id }),
    principal: identity.principal,
    roles: [...identity.roles],
    transport,
    ...((typeof name === 'string' || typeof version === 'string') && {
      client: { ...(typeof name === 'string' && { name }), ...(typeof version === 'string' && { version }) },
    }),
    ...(address !== undefined && { address }),
    ...(userAgent !== undefined && userAgent !== '' && { userAgent }),
    ...(facts !== undefined && { startedAt: facts.startedAt }),
    groups: facts?.groups ?? [],
    metadata: facts?.metadata ?? {},
  };
}
