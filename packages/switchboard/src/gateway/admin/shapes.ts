/** What the admin API takes and gives, as schemas: requests are checked by them, and the OpenAPI document shows them. */
import { z } from 'zod';

import { duration } from '../option-types.ts';
import { parseDuration } from '../../util/units.ts';
import { MAX_RECENT } from '../../observe/recent-requests.ts';
import type { AuditFilter } from '../../observe/audit-reader.ts';
import type { NewKey } from '../keys.ts';
import type { QuestionAnswer } from '../tool-trial.ts';
import { MAX_LINES as MAX_AUDIT_LINES } from './audit.ts';
import type { AuditFormat, AuditSearch } from './audit.ts';
import { knownNodes } from './node-shapes.ts';
import { MAX_LINES } from './recent-log.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import type { LogLevel } from '../../observe/log.ts';

const time = z.number().describe('ms since 1970');
const ms = z.number().describe('ms');
const count = z.number().int();
const transport = z.enum(['websocket', 'http', 'sse', 'stdio', 'memory']);
const era = z.enum(['legacy', 'modern']);
const node = z.string().optional().describe('in a cluster: the name of the node that has it');
const nodes = z
  .record(z.string(), z.unknown())
  .optional()
  .describe('in a cluster: what each node answered, by its name, or the error');
const trace = z.string().optional().describe('the trace that it belongs to: 32 hexadecimal digits');
const times = z
  .strictObject({
    turn: ms.optional().describe('its turn had come: no limit held it back any more'),
    server: ms.optional().describe('there was a server to serve it'),
    sent: ms.optional().describe('it was handed to the connection to its server'),
    progress: ms.optional().describe('its server reported progress for the first time'),
    answered: ms.optional().describe('its outcome was known'),
    asked: ms.optional().describe('a sum: for how long its client was asked something meanwhile'),
    held: ms.optional().describe('a span after answered: for how long the answer is kept back behind a progress note'),
  })
  .optional()
  .describe('moments of its way, in ms after it was opened; one that it did not come to is absent');
export const request: z.ZodType = z.strictObject({
  node,
  id: z.string().describe('as in the log, the audit log and traces'),
  method: z.string(),
  target: z.string().optional().describe("the tool or prompt, or the scheme of the resource's URI"),
  upstream: z.string(),
  session: z.string().describe('of modern HTTP, which has none, the address of the client'),
  clientKey: z.string().optional().describe('of modern HTTP: the key of its client in the list of sessions'),
  principal: z.string(),
  transport,
  era,
  state: z.enum(['queued', 'running', 'parked']),
  ageMs: ms,
  trace,
  times,
});

export const upstream: z.ZodType = z.strictObject({
  node,
  name: z.string(),
  isolation: z.enum(['session', 'principal', 'shared', 'pool']),
  state: z
    .enum(['idle', 'ready', 'failed', 'failing', 'off'])
    .describe(
      'failed: its last start did; failing: it failed too often, and is not started for a while; off: an operator or the configuration has switched it off',
    ),
  reason: z.string().optional().describe('why it failed'),
  failing: z.looseObject({ since: time, reason: z.string() }).optional(),
  server: z
    .strictObject({ name: z.string().optional(), version: z.string().optional() })
    .optional()
    .describe('how the last one that was started calls itself'),
  capabilities: z
    .array(z.string())
    .optional()
    .describe('what it declared, such as tools and tools.listChanged; absent before one was started'),
  running: count,
  waiting: count.describe('requests that wait for their turn'),
  members: z.array(
    z.strictObject({
      slot: z.string(),
      state: z.enum(['starting', 'ready', 'failing', 'retiring']),
      pid: count.optional(),
      node: z.string().optional().describe('in a cluster: the name of the node that runs it, where that is another'),
      era: era.optional(),
      version: z.string().optional(),
      startedAt: time.optional(),
      requests: count,
      inFlight: count,
      restarts: count,
      lastReason: z.string().optional(),
      memoryBytes: z.number().optional(),
      cpuMs: z.number().optional(),
    }),
  ),
});

