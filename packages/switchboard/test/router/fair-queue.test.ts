import { describe, expect, it } from 'vitest';

import { FairQueue } from '../../src/router/fair-queue.ts';

function queue(
  maxRunning: number,
  maxWaiting = 100,
): { fair: FairQueue; ran: string[]; enter: (who: string) => () => void } {
  const fair = new FairQueue({ upstream: 'u', maxRunning, maxWaiting });
  const ran: string[] = [];
  return { fair, ran, enter: (who) => fair.enter(who, () => ran.push(who)) };
}

describe('requests of one upstream', () => {
  it('run at once as long as there is room', () => {
    const { fair, ran, enter } = queue(2);
    enter('a');
    enter('a');
    enter('a');
    expect([ran, fair.running, fair.waiting]).toEqual([['a', 'a'], 2, 1]);
  });

  it('get their turns client by client, however many one of them has sent', () => {
    const { ran, enter } = queue(1);
    const ends = [enter('first')];
    const ended = (): void => ends.shift()!();
    for (let n = 0; n < 5; n++) ends.push(enter('greedy'));
    ends.splice(3, 0, enter('b'), enter('c'));
    while (ends.length > 0) ended();
    expect(ran.slice(0, 4)).toEqual(['first', 'greedy', 'b', 'c']);
  });

  it('that were cancelled while they waited take no turn', () => {
    const { fair, ran, enter } = queue(1);
    const first = enter('a');
    const second = enter('b');
    enter('c');
    second();
    second();
    first();
    first();
    expect([ran, fair.running, fair.waiting]).toEqual([['a', 'c'], 1, 0]);
  });

  it('are refused when too many wait', () => {
    const { enter, fair } = queue(1, 2);
    const end = enter('a');
    enter('b');
    enter('c');
    expect(() => enter('d')).toThrow(expect.objectContaining({ code: 'SWB_OVERLOADED' }));
    end();
    enter('d');
    expect(fair.waiting).toBe(2);
  });
});
