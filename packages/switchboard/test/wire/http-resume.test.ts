/** Event streams of legacy sessions that are cut and taken up again with Last-Event-ID (MCP 2025-11-25, Transports). */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { describe, expect, it, onTestFinished } from 'vitest';

import { startCutter } from '../support/cutter.ts';
import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import { http, openSession, stream } from '../support/http.ts';
import { initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };
const progressOf = ({ params }: Json): unknown => (params as Json)['progress'];
const slow = (id: unknown, steps: number): Json =>
  toolCall(id, 'slow', { ms: steps * 20, steps, text: 'done' }, { progressToken: 'p' });

describe('the stream of a request that was cut', () => {
  it('goes on where it was, every note and the answer once', async () => {
    const test = await startGateway({ upstreams });
    const session = await openSession(test.http, initializeParams());
    const first = await stream(test.http, { method: 'POST', headers: session, body: slow(1, 20) });
    const seen = [await first.next(), await first.next(), await first.next()];
    const last = first.ids[3]!;
    first.destroy();
    const second = await stream(test.http, { headers: { ...session, 'last-event-id': last } });
    while (seen.at(-1)?.['id'] !== 1) seen.push(await second.next());
    await second.closed;
    expect(seen.slice(0, -1).map(progressOf)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
    expect(textOf(seen.at(-1)!)).toBe('done');
    expect(new Set([...first.ids, ...second.ids]).size).toBe(22);
    await http(test.http, { method: 'DELETE', headers: session });
    await expectEmpty(test);
  });

  it('can be taken up after its end, by who has not seen it', async () => {
    const test = await startGateway({ upstreams });
    const session = await openSession(test.http, initializeParams());
    const first = await stream(test.http, { method: 'POST', headers: session, body: slow(1, 3) });
    await first.closed;
    const again = await stream(test.http, { headers: { ...session, 'last-event-id': first.ids.at(-2)! } });
    expect(textOf(await again.next())).toBe('done');
    await again.closed;
    expect(again.received).toEqual([]);
  });

  it('begins with an id and no message, for clients of the version that knows this', async () => {
    const test = await startGateway({ upstreams });
    for (const [version, primed] of [
      ['2025-11-25', true],
      ['2025-06-18', false],
    ] as const) {
      const session = await openSession(test.http, { ...initializeParams(), protocolVersion: version });
      const headers = { ...session, 'mcp-protocol-version': version };
      const events = await stream(test.http, { method: 'POST', headers, body: slow(1, 2) });
      await events.closed;
      expect(events.received.map(({ id }) => id)).toEqual([undefined, undefined, 1]);
      expect(events.ids).toHaveLength(primed ? 4 : 3);
    }
  });

  it('is refused when it is not kept, or is of another session', async () => {
    const test = await startGateway({ upstreams });
    const [mine, yours] = [
      await openSession(test.http, initializeParams()),
      await openSession(test.http, initializeParams()),
    ];
    const events = await stream(test.http, { method: 'POST', headers: yours, body: slow(1, 2) });
    await events.closed;
    for (const id of [events.ids.at(-2)!, '99-1', 'x', '__proto__-1', '1-99999999999999999']) {
      const { status, body } = await http(test.http, {
        method: 'GET',
        headers: { ...mine, accept: 'text/event-stream', 'last-event-id': id },
      });
      expect([status, JSON.parse(body)]).toMatchObject([400, { error: { data: { code: 'SWB_BAD_REQUEST' } } }]);
    }
  });
});

describe('the stream of a session that was cut', () => {
  it('brings what came meanwhile, once, and takes the place of one that is still open', async () => {
    const test = await startGateway({ upstreams });
    const session = await openSession(test.http, initializeParams());
    const first = await stream(test.http, { headers: session });
    await http(test.http, { headers: session, body: toolCall(1, 'changeLater') });
    const changed = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };
    expect(await first.next()).toEqual(changed);
    const second = await stream(test.http, { headers: { ...session, 'last-event-id': first.ids[0]! } });
    await first.closed;
    second.destroy();
    await second.closed;
    await http(test.http, { headers: session, body: toolCall(2, 'changeLater') });
    const third = await stream(test.http, { headers: { ...session, 'last-event-id': first.ids[0]! } });
    expect(await third.next()).toEqual(changed);
    expect([third.ids.length, third.received]).toEqual([1, []]);
    expect(third.ids[0]).not.toBe(first.ids[0]);
  });

  it('tells how many events could not be kept', async () => {
    const test = await startGateway({ upstreams, maxQueueMessages: 2 });
    const session = await openSession(test.http, initializeParams());
    const first = await stream(test.http, { method: 'POST', headers: session, body: slow(1, 6) });
    await first.closed;
    const again = await stream(test.http, { headers: { ...session, 'last-event-id': first.ids[1]! } });
    expect(await again.next()).toMatchObject({ method: 'notifications/switchboard/dropped', params: { count: 4 } });
    expect(progressOf(await again.next())).toBe(6);
    expect(textOf(await again.next())).toBe('done');
  });
});

describe('a client of the official SDK', () => {
  it('gets its answer though its network is cut again and again', async () => {
    const test = await startGateway({ upstreams });
    const cutter = await startCutter(test.port, () => Infinity);
    const client = new Client({ name: 'sdk', version: '1' });
    const transport = new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${cutter.port}/mcp`), {
      reconnectionOptions: {
        initialReconnectionDelay: 10,
        maxReconnectionDelay: 50,
        reconnectionDelayGrowFactor: 1,
        maxRetries: 50,
      },
    });
    onTestFinished(() => client.close());
    await client.connect(transport);
    const notes: number[] = [];
    const args = { name: 'slow', arguments: { ms: 1000, steps: 50, text: 'at last' } };
    const answer = client.callTool(args, undefined, {
      onprogress: ({ progress }) => {
        notes.push(progress);
        if (progress % 10 === 0 && progress < 50) cutter.cutAll();
      },
    });
    expect(await answer).toMatchObject({ content: [{ text: 'at last' }] });
    expect(notes).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
  });
});
