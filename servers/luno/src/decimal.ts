import { Big } from 'big.js';
import { parse } from 'lossless-json';
import { LunoError } from './errors.ts';

export { Big };

const DECIMAL = /^\d{1,30}(\.\d{1,30})?$/;
/** An exponent that may be written out without making a text of unreasonable length. */
const SHORT_EXPONENT = /[eE][+-]?\d{1,2}$/;

/**
 * Parses JSON with each number kept as the text it was written as, so that no amount passes through floating point:
 * Luno writes most decimals as strings, but those of transactions as numbers.
 */
export function parseExactly(text: string): unknown {
  return parse(text, undefined, (number) => (SHORT_EXPONENT.test(number) ? new Big(number).toFixed() : number));
}

/** Reads a decimal that a caller gave; throws `invalid_argument` unless it is above zero. */
export function positive(name: string, text: string): Big {
  if (DECIMAL.test(text)) {
    const value = new Big(text);
    if (value.gt(0)) return value;
  }
  throw new LunoError(
    'invalid_argument',
    `${name} is '${text}', and must be a decimal above zero, such as '0.0005', without exponent or separators.`,
  );
}

/** How many places after the point a value needs. */
export function places(value: Big): number {
  const [, fraction = ''] = value.toFixed().split('.');
  return fraction.length;
}
