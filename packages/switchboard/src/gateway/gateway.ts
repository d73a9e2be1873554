/** A gateway: callers, router and upstreams put together. */
import { randomBytes } from 'node:crypto';

import type { Tracer } from '@opentelemetry/api';

import { Brought } from '../callers/brought.ts';
import { Connection } from '../callers/connection.ts';
import type { Arrival, CallerContext } from '../callers/context.ts';
import { HttpCallers } from '../callers/http.ts';
import { Registry } from '../callers/registry.ts';
import { RateLimit } from '../limits/token-bucket.ts';
import type { Emit, Transport } from '../observe/events.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import type { Upstream } from '../router/exchange.ts';
import { Router } from '../router/router.ts';
import { memoryStore } from '../stores/memory.ts';
import type { Store } from '../stores/store.ts';
import type { Channel } from '../transports/channel.ts';
import { memoryPair } from '../transports/memory.ts';
import { asSdkTransport } from '../transports/sdk.ts';
import type { SdkTransport } from '../transports/sdk.ts';
import { SseAcceptor } from '../transports/http/sse-channel.ts';
import type { Pool } from '../upstreams/pool.ts';
import { Listener } from './listen.ts';
import { Observation } from './observation.ts';
import { readSettings } from './options.ts';
import type { Problem, Settings } from './options.ts';
import { Probes } from './probes.ts';
import { checkUpstream } from './upstream-options.ts';
import type { UpstreamOptions } from './upstream-options.ts';
import { serveAll } from './served.ts';
import type { Served } from './served.ts';
import { buildUpstreams } from './upstreams.ts';

/** What `createGateway` takes: any of the settings as one would write them in a configuration file, and the upstreams. */
export interface GatewayOptions extends Partial<Record<keyof Settings, unknown>> {
  upstreams: Readonly<Record<string, UpstreamOptions>>;
  /** The variables of which children inherit the few named in {@link INHERITED}. @default {} */
  environment?: Readonly<Record<string, string | undefined>>;
  /** Told everything that happens. @default nobody */
  onEvent?: Emit;
  /** Makes a span of each request, through whatever OpenTelemetry SDK it is of. @default no spans */
  tracer?: Tracer;
}

/** Where clients reach an upstream. */
export interface Address {
  /** Its name, or `*` for all of them behind one address. */
  upstream: string;
  websocket?: string;
  http?: string;
  /** Only with the option `sse`. */
  sse?: string;
}

/** What is open right now. All but `upstreams` is 0 when nobody is connected. */
export interface Stats {
  connections: number;
  exchanges: number;
  /** Exchanges whose client was asked something and has not come back. */
  parked: number;
  upstreams: Record<string, { slots: number; members: number; running: number }>;
}

/** @throws {SwitchboardError} `SWB_CONFIG_INVALID` naming every wrong value. */
export function createGateway({
  upstreams,
  environment = {},
  onEvent = () => {},
  tracer,
  ...input
}: GatewayOptions): Gateway {
  const { settings, problems } = readSettings(input);
  for (const [name, options] of Object.entries(upstreams)) {
    problems.push(
      ...checkUpstream(name, options, settings.sse).map(({ path, message }) => ({
        path: ['upstreams', ...path],
        message,
      })),
    );
  }
  if (Object.keys(upstreams).length === 0) problems.push({ path: ['upstreams'], message: 'expected at least one' });
  if (problems.length > 0) throw configError(problems);
  const names = Object.keys(upstreams);
  const observation = new Observation({ settings, upstreams: names, onEvent, ...(tracer !== undefined && { tracer }) });
  const pools = buildUpstreams({ settings, upstreams, environment, emit: observation.emit });
  return new Gateway(settings, pools, serveAll(pools, upstreams, settings, observation.emit), observation);
}

/** How long the last connections are waited for, in turns of the event loop. */
const MAX_TURNS = 1000;

