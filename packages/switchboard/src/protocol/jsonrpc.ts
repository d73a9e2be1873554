/**
 * JSON-RPC 2.0 messages as MCP uses them, read from and written to text.
 *
 * MCP restricts JSON-RPC: ids are strings or integers and never null, params are objects, and a message is never an array
 * (MCP 2025-06-18 and later, Base Protocol, "Messages").
 */
import { SwitchboardError } from './errors.ts';
import { boundsExceeded } from './json-bounds.ts';
import type { LazyResult } from './lazy-result.ts';

export type JsonObject = { [key: string]: unknown };

/**
 * A request id. `bigint` stands for an integer that a double cannot hold, so that it goes back exactly as it came;
 * `1` and `"1"` are different ids.
 */
export type RpcId = string | number | bigint;

export interface RpcError {
  code: number;
  message: string;
  data?: unknown;
}

export interface RpcRequest {
  jsonrpc: '2.0';
  id: RpcId;
  method: string;
  params?: JsonObject;
}

export interface RpcNotification {
  jsonrpc: '2.0';
  method: string;
  params?: JsonObject;
}

export interface RpcResult {
  jsonrpc: '2.0';
  id: RpcId;
  result: JsonObject;
}

export interface RpcFailure {
  jsonrpc: '2.0';
  /** Absent when the request could not be read well enough to know its id. */
  id?: RpcId;
  error: RpcError;
}

export type RpcResponse = RpcResult | LazyResult | RpcFailure;
/** A message as the parser makes it. */
export type ParsedMessage = RpcRequest | RpcNotification | RpcResult | RpcFailure;
export type Message = ParsedMessage | LazyResult;

export const isRequest = (message: Message): message is RpcRequest => 'method' in message && 'id' in message;
export const isNotification = (message: Message): message is RpcNotification =>
  'method' in message && !('id' in message);
export function isResponse(message: ParsedMessage): message is RpcResult | RpcFailure;
export function isResponse(message: Message): message is RpcResponse;
export function isResponse(message: Message): boolean {
  return !('method' in message);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Reads one message.
 *
 * @throws {SwitchboardError} `SWB_PARSE_ERROR` when the text is no JSON, `SWB_INVALID_MESSAGE` when it is JSON but no single
 * JSON-RPC message. The error carries the request's id when one could be read, so that the answer can name it.
 */
export function parseMessage(text: string): ParsedMessage {
  const tooMuch = boundsExceeded(text);
  if (tooMuch !== undefined) throw invalid(tooMuch);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SwitchboardError('SWB_PARSE_ERROR', { detail: (cause as Error).message, cause });
  }
  const message = checkMessage(value);
  if ('id' in message && typeof message.id === 'number' && !Number.isSafeInteger(message.id)) {
    message.id = exactInteger(text, message.id);
  }
  return message;
}

/**
 * Takes a parsed JSON value for a message, or refuses it.
 *
 * @throws {SwitchboardError} `SWB_INVALID_MESSAGE`
 */
export function checkMessage(value: unknown): ParsedMessage {
  if (Array.isArray(value)) throw invalid('an array: batches are not part of MCP, send one message at a time');
  if (!isObject(value)) throw invalid(`${value === null ? 'null' : `a ${typeof value}`}, not an object`);

  const { id, method, params } = value;
  const hasId = Object.hasOwn(value, 'id');
  const idIsLegal = typeof id === 'string' || (typeof id === 'number' && Number.isInteger(id));
  const knownId = idIsLegal ? (id as RpcId) : undefined;

  if (value['jsonrpc'] !== '2.0') throw invalid('without "jsonrpc": "2.0"', knownId);
  if (Object.hasOwn(value, 'method')) {
    if (typeof method !== 'string') throw invalid('whose method is not a string', knownId);
    if (hasId && !idIsLegal) throw invalid('whose id is neither a string nor an integer');
    if (params !== undefined && !isObject(params)) throw invalid('whose params are not an object', knownId);
    return value as unknown as RpcRequest | RpcNotification;
  }
  const isFailure = isObject(value['error']);
  if (!isFailure && !isObject(value['result'])) {
    throw invalid('with neither a method nor a result or error object', knownId);
  }
  if (!idIsLegal && !(isFailure && (id === null || !hasId))) throw invalid('a response without a legal id');
  if (isFailure && id === null) delete value['id'];
  return value as unknown as RpcResponse;
}

/** Text that is an object but does not claim to be JSON-RPC; nothing for everything else. */
export function asForeign(text: string): JsonObject | undefined {
  const value = asObject(text);
  return value === undefined || Object.hasOwn(value, 'jsonrpc') ? undefined : value;
}

/** The JSON object that a text is, if it is one within the bounds of a message. */
export function asObject(text: string): JsonObject | undefined {
  if (boundsExceeded(text) !== undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Told by its shape, so that a program which never meets one need not load the class. */
const isLazy = (message: Message): message is LazyResult => 'toBytes' in message;

/** Writes one message; the text has no line break, so that it fits every framing. */
export function stringifyMessage(message: Message): string {
  if (isLazy(message)) return message.toBytes().toString('utf8');
  if ('id' in message && typeof message.id === 'bigint') {
    const { id, ...rest } = message;
    return `${JSON.stringify(rest).slice(0, -1)},"id":${id}}`;
  }
  return JSON.stringify(message);
}

/** Writes one message in whichever form costs least. */
export const encodeMessage = (message: Message): string | Buffer =>
  isLazy(message) ? message.toBytes() : stringifyMessage(message);

export const result = (id: RpcId, value: JsonObject): RpcResult => ({ jsonrpc: '2.0', id, result: value });

export const failure = (id: RpcId | undefined, error: RpcError): RpcFailure =>
  id === undefined ? { jsonrpc: '2.0', error } : { jsonrpc: '2.0', id, error };

export const notification = (method: string, params?: JsonObject): RpcNotification =>
  params === undefined ? { jsonrpc: '2.0', method } : { jsonrpc: '2.0', method, params };

function invalid(what: string, id?: RpcId): SwitchboardError {
  return new SwitchboardError('SWB_INVALID_MESSAGE', { detail: what, ...(id !== undefined && { rpcId: id }) });
}

/** The digits of the top-level `id` of `text`; `JSON.parse` has already rounded them. */
function exactInteger(text: string, rounded: number): RpcId {
  const digits = topLevelInteger(text, 'id');
  return digits === undefined ? rounded : BigInt(digits);
}

/** Finds the integer literal of a key at depth one of a JSON object that is known to be valid; the last one wins, as in `JSON.parse`. */
function topLevelInteger(text: string, key: string): string | undefined {
  let depth = 0;
  let found: string | undefined;
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]]/g;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [lexeme] = match;
    if (lexeme === '{' || lexeme === '[') depth++;
    else if (lexeme === '}' || lexeme === ']') depth--;
    else if (depth === 1 && JSON.parse(lexeme) === key) {
      const value = /\s*:\s*(-?\d+)(?![\d.eE])/y;
      value.lastIndex = token.lastIndex;
      found = value.exec(text)?.[1] ?? found;
    }
  }
  return found;
}
