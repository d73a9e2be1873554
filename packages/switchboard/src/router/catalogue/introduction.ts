/** How the catalogue introduces itself: what its upstreams can do taken together, and what each has to say of itself. */
import { isLegacyVersion, LATEST_LEGACY, META, MODERN_VERSIONS } from '../../protocol/eras.ts';
import { isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { capabilitiesOf, discoverFromInitialize, initializeFromDiscover } from '../../protocol/translate.ts';
import { omit } from '../../util/omit.ts';
import type { Era } from '../../protocol/eras.ts';
import type { Member } from '../exchange.ts';

/** What one upstream says of itself, as a client of the given era hears it. */
export interface Introduced {
  name: string;
  hello: JsonObject;
}

/** Capabilities whose requests name nothing that would tell which upstream is meant. */
const UNROUTABLE = ['tasks', 'extensions', 'experimental'] as const;
/** What an upstream that is not there may turn out to have. */
const UNKNOWN: JsonObject = { tools: {}, prompts: {}, resources: {}, completions: {}, logging: {} };

const HEADLINE =
  'Several servers behind one address. The names of their tools and prompts begin with the name of the server and two underscores.';

/** A member's introduction for a client of this era, however the member itself was greeted. */
export function helloOf({ era, hello }: Member, to: Era, exclusive: boolean): JsonObject {
  if (era === to) {
    const shared = era === 'legacy' && !exclusive;
    return shared ? { ...hello, capabilities: omit(capabilitiesOf(hello), 'logging') } : hello;
  }
  return era === 'modern' ? initializeFromDiscover(hello, LATEST_LEGACY) : discoverFromInitialize(hello, exclusive);
}

/** @param incomplete whether an upstream is missing, which may be there later. */
export function initializeResult(
  version: string,
  parts: readonly Introduced[],
  incomplete: boolean,
  serverInfo: JsonObject,
): JsonObject {
  const protocolVersion = isLegacyVersion(version) ? version : LATEST_LEGACY;
  return { protocolVersion, serverInfo, ...taken(parts, incomplete) };
}

/** @param incomplete as of {@link initializeResult} */
export function discoverResult(parts: readonly Introduced[], incomplete: boolean, serverInfo: JsonObject): JsonObject {
  return {
    supportedVersions: [...MODERN_VERSIONS],
    ...taken(parts, incomplete),
    ...completion(
      parts.map(({ hello }) => hello),
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

function taken(parts: readonly Introduced[], incomplete: boolean): JsonObject {
  const union = new Map<string, JsonObject>(Object.entries(incomplete ? UNKNOWN : {}) as [string, JsonObject][]);
  for (const { hello } of parts) {
    for (const [key, value] of Object.entries(omit(capabilitiesOf(hello), ...UNROUTABLE))) {
      const more = Object.entries(isObject(value) ? value : {}).filter(([, flag]) => flag !== false);
      union.set(key, { ...union.get(key), ...Object.fromEntries(more) });
    }
  }
  // A list changes when an upstream comes or goes, whether or not the upstream itself can tell.
  for (const kind of ['tools', 'prompts', 'resources']) {
    const known = union.get(kind);
    if (known !== undefined) union.set(kind, { ...known, listChanged: true });
  }
  const said = parts.flatMap(({ name, hello }) =>
    typeof hello['instructions'] === 'string' ? [`${name}:\n${hello['instructions']}`] : [],
  );
  return { capabilities: Object.fromEntries(union), instructions: [HEADLINE, ...said].join('\n\n') };
}
