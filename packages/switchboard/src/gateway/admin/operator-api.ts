/** Answers what operators ask, by the table of routes: below `/admin` for programs, below `/console/api` for the console. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';

import type { Emit } from '../../observe/events.ts';
import { SwitchboardError, asSwitchboardError } from '../../protocol/errors.ts';
import { readBody, requireJson } from '../../transports/http/body.ts';
import type { Node } from '../../peers/nodes.ts';
import { cut } from '../../util/cut.ts';
import { checkMay } from './operator.ts';
import type { Operator } from './operator.ts';
import { ROUTES } from './routes.ts';
import type { AdminContext, Route } from './route.ts';
import { UNANSWERED_HEADER, spread } from './spread.ts';

export interface OperatorApiOptions {
  context: AdminContext;
  emit: Emit;
}

/** A request whose route was found. */
interface Asked {
  route: Route;
  name: string;
  path: string;
  request: IncomingMessage;
  response: ServerResponse;
  operator: Operator;
  isForAll: boolean;
  /** What the audit log has of it. */
  subject: string;
}

/** How much of what an operator wrote stands in an event. */
const MAX_SUBJECT = 200;

export class OperatorApi {
  readonly #options: OperatorApiOptions;

  constructor(options: OperatorApiOptions) {
    this.#options = options;
  }

  /**
   * @param path what follows the place of the API, as `/sessions/abc`.
   * @param isForAll whether the other nodes of a cluster are asked too, where the route is for all of them. @default true
   * @throws {SwitchboardError} `SWB_NOT_FOUND`, `SWB_METHOD_NOT_ALLOWED`, `SWB_REFUSED`, `SWB_INVALID_PARAMS`, and what the route refuses with.
   */
  async answer(
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    operator: Operator,
    isForAll = true,
  ): Promise<void> {
    const found = ROUTES.flatMap((route) => {
      const name = matched(route, path);
      return name === undefined ? [] : [{ route, name }];
    });
    if (found.length === 0) {
      const detail = `${JSON.stringify(path)}; /admin/openapi.json lists the routes`;
      throw new SwitchboardError('SWB_NOT_FOUND', { detail });
    }
    const chosen = found.find(({ route }) => route.method === request.method);
    if (chosen === undefined) {
      const allow = found.map(({ route }) => route.method).join(', ');
      response.setHeader('allow', allow);
      throw new SwitchboardError('SWB_METHOD_NOT_ALLOWED', { detail: `${request.method}; allowed: ${allow}` });
    }
    const { route, name } = chosen;
    const asked: Asked = { route, name, path, request, response, operator, isForAll, subject: name };
    if (route.method === 'GET' && route.isAudit !== true) {
      await this.#handle(asked);
      return;
    }
    const act = (outcome: string): void =>
      this.#options.emit({
        type: 'operator.acted',
        operator: operator.name,
        action: `${route.method} ${route.path}`,
        ...(asked.subject !== '' && { subject: cut(asked.subject, MAX_SUBJECT) }),
        outcome,
      });
    try {
      checkMay(operator, route);
      await this.#handle(asked);
      act('ok');
    } catch (thrown) {
      act(asSwitchboardError(thrown).code);
      throw thrown;
    }
  }

  async #handle(asked: Asked): Promise<void> {
    const { route, name, path, request, response, operator, isForAll } = asked;
    const { search, searchParams } = new URL(request.url ?? '', 'http://x');
    const query = read('query', route.query, Object.fromEntries(searchParams));
    const body = read('body', route.body, route.body === undefined ? undefined : await this.#bodyOf(request));
    const { context } = this.#options;
    const { cluster } = context;
    const given = { name, query, body, operator, isForAll };
    if (route.subject !== undefined) asked.subject = [name, route.subject(given)].filter(Boolean).join(' ');
    const here = (): unknown => route.handle(context, given, response);
    let answer: unknown;
    if (cluster === undefined || !isForAll || route.spread === undefined) answer = await here();
    else {
      // What the operator wrote was read and checked already.
      const elsewhere = (node: Node): Promise<unknown> =>
        cluster.ask(node, route.method, path + search, route.body === undefined ? undefined : body);
      const spreadOut = await spread(route.spread, cluster, here, elsewhere);
      const { unanswered } = spreadOut;
      if (unanswered.length > 0) response.setHeader(UNANSWERED_HEADER, unanswered.map(encodeURIComponent).join(' '));
      ({ answer } = spreadOut);
    }
    if (answer === undefined) return;
    response.writeHead(route.status ?? 200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify(answer));
  }

  async #bodyOf(request: IncomingMessage): Promise<unknown> {
    const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers;
    if (length === '0' && encoding === undefined) return {};
    requireJson(request);
    const text = await readBody(request, this.#options.context.settings.maxMessageSize);
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new SwitchboardError('SWB_PARSE_ERROR', { cause });
    }
  }
}

/** @returns what stands in the place of the braces, which may be nothing; undefined when it is another path. */
function matched({ path }: Route, asked: string): string | undefined {
  const pattern = path.replaceAll('.', '\\.').replace(/\{\w+\}/, '([^/]+)');
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
