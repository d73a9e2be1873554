/** An identity that comes from elsewhere: from the store, or from another node. */
import { z } from 'zod';
import type { ZodType } from 'zod';

import type { Identity } from './identity.ts';

export const IDENTITY: ZodType<Identity> = z
  .object({
    principal: z.string(),
    roles: z.array(z.string()),
    scopes: z.array(z.string()),
    claims: z.record(z.string(), z.string()),
    expiresAt: z.number().optional(),
    via: z.enum(['nothing', 'api key', 'jwt', 'token', 'certificate']),
    grant: z.string().optional(),
  })
  .transform(({ expiresAt, grant, ...known }): Identity => ({
    ...known,
    ...(expiresAt !== undefined && { expiresAt }),
    ...(grant !== undefined && { grant }),
  }));
