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
  /** What to do about a server that needs longer, as a sentence. */
  patience?: string;
}

export interface Handshake {
  era: Era;
  result: JsonObject;
  /** The eras that it was asked in before and does not speak; one in which only the connection failed is not among them. */
  refused: readonly Era[];
}

const METHOD_UNKNOWN: ReadonlySet<number> = new Set([-32601, -32602, -32020, -32022]);

/** What became of the question in one era. */
interface Refusal {
  era: Era;
  outcome: Outcome;
}

/**
 * @throws {SwitchboardError} `SWB_UPSTREAM_UNAVAILABLE` with the server's own words, or how long it was waited for, when it answers in none of the
 * eras.
 */
export async function negotiate(peer: RpcPeer, options: HandshakeOptions): Promise<Handshake> {
  const startedAt = performance.now();
  const refusals: Refusal[] = [];
  const refused: Era[] = [];
  const eras = [...options.eras];
  for (const era of eras) {
    const outcome = await (era === 'legacy' ? initialize(peer, options) : discover(peer, options));
    if ('result' in outcome && isFluent(era, outcome.result)) {
      return { era, result: outcome.result, refused: refused.filter((each) => each !== era) };
    }
    if (peer.goneReason !== undefined) break;
    if (!isPassing(outcome)) refused.push(era);
    refusals.push({ era, outcome });
    // A legacy refusal for any other reason than not knowing the method is the server's answer, not a question of era.
    const isQuestionOfEra = !('error' in outcome) || era === 'modern' || METHOD_UNKNOWN.has(outcome.error.code);
    if (!isQuestionOfEra) break;
    // It was not up yet when it was asked in the modern era, and is now.
    const [first] = refusals;
    if (era === 'legacy' && refusals.length === 2 && first?.era === 'modern' && isTimeout(first.outcome))
      eras.push('modern');
  }
  const status = statusIn(refusals.at(-1)?.outcome);
  throw new SwitchboardError('SWB_UPSTREAM_UNAVAILABLE', {
    detail: peer.goneReason ?? describe(refusals, performance.now() - startedAt, wordsOf(peer), options.patience),
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

const isTimeout = (outcome: Outcome): boolean =>
  'error' in outcome && outcome.error.code === ERRORS.SWB_TIMEOUT.code && isOwn(outcome.error.data, 'SWB_TIMEOUT');

const isOwn = (data: unknown, code: string): boolean => isObject(data) && data['code'] === code;

const METHODS: Readonly<Record<Era, string>> = { legacy: 'initialize', modern: 'server/discover' };

/** The refusal of the last era, and before it those of others that were answers. */
function describe(
  refusals: readonly Refusal[],
  waitedMs: number,
  words: string | undefined,
  patience: string | undefined,
): string {
  const last = refusals.at(-1);
  if (last === undefined) return 'it was asked in no era';
  if (isTimeout(last.outcome)) {
    const waited = `no answer to ${METHODS[last.era]} after ${seconds(waitedMs)} in all`;
    const found = words === undefined ? waited : `${waited}; ${words}`;
    return patience === undefined ? found : `${found}. ${patience}`;
  }
  const answers = refusals.filter(({ outcome }) => !isTimeout(outcome)).toReversed();
  const [only, ...others] = answers.map(({ era, outcome }) => ({ era, text: refusalText(outcome) }));
  return [
    only?.text ?? '',
    ...others.flatMap(({ era, text }) => (text === only?.text ? [] : [`to ${METHODS[era]} before: ${text}`])),
  ].join('; ');
}

/** What a process has written so far. */
const wordsOf = ({ channel }: RpcPeer): string | undefined =>
  'lastWords' in channel ? (channel.lastWords ?? 'it wrote nothing to stderr') : undefined;

const seconds = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 100) / 10} s`);

function refusalText(outcome: Outcome): string {
  if (!('error' in outcome)) {
    return `it answered in no version that Switchboard speaks: ${cut(JSON.stringify(outcome.result), 200)}`;
  }
  const { code, message } = outcome.error;
  return ownDetail(code, message) ?? `it refused to start: ${message} (${code})`;
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
