/** The modern era's per-request envelope (MCP 2026-07-28, Base Protocol, "Request metadata"). */
import { META, MODERN_VERSIONS, metaOf } from './eras.ts';
import { SwitchboardError } from './errors.ts';
import { isObject } from './jsonrpc.ts';
import type { JsonObject } from './jsonrpc.ts';

export interface Envelope {
  version: string;
  capabilities: JsonObject;
  clientInfo?: JsonObject;
  /** Without it the client wants no log messages at all. */
  logLevel?: string;
}

/**
 * Reads the envelope of a request that claims the modern era.
 *
 * @throws {SwitchboardError} `SWB_INVALID_PARAMS` naming the key that is missing or of the wrong type,
 * `SWB_UNSUPPORTED_VERSION` with the supported versions.
 */
export function readEnvelope(params: JsonObject | undefined): Envelope {
  const meta = metaOf(params) ?? {};
  const version = meta[META.protocolVersion];
  const capabilities = meta[META.clientCapabilities];
  const clientInfo = meta[META.clientInfo];
  const logLevel = meta[META.logLevel];
  if (typeof version !== 'string') throw badKey(META.protocolVersion, 'a string', version);
  if (!(MODERN_VERSIONS as readonly string[]).includes(version)) throw unsupportedVersion(version, MODERN_VERSIONS);
  if (!isObject(capabilities)) throw badKey(META.clientCapabilities, 'an object', capabilities);
  if (clientInfo !== undefined && !isObject(clientInfo)) throw badKey(META.clientInfo, 'an object', clientInfo);
  if (logLevel !== undefined && typeof logLevel !== 'string') throw badKey(META.logLevel, 'a string', logLevel);
  return {
    version,
    capabilities,
    ...(clientInfo !== undefined && { clientInfo }),
    ...(logLevel !== undefined && { logLevel }),
  };
}

export function unsupportedVersion(requested: string, supported: readonly string[]): SwitchboardError {
  return new SwitchboardError('SWB_UNSUPPORTED_VERSION', {
    detail: `${JSON.stringify(requested)}; supported: ${supported.join(', ')}`,
    data: { supported: [...supported], requested },
  });
}

function badKey(key: string, expected: string, found: unknown): SwitchboardError {
  const what = found === undefined ? 'missing' : `${JSON.stringify(found)}, expected ${expected}`;
  return new SwitchboardError('SWB_INVALID_PARAMS', { detail: `_meta["${key}"] is ${what}`, data: { key } });
}
