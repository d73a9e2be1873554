/** What operators see of a gateway, and what they can do to it. The admin API, the command line and the library stand on this. */
import type { Registry } from '../callers/registry.ts';
import type { SessionFacts, SessionNotes } from '../callers/session-facts.ts';
import { countSessionless, sessionlessClients, sessionlessKey } from '../callers/sessionless.ts';
import type { Ready } from '../observe/readiness.ts';
import { destinationOf } from '../observe/requests.ts';
import type { Transport } from '../protocol/session-context.ts';
import type { Situation } from '../observe/statistics.ts';
import type { RequestTimes } from '../observe/timeline.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { notification } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { traceIdOf } from '../protocol/trace-id.ts';
import type { Router } from '../router/router.ts';
import type { RoutedExchange } from '../router/routed-exchange.ts';
import type { ConcurrencyLimiter } from '../router/concurrency-limiter.ts';
import type { Failing } from '../upstreams/breaker.ts';
import type { MemberFacts } from '../upstreams/replica.ts';
import type { Isolation } from '../upstreams/member-key.ts';
import type { Pool } from '../upstreams/pool.ts';
import type { CheckResult } from '../upstreams/server-check.ts';
import { readProcessTree } from '../upstreams/process-tree.ts';
import type { ProcessTree } from '../upstreams/process-tree.ts';
import { didYouMean } from '../util/nearest.ts';
import type { Program } from './program.ts';

/** A request that is under way. */
export interface OpenRequest {
  /** The exchange's id, as in logs, traces and the audit log. */
  id: string;
  /** Such as `tools/call`. */
  method: string;
  /** The name of the tool or prompt, or the scheme of the resource's URI. */
  target?: string;
  /** The upstream's name; `*` until one of several is chosen. */
  upstream: string;
  /** The session's or connection's id; of modern HTTP, which has neither, the client's address. */
  session: string;
  /** Of modern HTTP: the {@link SessionFacts.key} of its client. */
  clientKey?: string;
  /** The caller: a key's name, a token's subject, or `anonymous`. */
  principal: string;
  /** How it came. */
  transport: Transport;
  /** The era of the client. */
  era: 'legacy' | 'modern';
  /** `queued`: it waits for its turn; `parked`: its client was asked something and has not come back. */
  state: 'queued' | 'running' | 'parked';
  /** How long ago it was opened, in ms. */
  ageMs: number;
  /** The trace that it belongs to, 32 hexadecimal digits. */
  trace?: string;
  /** How far it has come, and when. */
  times: RequestTimes;
}

/** An upstream as operators see it. */
export interface UpstreamFacts {
  /** Its name in the configuration. */
  name: string;
  /** Who shares its servers. */
  isolation: Isolation;
  /**
   * `failed`: its last start did; the next request tries again, or Switchboard itself a little later. `failing`: it failed too often, and nothing is started for a while. `off`: an
   * operator has switched it off.
   */
  state: 'idle' | 'ready' | 'failed' | 'failing' | 'off';
  /** Why it failed. */
  reason?: string;
  /** Since when it keeps failing, and when it is tried again; only in the state `failing`. */
  failing?: Failing;
  /** How the last server that was started calls itself. */
  server?: { name?: string; version?: string };
  /** What it declared, such as `tools` and `tools.listChanged`; absent before one was started. */
  capabilities?: readonly string[];
  /** Requests that run. */
  running: number;
  /** Requests that wait for their turn. */
  waiting: number;
  /** Its servers: child processes, remote sessions, or servers in this process. */
  members: MemberFacts[];
}

/** Who receives a notification: the sessions that fit every field that is given, all of them without any. */
export interface Recipients {
  /** The session with this id. */
  session?: string;
  /** All sessions of this caller. */
  principal?: string;
  /** All sessions of this upstream. */
  upstream?: string;
  /** All sessions that `onSession` gave this label. */
  group?: string;
}

export interface OperationsOptions {
  program?: Program | undefined;
  registry: Registry;
  router: Router;
  limiter: ConcurrencyLimiter;
  pools: ReadonlyMap<string, Pool>;
  /** Whose last start failed, and why. */
  ready(): readonly Ready[];
  switches: {
    /** Upstreams that an operator has switched off. */
    off(): readonly Pick<UpstreamFacts, 'name' | 'isolation' | 'reason'>[];
    set(upstream: string, isOn: boolean): void;
  };
}

/** With less than this share of its rate left, a session is near its limit. */
const NEAR_LIMIT = 0.2;

/** What operators see of a gateway and do to it, as the admin API and `switchboard sessions` offer it: {@link Gateway.operations}. */
export class Operations {
  readonly #options: OperationsOptions;

