/**
 * One simulated client: it opens a conversation, does steps, and comes back when it was cut off.
 *
 * All clients number their requests 1, 2, 3…, so they all use the same ids and progress tokens at the same time. The
 * correlation id in a message shows whose it is (`correlation.ts`); the client's witness judges it.
 */
import { strike } from '../chaos.ts';
import type { Chaos, Storm } from '../chaos.ts';
import { correlationIdOf } from '../correlation.ts';
import type { Ledger } from '../integrity.ts';
import type { Random } from '../random.ts';
import type { Step } from '../scenario.ts';
import type { Stats } from '../stats.ts';
import type { Filling } from '../template.ts';
import type { About, Connection, Dial } from './connection.ts';
import { INITIALIZE, notificationText, requestText } from './era.ts';
import type { ClientEra } from './era.ts';
import { replyTo } from './message.ts';
import type { Message } from './message.ts';
import { Witness } from './witness.ts';
import type { Expected } from './witness.ts';

/** Who said something: the client, the server, or neither. */
export type Speaker = '→' | '←' | '·';

export interface Surroundings {
  era: ClientEra;
  dial: Dial;
  prefix: string;
  ledger: Ledger;
  stats: Stats;
  random: Random;
  chaos: Chaos;
  /** After so many ms without an answer a call is lost. */
  timeoutMs: number;
  /** Idle time before the client pings, in ms. @default 20000 */
  keepAliveMs?: number;
  bigMessageBytes: number;
  /** A process of the server shall die. */
  crash(): void;
  /** Keeps a connection open that nobody reads any more. */
  abandon(connection: Connection): void;
  /** Told everything that is said, where somebody watches. */
  talk?: ((speaker: Speaker, text: string) => void) | undefined;
}

/** A call that has no answer. */
interface Failure {
  failed: string;
  /** Whether it is an error to count; otherwise it is counted as something else. */
  counts: boolean;
}

type Outcome = Message | Failure;

interface Call extends Expected {
  step: Step | undefined;
  method: string;
  about: string;
  /** The inside of `params`, as it was at first. */
  body: string;
  rounds: number;
  asked: boolean;
  begun: number;
  sent: number;
  settle(outcome: Outcome): void;
}

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5000;
/** After so long without a word the client pings, so that nothing between takes it for dead, and a dead server is noticed. */
const KEEPALIVE_MS = 20_000;
/** A server that refuses at once must not make the client spin. */
const AFTER_FAILURE_MS = 10;
/** How often one call may be answered with a question. */
const MAX_ROUNDS = 10;

const isFailure = (outcome: Outcome): outcome is Failure => 'failed' in outcome;
const failure = (failed: string, counts = true): Failure => ({ failed, counts });

export class Client {
  readonly number: number;
  readonly #around: Surroundings;
  readonly #witness: Witness;
  readonly #pending = new Map<number, Call>();
  /** Open `subscriptions/listen` requests, and legacy subscriptions, by URI. */
  readonly #watching = new Map<string, number>();
  readonly #listens = new Set<number>();
  #whenOpen: (() => void)[] = [];
  #connection: Connection | undefined;
  /** Counts the connections, so that one that was left is not listened to. */
  #connections = 0;
  #last = 0;
  #open = false;
  #gone = false;
  #attempts = 0;
  #heard = 0;
  /** Whether a ping is under way. */
  #pinging = false;
  #answers = 0;
  #server = '';

