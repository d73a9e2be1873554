/** Whom limits are counted for. */
import { ANONYMOUS } from '../auth/identity.ts';
import { addressBlock } from '../util/address.ts';
import type { Arrival } from './arrival.ts';

type Counted = Pick<Arrival, 'identity' | 'id' | 'address' | 'loose'>;

/**
 * Whose rate it is, and whose turn in a queue: the principal's, over everything that it has open. Of clients that are not known each
 * connection and session counts for itself; modern requests over HTTP have neither, and count for their address.
 */
export function accountOf({ identity, id, address, loose }: Counted): string {
  if (identity.principal !== ANONYMOUS) return `principal ${identity.principal}`;
  return loose === true && address !== undefined ? `address ${addressBlock(address)}` : `connection ${id}`;
}

/** Who shares what there is for all: the principal, or all clients of one address together where they are not known. */
export function originOf({ identity, id, address }: Counted): string {
  if (identity.principal !== ANONYMOUS) return `principal ${identity.principal}`;
  return address === undefined ? `connection ${id}` : `address ${addressBlock(address)}`;
}
