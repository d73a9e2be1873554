/** What servers and the proxies before them answer in place of an answer: redirects, and "later". */
import { describe, expect, it } from 'vitest';

import { startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http, openSession } from '../support/http.ts';
import { plain, remote } from '../support/remote.ts';
import type { RemoteServer, Visit } from '../support/remote.ts';
import { WireClient, envelope, initializeParams, textOf, toolCall } from '../support/wire.ts';

async function serve(on: (visit: Visit) => unknown): Promise<{ test: TestGateway; server: RemoteServer }> {
  const server = await remote(on);
  const upstream = { url: server.url, era: 'legacy' as const, headers: { authorization: 'Bearer own' } };
  return { server, test: await startGateway({ upstreams: { default: upstream } }) };
}

describe('a redirect', () => {
  it.each([307, 308])('with %i within the origin is followed, and keeps method, body and headers', async (status) => {
    const { test, server } = await serve((visit) => {
      if (visit.url === '/mcp') visit.text(status, '', { location: '/moved/mcp/' });
      else plain(visit);
    });
    const client = await WireClient.session(test.ws);
    expect(textOf(await client.call(1, 'echo', { text: 'moved' }))).toBe('moved');
    const call = server.of('tools/call').find(({ url }) => url === '/moved/mcp/');
    expect(call).toMatchObject({
      method: 'POST',
      headers: { authorization: 'Bearer own', 'mcp-protocol-version': '2025-11-25' },
    });
  });

  it('to another origin is refused; the error names it without its query, and nothing is sent there', async () => {
    const other = await remote(plain);
    const { test } = await serve((visit) => visit.text(307, '', { location: `${other.url}?token=secret` }));
    const client = await WireClient.open(test.ws);
    client.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() });
    const { error } = (await client.answer(1)) as { error: { message: string } };
    expect(error.message).toContain(`HTTP status 307 to ${other.url}, another origin`);
    expect(error.message).not.toContain('secret');
    expect(other.visits).toEqual([]);
  });

  it.each([301, 302, 303])('with %i would lose the request, and is refused with its address', async (status) => {
    const { test, server } = await serve((visit) => visit.text(status, '', { location: '/login' }));
    const client = await WireClient.open(test.ws);
    client.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() });
    expect((await client.answer(1))['error']).toMatchObject({
      message: expect.stringContaining(`HTTP status ${status} to http://127.0.0.1:${server.port}/login`),
    });
    expect(server.visits.some(({ url }) => url === '/login')).toBe(false);
  });

  it('that leads round in a circle ends', async () => {
    const { test, server } = await serve((visit) => visit.text(307, '', { location: '/mcp' }));
    const client = await WireClient.open(test.ws);
    client.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() });
    expect((await client.answer(1))['error']).toMatchObject({
      message: expect.stringContaining('after 5 other redirects'),
    });
    expect(server.visits).toHaveLength(6);
  });
});

describe('a 429 with Retry-After', () => {
  const busy = (visit: Visit): void => {
    const { message } = visit;
    const { name } = (message.params ?? {}) as { name?: string };
    if (name === 'text') visit.text(429, 'slow down', { 'retry-after': '7' });
    else if (name === 'json') {
      visit.json(429, { id: message.id, error: { code: -32029, message: 'slow down' } }, { 'retry-after': '7' });
    } else plain(visit);
  };

  it.each([
    ['text', { code: 31001, data: { status: 429, retryAfterMs: 7000 } }],
    ['json', { code: -32029, data: { retryAfterMs: 7000 } }],
  ])('as %s reaches legacy and modern clients as retryAfterMs, and over HTTP as the header', async (name, error) => {
    const { test } = await serve(busy);
    const client = await WireClient.session(test.ws);
    expect((await client.call(1, name))['error']).toMatchObject(error);
    const headers = await openSession(test.http, initializeParams());
    const legacy = await http(test.http, { headers, body: toolCall(1, name) });
    const modern = await http(test.http, {
      headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': name },
      body: toolCall(1, name, {}, envelope()),
    });
    for (const { headers: got, body } of [legacy, modern]) {
      expect(JSON.parse(body)).toMatchObject({ error });
      expect(got['retry-after']).toBe('7');
    }
  });

  it('as a date means the time until then', async () => {
    const { test } = await serve((visit) => {
      if (visit.message.method !== 'tools/call') plain(visit);
      else visit.text(503, '', { 'retry-after': new Date(Date.now() + 60_000).toUTCString() });
    });
    const client = await WireClient.session(test.ws);
    const { error } = (await client.call(1, 'x')) as { error: { data: { retryAfterMs: number } } };
    expect(error.data.retryAfterMs).toBeGreaterThan(50_000);
    expect(error.data.retryAfterMs).toBeLessThanOrEqual(60_000);
  });
});
