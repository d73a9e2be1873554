/** The two eras of MCP, their versions, and how a message tells which one it belongs to. */
import { isObject } from './jsonrpc.ts';
import type { JsonObject } from './jsonrpc.ts';

/**
 * `legacy`: versions up to 2025-11-25, with `initialize`, sessions and requests from the server.
 * `modern`: 2026-07-28, stateless; every request carries an envelope in `params._meta`.
 */
export type Era = 'legacy' | 'modern';

export const LEGACY_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] as const;
export const MODERN_VERSIONS = ['2026-07-28'] as const;
export const LATEST_LEGACY: string = LEGACY_VERSIONS[0];
export const LATEST_MODERN: string = MODERN_VERSIONS[0];

/** The reserved keys of `_meta` (MCP 2026-07-28, Base Protocol, "Request metadata"). */
export const META = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  logLevel: 'io.modelcontextprotocol/logLevel',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
} as const;

/** The only methods during which a modern client can be asked something (MCP 2026-07-28, "Multi round-trip requests"). */
export const INTERACTIVE: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);

export const isModernVersion = (version: string): boolean => version >= LATEST_MODERN;
export const isLegacyVersion = (version: string): boolean => (LEGACY_VERSIONS as readonly string[]).includes(version);

export function metaOf(params: JsonObject | undefined): JsonObject | undefined {
  const meta = params?.['_meta'];
  return isObject(meta) ? meta : undefined;
}

/** A message belongs to the modern era exactly when its `_meta` names a protocol version. */
export function claimsModern(params: JsonObject | undefined): boolean {
  const meta = metaOf(params);
  return meta !== undefined && Object.hasOwn(meta, META.protocolVersion);
}
