import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { IdRing } from '../../src/util/id-ring.ts';
import { once } from '../../src/util/once.ts';
import { ShortMap } from '../../src/util/short-map.ts';

describe('a short map', () => {
  it('does what a Map does, whatever is done to it', () => {
    const key = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom('0', '1', '', '__proto__'), fc.bigInt(0n, 2n));
    const step = fc.tuple(fc.constantFrom('set', 'set', 'delete', 'clear'), key, fc.integer());
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const map = new Map<unknown, number>();
        const short = new ShortMap<unknown, number>();
        for (const [what, at, value] of steps) {
          if (what === 'set') {
            short.set(at, value);
            map.set(at, value);
          } else if (what === 'delete') expect(short.delete(at)).toBe(map.delete(at));
          else if (steps.length > 50) {
            short.clear();
            map.clear();
          }
          expect(short.entries()).toEqual([...map]);
          expect([short.size, short.get(at), short.has(at)]).toEqual([map.size, map.get(at), map.has(at)]);
        }
        expect([short.keys(), short.values()]).toEqual([[...map.keys()], [...map.values()]]);
      }),
      { seed: 1 },
    );
  });
});

describe('the ring of ids', () => {
  it('is found by its number until it is deleted, and no number is given twice, whatever stays', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat()), { maxLength: 300 }), (steps) => {
        const open = new Map<number, object>();
        const ids = new IdRing<object>();
        let last = 0;
        for (const [isNew, which] of steps) {
          if (isNew || open.size === 0) {
            const value = {};
            const number = ids.add(value);
            expect(number).toBeGreaterThan(last);
            last = number;
            open.set(number, value);
          } else {
            const number = [...open.keys()][which % open.size]!;
            open.delete(number);
            expect(ids.delete(number)).toBe(true);
            expect(ids.delete(number)).toBe(false);
          }
          expect(ids.size).toBe(open.size);
        }
        expect(ids.values()).toEqual([...open.values()]);
        for (const [number, value] of open) expect(ids.get(number)).toBe(value);
        for (const number of [0, -1, 0.5, Number.NaN, last + 1, 2 ** 60]) expect(ids.get(number)).toBe(undefined);
      }),
      { seed: 1 },
    );
  });

  it('takes no more room than twice what was open at once, however long something stays', () => {
    const ids = new IdRing<number>();
    const first = ids.add(0);
    let last = first;
    for (let i = 0; i < 100_000; i++) ids.delete((last = ids.add(i)));
    expect(ids.get(first)).toBe(0);
    // One number in sixteen was passed over: the place of the one that stays.
    expect(last - first).toBe(Math.floor((100_000 * 16) / 15));
  });
});

describe('once', () => {
  it('does it the first time', () => {
    let times = 0;
    const run = once(() => times++);
    run();
    run();
    expect(times).toBe(1);
  });
});