export class Gateway {
  readonly settings: Settings;
  readonly #emit: Emit;
  readonly #observation: Observation;
  readonly #upstreams: Map<string, Pool>;
  readonly #served: Served;
  readonly #router: Router;
  readonly #registry: Registry;
  readonly #context: CallerContext;
  readonly #listener: Listener;
  readonly #store: Store;
  #closing: Promise<void> | undefined;

  constructor(settings: Settings, upstreams: Map<string, Pool>, served: Served, observation: Observation) {
    const { emit } = observation;
    this.settings = settings;
    this.#observation = observation;
    this.#emit = emit;
    this.#upstreams = upstreams;
    this.#served = served;
    this.#registry = new Registry({ max: settings.maxConnections, idleTimeoutMs: settings.idleTimeout });
    this.#router = new Router({
      requestTimeoutMs: settings.requestTimeout,
      answerTimeoutMs: settings.answerTimeout,
      maxParked: settings.maxParked,
      ...observation.ofExchanges,
    });
    const rateLimit = new RateLimit({ perMinute: settings.rateLimit });
    this.#context = {
      exchanges: this.#router,
      emit,
      admit: (client) => rateLimit.take(client),
      maxRequestsInFlight: settings.maxRequestsInFlight,
    };
    this.#store = memoryStore();
    const httpLimits = {
      maxMessageBytes: settings.maxMessageSize,
      maxQueueBytes: settings.maxQueueSize,
      maxQueueMessages: settings.maxQueueMessages,
      keepAliveMs: Math.min(15_000, settings.pingInterval),
      store: this.#store,
    };
    this.#listener = new Listener({
      settings,
      store: this.#store,
      httpCallers: new HttpCallers(this.#context, this.#registry, httpLimits, newId),
      ...(settings.sse && settings.transport.includes('http') && { sse: new SseAcceptor(httpLimits, newId) }),
      route: (path, base) => this.#route(path, base),
      checkRoom: () => this.#registry.checkRoom(),
      probes: new Probes({ settings, observation, stats: () => this.stats }),
      onChannel: (channel, transport, { upstream, ...visit }) => this.#connect(channel, upstream, transport, visit),
      emit,
    });
  }

  /**
   * Opens the port, where a transport of the settings needs one.
   *
   * @throws {SwitchboardError} `SWB_PUBLIC_BIND`, `SWB_PORT_IN_USE`, `SWB_CONFIG_INVALID`
   */
  async listen(): Promise<Address[]> {
    const { transport, host } = this.settings;
    if (!transport.includes('websocket') && !transport.includes('http')) return [];
    const port = await this.#listener.listen();
    const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    const { all } = this.#served;
    const names = [...this.#upstreams.keys()];
    const isOnly = names.length === 1;
    return (isOnly ? names : [...names, all.name]).map((upstream) => {
      const below = isOnly || upstream === all.name ? '' : `/${upstream}`;
      const path = `/mcp${below}`;
      this.#emit({ type: 'listening', url: `http://${authority}${path}` });
      return {
        upstream,
        ...(transport.includes('websocket') && { websocket: `ws://${authority}${path}` }),
        ...(transport.includes('http') && { http: `http://${authority}${path}` }),
        ...(transport.includes('http') && this.settings.sse && { sse: `http://${authority}/sse${below}` }),
      };
    });
  }

  /**
   * Serves one client on a channel of its own, such as stdin and stdout.
   *
   * @param upstream its name. @default all of them as one
   * @param onClose called when the client is gone.
   * @throws {SwitchboardError} `SWB_UPSTREAM_NOT_FOUND`, `SWB_CONNECTION_LIMIT`
   */
  attach(channel: Channel, transport: Transport, upstream?: string, onClose?: () => void): void {
    const found = this.#find(upstream);
    this.#connect(channel, found, transport, { credentials: new Brought(found) }, onClose);
  }

  /**
   * A line of its own for a client in this process, for `connect` of the official SDK's client.
   *
   * @param options.upstream its name. @default all of them as one
   * @param options.principal who is calling. @default 'anonymous'
   * @param options.headers values that the caller brings for its server, by names in small letters.
   * @throws {SwitchboardError} `SWB_UPSTREAM_NOT_FOUND`, `SWB_CONNECTION_LIMIT`
   */
  clientTransport({
    upstream,
    principal,
    headers = {},
  }: {
    upstream?: string;
    principal?: string;
    headers?: Readonly<Record<string, string>>;
  } = {}): SdkTransport {
    const found = this.#find(upstream);
    const [outer, inner] = memoryPair();
    const visit = { credentials: new Brought(found, headers), ...(principal !== undefined && { principal }) };
    this.#connect(inner, found, 'memory', visit);
    return asSdkTransport(outer);
  }

  get stats(): Stats {
    return {
      connections: this.#registry.size,
      exchanges: this.#router.exchanges.size,
      parked: this.#router.parked,
      upstreams: Object.fromEntries([...this.#upstreams].map(([name, pool]) => [name, pool.size])),
    };
  }

  /** Goes on with the audit log in a new file of the same name, after the old one was moved away. */
  reopenAuditLog(): void {
    this.#observation.reopenAuditLog();
  }

  /** Ends every connection and every child; resolves when the last one is gone. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const closed = this.#listener.close();
    this.#registry.close('Switchboard is shutting down');
    this.#router.close();
    await Promise.all([closed, ...[...this.#upstreams.values()].map((pool) => pool.close())]);
    await this.#store.close();
    // The sockets are closed; that their connections have ended is told a few turns of the event loop later.
    for (let turn = 0; this.#registry.size > 0 && turn < MAX_TURNS; turn++) await new Promise(setImmediate);
    await this.#observation.close();
  }

  #connect(
    channel: Channel,
    upstream: Upstream,
    transport: Transport,
    {
      credentials,
      principal = 'anonymous',
      ...visit
    }: { address?: string; userAgent?: string; principal?: string; credentials: Brought },
    onClose?: () => void,
  ): void {
    const arrival: Arrival = { label: newId(), principal, upstream, transport, credentials };
    const connection = new Connection(arrival, this.#context, channel, (reason) => {
      this.#registry.remove(arrival.label);
      this.#emit({ type: 'connection.closed', connection: arrival.label, transport, reason });
      onClose?.();
    });
    this.#registry.add(connection);
    this.#emit({ type: 'connection.opened', connection: arrival.label, transport, ...visit });
    connection.start();
  }

  #route(path: string, base: 'mcp' | 'sse'): Upstream {
    const [, found, name] = /^\/([^/]+)(?:\/([^/]*))?\/?$/.exec(path) ?? [];
    if (found !== base) {
      throw new SwitchboardError('SWB_NOT_FOUND', {
        detail: `${JSON.stringify(path)}; MCP is at ${this.#paths(base)}`,
      });
    }
    return this.#find(name === '' ? undefined : name, base);
  }

  #find(name: string | undefined, base = 'mcp'): Upstream {
    const upstream = name === undefined ? this.#served.all : this.#served.byName.get(name);
    if (upstream !== undefined) return upstream;
    const detail = `${JSON.stringify(name)}; MCP is at ${this.#paths(base)}`;
    throw new SwitchboardError('SWB_UPSTREAM_NOT_FOUND', { detail });
  }

  #paths(base: string): string {
    const names = [...this.#upstreams.keys()];
    return names.length === 1 ? `/${base}` : [`/${base}`, ...names.map((name) => `/${base}/${name}`)].join(', ');
  }
}

/** One error for a whole list of problems. */
export function configError(problems: readonly Problem[]): SwitchboardError {
  const lines = problems.map(({ path, message }) => `${path.join('.')}: ${message}`);
  return new SwitchboardError('SWB_CONFIG_INVALID', { detail: lines.join('; '), data: { problems } });
}

/** 128 bits, in characters that a header and a URL can carry. */
const newId = (): string => randomBytes(16).toString('base64url');
