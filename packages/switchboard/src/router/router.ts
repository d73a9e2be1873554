/** Carries exchanges: finds the member that serves each, keeps time, and knows at every moment which are open. */
import { randomBytes } from 'node:crypto';

import type { Exchange, Exchanges, Opening, Outcome } from './exchange.ts';
import { ParkedTable } from './parked.ts';
import { RoutedExchange } from './routed-exchange.ts';

export interface RouterOptions {
  /** How long an exchange may go without an answer or a progress note, in ms. */
  requestTimeoutMs: number;
  /** How long a modern client may take to come back with the answer to a question, in ms. */
  answerTimeoutMs: number;
  /** How many exchanges may wait for such an answer. */
  maxParked: number;
  onOpen?(exchange: Exchange): void;
  onEnd?(exchange: Exchange, outcome: Outcome | 'cancelled'): void;
}

export class Router implements Exchanges {
  readonly #options: RouterOptions;
  readonly #exchanges: Set<RoutedExchange> = new Set();
  readonly #parked: ParkedTable<RoutedExchange>;
  /** Ids are unguessable across restarts and cheap within one run. */
  readonly #prefix = randomBytes(4).toString('hex');
  #seq = 0;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#parked = new ParkedTable({ ttlMs: options.answerTimeoutMs, max: options.maxParked });
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
    const { requestTimeoutMs, onOpen, onEnd } = this.#options;
    const exchange = new RoutedExchange(`${this.#prefix}-${++this.#seq}`, opening, {
      requestTimeoutMs,
      parked: this.#parked,
      onEnd: (outcome) => {
        this.#exchanges.delete(exchange);
        onEnd?.(exchange, outcome);
      },
    });
    this.#exchanges.add(exchange);
    onOpen?.(exchange);
    exchange.start();
    return exchange;
  }

  cancel(exchange: Exchange, reason?: string): void {
    (exchange as RoutedExchange).cancel(reason);
  }

  /** Nobody is to come back any more. */
  close(): void {
    for (const exchange of this.#exchanges) exchange.cancel('Switchboard is shutting down');
    this.#parked.clear();
  }
}
