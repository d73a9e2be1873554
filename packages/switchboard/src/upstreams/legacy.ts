/**
 * A member that speaks the legacy era: it was initialized once, it may ask its client questions at any time, and what it says
 * to the session names no request. So a question or a log message reaches a client only where one client has the member for
 * itself; what cannot be attributed is not delivered.
 */
import { INTERACTIVE } from '../protocol/eras.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { failure, isObject, notification, result, textOf } from '../protocol/jsonrpc.ts';
import type { JsonObject, RpcError, RpcId, RpcNotification, RpcRequest } from '../protocol/jsonrpc.ts';
import {
  capabilitiesOf,
  completeResult,
  discoverFromInitialize,
  modernError,
  modernQuestion,
  stripEnvelope,
} from '../protocol/translate.ts';
import type { Caller, Exchange, Outcome, Question, Slot } from '../router/exchange.ts';
import { omit } from '../util/omit.ts';
import { LiveMember } from './live-member.ts';
import type { LiveMemberOptions } from './live-member.ts';
import { SubscriptionCaller, urisOf } from './subscription-caller.ts';
import { missingCapability } from './questions.ts';

/** Methods whose meaning is bound to one session; a member that several share must not be given them. */
const SESSION_METHODS = /^(logging\/setLevel$|tasks\/)/;
const CALL_TIMEOUT_MS = 30_000;
/** The error with which a legacy server asks for a visit to a web page before the call is made again. */
const URL_ELICITATION_REQUIRED = -32042;
/** From the least to the most severe (RFC 5424). */
const LOG_LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

export interface LegacyMemberOptions extends LiveMemberOptions {
  slot: Slot;
}

export class LegacyMember extends LiveMember {
  readonly era = 'legacy';
  readonly version: string;
  readonly #slot: Slot;
  readonly #questions: Map<RpcId, AbortController> = new Map();
  /** The level that the server was told on behalf of modern requests. */
  #logLevel: string | undefined;

