/** The admin API: on the gateway's port below `/admin`, or on a port of its own. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Emit, GatewayEvent } from '../../observe/events.ts';
import { History } from '../../observe/history.ts';
import type { Gauges } from '../../observe/history.ts';
import { createLog } from '../../observe/log.ts';
import { RecentRequests } from '../../observe/recent-requests.ts';
import { Refusals } from '../../observe/refusals.ts';
import { StderrTail } from '../../observe/stderr-tail.ts';
import { SwitchboardError, asSwitchboardError } from '../../protocol/errors.ts';
import { OPERATOR_ROLE } from '../../router/roles.ts';
import type { SharedStore, StoreNotice } from '../../stores/store.ts';
import { checkHostAndOrigin } from '../../transports/http/guard.ts';
import { limitConnections } from '../../transports/http/limits.ts';
import { sendError } from '../../transports/http/reply.ts';
import { adminPortOf } from '../addresses.ts';
import { KeptHistory } from '../kept-history.ts';
import type { Settings } from '../settings.ts';
import { Trials } from '../tool-trial.ts';
import { ClusterEvents } from './cluster-events.ts';
import { Gate } from './gate.ts';
import { Live } from './live.ts';
import { MemberUsage } from './member-usage.ts';
import { OperatorApi } from './operator-api.ts';
import type { Operator } from './operator.ts';
import type { AdminContext } from './route.ts';
import { SessionsElsewhere } from './sessions-elsewhere.ts';
import { topicsOf } from './situation.ts';
import { eventWatchers } from './event-watchers.ts';
import type { LiveEvent } from './event-watchers.ts';
import { RecentLog } from './recent-log.ts';

/** What is put together here. */
type OfEvents =
  | 'trials'
  | 'watchers'
  | 'nodeWatchers'
  | 'clusterEvents'
  | 'recentLog'
  | 'history'
  | 'recentRequests'
  | 'refusals'
  | 'stderr'
  | 'usage'
  | 'elsewhere'
  | 'live';

export interface AdminOptions extends Omit<AdminContext, OfEvents> {
  settings: Settings;
  emit: Emit;
  /** How busy it is now. */
  look(): Omit<Gauges, 'memoryBytes'>;
  /** Where the history outlives the process, if it does. */
  keep: { store: SharedStore; onNotice(notice: StoreNotice): void };
  /** Has another process of this machine answer, where that is the one that does. @default there is none */
  pass?: ((request: IncomingMessage, response: ServerResponse) => Promise<boolean>) | undefined;
}

const HOST = '127.0.0.1';
const BASE = '/admin';
const MAX_SOCKETS = 64;
const READ_TIMEOUT_MS = 15_000;
/** Who shows the token: it is for whoever runs Switchboard, who could read every file of it. */
const PROGRAM: Operator = { name: 'local', role: OPERATOR_ROLE, readsContents: true };
/** More than there are. */
const MAX_NODES = 1000;
/** Another node, which an operator has asked. */
const NODE: Operator = { name: 'another node', role: OPERATOR_ROLE };

export class Admin {
  readonly gate: Gate;
  /** What the console asks. */
  readonly api: OperatorApi;
  readonly #context: AdminContext;
  readonly #log: ReturnType<typeof createLog>;
  readonly #listeners: readonly Emit[];
  readonly #options: AdminOptions;
  readonly #kept: KeptHistory | undefined;
  #server: Server | undefined;

