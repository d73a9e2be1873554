import { z } from 'zod';

export const pairArgument: z.ZodString = z
  .string()
  .describe('The market, such as XBTZAR; BTC/ZAR and btc-zar are understood');

export const cursorArgument: z.ZodOptional<z.ZodString> = z
  .string()
  .regex(/^\d{1,16}$/)
  .optional()
  .describe('next_cursor of the page before; leave it out for the first page');

export const nextCursor: z.ZodOptional<z.ZodString> = z
  .string()
  .optional()
  .describe('The cursor of the next page; missing when there is none');

export const accountArgument: z.ZodString = z
  .string()
  .regex(/^\d{1,20}$/)
  .describe('An account_id of get_balances');

/** A whole number of rows on a page. */
export function limitArgument(max: number, normal: number): z.ZodDefault<z.ZodInt> {
  return z.int().min(1).max(max).default(normal).describe('How many at most');
}

/** The page of a list that begins at the cursor, which counts items. */
export function pageOf<T>(all: readonly T[], cursor: string | undefined, limit: number): { page: T[]; next?: string } {
  const start = Number(cursor ?? 0);
  const page = all.slice(start, start + limit);
  return { page, ...(start + limit < all.length && { next: String(start + limit) }) };
}
