/** What comes of a tool call, as REST clients get it: a status and a JSON body. */
import { ERRORS, SwitchboardError } from '../protocol/errors.ts';
import type { ErrorName } from '../protocol/errors.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject, RpcError } from '../protocol/jsonrpc.ts';
import type { Outcome } from '../router/exchange.ts';

export interface Answer {
  status: number;
  body: object;
}

/** Errors whose status as an answer to an MCP message says less than REST can. */
const STATUS: Readonly<Partial<Record<ErrorName, number>>> = { SWB_UNKNOWN_NAME: 404 };
/** What servers mean by the standard numbers (JSON-RPC 2.0, section 5.1; MCP). Any other error is the server's own. */
const STANDARD: ReadonlyMap<number, number> = new Map([
  [-32700, 400],
  [-32600, 400],
  [-32601, 404],
  [-32602, 400],
  [-32002, 404],
]);
const SERVER_FAILED = 502;

/** A result has `text`, `content`, `structuredContent` where there is one, and `isError`; everything else has `error`. */
export function answerOf(outcome: Outcome): Answer {
  if ('error' in outcome) return failureOf(outcome.error);
  let result: JsonObject;
  try {
    // A large answer is parsed here, and may turn out to be none.
    result = outcome.result;
  } catch (cause) {
    const detail = 'the server sent an answer that is not valid JSON';
    return failureOf(new SwitchboardError('SWB_UPSTREAM_UNAVAILABLE', { detail, cause }).toRpc());
  }
  if (result['resultType'] === 'input_required') return failureOf(new SwitchboardError('SWB_INPUT_REQUIRED').toRpc());
  const content = Array.isArray(result['content']) ? (result['content'] as unknown[]) : [];
  const { structuredContent } = result;
  const text = content.flatMap(textOf).join('\n');
  const isError = result['isError'] === true;
  const body = { text, ...(structuredContent !== undefined && { structuredContent }), content, isError };
  if (!isError) return { status: 200, body };
  const { entry } = new SwitchboardError('SWB_TOOL_FAILED');
  const error: RpcError = { code: entry.code, message: text || entry.message, data: { code: 'SWB_TOOL_FAILED' } };
  return { status: entry.http, body: { error, ...body } };
}

/** An error of Switchboard's table has the status that stands there. */
export function failureOf(error: RpcError): Answer {
  const name = isObject(error.data) ? error.data['code'] : undefined;
  const known = typeof name === 'string' && Object.hasOwn(ERRORS, name) ? (name as ErrorName) : undefined;
  const own =
    known === undefined || ERRORS[known].code !== error.code ? undefined : (STATUS[known] ?? ERRORS[known].http);
  return { status: own ?? STANDARD.get(error.code) ?? SERVER_FAILED, body: { jsonrpc: '2.0', error, id: null } };
}

const textOf = (block: unknown): string[] =>
  isObject(block) && block['type'] === 'text' && typeof block['text'] === 'string' ? [block['text']] : [];
