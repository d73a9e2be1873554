/**
 * JSON-RPC 2.0 messages as MCP uses them, read from and written to text.
 *
 * MCP restricts JSON-RPC: ids are strings or integers and never null, params are objects, and a message is never an array
 * (MCP 2025-06-18 and later, Base Protocol, "Messages").
 */
import { SwitchboardError } from './errors.ts';
import type { ErrorDetails } from './errors.ts';
import { boundsExceeded } from './json-bounds.ts';
import type { LazyResult } from './lazy-result.ts';
import { RawArguments } from './raw-arguments.ts';
import { shown } from './shown.ts';
import type { JsonObject, RpcError, RpcFailure, RpcId, RpcNotification, RpcRequest, RpcResult } from './rpc-types.ts';
import { topLevel } from './top-level.ts';

export type { JsonObject, RpcError, RpcFailure, RpcId, RpcNotification, RpcRequest, RpcResult };

const INTERNAL = -32603;
const OWN_KEYS: ReadonlySet<string> = new Set(['id', 'method', 'result', 'error']);
/** A longer id of a text that cannot be parsed is not looked for. */
const MAX_ID_CHARS = 1024;

/** Any answer. */
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

/** A field that is a string, empty where it is none. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/**
 * Reads one message.
 *
 * @throws {SwitchboardError} `SWB_PARSE_ERROR` when the text is no JSON, `SWB_INVALID_MESSAGE` when it is JSON but no single
 * JSON-RPC message. The error says which request this was, or which one it would have answered, as far as that can be read.
 */
export function parseMessage(text: string): ParsedMessage {
  const tooMuch = boundsExceeded(text);
  if (tooMuch !== undefined) throw invalid(tooMuch, whose(text));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SwitchboardError('SWB_PARSE_ERROR', { detail: (cause as Error).message, cause, ...whose(text) });
  }
  const message = checkMessage(value);
  if ('id' in message && typeof message.id === 'number' && !Number.isSafeInteger(message.id)) {
    message.id = exactInteger(text, message.id);
  }
  return message;
}

/**
 * Takes a parsed JSON value for a message, or refuses it. What some peers write for nothing (`params: null`, `error: null`) is taken
 * away, and an error that is not in the shape of one is put into it.
 *
 * @throws {SwitchboardError} `SWB_INVALID_MESSAGE`
 */
export function checkMessage(value: unknown): ParsedMessage {
  if (Array.isArray(value)) throw invalid('an array: batches are not taken here, send one message at a time');
  if (!isObject(value)) throw invalid(`${value === null ? 'null' : `a ${typeof value}`}, not an object`);

  const { id, method, params } = value;
  const hasId = Object.hasOwn(value, 'id');
  const isCall = Object.hasOwn(value, 'method');
  const idIsLegal = isId(id);

  if (value['jsonrpc'] !== '2.0') throw invalid('without "jsonrpc": "2.0"', whoseIs(value));
  if (isCall) {
    if (typeof method !== 'string') throw invalid('whose method is not a string', whoseIs(value));
    if (hasId && !idIsLegal) throw invalid('whose id is neither a string nor an integer');
    if (params === null) delete value['params'];
    else if (params !== undefined && !isObject(params)) throw invalid('whose params are not an object', whoseIs(value));
    return value as unknown as RpcRequest | RpcNotification;
  }
  if (value['error'] === null) delete value['error'];
  if (value['error'] === undefined) {
    if (!isObject(value['result']))
      throw invalid(`an answer whose result is ${shown(value['result'])}, expected an object`, whoseIs(value));
    if (!idIsLegal) throw invalid('an answer without a legal id');
    return value as unknown as RpcResult;
  }
  if (!idIsLegal && id !== null && hasId) throw invalid('an answer without a legal id');
  if (id === null) delete value['id'];
  delete value['result'];
  value['error'] = errorOf(value['error']);
  return value as unknown as RpcFailure;
}

/** A line of a log may well have an id, too; what says of itself that it is JSON-RPC may be either, where nothing tells. */
function whoseIs(value: JsonObject): Whose {
  const { id } = value;
  if (!isId(id)) return {};
  if (Object.hasOwn(value, 'method')) return { rpcId: id };
  if (Object.hasOwn(value, 'result') || Object.hasOwn(value, 'error')) return { answerTo: id };
  return value['jsonrpc'] === '2.0' ? { rpcId: id, answerTo: id } : {};
}

