/** Tells clients over HTTP how much is left to them (draft-ietf-httpapi-ratelimit-headers). */
import type { ServerResponse } from 'node:http';

import type { Arrival, CallerContext } from './context.ts';

/** Call it before the request is counted; nothing is told where there is no limit. */
export function tellAllowance(
  response: ServerResponse,
  context: CallerContext,
  arrival: Pick<Arrival, 'identity' | 'label' | 'address' | 'loose'>,
): void {
  const allowance = context.allowance(arrival);
  if (allowance === undefined || response.headersSent) return;
  const { rate, left } = allowance;
  const { perMinute, burst = perMinute } = rate;
  const quota = Math.max(1, Math.floor(burst));
  const windowS = Math.max(1, Math.ceil((quota / perMinute) * 60));
  response.setHeader('ratelimit-policy', `"default";q=${quota};w=${windowS}`);
  const isLeft = left.remaining > 0;
  const resetMs = left.resetMs + (isLeft ? 60_000 / perMinute : 0);
  const remaining = isLeft ? left.remaining - 1 : 0;
  response.setHeader('ratelimit', `"default";r=${remaining};t=${Math.ceil(resetMs / 1000)}`);
}
