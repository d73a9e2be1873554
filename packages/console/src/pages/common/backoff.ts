/** How long to wait before trying again, in milliseconds. */
export interface Backoff {
  readonly first: number;
  readonly longest: number;
}

/** @default 0.5 s, doubled each time, 30 s at most */
export const BACKOFF: Backoff = { first: 500, longest: 30_000 };

/**
 * The wait before the n-th attempt, counted from 0. Anything between half of the full wait and all of it, so that the clients of
 * a server that comes back do not all come at once.
 */
export function waitBefore(attempt: number, random: () => number = Math.random, { first, longest } = BACKOFF): number {
  const full = Math.min(longest, first * 2 ** Math.min(attempt, 30));
  return Math.round(full * (0.5 + random() / 2));
}
