/** Who is behind a request that one node passes on to another, as it was found out where the request came in. */
import { z } from 'zod';

import type { Identity } from '../auth/identity.ts';
import { SwitchboardError } from '../protocol/errors.ts';

export const CALLER_HEADER = 'switchboard-peer-caller';

export interface PeerCaller {
  identity: Identity;
  /** The client's, through the proxies that are trusted where it came in. */
  address: string;
}

const identity = z.object({
  principal: z.string(),
  roles: z.array(z.string()),
  scopes: z.array(z.string()),
  claims: z.record(z.string(), z.string()),
  expiresAt: z.number().optional(),
  via: z.enum(['nothing', 'api key', 'jwt', 'token', 'certificate']),
  grant: z.string().optional(),
});
const shape = z.object({ identity, address: z.string() });

export const encodeCaller = ({ identity, address }: PeerCaller): string =>
  Buffer.from(JSON.stringify({ identity, address })).toString('base64url');

/** @throws {SwitchboardError} `SWB_BAD_REQUEST`: the other node is of another version, as a signed header is what was sent. */
export function decodeCaller(header: string | string[] | undefined): PeerCaller {
  try {
    const parsed = shape.parse(JSON.parse(Buffer.from(String(header), 'base64url').toString('utf8')));
    const { expiresAt, grant, ...known } = parsed.identity;
    return {
      address: parsed.address,
      identity: { ...known, ...(expiresAt !== undefined && { expiresAt }), ...(grant !== undefined && { grant }) },
    };
  } catch (cause) {
    throw new SwitchboardError('SWB_BAD_REQUEST', { detail: `${CALLER_HEADER} cannot be read`, cause });
  }
}
