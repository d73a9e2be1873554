/** A look at a server: what it has, as it says itself. */
import { LATEST_MODERN, META, metaOf } from '../protocol/eras.ts';
import type { Era } from '../protocol/eras.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { isObject, textOf } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { addEnvelope, capabilitiesOf } from '../protocol/translate.ts';
import type { RpcPeer } from './rpc-peer.ts';

/** What one look at an upstream found. */
export interface CheckResult {
  /** The era that the server speaks. */
  era: Era;
  /** The protocol version that was agreed. */
  version: string;
  /** The server's own name and version. */
  server?: JsonObject;
  /** How many tools it lists; absent where it has none, as with the next two. */
  tools?: number;
  /** How many prompts. */
  prompts?: number;
  /** How many resources. */
  resources?: number;
  /** How long it took, in ms. */
  ms: number;
}

export interface VisitedServer {
  peer: RpcPeer;
  era: Era;
  handshakeResult: JsonObject;
  /** How Switchboard names itself. */
  clientInfo: JsonObject;
}

const LIST_TIMEOUT_MS = 30_000;
/** What is read of a list of tools at most. */
const MAX_PAGES = 100;
const MAX_TOOLS = 2000;
/** What all pages of a list of tools may have together, in bytes of JSON. */
const MAX_TOOL_BYTES = 8 * 1024 * 1024;

/** Lists what a server has, once. @throws {SwitchboardError} `SWB_UPSTREAM_UNAVAILABLE` with what it answers instead. */
export async function checkServer(
  { peer, era, handshakeResult, clientInfo }: VisitedServer,
  startedAt: number,
): Promise<CheckResult> {
  const envelope = { version: LATEST_MODERN, capabilities: {}, clientInfo };
  const params = era === 'modern' ? addEnvelope(undefined, envelope) : undefined;
  const found: Partial<Record<'tools' | 'prompts' | 'resources', number>> = {};
  for (const kind of ['tools', 'prompts', 'resources'] as const) {
    if (!isObject(capabilitiesOf(handshakeResult)[kind])) continue;
    const outcome = await peer.call(`${kind}/list`, params, LIST_TIMEOUT_MS);
    if ('error' in outcome) {
      const detail = `${kind}/list: ${outcome.error.message} (${outcome.error.code})`;
      throw new SwitchboardError('SWB_UPSTREAM_UNAVAILABLE', { detail });
    }
    const listed = outcome.result[kind];
    found[kind] = Array.isArray(listed) ? listed.length : 0;
  }
  const server = era === 'modern' ? metaOf(handshakeResult)?.[META.serverInfo] : handshakeResult['serverInfo'];
  return {
    era,
    version: era === 'modern' ? LATEST_MODERN : textOf(handshakeResult['protocolVersion']),
    ...(isObject(server) && { server }),
    ...found,
    ms: Math.round(performance.now() - startedAt),
  };
}

/** Its tools as it defines them, as far as the bounds go. @throws {SwitchboardError} `SWB_UPSTREAM_UNAVAILABLE`, `SWB_UPSTREAM_INVALID` */
export async function listTools({ peer, era, handshakeResult, clientInfo }: VisitedServer): Promise<JsonObject[]> {
  const envelope = { version: LATEST_MODERN, capabilities: {}, clientInfo };
  const tools: JsonObject[] = [];
  let bytes = 0;
  if (!isObject(capabilitiesOf(handshakeResult)['tools'])) return tools;
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES && tools.length < MAX_TOOLS; page++) {
    const params = cursor === undefined ? undefined : { cursor };
    const outcome = await peer.call(
      'tools/list',
      era === 'modern' ? addEnvelope(params, envelope) : params,
      LIST_TIMEOUT_MS,
    );
    if ('error' in outcome) {
      const detail = `tools/list: ${outcome.error.message} (${outcome.error.code})`;
      throw new SwitchboardError('SWB_UPSTREAM_UNAVAILABLE', { detail });
    }
    const { tools: listed, nextCursor } = outcome.result;
    if (Array.isArray(listed)) {
      bytes += Buffer.byteLength(JSON.stringify(listed));
      if (bytes > MAX_TOOL_BYTES) {
        const detail = `tools/list: ${bytes} bytes of definitions; ${MAX_TOOL_BYTES} is the limit for one server`;
        throw new SwitchboardError('SWB_UPSTREAM_INVALID', { detail });
      }
      tools.push(...listed.filter((tool): tool is JsonObject => isObject(tool)));
    }
    if (typeof nextCursor !== 'string' || nextCursor === cursor) break;
    cursor = nextCursor;
  }
  return tools.slice(0, MAX_TOOLS);
}
