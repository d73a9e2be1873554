import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';

import type { GatewayEvent } from '../../src/observe/events.ts';
import { METRICS } from '../../src/observe/metric-table.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { MAX_TOOL_LABELS } from '../../src/observe/tally.ts';
import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http, openSession, raw } from '../support/http.ts';
import { readSamples, sample, samplesOf, scrape } from '../support/prometheus.ts';
import { WireClient, envelope, initializeParams, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { one: servers.scripted, two: servers.scripted };
const EMPTY = {
  parked: 0,
  bytesIn: 0,
  bytesOut: 0,
  queuedBytes: 0,
  replayBytes: 0,
  storeLagMs: 0,
  inFlight: new Map(),
  upstreams: {},
};

const modernHeaders = (name: string): Record<string, string> => ({
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'tools/call',
  'mcp-name': name,
});
const modernCall = (id: number, name: string, args: Json = {}): Json => toolCall(id, name, args, envelope());

/** The one address of an upstream; there are two, so that labels have something to tell apart. */
const at = (test: TestGateway, kind: 'ws' | 'http', upstream: string): string =>
  test[kind].replace(/\/mcp.*$/, `/mcp/${upstream}`);

const requests = (labels: Record<string, string>): string =>
  sample('switchboard_requests_total', { upstream: 'one', method: 'tools/call', ...labels });

describe('metrics agree with what was sent, to the unit', () => {
  it('by the server and the tool that were reached, where all servers have one address', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.session(test.all.ws);
    await client.call(1, 'one__echo', { text: 'x' });
    client.send(toolCall(2, 'two__never'));
    await expect.poll(() => test.gateway.stats.exchanges).toBe(1);
    const samples = await scrape(test);
    const transport = { transport: 'websocket', era: 'legacy', outcome: 'ok' };
    expect(samples.get(requests({ tool: 'echo', ...transport }))).toBe(1);
    const inFlight = (upstream: string): number | undefined =>
      samples.get(sample('switchboard_requests_in_flight', { upstream }));
    expect([inFlight('one'), inFlight('two'), inFlight('*')]).toEqual([0, 1, undefined]);
    client.socket.close();
    await expectEmpty(test);
    expect((await scrape(test)).get(sample('switchboard_requests_in_flight', { upstream: 'two' }))).toBe(0);
  });

  it('over WebSocket and HTTP, in both eras, for every way that a request can end', async () => {
    const test = await startGateway({ upstreams });
    const ended = (count: number): Promise<void> =>
      expect.poll(() => test.events.filter(({ type }) => type === 'request.ended').length).toBe(count);

    // Legacy over WebSocket: 5 of echo, 2 errors of missing, 1 cancelled, 1 method of nobody's.
    const legacy = await WireClient.session(at(test, 'ws', 'one'));
    for (let id = 1; id <= 5; id++) await legacy.call(id, 'echo', { text: 'hello' });
    for (let id = 6; id <= 7; id++) expect(await legacy.call(id, 'missing')).toHaveProperty('error.code', -32002);
    legacy.send(toolCall(8, 'never'));
    await expect.poll(() => test.gateway.stats.exchanges).toBe(1);
    expect((await scrape(test)).get(sample('switchboard_requests_in_flight', { upstream: 'one' }))).toBe(1);
    legacy.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 8 } });
    legacy.send({ jsonrpc: '2.0', id: 9, method: 'acme/echo', params: {} });
    await legacy.answer(9);
    await ended(9);

    // Modern over WebSocket: 3 of echo.
    const modern = await WireClient.open(at(test, 'ws', 'one'));
    for (let id = 1; id <= 3; id++) {
      modern.send(modernCall(id, 'echo', { text: 'hello' }));
      await modern.answer(id);
    }

    // Legacy over HTTP: 2 of echo. Modern over HTTP: 4 of echo, 1 error. To another upstream: 1.
    const session = await openSession(at(test, 'http', 'one'), initializeParams());
    for (let id = 1; id <= 2; id++) {
      await http(at(test, 'http', 'one'), { headers: session, body: toolCall(id, 'echo', { text: 'hello' }) });
    }
    for (let id = 1; id <= 4; id++) {
      await http(at(test, 'http', 'one'), { headers: modernHeaders('echo'), body: modernCall(id, 'echo') });
    }
    await http(at(test, 'http', 'one'), { headers: modernHeaders('missing'), body: modernCall(5, 'missing') });
    await http(at(test, 'http', 'two'), { headers: modernHeaders('echo'), body: modernCall(1, 'echo') });
    await ended(20);

    const samples = await scrape(test);
    const ws = { transport: 'websocket' };
    const overHttp = { transport: 'http' };
    expect(samplesOf(samples, 'switchboard_requests_total')).toEqual({
      [requests({ ...ws, era: 'legacy', tool: 'echo', outcome: 'ok' })]: 5,
      [requests({ ...ws, era: 'legacy', tool: 'missing', outcome: 'error' })]: 2,
      [requests({ ...ws, era: 'legacy', tool: 'never', outcome: 'cancelled' })]: 1,
      [requests({ ...ws, era: 'legacy', method: 'other', tool: '', outcome: 'ok' })]: 1,
      [requests({ ...ws, era: 'modern', tool: 'echo', outcome: 'ok' })]: 3,
      [requests({ ...overHttp, era: 'legacy', tool: 'echo', outcome: 'ok' })]: 2,
      [requests({ ...overHttp, era: 'modern', tool: 'echo', outcome: 'ok' })]: 4,
      [requests({ ...overHttp, era: 'modern', tool: 'missing', outcome: 'error' })]: 1,
      [requests({ ...overHttp, upstream: 'two', era: 'modern', tool: 'echo', outcome: 'ok' })]: 1,
    });
    expect(samplesOf(samples, 'switchboard_request_errors_total')).toEqual({
      [sample('switchboard_request_errors_total', { upstream: 'one', code: '-32002' })]: 2,
      [sample('switchboard_request_errors_total', { upstream: 'one', code: '-32602' })]: 1,
    });
    expect(samplesOf(samples, 'switchboard_request_duration_seconds_count')).toEqual(
      Object.fromEntries(
        [
          ['one', 'tools/call', 'echo', 14],
          ['one', 'tools/call', 'missing', 3],
          ['one', 'tools/call', 'never', 1],
          ['one', 'other', '', 1],
          ['two', 'tools/call', 'echo', 1],
        ].map(([upstream, method, tool, count]) => [
          sample('switchboard_request_duration_seconds_count', { upstream, method, tool } as never),
          count,
        ]),
      ),
    );
    expect(samplesOf(samples, 'switchboard_requests_in_flight')).toEqual({});
    expect(samplesOf(samples, 'switchboard_refusals_total')).toEqual({});
    expect(samplesOf(samples, 'switchboard_internal_errors_total')).toEqual({});
  });

  it('for connections and sessions, while they are there and when they are gone', async () => {
    const test = await startGateway({ upstreams });
    const clients = await Promise.all([1, 2, 3].map(() => WireClient.session(at(test, 'ws', 'one'))));
    const modern = await WireClient.open(at(test, 'ws', 'two'));
    const session = await openSession(at(test, 'http', 'two'), initializeParams());
    const connections = sample('switchboard_connections', { transport: 'websocket' });
    const sessions = (upstream: string, transport: string): string =>
      sample('switchboard_sessions', { upstream, transport });
    const before = await scrape(test);
    expect(samplesOf(before, 'switchboard_connections')).toEqual({ [connections]: 4 });
    expect(samplesOf(before, 'switchboard_sessions')).toEqual({
      [sessions('one', 'websocket')]: 3,
      [sessions('two', 'http')]: 1,
    });
    expect(before.get(sample('switchboard_members', { upstream: 'one', state: 'ready' }))).toBe(3);
    expect(before.get(sample('switchboard_member_start_seconds_count', { upstream: 'one' }))).toBe(3);

    for (const client of [...clients, modern]) client.socket.close();
    await http(at(test, 'http', 'two'), { method: 'DELETE', headers: session });
    await expectEmpty(test);
    const after = await scrape(test);
    expect(samplesOf(after, 'switchboard_connections')).toEqual({});
    expect(samplesOf(after, 'switchboard_sessions')).toEqual({});
    expect(after.get(sample('switchboard_connections_total', { transport: 'websocket' }))).toBe(4);
    expect(after.get(sample('switchboard_sessions_total', { upstream: 'one', transport: 'websocket' }))).toBe(3);
    const exits = sample('switchboard_member_exits_total', { upstream: 'one', expected: 'true' });
    expect(after.get(exits)).toBe(3);
  });

  it('for what was refused, each by the name of its error', async () => {
    const test = await startGateway({ upstreams, rateLimit: 2, maxRequestsInFlight: 2 });
    // The limit of 2 a minute is spent on initialize and one call.
    const client = await WireClient.session(at(test, 'ws', 'one'));
    await client.call(1, 'echo', { text: 'x' });
    for (const id of [2, 3, 4])
      expect(await client.call(id, 'echo')).toHaveProperty('error.data.code', 'SWB_RATE_LIMITED');
    client.send('no json');
    await client.next((message) => 'error' in message);
    await http(at(test, 'http', 'nobody'), { body: toolCall(1, 'echo') });
    await http(at(test, 'http', 'one'), { body: toolCall(1, 'echo') });
    await http(at(test, 'http', 'one'), { headers: { 'mcp-session-id': 'unknown' }, body: toolCall(1, 'echo') });
    await raw(test.port, 'GET /mcp/one HTTP/1.1\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n');
    const refused = samplesOf(await scrape(test), 'switchboard_refusals_total');
    expect(refused).toEqual(
      Object.fromEntries(
        Object.entries({
          SWB_RATE_LIMITED: 3,
          SWB_PARSE_ERROR: 1,
          SWB_UPSTREAM_NOT_FOUND: 1,
          SWB_SESSION_REQUIRED: 1,
          SWB_SESSION_NOT_FOUND: 1,
          SWB_HOST_REFUSED: 1,
        }).map(([code, count]) => [sample('switchboard_refusals_total', { code }), count]),
      ),
    );
  });

  it('for members that crash and are restarted', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.session(at(test, 'ws', 'one'));
    expect(await client.call(1, 'crash')).toHaveProperty('error.data.code', 'SWB_UPSTREAM_EXITED');
    await client.call(2, 'echo', { text: 'back' });
    const samples = await scrape(test);
    const upstream = 'one';
    expect(samples.get(sample('switchboard_member_starts_total', { upstream }))).toBe(2);
    expect(samples.get(sample('switchboard_member_restarts_total', { upstream }))).toBe(1);
    expect(samples.get(sample('switchboard_member_exits_total', { upstream, expected: 'false' }))).toBe(1);
    expect(samples.get(sample('switchboard_request_errors_total', { upstream, code: 'SWB_UPSTREAM_EXITED' }))).toBe(1);
  });

  it('for bytes: what clients wrote on their sockets came in, and what they read went out', async () => {
    const test = await startGateway({ upstreams });
    const sockets: Socket[] = [];
    const client = await WireClient.open(at(test, 'ws', 'one'), {
      createConnection: ({ port }: { port: number }) => {
        const socket = connect(port, '127.0.0.1');
        sockets.push(socket);
        return socket;
      },
    } as never);
    client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    await client.answer(0);
    await client.call(1, 'big', { bytes: 50_000 });
    client.socket.close();
    await client.closed;
    await expectEmpty(test);
    const [socket] = sockets;
    // The one request that asks adds itself to what came in, and its answer is written after it was counted.
    const ask = 'GET /metrics HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n';
    const answer = await raw(test.port, ask);
    const samples = readSamples(answer.slice(answer.indexOf('# HELP')));
    const name = 'switchboard_client_bytes_total';
    expect(samples.get(sample(name, { direction: 'in' }))).toBe(socket!.bytesWritten + ask.length);
    expect(samples.get(sample(name, { direction: 'out' }))).toBe(socket!.bytesRead);
    expect(socket!.bytesRead).toBeGreaterThan(50_000);
  });
});

