/** The life of one exchange, as a state machine: open, perhaps parked and taken up again, ended. */
import { Timeline } from '../observe/timeline.ts';
import { INTERACTIVE } from '../protocol/eras.ts';
import { SwitchboardError, asSwitchboardError, referenceOf } from '../protocol/errors.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject, RpcError, RpcNotification } from '../protocol/jsonrpc.ts';
import { owned } from '../util/owned.ts';
import { CATALOGUE, MAX_REOPENED } from './exchange.ts';
import type {
  Exchange,
  Member,
  OpenedExchange,
  Opening,
  Outcome,
  Responder,
  Question,
  Reached,
  Scope,
  Slot,
} from './exchange.ts';
import type { ParkedTable } from './parked.ts';
import type { ConcurrencyLimiter } from './concurrency-limiter.ts';

/** What all exchanges of one router have in common. */
export interface RoutedExchangeOptions {
  /** How long this one may go without an answer or a progress note, in ms. */
  timeoutMs(exchange: Exchange): number;
  limiter: ConcurrencyLimiter;
  parked: ParkedTable<RoutedExchange>;
  onEnd(exchange: RoutedExchange, outcome: Outcome | 'cancelled'): void;
  /** Something of Switchboard's own failed while an exchange was served. Never throws. */
  onFault(exchange: RoutedExchange, error: SwitchboardError): void;
}

/** Questions that come within this time are asked together, as each costs the client a round trip. */
const GATHER_MS = 5;
/** The least time between a progress note and the answer. */
const PROGRESS_GAP_MS = 5;
/** How many questions of one exchange may wait for an answer. */
const MAX_QUESTIONS = 100;

interface Waiting {
  question: Question;
  answer(outcome: Outcome): void;
}

const NONE: ReadonlyMap<string, Waiting> = new Map();

export class RoutedExchange implements OpenedExchange {
  readonly id: string;
  /** Its number among those that are open: the router's own. */
  place: number = 0;
  sentAs: number = 0;
  reached: Reached | undefined;
  readonly #options: RoutedExchangeOptions;
  readonly startedAt: number = performance.now();
  readonly times: Timeline = new Timeline(this.startedAt);
  #aliveAt: number = this.startedAt;
  // What few exchanges need is made when it is needed: there are many of them.
  #endListeners: (() => void)[] | undefined;
  /** Where the call runs; a client that comes back may do so by another way. */
  readonly #slot: Slot;
  #opening: Opening;
  /** None while parked: the last one has been settled, the next one has not come. */
  #responder: Responder | undefined;
  /** What its client comes back with, while it is parked. */
  #handle: string | undefined;
  #member: Member | undefined;
  #leaveTurn: (() => void) | undefined;
  #letGo: (() => void) | undefined;
  #ended = false;
  #running = false;
  #reopened = 0;
  #progressedAt = -Infinity;
  #questions: Map<string, Waiting> | undefined;
  #questionSeq = 0;
  #gathering: NodeJS.Timeout | undefined;
  /** The outcome of an exchange that was settled while parked: for the client when it comes back. */
  #late: Outcome | undefined;

  constructor(id: string, opening: Opening, options: RoutedExchangeOptions) {
    this.id = id;
    this.#opening = opening;
    this.#slot = opening.slot;
    this.#responder = opening.responder;
    this.#options = options;
    // A legacy session holds its slot itself; a modern request may outlive the connection that it came by. It holds the slot while it
    // waits for its turn, too, so that no other request takes the slot for free.
    if (opening.scope.era === 'modern') this.#letGo = opening.slot.retain(INTERACTIVE.has(opening.method));
  }

  get slot(): Slot {
    return this.#slot;
  }

  get scope(): Scope {
    return this.#opening.scope;
  }

  get method(): string {
    return this.#opening.method;
  }

  get params(): JsonObject | undefined {
    return this.#opening.params;
  }

  get wantsProgress(): boolean {
    return this.#opening.wantsProgress;
  }

  get settled(): boolean {
    return this.#ended;
  }

  /** What it does now, for operators. */
  get state(): 'queued' | 'running' | 'parked' {
    return this.parked ? 'parked' : this.#running ? 'running' : 'queued';
  }

  get parked(): boolean {
    return this.#responder === undefined && !this.#ended;
  }

