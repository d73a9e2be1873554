/** Metrics in the text format of Prometheus: a function of the events, and of a snapshot when they are asked for. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Metric } from 'prom-client';

import type { Emit, GatewayEvent, RequestEnd, RequestFacts } from './events.ts';
import { METRICS } from './metric-table.ts';
import type { MetricEntry, MetricName } from './metric-table.ts';
import { OTHER, RequestTally, SECONDS } from './tally.ts';
import type { Sample } from './tally.ts';

/** What is only looked at when somebody asks. */
export interface Snapshot {
  parked: number;
  /** Bytes on the connections of clients since the start, and those that wait there. */
  bytesIn: number;
  bytesOut: number;
  queuedBytes: number;
  /** How many requests are under way, by the upstream that they have reached. */
  inFlight: ReadonlyMap<string, number>;
  /** Bytes of events kept for clients that come back. */
  replayBytes: number;
  /** For how long what is written behind has waited, in ms. */
  storeLagMs: number;
  upstreams: Readonly<Record<string, { members: number; running: number; memoryBytes?: number }>>;
}

/** Errors of JSON-RPC and MCP; a server may answer with any other number. */
const isStandard = (code: number): boolean =>
  code === -32700 || (code >= -32603 && code <= -32600) || (code >= -32099 && code <= -32000);

/** Filled when it is asked for, see {@link RequestTally}. */
const DURATIONS = 'switchboard_request_duration_seconds';

const STORE = 'switchboard_store_operation_seconds';
/** A store is nearer than a server. */
const STORE_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** The same for all gateways of a process, and only where one has metrics. */
let ofProcess: Registry | undefined;

export class Metrics {
  readonly contentType: string = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly onEvent: Emit = (event) => this.#take(event);
  readonly #registry = new Registry();
  readonly #counters: Map<MetricName, Counter> = new Map();
  readonly #gauges: Map<MetricName, Gauge> = new Map();
  readonly #histograms: Map<MetricName, Histogram> = new Map();
  readonly #requests = new RequestTally();
  /** How the store of state is used: more often than there should be events. */
  readonly store = {
    used: (operation: string, ms: number): void => this.#histograms.get(STORE)!.observe({ operation }, ms / 1000),
    failed: (operation: string): void => this.#count('switchboard_store_errors_total', { operation }),
    leaseLost: (): void => this.#count('switchboard_leases_lost_total'),
    fenced: (): void => this.#count('switchboard_fenced_writes_total'),
  };

