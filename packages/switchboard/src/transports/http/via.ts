/**
 * The header in which a Switchboard names itself to its upstreams, after those that the request has passed before. It ends loops: of a
 * Switchboard that is its own upstream, whatever name or proxy leads back to it, and of several that are each other's.
 */
import type { IncomingHttpHeaders } from 'node:http';

import { SwitchboardError } from '../../protocol/errors.ts';

export const VIA_HEADER = 'switchboard-via';
/** How many Switchboards a request may have passed before this one. */
export const MAX_HOPS = 8;

const ID = /^[\w-]{1,64}$/;

/** The ids of the Switchboards that a request has passed, the first one first. Whatever is no id is left out. */
export function readVia(headers: IncomingHttpHeaders): readonly string[] {
  const value = headers[VIA_HEADER];
  return typeof value !== 'string' ? [] : value.split(',').flatMap((id) => (ID.test(id.trim()) ? [id.trim()] : []));
}

export const viaHeader = (passed: readonly string[], own: string): Record<string, string> => ({
  [VIA_HEADER]: [...passed, own].join(', '),
});

/** @throws {SwitchboardError} `SWB_LOOP` when the request has passed this Switchboard before, or too many others. */
export function refuseLoop(headers: IncomingHttpHeaders, own: string): void {
  const passed = readVia(headers);
  if (passed.includes(own)) {
    const way = passed.at(-1) === own ? 'one of its upstreams is its own address' : 'an upstream leads back to it';
    throw new SwitchboardError('SWB_LOOP', { detail: `this Switchboard sent the request itself: ${way}. Remove it` });
  }
  if (passed.length <= MAX_HOPS) return;
  const detail = `it passed ${passed.length} Switchboards, and the limit is ${MAX_HOPS}. Check that none has another as its upstream that leads back`;
  throw new SwitchboardError('SWB_LOOP', { detail });
}
