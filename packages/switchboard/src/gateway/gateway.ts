/** A gateway: callers, router and upstreams put together. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import type { Stats } from './stats.ts';
import type { Identity } from '../auth/identity.ts';
import { CallerCredentialValues } from '../callers/caller-credential-values.ts';
import { askRequest } from '../callers/hooks.ts';
import type { Hooks } from '../callers/hooks.ts';
import type { Emit, GatewayEvent, ProgramEvent } from '../observe/events.ts';
import type { Ready } from '../observe/readiness.ts';
import type { Transport } from '../protocol/session-context.ts';
import { Statistics } from '../observe/statistics.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { OPERATOR_ROLE, Roles } from '../router/roles.ts';
import { Router } from '../router/router.ts';
import { memoryStore } from '../stores/memory.ts';
import { openedAtOnce } from '../stores/open-store.ts';
import type { SharedStore, StoreNotice } from '../stores/store.ts';
import type { Channel } from '../transports/channel.ts';
import { OWN_MACHINE, Proxies } from '../transports/http/client-address.ts';
import { memoryPair } from '../transports/memory.ts';
import { asSdkTransport } from '../transports/sdk.ts';
import type { SdkTransport } from '../transports/sdk.ts';
import type { Pool } from '../upstreams/pool.ts';
import { Access } from './access.ts';
import { addressOf, adminPortOf, adminUrl, urlOf } from './addresses.ts';
import type { Address } from './addresses.ts';
import { Admin } from './admin/admin.ts';
import { configurationOf } from './admin/configuration.ts';
import type { ConsoleLink } from './admin/route.ts';
import { Admission } from './admission.ts';
import { callerAdapters } from './caller-adapters.ts';
import type { CallerAdapters } from './caller-adapters.ts';
import { Cluster } from './cluster.ts';
import { changeOf } from './change.ts';
import type { Change } from './change.ts';
import { mustBeForPrograms, readConfiguration } from './configuration.ts';
import type { Configuration, ConfigurationInput } from './configuration.ts';
import { Console } from './console/console.ts';
import type { ClientTransportOptions, GatewayOptions, ListenOptions } from './gateway-options.ts';
import { partsOf } from './gateway-parts.ts';
import type { GatewayParts } from './gateway-parts.ts';
import { drain } from './drain.ts';
import { HttpIngress } from './http-ingress.ts';
import { KeptSecrets } from './kept-secrets.ts';
import { Keys } from './keys.ts';
import { checkRole, noConsole, nothingToRead } from './not-there.ts';
import { simulationsOf } from './load-clients.ts';
import { Observation } from './observation.ts';
import { Offered } from './offered.ts';
import { Operations } from './operations.ts';
import type { Settings } from './settings.ts';
import { refuseOwnAddresses } from './own-address.ts';
import { peopleOf, rolesOf } from './people.ts';
import { Pools } from './pools.ts';
import type { Program } from './program.ts';
import type { Peers } from './program-peers.ts';
import { Probes } from './probes.ts';
import { Retirement } from './retirement.ts';
import { SharedLimits } from './shared-limits.ts';
import { SoleProcess } from './sole-process.ts';
import type { Simulations } from './simulations.ts';
import { noticeEvent } from './store-notice.ts';
import { announceRoles } from './role-change.ts';
import { ToolSurvey } from './tool-survey.ts';

export type { ClientTransportOptions, GatewayOptions, ListenOptions };

/**
 * Makes a gateway in this process. It checks the whole configuration and opens no port: call {@link Gateway.listen}, or take a
 * {@link Gateway.clientTransport} for a client in this process. No server is started before it is needed, except those that `warm` asks for
 * with a number.
 *
 * @returns the gateway; end it with {@link Gateway.close} or {@link Gateway.drain}.
 * @throws {SwitchboardError} `SWB_CONFIG_INVALID`; its message names every wrong value, `data.problems` has a path and a message for each.
 * @example
 * ```ts
 * const gateway = createGateway({
 *   upstreams: { demo: { command: 'node', args: ['server.js'] } },
 *   isolation: 'shared',
 *   environment: process.env,
 * });
 * const [address] = await gateway.listen();
 * const client = await connect(address.websocket); // of mcp-switchboard/client
 * await gateway.drain();
 * ```
 */
