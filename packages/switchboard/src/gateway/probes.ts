/** What operators and their tools ask on the gateway's port beside MCP: is it alive, can it serve, and its metrics. */
import type { IncomingMessage, ServerResponse } from 'node:http';

import { Traffic } from '../observe/traffic.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import type { Stats } from './stats.ts';
import { guardOperator } from '../transports/http/guard.ts';
import { isLoopback } from '../util/address.ts';
import type { Ready } from '../observe/readiness.ts';
import { OPERATOR_ROLE } from '../router/roles.ts';
import type { Roles } from '../router/roles.ts';
import type { Access } from './access.ts';
import type { Observation } from './observation.ts';
import type { Settings } from './settings.ts';

export interface ProbesOptions {
  settings: Settings;
  observation: Observation;
  /** Whether each upstream can serve. */
  ready(): Ready[];
  access: Access;
  roles: Roles;
  stats(): Stats;
  /** Metrics of a program around the gateway. */
  programMetrics?: (() => string) | undefined;
  /** Adds the metrics of other processes that share the port. @default there are none */
  joinMetrics?: ((own: string) => Promise<string>) | undefined;
  /** Whether it lets nobody in any more. */
  isDraining(): boolean;
  /** Whether it is a node that only cannot reach the store, as `Nodes.isCut`. */
  isCut(): boolean;
  /** How many requests are under way, by upstream. */
  inFlight(): ReadonlyMap<string, number>;
}

const ALLOWED = 'GET, HEAD';

export class Probes {
  readonly traffic: Traffic = new Traffic();
  readonly #options: ProbesOptions;

  constructor(options: ProbesOptions) {
    this.#options = options;
  }

  /** Answers what is asked on one of these paths; undefined for others. Rejects when the request may not have it. */
  serve(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> | undefined {
    if (/^\/(?:healthz?|livez)$/.test(path)) return this.#serveHealth(response);
    if (path === '/status') return this.#serveStatus(request, response);
    if (path === '/readyz') return this.#serveReadiness(request, response);
    if (path === '/metrics' && this.#options.observation.metrics !== undefined)
      return this.#serveMetrics(request, response);
    return undefined;
  }

  /** Of this process alone; empty where there are none. */
  async metrics(): Promise<string> {
    const { observation, stats, inFlight, programMetrics } = this.#options;
    const { storeLagMs } = observation;
    const now = { ...stats(), ...this.traffic.bytes, storeLagMs, inFlight: inFlight() };
    const own = await observation.metrics?.text(now);
    return (own ?? '') + (programMetrics?.() ?? '');
  }

  async #serveHealth(response: ServerResponse): Promise<void> {
    send(response, 200, { status: 'ok' });
  }

  /** What everybody may know: whether it serves, and how full it is. */
  async #serveStatus(request: IncomingMessage, response: ServerResponse): Promise<void> {
    allowReading(request, response);
    const { settings, stats, isDraining, isCut, ready } = this.#options;
    const { transport: transports, maxConnections: max } = settings;
    send(response, 200, {
      status: isDraining() ? 'draining' : 'ok',
      ready: !isDraining() && !isCut() && ready().every(({ ok }) => ok),
      uptimeS: Math.floor(process.uptime()),
      transports,
      sessions: { active: stats().connections, max },
    });
  }

  /**
   * Why an upstream fails is the operator's to know, as it may hold what a server wrote to its stderr. With `?exclude=upstreams` only
   * Switchboard itself counts: a balancer must not give up all servers for one that cannot start.
   */
  async #serveReadiness(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { observation } = this.#options;
    const upstreams = this.#options.ready();
    const isDraining = this.#options.isDraining();
    const isAlone = new URL(request.url ?? '', 'http://x').searchParams.getAll('exclude').includes('upstreams');
    const isReady = !isDraining && !this.#options.isCut() && (isAlone || upstreams.every(({ ok }) => ok));
    const shown = isAlone ? undefined : await this.#shownTo(request, upstreams);
    send(response, isReady ? 200 : 503, {
      status: isReady ? 'ready' : isDraining ? 'draining' : 'unready',
      ...(observation.readiness.isStoreAway && { store: 'away' }),
      ...(shown !== undefined && { upstreams: shown }),
    });
  }

  /** Operators see all of it; others the servers that their roles let them use; callers that are not known none, where callers have to be. */
  async #shownTo(request: IncomingMessage, upstreams: readonly Ready[]): Promise<readonly object[] | undefined> {
    const { access, roles } = this.#options;
    try {
      await this.#guard(request);
      return upstreams;
    } catch {
      const identity = await access.identify(request).catch(() => undefined);
      if (identity === undefined) return undefined;
      const rights = roles.areSet ? roles.of(identity.roles) : undefined;
      const served = upstreams.filter(({ upstream }) => rights?.serves(upstream) ?? true);
      return served.map(({ upstream, ok }) => ({ upstream, ok }));
    }
  }

  /**
   * Who has the role of an operator may see it, and who is on this machine. Others who are not known are asked who they are.
   *
   * @throws {SwitchboardError} `SWB_NOT_FOUND`, and what {@link Access.identify} throws.
   */
  async #guard(request: IncomingMessage): Promise<void> {
    const { settings, access } = this.#options;
    const isShown = request.headers.authorization !== undefined || request.headers['x-api-key'] !== undefined;
    if (access.isOn && (isShown || !isLoopback(settings.host) || settings.behindProxy)) {
      const { roles } = await access.identify(request);
      if (roles.includes(OPERATOR_ROLE)) return;
      throw new SwitchboardError('SWB_NOT_FOUND', { detail: `${JSON.stringify(request.url ?? '')} is for operators` });
    }
    guardOperator(request, settings);
  }

  async #serveMetrics(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { observation, joinMetrics } = this.#options;
    const { metrics } = observation;
    if (metrics === undefined) return;
    await this.#guard(request);
    allowReading(request, response);
    const own = await this.metrics();
    const text = (await joinMetrics?.(own)) ?? own;
    response.writeHead(200, { 'content-type': metrics.contentType }).end(text);
  }
}

/** @throws {SwitchboardError} `SWB_METHOD_NOT_ALLOWED` */
function allowReading({ method }: IncomingMessage, response: ServerResponse): void {
  if (method === 'GET' || method === 'HEAD') return;
  response.setHeader('allow', ALLOWED);
  throw new SwitchboardError('SWB_METHOD_NOT_ALLOWED', { detail: `${method}; allowed: ${ALLOWED}` });
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