  constructor(options: LegacyMemberOptions) {
    super(options);
    this.#slot = options.slot;
    this.version = textOf(this.handshakeResult['protocolVersion']);
    this.peer.channel.setProtocolVersion?.(this.version);
    this.attach({
      onRequest: (request) => this.#answer(request),
      onNotification: (note, about) => this.#note(note, about),
      onGone: () => {
        for (const question of this.#questions.values()) question.abort();
      },
    });
  }

  override open(exchange: Exchange): void {
    if (exchange.scope.era === 'modern') this.#openModern(exchange);
    else this.#openLegacy(exchange);
  }

  override handshakeResultFor(): JsonObject {
    return this.handshakeResult;
  }

  override notify(note: RpcNotification): void {
    this.peer.send(note);
  }

  override async restore(): Promise<void> {
    const restoreOne = async (uri: string): Promise<void> => {
      // A resource that is gone is no reason to fail: its watchers just hear nothing.
      await this.peer.call('resources/subscribe', { uri }, CALL_TIMEOUT_MS);
      for (const caller of this.audience.watchers(uri)) {
        caller.notify(notification('notifications/resources/updated', { uri }));
      }
    };
    await Promise.all([...this.audience.watched].map(restoreOne));
    this.announceLists();
  }

  override join(_caller: Caller): void {
    // A legacy server tells its sessions everything without being asked.
  }

  override leave(caller: Caller): void {
    this.audience.leave(caller, (uri) => {
      this.peer.own('unsubscribe', () => this.peer.call('resources/unsubscribe', { uri }, CALL_TIMEOUT_MS));
    });
  }

  protected override async ping(timeoutMs: number): Promise<void> {
    await this.peer.call('ping', undefined, timeoutMs);
  }

  #openLegacy(exchange: Exchange): void {
    const { method, params } = exchange;
    if (!this.audience.exclusive && method === 'logging/setLevel') {
      // The capability was not declared. Who asks all the same is not refused: no message could be attributed to it anyway.
      exchange.settle({ result: {} });
    } else if (!this.audience.exclusive && SESSION_METHODS.test(method)) {
      const detail = `${method} needs a session of its own, and this upstream is shared; serve it with isolation "session"`;
      exchange.settle({ error: new SwitchboardError('SWB_METHOD_NOT_FOUND', { detail }).toRpc() });
    } else if (method === 'resources/subscribe' || method === 'resources/unsubscribe') {
      exchange.run(() => this.#changeSubscription(exchange, params));
    } else {
      this.peer.open(exchange, params);
    }
  }

  #openModern(exchange: Exchange): void {
    const { method, params } = exchange;
    if (method === 'server/discover') {
      exchange.settle({ result: discoverFromInitialize(this.handshakeResult, this.audience.exclusive) });
    } else if (method === 'subscriptions/listen') {
      exchange.run(() => this.#listen(exchange));
    } else if (SESSION_METHODS.test(method)) {
      exchange.settle({ error: new SwitchboardError('SWB_METHOD_NOT_FOUND', { detail: method }).toRpc() });
    } else if (params?.['requestState'] !== undefined) {
      // A handle of ours would have been taken up by the router: the call that this belonged to is no more.
      const detail = 'requestState is unknown here; send the request again';
      exchange.settle({ error: new SwitchboardError('SWB_INVALID_PARAMS', { detail }).toRpc() });
    } else {
      this.#raiseLogLevel(exchange.scope.logLevel);
      this.#call(exchange);
    }
  }

  #call(exchange: Exchange): void {
    const { method } = exchange;
    const serverInfo = this.handshakeResult['serverInfo'] as JsonObject | undefined;
    const settle = (outcome: Outcome): void => {
      if ('result' in outcome) exchange.settle({ result: completeResult(method, outcome.result, serverInfo) });
      else if (outcome.error.code === URL_ELICITATION_REQUIRED) {
        const { error } = outcome;
        exchange.run(() => this.#visitThenCall(exchange, error));
      } else exchange.settle({ error: modernError(outcome.error) });
    };
    // Answers without a state belong to no question that was asked.
    const params = stripEnvelope(exchange.params);
    this.peer.open(exchange, params && omit(params, 'inputResponses'), settle);
  }

  /** The client is sent to the pages that the server named; then the call is made once more. */
  async #visitThenCall(exchange: Exchange, error: RpcError): Promise<void> {
    const data = isObject(error.data) ? error.data : {};
    const pages = Array.isArray(data['elicitations']) ? data['elicitations'].filter(isPage) : [];
    const questions = pages.map((params) =>
      modernQuestion({ method: 'elicitation/create', params: { mode: 'url', ...params } }),
    );
    const missing = questions.map((question) => missingCapability(question, exchange.scope.capabilities)).find(Boolean);
    if (questions.length === 0 || missing !== undefined || !INTERACTIVE.has(exchange.method)) {
      const urls = pages.map(({ url }) => url).join(' ');
      const text = `${error.message}${urls === '' ? '' : `: visit ${urls} and try again`}`;
      if (exchange.method === 'tools/call') {
        exchange.settle({ result: { content: [{ type: 'text', text }], isError: true, resultType: 'complete' } });
      } else exchange.settle({ error: { code: -32603, message: text } });
      return;
    }
    const answers = await Promise.all(questions.map((question) => exchange.ask(question)));
    const accepted = answers.every((answer) => 'result' in answer && answer.result['action'] === 'accept');
    if (exchange.settled) return;
    if (accepted) this.#call(exchange);
    else exchange.settle({ error: modernError({ ...error, code: -32603 }) });
  }

  async #listen(exchange: Exchange): Promise<void> {
    const filter = exchange.params?.['notifications'];
    if (!isObject(filter)) {
      const detail = `notifications is ${JSON.stringify(filter) ?? 'missing'}, expected an object`;
      exchange.settle({ error: new SwitchboardError('SWB_INVALID_PARAMS', { detail }).toRpc() });
      return;
    }
    const caller = new SubscriptionCaller(exchange);
    this.#slot.join(caller);
    exchange.onEnd(() => this.#slot.leave(caller));
    const uris = [...new Set(urisOf(filter))];
    const outcomes = await Promise.all(
      uris.map((uri) => {
        const send = (): Promise<Outcome> => this.peer.call('resources/subscribe', { uri }, CALL_TIMEOUT_MS);
        return this.audience.watch(caller, uri, send);
      }),
    );
    const watched = uris.filter((_, n) => 'result' in outcomes[n]!);
    caller.acknowledge(filter, capabilitiesOf(this.handshakeResult), watched);
  }

