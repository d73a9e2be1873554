/** What a program that has a gateway inside is asked before something happens, and may refuse by throwing. */
import type { Emit } from '../observe/events.ts';
import { destinationOf } from '../observe/requests.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { shown } from '../protocol/shown.ts';
import type { SessionContext } from '../protocol/session-context.ts';
import type { Exchange } from '../router/exchange.ts';
import { owned } from '../util/owned.ts';
import type { Arrival } from './arrival.ts';
import type { SessionFacts, SessionNotes } from './session-facts.ts';

/** A request that is about to be served. */
export interface RequestVisit {
  /** The exchange's id, as in logs. */
  id: string;
  /** Such as `tools/call`. */
  method: string;
  /** The name of the tool or prompt. */
  target?: string;
  /** The name of the upstream that serves it. */
  upstream: string;
  /** The id of the session or connection. */
  session: string;
  /** The caller: a key's name, a token's subject, or `anonymous`. */
  principal: string;
  /** All that is known of who is calling. */
  context?: SessionContext;
}

/** A client that is about to be let in. */
export interface ConnectVisit {
  /** The caller: a key's name, a token's subject, or `anonymous`. */
  principal: string;
  /** The upstream that it asked for; `*` for all of them as one. */
  upstream: string;
  /** How it connects. */
  transport: SessionFacts['transport'];
  /** Its IP address, as trusted proxies report it. */
  address: string;
  /** Its `User-Agent` header; empty if it sent none. */
  userAgent: string;
}

type Connecting = 'identity' | 'upstream' | 'transport' | 'address' | 'userAgent';

/**
 * What a program is asked before something happens, see {@link Gateway.registerHooks}.
 *
 * Each may return a promise, and refuses with what it throws: a `SwitchboardError` as it is, any other error as `SWB_REFUSED` with
 * its message.
 */
export interface Hooks {
  /** Before a connection, or a session over HTTP, is opened. */
  onConnect?(visit: ConnectVisit): void | Promise<void>;
  /** Before a legacy session's server is started. What it returns is kept with the session. */
  onSession?(session: SessionFacts): SessionNotes | void | Promise<SessionNotes | void>;
  /** Before a request is handed to its server. */
  onRequest?(request: RequestVisit): void | Promise<void>;
  /** After a client is gone; refuses nothing. */
  onClose?(session: SessionFacts, reason: string): void | Promise<void>;
}

/** Any thrown value as the refusal that a client gets. */
export function asRefusal(thrown: unknown): SwitchboardError {
  if (thrown instanceof SwitchboardError) return thrown;
  const detail = thrown instanceof Error ? thrown.message : shown(thrown);
  return new SwitchboardError('SWB_REFUSED', { detail, cause: thrown });
}

/** Asks `onConnect`, before a client is let in. Rejects with what refuses it. */
export async function askConnect(
  { onConnect }: Readonly<Hooks>,
  { identity, upstream, transport, address, userAgent }: Pick<Required<Arrival>, Connecting>,
): Promise<void> {
  try {
    await onConnect?.({ principal: identity.principal, upstream: upstream.name, transport, address, userAgent });
  } catch (error) {
    throw asRefusal(error);
  }
}

/** Asks `onRequest`. @throws what refuses the request; rejects with it where the hook takes its time. */
export function askRequest({ onRequest }: Readonly<Hooks>, exchange: Exchange): void | Promise<void> {
  if (onRequest === undefined) return undefined;
  const { id, method, scope } = exchange;
  const { upstream, target } = destinationOf(exchange);
  const refuse = (error: unknown): never => {
    throw asRefusal(error);
  };
  try {
    const asked = onRequest({
      id,
      method,
      ...(target !== undefined && { target }),
      upstream,
      session: scope.affinity,
      principal: scope.principal,
      ...(scope.context !== undefined && { context: scope.context() }),
    });
    return asked instanceof Promise ? asked.catch(refuse) : undefined;
  } catch (error) {
    return refuse(error);
  }
}

/** Tells `onClose`. Never throws: a hook that fails after the fact changes nothing, but is told of. */
export function callOnClose(
  { hooks, emit }: { readonly hooks: Readonly<Hooks>; readonly emit: Emit },
  session: SessionFacts,
  reason: string,
): void {
  owned(
    () => hooks.onClose?.(session, reason),
    (error) => emit({ type: 'failed', where: 'onClose', error }),
  );
}
