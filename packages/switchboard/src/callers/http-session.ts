/**
 * A legacy session over HTTP: messages come in by POST, answers go out on the reply to the request they belong to, and what the
 * server says of its own accord on the GET stream (MCP 2025-11-25, Transports, "Streamable HTTP").
 */
import type { Identity } from '../auth/identity.ts';
import type { CredentialHolder } from '../auth/credential-watcher.ts';
import { checkBatchVersion } from '../protocol/batch.ts';
import type { BatchPart } from '../protocol/batch.ts';
import type { CloseName } from '../protocol/close-codes.ts';
import { maybeDropped } from '../protocol/dropped.ts';
import { isLegacyVersion } from '../protocol/eras.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import { failure, isRequest, isResponse, result } from '../protocol/jsonrpc.ts';
import type { Message, RpcId, RpcNotification, RpcRequest } from '../protocol/jsonrpc.ts';
import { checkFromClient } from '../protocol/shapes.ts';
import type { Upstream } from '../router/exchange.ts';
import { MemoryLog } from '../stores/memory-log.ts';
import type { Log, KeepOptions } from '../stores/store.ts';
import { EVENT_STREAM_TYPE, accepts } from '../transports/http/media.ts';
import { EventStream } from '../transports/http/event-stream.ts';
import { Reply } from '../transports/http/reply.ts';
import type { ReplyOptions } from '../transports/http/reply.ts';
import { owned } from '../util/owned.ts';
import { ShortMap } from '../util/short-map.ts';
import { absenceTimers } from './absence.ts';
import { originOf } from './account.ts';
import { allowanceOf, tellAllowance } from './allowance.ts';
import type { CallerCredentialValues } from './caller-credential-values.ts';
import { refusal } from './context.ts';
import type { CallerContext, Outlet } from './context.ts';
import type { Arrival } from './arrival.ts';
import type { HttpLimits, HttpVisit } from './http-visit.ts';
import { askConnect, callOnClose } from './hooks.ts';
import { factsOf } from './registry.ts';
import type { Conversation, Registry } from './registry.ts';
import { Returns } from './returns.ts';
import type { SessionFacts, SessionNotes } from './session-facts.ts';
import type { EventKeeper } from './replay-budget.ts';
import { LegacySession } from './session.ts';
import { digestOf, notesOf, recordOf } from './session-record.ts';
import type { SessionRecord } from './session-record.ts';
import type { KeptRecord } from './session-records.ts';

/** The stream of what belongs to no request. */
const STANDALONE = 'session';
/** How many finished streams are kept for a client that was cut off before it had read the end. */
const MAX_FINISHED = 16;
/** More streams than a session opens before its record is written once more. */
const STREAMS_SPARED = 1_000_000;
/**
 * A finished stream that was handed to the network may still have been lost on the way. So much is kept of it for as long as calls of
 * a client that is gone go on; more is given up at once.
 */
const KEPT_AFTER_DELIVERY_BYTES = 64 * 1024;
/** The first version whose clients take an event without a message (MCP 2025-11-25, "Sending Messages to the Server"). */
const PRIMED_SINCE = '2025-11-25';

export class HttpSession implements Conversation, CredentialHolder, EventKeeper {
  readonly secret: string;
  readonly id: string;
  readonly upstream: Upstream;
  /** What the client brought with its `initialize`. */
  readonly credentials: CallerCredentialValues;
  readonly #context: CallerContext;
  readonly #registry: Registry;
  readonly #limits: HttpLimits;
  readonly #session: LegacySession;
  readonly #arrival: Omit<Required<Arrival>, 'identity' | 'loose'> & { identity: Identity };
  #release: () => void = () => {};
  readonly #onClose: (reason: string) => void;
  readonly #startedAt: number;
  /** What another process would go on with; nothing where none could. */
  #record: KeptRecord | undefined;
  readonly #isRestored: boolean;
  readonly #returns: Returns = new Returns();
  /** Whether something of what another process had kept could not be taken over. */
  #hasGap = false;
  notes: SessionNotes = {};
  /** The streams of requests that are not answered, by the request's id. */
  readonly #requests: ShortMap<RpcId, EventStream> = new ShortMap();
  /** Every stream that a client may come back to, oldest first. */
  readonly #streams: ShortMap<string, EventStream> = new ShortMap();
  #standalone: EventStream;
  /** Finished ones whose client has got all of it, as far as is known. */
  readonly #delivered: Set<EventStream> = new Set();
  /** The one that got the newest event. */
  #newest: EventStream | undefined;
  #kept = 0;
  /** How many connections serve this session now. */
  #open = 0;
  readonly #absence: NodeJS.Timeout[];
  #streamSeq = 0;
  lastActivity: number = Date.now();

