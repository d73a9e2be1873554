/** The trace that a request belongs to (W3C Trace Context, section 3.2; MCP 2026-07-28, Base Protocol, "_meta"). */
import { copied } from '../util/cut.ts';
import { metaOf } from './eras.ts';
import type { JsonObject } from './jsonrpc.ts';

const TRACEPARENT = /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;

/** @returns 32 hexadecimal digits; undefined where the params carry no trace context, or something else under its name. */
export function traceIdOf(params: JsonObject | undefined): string | undefined {
  const traceparent = metaOf(params)?.['traceparent'];
  if (typeof traceparent !== 'string') return undefined;
  const id = TRACEPARENT.exec(traceparent)?.[1];
  return id === undefined ? undefined : copied(id);
}
