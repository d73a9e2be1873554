/** The modern client's side: every request stands alone, and says itself who asks and what they can do. */
import { readEnvelope } from '../protocol/envelope.ts';
import { INTERACTIVE, META, metaOf } from '../protocol/eras.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { result } from '../protocol/jsonrpc.ts';
import type { JsonObject, Message, RpcId, RpcRequest } from '../protocol/jsonrpc.ts';
import type { Scope, Slot } from '../router/exchange.ts';
import { accountOf, originOf } from './account.ts';
import { allowanceTeller } from './allowance.ts';
import type { CallOptions, Calls } from './calls.ts';
import type { CallerContext, Outlet } from './context.ts';
import type { Arrival } from './arrival.ts';
import type { SessionFacts } from './session-facts.ts';
import { sessionContext } from './session-context.ts';

/** Methods of the legacy era that the modern one took away (MCP 2026-07-28, Changelog). */
const RETIRED: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
  'tasks/list',
  'tasks/result',
]);

/** A request that may be opened: who asks, and what serves it. */
export interface Admitted {
  scope: Scope;
  slot: Slot;
  /** What the client gets in place of the result. */
  complete?: CallOptions['complete'];
  /** Gives back what it was admitted to. {@link openModern} does so at the end of the request. */
  release: () => void;
}

/**
 * Reads who asks, and finds what serves it.
 *
 * @param facts of the connection that it came on.
 * @throws {SwitchboardError} when it cannot be opened: a bad envelope, an unknown version, a retired method, a limit.
 */
export function admitModern(
  request: RpcRequest,
  arrival: Arrival,
  context: CallerContext,
  calls: Calls,
  facts?: () => SessionFacts,
): Admitted {
  const { id, method, params } = request;
  const envelope = readEnvelope(params);
  const scope: Scope = {
    era: 'modern',
    ...envelope,
    context: () => sessionContext(arrival, envelope.clientInfo, facts?.()),
    principal: arrival.identity.principal,
    roles: arrival.identity.roles,
    transport: arrival.transport,
    affinity: arrival.id,
    account: accountOf(arrival),
    origin: originOf(arrival),
    loose: arrival.loose === true,
    credentials: arrival.credentials,
  };
  if (RETIRED.has(method)) throw new SwitchboardError('SWB_METHOD_NOT_FOUND', { detail: method });
  calls.check(id);
  const release = context.admit(arrival);
  const complete = allowanceTeller(context, arrival, params);
  try {
    const { upstream } = arrival;
    const parked = context.exchanges.parkedSlot({ scope, method, params }, upstream.name);
    // A call that is taken up again has its server already.
    if (parked !== undefined) return { scope, slot: parked, complete, release };
    const slot = upstream.slot(scope, INTERACTIVE.has(method));
    arrival.credentials.use();
    return { scope, slot, complete, release };
  } catch (error) {
    release();
    throw error;
  }
}

/** Opens an admitted request; its answer goes to the outlet. @throws as {@link Calls.open} */
export function openModern(
  request: RpcRequest,
  { scope, slot, complete, release }: Admitted,
  calls: Calls,
  outlet: Outlet,
): void {
  const endless = request.method === 'subscriptions/listen';
  calls.open(request, {
    scope,
    slot,
    endless,
    complete,
    release,
    outlet: endless ? retagged(outlet, request.id) : outlet,
  });
}

/** An outlet that puts the client's own subscription id, which is its listen request's id, in the place of the upstream's. */
function retagged(outlet: Outlet, id: RpcId): Outlet {
  return {
    send(message: Message, about?: RpcId): void {
      if ('method' in message) outlet.send({ ...message, params: retag(message.params, id) }, about);
      else if ('result' in message) outlet.send(result(message.id, retag(message.result, id)), about);
      else outlet.send(message, about);
    },
    drop: (about) => outlet.drop?.(about),
  };
}

const retag = (body: JsonObject | undefined, id: RpcId): JsonObject => ({
  ...body,
  _meta: { ...metaOf(body), [META.subscriptionId]: id },
});