  private constructor(
    visit: HttpVisit,
    context: CallerContext,
    registry: Registry,
    limits: HttpLimits,
    secret: string,
    id: string,
    former?: SessionRecord,
  ) {
    this.secret = secret;
    this.upstream = visit.upstream;
    this.credentials = visit.credentials;
    this.#context = context;
    this.#registry = registry;
    this.#limits = limits;
    this.id = id;
    this.#startedAt = former?.startedAt ?? Date.now();
    this.#isRestored = former !== undefined;
    if (former !== undefined) this.#returns.add('moved');
    // Of one whose process was killed it is not known how far it got.
    this.#streamSeq = former === undefined ? 0 : former.streams + (former.left === true ? 0 : STREAMS_SPARED);
    this.notes = notesOf(former);
    this.#absence = absenceTimers(limits, {
      isAbsent: () => this.#open === 0,
      giveUp: (reason) => this.#giveUpCalls(reason),
      rest: (reason) => this.#session.rest(reason),
      onFault: (error) => this.#failed('absent client', error),
    });
    // Not all of the visit: the session would keep its first request and response as long as it lives.
    const { identity, upstream, credentials, address, request } = visit;
    const userAgent = request.headers['user-agent'] ?? '';
    this.#arrival = { identity, upstream, credentials, address, id, transport: 'http', userAgent };
    this.#onClose = (reason) => callOnClose(context, this.facts, reason);
    const outlet: Outlet = {
      send: (message, about) => this.#send(message, about),
      drop: (about) => {
        const stream = this.#takeRequest(about);
        if (stream?.drop() === true) this.#forget(stream);
      },
    };
    const keeper = {
      notes: (notes: SessionNotes): void => void (this.notes = notes),
      changed: () => this.#record?.changed(),
    };
    this.#session = new LegacySession(this.#arrival, context, outlet, () => this.facts, keeper);
    this.#standalone = this.#newStream(STANDALONE);
  }

  /** Opens a session with the client's `initialize`, and answers it. @throws {SwitchboardError} when it cannot be opened. */
  static async open(
    { id: rpcId, params }: RpcRequest,
    visit: HttpVisit,
    context: CallerContext,
    registry: Registry,
    limits: HttpLimits,
    { secret, id }: { secret: string; id: string },
  ): Promise<void> {
    const session = new HttpSession(visit, context, registry, limits, secret, id);
    await askConnect(context.hooks, session.#arrival);
    context.countConnect(session.#arrival);
    // The place is taken before a member is started, so that a flood of sessions starts no more than are allowed.
    const settle = await context.reservePlace(visit.identity);
    try {
      session.#enter();
    } finally {
      settle();
    }
    tellAllowance(visit.response, context, session.#arrival);
    const reply = session.#reply(visit.response, {}, () =>
      session.close('goingAway', 'the client hung up before its session was open'),
    );
    try {
      reply.finish(result(rpcId, await session.#session.initialize(params)));
    } catch (error) {
      session.close('goingAway', 'initialize failed');
      if (reply.ended) return;
      reply.abandon();
      throw error;
    }
  }

  /**
   * Goes on with a session that another process has opened, for whoever shows now that it is theirs.
   *
   * @throws {SwitchboardError} when it cannot be gone on with; it is still there for the next request.
   */
  static async restore(
    record: SessionRecord,
    visit: HttpVisit,
    context: CallerContext,
    registry: Registry,
    limits: HttpLimits,
    secret: string,
  ): Promise<HttpSession> {
    const session = new HttpSession(visit, context, registry, limits, secret, record.id, record);
    try {
      await askConnect(context.hooks, session.#arrival);
      session.#standalone.recall(await session.#recall(STANDALONE));
      await session.#settleOpen(record.open);
      session.#enter();
      session.#session.restore(record);
    } catch (error) {
      session.#finishAll('it could not be restored', true);
      throw error;
    }
    if (record.left !== true || session.#hasGap) session.notify(maybeDropped());
    return session;
  }

  /** Takes a place. @throws {SwitchboardError} when there is none. */
  #enter(): void {
    this.#registry.add(this, this.#isRestored);
    this.#release = this.#context.watchCredential(this);
    if (this.upstream.isMovable) {
      this.#record = this.#context.records?.keep(digestOf(this.secret), () => this.#recordNow());
    }
  }

  get identity(): Identity {
    return this.#arrival.identity;
  }

  get principal(): string {
    return this.identity.principal;
  }

  get kept(): number {
    return this.#kept;
  }

  shed(all: boolean): boolean {
    const [delivered] = this.#delivered;
    if (delivered !== undefined) {
      this.#forget(delivered);
      return true;
    }
    const keeping = this.#streams.values().filter((stream) => stream.kept > 0 && stream !== this.#newest);
    const stream = keeping.find(({ isFinished }) => isFinished) ?? keeping[0];
    return stream?.shed(true) ?? this.#newest?.shed(all) ?? false;
  }

  /** Each request shows again who it is. */
  renew(identity: Identity): void {
    this.#arrival.identity = identity;
  }

  /** A token that has expired ends the answers that it opened; the session waits for the next one. */
  invalidate(how: 'expired' | 'revoked', why: string): void {
    if (how === 'revoked') this.close('unauthorized', why);
  }

  get busy(): boolean {
    // A client that listens is there, however quiet it is.
    return this.#session.state === 'opening' || this.#session.inFlight > 0 || this.#standalone.isAttached;
  }

  get isReplaceable(): boolean {
    return true;
  }

  get origin(): string {
    return originOf(this.#arrival);
  }

  get facts(): SessionFacts {
    return factsOf(this.#arrival, this.#session, {
      state: this.#session.state,
      startedAt: this.#startedAt,
      lastActivity: this.lastActivity,
      inFlight: this.#session.calls.size,
      notes: this.notes,
      allowance: allowanceOf(this.#context, this.#arrival),
      returns: this.#returns.facts,
    });
  }

  notify(note: RpcNotification): void {
    this.#context.messages.take(this.id, 'out', note);
    this.#standalone.push(note);
  }

  /** Takes a message of the client and answers its POST. @throws {SwitchboardError} when it cannot be served. */
  post(message: Message, { request, response }: HttpVisit): void {
    this.#heard();
    const version = request.headers['mcp-protocol-version'];
    const { negotiated } = this.#session;
    // A server may have agreed on a version that is not known here.
    if (typeof version === 'string' && version !== negotiated && !isLegacyVersion(version)) {
      const detail = `${JSON.stringify(version)}; this session negotiated ${JSON.stringify(negotiated)}`;
      throw new SwitchboardError('SWB_UNSUPPORTED_VERSION', { detail });
    }
    this.#context.messages.take(this.id, 'in', message);
    if (!isRequest(message)) {
      this.#session.receive(message);
      response.writeHead(202).end();
      return;
    }
    const { id } = message;
    this.#session.calls.check(id);
    const { stream, reply } = this.#newAnswer(response);
    this.#requests.set(id, stream);
    try {
      this.#session.receive(message);
    } catch (error) {
      this.#requests.delete(id);
      this.#streams.delete(stream.id);
      reply.abandon();
      throw error;
    }
  }

  /** Takes several messages in one POST; what they are answered goes out as events of one stream. @throws {SwitchboardError} */
  postBatch(parts: readonly BatchPart[], { response }: HttpVisit): void {
    this.#heard();
    checkBatchVersion(this.#session.negotiated);
    const requests = new Set<RpcId>();
    for (const part of parts) if ('method' in part && isRequest(part)) requests.add(part.id);
    for (const id of requests) this.#session.calls.check(id);
    const asked = parts.filter((part) => part instanceof SwitchboardError || isRequest(part));
    if (asked.length === 0) response.writeHead(202).end();
    const stream = asked.length === 0 ? undefined : this.#newAnswer(response).stream;
    stream?.expect(asked.length);
    if (stream !== undefined) for (const id of requests) this.#requests.set(id, stream);
    for (const part of parts) this.#takePart(part, stream);
  }

  #takePart(part: BatchPart, stream: EventStream | undefined): void {
    if (part instanceof SwitchboardError) {
      this.#context.emit(refusal(part, this.#arrival));
      if (stream !== undefined) this.#finish(stream, failure(part.rpcId, part.toRpc()));
      return;
    }
    this.#context.messages.take(this.id, 'in', part);
    try {
      checkFromClient(part);
      this.#session.receive(part);
    } catch (thrown) {
      const error = asSwitchboardError(thrown);
      if (error !== thrown) this.#context.emit({ type: 'failed', where: 'http', error });
      this.#context.emit(refusal(error, this.#arrival, part));
      // An id that stands there twice has its request under way.
      if (!isRequest(part) || stream === undefined) return;
      if (error.code !== 'SWB_DUPLICATE_ID') this.#requests.delete(part.id);
      this.#finish(stream, failure(part.id, error.toRpc()));
    }
  }

  /** What a POST is answered with. */
  #newAnswer(response: HttpVisit['response']): { stream: EventStream; reply: Reply } {
    tellAllowance(response, this.#context, this.#arrival);
    const streamId = String(++this.#streamSeq);
    // A legacy client that hangs up has not cancelled: its request goes on (MCP 2025-11-25, Transports, "Sending messages").
    const reply = this.#reply(
      response,
      { firstEventId: `${streamId}-0` },
      () => stream.detach(reply),
      () => stream,
    );
    const stream = this.#newStream(streamId, reply);
    return { stream, reply };
  }

  /**
   * Answers a GET with the stream of what belongs to no request, or goes on with one that was cut. Of several such streams the newest
   * counts, as a client that is back cannot close the one that hangs; the older ends.
   *
   * @throws {SwitchboardError} `SWB_NOT_ACCEPTABLE`, `SWB_BAD_REQUEST` when the stream is not kept any more.
   */
  async openStream({ request, response }: HttpVisit): Promise<void> {
    this.#heard();
    const { accept = '*/*', 'last-event-id': lastEventId } = request.headers;
    if (!accepts(accept, EVENT_STREAM_TYPE)) {
      throw new SwitchboardError('SWB_NOT_ACCEPTABLE', { detail: `got ${JSON.stringify(accept)}` });
    }
    const [stream, after] =
      typeof lastEventId === 'string' ? await this.#find(lastEventId) : [this.#standalone, undefined];
    // A quiet stream gives its client an id to come back with, too.
    const primed = after === undefined ? { firstEventId: stream.firstEventId } : {};
    const reply = this.#reply(
      response,
      primed,
      () => {
        // It was there until now, however quiet.
        this.lastActivity = Date.now();
        stream.detach(reply);
      },
      () => stream,
    );
    owned(
      () => stream.attach(reply, after),
      (error) => {
        this.#failed('event stream', error);
        reply.end();
      },
    );
  }

  close(_why: CloseName, reason: string): void {
    this.#finishAll(reason, false);
  }

  suspend(reason: string): boolean {
    if (this.#record === undefined) return false;
    this.#finishAll(reason, true);
    return true;
  }

  /** @param stays whether another process may go on with it. */
  #finishAll(reason: string, stays: boolean): void {
    for (const timer of this.#absence) clearTimeout(timer);
    if (this.#registry.remove(this.id) === undefined) return;
    this.#release();
    // No connection ends that would tell who waits for an answer: each is told that none will come.
    const code = stays ? 'SWB_CONNECTION_LOST' : 'SWB_SESSION_NOT_FOUND';
    const error = new SwitchboardError(code, { detail: reason }).toRpc();
    for (const [id, stream] of this.#requests.entries()) stream.finish(failure(id, error));
    this.#requests.clear();
    if (stays) this.#record?.leave();
    else this.#record?.end();
    this.#session.close(reason);
    this.#onClose(reason);
    for (const stream of this.#streams.values()) {
      if (stays) stream.leave();
      else stream.end();
    }
    this.#streams.clear();
  }

  #recordNow(): SessionRecord | undefined {
    const spoken = this.#session.record;
    if (spoken === undefined) return undefined;
    // A client comes back only for what it has been given an event id of.
    const open = this.#requests
      .entries()
      .flatMap(([id, { id: stream, canResume }]) => (typeof id === 'bigint' || !canResume ? [] : [{ stream, id }]));
    const carried = { open, streams: this.#streamSeq, startedAt: this.#startedAt };
    return recordOf(spoken, this.#arrival, this.notes, carried);
  }

  /** What another process has kept of a stream; a new log where that is nothing. */
  async #recall(streamId: string): Promise<Log> {
    const log = await this.#limits.store.recall(this.#nameOf(streamId), this.#logOptions);
    this.#hasGap ||= log?.hasGap === true;
    return log ?? this.#openLog(streamId);
  }

  #openLog(streamId: string): Log {
    const { store } = this.#limits;
    return this.upstream.isMovable ? store.log(this.#nameOf(streamId), this.#logOptions) : new MemoryLog();
  }

  get #logOptions(): KeepOptions {
    return this.#context.records?.keeping ?? {};
  }

  #nameOf(streamId: string): string {
    return `stream ${this.id} ${streamId}`;
  }

  /** What was under way when the process ended is answered when its client comes back for it: a tool may have acted, so nothing is repeated. */
  async #settleOpen(open: SessionRecord['open']): Promise<void> {
    const error = new SwitchboardError('SWB_CONNECTION_LOST', { detail: 'Switchboard was restarted' }).toRpc();
    for (const streamId of new Set(open.map(({ stream }) => stream))) {
      const ids = open.flatMap(({ stream, id }) => (stream === streamId ? [id] : []));
      const stream = this.#newStream(streamId);
      stream.recall(await this.#recall(streamId));
      stream.expect(ids.length);
      for (const id of ids) stream.finish(failure(id, error));
    }
  }

  #send(message: Message, about: RpcId | undefined): void {
    this.lastActivity = Date.now();
    if (isResponse(message)) {
      if (about !== undefined) this.#finish(this.#takeRequest(about), message);
      return;
    }
    this.#context.messages.take(this.id, 'out', message);
    const own = about === undefined ? undefined : this.#requests.get(about);
    (own ?? (this.#standalone.isAttached ? this.#standalone : (this.#anyRequest() ?? this.#standalone))).push(message);
  }

  #finish(stream: EventStream | undefined, message: Message): void {
    if (stream === undefined) return;
    this.#context.messages.take(this.id, 'out', message);
    stream.finish(message);
    if (!stream.isFinished) return;
    // Without an event id there is nothing that a client could come back with.
    if (!stream.canResume) {
      this.#forget(stream);
      return;
    }
    const finished = this.#streams.values().filter(({ isFinished }) => isFinished);
    for (const old of finished.slice(0, -MAX_FINISHED)) this.#forget(old);
  }

  #forget(stream: EventStream): void {
    this.#delivered.delete(stream);
    stream.end();
    this.#streams.delete(stream.id);
  }

  #newStream(id: string, reply?: Reply): EventStream {
    const { maxQueueMessages: maxEvents, replay } = this.#limits;
    const stream: EventStream = new EventStream(
      id,
      {
        maxEvents,
        openLog: () => this.#openLog(id),
        onKept: (bytes) => {
          if (bytes > 0) this.#newest = stream;
          this.#kept += bytes;
          replay.change(this, bytes);
        },
      },
      reply,
    );
    this.#streams.set(id, stream);
    return stream;
  }

  /** @param streamOf the stream that it carries, if any. */
  #reply(
    response: HttpVisit['response'],
    { firstEventId }: Pick<ReplyOptions, 'firstEventId'>,
    onGone: () => void,
    streamOf: () => EventStream | undefined = () => undefined,
  ): Reply {
    const { maxQueueBytes, keepAliveMs } = this.#limits;
    const isPrimed = firstEventId !== undefined && this.#session.version >= PRIMED_SINCE;
    const headers = { 'mcp-session-id': this.secret };
    this.#open++;
    const onClose = (delivered: boolean): void => {
      this.#open--;
      const stream = streamOf();
      if (delivered && stream?.isFinished === true) this.#settle(stream);
      this.#restartAbsence();
    };
    const onStream = (): void => this.#record?.changed();
    return new Reply(
      response,
      { maxQueueBytes, keepAliveMs, headers, onClose, onStream, ...(isPrimed && { firstEventId }) },
      onGone,
    );
  }

  /** Its client has got all of a finished stream. */
  #settle(stream: EventStream): void {
    if (this.#streams.get(stream.id) !== stream) return;
    if (stream.kept > KEPT_AFTER_DELIVERY_BYTES) this.#forget(stream);
    else this.#delivered.add(stream);
  }

  /** Nobody is there who waits for anything. Who comes back later is told so. */
  #giveUpCalls(reason: string): void {
    for (const stream of this.#delivered) this.#forget(stream);
    const error = new SwitchboardError('SWB_CLIENT_GONE', { detail: `the call was cancelled: ${reason}` }).toRpc();
    const open = this.#requests.entries();
    this.#requests.clear();
    this.#session.calls.cancelAll(reason);
    for (const [id, stream] of open) this.#finish(stream, failure(id, error));
  }

  #failed(where: string, error: unknown): void {
    this.#context.emit({ type: 'failed', where, error });
  }

  #restartAbsence(): void {
    if (this.#open === 0 && this.#session.state !== 'closed') for (const timer of this.#absence) timer.refresh();
  }

  async #find(eventId: string): Promise<[EventStream, number]> {
    const [, id = '', number = ''] = /^(\w+)-(\d{1,15})$/.exec(eventId) ?? [];
    const stream = this.#streams.get(id) ?? (await this.#finishedBefore(id));
    if (stream !== undefined) return [stream, Number(number)];
    const detail = `the stream of Last-Event-ID ${JSON.stringify(eventId)} is not kept any more`;
    throw new SwitchboardError('SWB_BAD_REQUEST', { detail });
  }

  /** A stream that another process had finished, and kept for who has not got all of it. */
  async #finishedBefore(id: string): Promise<EventStream | undefined> {
    if (!this.#isRestored || id === '') return undefined;
    const log = await this.#limits.store.recall(this.#nameOf(id), this.#logOptions);
    const known = this.#streams.get(id);
    if (log === undefined || known !== undefined) return known;
    const stream = this.#newStream(id);
    stream.recall(log);
    if (log.hasGap === true) this.#forget(stream);
    else stream.complete();
    return this.#streams.get(id);
  }

  #takeRequest(id: RpcId): EventStream | undefined {
    const stream = this.#requests.get(id);
    this.#requests.delete(id);
    if (stream?.canResume === true) this.#record?.changed();
    return stream;
  }

  /** The newest request whose stream somebody hears. */
  #anyRequest(): EventStream | undefined {
    return this.#requests.values().findLast(({ isAttached }) => isAttached);
  }

  #heard(): void {
    this.lastActivity = Date.now();
    this.#restartAbsence();
  }
}
