/** How a client is told that notifications were left out, over whatever it is connected by (PROTOCOL.md, "Backpressure"). */
import { notification } from './jsonrpc.ts';
import type { RpcNotification } from './jsonrpc.ts';

/** Told once, with the number of those that were left out since it was last told. */
export const dropped = (count: number): RpcNotification => notification('notifications/switchboard/dropped', { count });

/** Told after a process was killed: what it had sent last may be missing, and nobody knows how much that is. */
export const maybeDropped = (): RpcNotification =>
  notification('notifications/switchboard/dropped', { count: 0, maybeMore: true });
