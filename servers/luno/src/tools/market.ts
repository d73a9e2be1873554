import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Luno } from '../luno.ts';
import { normalPair } from '../pair.ts';
import { candleShape, levelShape, marketShape, tickerShape, tradeShape } from '../shapes.ts';
import { cursorArgument, limitArgument, nextCursor, pageOf, pairArgument } from './arguments.ts';
import { callerOf, orError, toolResult } from './result.ts';

const annotations = { readOnlyHint: true, openWorldHint: true };

/** The candles there are, in seconds. */
const DURATIONS = [60, 300, 900, 1800, 3600, 10800, 14400, 28800, 86400, 259200, 604800] as const;
/** The most candles Luno gives at once. */
const CANDLE_PAGE = 1000;

const unreadable = z
  .array(z.string())
  .optional()
  .describe('Markets of which Luno sent something that cannot be read; they are left out');

const unreadableText = (pairs: readonly string[]): string =>
  pairs.length === 0 ? '' : ` Luno sent something unreadable for ${pairs.join(', ')}.`;

/** Registers what is public about the markets: list_markets, get_ticker, list_tickers, get_order_book, list_trades, list_candles. */
export function registerMarketTools(server: McpServer, { api, markets }: Luno): void {
  server.registerTool(
    'list_markets',
    {
      title: 'List markets',
      description:
        'Lists the markets of Luno, with the prices, volumes and decimal places that an order may have in each.',
      annotations,
      inputSchema: z.object({
        currency: z.string().optional().describe('Only markets with this currency, such as ZAR or BTC'),
        limit: limitArgument(200, 50),
        cursor: cursorArgument,
      }),
      outputSchema: z.object({ markets: z.array(marketShape), unreadable, next_cursor: nextCursor }),
    },
    ({ currency, limit, cursor }, ctx) =>
      orError(async () => {
        const code = currency?.toUpperCase().replace('BTC', 'XBT');
        const { read, unreadable } = await markets.list(callerOf(ctx));
        const all = read.filter(
          ({ base_currency: base, counter_currency: counter }) => !code || base === code || counter === code,
        );
        const { page, next } = pageOf(all, cursor, limit);
        const data = {
          markets: page,
          ...(unreadable.length > 0 && { unreadable: [...unreadable] }),
          next_cursor: next,
        };
        return toolResult(`${page.length} of ${all.length} markets.${unreadableText(unreadable)}`, data);
      }),
  );

  server.registerTool(
    'get_ticker',
    {
      title: 'Get a ticker',
      description: 'Tells the best bid and ask, the last price and the volume of the last 24 hours of one market.',
      annotations,
      inputSchema: z.object({ pair: pairArgument }),
      outputSchema: tickerShape,
    },
    ({ pair }, ctx) =>
      orError(async () => {
        const ticker = await api.ticker(normalPair(pair), callerOf(ctx));
        const { pair: id, last_trade: last, bid, ask } = ticker;
        return toolResult(`${id}: last ${last}, bid ${bid}, ask ${ask}.`, ticker);
      }),
  );

  server.registerTool(
    'list_tickers',
    {
      title: 'List tickers',
      description: 'Tells the tickers of several markets, or of all.',
      annotations,
      inputSchema: z.object({
        pairs: z.array(z.string()).max(50).default([]).describe('The markets; none for all'),
        limit: limitArgument(200, 50),
        cursor: cursorArgument,
      }),
      outputSchema: z.object({ tickers: z.array(tickerShape), unreadable, next_cursor: nextCursor }),
    },
    ({ pairs, limit, cursor }, ctx) =>
      orError(async () => {
        const { read, unreadable } = await api.tickers(pairs.map(normalPair), callerOf(ctx));
        const { page, next } = pageOf(read, cursor, limit);
        const data = { tickers: page, ...(unreadable.length > 0 && { unreadable }), next_cursor: next };
        return toolResult(`${page.length} of ${read.length} tickers.${unreadableText(unreadable)}`, data);
      }),
  );

  server.registerTool(
    'get_order_book',
    {
      title: 'Get the order book',
      description: 'Tells the best bids and asks of a market, best first; orders of the same price are one level.',
      annotations,
      inputSchema: z.object({
        pair: pairArgument,
        depth: z.int().min(1).max(100).default(20).describe('How many levels of each side'),
      }),
      outputSchema: z.object({
        pair: z.string(),
        bids: z.array(levelShape),
        asks: z.array(levelShape),
        timestamp: z.number().describe('Unix milliseconds'),
      }),
    },
    ({ pair, depth }, ctx) =>
      orError(async () => {
        const id = normalPair(pair);
        const { bids, asks, timestamp } = await api.orderBook(id, callerOf(ctx));
        const book = { pair: id, bids: bids.slice(0, depth), asks: asks.slice(0, depth), timestamp };
        return toolResult(`${id}: ${book.bids.length} bids and ${book.asks.length} asks.`, book);
      }),
  );

  server.registerTool(
    'list_trades',
    {
      title: 'List trades',
      description: 'Lists trades of a market, newest first: at most 100, and none older than 24 hours.',
      annotations,
      inputSchema: z.object({
        pair: pairArgument,
        since: z.int().min(0).optional().describe('Only trades after this time, in Unix milliseconds'),
        limit: limitArgument(100, 100),
      }),
      outputSchema: z.object({ pair: z.string(), trades: z.array(tradeShape) }),
    },
    ({ pair, since, limit }, ctx) =>
      orError(async () => {
        const id = normalPair(pair);
        const trades = (await api.trades(id, since, callerOf(ctx))).slice(0, limit);
        return toolResult(`${trades.length} trades of ${id}.`, { pair: id, trades });
      }),
  );

  server.registerTool(
    'list_candles',
    {
      title: 'List candles',
      description: 'Lists open, high, low, close and volume over time, oldest first. Luno asks for an API key here.',
      annotations,
      inputSchema: z.object({
        pair: pairArgument,
        duration: z
          .literal(DURATIONS)
          .default(86400)
          .describe('Seconds of one candle: 60 is a minute, 3600 an hour, 86400 a day'),
        since: z.int().min(0).describe('The first candle begins at or after this time, in Unix milliseconds'),
        limit: limitArgument(CANDLE_PAGE, 100),
        cursor: cursorArgument,
      }),
      outputSchema: z.object({ pair: z.string(), candles: z.array(candleShape), next_cursor: nextCursor }),
    },
    ({ pair, duration, since, limit, cursor }, ctx) =>
      orError(async () => {
        const id = normalPair(pair);
        const all = await api.candles(id, duration, cursor === undefined ? since : Number(cursor), callerOf(ctx));
        const candles = all.slice(0, limit);
        const last = candles.at(-1);
        const more = all.length > limit || all.length === CANDLE_PAGE;
        const next = last && more ? String(last.timestamp + duration * 1000) : undefined;
        return toolResult(`${candles.length} candles of ${id}.`, { pair: id, candles, next_cursor: next });
      }),
  );
}
