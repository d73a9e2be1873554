/** Clients of legacy HTTP sessions that vanish: no GET stream and no POST of theirs is open any more. */
import { describe, expect, it } from 'vitest';

import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import { http, openSession, stream } from '../support/http.ts';
import { initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };
type Headers = Record<string, string>;

/** Calls a tool; gives its answer, in whichever form it came. */
async function call(url: string, headers: Headers, name: string, args: Json = {}): Promise<Json> {
  const { body } = await http(url, { headers, body: toolCall(90, name, args) });
  return JSON.parse(/^data: (.*"id":90.*)$/m.exec(body)?.[1] ?? body) as Json;
}
const slow = (id: number, ms: number): Json =>
  toolCall(id, 'slow', { ms, steps: ms / 50, text: 'done' }, { progressToken: id });
const leave = (url: string, headers: Headers): Promise<unknown> => http(url, { method: 'DELETE', headers });

describe('a client that vanishes while its call runs', () => {
  it('has it cancelled after absentGrace, and is told so when it is back', async () => {
    const test = await startGateway({ upstreams, absentGrace: '300ms' });
    const session = await openSession(test.http, initializeParams());
    const cut = await stream(test.http, { method: 'POST', headers: session, body: slow(1, 20_000) });
    await cut.next();
    cut.destroy();
    await expect.poll(() => test.gateway.stats.exchanges).toBe(0);
    const back = await stream(test.http, { headers: { ...session, 'last-event-id': cut.ids.at(-1)! } });
    let last = await back.next();
    while ('method' in last) last = await back.next();
    expect(last).toMatchObject({ id: 1, error: { data: { code: 'SWB_CLIENT_GONE' } } });
    expect(JSON.stringify(last)).toContain('absentGrace');
    await back.closed;
    // The same server goes on, and has heard of it.
    expect(JSON.parse(textOf(await call(test.http, session, 'seen')))).toContain('notifications/cancelled');
    await leave(test.http, session);
    await expectEmpty(test);
    expect(test.gateway.stats.replayBytes).toBe(0);
  });

  it('loses nothing when it is back within that time with Last-Event-ID', async () => {
    const test = await startGateway({ upstreams, absentGrace: '2s' });
    const session = await openSession(test.http, initializeParams());
    const cut = await stream(test.http, { method: 'POST', headers: session, body: slow(1, 1000) });
    const seen = [await cut.next()];
    cut.destroy();
    await cut.closed;
    const back = await stream(test.http, { headers: { ...session, 'last-event-id': cut.ids.at(-1)! } });
    while (seen.at(-1)!['id'] !== 1) seen.push(await back.next());
    expect(textOf(seen.at(-1)!)).toBe('done');
    expect(seen).toHaveLength(21);
  });

  it('loses nothing as long as it sends requests of any kind', async () => {
    const test = await startGateway({ upstreams, absentGrace: '500ms' });
    const session = await openSession(test.http, initializeParams());
    const cut = await stream(test.http, { method: 'POST', headers: session, body: slow(1, 2000) });
    await cut.next();
    cut.destroy();
    for (let n = 0; test.gateway.stats.exchanges > 0; n++) {
      await http(test.http, { headers: session, body: { jsonrpc: '2.0', id: `ping ${n}`, method: 'ping' } });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const back = await stream(test.http, { headers: { ...session, 'last-event-id': cut.ids.at(-1)! } });
    let last = await back.next();
    while ('method' in last) last = await back.next();
    expect(textOf(last)).toBe('done');
  });

  it('keeps it for ever where absentGrace is never', async () => {
    const test = await startGateway({ upstreams, absentGrace: 'never', absentTimeout: '200ms' });
    const session = await openSession(test.http, initializeParams());
    const cut = await stream(test.http, { method: 'POST', headers: session, body: slow(1, 1000) });
    await cut.next();
    cut.destroy();
    await expect.poll(() => test.gateway.stats.exchanges, { timeout: 5000 }).toBe(0);
    const back = await stream(test.http, { headers: { ...session, 'last-event-id': cut.ids.at(-1)! } });
    let last = await back.next();
    while ('method' in last) last = await back.next();
    expect(textOf(last)).toBe('done');
  });
});

describe('the own server of a client that vanished', () => {
  it('ends after absentTimeout, and the next request of the same session starts another', async () => {
    const test = await startGateway({ upstreams, absentTimeout: '400ms' });
    const members = (): number => test.gateway.stats.upstreams['default']!.members;
    const [gone, there] = [
      await openSession(test.http, initializeParams()),
      await openSession(test.http, initializeParams()),
    ];
    // One that listens is there, however quiet it is.
    const listening = await stream(test.http, { headers: there });
    const [pid, otherPid] = [await call(test.http, gone, 'pid'), await call(test.http, there, 'pid')];
    await expect.poll(members, { timeout: 5000 }).toBe(1);
    expect(test.gateway.stats.connections).toBe(2);
    await expect.poll(() => test.gateway.stats.upstreams['default']!.running).toBe(1);
    expect(test.events.find(({ type }) => type === 'member.retired')).toMatchObject({
      reason: expect.stringContaining('absentTimeout') as unknown,
    });
    expect(textOf(await call(test.http, gone, 'pid'))).not.toBe(textOf(pid));
    expect(textOf(await call(test.http, there, 'pid'))).toBe(textOf(otherPid));
    listening.destroy();
    for (const session of [gone, there]) await leave(test.http, session);
    await expectEmpty(test);
  });

  it('stays where others share it', async () => {
    const test = await startGateway({
      upstreams: { shared: { ...servers.scripted, isolation: 'shared' }, own: servers.scripted },
      absentTimeout: '300ms',
    });
    const session = await openSession(test.all.http, initializeParams());
    const before = await call(test.all.http, session, 'shared__pid');
    await expect.poll(() => test.gateway.stats.upstreams['own']!.running, { timeout: 5000 }).toBe(0);
    expect(textOf(await call(test.all.http, session, 'shared__pid'))).toBe(textOf(before));
    expect(textOf(await call(test.all.http, session, 'own__echo', { text: 'again' }))).toBe('again');
  });
});

describe('several GET streams of one session', () => {
  const changed = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };

  it('are allowed: the newest is the one that counts, and the older ends', async () => {
    const test = await startGateway({ upstreams });
    const session = await openSession(test.http, initializeParams());
    const first = await stream(test.http, { headers: session });
    const second = await stream(test.http, { headers: session });
    expect([first.status, second.status]).toEqual([200, 200]);
    await first.closed;
    await call(test.http, session, 'changeLater');
    expect(await second.next()).toEqual(changed);
    expect([first.received, second.received]).toEqual([[], []]);
  });

  it('give an id to come back with, however quiet they are', async () => {
    const test = await startGateway({ upstreams });
    const session = await openSession(test.http, initializeParams());
    const quiet = await stream(test.http, { headers: session });
    await expect.poll(() => quiet.ids.length).toBe(1);
    quiet.destroy();
    await quiet.closed;
    await call(test.http, session, 'changeLater');
    await expect.poll(() => test.gateway.stats.replayBytes).toBeGreaterThan(0);
    const back = await stream(test.http, { headers: { ...session, 'last-event-id': quiet.ids[0]! } });
    expect(await back.next()).toEqual(changed);
    expect(back.received).toEqual([]);
  });
});
