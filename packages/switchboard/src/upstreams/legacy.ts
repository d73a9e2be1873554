/**
 * A member that speaks the legacy era: it was initialized once, it may ask its client questions at any time, and what it says
 * to the session names no request. So a question or a log message reaches a caller only where one session has the member for
 * itself; what cannot be attributed is not delivered.
 */
import { completeResult, discoverFromInitialize, modernError, stripEnvelope } from '../protocol/translate.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { failure, isObject, notification, result } from '../protocol/jsonrpc.ts';
import type { JsonObject, RpcId, RpcNotification, RpcRequest } from '../protocol/jsonrpc.ts';
import type { Audience, Caller, Exchange, Member, Outcome } from '../router/exchange.ts';
import type { Wire } from './wire.ts';

/** Methods whose meaning is bound to one session; a member that several share must not be given them. */
const SESSION_METHODS = /^(logging\/setLevel$|tasks\/)/;
const SUBSCRIBE_TIMEOUT_MS = 30_000;

export interface LegacyMemberOptions {
  wire: Wire;
  /** The server's `InitializeResult`. */
  hello: JsonObject;
  audience: Audience;
  onGone(reason: string): void;
}

export class LegacyMember implements Member {
  readonly era = 'legacy';
  readonly version: string;
  readonly hello: JsonObject;
  readonly #wire: Wire;
  readonly #audience: Audience;
  readonly #questions: Map<RpcId, AbortController> = new Map();

  constructor({ wire, hello, audience, onGone }: LegacyMemberOptions) {
    this.#wire = wire;
    this.#audience = audience;
    this.hello = hello;
    this.version = String(hello['protocolVersion']);
    wire.channel.setProtocolVersion?.(this.version);
    wire.attach('legacy', {
      onRequest: (request) => void this.#answer(request),
      onNotification: (note) => this.#note(note),
      onGone: (reason) => {
        for (const question of this.#questions.values()) question.abort();
        onGone(reason);
      },
    });
  }

  get inFlight(): number {
    return this.#wire.inFlight;
  }

  open(exchange: Exchange): void {
    if (exchange.scope.era === 'modern') this.#openModern(exchange);
    else this.#openLegacy(exchange);
  }

  #openLegacy(exchange: Exchange): void {
    const { method, params } = exchange;
    if (!this.#audience.exclusive && method === 'logging/setLevel') {
      // The capability was not declared. Who asks all the same is not refused: no message could be attributed to it anyway.
      exchange.settle({ result: {} });
    } else if (!this.#audience.exclusive && SESSION_METHODS.test(method)) {
      const detail = `${method} needs a session of its own, and this upstream is shared; serve it with isolation "session"`;
      exchange.settle({ error: new SwitchboardError('SWB_METHOD_NOT_FOUND', { detail }).toRpc() });
    } else if (method === 'resources/subscribe' || method === 'resources/unsubscribe') {
      void this.#changeSubscription(exchange, params);
    } else {
      this.#wire.open(exchange, params);
    }
  }

  #openModern(exchange: Exchange): void {
    const { method } = exchange;
    if (method === 'server/discover') {
      exchange.settle({ result: discoverFromInitialize(this.hello) });
    } else if (method === 'subscriptions/listen' || SESSION_METHODS.test(method)) {
      exchange.settle({ error: new SwitchboardError('SWB_METHOD_NOT_FOUND', { detail: method }).toRpc() });
    } else {
      const serverInfo = this.hello['serverInfo'] as JsonObject | undefined;
      this.#wire.open(exchange, stripEnvelope(exchange.params), (outcome) =>
        'result' in outcome
          ? { result: completeResult(method, outcome.result, serverInfo) }
          : { error: modernError(outcome.error) },
      );
    }
  }

  cancel(exchange: Exchange, reason?: string): void {
    this.#wire.cancel(exchange, reason);
  }

  notify(note: RpcNotification): void {
    this.#wire.send(note);
  }

  /** Takes up what the callers had with the member before this one. */
  async restore(): Promise<void> {
    for (const uri of this.#audience.watched) {
      // A resource that is gone is no reason to fail: its watchers just hear nothing.
      await this.#wire.call('resources/subscribe', { uri }, SUBSCRIBE_TIMEOUT_MS);
    }
    for (const kind of ['tools', 'prompts', 'resources']) {
      const capability = (this.hello['capabilities'] as JsonObject | undefined)?.[kind];
      if (!isObject(capability) || capability['listChanged'] !== true) continue;
      this.#tellAll(notification(`notifications/${kind}/list_changed`));
    }
  }

  leave(caller: Caller): void {
    this.#audience.leave(caller, (uri) => {
      void this.#wire.call('resources/unsubscribe', { uri }, SUBSCRIBE_TIMEOUT_MS);
    });
  }

  close(): void {
    this.#wire.channel.close();
  }

  async #changeSubscription(exchange: Exchange, params: JsonObject | undefined): Promise<void> {
    const caller = [...this.#audience.callers].find((each) => each.scope === exchange.scope);
    const uri = params?.['uri'];
    if (caller === undefined || typeof uri !== 'string') {
      this.#wire.open(exchange, params);
      return;
    }
    const send = (): Promise<Outcome> => this.#wire.call(exchange.method, params, SUBSCRIBE_TIMEOUT_MS);
    const change = exchange.method === 'resources/subscribe' ? 'watch' : 'unwatch';
    exchange.settle(await this.#audience[change](caller, uri, send));
  }

  #note(note: RpcNotification): void {
    const { method, params } = note;
    if (method === 'notifications/cancelled') {
      this.#questions.get(params?.['requestId'] as RpcId)?.abort();
    } else if (method === 'notifications/resources/updated') {
      const uri = params?.['uri'];
      // An owner of the whole may be told of a part (MCP 2025-11-25, Resources, "Subscriptions").
      const watchers = new Set(this.#audience.watchers(String(uri)));
      if (watchers.size === 0 && this.#audience.exclusive) this.#tellAll(note);
      else for (const caller of watchers) caller.notify(note);
    } else if (method.endsWith('/list_changed') || this.#audience.exclusive) {
      this.#tellAll(note);
    }
  }

  #tellAll(note: RpcNotification): void {
    for (const caller of this.#audience.callers) caller.notify(note);
  }

  async #answer(request: RpcRequest): Promise<void> {
    const { id, method, params } = request;
    if (method === 'ping') {
      this.#wire.send(result(id, {}));
      return;
    }
    const [owner] = this.#audience.exclusive ? this.#audience.callers : [];
    if (owner === undefined) {
      const detail = `${method}: no client can be asked here`;
      this.#wire.send(failure(id, new SwitchboardError('SWB_METHOD_NOT_FOUND', { detail }).toRpc()));
      return;
    }
    const withdrawn = new AbortController();
    this.#questions.set(id, withdrawn);
    const outcome = await owner.ask(params === undefined ? { method } : { method, params }, withdrawn.signal);
    this.#questions.delete(id);
    if (withdrawn.signal.aborted) return;
    this.#wire.send('result' in outcome ? result(id, outcome.result) : failure(id, outcome.error));
  }
}