  async #changeSubscription(exchange: Exchange, params: JsonObject | undefined): Promise<void> {
    const caller = [...this.audience.callers].find((each) => each.scope === exchange.scope);
    const uri = params?.['uri'];
    if (caller === undefined || typeof uri !== 'string') {
      this.peer.open(exchange, params);
      return;
    }
    const send = (): Promise<Outcome> => this.peer.call(exchange.method, params, CALL_TIMEOUT_MS);
    const change = exchange.method === 'resources/subscribe' ? 'watch' : 'unwatch';
    exchange.settle(await this.audience[change](caller, uri, send));
  }

  #note(note: RpcNotification, about: RpcId | undefined): void {
    // Its successor says the same.
    if (this.retiring) return;
    const { method, params } = note;
    if (method === 'notifications/cancelled') {
      this.#questions.get(params?.['requestId'] as RpcId)?.abort();
    } else if (method === 'notifications/resources/updated') {
      const watchers = new Set(this.audience.watchers(textOf(params?.['uri'])));
      // A server may tell of a part of what was subscribed to (MCP 2025-11-25, Resources, "Subscriptions").
      if (watchers.size > 0) for (const caller of watchers) caller.notify(note);
      else if (this.audience.exclusive) this.#session?.notify(note);
    } else if (method === 'notifications/message') {
      this.#log(note, about);
    } else if (method === 'notifications/tools/list_changed') {
      this.tools.forget();
      this.notifyAll(note);
    } else if (method.endsWith('/list_changed') || this.audience.exclusive) {
      this.notifyAll(note);
    }
  }

  /** The legacy session that has the member for itself. */
  get #session(): Caller | undefined {
    return [...this.audience.callers].find(({ scope }) => scope.era === 'legacy');
  }

  /** Modern clients want log messages for single requests: the one that the channel names, or the only one that could be meant. */
  #log(note: RpcNotification, about: RpcId | undefined): void {
    if (!this.audience.exclusive) return;
    this.notifyAll(note);
    const { exchanges } = this.peer;
    const meant = about === undefined && exchanges.length === 1 ? exchanges[0] : this.peer.exchangeOf(about);
    const wanted = meant?.scope.era === 'modern' ? meant.scope.logLevel : undefined;
    if (meant === undefined || wanted === undefined) return;
    if (severity(note.params?.['level']) >= severity(wanted)) meant.notify(note);
  }

  /** The server is told the lowest level that any request has wanted; what a request did not want is held back here. */
  #raiseLogLevel(level: string | undefined): void {
    if (
      level === undefined ||
      !this.audience.exclusive ||
      capabilitiesOf(this.handshakeResult)['logging'] === undefined
    )
      return;
    if (this.#logLevel !== undefined && severity(this.#logLevel) <= severity(level)) return;
    this.#logLevel = level;
    this.peer.own('logging/setLevel', () => this.peer.call('logging/setLevel', { level }, CALL_TIMEOUT_MS));
  }

  async #answer({ id, method, params }: RpcRequest): Promise<void> {
    if (method === 'ping') {
      this.peer.send(result(id, {}));
      return;
    }
    const withdrawn = new AbortController();
    this.#questions.set(id, withdrawn);
    let outcome: Outcome;
    try {
      outcome = await this.#put(params === undefined ? { method } : { method, params }, withdrawn.signal);
    } finally {
      this.#questions.delete(id);
    }
    if (withdrawn.signal.aborted) return;
    this.peer.send('result' in outcome ? result(id, outcome.result) : failure(id, outcome.error));
  }

  /** Puts a question to whom it is meant for, if that is certain. */
  #put(question: Question, signal: AbortSignal): Promise<Outcome> {
    if (!this.audience.exclusive)
      return refuse(`${question.method}: several clients share this server, none can be asked`);
    const session = this.#session;
    if (session !== undefined) return session.ask(question, signal);
    // All exchanges here are of one client; which of them carries the question only decides where the person sees it.
    const open = this.peer.exchanges.filter(({ method, settled }) => INTERACTIVE.has(method) && !settled);
    const exchange = open.findLast(({ parked }) => !parked) ?? open.at(-1);
    if (exchange === undefined)
      return refuse(`${question.method}: no request is open that the client could be asked in`);
    const missing = missingCapability(question, exchange.scope.capabilities);
    if (missing !== undefined) return refuse(`${question.method}: the client does not declare ${missing}`);
    return exchange.ask(modernQuestion(question), signal);
  }
}

/** A page that a client can be sent to. */
const isPage = (page: unknown): page is JsonObject & { url: string } =>
  isObject(page) && typeof page['url'] === 'string';

const refuse = (detail: string): Promise<Outcome> =>
  Promise.resolve({ error: new SwitchboardError('SWB_METHOD_NOT_FOUND', { detail }).toRpc() });

const severity = (level: unknown): number => LOG_LEVELS.indexOf(textOf(level));
