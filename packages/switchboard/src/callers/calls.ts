/** The running requests of one client, by the ids that the client gave them. */
import { metaOf } from '../protocol/eras.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { failure, notification, result } from '../protocol/jsonrpc.ts';
import type { RpcId, RpcRequest } from '../protocol/jsonrpc.ts';
import type { Exchange, Leg, Scope, Slot } from '../router/exchange.ts';
import type { CallerContext, Outlet } from './context.ts';

export interface CallOptions {
  scope: Scope;
  slot: Slot;
  outlet: Outlet;
  endless?: boolean;
  /** How the client is asked while its request runs; modern clients cannot be. */
  ask?: Leg['ask'];
}

export class Calls {
  readonly #context: CallerContext;
  readonly #running: Map<RpcId, { exchange: Exchange; outlet: Outlet }> = new Map();
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
  open(request: RpcRequest, { scope, slot, outlet, ask, endless = false }: CallOptions): void {
    const { id, method, params } = request;
    this.check(id);
    const token = metaOf(params)?.['progressToken'];
    const wantsProgress = typeof token === 'string' || typeof token === 'number';
    const exchange = this.#context.exchanges.open({
      scope,
      slot,
      method,
      params,
      endless,
      wantsProgress,
      leg: {
        progress: (note) => {
          if (wantsProgress) outlet.send(notification('notifications/progress', { ...note, progressToken: token }), id);
        },
        notify: (note) => outlet.send(note, id),
        ...(ask !== undefined && { ask }),
        settle: (outcome) => {
          this.#running.delete(id);
          outlet.send('result' in outcome ? result(id, outcome.result) : failure(id, outcome.error), id);
        },
      },
    });
    if (!exchange.settled) this.#running.set(id, { exchange, outlet });
  }

  cancel(requestId: unknown, reason?: string): void {
    const id = this.#find(requestId);
    const call = id === undefined ? undefined : this.#running.get(id);
    if (id === undefined || call === undefined) return;
    this.#running.delete(id);
    this.#context.exchanges.cancel(call.exchange, reason);
    call.outlet.drop?.(id);
  }

  cancelAll(reason: string): void {
    for (const id of this.#running.keys()) this.cancel(id, reason);
    this.#reserved.clear();
  }

  /** An id beyond the safe integers stands here as it was written, but rounded in the params of a cancellation. */
  #find(requestId: unknown): RpcId | undefined {
    const id = requestId as RpcId;
    if (this.#running.has(id) || typeof id !== 'number' || Number.isSafeInteger(id)) return id;
    return [...this.#running.keys()].find((running) => typeof running === 'bigint' && Number(running) === id);
  }
}
