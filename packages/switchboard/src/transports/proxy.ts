/**
 * Ways to remote servers through a proxy, as the variables `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name it.
 *
 * Every connection is a tunnel (`CONNECT`, RFC 9110, section 9.3.6), so that HTTP, TLS and WebSocket pass unseen and unchanged, and so that
 * Switchboard, not the proxy, decides which address a name stands for where addresses are checked.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { BlockList, isIP } from 'node:net';
import type { LookupFunction, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { SwitchboardError } from '../protocol/errors.ts';
import { isLoopback } from '../util/address.ts';
import { hostOf } from './safe-lookup.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** How long a proxy may take to open a tunnel. */
const TUNNEL_TIMEOUT_MS = 15_000;

/**
 * The proxy for a URL; none for this machine's own addresses and for what `NO_PROXY` names.
 *
 * @throws {SwitchboardError} `SWB_CONNECT_FAILED` when the variable has no usable URL; the message does not repeat its value.
 */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  const isSecure = /^(https|wss):$/.test(url.protocol);
  const variable = isSecure ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const value = environment[variable.toLowerCase()] || environment[variable];
  if (!value || isDirect(url, environment['no_proxy'] || environment['NO_PROXY'] || '')) return undefined;
  const text = value.includes('://') ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy !== undefined && /^https?:$/.test(proxy.protocol) && proxy.hostname !== '') return proxy;
  const detail = `the environment variable ${variable} is not the URL of an http or https proxy`;
  throw new SwitchboardError('SWB_CONNECT_FAILED', { detail });
}

function isDirect(url: URL, noProxy: string): boolean {
  const host = hostOf(url).toLowerCase();
  if (isLoopback(host) || host === 'localhost' || host.endsWith('.localhost')) return true;
  const entries = noProxy.toLowerCase().split(/[,\s]+/);
  return entries.some((entry) => entry !== '' && isNamed(host, portOf(url), entry));
}

/** `*`, a name, which stands for all below it too, a name with a port, an address, or a network such as `10.0.0.0/8`. */
function isNamed(host: string, port: number, entry: string): boolean {
  if (entry === '*') return true;
  const [, network = '', bits = ''] = /^([\da-f.:]+)\/(\d{1,3})$/.exec(entry) ?? [];
  if (isIP(network) !== 0) return isWithin(host, network, Number(bits));
  const [, name = entry, ownPort] = /^(\[[\da-f:.]+\]|[^:]*):(\d+)$/.exec(entry) ?? [];
  if (ownPort !== undefined && Number(ownPort) !== port) return false;
  const bare = name.replace(/^\[|\]$/g, '').replace(/^\*?\./, '');
  return host === bare || (isIP(host) === 0 && host.endsWith(`.${bare}`));
}

function isWithin(host: string, network: string, bits: number): boolean {
  const family = isIP(network) === 4 ? 'ipv4' : 'ipv6';
  if (isIP(host) !== isIP(network) || bits > (family === 'ipv4' ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, bits, family);
  return list.check(host, family);
}

const portOf = ({ port, protocol }: URL): number =>
  port !== '' ? Number(port) : /^(https|wss):$/.test(protocol) ? 443 : 80;

export class Tunnel {
  readonly #proxy: URL;
  readonly #lookup: LookupFunction | undefined;

  /**
   * @param lookup finds and checks the address of a name, and the proxy is asked for that very address. @default the proxy gets the name
   */
  constructor(proxy: URL, lookup?: LookupFunction) {
    this.#proxy = proxy;
    this.#lookup = lookup;
  }

  /** An agent for one connection. @param protocol as in a URL, `http:` or `https:`. */
  agent(protocol: string, tls: object = {}): HttpAgent {
    const agent = protocol === 'https:' ? new HttpsAgent(tls) : new HttpAgent();
    this.use(agent);
    return agent;
  }

  /** Makes all connections of an agent go through the proxy. */
  use(agent: HttpAgent): void {
    const isSecure = agent instanceof HttpsAgent;
    const startTls = (agent as unknown as { createConnection(options: object): Duplex }).createConnection;
    const create = (
      options: { host: string; port: number | string; lookup?: unknown },
      settle: (error: Error | null, socket?: Duplex) => void,
    ): void => {
      this.#open(options.host, Number(options.port)).then(
        (socket) => settle(null, isSecure ? startTls.call(agent, { ...options, socket }) : socket),
        (error: Error) => settle(error),
      );
    };
    Object.assign(agent, { createConnection: create });
  }

  async #open(host: string, port: number): Promise<Socket> {
    const address = await this.#addressOf(host);
    const target = `${isIP(address) === 6 ? `[${address}]` : address}:${port}`;
    const { protocol, origin } = this.#proxy;
    const send = protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const request = send({
        host: hostOf(this.#proxy),
        port: portOf(this.#proxy),
        method: 'CONNECT',
        path: target,
        headers: { host: target, ...authorizationOf(this.#proxy) },
        agent: false,
      });
      const fail = (why: string, code?: string): void => {
        request.destroy();
        reject(Object.assign(new Error(`the proxy ${origin} ${why}`), { code }));
      };
      request.setTimeout(TUNNEL_TIMEOUT_MS, () => fail(`did not open a tunnel to ${target} in time`));
      request.once('error', (cause: NodeJS.ErrnoException) => fail(`cannot be reached: ${cause.message}`, cause.code));
      request.once('response', ({ statusCode }) => fail(`answered CONNECT ${target} with ${statusCode}`));
      request.once('connect', ({ statusCode = 0 }, socket: Socket, head: Buffer) => {
        socket.setTimeout(0);
        if (statusCode < 200 || statusCode > 299) {
          socket.destroy();
          fail(`refused CONNECT ${target} with ${statusCode}`);
          return;
        }
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
      });
      request.end();
    });
  }

  #addressOf(host: string): Promise<string> {
    const lookup = this.#lookup;
    const bare = host.replace(/^\[|\]$/g, '');
    if (lookup === undefined || isIP(bare) !== 0) return Promise.resolve(bare);
    return new Promise((resolve, reject) => {
      lookup(bare, {}, (error, address) => {
        if (error === null && typeof address === 'string') resolve(address);
        else if (error === null) reject(new Error(`${bare} has several addresses where one was asked for`));
        else if (error.syscall === undefined) reject(error);
        else {
          const why = `${bare} cannot be looked up here (${error.code}), so its address cannot be checked`;
          const advice = 'set allowPrivateUpstreams to let the proxy look it up';
          reject(Object.assign(new Error(`${why}; ${advice}`), { code: error.code }));
        }
      });
    });
  }
}

function authorizationOf({ username, password }: URL): Record<string, string> {
  if (username === '') return {};
  const credentials = new URLSearchParams(`u=${username}&p=${password}`.replaceAll('+', '%2B'));
  const text = `${credentials.get('u')}:${credentials.get('p')}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(text).toString('base64')}` };
}

/** `fetch` through a proxy. Redirects and time limits are the caller's affair. */
export async function fetchThrough(proxy: URL): Promise<typeof globalThis.fetch> {
  const { ProxyAgent, fetch } = await import('undici');
  const dispatcher = new ProxyAgent({ uri: proxy.href, proxyTunnel: true });
  return ((input, init) => fetch(input as string, { ...(init as object), dispatcher })) as typeof globalThis.fetch;
}
