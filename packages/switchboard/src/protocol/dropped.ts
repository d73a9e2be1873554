/** How a client is told that notifications were left out, over whatever it is connected by (PROTOCOL.md, "Backpressure"). */
import { notification } from './jsonrpc.ts';
import type { RpcNotification } from './jsonrpc.ts';

/** Told once, with the number of those that were left out since it was last told. */
export const dropped = (count: number): RpcNotification => notification('notifications/switchboard/dropped', { count });