export function createGateway(options: GatewayOptions): Gateway {
  const { input, onEvent, tracer, parts } = partsOf(options);
  const configuration = readConfiguration(input);
  const { settings, upstreams } = configuration;
  mustBeForPrograms(settings, parts.stateStore !== undefined);
  refuseOwnAddresses(settings, settings.port, upstreams);
  const names = Object.keys(upstreams);
  const observation = new Observation({ settings, upstreams: names, onEvent, ...(tracer !== undefined && { tracer }) });
  return new Gateway({ ...configuration, ...parts, observation });
}

/** What clients and logs are told of the end. */
const ENDING = 'Switchboard is shutting down';
/** How long the last connections are waited for, in turns of the event loop. */
const MAX_TURNS = 1000;

/**
 * Shares MCP servers with many clients, over WebSocket, HTTP, stdio and memory. {@link createGateway} makes one; it ends with {@link close}
 * or {@link drain}, after which it cannot be used again.
 */
export class Gateway {
  /** The settings that it was started with, with defaults filled in; in milliseconds and bytes. */
  readonly settings: Settings;
  /** What operators see and do. */
  readonly operations: Operations;
  readonly #emit: Emit;
  readonly #observation: Observation;
  readonly #hooks: Hooks = {};
  readonly #pools: Pools;
  readonly #router: Router;
  readonly #callers: CallerAdapters;
  readonly #retirement: Retirement;
  readonly #statistics: Statistics;
  readonly #admin: Admin | undefined;
  readonly #console: Console | undefined;
  readonly #simulations: Simulations;
  #adminUrl: string | undefined;
  /** That is listened on; 0 while none is. */
  #port = 0;
  readonly #ingress: HttpIngress;
  readonly #cluster: Cluster | undefined;
  readonly #sole: SoleProcess | undefined;
  readonly #limits: SharedLimits;
  readonly #store: SharedStore;
  readonly #secrets: KeptSecrets;
  readonly #access: Access;
  readonly #program: Program | undefined;
  readonly #roles: Roles;
  readonly #offered: Offered;
  #accessWritten: Readonly<Record<string, unknown>>;
  #draining: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #onClosed: () => void = () => {};
  readonly #closed: Promise<void> = new Promise((resolve) => (this.#onClosed = resolve));

