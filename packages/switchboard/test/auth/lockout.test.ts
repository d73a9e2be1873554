import { describe, expect, it } from 'vitest';

import { Authenticator } from '../../src/auth/authenticator.ts';
import type { Method } from '../../src/auth/method.ts';
import { NOBODY } from '../../src/auth/identity.ts';
import type { Tickets } from '../../src/auth/tickets.ts';
import { Lockout } from '../../src/limits/lockout.ts';
import type { LockoutOptions } from '../../src/limits/lockout.ts';
import { SwitchboardError } from '../../src/protocol/errors.ts';

function lockout(options: LockoutOptions = {}): {
  subject: Lockout;
  clock: { ms: number };
  /** A failure, and for how long one is asked to wait. */
  fail(address: string): unknown;
} {
  const clock = { ms: 0 };
  const subject = new Lockout({ firstMs: 1000, maxMs: 8000, now: () => clock.ms, ...options });
  const fail = (address: string): unknown => {
    try {
      subject.count(address);
      return 0;
    } catch (error) {
      return (error as SwitchboardError).data?.['retryAfterMs'];
    }
  };
  return { subject, clock, fail };
}

describe('Lockout', () => {
  it('lets a few failures pass, then asks for twice as long after each, up to a limit', () => {
    const { clock, fail } = lockout({ free: 2 });
    const seen = Array.from({ length: 8 }, () => {
      const wait = fail('192.0.2.1');
      clock.ms += Number(wait);
      return wait;
    });
    expect(seen).toEqual([0, 0, 1000, 2000, 4000, 8000, 8000, 8000]);
    expect(fail('192.0.2.2')).toBe(0);
  });

  it('forgets failures after a long pause', () => {
    const { clock, fail } = lockout({ free: 1 });
    fail('192.0.2.1');
    fail('192.0.2.1');
    expect(fail('192.0.2.1')).toBe(2000);
    clock.ms += 8001;
    fail('192.0.2.1');
    expect(fail('192.0.2.1')).toBe(1000);
  });

  it('looks at so many guesses of one address and no more, until some time has passed', () => {
    const { subject, clock, fail } = lockout({ guesses: { perMinute: 60, burst: 5 } });
    for (let n = 0; n < 5; n++) {
      subject.check('192.0.2.1');
      fail('192.0.2.1');
    }
    expect(() => subject.check('192.0.2.1')).toThrow(/try again in 1000 ms/);
    expect(() => subject.check('::ffff:192.0.2.1')).toThrow(/try again/);
    subject.check('192.0.2.2');
    clock.ms += 1000;
    subject.check('192.0.2.1');
  });

  it('remembers no more addresses than it may', () => {
    const { subject, fail } = lockout({ maxAddresses: 5 });
    for (let n = 0; n < 100; n++) fail(`10.0.0.${n}`);
    expect(subject.size).toBe(5);
  });
});

describe('what was accepted', () => {
  it('is the credential that was right, whatever was shown beside it', async () => {
    const method: Method = {
      // oxlint-disable-next-line require-await
      async identify({ bearer }) {
        if (bearer !== 'right' && bearer !== 'also right') throw new SwitchboardError('SWB_UNAUTHORIZED');
        return { ...NOBODY, principal: bearer, via: 'token' };
      },
    };
    const subject = new Authenticator({ methods: [method], tickets: {} as Tickets });
    const address = '192.0.2.1';
    await subject.identify({ bearer: 'right', address });
    for (let n = 0; n < 10_100; n++) await subject.identify({ bearer: 'also right', apiKey: `junk ${n}`, address });
    for (let n = 0; n < 70; n++) await subject.identify({ bearer: `wrong ${n}`, address }).catch(() => {});
    await expect(subject.identify({ bearer: 'wrong', address })).rejects.toMatchObject({ code: 'SWB_RATE_LIMITED' });
    expect(await subject.identify({ bearer: 'right', address })).toMatchObject({ principal: 'right' });
  });
});
