/** An identity that comes from elsewhere: from the store, or from another node. */
import { z } from 'zod';
import type { ZodType } from 'zod';

import type { Identity } from './identity.ts';

/** All there are: without one of them this does not compile. */
const VIA: { readonly [Via in Identity['via']]: Via } = {
  nothing: 'nothing',
  'api key': 'api key',
  jwt: 'jwt',
  token: 'token',
  certificate: 'certificate',
  load: 'load',
};

export const IDENTITY: ZodType<Identity> = z
  .object({
    principal: z.string(),
    roles: z.array(z.string()),
    scopes: z.array(z.string()),
    claims: z.record(z.string(), z.string()),
    expiresAt: z.number().optional(),
    via: z.enum(VIA),
    grant: z.string().optional(),
  })
  .transform(({ expiresAt, grant, ...known }): Identity => ({
    ...known,
    ...(expiresAt !== undefined && { expiresAt }),
    ...(grant !== undefined && { grant }),
  }));
