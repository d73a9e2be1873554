import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Luno } from '../luno.ts';
import { normalPair } from '../pair.ts';
import { balanceShape, feeShape, ownTradeShape, transactionShape } from '../shapes.ts';
import { accountArgument, cursorArgument, limitArgument, nextCursor, pairArgument } from './arguments.ts';
import { callerOf, orError, toolResult } from './result.ts';

const annotations = { readOnlyHint: true, openWorldHint: true };

/** Registers what is in the account: get_balances, list_transactions, list_pending_transactions, get_fees, list_own_trades. */
export function registerAccountTools(server: McpServer, { api }: Luno): void {
  server.registerTool(
    'get_balances',
    {
      title: 'Get balances',
      description: 'Tells the balance of each account of the user, with the account_id that other tools take.',
      annotations,
      inputSchema: z.object({
        assets: z
          .array(z.string())
          .max(50)
          .default([])
          .describe('Only these currencies, such as XBT or ZAR; none for all'),
      }),
      outputSchema: z.object({ balances: z.array(balanceShape) }),
    },
    ({ assets }, ctx) =>
      orError(async () => {
        const codes = assets.map((asset) => asset.toUpperCase().replace('BTC', 'XBT'));
        const balances = await api.balances(codes, callerOf(ctx));
        return toolResult(`${balances.length} accounts.`, { balances });
      }),
  );

  server.registerTool(
    'list_transactions',
    {
      title: 'List transactions',
      description: 'Lists the transactions of one account, newest first.',
      annotations,
      inputSchema: z.object({ account_id: accountArgument, limit: limitArgument(1000, 100), cursor: cursorArgument }),
      outputSchema: z.object({ transactions: z.array(transactionShape), next_cursor: nextCursor }),
    },
    ({ account_id: account, limit, cursor }, ctx) =>
      orError(async () => {
        // Rows are numbered from 1; the cursor is the oldest one that was seen.
        const end = cursor === undefined ? 0 : Number(cursor);
        const rows = { min_row: cursor === undefined ? -limit : Math.max(1, end - limit), max_row: end };
        const found = rows.min_row === rows.max_row ? [] : await api.transactions(account, rows, callerOf(ctx));
        const transactions = found.toSorted((a, b) => (b.row_index ?? 0) - (a.row_index ?? 0));
        const oldest = transactions.at(-1)?.row_index ?? 1;
        const next = oldest > 1 ? String(oldest) : undefined;
        return toolResult(`${transactions.length} transactions.`, { transactions, next_cursor: next });
      }),
  );

  server.registerTool(
    'list_pending_transactions',
    {
      title: 'List pending transactions',
      description: 'Lists the transactions of one account that are not complete; they may still change or vanish.',
      annotations,
      inputSchema: z.object({ account_id: accountArgument }),
      outputSchema: z.object({ transactions: z.array(transactionShape) }),
    },
    ({ account_id: account }, ctx) =>
      orError(async () => {
        const transactions = await api.pending(account, callerOf(ctx));
        return toolResult(`${transactions.length} pending transactions.`, { transactions });
      }),
  );

  server.registerTool(
    'get_fees',
    {
      title: 'Get fees',
      description: 'Tells which fees the user pays in a market, and the volume of 30 days that they depend on.',
      annotations,
      inputSchema: z.object({ pair: pairArgument }),
      outputSchema: z.object({ pair: z.string(), ...feeShape.shape }),
    },
    ({ pair }, ctx) =>
      orError(async () => {
        const id = normalPair(pair);
        const fees = await api.fees(id, callerOf(ctx));
        return toolResult(`${id}: maker ${fees.maker_fee}, taker ${fees.taker_fee}.`, { pair: id, ...fees });
      }),
  );

  server.registerTool(
    'list_own_trades',
    {
      title: 'List own trades',
      description: 'Lists the trades of the user in a market, newest first. It may lag behind a little.',
      annotations,
      inputSchema: z.object({ pair: pairArgument, limit: limitArgument(1000, 100), cursor: cursorArgument }),
      outputSchema: z.object({ trades: z.array(ownTradeShape), next_cursor: nextCursor }),
    },
    ({ pair, limit, cursor }, ctx) =>
      orError(async () => {
        const before = cursor === undefined ? {} : { before_seq: Number(cursor) };
        const trades = await api.ownTrades({ pair: normalPair(pair), limit, ...before }, callerOf(ctx));
        const next = trades.length === limit ? String(trades.at(-1)?.sequence) : undefined;
        return toolResult(`${trades.length} trades.`, { trades, next_cursor: next });
      }),
  );
}
