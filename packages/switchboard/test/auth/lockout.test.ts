import { describe, expect, it } from 'vitest';

import { Lockout } from '../../src/limits/lockout.ts';
import type { SwitchboardError } from '../../src/protocol/errors.ts';

function lockout(options: { free?: number; maxAddresses?: number } = {}): {
  subject: Lockout;
  clock: { ms: number };
  waits(address: string): unknown;
} {
  const clock = { ms: 0 };
  const subject = new Lockout({ firstMs: 1000, maxMs: 8000, now: () => clock.ms, ...options });
  const waits = (address: string): unknown => {
    try {
      subject.check(address);
      return 0;
    } catch (error) {
      return (error as SwitchboardError).data?.['retryAfterMs'];
    }
  };
  return { subject, clock, waits };
}

describe('Lockout', () => {
  it('lets a few failures pass, then waits twice as long after each, up to a limit', () => {
    const { subject, clock, waits } = lockout({ free: 3 });
    const seen = Array.from({ length: 8 }, () => {
      subject.count('a');
      const wait = waits('a');
      clock.ms += Number(wait);
      return wait;
    });
    expect(seen).toEqual([0, 0, 1000, 2000, 4000, 8000, 8000, 8000]);
    expect(waits('b')).toBe(0);
  });

  it('forgets failures after a long pause', () => {
    const { subject, clock, waits } = lockout({ free: 1 });
    subject.count('a');
    subject.count('a');
    expect(waits('a')).toBe(2000);
    clock.ms += 8001;
    subject.count('a');
    expect(waits('a')).toBe(1000);
  });

  it('remembers no more addresses than it may', () => {
    const { subject } = lockout({ maxAddresses: 5 });
    for (let n = 0; n < 100; n++) subject.count(`10.0.0.${n}`);
    expect(subject.size).toBe(5);
  });
});
