/**
 * What has to be added or taken away when a body crosses from one era to the other. Pure: every function returns a new top
 * level and shares the rest with what it was given.
 */
import type { Envelope } from './envelope.ts';
import { META, MODERN_VERSIONS, metaOf } from './eras.ts';
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
  'resources/directory/read',
  'skills/list',
  'skills/get',
]);
/** What is called tasks in one era is something else in the other. */
const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';

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
  if (method === 'tools/list' && Array.isArray(value['tools'])) {
    completed['tools'] = value['tools'].map((tool: unknown) => (isObject(tool) ? omit(tool, 'execution') : tool));
  }
  if (CACHEABLE.has(method)) {
    completed['ttlMs'] = 0;
    completed['cacheScope'] = 'private';
  }
  if (serverInfo !== undefined) completed['_meta'] = { ...metaOf(value), [META.serverInfo]: serverInfo };
  return completed;
}

/** Makes a complete modern result a legacy one. What results of other methods have under the same keys is their own. */
export function plainResult(method: string, value: JsonObject): JsonObject {
  const rest = CACHEABLE.has(method) ? omit(value, 'resultType', 'ttlMs', 'cacheScope') : omit(value, 'resultType');
  const meta = metaOf(rest);
  if (meta === undefined || !Object.hasOwn(meta, META.serverInfo)) return rest;
  const kept = omit(meta, META.serverInfo);
  return Object.keys(kept).length > 0 ? { ...rest, _meta: kept } : omit(rest, '_meta');
}

/** A complete modern result for a legacy client; structured output that is no object is wrapped, as legacy clients know no other. */
export function legacyResult(method: string, value: JsonObject): JsonObject {
  const plain = plainResult(method, value);
  if (method === 'tools/list' && Array.isArray(plain['tools'])) {
    return { ...plain, tools: plain['tools'].map((tool: unknown) => (isObject(tool) ? wrapOutputSchema(tool) : tool)) };
  }
  if (method !== 'tools/call' || plain['structuredContent'] === undefined || isObject(plain['structuredContent']))
    return plain;
  return { ...plain, structuredContent: { result: plain['structuredContent'] } };
}

function wrapOutputSchema(tool: JsonObject): JsonObject {
  const schema = tool['outputSchema'];
  if (!isObject(schema) || schema['type'] === 'object' || isObject(schema['properties'])) return tool;
  return { ...tool, outputSchema: { type: 'object', properties: { result: schema }, required: ['result'] } };
}

/** A question in the modern shape: the id of an elicitation by URL is of the legacy era alone. */
export function modernQuestion({ method, params }: Question): Question {
  return params === undefined ? { method } : { method, params: omit(params, 'elicitationId', '_meta') };
}

/** A question in the shape of a legacy version. */
export function legacyQuestion({ method, params = {} }: Question, version: string, newId: () => string): Question {
  if (method !== 'elicitation/create') return { method, params };
  if (params['mode'] === 'url') return { method, params: { elicitationId: newId(), ...params } };
  return { method, params: version < '2025-11-25' ? omit(params, 'mode') : params };
}

interface Question {
  method: string;
  params?: JsonObject;
}

/** The errors that a modern client must not be sent have modern names (MCP 2026-07-28, Base Protocol, "Error codes"). */
export function modernError(error: RpcError): RpcError {
  return error.code === -32002 ? { ...error, code: -32602 } : error;
}

/**
 * A legacy server's handshake result as the answer to `server/discover`. Capabilities that do not cross the eras are left out.
 *
 * @param exclusive whether one client has the server for itself; otherwise its log messages can be given to nobody.
 */
export function discoverFromInitialize(handshakeResult: JsonObject, exclusive: boolean): JsonObject {
  const capabilities = omit(crossing(capabilitiesOf(handshakeResult)), ...(exclusive ? [] : ['logging']));
  const answer: JsonObject = {
    supportedVersions: [...MODERN_VERSIONS],
    capabilities,
  };
  if (handshakeResult['instructions'] !== undefined) answer['instructions'] = handshakeResult['instructions'];
  return completeResult('server/discover', answer, handshakeResult['serverInfo'] as JsonObject | undefined);
}

/** A modern server's handshake result as the answer to `initialize`. Capabilities that do not cross the eras are left out. */
export function initializeFromDiscover(handshakeResult: JsonObject, version: string): JsonObject {
  const capabilities = crossing(capabilitiesOf(handshakeResult));
  const answer: JsonObject = {
    protocolVersion: version,
    capabilities,
    serverInfo: metaOf(handshakeResult)?.[META.serverInfo] ?? { name: 'unnamed', version: '0' },
  };
  if (handshakeResult['instructions'] !== undefined) answer['instructions'] = handshakeResult['instructions'];
  return answer;
}

/**
 * The capabilities of a client or a server as a peer of the other era gets them: as they are, extensions among them, but for tasks,
 * which do not cross the eras.
 */
export function crossing(capabilities: JsonObject): JsonObject {
  const rest = omit(capabilities, 'tasks');
  const { extensions } = rest;
  if (!isObject(extensions) || !Object.hasOwn(extensions, TASKS_EXTENSION)) return rest;
  const others = omit(extensions, TASKS_EXTENSION);
  return Object.keys(others).length > 0 ? { ...rest, extensions: others } : omit(rest, 'extensions');
}

export const capabilitiesOf = (handshakeResult: JsonObject): JsonObject =>
  isObject(handshakeResult['capabilities']) ? handshakeResult['capabilities'] : {};
