/**
 * A modern client's `subscriptions/listen` on a legacy server: a caller like a legacy session, which hears what it asked for and
 * nothing else.
 */
import { META } from '../protocol/eras.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { isObject, notification } from '../protocol/jsonrpc.ts';
import type { JsonObject, RpcNotification } from '../protocol/jsonrpc.ts';
import type { Caller, Exchange, Outcome, Question, Scope } from '../router/exchange.ts';

/** The filter's keys and the notifications that they let through (MCP 2026-07-28, "Subscriptions"). */
const KINDS: ReadonlyMap<string, { method: string; capability: string }> = new Map([
  ['toolsListChanged', { method: 'notifications/tools/list_changed', capability: 'tools' }],
  ['promptsListChanged', { method: 'notifications/prompts/list_changed', capability: 'prompts' }],
  ['resourcesListChanged', { method: 'notifications/resources/list_changed', capability: 'resources' }],
]);

const MAX_HELD = 100;

export class SubscriptionCaller implements Caller {
  readonly scope: Scope;
  readonly #exchange: Exchange;
  readonly #methods: Set<string> = new Set();
  /** What came before the acknowledgement, which is the first thing that a listening client hears. */
  #held: RpcNotification[] | undefined = [];

  constructor(exchange: Exchange) {
    this.scope = exchange.scope;
    this.#exchange = exchange;
  }

  /** Tells the client what it will hear: what it asked for, as far as the server can tell it. */
  acknowledge(filter: JsonObject, capabilities: JsonObject, uris: readonly string[]): void {
    const honored: JsonObject = {};
    for (const [key, { method, capability }] of KINDS) {
      const able = capabilities[capability];
      if (filter[key] !== true || !isObject(able) || able['listChanged'] !== true) continue;
      honored[key] = true;
      this.#methods.add(method);
    }
    if (uris.length > 0) honored['resourceSubscriptions'] = uris;
    this.#methods.add('notifications/resources/updated');
    this.#exchange.notify(
      notification('notifications/subscriptions/acknowledged', { notifications: honored, _meta: TAG }),
    );
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const note of held) this.notify(note);
  }

  notify(note: RpcNotification): void {
    if (this.#held !== undefined) {
      if (this.#held.length < MAX_HELD) this.#held.push(note);
      return;
    }
    if (this.#methods.has(note.method))
      this.#exchange.notify(notification(note.method, { ...note.params, _meta: TAG }));
  }

  end(): void {
    this.#exchange.settle({ result: { resultType: 'complete', _meta: TAG } });
  }

  ask({ method }: Question): Promise<Outcome> {
    const detail = `${method}: a listening client cannot be asked`;
    return Promise.resolve({ error: new SwitchboardError('SWB_METHOD_NOT_FOUND', { detail }).toRpc() });
  }
}

/** The caller's side puts the client's own id there. */
const TAG = { [META.subscriptionId]: '' };

/** The resources that a filter names. */
export function urisOf(filter: JsonObject): string[] {
  const uris = filter['resourceSubscriptions'];
  return Array.isArray(uris) ? uris.filter((uri): uri is string => typeof uri === 'string') : [];
}
