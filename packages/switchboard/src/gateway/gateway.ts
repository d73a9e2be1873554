/** A gateway: callers, router and upstreams put together. */
import { randomBytes } from 'node:crypto';

import type { Tracer } from '@opentelemetry/api';

import type { Identity } from '../auth/identity.ts';
import { Brought } from '../callers/brought.ts';
import { Connection } from '../callers/connection.ts';
import type { Arrival, CallerContext } from '../callers/context.ts';
import { asRefusal, tellGone } from '../callers/hooks.ts';
import type { Hooks } from '../callers/hooks.ts';
import { HttpCallers } from '../callers/http.ts';
import { Registry } from '../callers/registry.ts';
import { RateLimit } from '../limits/token-bucket.ts';
import type { Emit, Transport } from '../observe/events.ts';
import { targetOf } from '../observe/requests.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { CATALOGUE } from '../router/exchange.ts';
import type { Exchange, Upstream } from '../router/exchange.ts';
import { Roles } from '../router/rights.ts';
import type { RoutedExchange } from '../router/routed-exchange.ts';
import { Router } from '../router/router.ts';
import { Turns } from '../router/turns.ts';
import { memoryStore } from '../stores/memory.ts';
import type { Store } from '../stores/store.ts';
import type { Channel } from '../transports/channel.ts';
import { OWN_MACHINE, Proxies } from '../transports/http/client-address.ts';
import { memoryPair } from '../transports/memory.ts';
import { asSdkTransport } from '../transports/sdk.ts';
import type { SdkTransport } from '../transports/sdk.ts';
import { SseAcceptor } from '../transports/http/sse-channel.ts';
import type { Pool } from '../upstreams/pool.ts';
import { Access } from './access.ts';
import { readAccess } from './access-options.ts';
import type { AccessOptions } from './access-options.ts';
import { Admin } from './admin/admin.ts';
import { Admission } from './admission.ts';
import { changeOf } from './change.ts';
import type { Change } from './change.ts';
import { Listener } from './listen.ts';
import type { Visit } from './listen.ts';
import { Observation } from './observation.ts';
import { Operations } from './operations.ts';
import { readSettings } from './options.ts';
import type { Problem, Settings } from './options.ts';
import { Probes } from './probes.ts';
import { checkUpstream } from './upstream-options.ts';
import type { UpstreamOptions } from './upstream-options.ts';
import { Served } from './served.ts';
import { Timeouts } from './timeouts.ts';
import { buildUpstreams } from './upstreams.ts';

/** What `createGateway` takes: any of the settings as one would write them in a configuration file, and the upstreams. */
export interface GatewayOptions extends Partial<Record<keyof Settings, unknown>>, AccessOptions {
  upstreams: Readonly<Record<string, UpstreamOptions>>;
  /** The variables of which children inherit the few named in {@link INHERITED}. @default {} */
  environment?: Readonly<Record<string, string | undefined>>;
  /** Told everything that happens. @default nobody */
  onEvent?: Emit;
  /** What an operator's reload does: reads the configuration again and hands it to `reload`. @default nothing can be read again */
  onReload?: () => Change | Promise<Change>;
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
  onReload,
  tracer,
  ...input
}: GatewayOptions): Gateway {
  const configuration = checked(upstreams, input);
  const { settings } = configuration;
  const names = Object.keys(upstreams);
  const observation = new Observation({ settings, upstreams: names, onEvent, ...(tracer !== undefined && { tracer }) });
  return new Gateway({
    ...configuration,
    upstreams,
    environment,
    observation,
    ...(onReload !== undefined && { onReload }),
  });
}

