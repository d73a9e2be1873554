import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { LunoError } from '../errors.ts';
import type { Luno } from '../luno.ts';
import { normalPair } from '../pair.ts';
import { type Order, orderShape } from '../shapes.ts';
import { limitArgument, nextCursor } from './arguments.ts';
import { orderPage, readPlace, writePlace } from './order-page.ts';
import { callerOf, orError, toolResult } from './result.ts';

const orderCursor = z
  .string()
  .max(100_000)
  .optional()
  .describe('next_cursor of the page before; leave it out for the first page');

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
        cursor: orderCursor,
      }),
      outputSchema: z.object({ orders: z.array(orderShape), next_cursor: nextCursor }),
    },
    ({ pair, closed, limit, cursor }, ctx) =>
      orError(async () => {
        const only = pair === undefined ? {} : { pair: normalPair(pair) };
        const place = cursor === undefined ? undefined : readPlace(cursor);
        if (cursor !== undefined && place === undefined) {
          throw new LunoError('invalid_argument', 'The cursor is not a next_cursor of list_orders.');
        }
        const fetch = (query: { created_before?: number; limit: number }): Promise<Order[]> =>
          api.orders({ ...only, ...query, closed }, callerOf(ctx));
        const { orders, next } = await orderPage(fetch, limit, place);
        const data = { orders, next_cursor: next && writePlace(next) };
        return toolResult(`${orders.length} ${closed ? 'closed' : 'open'} orders.`, data);
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
