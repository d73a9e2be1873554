/**
 * The messages of the resume layer: notifications that only the two ends of a WebSocket see, sent only where `mcp.r1` was
 * selected, and never counted (PROTOCOL.md, "Resume").
 */
import { notification } from '../../protocol/jsonrpc.ts';
import type { JsonObject, Message, RpcNotification } from '../../protocol/jsonrpc.ts';

/** The subprotocol of connections that can be resumed. */
export const RESUMABLE = 'mcp.r1';

const PREFIX = 'switchboard/ws/';

/** `session` and `resumed` give the token for the next time; `resume` shows it; `lost` says that it is worth nothing any more. */
export type ControlName = 'session' | 'ack' | 'resume' | 'resumed' | 'lost';

export const control = (name: ControlName, params: JsonObject): RpcNotification => notification(PREFIX + name, params);

/** Tells a control message from those of MCP. */
export function asControl(message: Message): { name: string; params: JsonObject } | undefined {
  if (!('method' in message) || 'id' in message || !message.method.startsWith(PREFIX)) return undefined;
  return { name: message.method.slice(PREFIX.length), params: message.params ?? {} };
}

/** The other side is told what has arrived after so many messages, so many bytes, or so long. */
export const ACK_EVERY = 16;
export const ACK_AFTER_BYTES: number = 256 * 1024;
export const ACK_AFTER_MS = 5000;
