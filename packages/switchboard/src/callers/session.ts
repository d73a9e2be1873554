/**
 * One legacy client's conversation, from `initialize` to the end, whichever transport carries it.
 *
 * It answers what is the connection's own business (`initialize`, `ping`), opens exchanges for the rest, and hears what its
 * upstream says to the session: notifications, and questions to the client.
 */
import { isLegacyVersion, LATEST_LEGACY } from '../protocol/eras.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import { failure, isNotification, isObject, isRequest, notification, result, textOf } from '../protocol/jsonrpc.ts';
import type { JsonObject, Message, RpcId, RpcNotification, RpcRequest, RpcResponse } from '../protocol/jsonrpc.ts';
import { capabilitiesOf, initializeFromDiscover } from '../protocol/translate.ts';
import { MAX_OWN_WORDS, cut } from '../util/cut.ts';
import { omit } from '../util/omit.ts';
import { owned } from '../util/owned.ts';
import type { Caller, Responder, Member, Outcome, Question, Scope, Slot } from '../router/exchange.ts';
import { accountOf, originOf } from './account.ts';
import { allowanceTeller } from './allowance.ts';
import { Calls } from './calls.ts';
import { refusal } from './context.ts';
import type { CallerContext, Outlet } from './context.ts';
import type { Arrival } from './arrival.ts';
import { asRefusal } from './hooks.ts';
import type { SessionFacts, SessionNotes } from './session-facts.ts';
import type { SpokenRecord } from './session-record.ts';
import { sessionContext } from './session-context.ts';

/**
 * The notifications of a client that MCP defines and Switchboard does not answer for; whatever else looks like one, such as a call
 * without an id, would get past the rules that hold for requests.
 */
const HANDED_ON: ReadonlySet<string> = new Set([
  'notifications/initialized',
  'notifications/progress',
  'notifications/roots/list_changed',
  'notifications/tasks/status',
]);

/** How many questions may wait for one client's answer. */
const MAX_QUESTIONS = 100;
/** What of a session a client has to look at again when its server is another one. */
const LISTS = ['tools', 'prompts', 'resources'] as const;
/** How many resources of a client are watched again when its server is another one. */
const MAX_WATCHED = 10_000;

/** What a session tells whoever carries it. */
export interface SessionKeeper {
  /** Takes what a hook wants to be kept with it. */
  notes(notes: SessionNotes): void;
  /** Something that it would be rebuilt from has changed. @default nobody is told */
  changed?(): void;
}

export class LegacySession implements Caller {
  readonly calls: Calls;
  readonly #arrival: Arrival;
  readonly #context: CallerContext;
  readonly #outlet: Outlet;
  readonly #facts: () => SessionFacts;
  readonly #keeper: SessionKeeper;
  /** The resources that the client watches. */
  readonly #watched: Set<string> = new Set();
  readonly #questions: Map<RpcId, (outcome: Outcome) => void> = new Map();
  /** What came while `initialize` was under way. */
  readonly #early: Message[] = [];
  readonly #ask: NonNullable<Responder['ask']> = (question, signal, about) => this.ask(question, signal, about);
  #initializing = false;
  #negotiated = '';
  /** Whether the client has said that it is initialized. */
  #announced = false;
  #questionSeq = 0;
  #scope: Scope | undefined;
  #slot: Slot | undefined;
  #state: 'opening' | 'ready' | 'closed' = 'opening';

  /**
   * @param facts what is known of the client, for hooks.
   * @param keeper told what has to be kept with it.
   */
  constructor(
    arrival: Arrival,
    context: CallerContext,
    outlet: Outlet,
    facts: () => SessionFacts,
    keeper: SessionKeeper,
    calls: Calls = new Calls(context),
  ) {
    this.calls = calls;
    this.#facts = facts;
    this.#keeper = keeper;
    this.#arrival = arrival;
    this.#context = context;
    this.#outlet = outlet;
  }

