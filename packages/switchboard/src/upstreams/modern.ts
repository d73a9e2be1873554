/**
 * A member that speaks the modern era: every request carries who asks, and the server sends nothing that belongs to no request.
 * That makes one member safe for everybody; the only thing without an address is a log message, see {@link ModernMember}.
 */
import { addEnvelope, plainOutcome } from '../protocol/translate.ts';
import { LATEST_MODERN, META, metaOf } from '../protocol/eras.ts';
import type { JsonObject, RpcNotification } from '../protocol/jsonrpc.ts';
import type { Audience, Caller, Exchange, Member } from '../router/exchange.ts';
import type { Wire } from './wire.ts';

export interface ModernMemberOptions {
  wire: Wire;
  /** The server's `DiscoverResult`. */
  hello: JsonObject;
  audience: Audience;
  onGone(reason: string): void;
}

export class ModernMember implements Member {
  readonly era = 'modern';
  readonly version: string = LATEST_MODERN;
  readonly hello: JsonObject;
  readonly #wire: Wire;
  readonly #audience: Audience;

  constructor({ wire, hello, audience, onGone }: ModernMemberOptions) {
    this.#wire = wire;
    this.#audience = audience;
    this.hello = hello;
    wire.attach('modern', {
      // A modern server asks nothing; whatever this is, nobody is there for it (MCP 2026-07-28, Transports).
      onRequest: () => {},
      onNotification: (note) => this.#note(note),
      onGone,
    });
  }

  get inFlight(): number {
    return this.#wire.inFlight;
  }

  open(exchange: Exchange): void {
    const { scope, params } = exchange;
    if (scope.era === 'modern') {
      this.#wire.open(exchange, params);
      return;
    }
    this.#wire.open(exchange, addEnvelope(params, { ...scope, version: this.version }), (outcome) =>
      'result' in outcome ? plainOutcome(outcome.result) : outcome,
    );
  }

  cancel(exchange: Exchange, reason?: string): void {
    this.#wire.cancel(exchange, reason);
  }

  notify(_note: RpcNotification): void {
    // A session's notifications (`initialized`, `roots/list_changed`) have no counterpart in the modern era.
  }

  leave(caller: Caller): void {
    this.#audience.leave(caller, () => {});
  }

  close(): void {
    this.#wire.channel.close();
  }

  #note(note: RpcNotification): void {
    const { method, params } = note;
    if (method === 'notifications/message') {
      this.#log(note);
      return;
    }
    if (method === 'notifications/cancelled') {
      // The server ends a listen.
      this.#wire.byId(params?.['requestId'])?.settle({ result: { resultType: 'complete' } });
      return;
    }
    const subscriptionId = metaOf(params)?.[META.subscriptionId];
    this.#wire.byId(Number(subscriptionId))?.notify?.(note);
  }

  /**
   * A log message names no request. It belongs for certain to somebody only when exactly one open request asked for logs;
   * otherwise it is not delivered.
   */
  #log(note: RpcNotification): void {
    const [only, ...others] = [...this.#wire.exchanges].filter(({ scope }) => scope.logLevel !== undefined);
    if (only !== undefined && others.length === 0) only.notify(note);
  }
}
