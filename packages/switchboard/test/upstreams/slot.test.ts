/** How long a slot is kept that nobody holds. */
import { expect, it, onTestFinished, vi } from 'vitest';

import { CallerAudience } from '../../src/router/audience.ts';
import type { LiveMember } from '../../src/upstreams/live-member.ts';
import { MemberSlot } from '../../src/upstreams/slot.ts';

const HOUR_MS = 3_600_000;

/** A slot that was used once. @param node where its member is; absent here. */
async function used(node?: string): Promise<MemberSlot> {
  const member = { node, inFlight: 0, health: {}, close() {} } as unknown as LiveMember;
  const slot = new MemberSlot({
    upstream: 'x',
    key: 'principal ann',
    leased: false,
    audience: new CallerAudience(false),
    clientIdentity: { version: '', capabilities: { legacy: {}, modern: {} }, clientInfo: {} },
    era: 'modern',
    credentials: undefined,
    context: undefined,
    via: [],
    lingerMs: HOUR_MS,
    replicas: 1,
    stickiness: undefined,
    tasks: undefined,
    drainMs: 1000,
    newAudience: () => new CallerAudience(false),
    admit() {},
    isFailing: () => false,
    own: (_where, work) => void work(),
    onRetire() {},
    open: () => Promise.resolve(member),
    onEmpty() {},
  });
  const letGo = slot.retain();
  await slot.member();
  letGo();
  return slot;
}

it('gives a part in a member of another node back half a minute after its last use, so that its node can end it when it needs room', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const [here, elsewhere] = [await used(), await used('a')];
  vi.advanceTimersByTime(29_000);
  expect([here.closed, elsewhere.closed]).toEqual([false, false]);
  vi.advanceTimersByTime(1000);
  expect([here.closed, elsewhere.closed]).toEqual([false, true]);
  vi.advanceTimersByTime(HOUR_MS);
  expect(here.closed).toBe(true);
});
