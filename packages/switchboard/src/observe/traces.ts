/**
 * One OpenTelemetry span for each request. Its parent is the trace context in the request's `_meta`, and the upstream is given
 * the span's own there (`traceparent`, `tracestate`, `baggage`: W3C Trace Context; MCP 2026-07-28, Base Protocol, "_meta").
 * Attributes have the names of the semantic conventions for MCP where there is one.
 */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, propagation, trace } from '@opentelemetry/api';
import type { Attributes, Span, Tracer } from '@opentelemetry/api';

import { metaOf } from '../protocol/eras.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import type { Emit, RequestEnd, RequestFacts } from './events.ts';

const CONTEXT_KEYS = ['traceparent', 'tracestate', 'baggage'] as const;

export class Traces {
  readonly onEvent: Emit = (event) => {
    if (event.type === 'request.ended') this.#end(event);
  };
  readonly #tracer: Tracer;
  readonly #spans: Map<string, Span> = new Map();

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  /** Begins a request's span. @returns the params with the context that the upstream continues. */
  begin(facts: RequestFacts, params: JsonObject | undefined): JsonObject | undefined {
    const meta = metaOf(params);
    const parent = propagation.extract(ROOT_CONTEXT, contextOf(meta));
    const { method, target } = facts;
    const name = target === undefined ? method : `${method} ${target}`;
    const span = this.#tracer.startSpan(name, { kind: SpanKind.SERVER, attributes: attributesOf(facts) }, parent);
    this.#spans.set(facts.exchange, span);
    const carrier: Record<string, string> = {};
    propagation.inject(trace.setSpan(parent, span), carrier);
    return Object.keys(carrier).length === 0 ? params : { ...params, _meta: { ...meta, ...carrier } };
  }

  #end(facts: RequestFacts & RequestEnd): void {
    const { exchange, outcome, code, error } = facts;
    const span = this.#spans.get(exchange);
    if (span === undefined) return;
    this.#spans.delete(exchange);
    // What it reached may have turned out only meanwhile.
    span.setAttributes(attributesOf(facts));
    if (outcome !== 'ok') {
      const kind = { isError: 'tool_error', cancelled: 'cancelled', error: error ?? String(code) }[outcome];
      span.setAttribute('error.type', kind);
      if (outcome !== 'cancelled') span.setStatus({ code: SpanStatusCode.ERROR });
    }
    if (code !== undefined) span.setAttribute('rpc.response.status_code', String(code));
    span.end();
  }
}

function attributesOf({
  exchange,
  method,
  target,
  upstream,
  session,
  principal,
  transport,
  era,
}: RequestFacts): Attributes {
  const attributes: Attributes = {
    'mcp.method.name': method,
    'enduser.id': principal,
    'switchboard.exchange': exchange,
    'switchboard.upstream': upstream,
    'switchboard.session': session,
    'switchboard.transport': transport,
    'switchboard.era': era,
  };
  if (target !== undefined && method === 'tools/call') attributes['gen_ai.tool.name'] = target;
  if (target !== undefined && method === 'prompts/get') attributes['gen_ai.prompt.name'] = target;
  return attributes;
}

/** What a client wrote there may be anything; a propagator expects text. */
function contextOf(meta: JsonObject | undefined): Record<string, string> {
  const found: Record<string, string> = {};
  for (const key of CONTEXT_KEYS) {
    const value = meta?.[key];
    if (typeof value === 'string') found[key] = value;
  }
  return found;
}
