/** Carries exchanges: finds the member that serves each, keeps time, and knows at every moment which are open. */
import { randomBytes } from 'node:crypto';

import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import type { JsonObject, RpcNotification } from '../protocol/jsonrpc.ts';
import type { Exchange, Exchanges, Leg, Member, Opening, Outcome, Scope } from './exchange.ts';

export interface RouterOptions {
  /** How long an exchange may go without an answer or a progress note, in ms. */
  requestTimeoutMs: number;
  onOpen?(exchange: Exchange): void;
  onEnd?(exchange: Exchange, outcome: Outcome | 'cancelled'): void;
}

export class Router implements Exchanges {
  readonly #options: RouterOptions;
  readonly #exchanges: Set<RoutedExchange> = new Set();
  /** Ids are unguessable across restarts and cheap within one run. */
  readonly #prefix = randomBytes(4).toString('hex');
  #seq = 0;

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /** The open exchanges. */
  get exchanges(): ReadonlySet<Exchange> {
    return this.#exchanges;
  }

  /** Opens an exchange; `opening.leg` hears of it, the first time before or after this returns. */
  open(opening: Opening): Exchange {
    const exchange = new RoutedExchange(`${this.#prefix}-${++this.#seq}`, opening, this.#options, (outcome) => {
      this.#exchanges.delete(exchange);
      this.#options.onEnd?.(exchange, outcome);
    });
    this.#exchanges.add(exchange);
    this.#options.onOpen?.(exchange);
    exchange.start();
    return exchange;
  }

  cancel(exchange: Exchange, reason?: string): void {
    (exchange as RoutedExchange).cancel(reason);
  }
}

class RoutedExchange implements Exchange {
  readonly id: string;
  readonly scope: Scope;
  readonly method: string;
  readonly params: JsonObject | undefined;
  readonly wantsProgress: boolean;
  readonly #leg: Leg;
  readonly #opening: Opening;
  readonly #onEnd: (outcome: Outcome | 'cancelled') => void;
  readonly #deadline: NodeJS.Timeout | undefined;
  #member: Member | undefined;
  #settled = false;
  #justProgressed = false;

  constructor(
    id: string,
    opening: Opening,
    { requestTimeoutMs }: RouterOptions,
    onEnd: (outcome: Outcome | 'cancelled') => void,
  ) {
    this.id = id;
    this.scope = opening.scope;
    this.method = opening.method;
    this.params = opening.params;
    this.wantsProgress = opening.wantsProgress;
    this.#leg = opening.leg;
    this.#opening = opening;
    this.#onEnd = onEnd;
    if (opening.endless !== true) this.#deadline = setTimeout(() => this.#expire(requestTimeoutMs), requestTimeoutMs);
  }

  get settled(): boolean {
    return this.#settled;
  }

  start(): void {
    try {
      const member = this.#opening.slot.member();
      if (member instanceof Promise)
        member.then(
          (ready) => this.#serve(ready),
          (error) => this.#fail(error),
        );
      else this.#serve(member);
    } catch (error) {
      this.#fail(error);
    }
  }

  progress(params: JsonObject): void {
    if (this.#settled) return;
    this.#deadline?.refresh();
    if (!this.#justProgressed) {
      this.#justProgressed = true;
      setImmediate(() => (this.#justProgressed = false));
    }
    this.#leg.progress(params);
  }

  notify(notification: RpcNotification): void {
    if (!this.#settled) this.#leg.notify(notification);
  }

  settle(outcome: Outcome): void {
    if (!this.#end(outcome)) return;
    // Clients of the official SDK lose a progress note that they read in the same turn as the answer; one turn of the event
    // loop between the two writes keeps them apart.
    if (this.#justProgressed) setImmediate(() => this.#leg.settle(outcome));
    else this.#leg.settle(outcome);
  }

  cancel(reason?: string): void {
    if (this.#end('cancelled')) this.#member?.cancel(this, reason);
  }

  #serve(member: Member): void {
    if (this.#settled) return;
    this.#member = member;
    member.open(this);
  }

  #fail(error: unknown): void {
    this.settle({ error: asSwitchboardError(error).toRpc() });
  }

  #expire(afterMs: number): void {
    const detail = `${this.method} went ${afterMs} ms without an answer or progress`;
    this.#member?.cancel(this, 'timed out');
    this.settle({ error: new SwitchboardError('SWB_TIMEOUT', { detail }).toRpc() });
  }

  #end(outcome: Outcome | 'cancelled'): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    clearTimeout(this.#deadline);
    this.#onEnd(outcome);
    return true;
  }
}
