/** Who is named as one that floods, and who is not. */
import { describe, expect, it } from 'vitest';

import { problemsOf } from '../../src/gateway/admin/health.ts';
import { healthOf } from '../../src/gateway/admin/situation.ts';
import type { GatewayEvent } from '../../src/observe/events.ts';
import { MAX_COUNTED, Refusals } from '../../src/observe/refusals.ts';

const WINDOW_MS = 5000;

function start(): {
  refusals: Refusals;
  pass(ms: number): void;
  refuse(count: number, more?: object): void;
  answer(count: number): void;
} {
  let now = 1_800_000_000_000;
  const refusals = new Refusals(() => now);
  const repeat = (count: number, event: object): void => {
    for (let n = 0; n < count; n++) refusals.onEvent({ upstream: 'demo', principal: 'bob', ...event } as GatewayEvent);
  };
  return {
    refusals,
    pass: (ms) => void (now += ms),
    refuse: (count, more = {}) => repeat(count, { type: 'request.refused', code: 'SWB_RATE_LIMITED', ...more }),
    answer: (count) => repeat(count, { type: 'request.ended', outcome: 'ok' }),
  };
}

describe('one whose requests are refused', () => {
  it('floods while most of them are, with the name of its client, also when its session has ended', () => {
    const { refusals, pass, refuse, answer } = start();
    const session = { session: 's', upstream: 'demo', principal: 'bob' };
    refusals.onEvent({ type: 'session.opened', ...session, client: 'nightly-import' } as GatewayEvent);
    refuse(100, { session: 's' });
    answer(20);
    pass(WINDOW_MS);
    const flood = { principal: 'bob', clients: ['nightly-import'], perSecond: 20, code: 'SWB_RATE_LIMITED' };
    expect(refusals.floods()).toEqual([flood]);
    refusals.onEvent({ type: 'session.closed', ...session } as GatewayEvent);
    refuse(150, { code: 'SWB_SESSION_NOT_FOUND' });
    pass(WINDOW_MS);
    expect(refusals.floods()).toEqual([{ ...flood, perSecond: 30, code: 'SWB_SESSION_NOT_FOUND' }]);
    // It may pause, and is named a little longer.
    pass(3 * WINDOW_MS);
    expect(refusals.floods()).toHaveLength(1);
    pass(WINDOW_MS);
    expect(refusals.floods()).toEqual([]);
  });

  it('is named with why that is so now, however long it was refused for something else', () => {
    const { refusals, pass, refuse } = start();
    for (let window = 0; window < 20; window++) {
      refuse(100);
      pass(WINDOW_MS);
    }
    expect(refusals.floods()).toMatchObject([{ code: 'SWB_RATE_LIMITED' }]);
    for (let window = 0; window < 2; window++) {
      refuse(100, { code: 'SWB_SESSION_NOT_FOUND' });
      pass(WINDOW_MS);
    }
    expect(refusals.floods()).toMatchObject([{ perSecond: 20, code: 'SWB_SESSION_NOT_FOUND' }]);
  });

  it('does not while more are answered, or few come', () => {
    const { refusals, pass, refuse, answer } = start();
    refuse(100);
    answer(101);
    pass(WINDOW_MS);
    expect(refusals.floods()).toEqual([]);
    refuse(9);
    pass(WINDOW_MS);
    expect(refusals.floods()).toEqual([]);
  });

  it('is counted by its address where it came no further than that, and for a bounded number at a time', () => {
    const { refusals, pass, refuse } = start();
    refuse(100);
    const connect = { type: 'connection.refused', code: 'SWB_UNAUTHORIZED', detail: '' } as const;
    for (let n = 0; n < 50; n++) refusals.onEvent({ ...connect, address: '10.0.0.1' });
    for (let n = 0; n < MAX_COUNTED - 1; n++) refusals.onEvent({ ...connect, address: `10.1.${n >> 8}.${n & 255}` });
    pass(WINDOW_MS);
    expect(refusals.floods()).toEqual([{ address: '10.0.0.1', clients: [], perSecond: 10, code: 'SWB_UNAUTHORIZED' }]);
  });
});

describe('what operators read of a flood', () => {
  const calm = { isDraining: false, upstreams: [], connections: 0, maxConnections: 10, requests: [], load: [] };
  const bob = { principal: 'bob', clients: ['nightly-import'], perSecond: 24, code: 'SWB_RATE_LIMITED' };

  it('says who, how much and why, what to do, and leads there; the session that has no rate left is not named beside it', () => {
    const near = (principal: string): object => ({ id: `of-${principal}`, principal, client: { name: 'app' } });
    const problems = problemsOf({ ...calm, floods: [bob], nearLimit: [near('bob'), near('ann')] as never });
    expect(problems.map(({ text }) => text)).toEqual([
      'bob, nightly-import: most calls are refused (24/s: too many requests)',
      'ann, app has used nearly all of its rate',
    ]);
    expect(problems[0]).toMatchObject({
      advice: expect.stringContaining('Revoke its key'),
      about: { kind: 'person', id: 'bob' },
    });
  });

  it('is nothing of a load that an operator runs, and of somebody who has nearly its name', () => {
    const { problems } = healthOf({
      operations: { load: () => ({ nearLimit: [] }), upstreamsWith: () => [], requests: () => [] },
      settings: { maxConnections: 10 },
      history: { load: () => [] },
      refusals: { floods: () => ['simulation abc', 'simulation abcd'].map((principal) => ({ ...bob, principal })) },
      simulations: { isPrincipal: (name: string) => name === 'simulation abc' },
      stats: () => ({ connections: 0 }),
      isDraining: () => false,
      problems: () => [],
    } as never);
    expect(problems.map(({ about }) => about)).toEqual([{ kind: 'person', id: 'simulation abcd' }]);
  });

  it('says of those who are not known where they come from, or that a key would show who is who', () => {
    const [stranger, anonymous] = problemsOf({
      ...calm,
      nearLimit: [],
      floods: [
        { address: '10.0.0.1', clients: [], perSecond: 10, code: 'SWB_UNAUTHORIZED' },
        { ...bob, principal: 'anonymous' },
      ],
    });
    expect(stranger!.text).toBe('10.0.0.1: most connections are refused (10/s: authentication required)');
    expect(anonymous!.advice).toContain('require a key');
  });
});
