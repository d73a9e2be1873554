/**
 * A legacy session over HTTP: messages come in by POST, answers go out on the reply to the request they belong to, and what the
 * server says of its own accord on the GET stream (MCP 2025-11-25, Transports, "Streamable HTTP").
 */
import { isLegacyVersion } from '../protocol/eras.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { isRequest, isResponse, result } from '../protocol/jsonrpc.ts';
import type { Message, RpcId, RpcRequest } from '../protocol/jsonrpc.ts';
import type { Upstream } from '../router/exchange.ts';
import { Reply } from '../transports/http/reply.ts';
import type { CallerContext } from './context.ts';
import type { HttpLimits, HttpVisit } from './http.ts';
import type { Conversation, Registry } from './registry.ts';
import { LegacySession } from './session.ts';

/** How many messages without a stream are kept for the next one. */
const MAX_BACKLOG = 100;

export class HttpSession implements Conversation {
  readonly id: string;
  readonly principal: string;
  readonly upstream: Upstream;
  readonly #registry: Registry;
  readonly #limits: HttpLimits;
  readonly #session: LegacySession;
  /** The replies that are still open, by the id of the request they answer. */
  readonly #replies: Map<RpcId, Reply> = new Map();
  #stream: Reply | undefined;
  #backlog: Message[] = [];
  lastActivity: number = Date.now();

  private constructor(
    visit: HttpVisit,
    context: CallerContext,
    registry: Registry,
    limits: HttpLimits,
    id: string,
    label: string,
  ) {
    this.id = id;
    this.principal = visit.principal;
    this.upstream = visit.upstream;
    this.#registry = registry;
    this.#limits = limits;
    this.#session = new LegacySession({ ...visit, label, transport: 'http' }, context, {
      send: (message, about) => this.#send(message, about),
      drop: (about) => this.#takeReply(about)?.end(),
    });
  }

  /** Opens a session with the client's `initialize`, and answers it. @throws {SwitchboardError} when it cannot be opened. */
  static async open(
    { id: rpcId, params }: RpcRequest,
    visit: HttpVisit,
    context: CallerContext,
    registry: Registry,
    limits: HttpLimits,
    newId: () => string,
  ): Promise<void> {
    // What the client shows to prove the session is its own is not what stands in logs.
    const session = new HttpSession(visit, context, registry, limits, newId(), newId());
    // The place is taken before a member is started, so that a flood of sessions starts no more than are allowed.
    registry.add(session);
    const reply = new Reply(visit.response, session.#replyOptions(), () =>
      session.close('goingAway', 'the client hung up before its session was open'),
    );
    try {
      reply.finish(result(rpcId, await session.#session.initialize(params)));
    } catch (error) {
      session.close('goingAway', 'initialize failed');
      if (!reply.ended) throw error;
    }
  }

  get busy(): boolean {
    // A client that listens is there, however quiet it is.
    return this.#session.inFlight > 0 || this.#stream !== undefined;
  }

  /** Takes a message of the client and answers its POST. @throws {SwitchboardError} when it cannot be served. */
  post(message: Message, { request, response }: HttpVisit): void {
    this.#touch();
    const version = request.headers['mcp-protocol-version'];
    if (typeof version === 'string' && !isLegacyVersion(version)) {
      throw new SwitchboardError('SWB_UNSUPPORTED_VERSION', { detail: JSON.stringify(version) });
    }
    if (!isRequest(message)) {
      this.#session.receive(message);
      response.writeHead(202).end();
      return;
    }
    const { id } = message;
    this.#session.calls.check(id);
    // A legacy client that hangs up has not cancelled: its request goes on (MCP 2025-11-25, Transports, "Sending messages").
    this.#replies.set(id, new Reply(response, this.#replyOptions(), () => this.#replies.delete(id)));
    try {
      this.#session.receive(message);
    } catch (error) {
      this.#replies.delete(id);
      throw error;
    }
  }

  /** Answers a GET with the stream of what belongs to no request. @throws {SwitchboardError} `SWB_STREAM_EXISTS` */
  openStream({ request, response }: HttpVisit): void {
    this.#touch();
    const { accept = '*/*' } = request.headers;
    if (!/event-stream|\*\/\*/i.test(accept)) {
      throw new SwitchboardError('SWB_NOT_ACCEPTABLE', { detail: `got ${JSON.stringify(accept)}` });
    }
    if (this.#stream !== undefined) throw new SwitchboardError('SWB_STREAM_EXISTS');
    const stream = new Reply(response, this.#replyOptions(), () => {
      if (this.#stream === stream) this.#stream = undefined;
    });
    this.#stream = stream;
    stream.stream();
    for (const message of this.#backlog.splice(0)) stream.push(message);
  }

  close(_why: 'idle' | 'goingAway', reason: string): void {
    this.#registry.remove(this.id);
    this.#session.close(reason);
    for (const reply of this.#replies.values()) reply.end();
    this.#replies.clear();
    this.#stream?.end();
    this.#stream = undefined;
    this.#backlog = [];
  }

  #send(message: Message, about: RpcId | undefined): void {
    this.#touch();
    if (isResponse(message)) {
      if (about !== undefined) this.#takeReply(about)?.finish(message);
      return;
    }
    const stream = (about === undefined ? undefined : this.#replies.get(about)) ?? this.#stream ?? this.#anyReply();
    if (stream !== undefined) stream.push(message);
    else {
      this.#backlog.push(message);
      if (this.#backlog.length > MAX_BACKLOG) this.#backlog.shift();
    }
  }

  #takeReply(id: RpcId): Reply | undefined {
    const reply = this.#replies.get(id);
    this.#replies.delete(id);
    return reply;
  }

  /** The newest open reply. */
  #anyReply(): Reply | undefined {
    return [...this.#replies.values()].at(-1);
  }

  #replyOptions(): { maxQueueBytes: number; keepAliveMs: number; headers: { 'mcp-session-id': string } } {
    const { maxQueueBytes, keepAliveMs } = this.#limits;
    return { maxQueueBytes, keepAliveMs, headers: { 'mcp-session-id': this.id } };
  }

  #touch(): void {
    this.lastActivity = Date.now();
  }
}
