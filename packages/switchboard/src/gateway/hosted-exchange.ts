/** A request of a client of another node to a member here: it was admitted there, and is cancelled there when its time is over. */
import { asSwitchboardError, SwitchboardError } from '../protocol/errors.ts';
import { META, metaOf } from '../protocol/eras.ts';
import { failure, notification, result } from '../protocol/jsonrpc.ts';
import type { JsonObject, Message, RpcError, RpcId, RpcNotification, RpcRequest } from '../protocol/jsonrpc.ts';
import { LazyResult } from '../protocol/lazy-result.ts';
import type { Exchange, Outcome, Question, Scope, Slot } from '../router/exchange.ts';
import { owned } from '../util/owned.ts';
import type { LineReply } from './line-reply.ts';

export interface HostedExchangeOptions {
  id: string;
  slot: Slot;
  scope: Scope;
  request: RpcRequest;
  reply: LineReply;
  /** Something of Switchboard's own failed. */
  onFault(error: SwitchboardError): void;
}

export class HostedExchange implements Exchange {
  readonly startedAt: number = performance.now();
  readonly parked = false;
  sentAs: number = 0;
  readonly #options: HostedExchangeOptions;
  readonly #endListeners: (() => void)[] = [];
  #ended = false;

  constructor(options: HostedExchangeOptions) {
    this.#options = options;
  }

  get id(): string {
    return this.#options.id;
  }

  get slot(): Slot {
    return this.#options.slot;
  }

  get scope(): Scope {
    return this.#options.scope;
  }

  get method(): string {
    return this.#options.request.method;
  }

  get params(): JsonObject | undefined {
    return this.#options.request.params;
  }

  get wantsProgress(): boolean {
    return metaOf(this.params)?.['progressToken'] !== undefined;
  }

  get settled(): boolean {
    return this.#ended;
  }

  progress(params: JsonObject): void {
    const { request, reply } = this.#options;
    if (!this.#ended) reply.send(notification('notifications/progress', { ...params, progressToken: request.id }));
  }

  notify(note: RpcNotification): void {
    const { request, reply } = this.#options;
    if (!this.#ended) reply.send(taggedAs(request.id, note));
  }

  settle(outcome: Outcome): void {
    if (this.#ended) return;
    const { request, reply } = this.#options;
    this.end();
    reply.end(answerOf(request.id, outcome));
  }

  run(work: () => unknown): void {
    owned(work, (thrown) => this.settle({ error: this.report(thrown) }));
  }

  report(thrown: unknown): RpcError {
    const error = asSwitchboardError(thrown);
    if (error !== thrown) this.#options.onFault(error);
    return error.toRpc();
  }

  /** Whoever asked finds the member that is there by then. */
  reopen(): boolean {
    return false;
  }

  /** What several share asks nobody: a legacy server is told so at its start, and a modern one asks by its answer. */
  ask({ method }: Question): Promise<Outcome> {
    const error = new SwitchboardError('SWB_METHOD_NOT_FOUND', { detail: `${method}: a client of another node` });
    return Promise.resolve({ error: error.toRpc() });
  }

  onEnd(listener: () => void): void {
    if (this.#ended) listener();
    else this.#endListeners.push(listener);
  }

  /** Nobody waits for the answer any more. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const listener of this.#endListeners.splice(0)) owned(listener, (thrown) => this.report(thrown));
  }
}

/** The message that answers a request. */
export function answerOf(id: RpcId, outcome: Outcome): Message {
  if (outcome instanceof LazyResult) return outcome.answering(id);
  return 'result' in outcome ? result(id, outcome.result) : failure(id, outcome.error);
}

/** What a listen hears names the listen: here by the number that the member gave it, and at the other node by that one's. */
export function taggedAs(id: RpcId, note: RpcNotification): RpcNotification {
  const meta = metaOf(note.params);
  if (meta?.[META.subscriptionId] === undefined) return note;
  return { ...note, params: { ...note.params, _meta: { ...meta, [META.subscriptionId]: id } } };
}