  get scope(): Scope {
    if (this.#scope === undefined) throw new SwitchboardError('SWB_NOT_INITIALIZED');
    return this.#scope;
  }

  get principal(): string {
    return this.#arrival.identity.principal;
  }

  get state(): 'opening' | 'ready' | 'closed' {
    return this.#state;
  }

  /** The protocol version that the client named; empty before. */
  get version(): string {
    return this.#scope?.version ?? '';
  }

  /** The protocol version that client and server agreed on; empty before. */
  get negotiated(): string {
    return this.#negotiated;
  }

  /** How the client named itself. */
  get clientInfo(): JsonObject | undefined {
    return this.#scope?.clientInfo;
  }

  /** How many requests and questions are under way. */
  get inFlight(): number {
    return this.calls.size + this.#questions.size;
  }

  /** Takes a message of the client. @throws {SwitchboardError} when it cannot be served; the caller's adapter answers with it. */
  receive(message: Message): void {
    if (this.#initializing && !(isRequest(message) && message.method === 'ping')) {
      this.#queueEarly(message);
    } else if (isRequest(message)) this.#request(message);
    else if (isNotification(message)) this.#note(message);
    else this.#answered(message);
  }

  /**
   * Opens the session; the answer to `initialize` is returned, not sent.
   *
   * @throws {SwitchboardError} when the params are wrong or no member can be had; the session can be initialized again.
   */
  async initialize(params: JsonObject | undefined): Promise<JsonObject> {
    if (this.#slot !== undefined) throw new SwitchboardError('SWB_ALREADY_INITIALIZED');
    const release = this.#context.admit(this.#arrival);
    try {
      return await this.#open(this.#readScope(params));
    } finally {
      release();
    }
  }

  async #open(scope: Scope): Promise<JsonObject> {
    this.#scope = scope;
    await this.#askHook();
    const slot = this.#arrival.upstream.slot(scope);
    this.#arrival.credentials.use();
    this.#slot = slot;
    slot.join(this);
    try {
      const member = await slot.member();
      const handshakeResult = await member.handshakeResultFor(scope);
      if (this.#state === 'closed') throw new SwitchboardError('SWB_CLIENT_GONE');
      this.#opened(scope, false);
      const answer = initializeResultFor(scope, member, handshakeResult, slot.audience.exclusive);
      this.#negotiated = textOf(answer['protocolVersion']);
      this.#keeper.changed?.();
      return answer;
    } catch (error) {
      this.#slot = undefined;
      slot.leave(this);
      throw error;
    }
  }

  #opened(scope: Scope, restored: boolean): void {
    this.#state = 'ready';
    const { name } = (scope.clientInfo ?? {}) as { name?: unknown };
    this.#context.emit({
      type: 'session.opened',
      session: this.#arrival.id,
      upstream: this.#arrival.upstream.name,
      principal: this.principal,
      version: scope.version,
      transport: this.#arrival.transport,
      ...(typeof name === 'string' && { client: cut(name, MAX_OWN_WORDS) }),
      ...(restored && { restored }),
    });
  }

  /** What another process would rebuild it from; nothing while it is not open. */
  get record(): SpokenRecord | undefined {
    const scope = this.#scope;
    if (this.#state !== 'ready' || scope === undefined) return undefined;
    const { version, capabilities, clientInfo, logLevel } = scope;
    return {
      version,
      negotiated: this.#negotiated,
      capabilities,
      ...(clientInfo !== undefined && { clientInfo }),
      ...(logLevel !== undefined && { logLevel }),
      announced: this.#announced,
      watched: [...this.#watched],
    };
  }

  /**
   * Goes on with a session that another process has opened, for whoever shows now that it is theirs. Its server is another one: it is told
   * what the client had told the former, and the client that there may be something to look at again.
   *
   * @throws {SwitchboardError} when the upstream has no place for it.
   */
  restore({ version, negotiated, capabilities, clientInfo, logLevel, announced, watched }: SpokenRecord): void {
    const scope = this.#readScope({
      protocolVersion: version,
      capabilities,
      ...(clientInfo !== undefined && { clientInfo }),
    });
    if (logLevel !== undefined) scope.logLevel = logLevel;
    // An answer to a question that the former server had put must not be taken for one to another.
    this.#questionSeq = Date.now();
    const slot = this.#arrival.upstream.slot(scope);
    this.#arrival.credentials.use();
    this.#scope = scope;
    this.#slot = slot;
    this.#negotiated = negotiated;
    slot.join(this);
    this.#opened(scope, true);
    if (announced) this.#note(notification('notifications/initialized'));
    if (logLevel !== undefined) this.#again('logging/setLevel', { level: logLevel });
    for (const uri of watched) {
      this.#watched.add(uri);
      this.#again('resources/subscribe', { uri }, () => {
        this.#outlet.send(notification('notifications/resources/updated', { uri }));
      });
    }
    for (const kind of LISTS) this.#outlet.send(notification(`notifications/${kind}/list_changed`));
    this.#keeper.changed?.();
  }

  /** Tells the server once more what the client had told another. A server that refuses has lost it: the client asks anew. */
  #again(method: string, params: JsonObject, done: () => void = () => {}): void {
    const { scope } = this;
    const responder: Responder = {
      progress() {},
      notify() {},
      settle: (outcome) => {
        if ('result' in outcome && this.#state === 'ready') done();
      },
    };
    if (this.#slot === undefined) return;
    const opening = { scope, slot: this.#slot, method, params, wantsProgress: false, responder };
    this.#own(`restore ${method}`, () => this.#context.exchanges.open(opening));
  }

  async #askHook(): Promise<void> {
    const { onSession } = this.#context.hooks;
    if (onSession === undefined) return;
    try {
      const notes = await onSession(this.#facts());
      if (notes !== undefined) this.#keeper.notes(notes);
    } catch (error) {
      throw asRefusal(error);
    }
    if (this.#state === 'closed') throw new SwitchboardError('SWB_CLIENT_GONE');
  }

  notify(note: RpcNotification): void {
    if (this.#state === 'ready') this.#outlet.send(note, this.calls.only);
  }

  /** @param about the client's request that the question belongs to, where that is known. */
  ask({ method, params }: Question, signal: AbortSignal, about?: RpcId): Promise<Outcome> {
    if (this.#state !== 'ready') return Promise.resolve(gone());
    if (this.#questions.size >= MAX_QUESTIONS) {
      const detail = `${MAX_QUESTIONS} questions to this client are waiting, the limit`;
      return Promise.resolve({ error: new SwitchboardError('SWB_OVERLOADED', { detail }).toRpc() });
    }
    const id = ++this.#questionSeq;
    return new Promise((resolve) => {
      this.#questions.set(id, resolve);
      signal.addEventListener('abort', () => {
        if (!this.#questions.delete(id)) return;
        this.#outlet.send(notification('notifications/cancelled', { requestId: id }), about ?? this.calls.only);
        resolve(gone());
      });
      const request: RpcRequest = { jsonrpc: '2.0', id, method };
      this.#outlet.send(params === undefined ? request : { ...request, params }, about ?? this.calls.only);
    });
  }

  /** Ends a server that the session has for itself; the next request starts another. */
  rest(reason: string): void {
    if (this.#state === 'ready') this.#slot?.rest(reason);
  }

  close(reason: string): void {
    if (this.#state === 'closed') return;
    const wasReady = this.#state === 'ready';
    this.#state = 'closed';
    this.calls.cancelAll(reason);
    for (const resolve of this.#questions.values()) resolve(gone());
    this.#questions.clear();
    this.#early.length = 0;
    this.#slot?.leave(this);
    const { id: session, transport, upstream } = this.#arrival;
    const { principal } = this;
    if (wasReady) {
      this.#context.emit({ type: 'session.closed', session, upstream: upstream.name, principal, transport, reason });
    }
  }

  /** A client need not wait for the answer to `initialize` before it goes on; what it sends meanwhile keeps its order. */
  #queueEarly(message: Message): void {
    const { maxRequestsInFlight } = this.#context;
    if (this.#early.length >= maxRequestsInFlight) {
      const detail = `${maxRequestsInFlight} messages wait for initialize to finish, the limit (maxRequestsInFlight)`;
      throw new SwitchboardError('SWB_OVERLOADED', { detail });
    }
    this.#early.push(message);
  }

  #takeUpHeld(): void {
    for (const message of this.#early.splice(0)) {
      try {
        this.receive(message);
      } catch (error) {
        if (!isRequest(message)) continue;
        this.#context.emit(refusal(error, this.#arrival, message));
        this.#outlet.send(failure(message.id, asSwitchboardError(error).toRpc()), message.id);
      }
    }
  }

  #request(request: RpcRequest): void {
    const { id, method } = request;
    if (method === 'ping') {
      this.calls.check(id);
      this.#outlet.send(result(id, {}), id);
    } else if (method === 'initialize') {
      this.calls.reserve(id);
      this.#initializing = true;
      this.#own('initialize', () => this.#answerInitialize(request));
    } else if (this.#state !== 'ready' || this.#slot === undefined) {
      throw new SwitchboardError('SWB_NOT_INITIALIZED', { detail: `got ${JSON.stringify(method)}` });
    } else {
      const release = this.#context.admit(this.#arrival);
      this.#remember(method, request.params);
      const { scope } = this;
      const complete = allowanceTeller(this.#context, this.#arrival, request.params);
      this.calls.open(request, { scope, slot: this.#slot, outlet: this.#outlet, ask: this.#ask, complete, release });
    }
  }

  /** What the client tells its server once, for all that comes after. */
  #remember(method: string, params: JsonObject | undefined): void {
    if (method === 'logging/setLevel') {
      const level = params?.['level'];
      if (typeof level === 'string') this.scope.logLevel = level;
    } else if (method === 'resources/subscribe' || method === 'resources/unsubscribe') {
      const uri = params?.['uri'];
      if (typeof uri !== 'string') return;
      if (method === 'resources/unsubscribe') this.#watched.delete(uri);
      else if (this.#watched.size < MAX_WATCHED) this.#watched.add(uri);
    } else return;
    this.#keeper.changed?.();
  }

  async #answerInitialize(request: RpcRequest): Promise<void> {
    const { id, params } = request;
    let answer: RpcResponse;
    try {
      answer = result(id, await this.initialize(params));
    } catch (error) {
      this.#context.emit(refusal(error, this.#arrival, request));
      answer = failure(id, asSwitchboardError(error).toRpc());
    }
    this.calls.release(id);
    this.#initializing = false;
    if (this.#state === 'closed') return;
    this.#outlet.send(answer, id);
    this.#takeUpHeld();
  }

  #note(note: RpcNotification): void {
    const { method, params } = note;
    if (method === 'notifications/cancelled') {
      this.calls.cancelByNotification(params);
    } else if (!HANDED_ON.has(method)) {
      // Not an error: over HTTP a 404 would say that the session is gone.
      this.#context.emit(refusal(new SwitchboardError('SWB_METHOD_NOT_FOUND'), this.#arrival, note));
    } else if (this.#state === 'ready' && this.#slot?.audience.exclusive === true) {
      this.#handOn(note, this.#slot);
    }
  }

  /** Counted like a request and told of, as a server may act upon it; but for the one that ends the opening. */
  #handOn(note: RpcNotification, slot: Slot): void {
    const { method } = note;
    if (method === 'notifications/initialized' && !this.#announced) {
      this.#announced = true;
      this.#keeper.changed?.();
    } else this.#count(method);
    const member = slot.member();
    // Handed on at once where there is a member, so that no later request overtakes it.
    if (!(member instanceof Promise)) member.notify(note);
    else this.#own(method, () => member.then((ready) => ready.notify(note), absent));
  }

  #count(method: string): void {
    this.#context.admit(this.#arrival)();
    const { id: session, transport, upstream } = this.#arrival;
    const { principal } = this;
    const whose = { upstream: upstream.name, session, principal, transport };
    this.#context.emit({ type: 'notification.passed', method, ...whose });
  }

  /** Runs what no request waits for: a failure is an event, and the session goes on. */
  #own(where: string, work: () => unknown): void {
    owned(work, (error) => this.#context.emit({ type: 'failed', where: `session: ${where}`, error }));
  }

  #answered(response: RpcResponse): void {
    this.#resolve(response.id, 'result' in response ? { result: response.result } : { error: response.error });
  }

  /** Something that would have answered a question, and cannot be read: whoever asked hears that, instead of nothing. */
  unreadable(error: SwitchboardError): void {
    this.#resolve(error.answerTo, { error: error.toRpc() });
  }

  /** Our ids are numbers, which some clients give back as text. */
  #resolve(answered: RpcId | undefined, outcome: Outcome): void {
    const id = typeof answered === 'string' && !this.#questions.has(answered) ? Number(answered) : answered;
    const resolve = id === undefined ? undefined : this.#questions.get(id);
    if (resolve === undefined || id === undefined) return;
    this.#questions.delete(id);
    resolve(outcome);
  }

  #readScope(params: JsonObject | undefined): Scope {
    const { protocolVersion, capabilities = {}, clientInfo } = params ?? {};
    if (typeof protocolVersion !== 'string') throw badParam('protocolVersion', 'a string', protocolVersion);
    if (!isObject(capabilities)) throw badParam('capabilities', 'an object', capabilities);
    if (clientInfo !== undefined && !isObject(clientInfo)) throw badParam('clientInfo', 'an object', clientInfo);
    return {
      era: 'legacy',
      version: protocolVersion,
      capabilities,
      principal: this.principal,
      roles: this.#arrival.identity.roles,
      transport: this.#arrival.transport,
      affinity: this.#arrival.id,
      account: accountOf(this.#arrival),
      origin: originOf(this.#arrival),
      credentials: this.#arrival.credentials,
      context: () => sessionContext(this.#arrival, isObject(clientInfo) ? clientInfo : undefined, this.#facts()),
      ...(clientInfo !== undefined && { clientInfo }),
    };
  }
}

/** The answer to `initialize`: the server's own where the session has the member for itself, else what holds for everybody. */
function initializeResultFor(
  scope: Scope,
  member: Member,
  handshakeResult: JsonObject,
  exclusive: boolean,
): JsonObject {
  const wanted = isLegacyVersion(scope.version) ? scope.version : LATEST_LEGACY;
  if (member.era === 'modern') return initializeFromDiscover(handshakeResult, wanted);
  if (exclusive) return handshakeResult;
  const capabilities = omit(capabilitiesOf(handshakeResult), 'logging', 'tasks');
  return { ...handshakeResult, protocolVersion: wanted < member.version ? wanted : member.version, capabilities };
}

/** A notification has no answer to put an error in; the next request tells what is wrong with the upstream. */
const absent = (): void => {};

const gone = (): Outcome => ({ error: new SwitchboardError('SWB_CLIENT_GONE').toRpc() });

function badParam(name: string, expected: string, found: unknown): SwitchboardError {
  const detail = `${name} is ${found === undefined ? 'missing' : JSON.stringify(found)}, expected ${expected}`;
  return new SwitchboardError('SWB_INVALID_PARAMS', { detail });
}
