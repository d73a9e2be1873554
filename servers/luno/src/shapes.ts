import { z } from 'zod';

// What Luno answers with, as its API reference and its Go client tell it. The names are Luno's.

/** A decimal as text: amounts and prices never become floating point numbers. */
export const decimal: z.ZodString = z.string().regex(/^-?\d+(\.\d+)?$/);

const integer = z.coerce.number().int();
const millis = integer.describe('Unix milliseconds');

export const marketShape = z.object({
  market_id: z.string(),
  base_currency: z.string(),
  counter_currency: z.string(),
  trading_status: z.string().describe('ACTIVE, POST_ONLY, SUSPENDED or UNKNOWN'),
  min_price: decimal,
  max_price: decimal,
  price_scale: integer.describe('Places after the point of a price'),
  min_volume: decimal,
  max_volume: decimal,
  volume_scale: integer.describe('Places after the point of a volume'),
  fee_scale: integer.optional(),
});

export const tickerShape = z.object({
  pair: z.string(),
  bid: decimal,
  ask: decimal,
  last_trade: decimal,
  rolling_24_hour_volume: decimal.optional().describe('In the base currency'),
  status: z.string().describe('ACTIVE, POSTONLY, DISABLED or UNKNOWN'),
  timestamp: millis,
});

export const levelShape = z.object({ price: decimal, volume: decimal });

export const tradeShape = z.object({
  sequence: integer,
  price: decimal,
  volume: decimal,
  is_buy: z.boolean().describe('Whether the taker bought'),
  timestamp: millis,
});

export const candleShape = z.object({
  timestamp: millis,
  open: decimal,
  high: decimal,
  low: decimal,
  close: decimal,
  volume: decimal,
});

export const balanceShape = z.object({
  account_id: z.string(),
  asset: z.string(),
  balance: decimal,
  reserved: decimal.describe('Part of it that is locked, for instance in open orders'),
  unconfirmed: decimal.describe('On its way, not in the balance yet'),
  name: z.string().optional(),
});

export const transactionShape = z.object({
  row_index: integer.optional().describe('1 is the oldest; pending transactions have none'),
  timestamp: millis,
  currency: z.string(),
  kind: z.string().optional().describe('FEE, TRANSFER, EXCHANGE or INTEREST'),
  description: z.string(),
  reference: z.string().optional(),
  balance: decimal,
  balance_delta: decimal,
  available: decimal,
  available_delta: decimal,
});

export const feeShape = z.object({
  maker_fee: decimal.describe('A rate: 0.001 is 0.1 %'),
  taker_fee: decimal,
  maker_fee_buy: decimal.optional(),
  maker_fee_sell: decimal.optional(),
  taker_fee_buy: decimal.optional(),
  taker_fee_sell: decimal.optional(),
  thirty_day_volume: decimal,
});

export const orderShape = z.object({
  order_id: z.string(),
  client_order_id: z.string().optional(),
  pair: z.string(),
  type: z.string().describe('LIMIT, MARKET or STOP_LIMIT'),
  side: z.string().describe('BUY or SELL'),
  status: z.string().describe('AWAITING, PENDING or COMPLETE'),
  limit_price: decimal.optional(),
  limit_volume: decimal.optional(),
  stop_price: decimal.optional(),
  stop_direction: z.string().optional(),
  time_in_force: z.string().optional(),
  base: decimal.describe('Filled so far, in the base currency'),
  counter: decimal.describe('Filled so far, in the counter currency'),
  fee_base: decimal,
  fee_counter: decimal,
  creation_timestamp: millis,
  completed_timestamp: millis.optional().describe('0 while the order is open'),
  expiration_timestamp: millis.optional(),
});

export const ownTradeShape = z.object({
  sequence: integer,
  order_id: z.string(),
  client_order_id: z.string().optional(),
  pair: z.string(),
  type: z.string().describe('Of the order: BID or ASK'),
  is_buy: z.boolean().describe('Whether the taker bought'),
  price: decimal,
  volume: decimal,
  base: decimal,
  counter: decimal,
  fee_base: decimal,
  fee_counter: decimal,
  timestamp: millis,
});

export type Market = z.infer<typeof marketShape>;
export type Ticker = z.infer<typeof tickerShape>;
export type Level = z.infer<typeof levelShape>;
export type Trade = z.infer<typeof tradeShape>;
export type Candle = z.infer<typeof candleShape>;
export type Balance = z.infer<typeof balanceShape>;
export type Transaction = z.infer<typeof transactionShape>;
export type Fees = z.infer<typeof feeShape>;
export type Order = z.infer<typeof orderShape>;
export type OwnTrade = z.infer<typeof ownTradeShape>;
