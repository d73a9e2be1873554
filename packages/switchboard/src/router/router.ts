/** Carries exchanges: finds the member that serves each, keeps time, and knows at every moment which are open. */
import { randomBytes } from 'node:crypto';

import type { JsonObject } from '../protocol/jsonrpc.ts';
import type { Exchange, Exchanges, Opening, Outcome, Slot } from './exchange.ts';
import { ParkedTable } from './parked.ts';
import { RoutedExchange } from './routed-exchange.ts';
import type { RoutedExchangeOptions } from './routed-exchange.ts';

export interface RouterOptions {
  /** How long an exchange may go without an answer or a progress note, in ms. */
  requestTimeoutMs: number;
  /** How long a modern client may take to come back with the answer to a question, in ms. */
  answerTimeoutMs: number;
  /** How many exchanges may wait for such an answer. */
  maxParked: number;
  /**
   * The params as they go on, where something is added to them on the way.
   *
   * @param id of the exchange that is about to be made.
   */
  carry?(id: string, opening: Opening): JsonObject | undefined;
  onOpen?(exchange: Exchange): void;
  onEnd?(exchange: Exchange, outcome: Outcome | 'cancelled'): void;
}

export class Router implements Exchanges {
  readonly #options: RouterOptions;
  readonly #exchanges: Set<RoutedExchange> = new Set();
  readonly #parked: ParkedTable<RoutedExchange>;
  readonly #shared: RoutedExchangeOptions;
  /** Ids are unguessable across restarts and cheap within one run. */
  readonly #prefix = randomBytes(4).toString('hex');
  readonly #clock: NodeJS.Timeout;
  #seq = 0;

  constructor(options: RouterOptions) {
    this.#options = options;
    // One clock for all is far cheaper than a timer for each.
    const everyMs = Math.min(1000, Math.max(10, options.requestTimeoutMs / 4));
    this.#clock = setInterval(() => this.#expire(), everyMs).unref();
    this.#parked = new ParkedTable({ ttlMs: options.answerTimeoutMs, max: options.maxParked });
    this.#shared = {
      requestTimeoutMs: options.requestTimeoutMs,
      parked: this.#parked,
      onEnd: (exchange, outcome) => {
        this.#exchanges.delete(exchange);
        options.onEnd?.(exchange, outcome);
      },
    };
  }

  /** The open exchanges, parked ones among them. */
  get exchanges(): ReadonlySet<Exchange> {
    return this.#exchanges;
  }

  get parked(): number {
    return this.#parked.size;
  }

  open(opening: Opening): Exchange {
    const resumed = opening.scope.era === 'modern' ? this.#parked.take(opening) : undefined;
    if (resumed !== undefined) {
      resumed.resume(opening);
      return resumed;
    }
    const id = `${this.#prefix}-${++this.#seq}`;
    const { carry } = this.#options;
    const carried = carry === undefined ? opening : { ...opening, params: carry(id, opening) };
    const exchange = new RoutedExchange(id, carried, this.#shared);
    this.#exchanges.add(exchange);
    this.#options.onOpen?.(exchange);
    exchange.start();
    return exchange;
  }

  parkedSlot(requestState: unknown): Slot | undefined {
    return this.#parked.peek(requestState)?.slot;
  }

  cancel(exchange: Exchange, reason?: string): void {
    (exchange as RoutedExchange).cancel(reason);
  }

  #expire(): void {
    const now = performance.now();
    for (const exchange of this.#exchanges) exchange.expire(now);
  }

  /** Nobody is to come back any more. */
  close(): void {
    clearInterval(this.#clock);
    for (const exchange of this.#exchanges) exchange.cancel('Switchboard is shutting down');
    this.#parked.clear();
  }
}