  constructor(options: AdminOptions) {
    const { settings, emit, look, keep } = options;
    const recentLog = new RecentLog();
    const history = new History({ look: () => ({ ...look(), memoryBytes: process.memoryUsage.rss() }) });
    const onFault = (error: unknown): void => emit({ type: 'failed', where: 'live stream', error });
    const { cluster } = options;
    const context = {
      ...options,
      clusterEvents: cluster && new ClusterEvents(cluster),
      trials: new Trials(),
      watchers: eventWatchers(),
      nodeWatchers: eventWatchers(MAX_NODES),
      recentLog,
      history,
      recentRequests: new RecentRequests(),
      refusals: new Refusals(),
      stderr: new StderrTail(),
      usage: new MemberUsage({ operations: options.operations, history, onFault }),
      elsewhere: options.cluster && new SessionsElsewhere({ cluster: options.cluster, onFault }),
    };
    const live = new Live(topicsOf(context), onFault);
    this.#options = options;
    this.#context = { ...context, live };
    const { recentRequests, refusals, stderr, tools } = this.#context;
    this.#listeners = [history, recentRequests, refusals, stderr, tools].map(({ onEvent }) => onEvent);
    this.#log = createLog({ level: settings.logLevel, write: recentLog.add });
    this.gate = new Gate(settings.adminToken);
    this.api = new OperatorApi({ context: this.#context, emit });
    this.#kept =
      keep.store.reach === 'process'
        ? undefined
        : new KeptHistory({ ...keep, history, name: () => this.#name, upstreams: () => this.#upstreams });
  }

  /** Goes on with the history of the process before, once this one has joined its cluster. Nobody waits for that. */
  begin(): void {
    void this.#kept?.begin();
  }

  /** @returns its own port, where it has one. @throws {SwitchboardError} `SWB_PORT_IN_USE` */
  async listen(): Promise<number | undefined> {
    const port = adminPortOf(this.#options.settings);
    if (typeof port !== 'number') return undefined;
    const server = createServer({ headersTimeout: READ_TIMEOUT_MS, requestTimeout: READ_TIMEOUT_MS });
    limitConnections(server, MAX_SOCKETS);
    server.on('request', (request, response) => void this.#serveAlone(request, response));
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => {
        const detail = `${HOST}:${port} (${cause.message}); choose another with --admin-port, or 0 for any`;
        reject(new SwitchboardError('SWB_PORT_IN_USE', { detail, cause }));
      });
      server.listen(port, HOST, resolve);
    });
    this.#server = server;
    return (server.address() as AddressInfo).port;
  }

  /** Answers on the gateway's port, where it is there and the path is its own; undefined for others. Rejects with what is to be said. */
  serve(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> | undefined {
    if (!isAdminPath(path) || adminPortOf(this.#options.settings) !== 'shared') return undefined;
    return this.#answer(path, request, response);
  }

  readonly onEvent = (event: LiveEvent): void => {
    this.#context.watchers.onItem(event);
    this.#context.nodeWatchers.onItem(event);
    this.#context.clusterEvents?.onEvent(event);
    this.#log(event);
    // What a program around it shows has other types, which none of these looks at.
    for (const listener of this.#listeners) listener(event as GatewayEvent);
  };

  /** Resolves when the history is written. Never rejects. */
  async close(): Promise<void> {
    const { watchers, nodeWatchers, clusterEvents, recentLog, history, usage, live } = this.#context;
    watchers.close();
    nodeWatchers.close();
    clusterEvents?.close();
    recentLog.close();
    history.close();
    usage.close();
    live.close();
    this.#server?.close();
    this.#server?.closeAllConnections();
    await this.#kept?.close();
  }

  /** What the next process has as well, and no other one. */
  get #name(): string {
    const { settings, cluster } = this.#options;
    const nodes = cluster?.nodes() ?? [];
    const own = nodes.find(({ self }) => self);
    if (own === undefined) return settings.nodeName || `${settings.host}:${settings.port}`;
    const isShared = nodes.some(({ self, name }) => !self && name === own.name);
    return isShared ? `${own.name} ${own.url}` : own.name;
  }

  get #upstreams(): string[] {
    return ['*', ...this.#options.configuration().upstreams.map(({ name }) => name)];
  }

  async #serveAlone(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { settings, emit } = this.#options;
    try {
      checkHostAndOrigin(request, { host: HOST, allowedHosts: [], allowedOrigins: settings.allowedOrigins });
      await this.#answer((request.url ?? '').split(/[?#]/, 1)[0]!, request, response);
    } catch (thrown) {
      const error = asSwitchboardError(thrown);
      if (error !== thrown) emit({ type: 'failed', where: 'admin', error });
      else emit({ type: 'connection.refused', code: error.code, detail: error.message, address: HOST });
      sendError(response, error);
    }
  }

  /** Answers another node, of this one alone. Who asks has shown the key of the cluster. Rejects with what is to be said. */
  answerNode(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    return this.api.answer(path.slice(BASE.length), request, response, NODE, false);
  }

  async #answer(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.gate.check(request, response);
    if ((await this.#options.pass?.(request, response)) === true) return;
    await this.answerPassed(path, request, response);
  }

  /** Answers what another process of this machine has passed on, which has checked the token. Rejects with what is to be said. */
  async answerPassed(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.api.answer(path.slice(BASE.length), request, response, PROGRAM);
  }
}

const isAdminPath = (path: string): boolean => path === BASE || path.startsWith(`${BASE}/`);
