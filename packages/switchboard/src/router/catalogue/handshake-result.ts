/** The handshake result of the catalogue: the capabilities of its upstreams taken together, and the instructions of each. */
import { isLegacyVersion, LATEST_LEGACY, META, MODERN_VERSIONS } from '../../protocol/eras.ts';
import { isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { capabilitiesOf, initializeFromDiscover } from '../../protocol/translate.ts';
import { omit } from '../../util/omit.ts';
import type { Member, Scope } from '../exchange.ts';

/** The handshake result of one upstream, in the shape of its client's era. */
export interface UpstreamHandshake {
  name: string;
  result: JsonObject;
}

/** What an upstream that is not there may turn out to have. */
const UNKNOWN: JsonObject = { tools: {}, prompts: {}, resources: {}, completions: {}, logging: {} };

const HEADLINE =
  'Several servers behind one address. The names of their tools and prompts begin with the name of the server and two underscores.';

/** A member's handshake result for a legacy session. @param exclusive whether the session has it for itself. */
export async function legacyHandshakeResult(member: Member, scope: Scope, exclusive: boolean): Promise<JsonObject> {
  const result = await member.handshakeResultFor(scope);
  if (member.era === 'modern') return initializeFromDiscover(result, LATEST_LEGACY);
  return exclusive ? result : { ...result, capabilities: omit(capabilitiesOf(result), 'logging', 'tasks') };
}

/** @param incomplete whether an upstream is missing, which may be there later. */
export function initializeResult(
  version: string,
  parts: readonly UpstreamHandshake[],
  incomplete: boolean,
  serverInfo: JsonObject,
): JsonObject {
  const protocolVersion = isLegacyVersion(version) ? version : LATEST_LEGACY;
  return { protocolVersion, serverInfo, ...taken(parts, incomplete) };
}

/** @param incomplete as of {@link initializeResult} */
export function discoverResult(
  parts: readonly UpstreamHandshake[],
  incomplete: boolean,
  serverInfo: JsonObject,
): JsonObject {
  return {
    supportedVersions: [...MODERN_VERSIONS],
    ...taken(parts, incomplete),
    ...completion(
      parts.map(({ result }) => result),
      incomplete,
      serverInfo,
    ),
  };
}

/**
 * What a modern result has beside its contents. It may be kept as long as each of its parts, by whom each of them may be kept by,
 * and not at all while a part is missing.
 */
export function completion(parts: readonly JsonObject[], incomplete: boolean, serverInfo: JsonObject): JsonObject {
  const ages = parts.map(({ ttlMs }) => (typeof ttlMs === 'number' && ttlMs >= 0 ? ttlMs : 0));
  const isPublic = !incomplete && parts.length > 0 && parts.every(({ cacheScope }) => cacheScope === 'public');
  return {
    resultType: 'complete',
    ttlMs: incomplete || ages.length === 0 ? 0 : Math.min(...ages),
    cacheScope: isPublic ? 'public' : 'private',
    _meta: { [META.serverInfo]: serverInfo },
  };
}

function taken(parts: readonly UpstreamHandshake[], incomplete: boolean): JsonObject {
  const can = parts.map(({ result }) => capabilitiesOf(result)).reduce(union, incomplete ? UNKNOWN : {});
  // A list changes when an upstream comes or goes, whether or not the upstream itself can tell.
  const changing = ['tools', 'prompts', 'resources'].flatMap((kind) =>
    isObject(can[kind]) ? [[kind, { ...can[kind], listChanged: true }]] : [],
  );
  const said = parts.flatMap(({ name, result }) =>
    typeof result['instructions'] === 'string' ? [`${name}:\n${result['instructions']}`] : [],
  );
  const capabilities = { ...can, ...Object.fromEntries(changing) };
  return { capabilities, instructions: [HEADLINE, ...said].join('\n\n') };
}

/** What either can do: settings of both, and of two that differ the one that says more, or else the first. */
function union(a: JsonObject, b: JsonObject): JsonObject {
  const all = new Map(Object.entries(a));
  for (const [key, value] of Object.entries(b)) {
    const known = all.get(key);
    if (isObject(known) && isObject(value)) all.set(key, union(known, value));
    else if (Array.isArray(known) && Array.isArray(value)) all.set(key, [...new Set([...known, ...value])]);
    else if (known === undefined || known === false) all.set(key, value);
  }
  return Object.fromEntries(all);
}
