/**
 * Clients without MCP: `GET /rest/<upstream>/tools` lists the tools of an upstream, `POST /rest/<upstream>/tools/<name>` calls one.
 * Each HTTP request is a modern request of the router: it stands alone, hanging up cancels it, and it cannot be asked anything.
 */
import type { IncomingMessage } from 'node:http';

import { INTERACTIVE, LATEST_MODERN, metaOf } from '../protocol/eras.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import { boundsExceeded } from '../protocol/json-bounds.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject, RpcError, RpcRequest } from '../protocol/jsonrpc.ts';
import { addEnvelope } from '../protocol/translate.ts';
import type { Outcome } from '../router/exchange.ts';
import { readBody, requireJson } from '../transports/http/body.ts';
import { Reply, sendError } from '../transports/http/reply.ts';
import { omit } from '../util/omit.ts';
import { tellAllowance } from './allowance.ts';
import { Calls } from './calls.ts';
import { refusal } from './context.ts';
import type { CallerContext, Outlet } from './context.ts';
import type { Arrival } from './arrival.ts';
import { withTrace } from './http.ts';
import type { HttpLimits, HttpVisit } from './http-visit.ts';
import { admitModern } from './modern.ts';
import { answerOf, failureOf } from './rest-answer.ts';
import type { Answer } from './rest-answer.ts';
import { describeTools } from './rest-document.ts';
import type { Tool } from './rest-document.ts';

/** What a path below `/rest` names. */
export interface RestPath {
  upstream: string;
  /** Absent for the list of all tools. */
  tool?: string;
  /** Whether the OpenAPI document is asked for. */
  document: boolean;
}

export interface RestOptions {
  limits: Pick<HttpLimits, 'maxMessageBytes' | 'maxQueueBytes' | 'keepAliveMs'>;
  /** How clients can show who they are; for the document. */
  isProtected: boolean;
  /** Of Switchboard. */
  version: string;
}

/** A list of more pages than this is read no further. */
const MAX_PAGES = 100;
const PATH = /^\/rest\/([^/]+)\/(?:(openapi\.json)|tools(?:\/([^/]+))?)$/;

/** @returns undefined for paths of others. @throws {SwitchboardError} `SWB_NOT_FOUND`, `SWB_BAD_REQUEST` */
export function readRestPath(path: string): RestPath | undefined {
  if (path !== '/rest' && !path.startsWith('/rest/')) return undefined;
  const [, upstream, document, name] = PATH.exec(path) ?? [];
  if (upstream === undefined) {
    const detail = `${JSON.stringify(path)}; REST is at /rest/<upstream>/tools, /rest/<upstream>/tools/<name> and /rest/<upstream>/openapi.json`;
    throw new SwitchboardError('SWB_NOT_FOUND', { detail });
  }
  return { upstream, document: document !== undefined, ...(name !== undefined && { tool: decoded(name) }) };
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch (cause) {
    const detail = `${JSON.stringify(name)} is no percent-encoded name of a tool`;
    throw new SwitchboardError('SWB_BAD_REQUEST', { detail, cause });
  }
}

export class RestCallers {
  readonly #context: CallerContext;
  readonly #options: RestOptions;

  constructor(context: CallerContext, options: RestOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Answers one HTTP request. Never rejects. */
  async serve(visit: HttpVisit, path: RestPath): Promise<void> {
    const { request, response } = visit;
    try {
      const allowed = path.tool === undefined ? 'GET, HEAD' : 'GET, HEAD, POST';
      if (!allowed.split(', ').includes(request.method ?? '')) {
        response.setHeader('allow', allowed);
        throw new SwitchboardError('SWB_METHOD_NOT_ALLOWED', { detail: `${request.method}; allowed: ${allowed}` });
      }
      if (path.tool !== undefined && request.method === 'POST') await this.#call(visit, path.tool);
      else await this.#describe(visit, path);
    } catch (thrown) {
      const error = asSwitchboardError(thrown);
      if (error !== thrown) this.#context.emit({ type: 'failed', where: 'rest', error });
      this.#context.emit(refusal(error, { ...visit, transport: 'http' }));
      sendError(response, error);
    }
  }

  async #call(visit: HttpVisit, name: string): Promise<void> {
    const { request, response, identity } = visit;
    requireJson(request);
    const { maxMessageBytes, maxQueueBytes, keepAliveMs } = this.#options.limits;
    const most = Math.min(maxMessageBytes, this.#context.maxMessageBytes(identity));
    const args = readArguments(await readBody(request, most));
    const takesStream = /(^|[\s,])text\/event-stream/i.test(request.headers.accept ?? '');
    const conversation = this.#open(visit, 'tools/call', { name, arguments: args }, takesStream);
    const reply = new Reply(response, { maxQueueBytes, keepAliveMs, takesStream }, () =>
      conversation.cancel('the client hung up'),
    );
    try {
      const outcome = await conversation.ask((event, body) => reply.pushText(JSON.stringify(body), undefined, event));
      const { status, body } = answerOf(outcome);
      reply.finishText(JSON.stringify(body), status, status === 200 ? 'result' : 'error');
    } catch (error) {
      reply.abandon();
      throw error;
    }
  }

  async #describe(visit: HttpVisit, { upstream, tool: wanted, document }: RestPath): Promise<void> {
    const { response } = visit;
    const { maxQueueBytes, keepAliveMs } = this.#options.limits;
    const conversation = this.#open(visit, 'tools/list', {}, false);
    const reply = new Reply(response, { maxQueueBytes, keepAliveMs, takesStream: false }, () =>
      conversation.cancel('the client hung up'),
    );
    const answer = ({ status, body }: Answer): void => reply.finishText(JSON.stringify(body), status, 'result');
    try {
      const listed = await listAll(conversation);
      if ('error' in listed) {
        answer(failureOf(listed.error));
        return;
      }
      const { tools } = listed;
      const tool = tools.find(({ name }) => name === wanted);
      if (wanted !== undefined && tool === undefined) {
        const detail = `${JSON.stringify(wanted)}; GET /rest/${upstream}/tools lists the tools`;
        answer(failureOf(new SwitchboardError('SWB_UNKNOWN_NAME', { detail }).toRpc()));
        return;
      }
      const { isProtected, version } = this.#options;
      const about = { upstream, isProtected, version };
      answer({ status: 200, body: document ? describeTools(tools, about) : (tool ?? { tools }) });
    } catch (error) {
      reply.abandon();
      throw error;
    }
  }

