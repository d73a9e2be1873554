/** Whom limits are counted for. */
import { ANONYMOUS } from '../auth/identity.ts';
import { addressBlock } from '../util/address.ts';
import type { Arrival } from './arrival.ts';

type Counted = Pick<Arrival, 'identity' | 'id' | 'address' | 'loose'>;

/**
 * Whose rate it is, and whose turn in a queue: the principal's, over everything that it has open. Of clients that are not known each
 * connection and session counts for itself; modern requests over HTTP have neither, and count for their address.
 */
export function accountOf(arrival: Counted): string {
  return namesOf(arrival).account;
}

/** Who shares what there is for all: the principal, or all clients of one address together where they are not known. */
export function originOf(arrival: Counted): string {
  return namesOf(arrival).origin;
}

interface Names {
  account: string;
  origin: string;
}

/** Both are asked for with every request, and stay the same as long as a connection or session does: who renews it is the same principal. */
const KNOWN: WeakMap<Counted, Names> = new WeakMap();

function namesOf(arrival: Counted): Names {
  const known = KNOWN.get(arrival);
  if (known !== undefined) return known;
  const { identity, id, address, loose } = arrival;
  const place = address === undefined ? `connection ${id}` : `address ${addressBlock(address)}`;
  const isKnown = identity.principal !== ANONYMOUS;
  const names: Names = isKnown
    ? { account: `principal ${identity.principal}`, origin: `principal ${identity.principal}` }
    : { account: loose === true ? place : `connection ${id}`, origin: place };
  KNOWN.set(arrival, names);
  return names;
}