describe('the labels of metrics', () => {
  const ended = (event: object): GatewayEvent =>
    ({
      type: 'request.ended',
      exchange: 'x',
      method: 'tools/call',
      upstream: 'one',
      session: 's',
      principal: 'anonymous',
      transport: 'http',
      era: 'modern',
      ms: 1,
      outcome: 'ok',
      ...event,
    }) as GatewayEvent;

  it('are bounded: tools beyond the first 100 of an upstream count together', async () => {
    const metrics = new Metrics('1');
    for (let n = 0; n < MAX_TOOL_LABELS + 25; n++) metrics.onEvent(ended({ target: `tool${n}` }));
    metrics.onEvent(ended({ target: 'tool0' }));
    metrics.onEvent(ended({ target: 'tool0', upstream: 'two' }));
    const counts = samplesOf(readSamples(await metrics.text(EMPTY)), 'switchboard_requests_total');
    const labels = { method: 'tools/call', transport: 'http', era: 'modern', outcome: 'ok' };
    const count = (upstream: string, tool: string): number | undefined =>
      counts[sample('switchboard_requests_total', { ...labels, upstream, tool })];
    expect(Object.keys(counts)).toHaveLength(MAX_TOOL_LABELS + 2);
    expect(count('one', 'other')).toBe(25);
    expect(count('one', 'tool0')).toBe(2);
    expect(count('two', 'tool0')).toBe(1);
  });

  it('are bounded: methods and error numbers that no specification has count together', async () => {
    const metrics = new Metrics('1');
    for (let n = 0; n < 50; n++) metrics.onEvent(ended({ method: `acme/${n}`, outcome: 'error', code: n }));
    const samples = readSamples(await metrics.text(EMPTY));
    expect(Object.values(samplesOf(samples, 'switchboard_requests_total'))).toEqual([50]);
    expect(samples.get(sample('switchboard_request_errors_total', { upstream: 'one', code: 'other' }))).toBe(50);
  });

  it('leave a listen out of the durations, as its client decides how long it lasts', async () => {
    const metrics = new Metrics('1');
    metrics.onEvent(ended({ method: 'subscriptions/listen' }));
    const samples = readSamples(await metrics.text(EMPTY));
    expect(samplesOf(samples, 'switchboard_request_duration_seconds_count')).toEqual({});
    expect(Object.values(samplesOf(samples, 'switchboard_requests_total'))).toEqual([1]);
  });
});

