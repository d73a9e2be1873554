import { describe, expect, it } from 'vitest';

import type { GatewayEvent } from '../../src/observe/events.ts';
import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http, openSession } from '../support/http.ts';
import { listed } from '../support/lists.ts';
import { WireClient, envelope, initializeParams, toolCall } from '../support/wire.ts';

type Ended = Extract<GatewayEvent, { type: 'request.ended' }>;

const upstreams = { default: servers.scripted };
const endedOf = ({ events }: TestGateway): Ended[] =>
  events.filter((event): event is Ended => event.type === 'request.ended');

describe('the events of a request', () => {
  it('tell who asked for what, how, where, how long it took and how it ended', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.session(test.ws);
    await client.call(1, 'echo', { text: 'x' });
    const opened = test.events.find((event) => event.type === 'session.opened');
    const facts = {
      exchange: expect.stringMatching(/^[0-9a-f]{8}-\d+$/) as string,
      method: 'tools/call',
      target: 'echo',
      upstream: 'default',
      session: opened?.session,
      principal: 'anonymous',
      transport: 'websocket',
      era: 'legacy',
    };
    expect(test.events.find(({ type }) => type === 'request.started')).toEqual({ type: 'request.started', ...facts });
    const [ended] = endedOf(test);
    expect(ended).toEqual({
      type: 'request.ended',
      ...facts,
      ms: expect.any(Number) as number,
      outcome: 'ok',
      times: expect.objectContaining({ answered: expect.any(Number) as number }) as object,
    });
    expect(ended!.ms).toBeGreaterThan(0);
  });

  it('tell the transport and the era of each client', async () => {
    const test = await startGateway({ upstreams });
    const socket = await WireClient.open(test.ws);
    socket.send(toolCall(1, 'echo', {}, envelope()));
    await socket.answer(1);
    await http(test.http, { headers: await openSession(test.http, initializeParams()), body: toolCall(1, 'echo') });
    const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'echo' };
    await http(test.http, { headers, body: toolCall(1, 'echo', {}, envelope()) });
    expect(endedOf(test).map(({ transport, era }) => `${transport} ${era}`)).toEqual([
      'websocket modern',
      'http legacy',
      'http modern',
    ]);
    // A modern request over HTTP has nothing but its address.
    expect(endedOf(test)[2]!.session).toMatch(/127\.0\.0\.1$/);
  });

  it('tell a tool that failed from an error, an error of ours from a server’s, and what was cancelled', async () => {
    const test = await startGateway({ upstreams: { default: servers.everything, other: servers.scripted } });
    const everything = await WireClient.session(test.ws);
    await everything.call(1, 'no-such-tool');
    const scripted = await WireClient.session(test.ws.replace('default', 'other'));
    await scripted.call(1, 'missing');
    scripted.send(toolCall(2, 'never'));
    await expect.poll(() => test.gateway.stats.exchanges).toBe(1);
    scripted.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } });
    await expect.poll(() => test.gateway.stats.exchanges).toBe(0);
    await scripted.call(3, 'crash');
    scripted.send(toolCall(4, 'never'));
    await expect.poll(() => test.gateway.operations.requests()).toHaveLength(1);
    test.gateway.operations.cancel(test.gateway.operations.requests()[0]!.id);
    await scripted.answer(4);
    expect(endedOf(test).map(({ outcome, code, error }) => [outcome, code, error])).toEqual([
      ['isError', undefined, undefined],
      ['error', -32002, undefined],
      ['cancelled', undefined, undefined],
      ['error', 31003, 'SWB_UPSTREAM_EXITED'],
      ['cancelled', 31023, 'SWB_CANCELLED'],
    ]);
  });

  it('name the server and the tool that were reached where all servers have one address', async () => {
    const upstreams = {
      one: { ...servers.scripted, requestTimeout: '200ms' as const },
      two: listed({ tools: ['x'], prompts: ['p'], resources: ['mine://1'] }),
    };
    const test = await startGateway({ upstreams });
    const seen: unknown[] = [];
    test.gateway.registerHooks({ onRequest: ({ upstream, target }) => void seen.push([upstream, target]) });
    for (const era of ['legacy', 'modern'] as const) {
      const client = era === 'legacy' ? await WireClient.session(test.all.ws) : await WireClient.open(test.all.ws);
      const _meta = era === 'modern' ? envelope() : {};
      const requests = [
        ['tools/list', {}],
        ['tools/call', { name: 'two__x' }],
        ['prompts/get', { name: 'two__p' }],
        ['resources/read', { uri: 'mine://1' }],
        ['tools/call', { name: 'three__x' }],
        // Its own time limit holds here too.
        ['tools/call', { name: 'one__never' }],
      ] as const;
      const before = endedOf(test).length;
      for (const [id, [method, params]] of requests.entries()) {
        client.send({ jsonrpc: '2.0', id: id + 1, method, params: { ...params, _meta } });
        await client.answer(id + 1);
      }
      expect(
        endedOf(test)
          .slice(before)
          .map(({ upstream, target, error }) => [upstream, target, error]),
      ).toEqual([
        ['*', undefined, undefined],
        ['two', 'x', undefined],
        ['two', 'p', undefined],
        ['two', 'mine', undefined],
        ['*', 'three__x', 'SWB_UNKNOWN_NAME'],
        ['one', 'never', 'SWB_TIMEOUT'],
      ]);
      client.socket.close();
      await client.closed;
    }
    // Asked before it is known who has a resource.
    expect(seen.slice(0, 6)).toEqual([
      ['*', undefined],
      ['two', 'x'],
      ['two', 'p'],
      ['*', 'mine'],
      ['*', 'three__x'],
      ['one', 'never'],
    ]);
  });

  it('tell a tool that failed also where its result is too large to be looked into without need', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.session(test.ws);
    await client.call(1, 'big', { bytes: 100_000 });
    await client.call(2, 'bigFailure', { bytes: 100_000 });
    await client.call(3, 'big', { bytes: 100_000, say: '"isError"' });
    expect(endedOf(test).map(({ outcome }) => outcome)).toEqual(['ok', 'isError', 'ok']);
  });

  it('name of a resource its scheme, and of what a client makes up no more than 128 characters', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.session(test.ws);
    client.send({ jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: 'FILE:///home/private' } });
    client.send({ jsonrpc: '2.0', id: 2, method: 'resources/read', params: { uri: 'no scheme' } });
    client.send(toolCall(3, 'x'.repeat(5000)));
    client.send({ jsonrpc: '2.0', id: 4, method: 'm'.repeat(5000), params: {} });
    await Promise.all([1, 2, 3, 4].map((id) => client.answer(id)));
    expect(endedOf(test).map(({ method, target }) => [method, target])).toEqual([
      ['resources/read', 'file'],
      ['resources/read', undefined],
      ['tools/call', 'x'.repeat(128)],
      ['m'.repeat(128), undefined],
    ]);
  });

  it('hold nothing of what was said', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.session(test.ws);
    const said = 'between-you-and-me';
    await client.call(1, 'echo', { text: said }, { note: said });
    await client.call(2, 'big', { bytes: 40_000, say: said });
    client.send({ jsonrpc: '2.0', id: 3, method: 'acme/echo', params: { said } });
    await client.answer(3);
    expect(endedOf(test)).toHaveLength(3);
    expect(JSON.stringify(test.events)).not.toContain(said);
  });

  it('tell of a request that was refused by which error, and whose it was', async () => {
    const test = await startGateway({ upstreams, rateLimit: 1 });
    const client = await WireClient.session(test.ws);
    await client.call(1, 'echo');
    client.send('{');
    await client.next((message) => 'error' in message);
    const refused = test.events.filter(({ type }) => type === 'request.refused');
    const opened = test.events.find((event) => event.type === 'session.opened');
    const whose = { upstream: 'default', principal: 'anonymous', transport: 'websocket', session: opened?.session };
    expect(refused).toEqual([
      { type: 'request.refused', code: 'SWB_RATE_LIMITED', method: 'tools/call', ...whose },
      { type: 'request.refused', code: 'SWB_PARSE_ERROR', ...whose },
    ]);
  });
});