  constructor(number: number, around: Surroundings) {
    this.number = number;
    this.#around = around;
    this.#witness = new Witness(number, around.prefix, around.ledger);
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** What a legacy server calls itself, with its version. */
  get server(): string {
    return this.#server;
  }

  get inFlight(): number {
    return this.#pending.size;
  }

  /** Steps that begin when the client is connected again. */
  get queued(): number {
    return this.#whenOpen.length;
  }

  /** One line for a person. */
  describe(now: number): string {
    const state = this.#gone ? 'gone' : this.#open ? 'open' : 'connecting';
    const heard = this.#heard === 0 ? 'nothing heard yet' : `heard ${Math.round(now - this.#heard)} ms ago`;
    const names = [...this.#pending.values()].slice(0, 3).map(({ id, name }) => `${id} ${name}`);
    return (
      `client ${this.number}: ${this.#around.era}, ${state}, ${heard}, ${this.#answers} answers, last id ${this.#last}, ` +
      `${this.#pending.size} in flight${names.length > 0 ? ` (${names.join(', ')})` : ''}`
    );
  }

  /** Opens the conversation, trying again until it opens or `end` is called; resolves when it is open. */
  async connect(): Promise<void> {
    while (!this.#gone && !this.#open) {
      try {
        await this.connectOnce();
        // What waited may have left again at once; then that is who reconnects.
        return;
      } catch (error) {
        this.#around.talk?.('·', `cannot connect: ${(error as Error).message}`);
        this.#around.stats.failed(`connect: ${(error as Error).message}`);
        await this.#backOff();
      }
    }
  }

  /** @throws {Error} why it did not open */
  async connectOnce(): Promise<void> {
    const { era, dial, stats, talk } = this.#around;
    const began = performance.now();
    const number = ++this.#connections;
    const current = (): boolean => number === this.#connections;
    try {
      this.#connection = await dial({
        message: (text) => current() && this.#receive(text),
        ended: (reason) => current() && this.#ended(reason),
        failed: (id, reason) => current() && this.#failed(id, reason),
        unanswered: (id) => current() && this.#unanswered(id),
      });
      if (this.#gone) return this.#connection.cut();
      if (era === 'legacy') {
        const { result } = await this.request('initialize', INITIALIZE);
        const { name = '', version = '' } = result?.serverInfo ?? {};
        this.#server = `${name} ${version}`.trim();
        this.#send(notificationText('notifications/initialized'), {});
        this.#connection?.listen?.();
      }
    } catch (error) {
      this.#connection?.cut();
      this.#connection = undefined;
      throw error;
    }
    this.#open = true;
    this.#attempts = 0;
    stats.opened(performance.now() - began);
    talk?.('·', 'connected');
    for (const go of this.#whenOpen.splice(0)) go();
  }

  /** A request outside of the steps. @throws {Error} when it fails or is not answered in time */
  request(method: string, body = ''): Promise<Message> {
    return new Promise((resolve, reject) => {
      this.#ask({ method, body }, (outcome) => {
        if (isFailure(outcome)) reject(new Error(outcome.failed));
        else if (outcome.error === undefined) resolve(outcome);
        else reject(new Error(`${String(outcome.error.code)} ${String(outcome.error.message)}`));
      });
    });
  }