  /** @internal */
  constructor({
    settings,
    upstreams,
    environment,
    observation,
    stateStore,
    program,
    roles = new Roles(),
    jwt,
    access: accessWritten = {},
    onReload = nothingToRead,
    onDrain,
    problems = () => [],
    servePages,
    simulator,
    configurationFile,
    origins = {},
  }: GatewayParts) {
    const { emit } = observation;
    const { trustedProxies, behindProxy } = settings;
    const proxies = new Proxies([...trustedProxies, ...(behindProxy ? OWN_MACHINE : [])]);
    const opened = observation.metered(stateStore ?? openedAtOnce(settings.store) ?? memoryStore());
    opened.watch(this.#onStoreNotice);
    const id = randomUUID();
    this.settings = settings;
    this.#program = program;
    this.#roles = roles;
    this.#accessWritten = accessWritten;
    this.#offered = new Offered({ upstreams, settings, disabled: () => configurationFile?.disabled() ?? [] });
    this.#observation = observation;
    this.#emit = emit;
    const cluster = settings.peerListen === '' ? undefined : this.#newCluster(opened, () => probes.metrics());
    this.#cluster = cluster;
    const sole = cluster === undefined && opened.reach === 'cluster' ? this.#newSole(opened) : undefined;
    this.#sole = sole;
    const store = (cluster ?? sole)?.store ?? opened;
    this.#store = store;
    const pass = cluster?.operators?.passing((request) => this.#access.addressOf(request));
    this.#pools = new Pools(upstreams, {
      id,
      settings,
      environment,
      roles,
      emit,
      sealKeys: cluster?.sealKeys,
      cluster,
    });
    const { served, limiter, byName: pools } = this.#pools;
    const onNotice = this.#onStoreNotice;
    this.#secrets = new KeptSecrets({ store, keys: (cluster ?? sole)?.secretKeys, onNotice });
    const limits = new SharedLimits({ settings, store, cluster, sole, registry: this.#registry, onNotice });
    this.#limits = limits;
    const admission = new Admission(settings, roles, limits.rates);
    const access = new Access({
      settings,
      roles,
      store,
      proxies,
      emit,
      countRequest: (identity, address) => admission.countRequest({ identity, address, id: address }),
      ...(jwt !== undefined && { jwt }),
    });
    this.#access = access;
    limits.cover(admission, access.lockout);
    this.#router = new Router({
      requestTimeoutMs: settings.requestTimeout,
      timeoutMs: (exchange) => this.#pools.timeoutOf(exchange),
      limiter,
      admit: (exchange) => askRequest(this.#hooks, exchange),
      answerTimeoutMs: settings.answerTimeout,
      maxParked: settings.maxParked,
      ...(cluster !== undefined && { handles: cluster.handles }),
      ...observation.ofExchanges,
    });
    this.#callers = callerAdapters({
      settings,
      exchanges: this.#router,
      access,
      admission,
      hooks: this.#hooks,
      store,
      emit,
      elsewhere: cluster,
      places: limits.places,
      lease: () => cluster?.nodes.lease ?? sole?.lease,
    });
    const { registry, messages, connections, http: httpCallers, rest, sse } = this.#callers;
    this.#retirement = new Retirement({ registry, router: this.#router, drainTimeoutMs: settings.drainTimeout });
    const ready = (): Ready[] => observation.readiness.ready((name) => pools.get(name)?.isAtHand === true);
    this.operations = new Operations({
      program,
      registry,
      router: this.#router,
      limiter,
      pools,
      ready,
      switches: { off: () => this.#offered.off(), set: (name, isOn) => this.#switch(name, isOn) },
    });
    const { operations } = this;
    this.#simulations = simulationsOf({ settings, registry, connections, served, simulator, access, operations });
    if (settings.adminPort !== 'off') {
      const keys = new Keys(settings.keysFile, roles);
      this.#admin = new Admin({
        operations: this.operations,
        messages,
        settings,
        authentication: () => access.isOn,
        stats: () => this.stats,
        isDraining: () => this.#draining !== undefined,
        drain: (timeoutMs, isThisAlone) => {
          if (onDrain === undefined || isThisAlone) void this.drain(timeoutMs === undefined ? {} : { timeoutMs });
          else onDrain(timeoutMs);
        },
        problems,
        reload: onReload,
        configurationFile,
        cluster: cluster?.forOperators,
        tools: new ToolSurvey({
          pools,
          roles,
          configured: () => this.#pools.configured,
          rolesOf: (principal) => rolesOf({ registry, router: this.#router, keys }, principal),
        }),
        keys,
        simulations: this.#simulations,
        lockout: access.lockout,
        people: () => peopleOf({ registry, router: this.#router, keys, roles, pools, admission }),
        configuration: () =>
          configurationOf({ settings, origins, configured: this.#pools.configured, roles: roles.rules }),
        openClient: (upstream, principal, role) => {
          checkRole(role, roles);
          const identity = { ...access.local, principal, ...(role !== undefined && { roles: [role] }) };
          return this.#openClient(upstream, identity, {});
        },
        consoleLink: (operator) => this.#console?.link(operator) ?? noConsole(),
        look: () => ({ ...operations.counts, inFlight: this.#router.size }),
        keep: { store, onNotice },
        pass,
        emit,
      });
      observation.watch(this.#admin.onEvent);
      if (settings.console !== 'off' && servePages !== undefined) {
        const { api } = this.#admin;
        const url = (): string => urlOf(settings, this.#port, '/console');
        this.#console = new Console({ settings, access, api, servePages, url, pass });
      }
    }
    const probes = new Probes({
      settings,
      observation,
      ready,
      roles,
      access,
      stats: () => this.stats,
      isDraining: () => this.#draining !== undefined,
      isCut: () => cluster?.nodes.isCut === true,
      inFlight: () => this.operations.inFlight(),
      programMetrics: program?.metrics.bind(program),
      joinMetrics: pass && ((own) => cluster!.joinMetrics(own)),
    });
    this.#statistics = new Statistics({
      intervalMs: settings.transport.every((each) => each === 'stdio') ? Infinity : settings.statsInterval,
      look: () => ({ ...this.operations.load(), ...probes.traffic.bytes }),
      emit,
    });
    observation.watch(this.#statistics.onEvent);
    this.#ingress = new HttpIngress({
      id,
      settings,
      access,
      proxies,
      store,
      httpCallers,
      ...(rest !== undefined && { rest }),
      ...(sse !== undefined && { sse }),
      route: (path, base, identity) => served.route(path, base, identity),
      callerHeaders: () => [...pools.values()].flatMap((pool) => pool.callerHeaders),
      maxMessageBytes: (identity) => admission.maxMessageBytes(identity),
      checkRoom: (identity, address) => registry.checkRoom(identity, address),
      countConnect: (identity, address) => admission.countConnect({ identity, address, id: address }),
      reservePlace: (identity) => limits.reservePlace(identity),
      hooks: this.#hooks,
      ...(this.#admin !== undefined && { admin: this.#admin }),
      ...(this.#console !== undefined && { operatorPage: this.#console }),
      probes,
      onChannel: (channel, transport, visit) => connections.open(channel, { ...visit, transport }),
      onResumed: (channel, identity) => connections.renew(channel, identity),
      conversations: (cluster ?? sole)?.conversations,
      ...(this.#callers.records !== undefined && {
        onRestored: (channel, visit) => connections.restore(channel, { ...visit, transport: 'websocket' }),
      }),
      emit,
    });
  }

  /**
   * Opens the port, if one of the configured transports needs it. Call it once.
   *
   * @returns where clients reach each upstream, and with several upstreams last the address of all of them as one.
   * @throws {SwitchboardError} `SWB_PUBLIC_BIND`, `SWB_TLS_INVALID`, `SWB_PORT_IN_USE`, `SWB_CONFIG_INVALID`, `SWB_STORE_IN_USE`
   */
  async listen({ fd, passOn }: ListenOptions = {}): Promise<Address[]> {
    const { settings } = this;
    const adminPort = await this.#admin?.listen();
    if (adminPort !== undefined) this.#adminUrl = adminUrl('127.0.0.1', adminPort);
    if (!settings.transport.includes('websocket') && !settings.transport.includes('http')) return [];
    // Who comes in may have a session at another node.
    await this.join();
    const { address, port } = await this.#ingress.listen(fd, passOn && this.#cluster?.bySession(passOn));
    this.#port = port;
    if (adminPortOf(settings) === 'shared') this.#adminUrl = adminUrl(address, port);
    return this.#pools.served.places.map((place) => {
      this.#emit({ type: 'listening', url: urlOf(settings, port, `/mcp${place.below}`) });
      return addressOf(settings, port, place);
    });
  }

  /**
   * Serves a connection of HTTP or WebSocket that another process has accepted, and of which nothing was read.
   *
   * @internal
   */
  accept(socket: Socket): void {
    this.#ingress.accept(socket);
  }

  /**
   * Serves one client on a channel of its own, such as stdin and stdout. A program uses {@link clientTransport}.
   *
   * @param upstream its name. @default all of them as one
   * @param onClose called when the client is gone.
   * @throws {SwitchboardError} `SWB_UPSTREAM_NOT_FOUND`, `SWB_CONNECTION_LIMIT`
   * @internal
   */
  attach(channel: Channel, transport: Transport, upstream?: string, onClose?: () => void): void {
    const identity = this.#access.local;
    const found = this.#pools.served.find(upstream, identity);
    const visit = { upstream: found, transport, identity, credentials: new CallerCredentialValues(found) };
    this.#callers.connections.open(channel, visit, onClose);
  }

  /** The token that `token: 'auto'` made at this start; show it once. */
  get newToken(): string | undefined {
    return this.#access.newToken;
  }

  /** One upstream's pool.
   *
   * @internal */
  pool(name: string): Pool | undefined {
    return this.#pools.byName.get(name);
  }

  /** Where the admin API is; known once it listens. */
  get adminUrl(): string | undefined {
    return this.#adminUrl;
  }

  /** What the admin API wants as a bearer token: the option, or one that was made at the start. */
  get adminToken(): string | undefined {
    return this.#admin?.gate.token;
  }

  /** A link to the console that signs in whoever opens it first; undefined where there is no console, or nothing is listened on. */
  consoleLink(): ConsoleLink | undefined {
    return this.#port === 0 ? undefined : this.#console?.link({ name: 'local', role: OPERATOR_ROLE });
  }

  /** Resolves when everything has ended, whoever asked for it. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  /**
   * A line of its own for a client in this process, for `connect` of the official SDK's client.
   *
   * @throws {SwitchboardError} `SWB_UPSTREAM_NOT_FOUND`, `SWB_CONNECTION_LIMIT`
   */
  clientTransport({ upstream, principal, headers = {} }: ClientTransportOptions = {}): SdkTransport {
    const identity: Identity = { ...this.#access.local, ...(principal !== undefined && { principal }) };
    return asSdkTransport(this.#openClient(upstream, identity, headers));
  }

  #openClient(upstream: string | undefined, identity: Identity, headers: Readonly<Record<string, string>>): Channel {
    const found = this.#pools.served.find(upstream, identity);
    const [outer, inner] = memoryPair();
    const credentials = new CallerCredentialValues(found, headers);
    this.#callers.connections.open(inner, { upstream: found, transport: 'memory', identity, credentials });
    return outer;
  }

  /** Where a request to a server around this gateway comes from, through the proxies that the settings trust. */
  addressOf(request: IncomingMessage): string {
    return this.#access.addressOf(request);
  }

  /**
   * Answers `/healthz`, `/readyz`, `/metrics` and the admin API on the HTTP server of the program around it.
   *
   * @returns whether the request was for one of them; if not, nothing was done.
   */
  serveOperators(request: IncomingMessage, response: ServerResponse): boolean {
    return this.#ingress.serveOperators(request, response);
  }

  /**
   * Joins the other nodes, for a program around it that listens itself; where there is no cluster, takes a store that other machines reach for this
   * process alone. Call it before clients come.
   *
   * @throws {SwitchboardError} `SWB_PORT_IN_USE`, `SWB_TLS_INVALID`, `SWB_CONFIG_INVALID`, `SWB_STORE_UNAVAILABLE`, `SWB_STORE_IN_USE`
   */
  async join(): Promise<void> {
    await (this.#cluster ?? this.#sole)?.join();
    if (this.#cluster !== undefined) await this.#access.join();
    await this.#limits.join();
    this.#admin?.begin();
  }

  /** The other nodes, for a program around it; undefined where there is no cluster. They are known once it has joined them. */
  get peers(): Peers | undefined {
    return this.#cluster?.peers;
  }

  /**
   * Opens the admin API for a program around it that listens itself. Known by {@link adminUrl} afterwards.
   *
   * @param address where that program listens.
   * @throws {SwitchboardError} `SWB_PORT_IN_USE` where the admin API has a port of its own.
   */
  async openAdmin({ host, port }: { host: string; port: number }): Promise<void> {
    this.#admin?.begin();
    const own = await this.#admin?.listen();
    if (own !== undefined) this.#adminUrl = adminUrl('127.0.0.1', own);
    else if (this.#admin !== undefined) this.#adminUrl = adminUrl(host, port);
  }

  /** Shows operators, over the admin API, an event of the program around it. */
  showEvent(event: GatewayEvent | ProgramEvent): void {
    this.#admin?.onEvent(event);
  }

  /**
   * Its store, for a program around it: closed with the gateway. Of a store that several machines reach, a node of a cluster sees only facts and
   * announcements that a node of this cluster has put there. What is in logs the program has to seal itself.
   */
  get store(): SharedStore {
    return (this.#cluster ?? this.#sole)?.programStore ?? this.#store;
  }

  /**
   * A secret for a program around it: 32 random bytes that every process with the same store has, also after a restart. A store that other machines
   * reach has it encrypted with the cluster's key. It is kept for a year after it was last asked for.
   *
   * @param purpose names it, such as `chat`.
   * @throws {SwitchboardError} `SWB_STORE_UNAVAILABLE`; `SWB_CONFIG_INVALID` where such a store is used without that key.
   */
  secret(purpose: string): Promise<Buffer> {
    return this.#secrets.get(purpose);
  }

  /** How much is open right now. */
  get stats(): Stats {
    return {
      connections: this.#program?.sessions().length ?? this.#callers.registry.size,
      exchanges: this.#router.size,
      parked: this.#router.parked,
      replayBytes: this.#callers.replay.total,
      upstreams: Object.fromEntries([...this.#pools.byName].map(([name, pool]) => [name, pool.size])),
    };
  }

  /**
   * Takes another configuration. Only upstreams that changed are restarted; sessions of the others do not notice. Those of one
   * that changed are closed with 1012, those of one that was removed with 1001; what was under way has `drainTimeout` to finish.
   * Other roles hold from the next request on, for those who are connected too.
   *
   * @returns what changed. Settings take effect only at the next start, and are named; so do roles where there were none, or are none.
   * @throws {SwitchboardError} `SWB_CONFIG_INVALID`, or `SWB_SHUTTING_DOWN` once it is to end; nothing has changed then.
   */
  reload(input: ConfigurationInput): Change {
    // Nobody would end what it started.
    if (this.#draining !== undefined || this.#closing !== undefined) throw new SwitchboardError('SWB_SHUTTING_DOWN');
    const configuration = readConfiguration(input);
    const { upstreams, access, roles } = configuration;
    const change = this.#changeBy(configuration);
    if (change.applied.includes('roles')) {
      this.#roles.replace(roles);
      this.#accessWritten = { ...this.#accessWritten, roles: access.roles };
      announceRoles(this.#roles, this.#callers.registry, this.#access.isOn);
    }
    this.#offered.replace(upstreams);
    this.#serve(change);
    return change;
  }

  /** What {@link reload} would change; changes nothing. @throws {SwitchboardError} `SWB_CONFIG_INVALID` */
  changeBy(input: ConfigurationInput): Change {
    return this.#changeBy(readConfiguration(input));
  }

  #changeBy({ settings, upstreams, access, roles }: Configuration): Change {
    refuseOwnAddresses(this.settings, this.#port, upstreams);
    const before = { settings: { ...this.settings, ...this.#accessWritten }, upstreams: this.#pools.configured };
    const after = { settings: { ...settings, ...access }, upstreams: this.#offered.without(upstreams) };
    return changeOf(before, after, roles.areSet === this.#roles.areSet ? ['roles'] : []);
  }

  #serve(change: Change): void {
    const upstreams = this.#offered.on;
    const old = this.#pools.replace(upstreams, change);
    this.#observation.readiness.follow(Object.keys(upstreams), change.changed);
    this.#retirement.begin(old, change);
    this.#emit({ type: 'reloaded', ...change });
  }

  /** Lets an upstream finish what it has begun and serves it no more, or serves it again; until the end of the process. */
  #switch(name: string, isOn: boolean): void {
    if (this.#draining !== undefined || this.#closing !== undefined) throw new SwitchboardError('SWB_SHUTTING_DOWN');
    this.#serve(this.#offered.switch(name, isOn));
  }

  readonly #registry = (): CallerAdapters['registry'] => this.#callers.registry;

  readonly #onStoreNotice = (notice: StoreNotice): void => {
    this.#emit(noticeEvent(notice));
    if (notice.type === 'back') this.#limits.places?.repeat();
  };

  #newCluster(store: SharedStore, metrics: () => Promise<string>): Cluster {
    return new Cluster({
      settings: this.settings,
      store,
      upstreams: () => this.#pools.configured,
      serve: (request, response, caller) => this.#ingress.serveForwarded(request, response, caller),
      serveAdmin: (...asked) => this.#ingress.serveNode(...asked),
      serveOperator: (...passed) => this.#ingress.servePassed(...passed),
      metrics,
      program: this.#program,
      registry: this.#registry,
      giveUpPlace: async (principal) => (await this.#limits.places?.giveUp(principal)) ?? false,
      limiter: () => this.#pools.limiter,
      onNotice: this.#onStoreNotice,
      emit: this.#emit,
    });
  }

  #newSole(store: SharedStore): SoleProcess {
    const close = (): Promise<void> => this.close();
    const { settings } = this;
    const [registry, onNotice, emit] = [this.#registry, this.#onStoreNotice, this.#emit];
    return new SoleProcess({ settings, store, registry, close, onNotice, emit });
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
    const { registry } = this.#callers;
    const [router, observation, cluster] = [this.#router, this.#observation, this.#cluster];
    const program = this.#program;
    const drained = drain({ registry, router, observation, cluster, program, timeoutMs, reason: ENDING });
    // What a load asks for is not waited for.
    await Promise.all([this.#simulations.close(), drained]);
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

  async #end(): Promise<void> {
    const written = this.#admin?.close();
    this.#console?.close();
    this.#statistics.close();
    const loaded = this.#simulations.close();
    const closed = this.#ingress.close();
    this.#callers.registry.close(ENDING);
    this.#router.close();
    await Promise.all([written, loaded, closed, this.#retirement.end(), this.#pools.close(), this.#cluster?.close()]);
    this.#access.close();
    this.#callers.records?.close();
    this.#limits.close();
    await this.#sole?.close();
    await this.#store.close();
    // The sockets are closed; that their connections have ended is told a few turns of the event loop later.
    for (let turn = 0; this.#callers.registry.size > 0 && turn < MAX_TURNS; turn++) await new Promise(setImmediate);
    await this.#observation.close();
  }
}
