/** Through the real SDK: a client's span, the gateway's and the server's must be one trace, whatever carries it. */
import { ROOT_CONTEXT, SpanStatusCode, propagation, trace } from '@opentelemetry/api';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http, openSession } from '../support/http.ts';
import { WireClient, envelope, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const tracer = provider.getTracer('test');
const upstreams = { default: servers.scripted };

beforeAll(() => {
  const propagators = [new W3CTraceContextPropagator(), new W3CBaggagePropagator()];
  propagation.setGlobalPropagator(new CompositePropagator({ propagators }));
});
afterAll(() => propagation.disable());
beforeEach(() => exporter.reset());

/** What a client that traces would write, and the span that it is of. */
function clientSpan(): { carrier: Record<string, string>; traceId: string; spanId: string } {
  const span = tracer.startSpan('client');
  const carrier: Record<string, string> = {};
  propagation.inject(trace.setSpan(ROOT_CONTEXT, span), carrier);
  span.end();
  return { carrier, ...span.spanContext() };
}

/** What a server that traces would do with the request that it was given. */
function serverSpan(meta: Json): ReadableSpan {
  tracer.startSpan('server', {}, propagation.extract(ROOT_CONTEXT, meta)).end();
  return spanNamed('server');
}

function spanNamed(name: string): ReadableSpan {
  const found = exporter.getFinishedSpans().filter((span) => span.name === name);
  expect(found, name).toHaveLength(1);
  return found[0]!;
}

const metaSeen = (answer: Json): Json =>
  ((answer['result'] as { params: Json }).params as { _meta?: Json })._meta ?? {};

const start = (): Promise<TestGateway> => startGateway({ upstreams, tracer });

describe('a trace', () => {
  it.each(['legacy', 'modern'])('goes through from client to server, by _meta over WebSocket, %s', async (era) => {
    const test = await start();
    const client = era === 'legacy' ? await WireClient.session(test.ws) : await WireClient.open(test.ws);
    const { carrier, traceId, spanId } = clientSpan();
    const meta = { ...(era === 'modern' && envelope()), ...carrier, baggage: 'team=blue' };
    client.send({ jsonrpc: '2.0', id: 1, method: 'acme/echo', params: { kept: 1, _meta: meta } });
    const answer = await client.answer(1);
    const gateway = spanNamed('acme/echo');
    const server = serverSpan(metaSeen(answer));
    expect([gateway, server].map((span) => span.spanContext().traceId)).toEqual([traceId, traceId]);
    expect(gateway.parentSpanContext?.spanId).toBe(spanId);
    expect(server.parentSpanContext?.spanId).toBe(gateway.spanContext().spanId);
    expect(metaSeen(answer)['baggage']).toBe('team=blue');
    expect((answer['result'] as Json)['params']).toMatchObject({ kept: 1 });
  });

  it('goes through over HTTP by the header, where _meta has none', async () => {
    const test = await start();
    const session = await openSession(test.http, initializeParams());
    const { carrier, traceId } = clientSpan();
    const headers = { ...session, ...carrier, baggage: 'team=blue' };
    const body = { jsonrpc: '2.0', id: 1, method: 'acme/echo', params: {} };
    const answer = JSON.parse((await http(test.http, { headers, body })).body) as Json;
    const server = serverSpan(metaSeen(answer));
    expect(server.spanContext().traceId).toBe(traceId);
    expect(server.parentSpanContext?.spanId).toBe(spanNamed('acme/echo').spanContext().spanId);
    expect(metaSeen(answer)['baggage']).toBe('team=blue');
    const told = test.events.filter((event) => event.type === 'request.started' || event.type === 'request.ended');
    expect(told.slice(-2).map((event) => event.trace)).toEqual([traceId, traceId]);
  });

  it('has its id in the events of a request, also where only the gateway traces, and none where nobody does', async () => {
    const traced = await start();
    const client = await WireClient.session(traced.ws);
    client.send({ jsonrpc: '2.0', id: 1, method: 'acme/echo', params: {} });
    await client.answer(1);
    const { traceId } = spanNamed('acme/echo').spanContext();
    expect(traced.events.findLast((event) => event.type === 'request.ended')).toMatchObject({ trace: traceId });
    const plain = await startGateway({ upstreams });
    const other = await WireClient.session(plain.ws);
    other.send({ jsonrpc: '2.0', id: 1, method: 'acme/echo', params: {} });
    await other.answer(1);
    expect(plain.events.findLast((event) => event.type === 'request.ended')?.trace).toBeUndefined();
  });

  it('follows _meta where the header says something else', async () => {
    const test = await start();
    const session = await openSession(test.http, initializeParams());
    const [inMeta, inHeader] = [clientSpan(), clientSpan()];
    const headers = { ...session, ...inHeader.carrier };
    const body = { jsonrpc: '2.0', id: 1, method: 'acme/echo', params: { _meta: inMeta.carrier } };
    await http(test.http, { headers, body });
    expect(spanNamed('acme/echo').spanContext().traceId).toBe(inMeta.traceId);
  });

  it('begins at the gateway when the client brings none, or nonsense', async () => {
    const test = await start();
    const client = await WireClient.session(test.ws);
    await client.call(1, 'echo', { text: 'x' });
    expect(spanNamed('tools/call echo').parentSpanContext).toBeUndefined();
    exporter.reset();
    await client.call(2, 'echo', { text: 'x' }, { traceparent: 7, baggage: { not: 'text' }, tracestate: null });
    expect(spanNamed('tools/call echo').parentSpanContext).toBeUndefined();
  });
});

describe('the span of a request', () => {
  it('says what was asked, where, and how it ended, and nothing of what was said', async () => {
    const test = await start();
    const client = await WireClient.session(test.ws);
    await client.call(1, 'echo', { text: 'between us' });
    const span = spanNamed('tools/call echo');
    expect(span.attributes).toEqual({
      'mcp.method.name': 'tools/call',
      'gen_ai.tool.name': 'echo',
      'enduser.id': 'anonymous',
      'switchboard.exchange': expect.any(String) as string,
      'switchboard.upstream': 'default',
      'switchboard.session': expect.any(String) as string,
      'switchboard.transport': 'websocket',
      'switchboard.era': 'legacy',
    });
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
  });

  it('has failed when the request has, with the name or number of the error, and ends when it is cancelled', async () => {
    const test = await start();
    const client = await WireClient.session(test.ws);
    await client.call(1, 'missing');
    client.send(toolCall(2, 'never'));
    await expect.poll(() => test.gateway.stats.exchanges).toBe(1);
    client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } });
    await expect.poll(() => test.gateway.stats.exchanges).toBe(0);
    await client.call(3, 'crash');
    const of = (name: string): unknown[] => {
      const { attributes, status } = spanNamed(name);
      return [attributes['error.type'], attributes['rpc.response.status_code'], status.code];
    };
    expect(of('tools/call missing')).toEqual(['-32002', '-32002', SpanStatusCode.ERROR]);
    expect(of('tools/call never')).toEqual(['cancelled', undefined, SpanStatusCode.UNSET]);
    expect(of('tools/call crash')).toEqual(['SWB_UPSTREAM_EXITED', '31003', SpanStatusCode.ERROR]);
  });
});

describe('without a tracer', () => {
  it('no span is made, and a trace context goes through as it came', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.session(test.ws);
    const { carrier } = clientSpan();
    exporter.reset();
    client.send({ jsonrpc: '2.0', id: 1, method: 'acme/echo', params: { _meta: carrier } });
    expect(metaSeen(await client.answer(1))).toEqual(carrier);
    client.send({ jsonrpc: '2.0', id: 2, method: 'acme/echo', params: {} });
    expect(await client.answer(2)).toHaveProperty('result.params', {});
    expect(exporter.getFinishedSpans()).toEqual([]);
    expect(textOf(await client.call(3, 'echo', { text: 'still here' }))).toBe('still here');
  });
});
