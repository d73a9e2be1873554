import { McpServer } from '@modelcontextprotocol/server';
import { Subscriptions } from 'mcp-switchboard-demo/subscriptions';
import type { Luno } from './luno.ts';
import { registerPrompts } from './prompts.ts';
import { registerResources } from './resources.ts';
import { registerAccountTools } from './tools/account.ts';
import { registerMarketTools } from './tools/market.ts';
import { registerOrderTools } from './tools/orders.ts';
import { registerRangeTool } from './tools/range.ts';
import { registerTradingTools } from './tools/trading.ts';
import { version } from './version.ts';

export interface LunoServerOptions {
  /**
   * What the client is subscribed to. Pass it on a modern connection, where the serving entry keeps the listen streams to
   * itself: without it nothing is live there.
   */
  subscriptions?: Subscriptions;
}

/** Makes the server of one session. All sessions of one API key get the same `luno`. */
export function createLunoServer(
  luno: Luno,
  { subscriptions = new Subscriptions() }: LunoServerOptions = {},
): McpServer {
  const server = new McpServer(
    { name: 'mcp-switchboard-luno', title: 'Luno', version },
    {
      capabilities: {
        tools: { listChanged: false },
        resources: { subscribe: true, listChanged: false },
        prompts: { listChanged: false },
      },
      instructions: instructions(luno),
    },
  );
  registerMarketTools(server, luno);
  registerRangeTool(server, luno);
  registerAccountTools(server, luno);
  registerOrderTools(server, luno);
  if (!luno.readOnly) registerTradingTools(server, luno);
  registerResources(server, luno, subscriptions);
  registerPrompts(server, luno);
  server.server.onclose = () => subscriptions.clear();
  return server;
}

function instructions({ readOnly, streams }: Luno): string {
  return [
    'Markets, account and orders at the exchange Luno. A market is named by its pair, base before counter currency: XBTZAR; Bitcoin is XBT.',
    'Amounts and prices are decimals written as text: pass them on as they are, and never round them. Times are Unix milliseconds.',
    streams
      ? 'To follow a market, subscribe to luno://ticker/{pair} or luno://orderbook/{pair} instead of asking again and again.'
      : 'No API key is set, so only list_markets, get_ticker, list_tickers, get_order_book and list_trades work.',
    readOnly
      ? 'Nothing can be changed: this server was started with --read-only.'
      : 'Orders move real money and cannot be undone: place or cancel one only when the user has asked for exactly that.',
    'After the error outcome_unknown look with get_order or list_orders before you repeat anything.',
  ].join(' ');
}
