/** A part of an exchange that is served elsewhere or under another name: what comes of it goes through the exchange it is part of. */
import type { Timeline } from '../observe/timeline.ts';
import type { JsonObject, RpcError, RpcNotification } from '../protocol/jsonrpc.ts';
import { owned } from '../util/owned.ts';
import { MAX_REOPENED } from './exchange.ts';
import type { Exchange, Outcome, Question, Reached, Scope, Slot } from './exchange.ts';

export interface SubExchangeOptions {
  /** @default the parent's */
  method?: string;
  /** @default the parent's */
  params?: JsonObject | undefined;
  /** Takes the outcome. @default the parent's `settle` */
  settle?: (outcome: Outcome) => void;
  /** Takes the notifications. @default the parent's `notify` */
  notify?: (notification: RpcNotification) => void;
  /** Whether its progress is kept from the client, as one of several parts. @default false */
  quiet?: boolean;
}

export class SubExchange implements Exchange {
  readonly parent: Exchange;
  readonly method: string;
  sentAs: number = 0;
  readonly #options: SubExchangeOptions;
  readonly #endListeners: (() => void)[] = [];
  #ended = false;
  #reopen: (() => void) | undefined;
  #reopened = 0;

  constructor(parent: Exchange, options: SubExchangeOptions) {
    this.parent = parent;
    this.method = options.method ?? parent.method;
    this.#options = options;
    parent.onEnd(() => this.#end());
  }

  get id(): string {
    return this.parent.id;
  }

  get startedAt(): number {
    return this.parent.startedAt;
  }

  get scope(): Scope {
    return this.parent.scope;
  }

  get slot(): Slot {
    return this.parent.slot;
  }

  get params(): JsonObject | undefined {
    return 'params' in this.#options ? this.#options.params : this.parent.params;
  }

  get wantsProgress(): boolean {
    return this.parent.wantsProgress;
  }

  get settled(): boolean {
    return this.#ended;
  }

  get reached(): Reached | undefined {
    return this.parent.reached;
  }

  /** One of several parts says nothing of the whole. */
  get times(): Timeline | undefined {
    return this.#options.quiet === true ? undefined : this.parent.times;
  }

  get parked(): boolean {
    return this.parent.parked;
  }

  progress(params: JsonObject): void {
    if (!this.#ended && this.#options.quiet !== true) this.parent.progress(params);
  }

  notify(notification: RpcNotification): void {
    if (this.#ended) return;
    if (this.#options.notify === undefined) this.parent.notify(notification);
    else this.#options.notify(notification);
  }

  /** Only the first call counts. Where whoever takes the outcome throws, it looked like an answer and is none: that is the outcome then. */
  settle(outcome: Outcome): void {
    if (this.#ended) return;
    const { settle = (last) => this.parent.settle(last) } = this.#options;
    owned(
      () => settle(outcome),
      (thrown) => {
        const failed = { error: this.report(thrown) };
        owned(
          () => settle(failed),
          () => this.parent.settle(failed),
        );
      },
    );
    this.#end();
  }

  run(work: () => unknown): void {
    owned(work, (thrown) => this.settle({ error: this.report(thrown) }));
  }

  report(thrown: unknown): RpcError {
    return this.parent.report(thrown);
  }

  /** Where it is served otherwise than its parent: what serves it once more. */
  onReopen(reopen: () => void): void {
    this.#reopen = reopen;
  }

  reopen(): boolean {
    if (this.#ended) return false;
    if (this.#reopen === undefined) return this.parent.reopen();
    if (this.#reopened >= MAX_REOPENED) return false;
    this.#reopened++;
    this.#reopen();
    return true;
  }

  ask(question: Question, signal?: AbortSignal): Promise<Outcome> {
    return this.parent.ask(question, signal);
  }

  onEnd(listener: () => void): void {
    if (this.#ended) listener();
    else this.#endListeners.push(listener);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const listener of this.#endListeners.splice(0)) owned(listener, (thrown) => this.report(thrown));
  }
}
