/** How many members are kept ready, by a clock and a memory of the test's own. */
import { describe, expect, it } from 'vitest';

import { Demand, MAX_SPARES } from '../../src/upstreams/demand.ts';

const MiB = 1024 * 1024;

function start({ availableMiB = 100_000, startMs = 250 } = {}) {
  const at = { ms: 0, availableBytes: availableMiB * MiB };
  const demand = new Demand({ now: () => at.ms, availableBytes: () => at.availableBytes });
  demand.started(startMs);
  /** Lets so many come, one after so many ms. */
  const come = (count: number, everyMs: number): void => {
    for (let n = 0; n < count; n++) {
      demand.arrive();
      at.ms += everyMs;
    }
  };
  return { demand, at, come };
}

describe('the demand of the last minute', () => {
  it('is nothing before anybody came, and one from then on', () => {
    const { demand, at, come } = start();
    at.ms = 1e6;
    expect(demand.wanted).toBe(0);
    come(1, 0);
    expect(demand.wanted).toBe(1);
    at.ms += 1e9;
    expect(demand.wanted).toBe(1);
  });

  it('is as many as came while two were starting, and is forgotten after a minute', () => {
    const { demand, at, come } = start({ startMs: 250 });
    come(4, 100);
    expect(demand.wanted).toBe(4);
    at.ms += 1000;
    come(3, 1000);
    expect(demand.wanted).toBe(4);
    at.ms += 60_000;
    expect(demand.wanted).toBe(1);
  });

  it('grows with the time that a start takes, and forgets slow ones bit by bit', () => {
    const { demand, come } = start({ startMs: 100 });
    come(10, 150);
    expect(demand.wanted).toBe(2);
    demand.started(600);
    expect(demand.wanted).toBe(9);
    for (let n = 0; n < 30; n++) demand.started(100);
    expect(demand.wanted).toBe(2);
  });

  it('is bounded by a tenth of the memory that is left, and by a number', () => {
    const { demand, at, come } = start();
    come(100, 1);
    expect(demand.wanted).toBe(MAX_SPARES);
    demand.bytesEach = 40 * MiB;
    at.availableBytes = 2000 * MiB;
    expect(demand.wanted).toBe(5);
    at.availableBytes = 300 * MiB;
    expect(demand.wanted).toBe(0);
  });

  it('takes no more memory however many come', () => {
    const { demand, come } = start();
    come(5000, 1);
    expect(demand.wanted).toBe(MAX_SPARES);
  });
});
