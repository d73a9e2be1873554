import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { NOBODY } from '../../src/auth/identity.ts';
import type { Identity } from '../../src/auth/identity.ts';
import { Registry } from '../../src/callers/registry.ts';
import type { Conversation } from '../../src/callers/registry.ts';

function registry(max: number, maxPerPrincipal: number): Registry {
  const maxOf = ({ principal }: Identity): number => (principal === NOBODY.principal ? Infinity : maxPerPrincipal);
  const made = new Registry({ max, maxOf, onFault: () => {}, idleTimeoutMs: 60_000, sweepIntervalMs: 60_000 });
  onTestFinished(() => made.close('the test is over'));
  return made;
}

const identity = (principal: string): Identity => ({ ...NOBODY, principal });

/** As much of a client as is counted. */
const client = (id: string, principal: string): Conversation =>
  ({ id, secret: `secret of ${id}`, identity: identity(principal), close: () => {} }) as unknown as Conversation;

describe('the table of clients', () => {
  it('lets in so many of one principal, whoever else is there, and again when one is gone', () => {
    const clients = registry(10, 2);
    clients.add(client('1', 'ann@example.com'));
    clients.add(client('2', 'ann@example.com'));
    clients.add(client('3', 'bob@example.com'));
    expect(() => clients.add(client('4', 'ann@example.com'))).toThrow(
      '2 sessions of ann@example.com are open, the limit (maxSessionsPerPrincipal',
    );
    clients.remove('1');
    clients.add(client('4', 'ann@example.com'));
    expect(clients.size).toBe(3);
  });

  it('does not count clients who are anonymous by who they are, only all together', () => {
    const clients = registry(3, 1);
    for (const id of ['1', '2', '3']) clients.add(client(id, 'anonymous'));
    expect(() => clients.add(client('4', 'anonymous'))).toThrow('3 clients are connected, the limit (maxConnections)');
  });

  it.each([
    ['sweepInterval', { idleTimeoutMs: 3_600_000, sweepIntervalMs: 60_000 }, 60_000],
    ['a quarter of idleTimeout, where that is less', { idleTimeoutMs: 8000, sweepIntervalMs: 60_000 }, 2000],
  ])('looks for clients who were quiet too long every %s', (_, times, everyMs) => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const clients = new Registry({ max: 10, maxOf: () => Infinity, onFault: () => {}, ...times });
    onTestFinished(() => clients.close('the test is over'));
    const ended: string[] = [];
    const quiet = (id: string, busy = false, heardAgoMs = times.idleTimeoutMs): Conversation => ({
      ...client(id, 'ann@example.com'),
      busy,
      lastActivity: Date.now() - heardAgoMs,
      close: (why, reason) => void ended.push(`${id}: ${why}, ${reason}`),
    });
    clients.add(quiet('quiet'));
    clients.add(quiet('busy', true));
    clients.add(quiet('heard', false, 0));
    vi.advanceTimersByTime(everyMs - 1);
    expect(ended).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(ended).toEqual([`quiet: idle, nothing was heard for ${times.idleTimeoutMs / 1000} s`]);
  });

  it('finds a session by its secret for its own principal only, and by its id for operators', () => {
    const clients = registry(10, 10);
    clients.add(client('1', 'ann@example.com'));
    expect(clients.find('secret of 1', identity('ann@example.com'))?.id).toBe('1');
    expect(clients.find('secret of 1', identity('bob@example.com'))).toBeUndefined();
    expect(clients.find('1', identity('ann@example.com'))).toBeUndefined();
    expect(clients.named('1')?.id).toBe('1');
    expect(clients.named('secret of 1')).toBeUndefined();
    clients.remove('1');
    expect(clients.find('secret of 1', identity('ann@example.com'))).toBeUndefined();
  });
});
