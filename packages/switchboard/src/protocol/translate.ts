/**
 * What has to be added or taken away when a body crosses from one era to the other. Pure: every function returns a new top
 * level and shares the rest with what it was given.
 */
import type { Envelope } from './envelope.ts';
import { META, MODERN_VERSIONS, metaOf } from './eras.ts';
import { SwitchboardError } from './errors.ts';
import { isObject } from './jsonrpc.ts';
import type { JsonObject, RpcError } from './jsonrpc.ts';
import { omit } from '../util/omit.ts';

const ENVELOPE_KEYS: ReadonlySet<string> = new Set([
  META.protocolVersion,
  META.clientInfo,
  META.clientCapabilities,
  META.logLevel,
]);

/** The methods whose modern results say how long and for whom they may be kept. */
const CACHEABLE: ReadonlySet<string> = new Set([
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
]);

/** Puts the envelope on a legacy request's params; what the client wrote under a reserved key does not count. */
export function addEnvelope(params: JsonObject | undefined, envelope: Envelope): JsonObject {
  const meta: JsonObject = {
    ...metaOf(params),
    [META.protocolVersion]: envelope.version,
    [META.clientCapabilities]: envelope.capabilities,
  };
  if (envelope.clientInfo !== undefined) meta[META.clientInfo] = envelope.clientInfo;
  if (envelope.logLevel !== undefined) meta[META.logLevel] = envelope.logLevel;
  return { ...params, _meta: meta };
}

/** Takes the four envelope keys off a modern request's params; trace context, vendor keys and the progress token stay. */
export function stripEnvelope(params: JsonObject | undefined): JsonObject | undefined {
  const meta = metaOf(params);
  if (params === undefined || meta === undefined) return params;
  const { _meta, ...rest } = params;
  const kept = Object.entries(meta).filter(([key]) => !ENVELOPE_KEYS.has(key));
  return kept.length === 0 ? rest : { ...rest, _meta: Object.fromEntries(kept) };
}

/** Makes a legacy result a modern one: complete, not cacheable, and signed with the server's name. */
export function completeResult(method: string, value: JsonObject, serverInfo: JsonObject | undefined): JsonObject {
  const completed: JsonObject = { ...value, resultType: 'complete' };
  if (CACHEABLE.has(method)) {
    completed['ttlMs'] = 0;
    completed['cacheScope'] = 'private';
  }
  if (serverInfo !== undefined) completed['_meta'] = { ...metaOf(value), [META.serverInfo]: serverInfo };
  return completed;
}

/** Makes a complete modern result a legacy one. */
export function plainResult(value: JsonObject): JsonObject {
  const rest = omit(value, 'resultType', 'ttlMs', 'cacheScope');
  const meta = metaOf(rest);
  if (meta === undefined || !Object.hasOwn(meta, META.serverInfo)) return rest;
  const kept = omit(meta, META.serverInfo);
  return Object.keys(kept).length > 0 ? { ...rest, _meta: kept } : omit(rest, '_meta');
}

/** A modern result for a legacy client. Only a complete one has a legacy form. */
export function plainOutcome(value: JsonObject): { result: JsonObject } | { error: RpcError } {
  const { resultType = 'complete' } = value;
  if (resultType === 'complete') return { result: plainResult(value) };
  const detail = `the server answered with resultType ${JSON.stringify(resultType)}, which this client's protocol version has not`;
  return { error: new SwitchboardError('SWB_INTERNAL', { detail }).toRpc() };
}

/** The errors that a modern client must not be sent have modern names (MCP 2026-07-28, Base Protocol, "Error codes"). */
export function modernError(error: RpcError): RpcError {
  return error.code === -32002 ? { ...error, code: -32602 } : error;
}

/** A legacy server's introduction as the answer to `server/discover`. Capabilities that do not cross the eras are left out. */
export function discoverFromInitialize(hello: JsonObject): JsonObject {
  const capabilities = omit(capabilitiesOf(hello), 'tasks', 'logging');
  const answer: JsonObject = {
    supportedVersions: [...MODERN_VERSIONS],
    capabilities: withoutSubscriptions(capabilities),
  };
  if (hello['instructions'] !== undefined) answer['instructions'] = hello['instructions'];
  return completeResult('server/discover', answer, hello['serverInfo'] as JsonObject | undefined);
}

/** A modern server's introduction as the answer to `initialize`. Capabilities that do not cross the eras are left out. */
export function initializeFromDiscover(hello: JsonObject, version: string): JsonObject {
  const capabilities = omit(capabilitiesOf(hello), 'logging', 'extensions');
  const answer: JsonObject = {
    protocolVersion: version,
    capabilities: withoutSubscriptions(capabilities),
    serverInfo: metaOf(hello)?.[META.serverInfo] ?? { name: 'unnamed', version: '0' },
  };
  if (hello['instructions'] !== undefined) answer['instructions'] = hello['instructions'];
  return answer;
}

export const capabilitiesOf = (hello: JsonObject): JsonObject =>
  isObject(hello['capabilities']) ? hello['capabilities'] : {};

function withoutSubscriptions(capabilities: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(capabilities).map(([name, capability]) => [
      name,
      isObject(capability) ? omit(capability, 'listChanged', 'subscribe') : capability,
    ]),
  );
}