  /** @internal */
  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  /**
   * Every client that is connected or may come back, and every client of modern HTTP and REST with a request under way, oldest first. The
   * latter have no session: their id is the address, and their key tells them apart. Both find their requests and nothing else.
   */
  sessions(): SessionFacts[] {
    const { program, router } = this.#options;
    if (program !== undefined) return program.sessions();
    const all = [...this.#conversations(), ...sessionlessClients(router.exchanges)];
    return all.toSorted((one, other) => one.startedAt - other.startedAt);
  }

  /** How many there are. It is asked for each second. @internal */
  get counts(): { clients: number; sessions: number } {
    const { program, registry, router } = this.#options;
    const sessions = program?.sessions().length ?? registry.size;
    const others = program === undefined ? countSessionless(router.exchanges) : 0;
    return { clients: sessions + others, sessions };
  }

  /** How much there is to do now, and whose rate is nearly used up. */
  load(): Pick<Situation, 'clients' | 'sessions' | 'queued' | 'parked' | 'nearLimit'> {
    const { router, limiter, pools } = this.#options;
    const sessions = this.#options.program?.sessions() ?? this.#conversations();
    const isNear = ({ allowance }: SessionFacts): boolean =>
      allowance !== undefined && allowance.remaining < allowance.limit * NEAR_LIMIT;
    return {
      clients: this.sessions().length,
      sessions: sessions.filter(({ state }) => state === 'ready' || state === 'away').length,
      queued: [...pools.keys()].reduce((sum, name) => sum + limiter.of(name).waiting, 0),
      parked: router.parked,
      nearLimit: sessions.filter(isNear).map(({ id }) => id),
    };
  }

  /** Running requests, oldest first. */
  requests(): OpenRequest[] {
    return this.#options.router.exchanges.map(asOpenRequest);
  }

  /** How many requests are under way, by upstream; those that go to all as one, or have not reached one of them yet, under `*`. */
  inFlight(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const exchange of this.#options.router.exchanges) {
      const { upstream } = destinationOf(exchange);
      counts.set(upstream, (counts.get(upstream) ?? 0) + 1);
    }
    return counts;
  }

  /** Every upstream with its servers, in the order of the configuration. */
  async upstreams(): Promise<UpstreamFacts[]> {
    return this.upstreamsWith(await readProcessTree());
  }

