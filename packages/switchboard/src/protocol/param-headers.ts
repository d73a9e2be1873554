/**
 * Tool arguments that a modern request over HTTP repeats in `Mcp-Param-*` headers, because the tool's schema marks them with
 * `x-mcp-header` (MCP 2026-07-28, Transports, "Custom parameter headers").
 */
import { isObject } from './jsonrpc.ts';
import type { JsonObject } from './jsonrpc.ts';

export interface ParamHeader {
  /** Where the argument stands. */
  path: readonly string[];
  /** The header's whole name. */
  header: string;
  type: 'string' | 'integer' | 'number' | 'boolean';
}

const TYPES: ReadonlySet<unknown> = new Set(['string', 'integer', 'number', 'boolean']);
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** The marked arguments of a tool. Only chains of `properties` count; what is marked wrongly is left out. */
export function paramHeadersOf(inputSchema: unknown, path: readonly string[] = []): ParamHeader[] {
  if (!isObject(inputSchema)) return [];
  const { 'x-mcp-header': mark, type, properties } = inputSchema;
  const own: ParamHeader[] =
    path.length > 0 && typeof mark === 'string' && TOKEN.test(mark) && TYPES.has(type)
      ? [{ path, header: `Mcp-Param-${mark}`, type: type as ParamHeader['type'] }]
      : [];
  if (!isObject(properties)) return own;
  return [...own, ...Object.entries(properties).flatMap(([key, schema]) => paramHeadersOf(schema, [...path, key]))];
}

/** What the header has to say, or nothing when there is no value that a header can repeat. */
export function paramText({ path }: ParamHeader, args: JsonObject | undefined): string | undefined {
  let value: unknown = args;
  for (const key of path) value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : String(value);
}

/** Whether a header's text says what the argument says; numbers may be written in more than one way. */
export function paramAgrees({ type }: ParamHeader, found: string, expected: string): boolean {
  if (found === expected) return true;
  const isNumber = type === 'integer' || type === 'number';
  return isNumber && /^-?\d+(\.\d+)?$/.test(found) && Number(found) === Number(expected);
}
