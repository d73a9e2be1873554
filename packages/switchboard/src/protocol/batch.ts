/**
 * Several messages in one array: JSON-RPC batches, which MCP had in version 2025-03-26 alone. Who receives them there must take them
 * (MCP 2025-03-26, Base Protocol, "Batching"); nobody has to send any, and Switchboard sends none.
 */
import { SwitchboardError, asSwitchboardError } from './errors.ts';
import { boundsExceeded } from './json-bounds.ts';
import { afterSpace } from './json-scan.ts';
import { checkMessage } from './jsonrpc.ts';
import type { ParsedMessage } from './jsonrpc.ts';
import { shown } from './shown.ts';

export const BATCH_VERSION = '2025-03-26';
/** How many messages one may have. */
export const MAX_BATCH = 100;

const OPEN_BRACKET = 0x5b;

/** A message of a batch, or what is wrong with what stands in its place. */
export type BatchPart = ParsedMessage | SwitchboardError;

/** Whether a text, or the bytes of one, is an array, if it is anything. */
export const isBatch = (text: string | Uint8Array): boolean =>
  typeof text === 'string' ? /^[ \t\r\n]*\[/.test(text) : text[afterSpace(text, 0)] === OPEN_BRACKET;

/** @throws {SwitchboardError} `SWB_PARSE_ERROR`, `SWB_INVALID_MESSAGE` where nothing of it can be taken. */
export function parseBatch(text: string): BatchPart[] {
  const tooMuch = boundsExceeded(text);
  if (tooMuch !== undefined) throw new SwitchboardError('SWB_INVALID_MESSAGE', { detail: tooMuch });
  let parts: unknown;
  try {
    parts = JSON.parse(text);
  } catch (cause) {
    throw new SwitchboardError('SWB_PARSE_ERROR', { detail: (cause as Error).message, cause });
  }
  if (!Array.isArray(parts) || parts.length === 0 || parts.length > MAX_BATCH) {
    const detail = `a batch of ${Array.isArray(parts) ? parts.length : 'no'} messages, expected 1 to ${MAX_BATCH}`;
    throw new SwitchboardError('SWB_INVALID_MESSAGE', { detail });
  }
  return parts.map(partOf);
}

/** @throws {SwitchboardError} `SWB_INVALID_MESSAGE` for a version without batches. @param version that was negotiated; empty before. */
export function checkBatchVersion(version: string): void {
  if (version === BATCH_VERSION) return;
  const spoken = version === '' ? 'no session is open here' : `this session speaks ${shown(version)}`;
  const detail = `an array: batches are part of MCP ${BATCH_VERSION} alone, and ${spoken}; send one message at a time`;
  throw new SwitchboardError('SWB_INVALID_MESSAGE', { detail });
}

function partOf(value: unknown): BatchPart {
  try {
    const message = checkMessage(value);
    // A session cannot be open yet and speak this version already.
    if (!('method' in message) || message.method !== 'initialize' || !('id' in message)) return message;
    return new SwitchboardError('SWB_INVALID_MESSAGE', { detail: 'initialize within a batch', rpcId: message.id });
  } catch (error) {
    return asSwitchboardError(error);
  }
}
