import { describe, expect, it } from 'vitest';

import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import { http, openSession, stream } from '../support/http.ts';
import { initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };
const parse = (body: string): Json => JSON.parse(body) as Json;

describe('a legacy session over HTTP', () => {
  it('opens with initialize, is named by a header, and ends with DELETE', async () => {
    const test = await startGateway({ upstreams });
    const session = await openSession(test.http, initializeParams());
    expect(session['mcp-session-id']).toMatch(/^[\w-]{22}$/);
    const answer = await http(test.http, { headers: session, body: toolCall('a', 'echo', { text: 'hi' }) });
    expect(answer.headers['content-type']).toBe('application/json');
    expect(textOf(parse(answer.body))).toBe('hi');
    expect((await http(test.http, { method: 'DELETE', headers: session })).status).toBe(204);
    const late = await http(test.http, { headers: session, body: toolCall(1, 'echo', { text: 'hi' }) });
    expect([late.status, parse(late.body)['id']]).toEqual([404, 1]);
    expect((parse(late.body)['error'] as Json)['data']).toEqual({ code: 'SWB_SESSION_NOT_FOUND' });
    await expectEmpty(test);
  });

  it('that ends while calls are under way says so in the place of their answers', async () => {
    const test = await startGateway({ upstreams });
    const session = await openSession(test.http, initializeParams());
    const call = http(test.http, { headers: session, body: toolCall('quiet', 'never') });
    const args = { ms: 60_000, steps: 1000, text: 'x' };
    const body = toolCall('telling', 'slow', args, { progressToken: 'p' });
    const events = await stream(test.http, { method: 'POST', headers: session, body });
    await events.next();
    const [{ id } = { id: '' }] = test.gateway.operations.sessions();
    expect(test.gateway.operations.kick(id, 'enough')).toBe(true);
    const error = { code: 31008, message: expect.stringContaining('enough') };
    expect(parse((await call).body)).toMatchObject({ id: 'quiet', error });
    await events.closed;
    expect(events.received.at(-1)).toMatchObject({ id: 'telling', error });
    await expectEmpty(test);
  });

  it('answers with an event stream as soon as there is progress to tell', async () => {
    const test = await startGateway({ upstreams });
    const session = await openSession(test.http, initializeParams());
    const body = toolCall(5, 'slow', { ms: 60, steps: 3, text: 'x' }, { progressToken: 'p' });
    const events = await stream(test.http, { method: 'POST', headers: session, body });
    const notes = [await events.next(), await events.next(), await events.next()];
    expect(notes.map(({ params }) => (params as Json)['progress'])).toEqual([1, 2, 3]);
    expect((await events.next())['id']).toBe(5);
    await events.closed;
  });

  it('puts questions of the server on the reply to the one running request, and takes the answer by POST', async () => {
    const test = await startGateway({ upstreams });
    const session = await openSession(test.http, initializeParams({ elicitation: {} }));
    const events = await stream(test.http, {
      method: 'POST',
      headers: session,
      body: toolCall(1, 'ask', { message: 'ok?' }),
    });
    const question = await events.next();
    expect(question['method']).toBe('elicitation/create');
    const reply = await http(test.http, {
      headers: session,
      body: { jsonrpc: '2.0', id: question['id'], result: { action: 'decline' } },
    });
    expect(reply).toMatchObject({ status: 202, body: '' });
    expect(textOf(await events.next())).toBe('{"action":"decline"}');
  });

  it('tells on the GET stream what belongs to no request, also what came before it was opened', async () => {
    const test = await startGateway({ upstreams });
    const session = await openSession(test.http, initializeParams());
    await http(test.http, { headers: session, body: toolCall(2, 'changeLater') });
    const events = await stream(test.http, { headers: session });
    expect(events.status).toBe(200);
    expect(await events.next()).toEqual({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
  });

  it('goes on when the client hangs up, and cancels when it says so', async () => {
    const test = await startGateway({ upstreams });
    const session = await openSession(test.http, initializeParams());
    const body = toolCall(1, 'slow', { ms: 60_000, steps: 1000 }, { progressToken: 1 });
    const events = await stream(test.http, { method: 'POST', headers: session, body });
    await events.next();
    events.destroy();
    await events.closed;
    expect(test.gateway.stats.exchanges).toBe(1);
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } };
    expect((await http(test.http, { headers: session, body: cancel })).status).toBe(202);
    expect(test.gateway.stats.exchanges).toBe(0);
  });

  it('ends a session that was quiet for the idle time, but not one that waits for an answer', async () => {
    const test = await startGateway({ upstreams, idleTimeout: '300ms' });
    const quiet = await openSession(test.http, initializeParams());
    const busy = await openSession(test.http, initializeParams());
    const answer = http(test.http, { headers: busy, body: toolCall(1, 'slow', { ms: 900 }) });
    await test.nextEvent('session.closed');
    expect((await http(test.http, { headers: quiet, body: toolCall(1, 'echo') })).status).toBe(404);
    expect((await answer).status).toBe(200);
  });

  it('is worth nothing under another name or path', async () => {
    const test = await startGateway({ upstreams: { one: servers.scripted, two: servers.scripted } });
    const session = await openSession(test.http, initializeParams());
    const other = test.http.replace('/mcp/one', '/mcp/two');
    for (const method of ['POST', 'GET', 'DELETE']) {
      expect(
        (await http(other, { method, headers: session, body: method === 'POST' ? toolCall(1, 'echo') : '' })).status,
      ).toBe(404);
      const forged = { ...session, 'mcp-session-id': 'x'.repeat(22) };
      expect(
        (await http(test.http, { method, headers: forged, body: method === 'POST' ? toolCall(1, 'echo') : '' })).status,
      ).toBe(404);
      const unnamed = { 'mcp-protocol-version': '2025-11-25' };
      expect(
        (await http(test.http, { method, headers: unnamed, body: method === 'POST' ? toolCall(1, 'echo') : '' }))
          .status,
      ).toBe(400);
    }
  });
});
