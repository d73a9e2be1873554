import { expect, it } from 'vitest';
import { waitBefore } from '../../src/pages/common/backoff.ts';

it('waits twice as long after each failure, up to half a minute', () => {
  const waits = [0, 1, 2, 5, 6, 7, 1_000].map((attempt) => waitBefore(attempt, () => 1));
  expect(waits).toEqual([500, 1_000, 2_000, 16_000, 30_000, 30_000, 30_000]);
});

it('spreads the clients of a server that comes back', () => {
  expect(waitBefore(4, () => 0)).toBe(4_000);
  expect(waitBefore(4, () => 0.5)).toBe(6_000);
});
