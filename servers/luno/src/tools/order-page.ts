import { z } from 'zod';
import type { Order } from '../shapes.ts';

/** How many orders Luno gives at once. */
const MAX_ORDERS = 1000;

/** The place behind an order: its time, and the orders of that very time that were given already. */
export interface Place {
  time: number;
  given: string[];
}

const placeShape = z.tuple([z.int().min(0)]).rest(z.string().max(64));

/** Writes a place as a cursor. */
export const writePlace = ({ time, given }: Place): string =>
  Buffer.from(JSON.stringify([time, ...given])).toString('base64url');

/** Reads a cursor of {@link writePlace}; undefined for any other text. */
export function readPlace(cursor: string): Place | undefined {
  try {
    const [time, ...given] = placeShape.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    return { time, given };
  } catch {
    return undefined;
  }
}

/**
 * A page of orders, newest first. Luno pages by the time at which an order was made, and several may share it, so the orders
 * of the last time are asked for again, and those that were given are left out.
 *
 * @param fetch asks for orders made before a time
 */
export async function orderPage(
  fetch: (query: { created_before?: number; limit: number }) => Promise<Order[]>,
  limit: number,
  place?: Place,
): Promise<{ orders: Order[]; next: Place | undefined }> {
  const wanted = Math.min(MAX_ORDERS, limit + (place?.given.length ?? 0));
  const found = await fetch(
    place === undefined ? { limit: wanted } : { created_before: place.time + 1, limit: wanted },
  );
  const given = new Set(place?.given);
  const orders = found.filter(({ order_id: id }) => !given.has(id)).slice(0, limit);
  if (found.length < wanted) return { orders, next: undefined };
  const last = orders.at(-1);
  // A thousand orders of one millisecond, and all were given: there is no way to ask for the next one of that time.
  if (last === undefined) return { orders, next: { time: place!.time - 1, given: [] } };
  const time = last.creation_timestamp;
  const same = orders.filter((order) => order.creation_timestamp === time).map(({ order_id: id }) => id);
  return { orders, next: { time, given: place?.time === time ? [...place.given, ...same] : same } };
}
