import type { IncomingHttpHeaders } from 'node:http';

/** A longer time is not believed. */
const MAX_MS = 3_600_000;

/** When a server wants to be asked again, in ms from now: `Retry-After` as seconds or as a date (RFC 9110, section 10.2.3). */
export function retryAfterMs(
  { 'retry-after': value }: IncomingHttpHeaders,
  now: number = Date.now(),
): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.min(MAX_MS, Math.max(0, ms));
}
