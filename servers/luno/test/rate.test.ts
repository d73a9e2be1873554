import { expect, it } from 'vitest';
import { Rate } from '../src/rate.ts';

const signal = new AbortController().signal;

/** A rate of three calls in ten seconds, with a clock that goes on when somebody sleeps. */
function rate(): { take: () => Promise<void>; pass: (ms: number) => void; slept: number[] } {
  let time = 1_000;
  const slept: number[] = [];
  const sleep = async (ms: number): Promise<void> => {
    slept.push(ms);
    time += ms;
  };
  const limited = new Rate({ calls: 3, windowMs: 10_000, maxWaitMs: 5_000, now: () => time, sleep });
  return { take: () => limited.take(signal), pass: (ms) => (time += ms), slept };
}

it('lets as many calls through at once as fit the window', async () => {
  const { take, slept } = rate();
  await Promise.all([take(), take(), take()]);
  expect(slept).toEqual([]);
});

it('makes the next call wait until the oldest has left the window', async () => {
  const { take, pass, slept } = rate();
  await take();
  pass(6_000);
  await take();
  await take();
  await take();
  expect(slept).toEqual([4_000]);
  pass(6_000);
  await take();
  expect(slept).toEqual([4_000]);
});

it('counts in every window, not only in the first', async () => {
  const { take, pass, slept } = rate();
  await Promise.all([take(), take(), take()]);
  pass(10_000);
  await Promise.all([take(), take(), take()]);
  pass(6_000);
  await take();
  expect(slept).toEqual([4_000]);
});

it('refuses a call that would wait too long, with the time to wait', async () => {
  const { take } = rate();
  await Promise.all([take(), take(), take()]);
  await expect(take()).rejects.toMatchObject({ code: 'rate_limited', details: { retryAfterMs: 10_000 } });
});

it('tells before it waits, and stops when the caller has gone', async () => {
  const limited = new Rate({ calls: 1, windowMs: 10_000 });
  await limited.take(signal);
  const gone = new AbortController();
  const waits: number[] = [];
  const taken = limited.take(gone.signal, (ms) => {
    waits.push(ms);
    gone.abort();
  });
  await expect(taken).rejects.toThrow(/abort/);
  expect(waits[0]).toBeGreaterThan(9_000);
});

it('counts calls in a minute, and lets them wait for half of one, unless told otherwise', async () => {
  let time = 0;
  const limited = new Rate({ calls: 2, now: () => time, sleep: async (ms) => void (time += ms) });
  await limited.take(signal);
  await limited.take(signal);
  time = 29_999;
  await expect(limited.take(signal)).rejects.toMatchObject({ details: { retryAfterMs: 30_001 } });
  time = 30_000;
  await limited.take(signal);
  expect(time).toBe(60_000);
});