const isId = (id: unknown): id is string | number =>
  typeof id === 'string' || (typeof id === 'number' && Number.isInteger(id));

/** An error in the shape of one, whatever stands in its place. */
function errorOf(error: unknown): RpcError {
  if (!isObject(error)) return { code: INTERNAL, message: typeof error === 'string' ? error : shown(error) };
  const { code, message } = error;
  if (Number.isInteger(code) && typeof message === 'string') return error as unknown as RpcError;
  return {
    ...error,
    code: Number.isInteger(code) ? (code as number) : INTERNAL,
    message: typeof message === 'string' ? message : shown(message ?? error),
  };
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

/** Writes one message; the text has no line break, so that it fits every framing. */
export const stringifyMessage = (message: Message): string =>
  unparsed(message) === undefined ? written(message) : encodeMessage(message).toString();

/** Writes one message in whichever form costs least. */
export function encodeMessage(message: Message): string | Buffer {
  const parts = unparsed(message);
  if (parts === undefined) return written(message);
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}

/** The same, but what is large is not copied into one: it comes in parts that follow one another. */
export const encodeParts = (message: Message): string | readonly (string | Uint8Array)[] =>
  unparsed(message) ?? written(message);

/** How long a message is when it is written, about. What is not parsed is not written for this. */
export function lengthOf(message: Message): number {
  const parts = unparsed(message);
  return parts === undefined ? written(message).length : parts.reduce((sum, { length }) => sum + length, 0);
}

/** What a message is written from that was not parsed, or not all of it. */
function unparsed(message: Message): readonly (string | Uint8Array)[] | undefined {
  // Told by its shape, so that a program which never meets one need not load the class.
  if ('toParts' in message) return message.toParts();
  if (!('method' in message)) return undefined;
  const args = message.params?.['arguments'];
  return args instanceof RawArguments ? withRawArguments(message, args) : undefined;
}

function withRawArguments(
  { params, ...message }: RpcRequest | RpcNotification,
  { bytes }: RawArguments,
): readonly (string | Uint8Array)[] {
  const others = JSON.stringify({ ...params, arguments: undefined }).slice(0, -1);
  const comma = others === '{' ? '' : ',';
  return [`${written(message).slice(0, -1)},"params":${others}${comma}"arguments":`, bytes, '}}'];
}

function written(message: Message): string {
  if ('id' in message && typeof message.id === 'bigint') {
    const { id, ...rest } = message;
    return `${JSON.stringify(rest).slice(0, -1)},"id":${id}}`;
  }
  return JSON.stringify(message);
}

export const result = (id: RpcId, value: JsonObject): RpcResult => ({ jsonrpc: '2.0', id, result: value });

export const failure = (id: RpcId | undefined, error: RpcError): RpcFailure =>
  id === undefined ? { jsonrpc: '2.0', error } : { jsonrpc: '2.0', id, error };

export const notification = (method: string, params?: JsonObject): RpcNotification =>
  params === undefined ? { jsonrpc: '2.0', method } : { jsonrpc: '2.0', method, params };

function invalid(what: string, whose: Whose = {}): SwitchboardError {
  return new SwitchboardError('SWB_INVALID_MESSAGE', { detail: what, ...whose });
}

/** The request that a text is, or that it would have answered. */
type Whose = Pick<ErrorDetails, 'rpcId' | 'answerTo'>;

/** Of a text that cannot be parsed, as far as it can be read. */
function whose(text: string): Whose {
  const found = topLevel(text, OWN_KEYS);
  const id = idIn(found.get('id'));
  if (id === undefined) return {};
  if (found.has('method')) return { rpcId: id };
  return found.has('result') || found.has('error') ? { answerTo: id } : {};
}

function idIn(text: string | undefined): RpcId | undefined {
  if (text === undefined || text.length > MAX_ID_CHARS) return undefined;
  try {
    const id: unknown = JSON.parse(text);
    return isId(id) ? id : undefined;
  } catch {
    return undefined;
  }
}

/** The digits of the top-level `id` of `text`; `JSON.parse` has already rounded them. */
function exactInteger(text: string, rounded: number): RpcId {
  const digits = topLevel(text, OWN_KEYS).get('id') ?? '';
  return /^-?\d+$/.test(digits) ? BigInt(digits) : rounded;
}
