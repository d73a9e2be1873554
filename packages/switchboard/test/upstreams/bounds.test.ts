/** Servers that write without end or never read: real processes, which must cost no more than the limits say. */
import { describe, expect, it } from 'vitest';

import { isAlive } from '../support/gateway.ts';
import { startUpstream } from '../support/upstream.ts';
import { WireClient, textOf, toolCall } from '../support/wire.ts';

const MIB = 1024 ** 2;
const note = JSON.stringify({
  jsonrpc: '2.0',
  method: 'notifications/message',
  params: { level: 'info', data: 'x'.repeat(900) },
});

/** How much this process, which is the gateway's, has grown in the end. */
const growth = (): (() => number) => {
  const before = process.memoryUsage().rss;
  return () => process.memoryUsage().rss - before;
};

describe('a server that writes without end', () => {
  it('in one line is ended at the limit, and the call says why', async () => {
    const test = await startUpstream({}, { isolation: 'shared', maxUpstreamMessageSize: '1MiB' });
    const client = await WireClient.session(test.ws);
    const pid = Number(textOf(await client.call(1, 'pid')));
    const grown = growth();
    const answer = await client.call(2, 'flood', { line: 'x' });
    expect(answer).toMatchObject({
      error: { code: 31003, message: expect.stringMatching(/too large.*the limit is 1048576/) },
    });
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
    expect(grown()).toBeLessThan(100 * MIB);
    expect(textOf(await client.call(3, 'echo', { text: 'next' }))).toBe('next');
  });

  it('in lines that are no messages is ended after 10,000, and its words are not all repeated', async () => {
    const test = await startUpstream({}, { isolation: 'shared' });
    const client = await WireClient.session(test.ws);
    const pid = Number(textOf(await client.call(1, 'pid')));
    const answer = await client.call(2, 'flood', { line: 'this is no message\n' });
    expect(answer).toMatchObject({
      error: { code: 31003, message: expect.stringContaining('10000 unreadable messages') },
    });
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
    expect(test.eventsOf('upstream.stray').length).toBeLessThan(100);
  });

  it('in proper messages costs no memory, and others are served meanwhile', async () => {
    const test = await startUpstream({}, { isolation: 'session' });
    const [loud, other] = [await WireClient.session(test.ws), await WireClient.session(test.ws)];
    await other.call(1, 'echo');
    loud.socket.pause();
    const grown = growth();
    loud.send(toolCall(1, 'flood', { line: `${note}\n`, ms: 1500 }));
    const end = Date.now() + 1500;
    for (let id = 2; Date.now() < end; id++) expect(textOf(await other.call(id, 'echo', { text: 'on' }))).toBe('on');
    expect(grown()).toBeLessThan(150 * MIB);
  });
});

describe('a server that never reads', () => {
  it('is ended when it has read nothing for stallTimeout, and who sent too much is told at once', async () => {
    const limits = { maxQueueSize: '1MiB', stallTimeout: '1s', livenessInterval: 'never' };
    const test = await startUpstream({}, { isolation: 'shared', ...limits });
    const client = await WireClient.session(test.ws);
    const pid = Number(textOf(await client.call(1, 'pid')));
    await client.call(2, 'deaf');
    const grown = growth();
    for (let id = 3; id < 15; id++) client.send(toolCall(id, 'echo', { text: 'x'.repeat(300_000) }));
    expect(await client.answer(14)).toMatchObject({
      error: { code: 31004, message: expect.stringContaining('maxQueueSize'), data: { retryAfterMs: 1000 } },
    });
    expect(test.pool.size.members).toBe(1);
    expect(await client.answer(3)).toMatchObject({
      error: { code: 31003, message: expect.stringContaining('stallTimeout') },
    });
    expect(grown()).toBeLessThan(100 * MIB);
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
    expect(textOf(await client.call(20, 'echo', { text: 'next' }))).toBe('next');
  });
});
