/** IP addresses in one spelling, and as limits count them. */
import { isIPv4, isIPv6 } from 'node:net';

/** What everything of this machine counts as. */
const THIS_MACHINE = '127.0.0.1';

/**
 * Whether a host stands for this machine alone: `localhost`, or an address of 127.0.0.0/8 or `::1`, also in brackets as URLs have it. A name
 * that only resolves to such an address does not count.
 */
export const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/.test(host);

/** The eight groups of an IPv6 address, whichever way it is written; nothing for any other text. */
export function groupsOf(address: string): number[] | undefined {
  const [plain = ''] = address.split('%', 1);
  if (!isIPv6(plain)) return undefined;
  // The URL parser writes an address in one way, without dots.
  const [head = '', tail] = new URL(`http://[${plain}]`).hostname.slice(1, -1).split('::');
  const read = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [before, after] = [read(head), read(tail ?? '')];
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}

/** The IPv4 address that two groups of an IPv6 address stand for. */
export const ipv4Of = (high: number, low: number): string => [high >> 8, high & 255, low >> 8, low & 255].join('.');

/**
 * An address in one spelling: IPv6 as RFC 5952 writes it and without a zone, IPv4 in IPv6 (`::ffff:192.0.2.1`) as IPv4. A text that is no
 * address is returned as it is.
 */
export function canonicalAddress(address: string): string {
  if (!address.includes(':')) return address;
  const groups = groupsOf(address);
  if (groups === undefined) return address;
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) return ipv4Of(groups[6]!, groups[7]!);
  return new URL(`http://[${address.split('%', 1)[0]}]`).hostname.slice(1, -1);
}

/**
 * What limits count an address as: whoever has one IPv6 address has its whole /64, and every loopback address is this machine.
 *
 * @returns an IPv4 address, `2001:db8:0:1::/64`, or the text as it is when it is no address.
 */
export function addressBlock(address: string): string {
  const canonical = canonicalAddress(address);
  if (isIPv4(canonical)) return canonical.startsWith('127.') ? THIS_MACHINE : canonical;
  if (canonical === '::1') return THIS_MACHINE;
  const groups = groupsOf(canonical);
  if (groups === undefined) return canonical;
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}
