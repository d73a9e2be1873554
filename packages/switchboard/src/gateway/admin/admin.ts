/** The admin API: on the gateway's port below `/admin`, or on a port of its own. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { z } from 'zod';

import type { Emit } from '../../observe/events.ts';
import { createLog } from '../../observe/log.ts';
import { SwitchboardError, asSwitchboardError } from '../../protocol/errors.ts';
import { readBody, requireJson } from '../../transports/http/body.ts';
import { checkHostAndOrigin } from '../../transports/http/guard.ts';
import { sendError } from '../../transports/http/reply.ts';
import { adminPortOf } from '../addresses.ts';
import type { Settings } from '../settings.ts';
import { Gate } from './gate.ts';
import { ROUTES } from './routes.ts';
import type { AdminContext, Route } from './route.ts';
import { UNANSWERED_HEADER, spread } from './spread.ts';
import type { Node } from '../../peers/nodes.ts';
import type { Watchers } from './watchers.ts';
import { eventWatchers } from './event-watchers.ts';
import type { LiveEvent } from './event-watchers.ts';
import { RecentLog } from './recent-log.ts';

export interface AdminOptions extends Omit<AdminContext, 'watchers' | 'recentLog'> {
  settings: Settings;
  emit: Emit;
}

const HOST = '127.0.0.1';
const BASE = '/admin';
const MAX_SOCKETS = 64;
const READ_TIMEOUT_MS = 15_000;

export class Admin {
  readonly gate: Gate;
  readonly #watchers: Watchers<LiveEvent> = eventWatchers();
  readonly #recentLog: RecentLog = new RecentLog();
  readonly #log: ReturnType<typeof createLog>;
  readonly #options: AdminOptions;
  readonly #context: AdminContext;
  #server: Server | undefined;

  constructor(options: AdminOptions) {
    this.#options = options;
    this.#context = { ...options, watchers: this.#watchers, recentLog: this.#recentLog };
    this.#log = createLog({ level: options.settings.logLevel, write: this.#recentLog.add });
    this.gate = new Gate(options.settings.adminToken);
  }

  /** @returns its own port, where it has one. @throws {SwitchboardError} `SWB_PORT_IN_USE` */
  async listen(): Promise<number | undefined> {
    const port = adminPortOf(this.#options.settings);
    if (typeof port !== 'number') return undefined;
    const server = createServer({ headersTimeout: READ_TIMEOUT_MS, requestTimeout: READ_TIMEOUT_MS });
    server.maxConnections = MAX_SOCKETS;
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
    this.#watchers.onItem(event);
    this.#log(event);
  };

  close(): void {
    this.#watchers.close();
    this.#recentLog.close();
    this.#server?.close();
    this.#server?.closeAllConnections();
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
    return this.#answer(path, request, response, false);
  }

  async #answer(path: string, request: IncomingMessage, response: ServerResponse, isOperator = true): Promise<void> {
    if (isOperator) this.gate.check(request, response);
    const found = ROUTES.flatMap((route) => {
      const name = matched(route, path);
      return name === undefined ? [] : [{ route, name }];
    });
    if (found.length === 0) {
      const detail = `${JSON.stringify(path)}; ${BASE}/openapi.json lists the routes`;
      throw new SwitchboardError('SWB_NOT_FOUND', { detail });
    }
    const chosen = found.find(({ route }) => route.method === request.method);
    if (chosen === undefined) {
      const allow = found.map(({ route }) => route.method).join(', ');
      response.setHeader('allow', allow);
      throw new SwitchboardError('SWB_METHOD_NOT_ALLOWED', { detail: `${request.method}; allowed: ${allow}` });
    }
    const { route, name } = chosen;
    const query = read('query', route.query, Object.fromEntries(new URL(request.url ?? '', 'http://x').searchParams));
    const body = read('body', route.body, route.body === undefined ? undefined : await this.#bodyOf(request));
    const answer = await this.#handle(route, { name, query, body }, request, response, isOperator);
    if (answer === undefined) return;
    response.writeHead(route.status ?? 200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify(answer));
  }

  /** @param isForAll whether the other nodes are asked too, where the route is for all of them. */
  async #handle(
    route: Route,
    given: Parameters<Route['handle']>[1],
    request: IncomingMessage,
    response: ServerResponse,
    isForAll: boolean,
  ): Promise<unknown> {
    const { cluster } = this.#options;
    const here = (): unknown => route.handle(this.#context, given, response);
    if (cluster === undefined || !isForAll || route.spread === undefined) return here();
    // What the operator wrote was read and checked already.
    const path = (request.url ?? '').slice(BASE.length);
    const elsewhere = (node: Node): Promise<unknown> =>
      cluster.ask(node, route.method, path, route.body === undefined ? undefined : given.body);
    const { answer, unanswered } = await spread(route.spread, cluster, here, elsewhere);
    if (unanswered.length > 0) response.setHeader(UNANSWERED_HEADER, unanswered.map(encodeURIComponent).join(' '));
    return answer;
  }

  async #bodyOf(request: IncomingMessage): Promise<unknown> {
    const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers;
    if (length === '0' && encoding === undefined) return {};
    requireJson(request);
    const text = await readBody(request, this.#options.settings.maxMessageSize);
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new SwitchboardError('SWB_PARSE_ERROR', { cause });
    }
  }
}

const isAdminPath = (path: string): boolean => path === BASE || path.startsWith(`${BASE}/`);

/** @returns what stands in the place of the braces, which may be nothing; undefined when it is another path. */
function matched({ path }: Route, asked: string): string | undefined {
  const pattern = `${BASE}${path}`.replaceAll('.', '\\.').replace(/\{\w+\}/, '([^/]+)');
  const found = new RegExp(`^${pattern}$`).exec(asked);
  if (found === null) return undefined;
  try {
    return decodeURIComponent(found[1] ?? '');
  } catch {
    return undefined;
  }
}

/** @throws {SwitchboardError} `SWB_INVALID_PARAMS` with every problem. */
function read(what: string, type: z.ZodType | undefined, value: unknown): unknown {
  if (type === undefined) return undefined;
  const parsed = type.safeParse(value);
  if (parsed.success) return parsed.data;
  const detail = parsed.error.issues.map(({ path, message }) => `${[what, ...path].join('.')}: ${message}`).join('; ');
  throw new SwitchboardError('SWB_INVALID_PARAMS', { detail });
}
