/**
 * Where a request comes from. A proxy stands between, so the connection shows the proxy's address; what the proxy says in a header
 * counts only if the proxy is one that is trusted, as everybody can send such a header.
 */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

import { canonicalAddress } from '../../util/address.ts';

const MAX_HOPS = 16;

/** What a proxy on the same machine comes from. */
export const OWN_MACHINE: readonly string[] = ['127.0.0.0/8', '::1'];

/** @returns nothing for what is no address and no network such as `10.0.0.0/8`. */
export function networkOf(text: string): { address: string; prefix: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [, address = '', bits] = /^([\da-f.:]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0) return undefined;
  const most = version === 4 ? 32 : 128;
  const prefix = bits === undefined ? most : Number(bits);
  return prefix > most ? undefined : { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' };
}

export class Proxies {
  /** Nothing where nobody is trusted: a look into a list costs each request more than finding its session. */
  readonly #trusted: BlockList | undefined;

  /** @param networks addresses and networks of proxies; others are passed over. */
  constructor(networks: readonly string[]) {
    if (networks.length === 0) return;
    this.#trusted = new BlockList();
    for (const text of networks) {
      const network = networkOf(text);
      if (network !== undefined) this.#trusted.addSubnet(network.address, network.prefix, network.family);
    }
  }

  has(address: string): boolean {
    if (this.#trusted === undefined) return false;
    const plain = canonicalAddress(address);
    const version = isIP(plain);
    return version !== 0 && this.#trusted.check(plain, version === 4 ? 'ipv4' : 'ipv6');
  }

  /**
   * The address of who sent the request: the connection's, or, through trusted proxies, the last one on the way that is none of
   * them. Where `X-Forwarded-For` and `Forwarded` (RFC 7239) are both there and disagree, one was made up, and neither counts.
   */
  clientOf({ socket, headers }: IncomingMessage): string {
    const peer = canonicalAddress(socket.remoteAddress ?? '');
    if (!this.has(peer)) return peer;
    const [usual, standard] = [headers['x-forwarded-for'], headers.forwarded];
    const ways = [
      ...(usual === undefined ? [] : [String(usual).split(',')]),
      ...(standard === undefined ? [] : [forwardedFor(standard)]),
    ];
    const clients = new Set(ways.map((way) => this.#clientOn(way)));
    const [client] = clients;
    return clients.size === 1 ? (client ?? peer) : peer;
  }

  /** From the nearest to the farthest, as only who is trusted can be believed about who came before. */
  #clientOn(way: readonly string[]): string | undefined {
    let last: string | undefined;
    for (const hop of way.slice(-MAX_HOPS).toReversed()) {
      const address = addressIn(hop);
      if (address === undefined) return last;
      last = address;
      if (!this.has(address)) return address;
    }
    return last;
  }
}

const forwardedFor = (header: string): string[] =>
  header.split(',').map((element) => /(?:^|;)\s*for=("[^"]*"|[^;,\s]*)/i.exec(element)?.[1]?.replaceAll('"', '') ?? '');

/** The address in `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`. */
function addressIn(hop: string): string | undefined {
  const text = hop.trim();
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  return isIP(bare) === 0 ? undefined : canonicalAddress(bare);
}
