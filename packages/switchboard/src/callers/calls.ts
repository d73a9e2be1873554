/** The running requests of one client, by the ids that the client gave them. */
import { metaOf } from '../protocol/eras.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { failure, notification, result } from '../protocol/jsonrpc.ts';
import type { JsonObject, RpcId, RpcNotification, RpcRequest } from '../protocol/jsonrpc.ts';
import { LazyResult } from '../protocol/lazy-result.ts';
import type { OpenedExchange, Outcome, Responder, Scope, Slot } from '../router/exchange.ts';
import { ShortMap } from '../util/short-map.ts';
import type { CallerContext, Outlet } from './context.ts';

export interface CallOptions {
  scope: Scope;
  slot: Slot;
  outlet: Outlet;
  endless?: boolean;
  /** How the client is asked while its request runs; modern clients cannot be. */
  ask?: Responder['ask'];
  /** What the client gets in place of the result. @default the result */
  complete?: ((result: JsonObject) => JsonObject) | undefined;
  /** Called once when the request does not run any more, also when it is refused: it has been answered or cancelled, or waits for its client. */
  release: () => void;
}

export class Calls {
  readonly #context: CallerContext;
  readonly #running: ShortMap<RpcId, { exchange: OpenedExchange; outlet: Outlet; release: () => void }> =
    new ShortMap();
  /** Ids that are in use for something else than an exchange, such as `initialize`. */
  readonly #reserved: Set<RpcId> = new Set();

  constructor(context: CallerContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#running.size + this.#reserved.size;
  }

  /** The one running request, if it is only one: what the server says meanwhile is most likely about it. */
  get only(): RpcId | undefined {
    if (this.#running.size !== 1) return undefined;
    const [id] = this.#running.keys();
    return id;
  }

  /** @throws {SwitchboardError} `SWB_DUPLICATE_ID`, `SWB_OVERLOADED` */
  check(id: RpcId): void {
    if (this.#running.has(id) || this.#reserved.has(id)) {
      throw new SwitchboardError('SWB_DUPLICATE_ID', { detail: JSON.stringify(String(id)) });
    }
    const { maxRequestsInFlight } = this.#context;
    if (this.size >= maxRequestsInFlight) {
      const detail = `${maxRequestsInFlight} requests of this client are running, the limit (maxRequestsInFlight)`;
      throw new SwitchboardError('SWB_OVERLOADED', { detail });
    }
  }

  reserve(id: RpcId): void {
    this.check(id);
    this.#reserved.add(id);
  }

  release(id: RpcId): void {
    this.#reserved.delete(id);
  }

  /** Opens an exchange for a request; its answer goes to the outlet. @throws as {@link check} */
  open(request: RpcRequest, { scope, slot, outlet, ask, endless = false, complete, release }: CallOptions): void {
    const { id, method, params } = request;
    try {
      this.check(id);
      const token = metaOf(params)?.['progressToken'];
      const responder = new CallResponder(id, token, outlet, this.#running, ask, release, complete);
      const { wantsProgress } = responder;
      const exchange = this.#context.exchanges.open({ scope, slot, method, params, endless, wantsProgress, responder });
      if (!exchange.settled) this.#running.set(id, { exchange, outlet, release });
    } catch (error) {
      release();
      throw error;
    }
  }

  /** @param params of the client's `notifications/cancelled`; one that names no running request changes nothing. */
  cancelByNotification(params: JsonObject | undefined): void {
    const reason = params?.['reason'];
    this.#cancel(this.#find(params?.['requestId']), typeof reason === 'string' ? reason : undefined);
  }

  /** Cancels all against the client's will: each is answered with the error. */
  failAll(error: SwitchboardError): void {
    for (const id of this.#running.keys()) {
      const outlet = this.#running.get(id)?.outlet;
      this.#cancel(id, error.message);
      outlet?.send(failure(id, error.toRpc()), id);
    }
  }

  cancelAll(reason: string): void {
    for (const id of this.#running.keys()) this.#cancel(id, reason);
    this.#reserved.clear();
  }

  #cancel(id: RpcId | undefined, reason: string | undefined): void {
    const call = id === undefined ? undefined : this.#running.get(id);
    if (id === undefined || call === undefined) return;
    this.#running.delete(id);
    call.release();
    call.exchange.cancel(reason);
    call.outlet.drop?.(id);
  }

  /** An id beyond the safe integers stands here as it was written, but rounded in the params of a cancellation. */
  #find(requestId: unknown): RpcId | undefined {
    const id = requestId as RpcId;
    if (this.#running.has(id) || typeof id !== 'number' || Number.isSafeInteger(id)) return id;
    return this.#running.keys().find((running) => typeof running === 'bigint' && Number(running) === id);
  }
}

/** Writes what comes of one request to the client that sent it, under the ids that the client gave. */
class CallResponder implements Responder {
  readonly wantsProgress: boolean;
  readonly ask: NonNullable<Responder['ask']> | undefined;
  readonly #id: RpcId;
  readonly #token: unknown;
  readonly #outlet: Outlet;
  readonly #running: Pick<ShortMap<RpcId, unknown>, 'delete'>;
  readonly #release: () => void;
  readonly #complete: CallOptions['complete'];

  constructor(
    id: RpcId,
    token: unknown,
    outlet: Outlet,
    running: Pick<ShortMap<RpcId, unknown>, 'delete'>,
    ask: Responder['ask'],
    release: () => void,
    complete: CallOptions['complete'],
  ) {
    this.wantsProgress = typeof token === 'string' || typeof token === 'number';
    this.ask = ask === undefined ? undefined : (question, signal) => ask(question, signal, id);
    this.#id = id;
    this.#token = token;
    this.#outlet = outlet;
    this.#running = running;
    this.#release = release;
    this.#complete = complete;
  }

  progress(params: JsonObject): void {
    if (!this.wantsProgress) return;
    const note = notification('notifications/progress', { ...params, progressToken: this.#token });
    this.#outlet.send(note, this.#id);
  }

  notify(note: RpcNotification): void {
    this.#outlet.send(note, this.#id);
  }

  settle(outcome: Outcome): void {
    const id = this.#id;
    this.#running.delete(id);
    this.#release();
    const complete = this.#complete;
    if ('result' in outcome && complete !== undefined) this.#outlet.send(result(id, complete(outcome.result)), id);
    else if (outcome instanceof LazyResult) this.#outlet.send(outcome.answering(id), id);
    else this.#outlet.send('result' in outcome ? result(id, outcome.result) : failure(id, outcome.error), id);
  }
}