  /**
   * Does one step; while the client is not connected, waits until it is.
   *
   * @param begun when the step should have begun: latency is measured from here
   * @param done called once, when the client may do the next; not after `end`
   */
  perform(step: Step, begun: number | undefined, done: () => void): void {
    if (this.#gone) return;
    if (!this.#open) return void this.#whenOpen.push(() => this.perform(step, begun, done));
    if (step.kind === 'idle') setTimeout(done, step.waitMs);
    else if (step.kind === 'reconnect') void this.#leaveAndReturn(done);
    else {
      this.#around.stats.sent++;
      const start = begun ?? performance.now();
      if (step.kind === 'subscribe') this.#subscribe(step, start, done);
      else this.#call(step, start, done);
    }
  }

  /** The network is gone: what is under way is cut, and the client comes back. */
  cut(): void {
    if (!this.#open || this.#gone) return;
    this.#connection?.cut();
    this.#away();
  }

  pause(): void {
    this.#connection?.pause();
  }

  resume(): void {
    this.#connection?.resume();
  }

  /** Gives up what waits too long, and says something where nothing was said for long. */
  sweep(now: number): void {
    for (const call of this.#pending.values()) {
      if (now - call.sent < this.#around.timeoutMs) break;
      this.#markLost(call);
    }
    const { era } = this.#around;
    const keepAliveMs = this.#around.keepAliveMs ?? KEEPALIVE_MS;
    if (this.#open && era !== 'echo' && !this.#pinging && now - this.#heard > keepAliveMs) void this.#ping();
  }

  /** An error is an answer too: only silence means that nobody is there any more, and then the client connects again. */
  async #ping(): Promise<void> {
    const number = this.#connections;
    const heard = this.#heard;
    this.#pinging = true;
    await this.request(this.#around.era === 'legacy' ? 'ping' : 'server/discover').catch(() => {});
    this.#pinging = false;
    if (number === this.#connections && this.#heard === heard) this.#ended('no reply to a ping');
  }

  /** Ends the conversation for good; resolves when it has. What is still under way is neither answered nor lost. */
  async end(): Promise<void> {
    this.#gone = true;
    this.#open = false;
    this.#connections++;
    await this.#connection?.close();
  }

  #call(step: Step, begun: number, done: () => void): void {
    const { chaos, random, stats, prefix, bigMessageBytes } = this.#around;
    const storm = strike(chaos, random);
    if (storm !== undefined) stats.storm(storm);
    const correlationId = correlationIdOf(prefix, this.number, this.#last + 1);
    const padding = storm === 'big-message' ? 'x'.repeat(bigMessageBytes) : '';
    const shape = shapeOf(step, {
      correlationId: correlationId + padding,
      client: this.number,
      call: this.#last + 1,
      random,
    });
    const call = this.#ask({ ...shape, correlationId, step, begun, progress: step.progress }, (outcome) =>
      this.#settled(call, outcome, done),
    );
    if (step.kind === 'cancel') setTimeout(() => this.#cancel(call, done), step.waitMs);
    if (storm !== undefined) this.#strike(storm, call, done);
  }

  #ask(about: Partial<Call> & { method: string; body: string }, settle: (outcome: Outcome) => void, extra = ''): Call {
    const id = ++this.#last;
    const now = performance.now();
    const name = `${about.method} ${about.about ?? ''}`.trim();
    const call: Call = {
      call: id,
      name,
      correlationId: '',
      correlated: false,
      progress: false,
      step: undefined,
      about: '',
      rounds: 0,
      asked: false,
      begun: now,
      ...about,
      id,
      sent: now,
      lastProgress: -Infinity,
      settle,
    };
    this.#pending.set(id, call);
    const text = requestText(this.#around.era, id, call.method, call.body + extra, call.progress);
    this.#send(text, { id, method: call.method, ...(call.about !== '' && { name: call.about }) });
    return call;
  }

  #send(text: string, about: About): void {
    this.#around.talk?.('→', text);
    this.#connection?.send(text, about);
  }

  /** A step's request was answered, failed, or was cut off. */
  #settled(call: Call, outcome: Outcome, done: () => void): void {
    const { stats } = this.#around;
    const name = call.step!.name;
    if (isFailure(outcome)) {
      if (outcome.counts) stats.failed(outcome.failed, name);
      setTimeout(done, AFTER_FAILURE_MS);
      return;
    }
    const { error, result } = outcome;
    if (result?.resultType === 'input_required') return this.#answerAndCallAgain(call, result, done);
    if (error !== undefined) stats.failed(String(error.code), name);
    else if (result?.isError === true) stats.failed('tool error', name);
    else if (call.step!.kind === 'elicit' && !call.asked) stats.failed('not asked', name);
    else {
      this.#answers++;
      stats.answered(name, performance.now() - call.begun);
    }
    done();
  }

  /** MCP 2026-07-28, "Multi round-trip requests": the answers go with the same request, under a new id. */
  #answerAndCallAgain(call: Call, result: NonNullable<Message['result']>, done: () => void): void {
    const { inputRequests = {}, requestState } = result;
    const responses = Object.entries(inputRequests).map(([key, { method = '', params }]) => {
      this.#witness.foreign(JSON.stringify(params ?? {}), method);
      this.#around.stats.questions++;
      return [key, replyTo(method, params, call.correlationId) ?? {}] as const;
    });
    if (call.rounds >= MAX_ROUNDS) {
      return this.#settled(call, { failed: `asked over ${MAX_ROUNDS} times`, counts: true }, done);
    }
    const state = requestState === undefined ? '' : `,"requestState":${JSON.stringify(requestState)}`;
    const extra = `,"inputResponses":${JSON.stringify(Object.fromEntries(responses))}${state}`;
    const round = { ...call, rounds: call.rounds + 1, asked: true };
    const next = this.#ask(round, (outcome) => this.#settled(next, outcome, done), extra);
  }

  #subscribe(step: Step, begun: number, done: () => void): void {
    const { era, random, stats } = this.#around;
    const filling: Filling = { correlationId: '', client: this.number, call: this.#last + 1, random };
    const uri = JSON.parse(step.uri.render(filling)) as string;
    const before = this.#watching.get(uri);
    this.#witness.watches(uri);
    if (before === undefined) this.#watching.set(uri, this.#last + 1);
    else this.#watching.delete(uri);
    if (era !== 'modern') {
      const method = before === undefined ? 'resources/subscribe' : 'resources/unsubscribe';
      const request = { method, body: `"uri":${JSON.stringify(uri)}`, about: uri, step, begun };
      const call = this.#ask(request, (outcome) => this.#settled(call, outcome, done));
      return;
    }
    if (before === undefined) {
      const id = ++this.#last;
      this.#listens.add(id);
      const body = `"notifications":{"resourceSubscriptions":[${JSON.stringify(uri)}]}`;
      this.#send(requestText(era, id, 'subscriptions/listen', body), { id, method: 'subscriptions/listen' });
    } else this.#cancelRequest(before);
    // A listen is not answered while it lasts.
    stats.answered(step.name, performance.now() - begun);
    setImmediate(done);
  }

  #strike(storm: Storm, call: Call, done: () => void): void {
    if (storm === 'cancel') this.#cancel(call, done);
    else if (storm === 'crash') this.#around.crash();
    else if (storm === 'disconnect') {
      // In the next turn, so that the call has left.
      setImmediate(() => this.cut());
    } else if (storm === 'half-open' && this.#connection !== undefined) {
      this.#connection.pause();
      this.#around.abandon(this.#connection);
      setImmediate(() => this.#open && !this.#gone && this.#away());
    }
  }

  #cancel(call: Call, done: () => void): void {
    if (!this.#pending.delete(call.id)) return;
    this.#witness.forget(call);
    this.#around.stats.cancelled++;
    this.#cancelRequest(call.id);
    setImmediate(done);
  }

  #cancelRequest(id: number): void {
    if (this.#connection?.hangUp?.(id) === true) return;
    this.#send(notificationText('notifications/cancelled', { requestId: id, reason: 'simulated' }), {});
  }

  #receive(text: string): void {
    const { era, talk, stats } = this.#around;
    this.#heard = performance.now();
    talk?.('←', text);
    let message: Message;
    try {
      message = JSON.parse(text) as Message;
    } catch {
      stats.failed('not JSON');
      return;
    }
    if (message.method === undefined || era === 'echo') this.#answer(message, text);
    else if (message.id === undefined) {
      stats.notes++;
      this.#witness.note(message, text, this.#pending.get(message.params?.progressToken as number), this.#last);
    } else this.#reply(message, text);
  }

  #answer(message: Message, text: string): void {
    const id = message.id as number;
    if (this.#listens.delete(id)) return;
    const call = this.#pending.get(id);
    if (call === undefined) return this.#witness.stray(id, text, this.#last);
    this.#pending.delete(id);
    const asks = message.result?.resultType === 'input_required';
    const accepted = asks || this.#witness.accepts(call, text, message.error !== undefined);
    call.settle(accepted ? message : failure('crossed', false));
  }

  /** A request of the server. */
  #reply({ id, method = '', params }: Message, text: string): void {
    this.#witness.foreign(text, method);
    const named = this.#witness.named(text);
    for (const call of this.#pending.values()) if (named === undefined || named === call.call) call.asked = true;
    if (method !== 'ping') this.#around.stats.questions++;
    const result = replyTo(method, params, correlationIdOf(this.#around.prefix, this.number, named ?? 0));
    const answer = result === undefined ? { error: { code: -32601, message: 'Method not found' } } : { result };
    this.#send(JSON.stringify({ jsonrpc: '2.0', id, ...answer }), {});
  }

  #markLost(call: Call): void {
    this.#pending.delete(call.id);
    if (call.step !== undefined) this.#witness.lost(call);
    call.settle(failure('no answer', false));
  }

  #unanswered(id: number): void {
    const call = this.#pending.get(id);
    if (call !== undefined) this.#markLost(call);
  }

  #failed(id: number, reason: string): void {
    this.#listens.delete(id);
    const call = this.#pending.get(id);
    if (call === undefined) return;
    this.#pending.delete(id);
    call.settle(failure(reason));
  }

  #ended(reason: string): void {
    this.#connection?.cut();
    this.#around.talk?.('·', `the connection ended: ${reason}`);
    this.#away(reason);
  }

