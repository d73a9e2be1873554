/**
 * Finds out which era an upstream speaks and opens it in that era, on one live channel: a caller's own era is tried first, so
 * that a server which speaks both is never translated without need.
 */
import { addEnvelope } from '../protocol/translate.ts';
import { LATEST_LEGACY, LATEST_MODERN, MODERN_VERSIONS, isLegacyVersion } from '../protocol/eras.ts';
import type { Era } from '../protocol/eras.ts';
import { ERRORS, SwitchboardError } from '../protocol/errors.ts';
import { isObject, notification, textOf } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import type { Outcome } from '../router/exchange.ts';
import { cut } from '../util/cut.ts';
import type { RpcPeer } from './rpc-peer.ts';

/** What Switchboard says of the client in the handshake with a server. */
export interface ClientIdentity {
  /** For a legacy server. */
  version: string;
  /** As a server of each era gets them. */
  capabilities: Readonly<Record<Era, JsonObject>>;
  clientInfo: JsonObject;
}

export interface HandshakeOptions {
  /** The eras to try, in this order. */
  eras: readonly Era[];
  clientIdentity: ClientIdentity;
  /** Whether to send `notifications/initialized` at once; otherwise the client's own is waited for. */
  announce: boolean;
  /** How long a server may take to answer `initialize`; `npx` may have to download it first. */
  startTimeoutMs: number;
  /** How long a server may take to answer `server/discover` before it is taken for a legacy one. */
  probeTimeoutMs: number;
}

export interface Handshake {
  era: Era;
  result: JsonObject;
  /** The eras that it was asked in before and does not speak; one in which only the connection failed is not among them. */
  refused: readonly Era[];
}

const METHOD_UNKNOWN: ReadonlySet<number> = new Set([-32601, -32602, -32020, -32022]);

/**
 * @throws {SwitchboardError} `SWB_UPSTREAM_UNAVAILABLE` with the server's own words, when it answers in none of the eras.
 */
export async function negotiate(peer: RpcPeer, options: HandshakeOptions): Promise<Handshake> {
  let refusal: Outcome | undefined;
  const refused: Era[] = [];
  for (const era of options.eras) {
    const outcome = await (era === 'legacy' ? initialize(peer, options) : discover(peer, options));
    if ('result' in outcome && isFluent(era, outcome.result)) return { era, result: outcome.result, refused };
    if (peer.goneReason !== undefined) break;
    if (!isPassing(outcome)) refused.push(era);
    // A legacy refusal for any other reason than not knowing the method is the server's answer, not a question of era.
    const isQuestionOfEra = !('error' in outcome) || era === 'modern' || METHOD_UNKNOWN.has(outcome.error.code);
    if (refusal === undefined || !isQuestionOfEra || era === 'modern') refusal = outcome;
    if (!isQuestionOfEra) break;
  }
  const status = statusIn(refusal);
  throw new SwitchboardError('SWB_UPSTREAM_UNAVAILABLE', {
    detail: peer.goneReason ?? describe(refusal),
    ...(status !== undefined && { data: { status } }),
  });
}

async function initialize(
  peer: RpcPeer,
  { clientIdentity, announce, startTimeoutMs }: HandshakeOptions,
): Promise<Outcome> {
  const { version, capabilities, clientInfo } = clientIdentity;
  const params = { protocolVersion: version, capabilities: capabilities.legacy, clientInfo };
  const outcome = await peer.call('initialize', params, startTimeoutMs);
  if ('result' in outcome && isFluent('legacy', outcome.result)) {
    peer.channel.setProtocolVersion?.(textOf(outcome.result['protocolVersion']));
    if (announce) peer.send(notification('notifications/initialized'));
  }
  return outcome;
}

function discover(peer: RpcPeer, { clientIdentity, probeTimeoutMs }: HandshakeOptions): Promise<Outcome> {
  const { clientInfo, capabilities } = clientIdentity;
  const params = addEnvelope(undefined, { version: LATEST_MODERN, capabilities: capabilities.modern, clientInfo });
  return peer.call('server/discover', params, probeTimeoutMs);
}

/** A polite answer is no proof of an era: it must name a version of it. */
function isFluent(era: Era, result: JsonObject): boolean {
  if (era === 'legacy') return typeof result['protocolVersion'] === 'string' && isObject(result['capabilities']);
  const versions = result['supportedVersions'];
  return Array.isArray(versions) && MODERN_VERSIONS.some((version) => versions.includes(version));
}

/** Whether the question did not reach the server, or it could not answer now. */
function isPassing(outcome: Outcome): boolean {
  if (!('error' in outcome) || outcome.error.code !== ERRORS.SWB_UPSTREAM_UNAVAILABLE.code) return false;
  const status = statusIn(outcome);
  return status === undefined || status === 408 || status === 429 || status >= 500;
}

/** The HTTP status of a remote server that refused. */
function statusIn(outcome: Outcome | undefined): number | undefined {
  if (outcome === undefined || !('error' in outcome)) return undefined;
  const status = isObject(outcome.error.data) ? outcome.error.data['status'] : undefined;
  return typeof status === 'number' ? status : undefined;
}

function describe(refusal: Outcome | undefined): string {
  if (refusal === undefined) return 'it was asked in no era';
  if ('error' in refusal) {
    const { code, message } = refusal.error;
    const own = ownDetail(code, message);
    return own ?? `it refused to start: ${message} (${code})`;
  }
  return `it answered in no version that Switchboard speaks: ${cut(JSON.stringify(refusal.result), 200)}`;
}

/** What Switchboard itself found: that the server cannot be reached, or did not answer in time. */
function ownDetail(code: number, message: string): string | undefined {
  const entry = [ERRORS.SWB_UPSTREAM_UNAVAILABLE, ERRORS.SWB_UPSTREAM_EXITED].find((each) => each.code === code);
  return entry !== undefined && message.startsWith(`${entry.message}: `)
    ? message.slice(entry.message.length + 2)
    : undefined;
}

/** The version to ask a server for on a client's behalf. */
export const legacyVersionFor = (version: string): string => (isLegacyVersion(version) ? version : LATEST_LEGACY);
