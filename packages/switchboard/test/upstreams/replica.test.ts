/** How a member is replaced, with servers written by hand at the other end of a pair in memory. */
import { describe, expect, it } from 'vitest';

import { SwitchboardError } from '../../src/protocol/errors.ts';
import { isRequest, notification, result } from '../../src/protocol/jsonrpc.ts';
import { CallerAudience } from '../../src/router/audience.ts';
import type { Caller, Slot } from '../../src/router/exchange.ts';
import { memoryPair } from '../../src/transports/memory.ts';
import { LegacyMember } from '../../src/upstreams/legacy.ts';
import type { LiveMember } from '../../src/upstreams/live-member.ts';
import { Replica } from '../../src/upstreams/replica.ts';
import { RpcPeer } from '../../src/upstreams/rpc-peer.ts';
import { owned } from '../../src/util/owned.ts';

function connect(onAsked: (method: string) => void = () => {}): RpcPeer {
  const [ours, theirs] = memoryPair();
  theirs.start({
    onMessage(message) {
      if (!isRequest(message)) return;
      onAsked(message.method);
      // Nothing is ever answered about a resource.
      if (message.method !== 'resources/subscribe') theirs.send(result(message.id, {}));
    },
    onBadMessage() {},
    onClose() {},
  });
  return new RpcPeer(ours, {
    stray() {},
    notice() {},
    closed() {},
    failed: (_where, thrown) => expect.fail(String(thrown)),
  });
}

/** A replica whose first member is there. */
async function start() {
  const retired: string[] = [];
  const audience = new CallerAudience(false);
  let asked = (): void => {};
  const restoring = new Promise<void>((resolve) => (asked = resolve));
  let whileMade = (_peer: RpcPeer): void => {};
  const replica = new Replica({
    audience,
    drainMs: 60_000,
    admit() {},
    isFailing: () => false,
    own: (_where, work) => owned(work, (thrown) => expect.fail(String(thrown))),
    onRetire: (reason) => retired.push(reason),
    async open(_replica, _again, onGone) {
      const peer = connect((method) => method === 'resources/subscribe' && asked());
      whileMade(peer);
      const handshakeResult = { protocolVersion: '2025-11-25', capabilities: {} };
      const limits = { livenessTimeoutMs: 1000, busyTimeoutMs: 1000 };
      return new LegacyMember({ peer, handshakeResult, audience, limits, slot: {} as Slot, onGone, onForgotten() {} });
    },
  });
  const first: LiveMember = await replica.take();
  return {
    replica,
    retired,
    first,
    /** Somebody watches a resource. */
    async watch(): Promise<void> {
      const caller = { notify() {} } as unknown as Caller;
      audience.join(caller);
      await audience.watch(caller, 'a:1', () => Promise.resolve({ result: {} }));
    },
    /** Resolves when a member was asked for what is watched. */
    restoring,
    whileMade: (work: typeof whileMade) => void (whileMade = work),
  };
}

describe('a member that is replaced', () => {
  it('stays in its place when its successor ends while it is made', async () => {
    const { replica, retired, first, whileMade } = await start();
    whileMade((peer) => peer.end('it crashed'));
    await replica.renew('a restart');
    expect(replica.take()).toBe(first);
    expect(retired).toEqual([]);
    expect(replica.facts('shared', false)).toMatchObject([
      { state: 'ready', restarts: 0, lastReason: expect.stringContaining('it crashed') },
    ]);
  });

  it('is known until its successor has taken up what was watched, and ends with the replica', async () => {
    const { replica, watch, retired, first, restoring } = await start();
    await watch();
    const renewed = replica.renew('a restart');
    await restoring;
    replica.tick();
    expect(replica.members).toEqual([replica.member, first]);
    expect(replica.facts('shared', false).map(({ state }) => state)).toEqual(['ready', 'retiring']);
    replica.close();
    await renewed;
    expect(first.peer.goneReason).toBe('closed');
    expect(replica.members).toEqual([]);
    expect(retired).toEqual([]);
  });

  it('is started again and again while somebody watches something and it cannot be started', async () => {
    const { replica, watch, first, whileMade } = await start();
    await watch();
    const tried = new Promise<void>((resolve) => {
      whileMade(() => {
        resolve();
        throw new SwitchboardError('SWB_UPSTREAM_UNAVAILABLE');
      });
    });
    first.peer.end('it crashed');
    await tried;
    await expect.poll(() => replica.isOpening).toBe(false);
    replica.tick();
    whileMade(() => {});
    await expect.poll(() => replica.member).toBeInstanceOf(LegacyMember);
    expect(replica.member).not.toBe(first);
    replica.close();
  });

  it('retires once, also when its server forgets the session meanwhile', async () => {
    const { replica, retired, first, whileMade } = await start();
    whileMade(() => replica.leave(first, 'it was forgotten'));
    await replica.renew('a restart');
    expect(replica.member).not.toBe(first);
    expect(replica.member?.peer.goneReason).toBeUndefined();
    expect(retired).toEqual(['it was forgotten']);
  });
});

it('a connection that ends over a message from before the handshake ends once', async () => {
  const [ours, theirs] = memoryPair();
  const peer = new RpcPeer(ours, { stray() {}, notice() {}, closed() {}, failed() {} });
  theirs.send(notification('notifications/message'));
  await Promise.resolve();
  const ends: string[] = [];
  peer.attach('legacy', {
    onRequest() {},
    onNotification: () => peer.end('too much'),
    onGone: (reason) => ends.push(reason),
    onForgotten() {},
  });
  expect(ends).toEqual(['too much']);
});
