/** Who is behind a request that one node passes on to another, as it was found out where the request came in. */
import { z } from 'zod';

import { IDENTITY } from '../auth/identity-schema.ts';
import type { Identity } from '../auth/identity.ts';
import { SwitchboardError } from '../protocol/errors.ts';

export const CALLER_HEADER = 'switchboard-peer-caller';

export interface PeerCaller {
  identity: Identity;
  /** The client's, through the proxies that are trusted where it came in. */
  address: string;
}

const shape = z.object({ identity: IDENTITY, address: z.string() });

export const encodeCaller = ({ identity, address }: PeerCaller): string =>
  Buffer.from(JSON.stringify({ identity, address })).toString('base64url');

/** @throws {SwitchboardError} `SWB_BAD_REQUEST`: the other node is of another version, as a signed header is what was sent. */
export function decodeCaller(header: string | string[] | undefined): PeerCaller {
  try {
    return shape.parse(JSON.parse(Buffer.from(String(header), 'base64url').toString('utf8')));
  } catch (cause) {
    throw new SwitchboardError('SWB_BAD_REQUEST', { detail: `${CALLER_HEADER} cannot be read`, cause });
  }
}
