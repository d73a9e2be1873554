import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { Big } from '../decimal.ts';
import { LunoError } from '../errors.ts';
import type { Luno } from '../luno.ts';
import { normalPair } from '../pair.ts';
import { type Candle, decimal } from '../shapes.ts';
import { pairArgument } from './arguments.ts';
import { callerOf, orError, toolResult } from './result.ts';

const HOUR_MS = 3_600_000;
const CANDLE_PAGE = 1000;

/** Registers get_price_range, which reads as many pages of candles as the days need. */
export function registerRangeTool(server: McpServer, { api }: Luno): void {
  server.registerTool(
    'get_price_range',
    {
      title: 'Get the price range',
      description:
        'Sums up how the price of a market moved over the last days, from hourly candles. Luno asks for an API key here.',
      annotations: { readOnlyHint: true, openWorldHint: true },
      inputSchema: z.object({
        pair: pairArgument,
        days: z.int().min(1).max(365).default(7).describe('How far back'),
      }),
      outputSchema: z.object({
        pair: z.string(),
        from: z.number().describe('Unix milliseconds of the first candle'),
        to: z.number().describe('Unix milliseconds of the last candle'),
        open: decimal,
        close: decimal,
        high: decimal,
        low: decimal,
        change: decimal,
        change_percent: decimal,
        average: decimal.describe('The mean of the closing prices'),
        volume: decimal.describe('In the base currency'),
        candle_count: z.int(),
      }),
    },
    ({ pair, days }, ctx) =>
      orError(async () => {
        const id = normalPair(pair);
        const caller = callerOf(ctx);
        const candles: Candle[] = [];
        const total = Math.ceil((days * 24) / CANDLE_PAGE);
        let since = Date.now() - days * 24 * HOUR_MS;
        // One page more than the hours need, since an hour begins while it is read.
        for (let page = 0; page <= total; page += 1) {
          // Each page begins after the one before it.
          // oxlint-disable-next-line no-await-in-loop
          const more = await api.candles(id, HOUR_MS / 1000, since, caller);
          candles.push(...more);
          const last = more.at(-1);
          if (!last || more.length < CANDLE_PAGE) break;
          since = last.timestamp + HOUR_MS;
          caller.report(`${candles.length} hours read`, total);
        }
        const range = { pair: id, ...summary(id, candles) };
        const { open, close, change_percent: percent } = range;
        return toolResult(`${id} went from ${open} to ${close} in ${days} days, by ${percent} %.`, range);
      }),
  );
}

function summary(pair: string, candles: readonly Candle[]) {
  const [first] = candles;
  const last = candles.at(-1);
  if (!first || !last) throw new LunoError('not_found', `There were no trades of ${pair} in that time.`);
  const open = new Big(first.open);
  const change = new Big(last.close).minus(open);
  const zero = new Big(0);
  const sum = (of: (candle: Candle) => string): Big => candles.reduce((total, candle) => total.plus(of(candle)), zero);
  const extreme = (values: Big[], better: (a: Big, b: Big) => boolean): string =>
    values.reduce((found, value) => (better(value, found) ? value : found)).toFixed();
  return {
    from: first.timestamp,
    to: last.timestamp,
    open: first.open,
    close: last.close,
    high: extreme(
      candles.map(({ high }) => new Big(high)),
      (a, b) => a.gt(b),
    ),
    low: extreme(
      candles.map(({ low }) => new Big(low)),
      (a, b) => a.lt(b),
    ),
    change: change.toFixed(),
    change_percent: open.eq(0) ? '0' : change.times(100).div(open).toFixed(2),
    average: sum(({ close }) => close)
      .div(candles.length)
      .round(8)
      .toFixed(),
    volume: sum(({ volume }) => volume).toFixed(),
    candle_count: candles.length,
  };
}
