import { z } from 'zod';
import { DevenvError } from './errors.ts';

export const DEFAULT_LIMIT = 50;
export const MAX_LIMIT = 200;

/** The arguments of a tool that gives pages. */
export const pageInput: { limit: z.ZodDefault<z.ZodInt>; cursor: z.ZodOptional<z.ZodString> } = {
  limit: z.int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT).describe('How many at most'),
  cursor: z.string().max(1_000).optional().describe('The nextCursor of the page before; none for the first page'),
};

/** What a tool that gives pages has in its result. */
export const pageOutput: { total: z.ZodInt; nextCursor: z.ZodOptional<z.ZodString> } = {
  total: z.int().describe('How many there are in all'),
  nextCursor: z.string().optional().describe('Give it as cursor for the next page; absent on the last one'),
};

export interface PageRequest {
  limit: number;
  cursor?: string | undefined;
}

export interface Page<T> {
  items: T[];
  total: number;
  nextCursor?: string;
}

/** A page of a list that is sorted by `key`: it goes on after the key of the last item, whatever came or went meanwhile. */
export function pageOf<T>(all: readonly T[], key: (item: T) => string, { limit, cursor }: PageRequest): Page<T> {
  const after = cursor === undefined ? undefined : readCursor(cursor);
  const sorted = all.toSorted((a, b) => compare(key(a), key(b)));
  const rest = after === undefined ? sorted : sorted.filter((item) => compare(key(item), after) > 0);
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return {
    items,
    total: all.length,
    ...(last !== undefined && rest.length > limit && { nextCursor: writeCursor(key(last)) }),
  };
}

/** A cursor is text that nobody but this server reads. */
export function writeCursor(text: string): string {
  return Buffer.from(text).toString('base64url');
}

/** @throws {DevenvError} `CURSOR_INVALID` */
export function readCursor(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString();
  if (writeCursor(text) === cursor && text !== '') return text;
  throw new DevenvError(
    'CURSOR_INVALID',
    `The cursor ${JSON.stringify(cursor.slice(0, 100))} is not one of this server.`,
  );
}

/** By code units, so that the order is the same in every locale. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