describe('/metrics', () => {
  it('has every metric of the table, those of the process, and no other', async () => {
    const test = await startGateway({ upstreams });
    const { body, headers } = await http(`http://127.0.0.1:${test.port}/metrics`, { method: 'GET' });
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    const named = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!] as const);
    const ours = named.filter(([name]) => name.startsWith('switchboard_'));
    expect(Object.fromEntries(ours)).toEqual(
      Object.fromEntries(Object.entries(METRICS).map(([name, { type }]) => [name, type])),
    );
    const others = named.map(([name]) => name).filter((name) => !name.startsWith('switchboard_'));
    expect(others).toEqual(
      expect.arrayContaining(['process_resident_memory_bytes', 'nodejs_eventloop_lag_p99_seconds']),
    );
    expect(others.filter((name) => !/^(process|nodejs)_/.test(name))).toEqual([]);
  });

  it('is not there with --metrics off', async () => {
    const test = await startGateway({ upstreams, metrics: 'off' });
    const { status } = await http(`http://127.0.0.1:${test.port}/metrics`, { method: 'GET' });
    expect(status).toBe(404);
  });

  it('is not there where others than this machine are listened to', async () => {
    const test = await startGateway({ upstreams, host: '0.0.0.0', insecure: true });
    const answer = await http(`http://127.0.0.1:${test.port}/metrics`, { method: 'GET' });
    expect(answer.status).toBe(404);
    expect(answer.body).toContain('SWB_NOT_FOUND');
  });

  it.each([
    ['by another name of the gateway', { host: 'mcp.example.com' }],
    ['through a proxy', { 'x-forwarded-for': '192.0.2.1' }],
    ['through a proxy of today', { forwarded: 'for=192.0.2.1' }],
    ['through a proxy that says no more than that', { via: '1.1 proxy' }],
    ['through a proxy that names what it was asked for', { 'x-forwarded-host': 'mcp.example.com' }],
    ['through a proxy that names the scheme', { 'x-forwarded-proto': 'https' }],
  ])('is not there for who comes %s', async (_, headers) => {
    const test = await startGateway({ upstreams, allowedHosts: ['mcp.example.com'] });
    const { status } = await http(`http://127.0.0.1:${test.port}/metrics`, { method: 'GET', headers });
    expect(status).toBe(404);
  });

  it('is not for web pages of strangers', async () => {
    const test = await startGateway({ upstreams });
    const url = `http://127.0.0.1:${test.port}/metrics`;
    const { status } = await http(url, { method: 'GET', headers: { origin: 'https://evil.example.com' } });
    expect(status).toBe(403);
    expect((await http(url, { method: 'POST', body: '{}' })).status).toBe(405);
  });
});

describe('the memory of children', () => {
  it('is there for the upstreams that it is known of', async () => {
    const upstream = { members: 1, running: 1 };
    const upstreamsNow = { one: { ...upstream, memoryBytes: 12_345 }, two: upstream };
    const samples = readSamples(await new Metrics('1').text({ ...EMPTY, upstreams: upstreamsNow }));
    const name = 'switchboard_member_memory_bytes';
    expect(samplesOf(samples, name)).toEqual({ [sample(name, { upstream: 'one' })]: 12_345 });
  });
});
