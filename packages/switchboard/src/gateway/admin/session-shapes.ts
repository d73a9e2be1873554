/** What the admin API takes and gives of sessions, as schemas. */
import { z } from 'zod';

const time = z.number().describe('ms since 1970');
const ms = z.number().describe('ms');
const transport = z.enum(['websocket', 'http', 'sse', 'stdio', 'memory']);
const era = z.enum(['legacy', 'modern']);
const node = z.string().optional().describe('in a cluster: the name of the node that has it');
const count = z.number().int();
const groups = z.array(z.string().min(1).max(128)).max(64);
const metadata = z.record(z.string().max(128), z.string().max(1024));

export const session: z.ZodType = z.strictObject({
  node,
  id: z.string().describe('its name in logs and tables, no secret; of modern HTTP and REST the address'),
  key: z
    .string()
    .optional()
    .describe('only of a client of modern HTTP or REST: tells it apart from the others behind its address'),
  state: z.enum(['opening', 'ready', 'away', 'closing', 'closed']),
  principal: z.string(),
  upstream: z.string(),
  transport,
  era: era.optional(),
  client: z.strictObject({ name: z.string().optional(), version: z.string().optional() }).optional(),
  version: z.string().optional().describe('the protocol version that it speaks'),
  address: z.string().optional(),
  userAgent: z.string().optional(),
  startedAt: time,
  lastActivity: time,
  inFlight: count.describe('how many of its requests are under way'),
  groups: z.array(z.string()),
  metadata: z.record(z.string(), z.string()),
  allowance: z
    .strictObject({ limit: z.number(), remaining: z.number(), resetMs: ms })
    .optional()
    .describe('how many requests it may make at once, how many are left, and when it has all again'),
  traffic: z
    .strictObject({
      messagesIn: count,
      messagesOut: count,
      bytesIn: count,
      bytesOut: count,
      latencyMs: ms.optional().describe('how long the last ping took'),
    })
    .optional(),
  returns: z
    .strictObject({
      count: count.describe('how often, as far as this process knows'),
      last: z.array(z.strictObject({ time, how: z.enum(['resumed', 'moved']) })).describe('the last few, oldest first'),
    })
    .optional()
    .describe('how its client came back: on a new socket, or at another process than before'),
});

export const sessionMessages: z.ZodType = z.strictObject({
  messages: z.array(
    z.strictObject({
      nr: count.describe('counted from 1, since somebody looks'),
      time,
      direction: z.enum(['in', 'out']).describe('from the client, or to it'),
      kind: z.enum(['request', 'notification', 'result', 'error']),
      name: z.string().describe('the method and the tool or prompt; of an answer those of its request'),
      bytes: count.describe('as JSON, about'),
    }),
  ),
});
export const notes: z.ZodType = z.strictObject({
  groups: groups.optional().describe('takes the place of its groups'),
  metadata: metadata.optional().describe('takes the place of its metadata'),
});
