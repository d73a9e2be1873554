/** What events tell of an exchange: who, what and how it ended, and nothing of what was said. */
import { ERRORS } from '../protocol/errors.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject, RpcError } from '../protocol/jsonrpc.ts';
import { LazyResult } from '../protocol/lazy-result.ts';
import { RawArguments } from '../protocol/raw-arguments.ts';
import { traceIdOf } from '../protocol/trace-id.ts';
import type { Exchange, Opening, Outcome } from '../router/exchange.ts';
import { copied, cut } from '../util/cut.ts';
import { maskOf } from '../util/mask.ts';
import type { GatewayEvent } from './events.ts';

/** Of an exchange, or of one that is about to be made. */
type Asked = Pick<Opening, 'method' | 'params' | 'scope' | 'slot'> & Pick<Exchange, 'id' | 'reached'>;
export type RequestStarted = Extract<GatewayEvent, { type: 'request.started' }>;
export type RequestEnded = Extract<GatewayEvent, { type: 'request.ended' }>;

/** Names that clients choose stand in events no longer than this. */
const MAX_NAME_CHARS = 128;

// Both are made for every request, so neither is put together from parts.

export function startedEvent(asked: Asked): RequestStarted {
  const { id, method, scope } = asked;
  const { upstream, target } = destinationOf(asked);
  return {
    type: 'request.started',
    exchange: id,
    method: cut(method, MAX_NAME_CHARS),
    target,
    upstream,
    session: scope.affinity,
    principal: scope.principal,
    transport: scope.transport,
    era: scope.era,
    trace: traceIdOf(asked.params),
  };
}

export function endedEvent(exchange: Exchange, outcome: Outcome | 'cancelled'): RequestEnded {
  const { id, method, params, scope, startedAt, times } = exchange;
  const { upstream, target } = destinationOf(exchange);
  const error = outcome !== 'cancelled' && 'error' in outcome ? outcome.error : undefined;
  const args = params?.['arguments'];
  return {
    type: 'request.ended',
    exchange: id,
    method: cut(method, MAX_NAME_CHARS),
    target,
    upstream,
    session: scope.affinity,
    principal: scope.principal,
    transport: scope.transport,
    era: scope.era,
    trace: traceIdOf(params),
    ms: Math.round((performance.now() - startedAt) * 1000) / 1000,
    outcome: outcomeOf(method, outcome),
    code: error?.code,
    error: error === undefined ? undefined : nameOf(error),
    ...(times !== undefined && { times }),
    // What was not parsed is counted for nothing.
    ...(args instanceof RawArguments && { bytesIn: args.bytes.length }),
    ...(outcome instanceof LazyResult && { bytesOut: outcome.byteLength }),
  };
}

/**
 * The upstream that a request is for, and the tool, prompt or scheme there: of one that came to all upstreams as one, those that it
 * has reached, or is going to as far as that is known.
 */
export function destinationOf({
  method,
  params,
  slot,
  scope,
  reached,
}: Pick<Asked, 'method' | 'params' | 'slot' | 'scope' | 'reached'>): {
  upstream: string;
  target: string | undefined;
} {
  const { upstream } = reached ?? slot;
  return { upstream, target: targetOf(method, reached === undefined ? params : reached.params, scope) };
}

/** A name as others may see it: a server may put into the names of its tools what its caller brought for it. */
function masked(name: string, { credentials }: Asked['scope']): string {
  const values = Object.values(credentials?.headers ?? {});
  return values.length === 0 ? name : maskOf(values)(name);
}

/** Of a resource only the scheme: the rest of a URI is what the client says, as an argument is. */
function targetOf(method: string, params: JsonObject | undefined, scope: Asked['scope']): string | undefined {
  if (method === 'tools/call' || method === 'prompts/get') {
    const name = params?.['name'];
    return typeof name === 'string' ? cut(masked(name, scope), MAX_NAME_CHARS) : undefined;
  }
  if (!method.startsWith('resources/')) return undefined;
  const uri = params?.['uri'];
  if (typeof uri !== 'string') return undefined;
  const scheme = /^[a-z][a-z0-9+.-]{0,30}(?=:)/i.exec(uri)?.[0];
  return scheme === undefined ? undefined : copied(scheme.toLowerCase());
}

function outcomeOf(method: string, outcome: Outcome | 'cancelled'): RequestEnded['outcome'] {
  if (outcome === 'cancelled') return outcome;
  // An operator has cancelled it, not the client.
  if ('error' in outcome) return nameOf(outcome.error) === 'SWB_CANCELLED' ? 'cancelled' : 'error';
  if (method !== 'tools/call') return 'ok';
  // A large result is parsed for this only when it may well be one.
  if (outcome instanceof LazyResult && !outcome.mentions('isError')) return 'ok';
  try {
    return outcome.result['isError'] === true ? 'isError' : 'ok';
  } catch {
    // It looked like an answer, and cannot be read.
    return 'error';
  }
}

/** Switchboard's errors carry their name; that of a Switchboard behind this one is a name out of the same table. */
function nameOf({ data }: RpcError): string | undefined {
  const name = isObject(data) ? data['code'] : undefined;
  return typeof name === 'string' && Object.hasOwn(ERRORS, name) ? name : undefined;
}