export const checkResult: z.ZodType = z.strictObject({
  era,
  version: z.string(),
  server: z.record(z.string(), z.unknown()).optional().describe("the server's own name and version"),
  tools: count.optional(),
  prompts: count.optional(),
  resources: count.optional(),
  ms,
});

export const status: z.ZodType = z.strictObject({
  version: z.string(),
  state: z.enum(['serving', 'draining']),
  pid: count,
  node: z.string(),
  startedAt: time,
  uptimeMs: ms,
  memoryBytes: z.number().describe('resident, of Switchboard itself'),
  clients: count.describe('those that sessions lists'),
  connections: count.describe('of them those that count for maxConnections'),
  requests: count,
  parked: count,
  maxConnections: count,
  maxRequestsInFlight: count.describe('of one principal; all clients of a simulation are one'),
  authentication: z.boolean().describe('whether callers must show a key, token or certificate'),
  rest: z.boolean().describe('whether tools are served as plain HTTP too'),
  traceUrl: z.string().optional().describe('where the trace system shows a trace; {traceId} stands for its id'),
  nodes: knownNodes.optional().describe('in a cluster: those that are there, oldest first'),
  upstreams: z.array(
    z.strictObject({
      name: z.string(),
      state: z.enum(['idle', 'ready', 'failed', 'failing', 'off']),
      reason: z.string().optional(),
      members: count,
      running: count,
    }),
  ),
});

const problem = z.strictObject({
  level: z.enum(['warn', 'error']),
  text: z.string(),
  advice: z.string(),
  about: z.strictObject({ kind: z.enum(['upstream', 'session', 'request', 'person']), id: z.string() }).optional(),
});

export const health: z.ZodType = z.strictObject({
  ok: z.boolean(),
  problems: z.array(problem).describe('the gravest first'),
});

export const recentRequest: z.ZodType = z.strictObject({
  nr: count.describe('counted from 1'),
  time: time.describe('when it ended, in ms since 1970'),
  id: z.string().optional(),
  method: z.string(),
  target: z.string().optional(),
  upstream: z.string(),
  session: z.string().optional(),
  principal: z.string(),
  transport,
  era: era.optional(),
  ms: ms.optional(),
  outcome: z.enum(['ok', 'isError', 'error', 'cancelled', 'refused']),
  error: z.string().optional().describe("the name of Switchboard's own error, or the number of the server's"),
  trace,
  times,
  bytesIn: count.optional().describe('of the params; without an audit log only of large arguments of a tool'),
  bytesOut: count.optional().describe('of the answer; without an audit log only of one of 2 KiB or more'),
});

export const stderrLine: z.ZodType = z.strictObject({
  nr: count.describe('counted from 1'),
  time,
  pid: count.optional(),
  line: z.string(),
});

export const recent: z.ZodType<{ after?: number | undefined; limit?: number | undefined }> = z.strictObject({
  after: z.coerce.number().int().min(0).optional().describe('only those with a higher number'),
  limit: z.coerce.number().int().min(1).max(MAX_RECENT).optional().describe('how many of the newest'),
});
export const topics: z.ZodType<{ topics: string }> = z.strictObject({
  topics: z.string().describe('names, with commas'),
});
export const link: z.ZodType<{ role?: 'operator' | 'viewer' | 'auditor' | undefined }> = z.strictObject({
  role: z.enum(['operator', 'viewer', 'auditor']).optional().describe('what its opener may do; operator by default'),
});
export const consoleLink: z.ZodType = z.strictObject({
  url: z.string().describe('good once; the secret is behind #'),
  expiresAt: time,
});

