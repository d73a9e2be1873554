/** The part that another node has in a member here: what its clients ask, and what the member says to all. */
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { z } from 'zod';

import { SENDER_HEADER } from '../peers/member-channel.ts';
import type { Emit } from '../observe/events.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { isNotification, isRequest, result } from '../protocol/jsonrpc.ts';
import type { ParsedMessage, RpcRequest } from '../protocol/jsonrpc.ts';
import { metaOf } from '../protocol/eras.ts';
import { contextOf } from '../protocol/session-context.ts';
import type { ConcurrencyLimiter } from '../router/concurrency-limiter.ts';
import type { Caller, Scope } from '../router/exchange.ts';
import type { Sender } from '../transports/channel.ts';
import type { Loan, Place } from '../upstreams/placement.ts';
import { owned } from '../util/owned.ts';
import { HostedExchange, answerOf, taggedAs } from './hosted-exchange.ts';
import { LineReply } from './line-reply.ts';

export interface HostedSessionOptions {
  /** The id of the other node. */
  node: string;
  place: Place;
  loan: Loan;
  /** Stays open as long as the other node needs the member. */
  response: ServerResponse;
  limiter: ConcurrencyLimiter;
  /** How many bytes may wait for the other node; more cuts what they belong to. */
  maxQueueBytes: number;
  /** How long a request of the other node's own may take, in ms. */
  timeoutMs: number;
  /** Told how many requests of its clients run. */
  onCount(change: 1 | -1): void;
  onEnd(session: HostedSession): void;
  emit: Emit;
}

const LISTEN = 'subscriptions/listen';
const SUBSCRIPTION = /^resources\/(un)?subscribe$/;

const SENDER = z.object({
  principal: z.string(),
  affinity: z.string(),
  account: z.string().optional(),
  loose: z.boolean().optional(),
  logLevel: z.string().optional(),
});

export class HostedSession {
  /** Only the other node knows it, and it names the session alone. */
  readonly id: string = randomBytes(16).toString('base64url');
  readonly node: string;
  readonly #options: HostedSessionOptions;
  readonly #reply: LineReply;
  readonly #caller: Caller;
  /** Requests of its clients, with what answers each. */
  readonly #exchanges: Map<HostedExchange, LineReply> = new Map();
  /** Those of them that wait for their turn: nothing was done with them. */
  readonly #waiting: Set<HostedExchange> = new Set();
  /** What the other node itself listens on. */
  readonly #listens: Set<LineReply> = new Set();
  #stopWatching: () => void;
  #sequence = 0;
  #hasLeft = false;
  #ended = false;

