/** What the admin API gives of the past, as schemas. */
import { z } from 'zod';

import type { RangeName } from '../../observe/history.ts';

const time = z.number().describe('ms since 1970');
const ms = z.number().describe('ms');
const count = z.number().int();
export const range: z.ZodType<{ range?: RangeName | undefined }> = z.strictObject({
  range: z.enum(['minute', 'hour', 'day']).optional().describe('minute by default'),
});
const measured = z.array(z.number());
const percentiles = z.array(z.number().nullable()).describe('ms; null where nothing was called');
export const history: z.ZodType = z.strictObject({
  from: time.describe('when the first step began, in ms since 1970'),
  stepMs: ms,
  calls: measured,
  errors: measured,
  refused: measured,
  p50Ms: percentiles,
  p99Ms: percentiles,
  clients: measured,
  sessions: measured,
  inFlight: measured,
  memoryBytes: measured,
});
export const upstreamLoad: z.ZodType = z.strictObject({
  upstream: z.string(),
  calls: count.describe('of the range, up to now'),
  errors: count,
  p50Ms: ms.nullable(),
  p99Ms: ms.nullable(),
  perSecond: measured.describe('calls a second in each step that has ended, oldest first'),
});
export const usage: z.ZodType = z.strictObject({
  from: time.describe('when the first step began, in ms since 1970'),
  stepMs: ms,
  memoryBytes: z.array(z.number().nullable()).describe('resident, of all processes; null where nothing was measured'),
  cores: z.array(z.number().nullable()).describe('processor time in the time that passed: 1 is one core all the time'),
});
export const recentChange: z.ZodType = z.strictObject({
  time,
  type: z.string(),
  level: z.enum(['info', 'warn', 'error']),
  upstream: z.string().optional(),
  action: z.string().optional().describe('the route, where an operator did it'),
  text: z.string(),
  count: count.describe('how often it happened, each within a minute of the one before'),
});
