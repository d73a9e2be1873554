import { completable, type McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Luno } from './luno.ts';

/** Registers the prompts: market_brief, plan_order, review_account. */
export function registerPrompts(server: McpServer, { markets, readOnly }: Luno): void {
  const pair = (): z.ZodString =>
    completable(z.string().describe('The market, such as XBTZAR'), (start) => markets.completions(start));

  server.registerPrompt(
    'market_brief',
    {
      title: 'Market brief',
      description: 'Asks for a short account of how a market stands.',
      argsSchema: z.object({ pair: pair() }),
    },
    (args) =>
      asked(
        `How does the market ${args.pair} at Luno stand? Use get_ticker, get_order_book, list_trades and, if there is an API key, ` +
          'get_price_range. Give price, spread, depth near the price, and what moved in the last days. Quote the numbers as they are.',
      ),
  );
  server.registerPrompt(
    'review_account',
    { title: 'Review the account', description: 'Asks for an overview of balances, open orders and what is pending.' },
    () =>
      asked(
        'Give an overview of my account at Luno: use get_balances, list_orders, and list_pending_transactions of each account that ' +
          'is not empty. Point out what is reserved and by which order.',
      ),
  );
  if (readOnly) return;
  server.registerPrompt(
    'plan_order',
    {
      title: 'Plan an order',
      description: 'Asks for an order to be worked out, checked and shown before it is placed.',
      argsSchema: z.object({
        pair: pair(),
        side: completable(z.enum(['BUY', 'SELL']).describe('BUY or SELL'), (start) =>
          (['BUY', 'SELL'] as const).filter((side) => side.startsWith(start.toUpperCase())),
        ),
        amount: z.string().describe('How much, and of which currency'),
      }),
    },
    (args) =>
      asked(
        `I want to ${args.side} ${args.amount} in ${args.pair} at Luno. Look at list_markets, get_ticker, get_order_book, get_fees and ` +
          'get_balances, propose a limit order with its cost and fee, and place nothing before I agree.',
      ),
  );
}

function asked(text: string): { messages: { role: 'user'; content: { type: 'text'; text: string } }[] } {
  return { messages: [{ role: 'user', content: { type: 'text', text } }] };
}