  /**
   * The same with what processes use as a tree tells that was read before: to read one takes the whole system.
   *
   * @internal
   */
  upstreamsWith(tree: ProcessTree): UpstreamFacts[] {
    const { pools, limiter, ready } = this.#options;
    const reasons = new Map(ready().map(({ upstream, reason }) => [upstream, reason]));
    const stateOf = (pool: Pool): Pick<UpstreamFacts, 'state' | 'reason'> => {
      const reason = reasons.get(pool.name);
      if (reason === undefined) return { state: pool.state };
      return { state: pool.state === 'failing' ? 'failing' : 'failed', reason };
    };
    const on = [...pools.values()].map((pool): UpstreamFacts => ({
      name: pool.name,
      isolation: pool.isolation,
      ...stateOf(pool),
      ...(pool.failing !== undefined && { failing: pool.failing }),
      ...pool.said,
      ...limiter.of(pool.name),
      members: pool.membersWith(tree),
    }));
    const off = this.#options.switches.off().map((facts): UpstreamFacts => ({
      ...facts,
      state: 'off',
      running: 0,
      waiting: 0,
      members: [],
    }));
    return [...on, ...off];
  }

  /** Cancels a request: its client gets `SWB_CANCELLED`, its server is told. @returns whether it was there. */
  cancel(id: string, reason?: string): boolean {
    const exchange = this.#options.router.find(id);
    exchange?.abort(cancelled(reason));
    return exchange !== undefined;
  }

  /**
   * Cancels every request of a client.
   *
   * @param session the id of its session; of a client without one its key, or its address, which stands for all who come from there.
   * @returns how many there were.
   */
  cancelAll(session: string, reason?: string): number {
    const theirs = this.#options.router.exchanges.filter(
      (exchange) => exchange.scope.affinity === session || sessionlessKey(exchange) === session,
    );
    for (const exchange of theirs) exchange.abort(cancelled(reason));
    return theirs.length;
  }

  /** Ends a session: its client is closed with 1008. @returns whether it was there. */
  kick(session: string, reason = 'an operator ended the session'): boolean {
    const { program, registry } = this.#options;
    if (program !== undefined) return program.kick(session, reason);
    const conversation = registry.named(session);
    conversation?.close('policy', reason);
    return conversation !== undefined;
  }

  /** Whether there is a session of this id. @internal */
  isOpen(session: string): boolean {
    return this.#options.registry.named(session) !== undefined;
  }

  /** Keeps notes with a session; absent parts stay. @returns whether it was there. */
  note(session: string, notes: SessionNotes): boolean {
    const conversation = this.#options.registry.named(session);
    if (conversation !== undefined) conversation.notes = { ...conversation.notes, ...notes };
    return conversation !== undefined;
  }

  /**
   * Says something to every client, or those that fit: each gets the notification, one that is away when it is back. One that has
   * not opened its session yet expects no word, and gets none.
   *
   * @returns how many clients it was given to.
   */
  broadcast(method: string, params?: JsonObject, to: Recipients = {}): number {
    const note = notification(method, params);
    let count = 0;
    for (const conversation of this.#options.registry.all) {
      const { facts } = conversation;
      if (!(facts.state === 'ready' || facts.state === 'away') || !fits(facts, to)) continue;
      conversation.notify(note);
      count++;
    }
    return count;
  }

  /** Whether there is an upstream of this name, or one that is switched off. */
  has(upstream: string): boolean {
    const { pools, switches } = this.#options;
    return pools.has(upstream) || switches.off().some(({ name }) => name === upstream);
  }

  /** @throws {SwitchboardError} `SWB_UPSTREAM_NOT_FOUND`, where there is no upstream of this name. */
  checkUpstream(upstream: string): void {
    this.#pool(upstream);
  }

  /** Replaces every member of an upstream, shared ones make before break. @throws {SwitchboardError} `SWB_UPSTREAM_NOT_FOUND` */
  async restart(upstream: string): Promise<void> {
    await this.#pool(upstream).restart();
  }

  /**
   * Lets an upstream finish what it has begun, and serves it no more until {@link enable} or the end of the process. Its sessions end with
   * 1001. Does nothing where it is off already.
   *
   * @throws {SwitchboardError} `SWB_UPSTREAM_NOT_FOUND`; `SWB_REFUSED` for the only one that is served
   */
  drain(upstream: string): void {
    const { pools, switches } = this.#options;
    if (switches.off().some(({ name }) => name === upstream)) return;
    this.#pool(upstream);
    if (pools.size === 1) {
      const detail = `${upstream} is the only server that is served; to stop Switchboard itself, drain that`;
      throw new SwitchboardError('SWB_REFUSED', { detail });
    }
    switches.set(upstream, false);
  }

  /** Serves an upstream again that was drained. @returns whether it was off. @throws {SwitchboardError} `SWB_UPSTREAM_NOT_FOUND` */
  enable(upstream: string): boolean {
    const { switches } = this.#options;
    if (switches.off().some(({ name }) => name === upstream)) {
      switches.set(upstream, true);
      return true;
    }
    this.#pool(upstream);
    return false;
  }

  /** Starts an upstream, does the handshake and lists what it has. @throws {SwitchboardError} what is wrong with it */
  check(upstream: string): Promise<CheckResult> {
    return this.#pool(upstream).check();
  }

  #pool(name: string): Pool {
    const pool = this.#options.pools.get(name);
    if (pool !== undefined) return pool;
    const known = [...this.#options.pools.keys()];
    const detail = `${JSON.stringify(name)}; there are: ${known.join(', ')}.${didYouMean(name, known)}`;
    throw new SwitchboardError('SWB_UPSTREAM_NOT_FOUND', { detail });
  }

  #conversations(): SessionFacts[] {
    return [...this.#options.registry.all].map(({ facts }) => facts);
  }
}

function asOpenRequest(exchange: RoutedExchange): OpenRequest {
  const { id, method, scope, state, startedAt, times } = exchange;
  const { upstream, target } = destinationOf(exchange);
  const trace = traceIdOf(exchange.params);
  const clientKey = sessionlessKey(exchange);
  return {
    id,
    method,
    ...(target !== undefined && { target }),
    upstream,
    session: scope.affinity,
    ...(clientKey !== undefined && { clientKey }),
    principal: scope.principal,
    transport: scope.transport,
    era: scope.era,
    state,
    ageMs: Math.round(performance.now() - startedAt),
    ...(trace !== undefined && { trace }),
    times: times.soFar,
  };
}

const fits = (facts: SessionFacts, { session, principal, upstream, group }: Recipients): boolean =>
  (session === undefined || facts.id === session) &&
  (principal === undefined || facts.principal === principal) &&
  (upstream === undefined || facts.upstream === upstream) &&
  (group === undefined || facts.groups.includes(group));

const cancelled = (reason: string | undefined): SwitchboardError =>
  new SwitchboardError('SWB_CANCELLED', reason === undefined ? {} : { detail: reason });
