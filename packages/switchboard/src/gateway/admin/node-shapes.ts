/** What the admin API says of the nodes of a cluster, as schemas. */
import { z } from 'zod';

const count = z.number().int();
const ms = z.number().describe('ms');
const byName = z.record(z.string(), count);

/** Those that one of them sees. */
export const knownNodes: z.ZodType = z.array(
  z.strictObject({
    id: z.string(),
    name: z.string(),
    url: z.string().describe('where the other nodes reach it'),
    version: z.string(),
    state: z.enum(['serving', 'draining']),
    startedAt: z.number().describe('ms since 1970'),
    self: z.boolean().describe('whether it is the one that answers'),
    sameUpstreams: z.boolean().describe('whether its upstreams are configured as here'),
  }),
);

/** What one says of itself. */
export const nodeFacts: z.ZodType = z.strictObject({
  node: z.string().optional().describe('the name of the node that says it'),
  id: z.string(),
  epoch: count.optional().describe('of its lease'),
  leaseEndsInMs: ms.optional().describe('how long its lease holds unless it is renewed, in ms'),
  owned: count.describe('places of members that are its own'),
  lent: count.describe('parts that other nodes have in its members'),
  storeLagMs: ms.describe('for how long the oldest entry of its logs waits to be written, in ms'),
  sessions: count.describe('connections and sessions'),
  requests: count,
  memoryBytes: z.number(),
  members: byName.describe('that run here, by their servers'),
  elsewhere: byName.describe('that it uses at other nodes, by the names of those'),
});
