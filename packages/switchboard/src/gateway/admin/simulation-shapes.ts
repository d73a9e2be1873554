/** What the routes for runs of the simulator take and give. */
import { z } from 'zod';

import { duration } from '../option-types.ts';
import { LOAD_LIMITS } from '../simulations.ts';
import type { LoadOrder } from '../simulations.ts';

const { clients, durationMs, rate, inFlight, steps } = LOAD_LIMITS;
const count = z.number().int();
const ms = z.number().describe('ms');
const json = z.record(z.string(), z.unknown());

export const load: z.ZodType<LoadOrder> = z
  .strictObject({
    upstream: z.string().describe('the server'),
    clients: count.min(1).max(clients).optional().describe('10 by default'),
    duration: duration
      .refine((value) => value <= durationMs, `expected ${durationMs / 60_000}m at most`)
      .optional()
      .meta({ type: ['string', 'number'], description: 'as 30s or 2m; a number counts seconds; 30s by default' }),
    rate: z
      .number()
      .min(0.01)
      .max(rate)
      .optional()
      .describe('calls a second of all clients; without it each goes on when it is answered'),
    inFlight: count.min(1).max(inFlight).optional().describe('concurrent calls per client; 1 by default'),
    era: z.enum(['legacy', 'modern', 'mixed']).optional().describe('legacy by default'),
    tool: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('without it one that gives its text back, or the list of tools'),
    arguments: json.optional().describe("of the tool, a template; without them they are made from the tool's schema"),
    steps: z
      .array(json)
      .min(1)
      .max(steps)
      .optional()
      .describe('weighted steps, as in a scenario file, in place of a tool'),
  })
  .refine(({ tool, steps: script }) => tool === undefined || script === undefined, {
    error: 'expected either a tool or steps',
    path: ['steps'],
  })
  .refine(({ tool, arguments: args }) => args === undefined || tool !== undefined, {
    error: 'expected the tool that they are for',
    path: ['arguments'],
  });

const facts = {
  id: z.string(),
  state: z.enum(['running', 'done', 'stopped', 'failed']),
  phase: z.string().describe('starting, opening, running, draining, settling or ended'),
  operator: z.string(),
  startedAt: z.number().describe('ms since 1970'),
  openedAt: z.number().optional().describe('when all clients were open, which the points count from'),
  upstream: z.string(),
  options: z.strictObject({
    clients: count,
    durationMs: count,
    inFlight: count.describe('concurrent calls per client'),
    era: z.string(),
    rate: z.number().optional().describe('calls a second of all clients'),
    tool: z.string().optional(),
    steps: count.optional().describe('how many there are in place of a tool'),
  }),
  done: z.number().describe('from 0 to 1'),
  answers: count,
  errors: count,
  faults: count.describe('messages that went astray: crossed, lost, doubled or out of order'),
  codes: z.record(z.string(), count).describe('errors by their names, the most frequent ones'),
  rate: z.number().describe('answers a second, now or overall'),
  p50: ms.optional(),
  p99: ms.optional(),
  error: z.string().optional().describe('why there is no result'),
};
export const simulation: z.ZodType = z.strictObject(facts);
export const simulationDetail: z.ZodType = z.strictObject({
  ...facts,
  points: z
    .array(
      z.looseObject({
        at: z.number().describe('when the interval ended, in seconds since the clients were open'),
        rate: z.number(),
        errors: z.number(),
        p50: ms.optional(),
        p99: ms.optional(),
        open: count.describe('clients that are connected'),
      }),
    )
    .describe('the intervals, oldest first'),
  result: z.looseObject({}).optional().describe('once it has ended: as mcp-simulate --json prints it'),
});

export const beside: z.ZodType<{ before?: string | undefined }> = z.strictObject({
  before: z.string().max(64).optional().describe('an earlier run, which is shown beside it'),
});
