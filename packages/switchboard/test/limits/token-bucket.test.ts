import { describe, expect, it } from 'vitest';

import { RateLimit } from '../../src/limits/token-bucket.ts';
import { SwitchboardError } from '../../src/protocol/errors.ts';

function at(options: { perMinute: number; maxClients?: number }): {
  limit: RateLimit;
  clock: { ms: number };
  refusal(client: string): unknown;
} {
  const clock = { ms: 0 };
  const limit = new RateLimit({ ...options, now: () => clock.ms });
  return {
    limit,
    clock,
    refusal(client) {
      try {
        limit.take(client);
        return undefined;
      } catch (error) {
        return (error as SwitchboardError).data?.['retryAfterMs'];
      }
    },
  };
}

describe('RateLimit', () => {
  it('lets a whole minute’s worth through at once, and then one in its time', () => {
    const { clock, refusal } = at({ perMinute: 60 });
    for (let n = 0; n < 60; n++) expect(refusal('a')).toBeUndefined();
    expect(refusal('a')).toBe(1000);
    clock.ms += 400;
    expect(refusal('a')).toBe(600);
    clock.ms += 600;
    expect(refusal('a')).toBeUndefined();
    expect(refusal('b')).toBeUndefined();
    clock.ms += 3_600_000;
    for (let n = 0; n < 60; n++) expect(refusal('a')).toBeUndefined();
    expect(refusal('a')).toBe(1000);
  });

  it('tells how long a client has to wait, and takes nothing for that', () => {
    const { limit, clock, refusal } = at({ perMinute: 2 });
    expect(limit.waitMs('a')).toBe(0);
    expect(limit.clients).toBe(0);
    for (let n = 0; n < 2; n++) refusal('a');
    expect([limit.waitMs('a'), limit.waitMs('a')]).toEqual([30_000, 30_000]);
    clock.ms += 30_000;
    expect(limit.waitMs('a')).toBe(0);
    expect(refusal('a')).toBeUndefined();
  });

  it('remembers no more clients than it may, and forgets who was quiet longest', () => {
    const { limit, refusal } = at({ perMinute: 1, maxClients: 2 });
    for (const client of ['a', 'b', 'a', 'c']) refusal(client);
    expect(limit.clients).toBe(2);
    expect(refusal('a')).toBe(60_000);
    expect(refusal('b')).toBeUndefined();
  });

  it('keeps nothing when there is no limit', () => {
    const { limit, refusal } = at({ perMinute: Infinity });
    expect(refusal('a')).toBeUndefined();
    expect(limit.clients).toBe(0);
  });
});