/** @throws {SwitchboardError} `SWB_CONFIG_INVALID` */
function checked(
  upstreams: Readonly<Record<string, UpstreamOptions>>,
  { jwt, roles: rules, ...input }: Record<string, unknown>,
): Pick<GatewayParts, 'settings' | 'roles' | 'jwt' | 'access'> {
  const { settings, problems } = readSettings(input);
  for (const [name, options] of Object.entries(upstreams)) {
    const found = checkUpstream(name, options, settings.sse);
    // It is Switchboard's own then, and must not be handed on.
    if (settings.keysFile !== '' && /\$\{caller\.header:x-api-key\}/i.test(JSON.stringify(options))) {
      const message = 'X-API-Key is for Switchboard itself where there is a keysFile; let callers send another header';
      found.push({ path: [name], message });
    }
    problems.push(...found.map(({ path, message }) => ({ path: ['upstreams', ...path], message })));
  }
  const tokens = jwt === undefined ? undefined : readAccess('jwt', jwt);
  const read = rules === undefined ? undefined : readAccess('roles', rules);
  problems.push(...(tokens?.problems ?? []), ...(read?.problems ?? []));
  if (Object.keys(upstreams).length === 0) problems.push({ path: ['upstreams'], message: 'expected at least one' });
  if (problems.length > 0) throw configError(problems);
  const access = { jwt, roles: rules };
  return { settings, access, roles: new Roles(read?.value), ...(tokens?.value && { jwt: tokens.value }) };
}

/** How long the last connections are waited for, in turns of the event loop. */
const MAX_TURNS = 1000;

/** What a gateway is made of. */
export interface GatewayParts {
  settings: Settings;
  upstreams: Readonly<Record<string, UpstreamOptions>>;
  environment: Readonly<Record<string, string | undefined>>;
  observation: Observation;
  /** @default everybody may use everything */
  roles?: Roles;
  jwt?: AccessOptions['jwt'];
  /** Both as they were written. */
  access?: Record<string, unknown>;
  onReload?: () => Change | Promise<Change>;
}

export class Gateway {
  readonly settings: Settings;
  /** What operators see and do. */
  readonly operations: Operations;
  readonly #emit: Emit;
  readonly #observation: Observation;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  #configured: Readonly<Record<string, UpstreamOptions>>;
  readonly #upstreams: Map<string, Pool> = new Map();
  /** Pools that others have taken the place of, until the last of their processes is gone. */
  readonly #retiring: Set<Promise<void>> = new Set();
  /** Ends the waits of {@link #retire}. */
  readonly #hurry: Set<() => void> = new Set();
  readonly #timeouts: Timeouts;
  readonly #turns: Turns;
  readonly #hooks: Hooks = {};
  readonly #served: Served;
  readonly #router: Router;
  readonly #registry: Registry;
  readonly #context: CallerContext;
  readonly #admin: Admin | undefined;
  #adminUrl: string | undefined;
  readonly #listener: Listener;
  readonly #store: Store;
  readonly #access: Access;
  readonly #accessWritten: Readonly<Record<string, unknown>>;
  /** Connections by their channels, for those who come back. */
  readonly #connections: WeakMap<Channel, Connection> = new WeakMap();
  #draining: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #onClosed: () => void = () => {};
  readonly #closed: Promise<void> = new Promise((resolve) => (this.#onClosed = resolve));

