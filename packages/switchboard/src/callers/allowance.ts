/**
 * Tells clients how much is left to them: over HTTP in headers (draft-ietf-httpapi-ratelimit-headers), over every transport in `_meta` of
 * results, where they or the operator ask for it (PROTOCOL.md, "The allowance").
 */
import type { ServerResponse } from 'node:http';

import { metaOf } from '../protocol/eras.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import type { CallerContext } from './context.ts';
import type { AllowanceFacts } from './session-facts.ts';
import type { Arrival } from './arrival.ts';

/** The key in `_meta`: `true` of a request asks for it, and the result has it. */
const KEY = 'switchboard/allowance';

type Counted = Pick<Arrival, 'identity' | 'id' | 'address' | 'loose'>;

/** @returns nothing where there is no limit. */
export function allowanceOf(context: Pick<CallerContext, 'allowance'>, arrival: Counted): AllowanceFacts | undefined {
  const found = context.allowance(arrival);
  if (found === undefined) return undefined;
  const { rate, left } = found;
  return { limit: Math.max(1, Math.floor(rate.burst ?? rate.perMinute)), ...left };
}

/** What adds the allowance to the result of a request, where that is wanted. */
export function allowanceTeller(
  context: CallerContext,
  arrival: Counted,
  params: JsonObject | undefined,
): ((result: JsonObject) => JsonObject) | undefined {
  if (!context.tellsAllowance && metaOf(params)?.[KEY] !== true) return undefined;
  return (result) => {
    const facts = allowanceOf(context, arrival);
    return facts === undefined ? result : { ...result, _meta: { ...metaOf(result), [KEY]: facts } };
  };
}

/** Call it before the request is counted; nothing is told where there is no limit. */
export function tellAllowance(response: ServerResponse, context: CallerContext, arrival: Counted): void {
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
