/**
 * A member that speaks the modern era: every request carries who asks, and the server sends nothing that belongs to no request.
 * That makes one member safe for everybody; the only thing without an address is a log message, see `#log`.
 */
import { randomUUID } from 'node:crypto';

import type { Envelope } from '../protocol/envelope.ts';
import { LATEST_MODERN, META, metaOf } from '../protocol/eras.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { isObject, notification, textOf } from '../protocol/jsonrpc.ts';
import type { JsonObject, RpcId, RpcNotification } from '../protocol/jsonrpc.ts';
import { addEnvelope, capabilitiesOf, crossing, legacyQuestion, legacyResult } from '../protocol/translate.ts';
import type { Caller, Exchange, Outcome, Question, Scope } from '../router/exchange.ts';
import { SharedSubscription } from './shared-subscription.ts';
import { LiveMember } from './live-member.ts';
import type { LiveMemberOptions } from './live-member.ts';
import { missingCapability } from './questions.ts';
import type { Stickiness } from './stickiness.ts';
import type { Tasks } from './tasks.ts';

const LISTEN = 'subscriptions/listen';
/** Of {@link ModernMember}: more than one client. */
const SEVERAL = Symbol('several');
/** A session that is opened does not wait longer for it; what the server said at its start will do. */
const DISCOVER_TIMEOUT_MS = 5000;
const HEADER_MISMATCH = -32020;
/** How often a server may ask in one call before it is taken for one that never ends. */
const MAX_ROUNDS = 10;
/** A server that asks for nothing but to be asked again is given a moment. */
const EMPTY_ROUND_MS = 250;

export interface ModernMemberOptions extends LiveMemberOptions {
  /** How Switchboard names itself where it asks for several clients. */
  clientInfo: JsonObject;
  /** The number of its replica in the slot. */
  replica: number;
  /** What binds requests to one of several replicas. */
  stickiness?: Stickiness;
  /** Where several principals share it. */
  tasks?: Tasks;
}

export class ModernMember extends LiveMember {
  readonly era = 'modern';
  readonly version: string = LATEST_MODERN;
  readonly #subscription: SharedSubscription;
  readonly #replica: number;
  readonly #stickiness: Stickiness | undefined;
  readonly #tasks: Tasks | undefined;
  /** Whose requests it has served, if all were of one client; after another's it is `several`. */
  #served: string | typeof SEVERAL | undefined;
  /** The envelope of what Switchboard asks for itself. */
  readonly #envelope: JsonObject;