  /** Admits the HTTP request, and keeps what serves it until it is answered; its parts are not counted by themselves. */
  #open(visit: HttpVisit, method: string, params: JsonObject, wantsProgress: boolean): Conversation {
    const { request, response, address } = visit;
    const arrival: Arrival = { ...visit, id: address, loose: true, transport: 'http' };
    tellAllowance(response, this.#context, arrival);
    const calls = new Calls(this.#context);
    const message = requestOf(request, method, params, this.#options.version, wantsProgress);
    const { scope, slot, release } = admitModern(message, arrival, this.#context, calls);
    const letGo = slot.retain(INTERACTIVE.has(method));
    const end = (): void => {
      letGo();
      release();
    };
    response.once('close', end);
    if (response.destroyed) end();
    let id = 0;
    return {
      cancel: (reason) => calls.cancelAll(reason),
      ask: (notify, more) =>
        new Promise((resolve) => {
          const outlet: Outlet = {
            send(out) {
              if (!('method' in out)) resolve(out);
              else if (out.method === 'notifications/progress')
                notify('progress', omit(out.params ?? {}, 'progressToken'));
              else notify('notification', { method: out.method, params: out.params ?? {} });
            },
          };
          id++;
          calls.open(
            { ...message, id, params: { ...message.params, ...more } },
            { scope, slot, outlet, release: () => {} },
          );
        }),
    };
  }
}

/** The exchanges of one HTTP request, one after the other. */
interface Conversation {
  /** @param more params over those of the first. Rejects when the exchange cannot be opened; stays open for ever once cancelled. */
  ask(notify: (event: string, body: JsonObject) => void, more?: JsonObject): Promise<Outcome>;
  cancel(reason: string): void;
}

/** All pages of the list. Entries without a name are left out: nobody could call them. */
async function listAll(conversation: Conversation): Promise<{ tools: Tool[] } | { error: RpcError }> {
  const tools: Tool[] = [];
  const seen = new Set<string>();
  let more: JsonObject = {};
  for (let page = 0; page < MAX_PAGES; page++) {
    const outcome = await conversation.ask(() => {}, more);
    if ('error' in outcome) return outcome;
    const { tools: listed, nextCursor } = outcome.result;
    for (const tool of Array.isArray(listed) ? (listed as unknown[]) : []) {
      if (isObject(tool) && typeof tool['name'] === 'string') tools.push(tool as Tool);
    }
    if (typeof nextCursor !== 'string' || seen.has(nextCursor)) break;
    seen.add(nextCursor);
    more = { cursor: nextCursor };
  }
  return { tools };
}

/** The body as a tool's arguments; none is no arguments. @throws {SwitchboardError} `SWB_INVALID_PARAMS`, `SWB_PARSE_ERROR` */
function readArguments(text: string): JsonObject {
  if (text.trim() === '') return {};
  const exceeded = boundsExceeded(text);
  if (exceeded !== undefined) throw new SwitchboardError('SWB_PARSE_ERROR', { detail: exceeded });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SwitchboardError('SWB_PARSE_ERROR', { detail: (cause as Error).message, cause });
  }
  if (isObject(value)) return value;
  const detail = 'the body must be a JSON object with the arguments of the tool, such as {"text": "hello"}';
  throw new SwitchboardError('SWB_INVALID_PARAMS', { detail });
}

function requestOf(
  request: IncomingMessage,
  method: string,
  params: JsonObject,
  version: string,
  wantsProgress: boolean,
): RpcRequest {
  const clientInfo = { name: 'switchboard-rest', version };
  const enveloped = addEnvelope(params, { version: LATEST_MODERN, capabilities: {}, clientInfo });
  const meta = { ...metaOf(enveloped), ...(wantsProgress && { progressToken: 1 }) };
  return withTrace({ jsonrpc: '2.0', id: 0, method, params: { ...enveloped, _meta: meta } }, request);
}