  onEnd(listener: () => void): void {
    if (this.#ended) listener();
    else (this.#endListeners ??= []).push(listener);
  }

  /** Goes to its server, at once or when it is its turn. */
  start(): void {
    if (this.#ended) return;
    // The catalogue's requests take their turns where they go; what never ends would keep a turn for ever.
    if (this.#opening.endless === true || this.#slot.upstream === CATALOGUE) {
      this.#run();
      return;
    }
    this.run(() => {
      const who = this.scope.account ?? this.scope.affinity;
      this.#leaveTurn = this.#options.limiter.take(this.#slot.upstream, who, () => this.#run());
      if (this.#ended) this.#leaveTurn();
    });
  }

  run(work: () => unknown): void {
    owned(work, (thrown) => this.settle({ error: this.report(thrown) }));
  }

  report(thrown: unknown): RpcError {
    const error = asSwitchboardError(thrown);
    if (referenceOf(error) !== undefined) this.#options.onFault(this, error);
    return error.toRpc();
  }

  #run(): void {
    this.#running = true;
    this.#aliveAt = performance.now();
    // All servers as one are no server: what it waits for is noted where one of them serves it.
    if (this.#slot.upstream !== CATALOGUE) this.times.note('turn', this.#aliveAt);
    this.run(() => {
      const member = this.#slot.member(this);
      if (!(member instanceof Promise)) return this.#serve(member);
      return member.then((ready) => this.#serve(ready));
    });
  }

  progress(params: JsonObject): void {
    if (this.#ended) return;
    this.#aliveAt = performance.now();
    this.times.note('progress', this.#aliveAt);
    if (this.#responder === undefined) return;
    this.#progressedAt = this.#aliveAt;
    this.#responder.progress(params);
  }

  notify(notification: RpcNotification): void {
    if (!this.#ended) this.#responder?.notify(notification);
  }

  ask(question: Question, signal?: AbortSignal): Promise<Outcome> {
    if (this.#ended || signal?.aborted === true) return Promise.resolve(unanswered(question));
    this.times.beginQuestion();
    const answered = this.#ask(question, signal);
    const note = (): void => this.times.endQuestion();
    answered.then(note, note);
    return answered;
  }

  #ask(question: Question, signal?: AbortSignal): Promise<Outcome> {
    const direct = this.#responder?.ask;
    if (direct !== undefined) return direct(question, signal ?? new AbortController().signal);
    const questions = (this.#questions ??= new Map());
    if (!this.#options.parked.hasRoom(this.scope) || questions.size >= MAX_QUESTIONS) {
      return Promise.resolve(tooMany());
    }
    const key = `r${++this.#questionSeq}`;
    return new Promise((resolve) => {
      const answer = (outcome: Outcome): void => {
        if (questions.delete(key)) resolve(outcome);
      };
      questions.set(key, { question, answer });
      signal?.addEventListener('abort', () => answer(unanswered(question)));
      this.#gather();
    });
  }

  /** The client has come back with answers; what follows goes to its new responder. */
  resume(opening: Opening): void {
    this.#unpark();
    this.#opening = opening;
    this.#responder = opening.responder;
    this.#aliveAt = performance.now();
    if (this.#late !== undefined) {
      this.settle(this.#late);
      return;
    }
    const given = opening.params?.['inputResponses'];
    for (const [key, value] of Object.entries(isObject(given) ? given : {})) {
      if (isObject(value)) this.#questions?.get(key)?.answer({ result: value });
    }
    // What was not answered is asked again.
    if (this.#waiting.size > 0) this.#gather();
  }

  settle(outcome: Outcome): void {
    const now = performance.now();
    const responder = this.#responder;
    if (responder === undefined) {
      this.times.note('answered', now);
      this.#late ??= outcome;
      return;
    }
    if (this.#ended) return;
    this.#ended = true;
    this.times.note('answered', now);
    // The caller is answered before anybody else hears of it: nothing that only watches can keep the answer back.
    // Clients of the official SDK lose the progress notes that they read in the same turn as the answer: the answer leaves a
    // moment after them.
    if (now - this.#progressedAt < PROGRESS_GAP_MS) {
      this.times.held = PROGRESS_GAP_MS;
      setTimeout(() => this.#answer(responder, outcome), PROGRESS_GAP_MS);
    } else this.#answer(responder, outcome);
    this.#leave(outcome);
  }

  /** An answer that cannot be written down is an error instead. */
  #answer(responder: Responder, outcome: Outcome): void {
    try {
      responder.settle(outcome);
    } catch (thrown) {
      const error = this.report(thrown);
      this.#attempt(() => responder.settle({ error }));
    }
  }

  /** Does what nobody waits for: a failure is reported, and keeps nothing else from being done. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.report(thrown);
    }
  }

  reopen(): boolean {
    if (this.#ended || this.#reopened >= MAX_REOPENED) return false;
    this.#reopened++;
    this.#member = undefined;
    this.#run();
    return true;
  }

  cancel(reason?: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#leave('cancelled');
    this.#withdraw(reason);
    this.#giveUpLease();
  }

  /** Ends it against the client's will: the client gets an error, and the upstream is told. */
  abort(error: SwitchboardError): void {
    if (this.#ended) return;
    if (this.parked) {
      this.cancel(error.message);
      return;
    }
    this.#withdraw(error.message);
    this.settle({ error: error.toRpc() });
    this.#giveUpLease();
  }

  /** Ends what lives until somebody ends it, with its proper result. */
  finish(): void {
    if (this.#ended || this.#opening.endless !== true) return;
    this.#withdraw('Switchboard is shutting down');
    this.settle({ result: { resultType: 'complete' } });
  }

  /** The server is told that nobody wants the answer any more. */
  #withdraw(reason?: string): void {
    owned(
      () => this.#member?.cancel(this, reason),
      (thrown) => this.report(thrown),
    );
  }

  /** A call without its answer may still ask something, and then it would seem to be about the next one. */
  #giveUpLease(): void {
    if (this.#slot.leased && this.#member?.era === 'legacy' && INTERACTIVE.has(this.method)) this.#slot.retire();
  }

  #serve(member: Member): void {
    if (this.#ended) return;
    this.#member = member;
    if (this.#slot.upstream !== CATALOGUE) this.times.note('server');
    member.open(this);
  }

  #gather(): void {
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      this.run(() => this.#park());
    }, GATHER_MS);
  }

  #park(): void {
    const responder = this.#responder;
    if (this.#ended || responder === undefined || this.#waiting.size === 0) return;
    // Many may have asked while their questions were gathered.
    if (!this.#options.parked.hasRoom(this.scope)) {
      for (const { answer } of this.#waiting.values()) answer(tooMany());
      return;
    }
    const inputRequests = Object.fromEntries([...this.#waiting].map(([key, { question }]) => [key, { ...question }]));
    this.#handle = this.#options.parked.park(this, this.#opening, () => this.run(() => this.#abandon()));
    this.#responder = undefined;
    // A person may take long: their server works on nothing meanwhile.
    this.#leaveTurn?.();
    responder.settle({ result: { resultType: 'input_required', inputRequests, requestState: this.#handle } });
  }

  /** Its handle is used up. */
  #unpark(): void {
    if (this.#handle !== undefined) this.#options.parked.forget(this.#handle);
    this.#handle = undefined;
  }

  /** Nobody came back with the answer: the questions are over, and the call with them. */
  #abandon(): void {
    for (const { question, answer } of this.#waiting.values()) answer(unanswered(question));
    this.cancel('the client did not answer');
  }

  get #waiting(): ReadonlyMap<string, Waiting> {
    return this.#questions ?? NONE;
  }

  /** Ends the exchange if it has gone too long without a sign of life. Called again and again by the router. */
  expire(now: number): void {
    const requestTimeoutMs = this.#options.timeoutMs(this);
    // A person may take longer to answer than a server; the table of the parked keeps that time.
    if (this.#ended || this.parked || this.#opening.endless === true || now - this.#aliveAt < requestTimeoutMs) return;
    const detail = `${this.method} went ${requestTimeoutMs} ms without an answer or progress`;
    this.#withdraw('timed out');
    this.settle({ error: new SwitchboardError('SWB_TIMEOUT', { detail }).toRpc() });
    this.#giveUpLease();
  }

  /** Gives back what it held, and tells who watches; each by itself, as none may keep the others from it. */
  #leave(outcome: Outcome | 'cancelled'): void {
    if (this.#gathering !== undefined) clearTimeout(this.#gathering);
    this.#unpark();
    this.times.endQuestions();
    for (const { question, answer } of this.#waiting.values()) answer(unanswered(question));
    try {
      this.#options.onEnd(this, outcome);
    } catch (thrown) {
      this.report(thrown);
    }
    if (this.#leaveTurn !== undefined) this.#attempt(this.#leaveTurn);
    if (this.#letGo !== undefined) this.#attempt(this.#letGo);
    for (const listener of this.#endListeners ?? []) this.#attempt(listener);
  }
}

function tooMany(): Outcome {
  const detail = 'too many questions wait for an answer: of all clients, or of this one (maxParked)';
  return { error: new SwitchboardError('SWB_OVERLOADED', { detail }).toRpc() };
}

/** How a server hears that it gets no answer. */
function unanswered({ method }: Question): Outcome {
  if (method === 'elicitation/create') return { result: { action: 'cancel' } };
  return { error: new SwitchboardError('SWB_CLIENT_GONE', { detail: `${method} was not answered` }).toRpc() };
}