  constructor(options: ModernMemberOptions) {
    super(options);
    const { peer, handshakeResult, audience, clientInfo, replica, stickiness, tasks } = options;
    this.#replica = replica;
    this.#stickiness = stickiness;
    this.#tasks = tasks;
    this.#envelope = addEnvelope(undefined, { version: this.version, capabilities: {}, clientInfo });
    this.#subscription = new SharedSubscription({
      peer,
      capabilities: capabilitiesOf(handshakeResult),
      meta: metaOf(this.#envelope) ?? {},
      watched: () => audience.watched,
      deliver: (note) => this.#deliver(note),
    });
    peer.channel.setParamHeaders?.((tool) => this.tools.of(tool));
    this.attach({
      // A modern server asks nothing; whatever this is, nobody is there for it (MCP 2026-07-28, Transports).
      onRequest: () => {},
      onNotification: (note, about) => this.#note(note, about),
    });
  }

  override open(exchange: Exchange): void {
    const { scope, params, method } = exchange;
    this.#served = this.#served === undefined || this.#served === clientOf(scope) ? clientOf(scope) : SEVERAL;
    const refusal = this.#refusal(exchange);
    if (refusal !== undefined) exchange.settle({ error: refusal.toRpc() });
    else if (method === 'tools/call' && this.peer.channel.setParamHeaders !== undefined && !this.tools.isLoaded) {
      // Over HTTP a call repeats some of its arguments in headers: the tool's schema must be known before it is sent.
      exchange.run(() => this.tools.load().then(() => exchange.settled || this.open(exchange)));
    } else if (scope.era === 'modern') {
      this.#openModern(exchange, true);
    } else if (method === 'logging/setLevel') {
      // The session keeps the level, and every request of it carries it.
      exchange.settle({ result: {} });
    } else if (method === 'resources/subscribe' || method === 'resources/unsubscribe') {
      exchange.run(() => this.#changeSubscription(exchange));
    } else {
      this.#call(exchange, params, 0);
    }
  }

  /** A server that finds headers missing has changed the schema that they come from: it is read again, and the call made again. */
  #openModern(exchange: Exchange, mayRepeat: boolean): void {
    const [replica, stickiness, tasks] = [this.#replica, this.#stickiness, this.#tasks];
    if (this.peer.channel.setParamHeaders === undefined && tasks === undefined) {
      this.peer.open(exchange, exchange.params);
      return;
    }
    const own = this.#ownOf(exchange);
    const params =
      tasks !== undefined && exchange.method === LISTEN ? tasks.narrowed({ params: own, scope: exchange.scope }) : own;
    this.peer.open(exchange, params, (outcome) => {
      if (!('error' in outcome) || outcome.error.code !== HEADER_MISMATCH || !mayRepeat) {
        if (!exchange.method.startsWith('tasks/')) tasks?.learn(exchange, outcome);
        exchange.settle(stickiness === undefined ? outcome : stickiness.sealed(outcome, replica));
        return;
      }
      this.tools.forget();
      exchange.run(() => this.tools.load().then(() => exchange.settled || this.#openModern(exchange, false)));
    });
  }

  /** A request about a task that is not the caller's. A legacy caller has none, as none could be told of one. */
  #refusal(exchange: Exchange): SwitchboardError | undefined {
    const { method, scope } = exchange;
    if (this.#tasks === undefined || !method.startsWith('tasks/')) return undefined;
    if (scope.era === 'legacy') return new SwitchboardError('SWB_METHOD_NOT_FOUND', { detail: method });
    return this.#tasks.refusal(exchange, this.#ownOf(exchange));
  }

  /** The params of an exchange as the server's own. */
  #ownOf({ params }: Exchange): JsonObject | undefined {
    return this.#stickiness === undefined ? params : this.#stickiness.unsealed(params, this.#replica);
  }

  override notify(_note: RpcNotification): void {
    // A session's notifications (`initialized`, `roots/list_changed`) have no counterpart in the modern era.
  }

  override async restore(): Promise<void> {
    if (this.audience.callers.size > 0) await this.#subscription.restore();
    for (const uri of this.audience.watched) this.#deliver(notification('notifications/resources/updated', { uri }));
    this.announceLists();
  }

  override join(_caller: Caller): void {
    if (!this.#subscription.started) this.#subscription.update();
  }

  override leave(caller: Caller): void {
    let released = false;
    this.audience.leave(caller, () => (released = true));
    if (released) this.#subscription.update();
  }

  protected override async ping(timeoutMs: number): Promise<void> {
    await this.peer.call('server/discover', this.#envelope, timeoutMs);
  }

  override retire(): void {
    super.retire();
    this.#subscription.close();
    for (const exchange of this.peer.exchanges) {
      if (exchange.method !== 'subscriptions/listen') continue;
      this.peer.cancel(exchange, 'the server is replaced');
      // Who listens is to listen again, and then hears the successor.
      exchange.settle({ result: { resultType: 'complete', _meta: { [META.subscriptionId]: '' } } });
    }
  }

  /**
   * A server of which several clients share a member may tell each something else, so each session has it asked for itself; where
   * one has the member for itself, the handshake was done in that client's name.
   */
  override async handshakeResultFor(scope: Scope): Promise<JsonObject> {
    if (this.audience.exclusive || scope.era === 'modern') return this.handshakeResult;
    const params = addEnvelope(undefined, this.#envelopeOf(scope));
    const outcome = await this.peer.call('server/discover', params, DISCOVER_TIMEOUT_MS);
    return 'result' in outcome && isObject(outcome.result['capabilities']) ? outcome.result : this.handshakeResult;
  }

  protected override ownParams(params: JsonObject | undefined): JsonObject {
    return { ...params, ...this.#envelope };
  }

  /** Whom a legacy session's requests come from. */
  #envelopeOf(scope: Scope): Envelope {
    const { capabilities, clientInfo, logLevel } = scope;
    return {
      version: this.version,
      capabilities: crossing(capabilities),
      ...(clientInfo !== undefined && { clientInfo }),
      ...(logLevel !== undefined && { logLevel }),
    };
  }

  /** Makes a legacy session's call. The server's questions become requests to the client, and their answers the next round. */
  #call(exchange: Exchange, params: JsonObject | undefined, round: number): void {
    const { scope, method } = exchange;
    const sent = addEnvelope(params, this.#envelopeOf(scope));
    this.peer.open(exchange, sent, (outcome) => {
      if ('error' in outcome) exchange.settle({ error: legacyError(outcome.error) });
      else if ((outcome.result['resultType'] ?? 'complete') === 'complete') {
        exchange.settle({ result: legacyResult(method, outcome.result) });
      } else if (outcome.result['resultType'] === 'input_required' && round < MAX_ROUNDS) {
        const { result } = outcome;
        exchange.run(() => this.#answerThenCall(exchange, params, result, round + 1));
      } else {
        const type = JSON.stringify(outcome.result['resultType']);
        exchange.settle(
          failed(method, `the server answered with resultType ${type}${round > 0 ? ` in round ${round}` : ''}`),
        );
      }
    });
  }

  async #answerThenCall(
    exchange: Exchange,
    params: JsonObject | undefined,
    asked: JsonObject,
    round: number,
  ): Promise<void> {
    const { method, scope } = exchange;
    const requests = isObject(asked['inputRequests']) ? Object.entries(asked['inputRequests']) : [];
    const questions = requests.map(([key, request]) => [key, request as Question] as const);
    const missing = questions.map(([, question]) => missingCapability(question, scope.capabilities)).find(Boolean);
    if (missing !== undefined) {
      exchange.settle(failed(method, `the server asks for something that the client does not declare: ${missing}`));
      return;
    }
    const withdrawn = new AbortController();
    exchange.onEnd(() => withdrawn.abort());
    if (questions.length === 0) await new Promise((resolve) => setTimeout(resolve, EMPTY_ROUND_MS).unref());
    const answers = await Promise.all(
      questions.map(async ([key, question]) => {
        const legacy = legacyQuestion(question, scope.version, randomUUID);
        return [key, question.method, await exchange.ask(legacy, withdrawn.signal)] as const;
      }),
    );
    if (exchange.settled) return;
    const responses: [string, JsonObject][] = [];
    for (const [key, kind, answer] of answers) {
      if ('result' in answer) responses.push([key, answer.result]);
      // An answer has no form for an error: a person who cannot be asked has cancelled, anything else ends the call.
      else if (kind === 'elicitation/create') responses.push([key, { action: 'cancel' }]);
      else {
        exchange.settle(failed(method, `${kind} was refused by the client: ${answer.error.message}`));
        return;
      }
    }
    const { requestState } = asked;
    const next = {
      ...params,
      ...(questions.length > 0 && { inputResponses: Object.fromEntries(responses) }),
      ...(requestState !== undefined && { requestState }),
    };
    this.#call(exchange, next, round);
  }

  async #changeSubscription(exchange: Exchange): Promise<void> {
    const { method, params, scope } = exchange;
    const caller = [...this.audience.callers].find((each) => each.scope === scope);
    const uri = params?.['uri'];
    if (caller === undefined || typeof uri !== 'string') {
      const detail = `uri is ${JSON.stringify(uri) ?? 'missing'}, expected a string`;
      exchange.settle({ error: new SwitchboardError('SWB_INVALID_PARAMS', { detail }).toRpc() });
    } else if (method === 'resources/subscribe') {
      exchange.settle(await this.audience.watch(caller, uri, () => this.#subscription.watch(uri)));
    } else {
      const send = (): Promise<Outcome> => {
        this.#subscription.update();
        return Promise.resolve({ result: {} });
      };
      exchange.settle(await this.audience.unwatch(caller, uri, send));
    }
  }

  /** A change goes to the sessions: of a list to all, of a resource to those that watch it. */
  #deliver(note: RpcNotification): void {
    if (note.method === 'notifications/tools/list_changed') this.tools.forget();
    const isUpdate = note.method === 'notifications/resources/updated';
    const callers = isUpdate ? this.audience.watchers(textOf(note.params?.['uri'])) : this.audience.callers;
    for (const caller of callers) caller.notify(note);
  }

  #note(note: RpcNotification, about: RpcId | undefined): void {
    const { method, params } = note;
    if (method === 'notifications/message') {
      this.#log(note, about);
    } else if (method === 'notifications/cancelled') {
      // The server ends a listen.
      this.peer.byId(params?.['requestId'])?.settle({ result: { resultType: 'complete' } });
    } else {
      const own = this.#stickiness?.sealedNote(note, this.#replica) ?? note;
      this.peer.byId(numberOf(metaOf(params)?.[META.subscriptionId]))?.notify?.(own);
    }
  }

  /**
   * A log message names no request. Over HTTP it comes on the answer of one, and the SDK says of which a server in this process speaks. On
   * a channel that all requests share (stdio, WebSocket) it belongs to somebody for certain only if one client alone was ever served here;
   * that only one asked for logs says nothing, as it may be about the request of another who did not, or about one that was answered
   * before. What cannot be attributed is not delivered.
   */
  #log(note: RpcNotification, about: RpcId | undefined): void {
    if (about !== undefined) {
      // It may come after the answer, or on a request of Switchboard's own.
      const named = this.peer.exchangeOf(about);
      if (named?.scope.logLevel !== undefined) named.notify(note);
      return;
    }
    if (this.#served === SEVERAL && !this.audience.exclusive) return;
    const { exchanges } = this.peer;
    const [only, ...others] = exchanges.filter(({ scope }) => scope.logLevel !== undefined);
    if (only === undefined || others.length > 0) return;
    // Where nothing but an address is known, the others that are open may be a stranger's.
    if (clientOf(only.scope) === SEVERAL && exchanges.length > 1) return;
    only.notify(note);
  }
}

/** The id of a listen, which a server may repeat as text. */
const numberOf = (id: unknown): unknown => (typeof id === 'string' ? Number(id) : id);

/** Who is behind a request, as far as it is certain: behind an address there may be several. */
const clientOf = ({ account, affinity, loose, principal }: Scope): string | typeof SEVERAL =>
  loose === true && principal === 'anonymous' ? SEVERAL : (account ?? affinity);

/** A call that could not be made: a tool says so in its result, where the model reads it. */
function failed(method: string, detail: string): Outcome {
  if (method === 'tools/call') return { result: { content: [{ type: 'text', text: detail }], isError: true } };
  return { error: new SwitchboardError('SWB_INTERNAL', { detail }).toRpc() };
}

/** The codes of the modern era's own hop mean nothing to a legacy client. */
function legacyError(error: { code: number; message: string; data?: unknown }): typeof error {
  return error.code <= -32020 && error.code >= -32022 ? { ...error, code: -32603 } : error;
}