  constructor(options: HostedSessionOptions) {
    const { node, loan, response, maxQueueBytes } = options;
    this.node = node;
    this.#options = options;
    const { member, slot } = loan;
    this.#caller = {
      scope: this.#scopeOf({ principal: '', affinity: `node ${node}` }),
      notify: (note) => this.#reply.send(note),
      ask: ({ method }) => {
        const error = new SwitchboardError('SWB_METHOD_NOT_FOUND', { detail: `${method}: clients of another node` });
        return Promise.resolve({ error: error.toRpc() });
      },
    };
    this.#reply = new LineReply(response, maxQueueBytes);
    this.#reply.sendOther({ session: this.id, era: member.era, handshake: member.handshakeResult });
    this.#reply.onClose(() => this.end());
    this.#stopWatching = member.whenLeaving((reason) => {
      this.#refuseWaiting();
      if (reason === undefined) this.leave('another has taken its place');
      else {
        this.#reply.sendOther({ gone: reason });
        this.end();
      }
    });
    // What a modern server says to all it says to each who listens.
    if (this.#isHeard) slot.join(this.#caller);
  }

  /** Takes nothing new any more; what is under way is answered. */
  leave(reason: string): void {
    if (this.#hasLeft || this.#ended) return;
    this.#hasLeft = true;
    this.#reply.sendOther({ left: reason });
  }

  /** The other node needs it no more, or is gone. Idempotent. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const { loan, onEnd } = this.#options;
    this.#stopWatching();
    // The other node may be gone without a word, and would never close what it has open.
    for (const [exchange, reply] of this.#exchanges) {
      this.#cancel(exchange);
      reply.cut();
    }
    for (const reply of this.#listens) reply.cut();
    if (this.#isHeard) loan.slot.leave(this.#caller);
    loan.end();
    this.#reply.end();
    onEnd(this);
  }

  /**
   * Takes a message of the other node.
   *
   * @param sender the header that says of whom it is; without one it is of the node itself.
   * @throws {SwitchboardError} `SWB_NOT_OWNER` when nothing was done with it; `SWB_BAD_REQUEST`
   */
  receive(message: ParsedMessage, sender: string | string[] | undefined, response: ServerResponse): void {
    if (this.#ended || (this.#hasLeft && sender !== undefined)) {
      throw replaced();
    }
    if (isRequest(message)) {
      const reply = new LineReply(response, this.#options.maxQueueBytes);
      if (sender === undefined) this.#askItself(message, reply);
      else this.#ask(message, this.#scopeOf(readSender(sender), message), reply);
      return;
    }
    response.writeHead(202).end();
    if (isNotification(message)) this.#options.loan.member.notify(message);
  }

  /** Where the member is. */
  get place(): Place {
    return this.#options.place;
  }

  get #isHeard(): boolean {
    const { member, servesSessions } = this.#options.loan;
    return servesSessions && member.era === 'legacy';
  }

  #scopeOf(sender: Sender, request?: RpcRequest): Scope {
    const { era, version } = this.#options.loan.member;
    const { principal, affinity, account, loose, logLevel } = sender;
    const context = contextOf(metaOf(request?.params));
    return {
      era,
      version,
      capabilities: {},
      transport: 'http',
      principal,
      affinity,
      ...(account !== undefined && { account }),
      ...(loose !== undefined && { loose }),
      ...(logLevel !== undefined && { logLevel }),
      ...(context !== undefined && { context: () => context }),
    };
  }

  /** A request of a client. */
  #ask(request: RpcRequest, scope: Scope, reply: LineReply): void {
    const { loan, limiter } = this.#options;
    const { member, slot } = loan;
    member.health.usedAt = Date.now();
    const exchange = this.#open(request, scope, reply);
    // What never ends would keep a turn for ever.
    if (request.method === LISTEN) exchange.run(() => member.open(exchange));
    else {
      exchange.run(() => {
        const run = (): void => {
          this.#waiting.delete(exchange);
          exchange.run(() => exchange.settled || member.open(exchange));
        };
        this.#waiting.add(exchange);
        exchange.onEnd(() => this.#waiting.delete(exchange));
        exchange.onEnd(limiter.take(slot.upstream, scope.account ?? scope.affinity, run));
      });
    }
  }

  #open(request: RpcRequest, scope: Scope, reply: LineReply): HostedExchange {
    const { loan, emit, onCount } = this.#options;
    const exchange: HostedExchange = new HostedExchange({
      id: `${this.id.slice(0, 8)}-${++this.#sequence}`,
      slot: loan.slot,
      scope,
      request,
      reply,
      onFault: (error) => emit({ type: 'failed', where: `a request of another node, ${request.method}`, error }),
    });
    this.#exchanges.set(exchange, reply);
    onCount(1);
    exchange.onEnd(() => {
      this.#exchanges.delete(exchange);
      onCount(-1);
    });
    // To hang up is how a request is given up between nodes.
    reply.onClose(() => this.#cancel(exchange));
    return exchange;
  }

  /** What the member did nothing with goes to the one that takes its place. */
  #refuseWaiting(): void {
    for (const exchange of this.#waiting) {
      const reply = this.#exchanges.get(exchange);
      exchange.end();
      reply?.refuse(replaced());
    }
  }

  #cancel(exchange: HostedExchange): void {
    if (exchange.settled) return;
    exchange.end();
    owned(
      () => this.#options.loan.member.cancel(exchange, 'the client no longer wants the answer'),
      (thrown) => exchange.report(thrown),
    );
  }

  /** A request of the other node's own: about the server, and what its clients watch. */
  #askItself(request: RpcRequest, reply: LineReply): void {
    const { member } = this.#options.loan;
    const { id, method, params } = request;
    if (method === 'ping') reply.end(result(id, {}));
    else if (method === LISTEN) {
      const listen = member.peer.listen(method, params ?? {}, {
        notify: (note) => reply.send(taggedAs(id, note)),
        settle: (outcome) => reply.end(answerOf(id, outcome)),
      });
      if (listen === undefined) return;
      this.#listens.add(reply);
      reply.onClose(() => {
        this.#listens.delete(reply);
        member.peer.stopListening(listen);
      });
    } else if (SUBSCRIPTION.test(method) && member.era === 'legacy') {
      const exchange = this.#open(request, this.#caller.scope, reply);
      exchange.run(() => member.open(exchange));
    } else {
      member.peer.own(method, async () => {
        const outcome = await member.peer.call(method, params, this.#options.timeoutMs);
        reply.end(answerOf(id, outcome));
      });
    }
  }
}

const replaced = (): SwitchboardError => new SwitchboardError('SWB_NOT_OWNER', { detail: 'the member is replaced' });

/** @throws {SwitchboardError} `SWB_BAD_REQUEST`: the other node is of another version, as a signed header is what was sent. */
function readSender(header: string | string[]): Sender {
  try {
    return SENDER.parse(JSON.parse(Buffer.from(String(header), 'base64url').toString('utf8')));
  } catch (cause) {
    throw new SwitchboardError('SWB_BAD_REQUEST', { detail: `${SENDER_HEADER} cannot be read`, cause });
  }
}
