import { randomUUID } from 'node:crypto';
import type { CallToolResult, InputRequiredResult, McpServer, ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { LunoError } from '../errors.ts';
import type { Fields } from '../http.ts';
import type { Luno } from '../luno.ts';
import { checkedPrice } from '../markets.ts';
import { normalPair } from '../pair.ts';
import type { Market } from '../shapes.ts';
import { accountArgument, pairArgument } from './arguments.ts';
import { confirm } from './confirm.ts';
import { limitOrder, marketOrder } from './order-form.ts';
import { callerOf, orError, toolResult } from './result.ts';

const annotations = { readOnlyHint: false, destructiveHint: true, openWorldHint: true };

const side = z.enum(['BUY', 'SELL']);
const volume = z.string().describe('How much of the base currency, as a decimal: "0.0005"');
const price = z.string().describe('The price of one unit in the counter currency, as a decimal: "1250000"');
const always = {
  base_account_id: accountArgument.optional().describe('Not the default account of the base currency, but this one'),
  counter_account_id: accountArgument
    .optional()
    .describe('Not the default account of the counter currency, but this one'),
  client_order_id: z
    .string()
    .regex(/^[A-Za-z0-9_;,.-]{1,255}$/)
    .optional()
    .describe('An id of your own, by which Luno refuses a second order; one is made if there is none'),
};
const timeInForce = z
  .enum(['GTC', 'IOC', 'FOK'])
  .default('GTC')
  .describe('GTC stays until cancelled, IOC takes what it can at once, FOK takes all at once or nothing');
const placed = z.object({ order_id: z.string(), client_order_id: z.string(), pair: z.string() });

/** Registers what changes something: place_limit_order, place_stop_order, place_market_order, cancel_order. */
export function registerTradingTools(server: McpServer, { api, markets }: Luno): void {
  server.registerTool(
    'place_limit_order',
    {
      title: 'Place a limit order',
      description: 'Buys or sells at a price or better. Executed orders cannot be undone.',
      annotations,
      inputSchema: z.object({
        pair: pairArgument,
        side,
        volume,
        price,
        post_only: z.boolean().default(false).describe('Cancel it instead of letting it trade at once'),
        time_in_force: timeInForce,
        ...always,
      }),
      outputSchema: placed,
    },
    (order, ctx) =>
      orError(async () => {
        const caller = callerOf(ctx);
        const market = await markets.get(normalPair(order.pair), caller);
        if (order.post_only && order.time_in_force !== 'GTC') {
          throw new LunoError(
            'invalid_argument',
            `post_only goes with GTC, and time_in_force is ${order.time_in_force}.`,
          );
        }
        const limit = limitOrder(market, order);
        const fields = { ...limit.fields, post_only: order.post_only, time_in_force: order.time_in_force };
        return place(ctx, `${limit.words}?`, market, order, (form) =>
          api.postLimitOrder({ ...fields, ...form }, caller),
        );
      }),
  );

  server.registerTool(
    'place_stop_order',
    {
      title: 'Place a stop-limit order',
      description: 'Places a limit order that waits until the market trades at the stop price.',
      annotations,
      inputSchema: z.object({
        pair: pairArgument,
        side,
        volume,
        price,
        stop_price: z.string().describe('The price of a trade at which the order becomes active'),
        stop_direction: z
          .enum(['ABOVE', 'BELOW', 'RELATIVE_LAST_TRADE'])
          .default('RELATIVE_LAST_TRADE')
          .describe('From which side the stop price is reached; RELATIVE_LAST_TRADE finds out by the last trade'),
        time_in_force: timeInForce,
        ...always,
      }),
      outputSchema: placed,
    },
    (order, ctx) =>
      orError(async () => {
        const caller = callerOf(ctx);
        const market = await markets.get(normalPair(order.pair), caller);
        const limit = limitOrder(market, order);
        const stop = checkedPrice(market, 'stop_price', order.stop_price).toFixed();
        const fields = {
          ...limit.fields,
          time_in_force: order.time_in_force,
          stop_price: stop,
          stop_direction: order.stop_direction,
        };
        const question = `${limit.words}, once it trades at ${stop} (${order.stop_direction})?`;
        return place(ctx, question, market, order, (form) => api.postLimitOrder({ ...fields, ...form }, caller));
      }),
  );

  server.registerTool(
    'place_market_order',
    {
      title: 'Place a market order',
      description:
        'Buys for an amount of the counter currency (counter_volume), or sells an amount of the base currency (base_volume), at ' +
        'once and at whatever price there is.',
      annotations,
      inputSchema: z.object({
        pair: pairArgument,
        side,
        counter_volume: z.string().optional().describe('For BUY: how much of the counter currency to spend'),
        base_volume: z.string().optional().describe('For SELL: how much of the base currency to sell'),
        ...always,
      }),
      outputSchema: placed,
    },
    (order, ctx) =>
      orError(async () => {
        const caller = callerOf(ctx);
        const market = await markets.get(normalPair(order.pair), caller);
        const { words, fields } = marketOrder(market, order);
        return place(ctx, words, market, order, (form) => api.postMarketOrder({ ...fields, ...form }, caller));
      }),
  );

  server.registerTool(
    'cancel_order',
    {
      title: 'Cancel an order',
      description: 'Cancels an open order. What it has traded already stays.',
      annotations: { ...annotations, idempotentHint: true },
      inputSchema: z.object({ order_id: z.string().min(1).max(64).describe("Luno's id of the order") }),
      outputSchema: z.object({ order_id: z.string(), success: z.boolean() }),
    },
    ({ order_id: id }, ctx) =>
      orError(async () => {
        const question = confirm(server, ctx, `Cancel the order ${id} at Luno?`);
        if (question) return question;
        const success = await api.stopOrder(id, callerOf(ctx));
        return toolResult(success ? `Luno cancels order ${id}.` : `Luno did not cancel order ${id}.`, {
          order_id: id,
          success,
        });
      }),
  );

  /** Asks, and sends the order once the user has agreed. The order always has a client_order_id, to be found again by. */
  async function place(
    ctx: ServerContext,
    message: string,
    { market_id: pair }: Market,
    order: z.infer<z.ZodObject<typeof always>>,
    send: (form: Fields) => Promise<string>,
  ): Promise<CallToolResult | InputRequiredResult> {
    const question = confirm(server, ctx, message);
    if (question) return question;
    const clientOrderId = order.client_order_id ?? randomUUID();
    const orderId = await withClientId(clientOrderId, () =>
      send({
        pair,
        base_account_id: order.base_account_id,
        counter_account_id: order.counter_account_id,
        client_order_id: clientOrderId,
      }),
    );
    return toolResult(`Luno took the order ${orderId}.`, { order_id: orderId, client_order_id: clientOrderId, pair });
  }
}

/** Says by which id to look for an order that may have been placed. */
async function withClientId<T>(id: string, send: () => Promise<T>): Promise<T> {
  try {
    return await send();
  } catch (error) {
    if (!(error instanceof LunoError) || error.code !== 'outcome_unknown') throw error;
    throw new LunoError(error.code, `${error.message} The order has the client_order_id ${id}.`, {
      ...error.details,
      cause: error,
    });
  }
}
