/** What is kept of event streams for clients that come back, and what not. */
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';

import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http, openSession, stream } from '../support/http.ts';
import { initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };
type Headers = Record<string, string>;

const big = (id: number, bytes: number, ms = 0): Json =>
  toolCall(id, 'big', { bytes, ms, note: true }, { progressToken: id });

/** Calls, and hangs up before the answer, which comes when nobody is there. @returns the last event id that was seen. */
async function missAnswer(test: TestGateway, session: Headers, id: number, bytes: number): Promise<string> {
  const cut = await stream(test.http, { method: 'POST', headers: session, body: big(id, bytes, 100) });
  await cut.next();
  cut.destroy();
  await expect.poll(() => test.gateway.stats.exchanges).toBe(0);
  return cut.ids.at(-1)!;
}

async function comeBack(test: TestGateway, session: Headers, lastEventId: string): Promise<Json[]> {
  const { status, body } = await http(test.http, {
    method: 'GET',
    headers: { ...session, accept: 'text/event-stream', 'last-event-id': lastEventId },
  });
  expect(status).toBe(200);
  return [...body.matchAll(/^data: (.+)$/gm)].map(([, data]) => JSON.parse(data!) as Json);
}

describe('an answer', () => {
  it('of 8 MB is not kept when it was delivered, however many there are', async () => {
    const test = await startGateway({ upstreams });
    const session = await openSession(test.http, initializeParams());
    for (let id = 1; id <= 8; id++) {
      const { body } = await http(test.http, { headers: session, body: big(id, 8_000_000) });
      expect(body.length).toBeGreaterThan(8_000_000);
      await expect.poll(() => test.gateway.stats.replayBytes).toBeLessThan(8 * 1024);
    }
    const metrics = await http(new URL('/metrics', test.http).href, { method: 'GET' });
    expect(Number(/^switchboard_replay_bytes (\d+)$/m.exec(metrics.body)?.[1])).toBe(test.gateway.stats.replayBytes);
  });

  it('that is small is kept for a while, as it may have been lost on its way, and not when its client is gone', async () => {
    const test = await startGateway({ upstreams, absentGrace: '500ms' });
    const sessions = await Promise.all(Array.from({ length: 5 }, () => openSession(test.http, initializeParams())));
    for (const session of sessions) {
      await Promise.all(
        [1, 2, 3].map((id) =>
          stream(test.http, { method: 'POST', headers: session, body: big(id, 20_000) }).then((all) => all.closed),
        ),
      );
    }
    expect(test.gateway.stats.replayBytes).toBeGreaterThan(0);
    await expect.poll(() => test.gateway.stats.replayBytes, { timeout: 5000 }).toBe(0);
    expect(test.gateway.stats.connections).toBe(5);
  });

  it('that was not delivered is kept however large it is, and given up first of a client that has several', async () => {
    const test = await startGateway({ upstreams, maxReplaySize: '1MiB' });
    const session = await openSession(test.http, initializeParams());
    const ids = [await missAnswer(test, session, 1, 700_000), await missAnswer(test, session, 2, 5_000_000)];
    const [lost, kept] = [await comeBack(test, session, ids[0]!), await comeBack(test, session, ids[1]!)];
    expect(lost.at(-1)).toMatchObject({ id: 1, error: { data: { code: 'SWB_OVERLOADED' } } });
    expect(textOf(kept.at(-1)!)).toHaveLength(5_000_000);
    await expect.poll(() => test.gateway.stats.replayBytes).toBeLessThan(100_000);
  });

  it('is kept within one budget for all: who keeps most gives up first', async () => {
    const limits = { maxReplaySize: '2MiB', maxReplaySizePerPrincipal: '2MiB', maxReplaySizeTotal: '2MiB' } as const;
    const test = await startGateway({ upstreams, ...limits });
    const [modest, greedy] = [
      await openSession(test.http, initializeParams()),
      await openSession(test.http, initializeParams()),
    ];
    const modestId = await missAnswer(test, modest, 1, 200_000);
    const greedyIds: string[] = [];
    for (let id = 1; id <= 6; id++) {
      greedyIds.push(await missAnswer(test, greedy, id, 600_000));
      expect(test.gateway.stats.replayBytes).toBeLessThan(2.1 * 1024 * 1024);
    }
    expect(textOf((await comeBack(test, modest, modestId)).at(-1)!)).toHaveLength(200_000);
    expect((await comeBack(test, greedy, greedyIds[0]!)).at(-1)).toMatchObject({ error: { code: 31004 } });
    expect(textOf((await comeBack(test, greedy, greedyIds.at(-1)!)).at(-1)!)).toHaveLength(600_000);
    for (const headers of [modest, greedy]) await http(test.http, { method: 'DELETE', headers });
    expect(test.gateway.stats.replayBytes).toBe(0);
  });
});

describe('a stream that is taken up and not read', () => {
  it('costs no more than what its client would read at once, however often that is done', async () => {
    const test = await startGateway({ upstreams });
    const session = await openSession(test.http, initializeParams());
    const notes = { ms: 500, steps: 100, text: 'n'.repeat(80_000) };
    const cut = await stream(test.http, {
      method: 'POST',
      headers: session,
      body: toolCall(1, 'slow', notes, { progressToken: 1 }),
    });
    await cut.next();
    cut.destroy();
    await expect.poll(() => test.gateway.stats.exchanges, { timeout: 10_000 }).toBe(0);
    expect(test.gateway.stats.replayBytes).toBeGreaterThan(7_000_000);
    const lines = [`GET /mcp HTTP/1.1`, 'Host: 127.0.0.1', 'Accept: text/event-stream', `Last-Event-ID: ${cut.ids[0]}`];
    const head = [...lines, ...Object.entries(session).map(([name, value]) => `${name}: ${value}`)].join('\r\n');
    for (let n = 0; n < 10; n++) {
      const socket = connect(test.port, '127.0.0.1', () => socket.write(`${head}\r\n\r\n`));
      socket.on('error', () => {});
      onTestFinished(() => void socket.destroy());
      await new Promise((resolve) => socket.once('readable', resolve));
    }
    const { body } = await http(new URL('/metrics', test.http).href, { method: 'GET' });
    expect(Number(/^switchboard_client_queue_bytes (\d+)$/m.exec(body)?.[1])).toBeLessThan(2_000_000);
    const all = await comeBack(test, session, cut.ids[0]!);
    expect(all).toHaveLength(101);
    expect(textOf(all.at(-1)!)).toHaveLength(80_000);
  });
});