export const survey: z.ZodType = z.strictObject({
  roles: z.array(z.string()).describe('those of the configuration'),
  tools: z.array(
    z.strictObject({
      upstream: z.string(),
      name: z.string(),
      title: z.string().optional(),
      description: z.string(),
      inputSchema: z.looseObject({}),
      annotations: z.looseObject({}).optional(),
      hidden: z.string().optional().describe('the rule that hides it; absent where it is seen'),
    }),
  ),
  failed: z
    .array(z.strictObject({ upstream: z.string(), reason: z.string() }))
    .describe('servers that could not be asked'),
});
export const toolChange: z.ZodType = z.strictObject({
  time: time.describe('when it was seen'),
  added: z.array(z.string()),
  removed: z.array(z.string()),
  changed: z.array(
    z.strictObject({
      tool: z.string(),
      parts: z.array(z.strictObject({ part: z.string(), before: z.string(), after: z.string() })),
    }),
  ),
});
export const asSeenBy: z.ZodType<{ role?: string | undefined; principal?: string | undefined }> = z
  .strictObject({
    role: z.string().optional().describe('as callers with this role see them'),
    principal: z.string().optional().describe('as this principal sees them, which must be connected'),
  })
  .refine(({ role, principal }) => role === undefined || principal === undefined, 'give a role or a principal');
export const trial: z.ZodType<{ tool: string; arguments?: JsonObject | undefined; role?: string | undefined }> =
  z.strictObject({
    tool: z.string(),
    arguments: z.record(z.string(), z.unknown()).optional(),
    role: z.string().optional().describe('the only one of the call; without it, all'),
  });

export const answers: z.ZodType<{ answers: Readonly<Record<string, QuestionAnswer>> }> = z.strictObject({
  answers: z
    .record(
      z.string(),
      z.strictObject({
        action: z.enum(['accept', 'decline', 'cancel']),
        content: z.record(z.string(), z.unknown()).optional(),
      }),
    )
    .describe('by the keys of the questions'),
});
export const person: z.ZodType = z.strictObject({
  node,
  principal: z.string(),
  roles: z.array(z.string()).describe('those of its sessions, requests and keys'),
  effective: z.array(z.string()).describe('those that count; empty where there are no roles'),
  upstreams: z.array(z.string()).describe('that it may use'),
  via: z.array(z.enum(['nothing', 'api key', 'jwt', 'token', 'certificate', 'load'])),
  sessions: count,
  inFlight: count,
  keys: count.describe('good ones'),
  lastActivity: time.optional(),
  quotas: z
    .strictObject({
      rate: z
        .strictObject({ perMinute: z.number(), burst: z.number(), remaining: z.number(), resetMs: ms })
        .optional()
        .describe('absent where there is no limit'),
      running: z.strictObject({ now: count, max: count.optional() }),
      maxSessions: count.optional(),
      maxMessageBytes: count,
    })
    .optional()
    .describe('absent for anonymous, whose clients count each for themselves'),
});
export const lockout: z.ZodType = z.strictObject({
  node,
  address: z.string().describe('or a network of IPv6'),
  failures: count,
  lastAt: time,
  waitMs: ms.describe('how long credentials from there are not looked at that were never right before'),
});
const keyFacts = {
  id: z.string(),
  principal: z.string(),
  roles: z.array(z.string()),
  label: z.string().optional(),
  createdAt: z.string(),
  expiresAt: z.string().optional(),
  revokedAt: z.string().optional(),
  state: z.enum(['good', 'revoked', 'expired']),
};
export const key: z.ZodType = z.strictObject(keyFacts);
export const madeKey: z.ZodType = z.strictObject({ key: z.string().describe('shown once'), ...keyFacts });
export const newKey: z.ZodType<NewKey> = z.strictObject({
  principal: z.string(),
  roles: z.array(z.string()).max(64).optional(),
  label: z.string().max(200).optional().describe('what it is for'),
  expires: duration.optional().meta({ type: ['string', 'number'], description: 'after how long it ends, as 90d' }),
});

const moment = z
  .string()
  .transform((text, context) => {
    const ago = parseDuration(text);
    const at = ago === undefined ? Date.parse(text) : Date.now() - ago;
    if (Number.isFinite(at)) return at;
    const expected = 'expected a time such as 2026-11-29T22:00:00Z, or how long ago, such as 2h';
    context.addIssue({ code: 'custom', message: `${expected}; got ${JSON.stringify(text)}` });
    return z.NEVER;
  })
  .optional()
  .meta({ type: 'string', description: 'a time of ISO 8601, or how long ago, such as 2h' });