  constructor(version: string) {
    for (const [name, { type, labels, help }] of Object.entries(METRICS) as [MetricName, MetricEntry][]) {
      const config = { name, help, labelNames: labels, registers: [this.#registry] };
      if (type === 'counter') this.#counters.set(name, new Counter(config));
      else if (type === 'gauge') this.#gauges.set(name, new Gauge(config));
      else if (name === DURATIONS) this.#registry.registerMetric(this.#durations(help));
      else {
        const buckets = name === STORE ? STORE_SECONDS : SECONDS;
        this.#histograms.set(name, new Histogram({ ...config, buckets: [...buckets] }));
      }
    }
    this.#set('switchboard_build_info', 1, { version });
    if (ofProcess === undefined) collectDefaultMetrics({ register: (ofProcess = new Registry()) });
  }

  async text({
    parked,
    bytesIn,
    bytesOut,
    queuedBytes,
    replayBytes,
    storeLagMs,
    inFlight,
    upstreams,
  }: Snapshot): Promise<string> {
    this.#set('switchboard_parked', parked);
    this.#set('switchboard_client_queue_bytes', queuedBytes);
    this.#set('switchboard_replay_bytes', replayBytes);
    this.#set('switchboard_store_lag_seconds', storeLagMs / 1000);
    this.#counters.get('switchboard_client_bytes_total')!.reset();
    this.#count('switchboard_client_bytes_total', { direction: 'in' }, bytesIn);
    this.#count('switchboard_client_bytes_total', { direction: 'out' }, bytesOut);
    const requests = this.#counters.get('switchboard_requests_total')!;
    requests.reset();
    for (const { labels, value } of this.#requests.counts()) requests.inc(labels, value);
    this.#gauges.get('switchboard_requests_in_flight')!.reset();
    for (const upstream of new Set([...Object.keys(upstreams), ...inFlight.keys()])) {
      this.#set('switchboard_requests_in_flight', inFlight.get(upstream) ?? 0, { upstream });
    }
    for (const [upstream, { members, running, memoryBytes }] of Object.entries(upstreams)) {
      this.#set('switchboard_members', members, { upstream, state: 'ready' });
      this.#set('switchboard_members', running, { upstream, state: 'running' });
      if (memoryBytes !== undefined) this.#set('switchboard_member_memory_bytes', memoryBytes, { upstream });
    }
    return `${await this.#registry.metrics()}\n${await ofProcess!.metrics()}`;
  }

  /** A registry asks a metric for nothing but its values. */
  #durations(help: string): Metric {
    const values = (): Sample[] => this.#requests.durations(DURATIONS);
    const metric = { name: DURATIONS, help, type: 'histogram', get: async () => ({ ...metric, values: values() }) };
    return metric as unknown as Metric;
  }

  #take(event: GatewayEvent): void {
    switch (event.type) {
      case 'request.ended':
        this.#requests.ended(event);
        this.#ended(event);
        break;
      case 'request.refused':
      case 'connection.refused':
        this.#count('switchboard_refusals_total', { code: event.code });
        break;
      case 'connection.opened':
        this.#count('switchboard_connections_total', { transport: event.transport });
        this.#gauges.get('switchboard_connections')!.inc({ transport: event.transport });
        break;
      case 'connection.closed':
        this.#gauges.get('switchboard_connections')!.dec({ transport: event.transport });
        break;
      case 'session.opened':
        this.#count('switchboard_sessions_total', { upstream: event.upstream, transport: event.transport });
        this.#gauges.get('switchboard_sessions')!.inc({ upstream: event.upstream, transport: event.transport });
        if (event.restored === true) {
          this.#count('switchboard_takeovers_total', { upstream: event.upstream, transport: event.transport });
        }
        break;
      case 'session.closed':
        this.#gauges.get('switchboard_sessions')!.dec({ upstream: event.upstream, transport: event.transport });
        break;
      case 'member.started':
        this.#count('switchboard_member_starts_total', { upstream: event.upstream });
        break;
      case 'member.ready': {
        const { upstream, ms, again } = event;
        this.#histograms.get('switchboard_member_start_seconds')!.observe({ upstream }, ms / 1000);
        if (again) this.#count('switchboard_member_restarts_total', { upstream });
        break;
      }
      case 'member.failed':
        this.#count('switchboard_member_failures_total', { upstream: event.upstream });
        break;
      case 'member.closed': {
        const { upstream, expected } = event;
        this.#count('switchboard_member_exits_total', { upstream, expected: String(expected) });
        break;
      }
      case 'upstream.stray':
        this.#count('switchboard_strays_total', { upstream: event.upstream });
        break;
      case 'audit.failed':
        this.#count('switchboard_audit_lost_total', {}, event.lost);
        break;
      case 'node.joined':
        this.#gauges.get('switchboard_nodes')!.inc();
        break;
      case 'node.left':
        this.#gauges.get('switchboard_nodes')!.dec();
        break;
      case 'request.forwarded':
        this.#count('switchboard_forwarded_requests_total', { upstream: event.upstream });
        break;
      case 'store.away':
      case 'store.back':
        this.#set('switchboard_store_away', event.type === 'store.away' ? 1 : 0);
        break;
      case 'store.garbage':
        this.#count('switchboard_store_garbage_total');
        break;
      case 'store.fenced':
        this.#count('switchboard_fenced_writes_total');
        break;
      case 'failed':
        this.#count('switchboard_internal_errors_total', { where: event.where });
        break;
      case 'listening':
      case 'draining':
      case 'reloaded':
      case 'reload.failed':
      case 'upstream.stderr':
      case 'statistics':
      case 'upstream.memory':
      case 'upstream.withheld':
      case 'request.started':
        break;
    }
  }

  #ended({ upstream, code, error }: RequestEnd & RequestFacts): void {
    if (code === undefined) return;
    this.#count('switchboard_request_errors_total', {
      upstream,
      code: error ?? (isStandard(code) ? String(code) : OTHER),
    });
  }

  #count(name: MetricName, labels: Record<string, string> = {}, by = 1): void {
    this.#counters.get(name)!.inc(labels, by);
  }

  #set(name: MetricName, value: number, labels: Record<string, string> = {}): void {
    this.#gauges.get(name)!.set(labels, value);
  }
}
