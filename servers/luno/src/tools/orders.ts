import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { LunoError } from '../errors.ts';
import type { Luno } from '../luno.ts';
import { normalPair } from '../pair.ts';
import { orderShape } from '../shapes.ts';
import { cursorArgument, limitArgument, nextCursor } from './arguments.ts';
import { callerOf, orError, toolResult } from './result.ts';

const annotations = { readOnlyHint: true, openWorldHint: true };

/** Registers what reads orders: list_orders, get_order. */
export function registerOrderTools(server: McpServer, { api }: Luno): void {
  server.registerTool(
    'list_orders',
    {
      title: 'List orders',
      description:
        'Lists the orders of the user, newest first: the open ones, or the closed ones of the last 100 days.',
      annotations,
      inputSchema: z.object({
        pair: z.string().optional().describe('Only orders of this market'),
        closed: z.boolean().default(false).describe('Closed orders instead of open ones'),
        limit: limitArgument(1000, 100),
        cursor: cursorArgument,
      }),
      outputSchema: z.object({ orders: z.array(orderShape), next_cursor: nextCursor }),
    },
    ({ pair, closed, limit, cursor }, ctx) =>
      orError(async () => {
        const only = pair === undefined ? {} : { pair: normalPair(pair) };
        const before = cursor === undefined ? {} : { created_before: Number(cursor) };
        const orders = await api.orders({ ...only, ...before, closed, limit }, callerOf(ctx));
        const next = orders.length === limit ? String(orders.at(-1)?.creation_timestamp) : undefined;
        return toolResult(`${orders.length} ${closed ? 'closed' : 'open'} orders.`, { orders, next_cursor: next });
      }),
  );

  server.registerTool(
    'get_order',
    {
      title: 'Get an order',
      description: 'Tells the state of one order: give order_id or client_order_id, not both.',
      annotations,
      inputSchema: z.object({
        order_id: z.string().min(1).max(64).optional().describe("Luno's id of the order"),
        client_order_id: z.string().min(1).max(255).optional().describe('The id it was placed with'),
      }),
      outputSchema: orderShape,
    },
    ({ order_id: id, client_order_id: clientId }, ctx) =>
      orError(async () => {
        if ((id === undefined) === (clientId === undefined)) {
          throw new LunoError(
            'invalid_argument',
            'Give either order_id or client_order_id: one of them, and not both.',
          );
        }
        const order = await api.order(id === undefined ? { client_order_id: clientId! } : { id }, callerOf(ctx));
        return toolResult(`Order ${order.order_id} in ${order.pair} is ${order.status}.`, order);
      }),
  );
}
