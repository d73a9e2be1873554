/**
 * Looks names of remote servers up so that a name of the outside cannot stand for an address of the inside (SSRF, DNS rebinding): what is
 * checked is the very address that is then connected to, at every connection.
 */
import { lookup } from 'node:dns';
import type { LookupAddress, LookupOptions } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import type { LookupFunction } from 'node:net';

import { canonicalAddress, groupsOf, ipv4Of } from '../util/address.ts';

/** Where clouds tell machines their secrets, and what else is never asked on purpose. */
const NEVER = blockList([
  '169.254.0.0/16',
  'fe80::/10',
  // Of Amazon, Google and Alibaba, within the addresses of private networks.
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
  '100.100.100.200/32',
  '0.0.0.0/8',
  '::/128',
  '224.0.0.0/3',
  'ff00::/8',
]);
/** Of this machine and of networks that are not the internet's (RFC 1918, 3879, 4193, 6598). */
const INSIDE = blockList([
  '127.0.0.0/8',
  '::1/128',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  'fc00::/7',
  'fec0::/10',
  '64:ff9b:1::/48',
  '198.18.0.0/15',
]);

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    list.addSubnet(address, Number(bits), isIP(address) === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

const within = (list: BlockList, address: string): boolean =>
  spellingsOf(address).some((each) => list.check(each, isIP(each) === 4 ? 'ipv4' : 'ipv6'));

/**
 * An address, and the IPv4 address that a network may turn it into: mapped (`::ffff:…`), of NAT64 (RFC 6052), 6to4 (RFC 3056), or the
 * old compatible form (`::127.0.0.1`).
 */
function spellingsOf(address: string): string[] {
  const canonical = canonicalAddress(address);
  const groups = groupsOf(canonical);
  if (groups === undefined) return [canonical];
  const [first = 0, second = 0, third = 0] = groups;
  const isEmpty = (from: number): boolean => groups.slice(from, 6).every((group) => group === 0);
  const isNat64 = first === 0x64 && second === 0xff9b && isEmpty(2);
  // `::` and `::1` are addresses of their own.
  const isCompatible = first === 0 && second === 0 && isEmpty(2) && groups[6] !== 0;
  if (isNat64 || isCompatible) return [canonical, ipv4Of(groups[6]!, groups[7]!)];
  return first === 0x2002 ? [canonical, ipv4Of(second, third)] : [canonical];
}

/** Whether who wrote this host name meant something on the inside: an address, or a name that the internet does not have. */
const meansInside = (host: string): boolean =>
  isIP(host) !== 0 || !host.includes('.') || /\.(local|localhost|internal|lan|home\.arpa|test)$/i.test(host);

/** @returns why the address may not be connected to under this name; nothing where it may. */
export function refusedAddress(host: string, address: string): string | undefined {
  const isRefused = within(NEVER, address) || (!meansInside(host) && within(INSIDE, address));
  return isRefused
    ? `${host} is at ${address}, which is not of the internet; to allow it, set allowPrivateUpstreams`
    : undefined;
}

/** A URL's host without the brackets of IPv6. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '');

/** Asks for all addresses of a name. */
export type FindAddresses = (
  host: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * For the option `lookup` of connections. An address that may not be is an error, even if others may.
 *
 * @param find @default the system's
 */
export const checkedLookup =
  (find: FindAddresses = lookup): LookupFunction =>
  (host, options, callback) => {
    find(host, { ...options, all: true }, (error, addresses) => {
      const refused = addresses?.map(({ address }) => refusedAddress(host, address)).find((why) => why !== undefined);
      const [first] = addresses ?? [];
      if (error !== null || first === undefined) callback(error ?? new Error(`${host} has no address`), '');
      else if (refused !== undefined) callback(Object.assign(new Error(refused), { code: 'ENOTFOUND' }), '');
      else if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
