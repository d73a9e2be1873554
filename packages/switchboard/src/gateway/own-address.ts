/** Recognises the addresses of this Switchboard among its own upstreams. What a name server or a proxy leads back, `transports/http/via.ts` ends. */
import { hostname, networkInterfaces } from 'node:os';

import { SwitchboardError } from '../protocol/errors.ts';
import { hostOf } from '../transports/safe-lookup.ts';
import { isLoopback } from '../util/address.ts';
import type { Problem } from './options.ts';
import type { Settings } from './settings.ts';
import type { UpstreamOptions } from './upstream-options.ts';

type Listening = Pick<Settings, 'host' | 'transport' | 'allowedHosts'>;
type Upstreams = Readonly<Record<string, UpstreamOptions>>;

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'ws:': '80', 'https:': '443', 'wss:': '443' };

/** @param port that is listened on. @returns a problem for each upstream whose URL is an address of this Switchboard. */
export function ownAddresses(listening: Listening, port: number, upstreams: Upstreams): Problem[] {
  if (port === 0 || !listening.transport.some((each) => each !== 'stdio')) return [];
  return Object.entries(upstreams).flatMap(([name, options]) => {
    if (!('url' in options) || !URL.canParse(options.url)) return [];
    const url = new URL(options.url);
    if (!isOwn(url, port, listening)) return [];
    const message = `${url.origin}${url.pathname} is the address of this Switchboard, which cannot be its own upstream. Give the address or the command of the server itself`;
    return [{ path: ['upstreams', name, 'url'], message }];
  });
}

/** @throws {SwitchboardError} `SWB_CONFIG_INVALID` naming each upstream whose URL is an address of this Switchboard. */
export function refuseOwnAddresses(listening: Listening, port: number, upstreams: Upstreams): void {
  const problems = ownAddresses(listening, port, upstreams);
  if (problems.length === 0) return;
  const detail = problems.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  throw new SwitchboardError('SWB_CONFIG_INVALID', { detail, data: { problems } });
}

function isOwn(url: URL, port: number, { host, allowedHosts }: Listening): boolean {
  const urlPort = url.port || DEFAULT_PORTS[url.protocol];
  const name = hostOf(url).toLowerCase();
  const isAllowed = allowedHosts.some((each) => {
    const allowed = each.toLowerCase();
    return allowed === `${url.hostname}:${urlPort}` || (allowed === url.hostname && urlPort === String(port));
  });
  return isAllowed || (urlPort === String(port) && leadsTo(name, host));
}

/** Whether a name, or an address, leads to what listens on a host. */
function leadsTo(name: string, host: string): boolean {
  if (name === host.toLowerCase()) return true;
  const isLocal = name === 'localhost' || name.endsWith('.localhost');
  if (host !== '0.0.0.0' && host !== '::') return isLocal ? isLoopback(host) : host === 'localhost' && isLoopback(name);
  if (isLocal || isLoopback(name) || name === '0.0.0.0' || name === '::' || name === hostname().toLowerCase())
    return true;
  return Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === name));
}
