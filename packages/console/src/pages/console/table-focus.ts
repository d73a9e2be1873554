/** Which rows of a live table have the focus and are drawn, as rows come, move and go. */

/**
 * The place of the row that can be reached by keys. It is the same row wherever it moves; where it has gone, the one that took its place.
 *
 * @param keys what tells the rows apart, in their order.
 * @param key of the row that had the focus last; undefined before that.
 * @param before where that row was.
 */
export function focusedAt(keys: readonly string[], key: string | undefined, before: number): number {
  const found = key === undefined ? -1 : keys.indexOf(key);
  return found === -1 ? Math.min(before, Math.max(0, keys.length - 1)) : found;
}

/** The places that are drawn: those that are seen, and the one that keys reach, as what is not drawn cannot have the focus. */
export function drawnPlaces(first: number, last: number, at: number, length: number): readonly number[] {
  const seen = Array.from({ length: Math.max(0, last - first) }, (_, nth) => first + nth);
  if (at >= length || (at >= first && at < last)) return seen;
  return at < first ? [at, ...seen] : [...seen, at];
}