  /** Nobody is at the other end any more. @param reason why, where it was not on purpose */
  #away(reason?: string): void {
    const { stats } = this.#around;
    const wasOpen = this.#open;
    const calls = [...this.#pending.values()];
    this.#open = false;
    this.#connection = undefined;
    this.#connections++;
    this.#listens.clear();
    this.#watching.clear();
    this.#pending.clear();
    if (wasOpen) {
      stats.reconnects++;
      if (reason !== undefined && calls.length === 0) stats.failed(reason);
      void this.#backOff().then(() => this.connect());
    }
    for (const call of calls) {
      this.#witness.forget(call);
      if (reason === undefined) stats.cut++;
      call.settle(failure(reason ?? 'cut', reason !== undefined));
    }
  }

  async #leaveAndReturn(done: () => void): Promise<void> {
    const connection = this.#connection;
    this.#away();
    await connection?.close();
    done();
  }

  async #backOff(): Promise<void> {
    const longest = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.#attempts++);
    const wait = longest * (0.5 + Math.random() / 2);
    await new Promise((resolve) => void setTimeout(resolve, wait));
  }
}

/** What a step asks for. */
function shapeOf(step: Step, filling: Filling): { method: string; body: string; about?: string; correlated: boolean } {
  if (step.kind === 'list') return { method: `${step.what}/list`, body: '', correlated: false };
  if (step.kind === 'read') {
    const uri = step.uri.render(filling);
    return {
      method: 'resources/read',
      body: `"uri":${uri}`,
      about: JSON.parse(uri) as string,
      correlated: step.uri.correlated,
    };
  }
  const body = `"name":${JSON.stringify(step.tool)},"arguments":${step.args.render(filling)}`;
  return { method: 'tools/call', body, about: step.tool, correlated: step.args.correlated };
}
