/** Carries exchanges: finds the member that serves each, keeps time, and knows at every moment which are open. */
import { randomBytes } from 'node:crypto';

import { SwitchboardError } from '../protocol/errors.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { IdRing } from '../util/id-ring.ts';
import { owned } from '../util/owned.ts';
import type { Exchange, Exchanges, OpenedExchange, Opening, Outcome, Slot } from './exchange.ts';
import { ParkedTable } from './parked.ts';
import type { Handles } from './parked.ts';
import { RoutedExchange } from './routed-exchange.ts';
import type { RoutedExchangeOptions } from './routed-exchange.ts';
import type { ConcurrencyLimiter } from './concurrency-limiter.ts';

export interface RouterOptions {
  /** The longest that any exchange may go without an answer or a progress note, in ms. */
  requestTimeoutMs: number;
  /** How long this one may. @default `requestTimeoutMs` */
  timeoutMs?(exchange: Exchange): number;
  limiter: ConcurrencyLimiter;
  /** Asked before an exchange is served; what it throws, or rejects with, is the answer. */
  admit?(exchange: Exchange): void | Promise<void>;
  /** How long a modern client may take to come back with the answer to a question, in ms. */
  answerTimeoutMs: number;
  /** How many exchanges may wait for such an answer. */
  maxParked: number;
  /** How the handles begin that clients come back with. @default as no other process has it */
  handles?: Handles;
  /** The params of an exchange that is about to be made as they go on, where something is added to them on the way. */
  carry?(opening: Opening & Pick<Exchange, 'id' | 'reached'>): JsonObject | undefined;
  onOpen?(exchange: Exchange): void;
  onEnd?(exchange: Exchange, outcome: Outcome | 'cancelled'): void;
  /** Something of Switchboard's own failed. Must not throw. @param where it did. */
  onFault?(where: string, error: unknown): void;
}

export class Router implements Exchanges {
  readonly #options: RouterOptions;
  readonly #exchanges: IdRing<RoutedExchange> = new IdRing();
  readonly #parked: ParkedTable<RoutedExchange>;
  readonly #shared: RoutedExchangeOptions;
  /** Ids are unguessable across restarts and cheap within one run. */
  readonly #prefix = randomBytes(4).toString('hex');
  readonly #clock: NodeJS.Timeout;
  #seq = 0;
  #draining = false;
  #onDrained: (() => void) | undefined;

  constructor(options: RouterOptions) {
    this.#options = options;
    // One clock for all is far cheaper than a timer for each.
    const everyMs = Math.min(1000, Math.max(10, options.requestTimeoutMs / 4));
    this.#clock = setInterval(
      () =>
        owned(
          () => this.#expire(),
          (thrown) => options.onFault?.('clock of the router', thrown),
        ),
      everyMs,
    ).unref();
    this.#parked = new ParkedTable({
      ttlMs: options.answerTimeoutMs,
      max: options.maxParked,
      ...(options.handles !== undefined && { handles: options.handles }),
    });
    this.#shared = {
      timeoutMs: options.timeoutMs ?? (() => options.requestTimeoutMs),
      limiter: options.limiter,
      parked: this.#parked,
      onEnd: (exchange, outcome) => {
        this.#exchanges.delete(exchange.place);
        if (this.#exchanges.size === 0) this.#onDrained?.();
        options.onEnd?.(exchange, outcome);
      },
      onFault: (exchange, error) => options.onFault?.(`exchange ${exchange.id}, ${exchange.method}`, error),
    };
  }

  /** The open exchanges, parked ones among them, oldest first. */
  get exchanges(): RoutedExchange[] {
    return this.#exchanges.values();
  }

  /** How many there are. */
  get size(): number {
    return this.#exchanges.size;
  }

  get parked(): number {
    return this.#parked.size;
  }

  /** @throws {SwitchboardError} `SWB_SHUTTING_DOWN` */
  open(opening: Opening): OpenedExchange {
    if (this.#draining) throw new SwitchboardError('SWB_SHUTTING_DOWN');
    const resumed = opening.scope.era === 'modern' ? this.#parked.find(opening, opening.slot.upstream) : undefined;
    if (resumed !== undefined) {
      resumed.resume(opening);
      return resumed;
    }
    const id = `${this.#prefix}-${++this.#seq}`;
    const { carry } = this.#options;
    const reached = opening.slot.leadsTo?.(opening);
    let carried = opening;
    if (carry !== undefined) {
      owned(
        () => (carried = { ...opening, params: carry({ id, reached, ...opening }) }),
        (thrown) => this.#options.onFault?.(`exchange ${id}`, thrown),
      );
    }
    const exchange = new RoutedExchange(id, carried, this.#shared);
    exchange.reached = reached;
    exchange.place = this.#exchanges.add(exchange);
    owned(
      () => this.#options.onOpen?.(exchange),
      (thrown) => void exchange.report(thrown),
    );
    this.#start(exchange);
    return exchange;
  }

  #start(exchange: RoutedExchange): void {
    exchange.run(() => {
      const admitted = this.#options.admit?.(exchange);
      if (admitted === undefined) return exchange.start();
      return admitted.then(() => exchange.start());
    });
  }

  /** The open exchange of this id, for operators. */
  find(id: string): RoutedExchange | undefined {
    return this.exchanges.find((exchange) => exchange.id === id);
  }

  /** Opens nothing any more; resolves when everything has ended, or when the time is over. What lives for ever is ended at once. */
  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    for (const exchange of this.exchanges) {
      // Nobody can come back to a call that was parked.
      if (exchange.parked) exchange.cancel('Switchboard is shutting down');
      else exchange.finish();
    }
    if (this.#exchanges.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onDrained = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  parkedSlot(request: Pick<Opening, 'scope' | 'method' | 'params'>, upstream: string): Slot | undefined {
    if (this.#draining) throw new SwitchboardError('SWB_SHUTTING_DOWN');
    return this.#parked.find(request, upstream)?.slot;
  }

  #expire(): void {
    const now = performance.now();
    for (const exchange of this.exchanges) exchange.run(() => exchange.expire(now));
  }

  /** Nobody is to come back any more. */
  close(): void {
    clearInterval(this.#clock);
    for (const exchange of this.exchanges) exchange.cancel('Switchboard is shutting down');
  }
}
