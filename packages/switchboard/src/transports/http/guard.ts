/**
 * Keeps web pages of strangers out (DNS rebinding, cross-site WebSocket hijacking): every request, of whatever kind, must name a
 * host that is served here, and a page that it comes from must be one that is allowed. MCP 2025-11-25, Transports, "Security
 * Warning", asks for both.
 */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

import { canonicalAddress, isLoopback } from '../../util/address.ts';
import { SwitchboardError } from '../../protocol/errors.ts';

export interface GuardOptions {
  /** The address that is listened on. */
  host: string;
  /** Host names, with or without a port, to accept besides. */
  allowedHosts: readonly string[];
  /** Origins to accept besides. */
  allowedOrigins: readonly string[];
}

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Headers that proxies add (RFC 9110, section 7.6.3; RFC 7239; and what is usual beside it). */
const FORWARDED = [
  'via',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-forwarded-server',
  'x-original-forwarded-for',
  'x-original-host',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-envoy-external-address',
  'cf-connecting-ip',
  'true-client-ip',
  'fastly-client-ip',
  'cdn-loop',
];

/** @throws {SwitchboardError} `SWB_HOST_REFUSED`, `SWB_ORIGIN_REFUSED` with the offending value and the option that allows it. */
export function checkHostAndOrigin({ headers }: IncomingMessage, options: GuardOptions): void {
  const { host, origin } = headers;
  const name = hostName(host);
  if (name === undefined || !isServed(name, host ?? '', options)) {
    const detail = `${JSON.stringify(host ?? 'none')}; to accept it, list it in allowedHosts`;
    throw new SwitchboardError('SWB_HOST_REFUSED', { detail });
  }
  if (origin === undefined || isAllowed(origin, options)) return;
  const detail = `${JSON.stringify(origin)}; to accept it, list it in allowedOrigins`;
  throw new SwitchboardError('SWB_ORIGIN_REFUSED', { detail });
}

/**
 * Who may see what is the operator's: metrics, and why an upstream fails. As nobody can show who they are, it is shown to this
 * machine only: by one of its own names, on an address that nobody else can reach, and not through a proxy that says so.
 *
 * @throws {SwitchboardError} `SWB_NOT_FOUND`
 */
export function guardOperator({ url, headers }: IncomingMessage, { host }: Pick<GuardOptions, 'host'>): void {
  const isForwarded = FORWARDED.some((name) => headers[name] !== undefined);
  if (isLoopback(host) && isLoopback(hostName(headers.host) ?? '') && !isForwarded) return;
  const detail = `${JSON.stringify(url ?? '')} is for this machine alone, where nobody else is listened to`;
  throw new SwitchboardError('SWB_NOT_FOUND', { detail });
}

/** Whether a request comes from this machine, by one of its own names, and through no proxy that says so. */
export function isOfThisMachine({ headers, socket }: IncomingMessage): boolean {
  const isForwarded = FORWARDED.some((name) => headers[name] !== undefined);
  return (
    !isForwarded && isLoopback(hostName(headers.host) ?? '') && isLoopback(canonicalAddress(socket.remoteAddress ?? ''))
  );
}

function isServed(name: string, host: string, options: GuardOptions): boolean {
  if (LOOPBACK.has(name) || name === bracketed(options.host)) return true;
  // Rebinding needs a name: who asks for a bare address has chosen it.
  if (!isLoopback(options.host) && isIP(name.replace(/^\[|\]$/g, '')) !== 0) return true;
  return options.allowedHosts.some(
    (allowed) => allowed.toLowerCase() === name || allowed.toLowerCase() === host.toLowerCase(),
  );
}

function isAllowed(origin: string, options: GuardOptions): boolean {
  if (options.allowedOrigins.includes(origin)) return true;
  let url: URL;
  try {
    url = new URL(origin);
  } catch {
    return false;
  }
  return /^https?:$/.test(url.protocol) && url.origin === origin && LOOPBACK.has(url.hostname);
}

function hostName(host: string | undefined): string | undefined {
  return host === undefined ? undefined : /^(\[[0-9a-f:.]+\]|[^:[\]\s]+)(:\d{1,5})?$/i.exec(host)?.[1]?.toLowerCase();
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host.toLowerCase());
