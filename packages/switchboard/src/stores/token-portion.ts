/** The arithmetic of a token bucket that several processes share, for stores that do it themselves. */
import type { Portion } from './store.ts';

/** What a bucket holds, and since when. */
export interface Tokens {
  tokens: number;
  /** In ms since 1970. */
  at: number;
}

/**
 * Takes tokens of a bucket that fills by itself; one that is not known is full.
 *
 * @returns what was taken, what is left, and when the bucket is full again and may be forgotten.
 */
export function taken(
  known: Tokens | undefined,
  wanted: number,
  { perMinute, burst }: { perMinute: number; burst: number },
  now: number,
): { portion: Portion; left: Tokens; fullAt: number } {
  const msPerToken = 60_000 / perMinute;
  // A clock that was set back takes nothing away.
  const gained = known === undefined ? 0 : Math.max(0, now - known.at) / msPerToken;
  const there = known === undefined ? burst : Math.min(burst, known.tokens + gained);
  const granted = Math.max(0, Math.min(Math.floor(there), Math.floor(wanted)));
  const tokens = there - granted;
  const waitMs = tokens >= 1 ? 0 : Math.ceil((1 - tokens) * msPerToken);
  return {
    portion: { granted, left: Math.floor(tokens), waitMs },
    left: { tokens, at: now },
    fullAt: now + (burst - tokens) * msPerToken,
  };
}