const auditFilter = {
  principal: z.string().optional().describe('who: a part of the name of the principal or operator'),
  client: z.string().optional().describe('a part of how the client named itself'),
  tool: z.string().optional().describe('a part of the tool or prompt, the method, or what an operator did'),
  upstream: z.string().optional().describe('a part of the name of the server'),
  type: z.string().optional().describe('of the line, such as request.ended'),
  outcome: z.enum(['ok', 'isError', 'error', 'cancelled', 'refused', 'other']).optional(),
  since: moment,
  until: moment,
};
export const auditSearch: z.ZodType<AuditSearch> = z.strictObject({
  ...auditFilter,
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_AUDIT_LINES)
    .optional()
    .describe('how many of the newest; 100 by default'),
  before: z.coerce.number().int().min(0).optional().describe('goes on from an earlier answer'),
});
export const auditExport: z.ZodType<AuditFilter & { format?: AuditFormat | undefined }> = z.strictObject({
  ...auditFilter,
  format: z.enum(['ndjson', 'csv']).optional().describe('ndjson by default'),
});
export const auditPage: z.ZodType = z.strictObject({
  lines: z.array(z.looseObject({})).describe('newest first, as they are written'),
  before: count.optional().describe('where older lines end; absent where the beginning of the file was reached'),
  searchedBytes: count,
  redacted: z.array(z.string()).describe('what is not in it, and why'),
});

export const limits: z.ZodType = z
  .record(z.string(), z.union([z.number(), z.enum(['unlimited', 'auto', 'half'])]))
  .describe('by the names of the options: durations in ms, sizes in bytes');

export const change: z.ZodType = z.strictObject({
  added: z.array(z.string()),
  changed: z.array(z.string()),
  removed: z.array(z.string()),
  applied: z.array(z.string()).describe('blocks that changed and hold at once: roles'),
  restartNeeded: z.array(z.string()).describe('settings that changed, but need a restart'),
  nodes,
});

export const broadcast: z.ZodType<{
  method: string;
  params?: Record<string, unknown> | undefined;
  to?: { session?: string; principal?: string; upstream?: string; group?: string } | undefined;
}> = z.strictObject({
  method: z
    .string()
    .regex(/^notifications\/[\w./-]{1,200}$/, 'expected the method of a notification, as notifications/message')
    .describe('of the notification'),
  params: z.record(z.string(), z.unknown()).optional(),
  to: z
    .strictObject({
      session: z.string().optional(),
      principal: z.string().optional(),
      upstream: z.string().optional(),
      group: z.string().optional(),
    })
    .optional()
    .describe('who fits every part; without it everybody') as never,
});

export const drain: z.ZodType<{ timeout?: number | undefined }> = z.strictObject({
  timeout: duration
    .optional()
    .meta({ type: ['string', 'number'], description: 'as 90s or 2m; a number counts seconds' }),
});

export const draining: z.ZodType<{ node?: string | undefined }> = z.strictObject({
  node: z.string().optional().describe('in a cluster: the name or id of the node; the one that is asked by default'),
});

export const counted: z.ZodType = z.strictObject({ count, nodes });
export const restarted: z.ZodType = z.strictObject({ nodes });
export const reason: z.ZodType<{ reason?: string | undefined }> = z.strictObject({
  reason: z.string().max(123).optional().describe('told to the client'),
});
export const watching: z.ZodType<{ type?: string | undefined; node?: string | undefined }> = z.strictObject({
  type: z
    .string()
    .optional()
    .describe('only events of these types, with commas; request.* stands for all that begin so'),
  node: z.string().optional().describe('only those of this node of the cluster'),
});
export const logs: z.ZodType<{
  lines?: number | undefined;
  follow?: 'true' | 'false' | undefined;
  level?: LogLevel | undefined;
}> = z.strictObject({
  lines: z.coerce.number().int().min(0).max(MAX_LINES).optional().describe('how many of the newest; 50 by default'),
  follow: z.enum(['true', 'false']).optional().describe('whether new lines follow'),
  level: z.enum(['trace', 'debug', 'info', 'warn', 'error']).optional().describe('the lowest level'),
});
export const text: z.ZodType = z.string();
export const nothing: z.ZodType = z.strictObject({});
export const anything: z.ZodType = z.looseObject({});
export const list = (of: z.ZodType): z.ZodType => z.array(of);
