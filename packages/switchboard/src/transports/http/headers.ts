/** The headers with which a modern request over HTTP repeats its body (MCP 2026-07-28, Transports, "Standard headers"). */
import { isUtf8 } from 'node:buffer';

import { META, metaOf } from '../../protocol/eras.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import type { JsonObject, Message } from '../../protocol/jsonrpc.ts';
import { paramText } from '../../protocol/param-headers.ts';
import type { ParamHeader } from '../../protocol/param-headers.ts';
import { argumentsOf, withOpenArguments } from '../../protocol/raw-arguments.ts';

/** The methods whose target the `Mcp-Name` header repeats, and where the body has it. */
const NAME_SOURCE: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);

/** What `Mcp-Name` has to say for this request, if anything. */
export function nameOf(method: string, params: JsonObject | undefined): string | undefined {
  const source = NAME_SOURCE.get(method);
  const name = source === undefined ? undefined : params?.[source];
  return typeof name === 'string' ? name : undefined;
}

/**
 * The headers to send beside a modern message.
 *
 * @param paramHeaders the arguments of a tool that are repeated.
 */
export function standardHeaders(
  message: Message,
  paramHeaders: (tool: string) => readonly ParamHeader[],
): Record<string, string> {
  if (!('method' in message)) return {};
  const { method, params } = message;
  const version = metaOf(params)?.[META.protocolVersion];
  const name = nameOf(method, params);
  const wanted = method === 'tools/call' ? paramHeaders(name ?? '') : [];
  const args = wanted.length === 0 ? undefined : argumentsOf(params);
  const repeated = wanted.flatMap((each) => {
    const text = paramText(each, args);
    return text === undefined ? [] : [[each.header, encodeHeader(text)]];
  });
  return {
    ...Object.fromEntries(repeated),
    'mcp-method': method,
    ...(typeof version === 'string' && { 'mcp-protocol-version': version }),
    ...(name !== undefined && { 'mcp-name': encodeHeader(name) }),
  };
}

/**
 * The message with its arguments written as they were read, where headers repeat some: of a key that stands there twice a server could
 * take the other value.
 */
export function asHeadersSay(message: Message, paramHeaders: (tool: string) => readonly ParamHeader[]): Message {
  if (!('method' in message) || message.method !== 'tools/call' || message.params === undefined) return message;
  const params = withOpenArguments(message.params);
  const isSame = params === message.params || paramHeaders(nameOf(message.method, params) ?? '').length === 0;
  return isSame ? message : { ...message, params };
}

/** Visible ASCII travels as it is; everything else, and what would be taken for the encoded form, as `=?base64?…?=`. */
export function encodeHeader(value: string): string {
  const isPlain = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !value.startsWith('=?base64?');
  return isPlain ? value : `=?base64?${Buffer.from(value).toString('base64')}?=`;
}

/**
 * @param header its name, for the error.
 * @throws {SwitchboardError} `SWB_HEADER_MISMATCH` when the encoded form is not valid Base64.
 */
export function decodeHeader(header: string, value: string): string {
  const encoded = /^=\?base64\?(.*)\?=$/.exec(value)?.[1];
  if (encoded === undefined) return value;
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.toString('base64') === encoded && isUtf8(bytes)) return bytes.toString('utf8');
  throw new SwitchboardError('SWB_HEADER_MISMATCH', {
    detail: `${header} ${JSON.stringify(value)} is not valid Base64`,
  });
}
