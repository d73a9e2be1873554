/**
 * What legacy sessions hear from a modern server: one `subscriptions/listen` for all of them, replaced by a larger or smaller
 * one when what they watch changes. The new one is acknowledged before the old one ends, so that nothing falls between.
 */
import { SwitchboardError } from '../protocol/errors.ts';
import { META, metaOf } from '../protocol/eras.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject, RpcNotification } from '../protocol/jsonrpc.ts';
import { omit } from '../util/omit.ts';
import type { Outcome } from '../router/exchange.ts';
import type { Wire } from './wire.ts';

const ACKNOWLEDGE_TIMEOUT_MS = 30_000;

export interface HubOptions {
  wire: Wire;
  /** The server's capabilities: it is asked only for what it can tell. */
  capabilities: JsonObject;
  /** The envelope's `_meta`. */
  meta: JsonObject;
  /** Told every change, without the tag of the listen that brought it. */
  deliver(note: RpcNotification): void;
}

export class Hub {
  readonly #options: HubOptions;
  #current: number | undefined;
  #started = false;
  #closed = false;

  constructor(options: HubOptions) {
    this.#options = options;
  }

  get started(): boolean {
    return this.#started;
  }

  /** Nothing more is delivered. */
  close(): void {
    this.#closed = true;
    if (this.#current !== undefined) this.#options.wire.hush(this.#current);
    this.#current = undefined;
  }

  /**
   * Listens for the changes of the lists and of these resources. Never rejects; the outcome is an error when the server does
   * not take it, or leaves out a resource, and then the former listen stays.
   */
  async listen(uris: readonly string[]): Promise<Outcome> {
    this.#started = true;
    if (this.#closed) return { result: {} };
    const { wire, capabilities, meta, deliver } = this.#options;
    const wants = (kind: string): boolean => isObject(capabilities[kind]) && capabilities[kind]['listChanged'] === true;
    const notifications: JsonObject = {
      ...(wants('tools') && { toolsListChanged: true }),
      ...(wants('prompts') && { promptsListChanged: true }),
      ...(wants('resources') && { resourcesListChanged: true }),
      ...(uris.length > 0 && { resourceSubscriptions: [...uris] }),
    };
    if (Object.keys(notifications).length === 0) return { result: {} };

    let id: number | undefined;
    const outcome = await new Promise<Outcome>((resolve) => {
      const timer = setTimeout(() => {
        const detail = `subscriptions/listen after ${ACKNOWLEDGE_TIMEOUT_MS} ms`;
        resolve({ error: new SwitchboardError('SWB_TIMEOUT', { detail }).toRpc() });
      }, ACKNOWLEDGE_TIMEOUT_MS);
      id = wire.listen(
        'subscriptions/listen',
        { notifications, _meta: meta },
        {
          notify: (note) => {
            if (note.method !== 'notifications/subscriptions/acknowledged') {
              deliver(untagged(note));
              return;
            }
            clearTimeout(timer);
            resolve(checkAcknowledged(note, uris));
          },
          settle: (ended) => {
            clearTimeout(timer);
            if (this.#current === id) this.#current = undefined;
            resolve('error' in ended ? ended : { result: {} });
          },
        },
      );
    });
    if (id === undefined) return outcome;
    if ('error' in outcome || this.#closed) wire.hush(id);
    else {
      const former = this.#current;
      this.#current = id;
      if (former !== undefined) wire.hush(former);
    }
    return outcome;
  }
}

function checkAcknowledged({ params }: RpcNotification, uris: readonly string[]): Outcome {
  const honored = isObject(params?.['notifications']) ? params['notifications']['resourceSubscriptions'] : undefined;
  const taken = new Set(Array.isArray(honored) ? honored : []);
  const refused = uris.filter((uri) => !taken.has(uri));
  if (refused.length === 0) return { result: {} };
  const detail = `the server does not tell of changes of ${refused.join(', ')}`;
  return { error: new SwitchboardError('SWB_INVALID_PARAMS', { detail }).toRpc() };
}

function untagged({ jsonrpc, method, params }: RpcNotification): RpcNotification {
  const meta = omit(metaOf(params) ?? {}, META.subscriptionId);
  const rest = omit(params ?? {}, '_meta');
  const kept = Object.keys(meta).length > 0 ? { ...rest, _meta: meta } : rest;
  return Object.keys(kept).length > 0 ? { jsonrpc, method, params: kept } : { jsonrpc, method };
}
