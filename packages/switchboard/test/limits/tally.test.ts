/** Counts by principal, whose entries do not come and go with each request. */
import { expect, it } from 'vitest';

import { Tally } from '../../src/limits/tally.ts';

it('counts what each principal has, and nothing below zero', () => {
  const tally = new Tally();
  for (const who of ['ann', 'ann', 'ben']) tally.add(who);
  expect([tally.of('ann'), tally.of('ben'), tally.of('cid')]).toEqual([2, 1, 0]);
  for (const who of ['ann', 'ben', 'ben', 'cid']) tally.remove(who);
  expect([tally.of('ann'), tally.of('ben'), tally.of('cid')]).toEqual([1, 0, 0]);
});

it('forgets principals that have nothing, and keeps those that have something, however many come', () => {
  const tally = new Tally();
  tally.add('stays');
  for (let n = 0; n < 100_000; n++) {
    tally.add(`passes ${n}`);
    tally.remove(`passes ${n}`);
  }
  expect(tally.size).toBeLessThanOrEqual(1025);
  expect(tally.of('stays')).toBe(1);
});

it('remembers as many as have something', () => {
  const tally = new Tally();
  for (let n = 0; n < 5000; n++) tally.add(`stays ${n}`);
  expect(tally.size).toBe(5000);
  for (let n = 0; n < 5000; n++) tally.remove(`stays ${n}`);
  for (let n = 0; n < 5000; n++) {
    tally.add(`passes ${n}`);
    tally.remove(`passes ${n}`);
  }
  expect(tally.size).toBeLessThanOrEqual(8193);
});
