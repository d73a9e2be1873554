/** Where a gateway that listens is reached. */
import type { Settings } from './settings.ts';
import type { Place } from './served.ts';

/** Where clients reach an upstream. */
export interface Address {
  /** Its name, or `*` for all of them behind one address. */
  upstream: string;
  /** For clients that speak WebSocket; absent if that transport is off. */
  websocket?: string;
  /** For clients that speak Streamable HTTP; absent if that transport is off. */
  http?: string;
  /** Only with the option `sse`. */
  sse?: string;
}

/** The URL of a path, at the host that the settings name. */
export function urlOf({ host, tlsCert }: Settings, port: number, path: string, scheme: 'http' | 'ws' = 'http'): string {
  return `${scheme}${tlsCert === '' ? '' : 's'}://${bracketed(host)}:${port}${path}`;
}

export function addressOf(settings: Settings, port: number, { upstream, below }: Place): Address {
  const { transport, sse } = settings;
  const isHttp = transport.includes('http');
  return {
    upstream,
    ...(transport.includes('websocket') && { websocket: urlOf(settings, port, `/mcp${below}`, 'ws') }),
    ...(isHttp && { http: urlOf(settings, port, `/mcp${below}`) }),
    ...(isHttp && sse && { sse: urlOf(settings, port, `/sse${below}`) }),
  };
}

/**
 * The port of the admin API. With TLS it has one of its own also where it would share: an operator's command on this machine has neither the
 * authority of the certificate nor a client's certificate to show.
 */
export const adminPortOf = ({ adminPort, tlsCert }: Settings): Settings['adminPort'] =>
  adminPort === 'shared' && tlsCert !== '' ? 0 : adminPort;

/**
 * Where the admin API is, for this machine. What is listened on may be the address of all its networks.
 *
 * @param host an address: a name could lead to somebody else's as well.
 */
export function adminUrl(host: string, port: number): string {
  const isEverywhere = host === '0.0.0.0' || host === '::';
  return `http://${isEverywhere ? '127.0.0.1' : bracketed(host)}:${port}/admin`;
}

/** A host as it stands in a URL. */
export const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);
