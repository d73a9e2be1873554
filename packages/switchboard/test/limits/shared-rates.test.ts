import { describe, expect, it } from 'vitest';

import { SharedRates } from '../../src/limits/shared-rates.ts';
import { RateLimit } from '../../src/limits/token-bucket.ts';
import type { Rate } from '../../src/limits/token-bucket.ts';
import { taken } from '../../src/stores/token-portion.ts';
import type { Tokens } from '../../src/stores/token-portion.ts';

/** Several that share what one bucket for each client holds. */
function sharing(count: number, rate: Rate) {
  const shared = { ms: 0, isAway: false, asked: 0 };
  const buckets = new Map<string, Tokens>();
  const now = (): number => shared.ms;
  const all = Array.from({ length: count }, () => {
    const local = new RateLimit({ ...rate, now });
    return new SharedRates({
      local,
      rate,
      now,
      isShared: (client) => client !== 'alone',
      take: async (client, wanted, each) => {
        shared.asked++;
        if (shared.isAway) throw new Error('away');
        const { portion, left } = taken(buckets.get(client), wanted, each, now());
        buckets.set(client, left);
        return portion;
      },
    });
  });
  return { all, shared };
}

/** How many of so many messages are let through, each after whatever is under way. */
async function passed(rates: readonly SharedRates[], messages: number, client = 'a'): Promise<number> {
  let count = 0;
  for (let n = 0; n < messages; n++) {
    if (passes(rates[n % rates.length]!, client)) count++;
    await new Promise(setImmediate);
  }
  return count;
}

function passes(rates: SharedRates, client = 'a'): boolean {
  try {
    rates.take(client);
    return true;
  } catch {
    return false;
  }
}

describe('SharedRates', () => {
  it('gives out one rate at several places, no token more and none less, and asks for few portions', async () => {
    const { all, shared } = sharing(3, { perMinute: 100 });
    expect(await passed(all, 150)).toBe(100);
    expect(shared.asked).toBeLessThan(50);
    expect(all.map((each) => each.look('a')?.remaining)).toEqual([0, 0, 0]);
    const asked = shared.asked;
    expect(await passed(all, 30)).toBe(0);
    expect(shared.asked).toBe(asked);
    shared.ms += 6000;
    expect(await passed(all, 60)).toBeLessThanOrEqual(10 + all.length);
    shared.ms += 600_000;
    expect(await passed([all[1]!], 150)).toBe(100);
  });

  it('lets a burst through that comes before the first portion, and takes it out of what comes later', async () => {
    const { all, shared } = sharing(2, { perMinute: 60, burst: 10 });
    // Neither can know of the other yet.
    const atOnce = all.map((each) => Array.from({ length: 15 }, () => passes(each)).filter(Boolean).length);
    expect(atOnce).toEqual([10, 10]);
    await new Promise(setImmediate);
    let count = 20;
    for (let second = 0; second < 60; second++) {
      shared.ms += 1000;
      count += await passed(all, 4);
    }
    // What was too much at first was made up for, but for what one of them still owes.
    expect(count).toBeGreaterThanOrEqual(60);
    expect(count).toBeLessThanOrEqual(10 + 60 + 10);
  });

  it('counts for itself while the others cannot be reached, with few tries, and together again afterwards', async () => {
    const { all, shared } = sharing(2, { perMinute: 100 });
    shared.isAway = true;
    expect(await passed(all, 300)).toBe(200);
    expect(shared.asked).toBeLessThan(5);
    shared.isAway = false;
    shared.ms += 600_000;
    expect(await passed(all, 300)).toBe(100);
  });

  it('asks nobody about a client that is here alone, and remembers no more clients than it may', async () => {
    const { all, shared } = sharing(1, { perMinute: 5 });
    expect(await passed(all, 10, 'alone')).toBe(5);
    expect([shared.asked, all[0]!.clients]).toEqual([0, 0]);
    for (let n = 0; n < 10_100; n++) passes(all[0]!, `client ${n}`);
    expect(all[0]!.clients).toBe(10_000);
  });
});
