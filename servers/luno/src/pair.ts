import { LunoError } from './errors.ts';

/**
 * A market's id as Luno writes it, from what people write: `btc/zar`, `BTC-ZAR` and `xbt zar` are all `XBTZAR`.
 * Throws `invalid_argument` for what cannot be one.
 */
export function normalPair(text: string): string {
  const pair = text
    .replace(/[-_/,:\s]/g, '')
    .toUpperCase()
    .replace('BTC', 'XBT');
  if (/^[A-Z0-9]{5,16}$/.test(pair)) return pair;
  throw new LunoError(
    'invalid_argument',
    `'${text}' is not a currency pair: write base and counter currency, such as XBTZAR or BTC/ZAR.`,
  );
}
