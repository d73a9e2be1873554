/** What stands for a modern client over HTTP when its home is looked for: those who share a member have the same. */
import { createHash } from 'node:crypto';

import { META, metaOf } from '../protocol/eras.ts';
import type { RpcRequest } from '../protocol/jsonrpc.ts';
import type { HttpVisit } from './http-visit.ts';

/** So many homes the clients of one principal at one address have at the most, whatever they call themselves. */
const HOMES_EACH = 16;

export function homeName({ identity, address }: HttpVisit, { params }: RpcRequest): string {
  const meta = metaOf(params);
  const said = JSON.stringify([meta?.[META.clientCapabilities], meta?.[META.clientInfo]]);
  const share = createHash('sha256').update(said).digest()[0]! % HOMES_EACH;
  return JSON.stringify([identity.principal, address, share]);
}
