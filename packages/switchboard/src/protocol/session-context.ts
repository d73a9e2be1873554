/**
 * Who a request comes from, as a server is told where that is configured: under one key of `_meta`. Nothing in it is a secret, and no
 * client can write it: what one sends under the key goes no further.
 */
import { metaOf } from './eras.ts';
import { isObject } from './jsonrpc.ts';
import type { JsonObject } from './jsonrpc.ts';

export const CONTEXT_KEY = 'switchboard/context';

/** How a client is connected; `sse` is the HTTP+SSE transport of 2024, `memory` a client in this process. */
export type Transport = 'websocket' | 'http' | 'sse' | 'stdio' | 'memory';

/** What a server learns about its caller, in `_meta["switchboard/context"]`; read it with {@link contextOf}. */
export interface SessionContext {
  /** The session's public name, as in logs; absent for modern requests over HTTP, which have none. */
  session?: string;
  /** The caller: a key's name, a token's subject, or `anonymous`. */
  principal: string;
  /** The names of its roles. */
  roles: readonly string[];
  /** How it is connected. */
  transport: Transport;
  /** How the client named itself. */
  client?: { name?: string; version?: string };
  /** Its IP address, as trusted proxies report it. */
  address?: string;
  /** Its `User-Agent` header. */
  userAgent?: string;
  /** When the session began, in ms since 1970. */
  startedAt?: number;
  /** Labels that `onSession` gave the session. */
  groups: readonly string[];
  /** Facts that `onSession` gave the session. */
  metadata: Readonly<Record<string, string>>;
}

/** The params of a request with this context, and with no other: without one, what the client wrote is taken out. */
export function withContext(
  params: JsonObject | undefined,
  context: SessionContext | undefined,
): JsonObject | undefined {
  const meta = metaOf(params);
  if (context !== undefined) return { ...params, _meta: { ...meta, [CONTEXT_KEY]: context } };
  if (meta === undefined || !Object.hasOwn(meta, CONTEXT_KEY)) return params;
  const { [CONTEXT_KEY]: _, ...rest } = meta;
  return { ...params, _meta: rest };
}

/** The context in the `_meta` of a request that a server got. @returns undefined where it was not told */
export function contextOf(meta: unknown): SessionContext | undefined {
  const found = isObject(meta) ? meta[CONTEXT_KEY] : undefined;
  return isObject(found) && typeof found['principal'] === 'string' ? (found as unknown as SessionContext) : undefined;
}
