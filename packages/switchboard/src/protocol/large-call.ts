/** Reads a large `tools/call` without parsing its arguments, and writes it with the bytes that came. */
import { isUtf8 } from 'node:buffer';

import { MAX_DEPTH, MAX_VALUES } from './json-bounds.ts';
import { afterSpace, scanJson } from './json-scan.ts';
import type { ScannedMember } from './json-scan.ts';
import { parseMessage } from './jsonrpc.ts';
import type { ParsedMessage } from './jsonrpc.ts';
import { RawArguments } from './raw-arguments.ts';

const BOUNDS = { maxDepth: MAX_DEPTH, maxValues: MAX_VALUES, within: 'params' } as const;
const [LF, CR, OPEN_BRACE] = [0x0a, 0x0d, 0x7b];
/** From this size on a message is not parsed where that can be done. */
export const LARGE_BYTES: number = 2048;

/**
 * Reads one message; the arguments of a large call become {@link RawArguments}.
 *
 * @throws as `parseMessage`
 */
export const readMessage = (bytes: Buffer): ParsedMessage =>
  (bytes.length < LARGE_BYTES ? undefined : readLargeCall(bytes)) ?? parseMessage(bytes.toString('utf8'));

/**
 * Takes the bytes of one message for a large call. They are proven to be JSON within the bounds of a message, and to hold no line break.
 *
 * @returns nothing for anything else: another method, arguments that are no object or a small part of the whole, a key twice or
 * written with escapes, bytes that are no JSON. The parser reads such a message, or says what is wrong with it.
 */
export function readLargeCall(bytes: Buffer): ParsedMessage | undefined {
  if (bytes[0] !== OPEN_BRACE || bytes.includes(CR) || bytes.includes(LF) || !isUtf8(bytes)) return undefined;
  const { fault, members, memberCount, inner, innerCount, hasEscapedKey } = scanJson(bytes, BOUNDS);
  if (fault !== undefined || hasEscapedKey) return undefined;
  if (!areDistinct(bytes, members, memberCount) || !areDistinct(bytes, inner, innerCount)) return undefined;
  const args = inner.find(({ key }) => bytes.toString('latin1', key.start, key.end) === 'arguments')?.value;
  if (args === undefined || args.end - args.start < LARGE_BYTES / 2) return undefined;
  if (bytes[afterSpace(bytes, args.start)] !== OPEN_BRACE) return undefined;
  const message = parseMessage(`${bytes.toString('utf8', 0, args.start)}{}${bytes.toString('utf8', args.end)}`);
  if (!('method' in message) || message.method !== 'tools/call' || message.params === undefined) return undefined;
  message.params['arguments'] = new RawArguments(kept(bytes.subarray(args.start, args.end)));
  return message;
}

/** A small part of a larger memory is copied, so that a call that runs for long keeps no more than its own bytes. */
const kept = (part: Buffer): Buffer => (part.length * 2 < part.buffer.byteLength ? Buffer.from(part) : part);

/** Whether each key stands there once, as far as they are known. */
function areDistinct(bytes: Buffer, members: readonly ScannedMember[], count: number): boolean {
  const keys = members.map(({ key }) => bytes.toString('latin1', key.start, key.end));
  return count === members.length && new Set(keys).size === keys.length;
}