  constructor({
    settings,
    upstreams,
    environment,
    observation,
    roles = new Roles(),
    jwt,
    access = {},
    onReload = nothingToRead,
  }: GatewayParts) {
    this.#accessWritten = access;
    const { emit } = observation;
    this.#configured = upstreams;
    this.#environment = environment;
    this.settings = settings;
    this.#observation = observation;
    this.#emit = emit;
    this.#turns = new Turns((name) => ({
      maxRunning: this.#configured[name]?.maxConcurrent ?? settings.maxConcurrent,
      maxWaiting: settings.maxQueuedRequests,
    }));
    this.#served = new Served({ startTimeoutMs: settings.startTimeout, turns: this.#turns, roles, emit });
    this.#build(Object.keys(upstreams));
    this.#timeouts = new Timeouts(settings.requestTimeout, upstreams);
    this.#store = memoryStore();
    const { trustedProxies, behindProxy } = settings;
    const proxies = new Proxies([...trustedProxies, ...(behindProxy ? OWN_MACHINE : [])]);
    const store = this.#store;
    this.#access = new Access({ settings, roles, store, proxies, emit, ...(jwt !== undefined && { jwt }) });
    const admission = new Admission(settings, roles, new RateLimit({ perMinute: settings.rateLimit }));
    this.#registry = new Registry({
      max: settings.maxConnections,
      maxOf: (identity) => admission.maxSessions(identity),
      idleTimeoutMs: settings.idleTimeout,
    });
    const { ofExchanges } = observation;
    this.#router = new Router({
      requestTimeoutMs: settings.requestTimeout,
      timeoutMs: (exchange) => this.#timeouts.of(exchange),
      turns: this.#turns,
      admit: (exchange) => this.#admit(exchange),
      answerTimeoutMs: settings.answerTimeout,
      maxParked: settings.maxParked,
      ...ofExchanges,
      onOpen: (exchange) => {
        admission.running.add(exchange.scope.principal);
        ofExchanges.onOpen?.(exchange);
      },
      onEnd: (exchange, outcome) => {
        admission.running.remove(exchange.scope.principal);
        ofExchanges.onEnd?.(exchange, outcome);
      },
    });
    this.#context = {
      exchanges: this.#router,
      emit,
      admit: (arrival) => admission.admit(arrival),
      allowance: (arrival) => admission.allowance(arrival),
      maxMessageBytes: (identity) => admission.maxMessageBytes(identity),
      hold: (holder) => this.#access.standing.hold(holder),
      maxRequestsInFlight: settings.maxRequestsInFlight,
      hooks: this.#hooks,
    };
    this.operations = new Operations({
      registry: this.#registry,
      router: this.#router,
      turns: this.#turns,
      pools: this.#upstreams,
    });
    if (settings.adminPort !== 'off') {
      this.#admin = new Admin({
        operations: this.operations,
        settings,
        stats: () => this.stats,
        isDraining: () => this.#draining !== undefined,
        drain: (timeoutMs) => void this.drain(timeoutMs === undefined ? {} : { timeoutMs }),
        reload: onReload,
        emit,
      });
      observation.watch(this.#admin.watchers.onEvent);
    }
    const httpLimits = {
      maxMessageBytes: settings.maxMessageSize,
      maxQueueBytes: settings.maxQueueSize,
      maxQueueMessages: settings.maxQueueMessages,
      keepAliveMs: Math.min(15_000, settings.pingInterval),
      store: this.#store,
    };
    this.#listener = new Listener({
      settings,
      access: this.#access,
      proxies,
      store: this.#store,
      httpCallers: new HttpCallers(this.#context, this.#registry, httpLimits, newId),
      ...(settings.sse && settings.transport.includes('http') && { sse: new SseAcceptor(httpLimits, newId) }),
      route: (path, base, identity) => this.#route(path, base, identity),
      callerHeaders: () => [...this.#upstreams.values()].flatMap((pool) => pool.callerHeaders),
      maxMessageBytes: (identity) => admission.maxMessageBytes(identity),
      checkRoom: (identity) => this.#registry.checkRoom(identity),
      hooks: this.#hooks,
      ...(this.#admin !== undefined && { admin: this.#admin }),
      probes: new Probes({ settings, observation, access: this.#access, stats: () => this.stats }),
      onChannel: (channel, transport, { upstream, ...visit }) => this.#connect(channel, upstream, transport, visit),
      onResumed: (channel, identity) => this.#connections.get(channel)?.renew(identity),
      emit,
    });
  }

  /**
   * Opens the port, where a transport of the settings needs one.
   *
   * @throws {SwitchboardError} `SWB_PUBLIC_BIND`, `SWB_TLS_INVALID`, `SWB_PORT_IN_USE`, `SWB_CONFIG_INVALID`
   */
  async listen(): Promise<Address[]> {
    const { transport, host } = this.settings;
    const adminPort = await this.#admin?.listen();
    if (adminPort !== undefined) this.#adminUrl = `http://127.0.0.1:${adminPort}/admin`;
    if (!transport.includes('websocket') && !transport.includes('http')) return [];
    const port = await this.#listener.listen();
    const s = this.settings.tlsCert === '' ? '' : 's';
    const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    if (this.settings.adminPort === 'shared') this.#adminUrl = `http://${reachable(host)}:${port}/admin`;
    const { all } = this.#served;
    const names = [...this.#upstreams.keys()];
    const isOnly = names.length === 1;
    return (isOnly ? names : [...names, all.name]).map((upstream) => {
      const below = isOnly || upstream === all.name ? '' : `/${upstream}`;
      const path = `/mcp${below}`;
      this.#emit({ type: 'listening', url: `http${s}://${authority}${path}` });
      return {
        upstream,
        ...(transport.includes('websocket') && { websocket: `ws${s}://${authority}${path}` }),
        ...(transport.includes('http') && { http: `http${s}://${authority}${path}` }),
        ...(transport.includes('http') && this.settings.sse && { sse: `http${s}://${authority}/sse${below}` }),
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
    const identity = this.#access.local;
    const found = this.#find(upstream, identity);
    this.#connect(channel, found, transport, { identity, credentials: new Brought(found) }, onClose);
  }

  /** The token that `token: 'auto'` made at this start; show it once. */
  get newToken(): string | undefined {
    return this.#access.newToken;
  }

  /** One upstream's pool. @internal */
  pool(name: string): Pool | undefined {
    return this.#upstreams.get(name);
  }

  /** Where the admin API is; known once it listens. */
  get adminUrl(): string | undefined {
    return this.#adminUrl;
  }

  /** What the admin API wants as a bearer token: the option, or one that was made at the start. */
  get adminToken(): string | undefined {
    return this.#admin?.gate.token;
  }

  /** Resolves when everything has ended, whoever asked for it. */
  get closed(): Promise<void> {
    return this.#closed;
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
    const identity: Identity = { ...this.#access.local, ...(principal !== undefined && { principal }) };
    const found = this.#find(upstream, identity);
    const [outer, inner] = memoryPair();
    const visit = { credentials: new Brought(found, headers), identity };
    this.#connect(inner, found, 'memory', visit);
    return asSdkTransport(outer);
  }

  get stats(): Stats {
    return {
      connections: this.#registry.size,
      exchanges: this.#router.size,
      parked: this.#router.parked,
      upstreams: Object.fromEntries([...this.#upstreams].map(([name, pool]) => [name, pool.size])),
    };
  }

  /**
   * Takes another configuration. Only upstreams that changed are started anew; sessions of the others do not notice. Those of one
   * that changed are closed with 1012, those of one that was removed with 1001; what was under way has `drainTimeout` to finish.
   *
   * @returns what changed. Settings take effect only at the next start, and are named.
   * @throws {SwitchboardError} `SWB_CONFIG_INVALID`, or `SWB_SHUTTING_DOWN` once it is to end; nothing has changed then.
   */
  reload({ upstreams, ...input }: Pick<GatewayOptions, keyof Settings | keyof AccessOptions | 'upstreams'>): Change {
    // Nobody would end what it started.
    if (this.#draining !== undefined || this.#closing !== undefined) throw new SwitchboardError('SWB_SHUTTING_DOWN');
    const { settings, access = {} } = checked(upstreams, input);
    const change = changeOf(
      { settings: { ...this.settings, ...this.#accessWritten }, upstreams: this.#configured },
      { settings: { ...settings, ...access }, upstreams },
    );
    const { added, changed, removed } = change;
    this.#configured = upstreams;
    this.#timeouts.set(upstreams);
    const old = [...changed, ...removed].flatMap((name) => this.#upstreams.get(name) ?? []);
    for (const name of removed) {
      this.#upstreams.delete(name);
      this.#served.delete(name);
    }
    // Those that are new too: clients of one that was removed before may have had turns under its name until they were gone.
    for (const name of [...added, ...changed, ...removed]) this.#turns.forget(name);
    this.#build([...added, ...changed]);
    this.#observation.readiness.follow(Object.keys(upstreams));
    const gone = new Set(old.map(({ name }) => name));
    const isAffected = (upstream: string): boolean =>
      gone.has(upstream) || (upstream === CATALOGUE && added.length + gone.size > 0);
    const conversations = [...this.#registry.all].filter(({ facts }) => isAffected(facts.upstream));
    const exchanges = this.#router.exchanges.filter(({ slot }) => isAffected(slot.upstream));
    const retiring = this.#retire(old, exchanges, () => {
      for (const conversation of conversations) {
        const why = removed.includes(conversation.facts.upstream) ? 'goingAway' : 'restart';
        conversation.close(why, 'the configuration was changed');
      }
    }).finally(() => this.#retiring.delete(retiring));
    this.#retiring.add(retiring);
    this.#emit({ type: 'reloaded', ...change });
    return change;
  }

  /** Asks a program before things happen; later ones take the place of earlier ones of the same name. */
  registerHooks(hooks: Hooks): void {
    Object.assign(this.#hooks, hooks);
  }

  /**
   * Lets nobody in any more, refuses new requests, ends listens with their result, and waits for what is under way; then closes.
   * Idempotent.
   *
   * @param options.timeoutMs how long to wait; who asks first decides. @default the option `drainTimeout`
   */
  drain({ timeoutMs = this.settings.drainTimeout }: { timeoutMs?: number } = {}): Promise<void> {
    this.#draining ??= this.#finish(timeoutMs);
    return this.#draining;
  }

  async #finish(timeoutMs: number): Promise<void> {
    this.#emit({ type: 'draining', requests: this.#router.size });
    this.#registry.refuseNew();
    await this.#router.drain(timeoutMs);
    await this.close();
  }

  /** Goes on with the audit log in a new file of the same name, after the old one was moved away. */
  reopenAuditLog(): void {
    this.#observation.reopenAuditLog();
  }

  /** Ends every connection and every child; resolves when the last one is gone. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#end().finally(() => this.#onClosed());
    return this.#closing;
  }

  #build(names: readonly string[]): void {
    const { settings } = this;
    const upstreams = Object.fromEntries(names.map((name) => [name, this.#configured[name]!]));
    const environment = this.#environment;
    for (const [name, pool] of buildUpstreams({ settings, upstreams, environment, emit: this.#emit })) {
      this.#upstreams.set(name, pool);
      this.#served.set(pool, upstreams[name]!);
    }
  }

  /** What is under way in pools that are no longer served may finish, for a time; then they end. */
  async #retire(
    pools: readonly Pool[],
    exchanges: readonly RoutedExchange[],
    closeSessions: () => void,
  ): Promise<void> {
    let giveUp = (): void => {};
    const late = new Promise<void>((resolve) => (giveUp = resolve));
    const timer = setTimeout(giveUp, this.settings.drainTimeout);
    this.#hurry.add(giveUp);
    for (const exchange of exchanges) exchange.finish();
    const finished = exchanges.map((exchange) => new Promise<void>((resolve) => exchange.onEnd(resolve)));
    await Promise.race([late, Promise.all(finished)]);
    clearTimeout(timer);
    this.#hurry.delete(giveUp);
    closeSessions();
    await Promise.all(pools.map((pool) => pool.close()));
  }

  async #end(): Promise<void> {
    this.#admin?.close();
    const closed = this.#listener.close();
    this.#registry.close('Switchboard is shutting down');
    this.#router.close();
    for (const hurry of this.#hurry) hurry();
    const pools = [...this.#upstreams.values()].map((pool) => pool.close());
    await Promise.all([closed, ...pools, ...this.#retiring]);
    this.#access.close();
    await this.#store.close();
    // The sockets are closed; that their connections have ended is told a few turns of the event loop later.
    for (let turn = 0; this.#registry.size > 0 && turn < MAX_TURNS; turn++) await new Promise(setImmediate);
    await this.#observation.close();
  }

  #connect(
    channel: Channel,
    upstream: Upstream,
    transport: Transport,
    { credentials, identity, ...visit }: Pick<Visit, 'credentials' | 'identity'> & Partial<Visit>,
    onClose?: () => void,
  ): void {
    const arrival: Arrival = { label: newId(), identity, upstream, transport, credentials, ...visit };
    const connection: Connection = new Connection(arrival, this.#context, channel, (reason) => {
      this.#registry.remove(arrival.label);
      void tellGone(this.#context, connection.facts, reason);
      this.#emit({ type: 'connection.closed', connection: arrival.label, transport, reason });
      onClose?.();
    });
    this.#registry.add(connection);
    this.#connections.set(channel, connection);
    this.#emit({ type: 'connection.opened', connection: arrival.label, transport, ...visit });
    connection.start();
  }

  #admit(exchange: Exchange): void | Promise<void> {
    const { onRequest } = this.#hooks;
    if (onRequest === undefined) return undefined;
    const { id, method, params, slot, scope } = exchange;
    const target = targetOf(method, params);
    const refuse = (error: unknown): never => {
      throw asRefusal(error);
    };
    try {
      const asked = onRequest({
        id,
        method,
        ...(target !== undefined && { target }),
        upstream: slot.upstream,
        session: scope.affinity,
        principal: scope.principal,
      });
      return asked instanceof Promise ? asked.catch(refuse) : undefined;
    } catch (error) {
      return refuse(error);
    }
  }

  #route(path: string, base: 'mcp' | 'sse', identity: Identity): Upstream {
    const [, found, name] = /^\/([^/]+)(?:\/([^/]*))?\/?$/.exec(path) ?? [];
    if (found !== base) {
      throw new SwitchboardError('SWB_NOT_FOUND', {
        detail: `${JSON.stringify(path)}; MCP is at ${this.#paths(base, identity)}`,
      });
    }
    return this.#find(name === '' ? undefined : name, identity, base);
  }

  /** What the caller's roles do not name is not there. */
  #find(name: string | undefined, identity: Identity, base = 'mcp'): Upstream {
    const upstream = name === undefined ? this.#served.all : this.#served.byName.get(name);
    if (upstream !== undefined && upstream.serves?.(identity) !== false) return upstream;
    const detail = `${JSON.stringify(name ?? 'all of them')}; MCP is at ${this.#paths(base, identity)}`;
    throw new SwitchboardError('SWB_UPSTREAM_NOT_FOUND', { detail });
  }

  #paths(base: string, identity: Identity): string {
    const names = [...this.#served.byName].flatMap(([name, each]) => (each.serves?.(identity) === false ? [] : [name]));
    if (names.length === 0) return 'no path for you';
    return this.#upstreams.size === 1
      ? `/${base}`
      : [`/${base}`, ...names.map((name) => `/${base}/${name}`)].join(', ');
  }
}

/** One error for a whole list of problems. */
export function configError(problems: readonly Problem[]): SwitchboardError {
  const lines = problems.map(({ path, message }) => `${path.join('.')}: ${message}`);
  return new SwitchboardError('SWB_CONFIG_INVALID', { detail: lines.join('; '), data: { problems } });
}

function nothingToRead(): never {
  throw new SwitchboardError('SWB_NOT_FOUND', { detail: 'there is no configuration file that could be read again' });
}

/** How this machine reaches an address that is listened on, which may be that of all its networks. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

/** 128 bits, in characters that a header and a URL can carry. */
const newId = (): string => randomBytes(16).toString('base64url');
